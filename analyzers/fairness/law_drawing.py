"""What laws and conventions ask to be counted, and how the groups were made."""

import numpy as np
import pandas as pd

from analyzers.core.chart import Chart
from analyzers.core.result import Measurements
from analyzers.fairness.curves_drawing import slug
from analyzers.fairness.sentences import GROUPS, LAW, joined, name_of
from analyzers.toolkit.plots import PALETTE, figure, limit_line, plain

MOST_CATEGORIES = 40
# 29 CFR 1607.4(D), rescission under way in 2026: drawn to be seen, judged only by the policy.
FOUR_FIFTHS = 0.8


def draw_law(measurements: Measurements) -> list[Chart]:
    """Draw impact ratios for every single attribute."""
    table = measurements.tables.get("impact_ratios")
    if table is None or table.num_rows == 0:
        return []
    frame = table.to_pandas()
    frame = frame[frame["impact_ratio"].notna() & ~frame["attributes"].str.contains(" × ")]
    return [
        _impact(str(attribute), rows)
        for attribute, rows in frame.groupby("attributes", sort=False)
        if (rows["kind"] == "selection rate").any()
    ]


def draw_group_sizes(measurements: Measurements) -> list[Chart]:
    """Draw how many rows every group of every attribute has."""
    table = measurements.tables.get("attributes")
    if table is None or table.num_rows == 0:
        return []
    frame = table.to_pandas()
    smallest = int(measurements.facts.get("smallest_group") or 1)
    return [
        _sizes(str(attribute), rows, smallest)
        for attribute, rows in frame.groupby("attribute", sort=False)
    ]


def _impact(attribute: str, rows: pd.DataFrame) -> Chart:
    selected = rows[rows["kind"] == "selection rate"].head(MOST_CATEGORIES)
    counted = selected[~selected["is_below_two_percent"]]
    worst = (
        counted.iloc[int(counted["impact_ratio"].argmin())] if len(counted) else selected.iloc[0]
    )
    below = counted[counted["impact_ratio"] < FOUR_FIFTHS]["category"].tolist()
    traces = []
    for place, (kind, part) in enumerate(rows.groupby("kind", sort=False)):
        mine = part.head(MOST_CATEGORIES)
        traces.append(
            {
                "type": "bar", "name": str(kind), "y": mine["impact_ratio"].to_numpy(np.float64),
                "x": [plain(name, longest=30) for name in mine["category"]],
                "marker": {"color": PALETTE[place], "pattern": {"shape": ("", "/")[place]}},
                "text": [f"n = {n:,}{' (under 2 %)' if few else ''}"
                         for n, few in zip(mine["n"], mine["is_below_two_percent"], strict=True)],
                "hovertemplate": "%{x}: %{y:.2f}, %{text}<extra></extra>", "textposition": "none",
            }
        )  # fmt: skip
    n = int(selected["n"].sum())
    sentence = (
        f"{joined([f'“{name_of(name)}”' for name in below])} "
        f"{'is' if len(below) == 1 else 'are'} selected less than four fifths as often as the most "
        "selected group."
        if below
        else "No group is selected less than four fifths as often as the most selected group."
    )
    return Chart(
        name=f"impact_{slug(attribute)}",
        title=f"Impact ratios by {plain(attribute, longest=30)}",
        sentence=sentence,
        section=LAW,
        caption=(
            f"Rate of a category over that of the highest; lowest: {worst['impact_ratio']:.2f} "
            f"for {plain(worst['category'], longest=30)}, n = {int(worst['n']):,} of {n:,} rows. "
            "New York City Local Law 144 (in force since July 2023, for hiring tools) asks for "
            "these ratios and sets no limit; categories below 2 % of rows may be left out and are "
            "not the highest here. The line at 0.8 is the four-fifths rule of thumb of US federal "
            "employment practice (29 CFR 1607.4(D)), whose rescission was under way in 2026."
        ),
        alt=f"Impact ratios of {len(selected)} categories over {n:,} rows. {sentence}",
        table="impact_ratios",
        figure=figure(
            traces, x=plain(attribute, longest=30), y="Impact ratio", barmode="group",
            yaxis={"range": [0, 1.08]},
            shapes=[limit_line(FOUR_FIFTHS, axis="y", label="")],
        ),
    )  # fmt: skip


def _sizes(attribute: str, rows: pd.DataFrame, smallest: int) -> Chart:
    rows = rows.sort_values("level").head(MOST_CATEGORIES)
    n = int(rows["n"].sum())
    few = int((rows["n"] < smallest).sum())
    trace = {
        "type": "bar", "x": [plain(name, longest=30) for name in rows["name"]],
        "y": rows["n"].to_numpy(), "showlegend": False,
        "marker": {"color": [PALETTE[6] if size < smallest else PALETTE[0] for size in rows["n"]]},
        "hovertemplate": "%{x}: n = %{y:,}<extra></extra>",
    }  # fmt: skip
    made_by = str(rows["made_by"].iloc[0])
    return Chart(
        name=f"sizes_{slug(attribute)}",
        title=f"How many rows each group of {plain(attribute, longest=30)} has",
        sentence=f"{len(rows)} groups ({made_by}); "
        + (f"{few} with too few rows to compare." if few else "all large enough to compare."),
        section=GROUPS,
        caption=(
            f"{n:,} rows; grey groups have fewer than {smallest:,} and are shown but not compared. "
            "Rows without a value are a group of their own."
        ),
        alt=f"Sizes of {len(rows)} groups over {n:,} rows.",
        table="attributes",
        figure=figure([trace], x=plain(attribute, longest=30), y="Rows"),
    )  # fmt: skip
