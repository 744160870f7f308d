"""Report: one self-contained file for the record."""

from functools import partial
from urllib.parse import urlencode

import streamlit as st

from analyzers.catalog import ANALYZERS
from analyzers.report.html import CUTS, Cut
from analyzers.report.words import plural
from analyzers.toolkit.export import file_stem
from dashboard import engine, session
from dashboard.components.subject_header import no_subject, subject_header
from dashboard.components.words import as_text
from dashboard.reporting import entries_in, report_of

READERS: dict[Cut, str] = {
    "whole": "Validators and auditors: the whole report",
    "board": "A board or a manager: two pages",
}
FILES: dict[Cut, str] = {"whole": "report", "board": "summary"}

st.title("Report", anchor=False)
st.markdown(
    "One HTML file. The **whole report** has everything: the verdict first, then findings, charts, "
    "settings, digests, versions and seeds. The **summary** has two pages for those who decide. "
    "Both open anywhere, fetch nothing, and print well."
)
examined = engine.subject()
if examined is None:
    no_subject()
    st.stop()

subject_header(examined)
titles = {analyzer.name: analyzer.title for analyzer in ANALYZERS}
finished = [
    entry.analyzer.name
    for entry in entries_in(engine.store(), examined)
    if entry.result is not None
]
areas = st.multiselect(
    "Areas",
    list(titles),
    default=list(titles),
    format_func=lambda name: (
        titles[name] + ("" if name in finished else " (no result; the report says why)")
    ),
    key="report-areas",
    help="Areas left out are named in the report as not part of it.",
)
ready = [name for name in areas if name in finished]
st.caption(
    f"{plural(len(ready), 'area')} with results. Limits: {as_text(engine.policy().title)}. "
    "The report names what was not tested, and why."
)
if not ready:
    st.info(
        "No chosen area has a result yet. Run at least one analysis first.",
        icon=":material/info:",
    )
    st.page_link("views/overview.py", label="Run everything", icon=":material/play_arrow:")
    st.stop()

cut: Cut = st.radio(
    "For whom",
    list(CUTS),
    format_func=lambda cut: READERS[cut],
    horizontal=True,
    key="report-cut",
)
with st.container(horizontal=True, vertical_alignment="center"):
    st.download_button(
        "Download",
        # Built on click and outside the script, so everything is bound here.
        data=partial(
            report_of,
            session.home(),
            session.workspace(),
            examined.digest,
            policy=engine.policy_name(),
            areas=tuple(areas),
            cut=cut,
        ),
        file_name=f"{file_stem('assay', FILES[cut], examined.digest[:12])}.html",
        mime="text/html",
        on_click="ignore",
        icon=":material/download:",
        type="primary",
        key="download-report",
    )
    asked = [
        ("workspace", session.workspace()),
        ("subject", examined.digest),
        ("policy", engine.policy_name()),
        ("cut", cut),
        *(("area", name) for name in areas),
    ]
    st.link_button(
        "Look at it first",
        f"/report-preview?{urlencode(asked)}",
        icon=":material/open_in_new:",
    )
