"""The counterfactuals of the shown row, drawn from their table."""

import pandas as pd

from analyzers.core.chart import Chart
from analyzers.core.result import Measurements
from analyzers.explanation.changing import ANOTHER
from analyzers.explanation.chart_words import is_filled
from analyzers.toolkit.plots import PALETTE, figure, plain


def draw_counterfactuals(measurements: Measurements) -> Chart | None:
    """Each feasible change of the shown row that changes the answer, smallest first."""
    if not is_filled(measurements, "counterfactuals"):
        return None
    table = measurements.tables["counterfactuals"].to_pandas()
    traces = []
    for at, (number, part) in enumerate(table.groupby("number", sort=True)):
        outcome = plain(part["predicted"].iloc[0], longest=30)
        traces.append(
            {
                "type": "bar",
                "orientation": "h",
                "name": f"change {number}: {outcome}",
                "y": [_line(line) for line in part.itertuples()],
                "x": part["step"].to_numpy(),
                "marker": {"color": PALETTE[at % len(PALETTE)]},
                "hovertemplate": "%{y}: %{x:.2f}<extra></extra>",
            }
        )
    n, row = int(table["number"].max()), int(table["row"].iloc[0])
    fewest = int(table.groupby("number").size().min())
    first = ", ".join(
        f"{plain(line.feature, longest=30)} from {plain(line.before, longest=15)} to "
        f"{plain(line.after, longest=15)}"
        for line in table[table["number"] == 1].itertuples()
    )
    goal = plain(measurements.facts.get("counterfactual_goal") or ANOTHER, longest=120)
    many = f"{n} different feasible changes, smallest first," if n > 1 else "One feasible change"
    return Chart(
        name="counterfactuals",
        title=f"Row {row:,}: changing {fewest} column{'s' if fewest > 1 else ''} {goal}",
        caption=f"{many} found by search, each checked "
        "against the model: bars are standard deviations of a number, 1 for a category. Columns "
        "marked immutable stay as they are. A smaller change may exist.",
        alt=f"Bars of {n} changes; the smallest: {first}.",
        table="counterfactuals",
        figure=figure(
            traces, x="size of the change", y="", height=150 + 30 * len(table),
            yaxis={"autorange": "reversed"},
        ),
    )  # fmt: skip


def _line(line: pd.Series) -> str:
    return (
        f"{line.number}. {plain(line.feature, longest=30)}: {plain(line.before, longest=15)} → "
        f"{plain(line.after, longest=15)}"
    )
