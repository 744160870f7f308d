"""Fairness: who gets what, why, what other decisions would do, and what laws ask to be counted."""

import pyarrow as pa
import pyarrow.compute as pc
import streamlit as st

from analyzers.fairness import ANALYZER, decide_at
from analyzers.fairness.definitions import DEFINITIONS
from analyzers.fairness.sentences import GROUPS, LAW, OTHERS, THRESHOLDS
from dashboard.analysis_page import Shown, show_analysis
from dashboard.components.group_editor import group_editor
from dashboard.components.saved_decisions import saved_decisions
from dashboard.components.threshold_slider import ThresholdControls

LIVE = ThresholdControls(
    decide=decide_at,
    charts=("groups_selection_rate", "disparities"),
    table="disparities",
    columns={
        "attributes": "Groups by",
        "metric": "Disparity",
        "value": "Value",
        "low": "Low (95 %)",
        "high": "High (95 %)",
        "n": "n",
        "highest": "Highest",
        "lowest": "Lowest",
    },
    where={"depth": 1},
)
RATIOS = {
    "attributes": "Groups by",
    "category": "Category",
    "kind": "Rate",
    "n": "n",
    "n_selected": "Selected",
    "rate": "Rate of the category",
    "impact_ratio": "Impact ratio",
    "is_below_two_percent": "Below 2 % of rows",
}
TESTS = {
    "attributes": "Groups by",
    "group": "Group",
    "rate": "Selection rate",
    "rate_rest": "Of everyone else",
    "value": "Difference",
    "low": "Low (95 %)",
    "high": "High (95 %)",
    "n": "n",
    "rows_concerned": "Rows concerned",
    "standard_deviations": "Standard deviations",
    "p_value": "p",
    "p_adjusted": "p, corrected",
    "test": "Test",
}


def law(shown: Shown) -> None:
    """Show the tables that laws and courts ask for."""
    ratios, tests = (shown.measurements.tables.get(n) for n in ("impact_ratios", "against_rest"))
    if ratios is None or tests is None:
        return
    _table(
        ratios,
        RATIOS,
        "The columns of New York City Local Law 144 (6 RCNY 5-301 to 5-303); the law is about "
        "tools that decide on hiring and promotion.",
    )
    _table(
        tests.filter(pc.equal(tests["metric"], "selection_rate")),
        TESTS,
        "Each group against everyone else. More than two standard deviations, or a small p of "
        "Fisher's exact test, is what US courts have taken as a sign that chance alone is unlikely "
        "(Castaneda v. Partida 1977; Hazelwood v. United States 1977). It says nothing of size.",
    )


def _table(table: pa.Table, columns: dict[str, str], caption: str) -> None:
    st.dataframe(
        table.select(list(columns)).rename_columns(list(columns.values())),
        hide_index=True,
        height=230,
        alt=caption,
    )
    st.caption(caption)


show_analysis(
    ANALYZER,
    beside={
        THRESHOLDS: LIVE.show,
        OTHERS: saved_decisions,
        LAW: law,
        GROUPS: group_editor,
    },
)

with st.expander("What each number means, and when it misleads", icon=":material/dictionary:"):
    st.dataframe(
        [
            {
                "Number": item.title,
                "How it is computed": item.formula,
                "The right one when": item.right_when,
                "It misleads when": item.misleads_when,
            }
            for item in DEFINITIONS
        ],
        hide_index=True,
        row_height=110,
        column_config={"Number": st.column_config.TextColumn(pinned=True)},
    )
