"""Another way to decide: measured beside the model, and taken away as a file."""

from functools import partial

import pyarrow.compute as pc
import streamlit as st

from analyzers.fairness.beside_model import beside_model, proposals_of
from analyzers.fairness.saving import downloads
from analyzers.toolkit.export import file_stem, table_csv
from analyzers.toolkit.markup import shown as tamed
from dashboard.analysis_page import Shown
from dashboard.components.words import as_text


def saved_decisions(shown: Shown) -> None:
    """Choose a decision, see all its numbers beside the model's, and save it."""
    proposals = proposals_of(shown.measurements)
    if not proposals:
        return
    area = shown.analyzer.name
    left, right = st.columns([1, 3])
    attribute = left.selectbox(
        "Made alike by", list(proposals), format_func=tamed, key=f"{area}-saved-attribute"
    )
    name = right.selectbox(
        "Other decision", proposals[attribute], format_func=tamed, key=f"{area}-saved-name"
    )
    st.dataframe(
        beside_model(shown.measurements, attribute, name),
        hide_index=True,
        height=260,
        alt="Every metric of the model's decisions and of the other one's, with intervals.",
    )
    st.caption(
        "Now is the model, Then the other decision, on the same rows; low and high are 95 % "
        "intervals. Thresholds were measured by halves: chosen on one, applied to the other. The "
        "saved ones are chosen on all rows, so a few decisions differ."
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        _files(shown, attribute, name)


def _files(shown: Shown, attribute: str, name: str) -> None:
    area, reasons = shown.analyzer.name, []
    for item in downloads(shown.measurements):
        if (item.attribute, item.mitigation) != (attribute, name):
            continue
        if item.reason:
            reasons.append(item.reason)
            continue
        st.download_button(
            item.label,
            data=item.build,
            file_name=f"{file_stem('assay', attribute, name)}{item.ending}",
            mime="application/json" if item.ending == ".json" else "application/octet-stream",
            on_click="ignore",
            icon=":material/save:",
            key=f"{area}-saved-{file_stem(item.label)}",
            help=item.note,
        )
    decided = shown.measurements.tables["mitigated_decisions"]
    mine = decided.filter(
        pc.and_(pc.equal(decided["attribute"], attribute), pc.equal(decided["mitigation"], name))
    )
    st.download_button(
        "Decisions (CSV)",
        data=partial(table_csv, mine),
        file_name=f"{file_stem('assay', attribute, name)}.csv",
        mime="text/csv",
        on_click="ignore",
        icon=":material/save:",
        key=f"{area}-saved-decisions",
        help=f"One line for each of {mine.num_rows:,} rows: as measured, as the model decides, and "
        "as the saved file decides.",
    )
    for reason in dict.fromkeys(reasons):
        st.caption(as_text(reason))
