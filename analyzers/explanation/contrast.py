"""Why this row and not that one: the difference of two answers, shared out over the columns.

SHAP values of both rows rest on the same background, so their differences add up to the difference
of the two answers on the explained scale, exactly as far as the values themselves add up.

References: Lundberg and Lee 2017; Miller 2019 (people ask for contrasts).
"""

import numpy as np
import pandas as pd

from analyzers.core.chart import Chart
from analyzers.core.result import Measurements
from analyzers.explanation.chart_words import amount, is_filled, output_of, waterfall
from analyzers.explanation.things import things_of
from analyzers.toolkit.plots import plain

_MOST_BARS = 15
_NO_DIFFERENCE = 5e-4


def contrast_rows(measurements: Measurements, row: int, other: int) -> pd.DataFrame:
    """Split the difference between two rows' outputs over the columns.

    Args:
        measurements: of this analyzer, with `values` or `tokens`, and `explained_rows`.
        row: number in the file of the row that is asked about.
        other: number in the file of the row it is compared with.

    Returns:
        One line for each column, largest first: feature, value, other_value, phi, other_phi and
        difference, which add up to the output of `row` less that of `other`.
    """
    is_text = is_filled(measurements, "tokens")
    parts_of = _words_of if is_text else _columns_of
    mine, theirs = (parts_of(measurements, number) for number in (row, other))
    # A text does not have the other one's words; a row without columns was not kept.
    both = mine.join(theirs.add_prefix("other_"), how="outer" if is_text else "left")
    if is_text:
        both = both.fillna({"value": "0", "other_value": "0", "phi": 0.0, "other_phi": 0.0})
    both = both.reset_index()
    both["difference"] = both["phi"] - both["other_phi"]
    order = np.argsort(-both["difference"].abs().to_numpy(), kind="stable")
    return both.iloc[order].reset_index(drop=True)


def _columns_of(measurements: Measurements, row: int) -> pd.DataFrame:
    table = measurements.tables["values"].to_pandas()
    return table[table["row"] == row].set_index("feature")[["value", "phi"]]


def _words_of(measurements: Measurements, row: int) -> pd.DataFrame:
    """Each word of a text with how often it stands there and what all of them add."""
    table = measurements.tables["tokens"].to_pandas()
    mine = table[table["row"] == row]
    grouped = mine.groupby(mine["token"].str.lower().rename("feature"))["phi"]
    return pd.DataFrame({"value": grouped.size().map(str), "phi": grouped.sum()})


def contrast_chart(measurements: Measurements, row: int, other: int) -> Chart | None:
    """Draw the way from the other row's output to this one's; None where nothing was kept."""
    is_text = is_filled(measurements, "tokens")
    if not (is_text or is_filled(measurements, "values")) or row == other:
        return None
    table = contrast_rows(measurements, row, other)
    if table.empty or table["other_phi"].isna().any():
        return None
    rows = measurements.tables["explained_rows"].to_pandas().set_index("row")
    start, end = float(rows["output"][other]), float(rows["output"][row])
    things = things_of(measurements)
    n_all = len(table) if is_text else int(measurements.facts.get("n_features") or len(table))
    if n_all > len(table):
        # The columns that were not kept one by one are among the others, whatever their sum.
        is_sum = table["feature"] == f"{n_all - len(table) + 1} other columns"
        table = pd.concat([table[~is_sum], table[is_sum]])
    first, rest = table.iloc[:_MOST_BARS], table.iloc[_MOST_BARS:]
    names = [
        f"{plain(line.feature, longest=20)}: {plain(line.value, longest=10)} / "
        f"{plain(line.other_value, longest=10)}"
        for line in first.itertuples()
    ]
    steps = first["difference"].tolist()
    if len(rest):
        names.append(f"{n_all - len(first):,} other {things.parts}")
        steps.append(float(rest["difference"].sum()))
    top, output = table.iloc[0], output_of(measurements)
    return Chart(
        name="contrast",
        title=f"Why row {row:,} gets {amount(end, output)} and row {other:,} gets "
        f"{amount(start, output)}",
        sentence=f"{plain(top['feature'], longest=40)} makes the largest difference, "
        f"{top['difference']:+.3g}; all {things.parts} together make "
        f"{_total(end - start, output)}.",
        caption=f"{'How often a word stands in' if is_text else 'Values of'} row {row:,} / row "
        f"{other:,}, and the differences of their SHAP values against the same background, "
        f"n = 2 {things.wholes}; from row {other:,} at the bottom to row "
        f"{row:,} at the top they add up to the difference of the {output_of(measurements)}.",
        alt=f"Waterfall of {len(steps)} differences from {amount(start, output)} to "
        f"{amount(end, output)}.",
        table="tokens" if is_text else "values",
        figure=waterfall(
            names[::-1], steps[::-1], [f"{step:+.3g}" for step in steps[::-1]], base=start,
            output=output, height=150 + 30 * len(steps),
        ),
    )  # fmt: skip


def _total(difference: float, output: str) -> str:
    # Two probabilities next to the same end differ by rounding errors only.
    if output.startswith("probability") and abs(difference) < _NO_DIFFERENCE:
        return "almost none, because the others outweigh it"
    return f"{difference:+.3g}"
