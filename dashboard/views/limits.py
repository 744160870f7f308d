"""Limits: what verdicts are held against, where each limit comes from, and your own."""

import streamlit as st

from analyzers.catalog import ANALYZERS
from analyzers.core.errors import AssayError
from analyzers.policies import LARGEST_PACK, policy_from_toml, policy_to_toml
from analyzers.policies.own import OWN_PACK
from analyzers.report.sections import sections_of
from dashboard import engine, session
from dashboard.components.limits_editor import limits_editor
from dashboard.components.words import as_text
from dashboard.reporting import entries_in

st.title("Limits", anchor=False)
st.markdown(
    "A verdict holds a measured number, with its interval, against a limit. Most limits are "
    "conventions, few are law, and many numbers have none: set your own here. Nothing is run "
    "again."
)
pack = engine.policy()
st.header(as_text(pack.title), anchor=False)
st.markdown(as_text(pack.description))
where = f" Holds for: {as_text(pack.jurisdiction)}." if pack.jurisdiction else ""
st.caption(f"Version {as_text(pack.version)}, as of {as_text(pack.as_of)}.{where}")

examined = engine.subject()
findings = [
    finding
    for section in (
        sections_of(entries_in(engine.store(), examined), pack, ANALYZERS) if examined else ()
    )
    for finding in section.findings
]
# The severest finding of an indicator comes first and stands for it.
measured = {finding.indicator: finding for finding in reversed(findings)}
saved = limits_editor(pack, measured)
if saved is not None:
    engine.store().save_policy(saved)
    session.choose_policy(OWN_PACK)
    session.leave_notice("Saved. Verdicts are now held against your own limits.")
    st.rerun()

st.header("Take limits with you, or bring them", anchor=False)
st.download_button(
    "Download these limits",
    data=policy_to_toml(pack),
    file_name="assay-limits.toml",
    mime="application/toml",
    on_click="ignore",
    icon=":material/download:",
    help="For another workspace, and for the command line: assay audit --policy assay-limits.toml",
)
given = st.file_uploader("A file of limits (TOML)", type=["toml"], key="limits-file")
if given is not None and st.button("Use this file", icon=":material/upload:", key="use-limits"):
    try:
        # The browser's word on the size is not taken.
        text = given.read(LARGEST_PACK + 1).decode("utf-8", errors="replace")
        brought = policy_from_toml(text[:LARGEST_PACK])
    except AssayError as error:
        st.error(as_text(error), icon=":material/error:")
    else:
        engine.store().save_policy(brought)
        session.choose_policy(OWN_PACK)
        session.leave_notice("Verdicts are now held against the limits of that file.")
        st.rerun()
