"""How the answer follows one column, drawn from the tables `effects` and `ice`."""

import numpy as np
import pandas as pd

from analyzers.core.chart import Chart
from analyzers.core.result import Measurements
from analyzers.explanation.chart_words import asked_output_of, interval_bars, is_filled, slug
from analyzers.toolkit.plots import INK, PALETTE, figure, plain

LINES_DRAWN = 30
_FAINT = "rgba(107, 114, 128, 0.35)"


def effect_chart(measurements: Measurements, feature: str, row: int | None = None) -> Chart | None:
    """Draw what the model answers as one column takes other values.

    Args:
        measurements: of this analyzer.
        feature: one of `tried_features`.
        row: number in the file of the row whose own line stands out; None for the shown one.

    Returns:
        Curves for a number, points with intervals for a category; None where it was not tried.
    """
    if not is_filled(measurements, "effects"):
        return None
    table = measurements.tables["effects"].to_pandas()
    table = table[table["feature"] == feature]
    if table.empty:
        return None
    mean = table[table["kind"] == "partial dependence"]
    local = table[table["kind"] == "accumulated local effects"]
    name, output = plain(feature, longest=40), asked_output_of(measurements)
    n = int(mean["n"].max())
    is_number = bool(mean["number"].notna().all())
    if is_number:
        traces = [*_single(measurements, feature, row), _curve(mean, "mean of all rows", 0)]
    else:
        traces = [
            {
                "type": "scatter",
                "mode": "markers",
                "name": "mean of all rows",
                "x": [plain(value, longest=30) for value in mean["value"]],
                "y": mean["effect"].to_numpy(),
                "error_y": interval_bars(mean, "effect"),
                "marker": {"size": 9, "color": PALETTE[0]},
            }
        ]
    words = ""
    if len(local):
        lifted = local.assign(
            **{end: local[end] + mean["effect"].mean() for end in ("effect", "low", "high")}
        )
        traces.append(_curve(lifted, "accumulated local effects", 1))
        words = (
            " Grey: single rows. The dashed curve only moves rows to values near their own, and is "
            "lifted to the mean of the other; where the two part, other columns move along."
        )
        if output.startswith("probability") and not lifted["effect"].between(0, 1).all():
            words += " It adds up differences and is no probability itself, so it may leave 0 to 1."
    if is_number and row is not None and row not in set(_tried_rows(measurements, feature)):
        words += f" Row {row:,} is not among the rows tried, so it has no line of its own."
    low, high = mean["effect"].min(), mean["effect"].max()
    return Chart(
        name=f"effect_{slug(feature)}",
        title=f"As {name} varies, the mean answer runs from {low:.3g} to {high:.3g}",
        caption=f"Mean {output} over {n:,} rows, each given every shown value of {name}, with "
        f"95 % intervals over rows.{words}",
        alt=f"Partial dependence of the {output} on {name}, from {low:.3g} to {high:.3g}.",
        table="effects",
        figure=figure(traces, x=name, y=output, showlegend=is_number),
    )


def _tried_rows(measurements: Measurements, feature: str) -> list[int]:
    """Rows with a line of their own, the shown one first."""
    table = measurements.tables["ice"].to_pandas()
    return list(dict.fromkeys(table.loc[table["feature"] == feature, "row"]))


def tried_features(measurements: Measurements) -> list[str]:
    """Columns whose values were tried, from most to least important."""
    if not is_filled(measurements, "effects"):
        return []
    return list(dict.fromkeys(measurements.tables["effects"]["feature"].to_pylist()))


def _curve(table: pd.DataFrame, label: str, at: int) -> dict[str, object]:
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": label,
        "x": table["number"].to_numpy(),
        "y": table["effect"].to_numpy(),
        "error_y": interval_bars(table, "effect"),
        "line": {"color": PALETTE[at], "dash": "dash" if at else "solid"},
        "marker": {"size": 5},
    }


def _single(measurements: Measurements, feature: str, row: int | None) -> list[dict[str, object]]:
    table = measurements.tables["ice"].to_pandas()
    table = table[table["feature"] == feature]
    shown = measurements.facts.get("shown_row") if row is None else row
    # As many lines as an eye can hold apart, the row's own among them wherever it was tried.
    kept = _tried_rows(measurements, feature)[:LINES_DRAWN]
    table = table[table["row"].isin([*kept, shown])]
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "name": f"row {row:,}",
            "showlegend": row == shown,
            "x": part["number"].to_numpy(dtype=np.float64),
            "y": part["output"].to_numpy(),
            "line": {"color": INK if row == shown else _FAINT, "width": 2 if row == shown else 1},
            "hovertemplate": f"row {row}: %{{y:.3g}}<extra></extra>",
        }
        for row, part in table.groupby("row", sort=False)
    ]
