"""What a chart says, in one sentence for someone who decides; and where on the page it stands."""

from collections.abc import Sequence

import pandas as pd

from analyzers.core.result import Measurements
from analyzers.fairness.definitions import definition_of
from analyzers.toolkit.markup import shown

# The order in which a newcomer asks.
WHO = "1 Who gets what"
ERRORS = "2 Who is wronged"
SCORES = "3 Scores"
WHY = "4 Why"
THRESHOLDS = "5 Thresholds"
OTHERS = "6 Other decisions"
LAW = "7 Law and convention"
GROUPS = "8 The groups"
SECTIONS = (WHO, ERRORS, SCORES, WHY, THRESHOLDS, OTHERS, LAW, GROUPS)

NOTHING_TO_COMPARE = "No two groups have rows enough to be compared."
_SHARES = {
    "selection_rate": "are selected",
    "true_positive_rate": "with the favourable outcome are selected",
    "false_positive_rate": "without the favourable outcome are selected",
    "positive_predictive_value": "who are selected turn out to have the favourable outcome",
    "accuracy": "are decided as the outcome says",
}


def is_share(metric: str) -> bool:
    """Whether a metric is a share of rows, to be written in per cent."""
    return metric.endswith("_rate") or metric in _SHARES


def group_sentence(rows: pd.DataFrame, metric: str) -> str:
    """Name the two groups of one attribute that are furthest apart.

    Args:
        rows: of the table "groups", one metric.
        metric: its name.
    """
    able = rows[(rows["depth"] == 1) & ~rows["is_small"] & rows["value"].notna()]
    widest, found = 0.0, None
    for attribute, part in able.groupby("attributes", sort=False):
        top, bottom = part.iloc[int(part["value"].argmax())], part.iloc[int(part["value"].argmin())]
        gap = float(top["value"] - bottom["value"])
        if len(part) > 1 and (found is None or gap > widest):
            widest, found = gap, (str(attribute), bottom, top)
    if found is None:
        return NOTHING_TO_COMPARE
    attribute, bottom, top = found
    low, high = name_of(bottom["group"]), name_of(top["group"])
    about = f"({name_of(attribute)}, the widest gap of a single column)."
    if metric in _SHARES:
        return (
            f"{bottom['value']:.1%} of “{low}” {_SHARES[metric]}, {top['value']:.1%} of “{high}” "
            f"{about}"
        )
    number = ".1%" if is_share(metric) else ".3g"
    title = definition_of(metric).title
    return (
        f"{title} runs from {bottom['value']:{number}} for “{low}” to {top['value']:{number}} for "
        f"“{high}” {about}"
    )


def attribute_sentence(measurements: Measurements, attribute: str, metric: str) -> str:
    """The same for one attribute, read from the result; empty where the metric is not there."""
    table = measurements.tables.get("groups")
    if table is None:
        return ""
    frame = table.to_pandas()
    rows = frame[(frame["metric"] == metric) & (frame["attributes"] == attribute)]
    return group_sentence(rows, metric) if len(rows) else ""


def cell_sentence(rows: pd.DataFrame, metric: str) -> str:
    """Name the two combinations of groups that are furthest apart."""
    able = rows[~rows["is_small"] & rows["value"].notna()]
    if len(able) < 2:
        return NOTHING_TO_COMPARE
    number = ".1%" if is_share(metric) else ".3g"
    bottom, top = (able.iloc[int(able["value"].argmin())], able.iloc[int(able["value"].argmax())])
    return (
        f"Lowest for “{name_of(bottom['group'])}” ({bottom['value']:{number}}, "
        f"n = {int(bottom['n']):,}), highest for “{name_of(top['group'])}” "
        f"({top['value']:{number}}, n = {int(top['n']):,})."
    )


def difference_sentence(rows: pd.DataFrame) -> str:
    """Say how many of the differences are surely not 0, and which is surest."""
    sure = rows[rows["low"] > 0]
    if not len(sure):
        return f"None of the {len(rows)} differences is surely above 0."
    first = sure.iloc[int(sure["low"].argmax())]
    return (
        f"{len(sure)} of {len(rows)} differences are surely above 0; the surest is the "
        f"{first['metric'].replace('_', ' ')} by {name_of(first['attributes'])}, at least "
        f"{first['low']:.2g}."
    )


def joined(names: Sequence[str]) -> str:
    """Write names as a list."""
    return ", ".join(names[:-1]) + f" and {names[-1]}" if len(names) > 1 else "".join(names)


def name_of(text: object) -> str:
    """A name from data, without control characters and short."""
    return shown(text, longest=80)
