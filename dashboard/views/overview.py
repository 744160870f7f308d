"""Overview: every risk with its verdict, its coverage, and what was not tested."""

import streamlit as st

from analyzers.catalog import ANALYZERS
from analyzers.core.errors import AssayError
from analyzers.report.sections import overall, sections_of
from analyzers.report.verdict_page import coverage, meaning
from dashboard import engine
from dashboard.components.area_row import area_row, follow_all
from dashboard.components.subject_header import no_subject, subject_header
from dashboard.components.words import as_text, verdict_badge
from dashboard.reporting import entries_in

st.title("Overview", anchor=False)
examined = engine.subject()
if examined is None:
    no_subject()
    st.stop()

subject_header(examined)
entries = entries_in(engine.store(), examined)
sections = sections_of(entries, engine.policy(), ANALYZERS)
rating = overall(sections)
with st.container(border=True):
    with st.container(horizontal=True, wrap=False, vertical_alignment="center"):
        verdict_badge(rating.verdict)
        st.markdown(f"**{as_text(meaning(rating, sections))}**", width="stretch")
    chosen = engine.policy()
    st.caption(
        f"{as_text(coverage(rating, sections))} Limits: {as_text(chosen.title)}, version "
        f"{as_text(chosen.version)}, as of {as_text(chosen.as_of)}."
    )

still_open = engine.unanswered(examined)
with st.container(horizontal=True, vertical_alignment="center"):
    if still_open:
        label = "Run everything" if len(still_open) == len(ANALYZERS) else "Run what is left"
        if st.button(label, type="primary", icon=":material/play_arrow:", key="run-everything"):
            try:
                engine.submit_all(examined)
            except AssayError as error:
                st.error(as_text(error), icon=":material/error:")
            else:
                st.rerun()
    st.page_link(
        "views/report.py", label="Report: download or print this", icon=":material/description:"
    )

follow_all(examined, entries)
st.header("Risk by risk", anchor=False)
for entry, section in zip(entries, sections, strict=True):
    area_row(entry, section)
