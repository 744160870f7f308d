"""Fairness, with a threshold that moves every group at once."""

import streamlit as st

from analyzers.fairness import ANALYZER, decide_at
from analyzers.fairness.definitions import DEFINITIONS
from dashboard.analysis_page import show_analysis
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

show_analysis(ANALYZER, live=LIVE.show)

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
