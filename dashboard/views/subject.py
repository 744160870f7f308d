"""Model and data: what was understood, why, and what to change before anything runs."""

import streamlit as st

from analyzers.core.errors import AssayError
from analyzers.core.job import Failed, Stopped
from dashboard import engine, session
from dashboard.components.columns_editor import columns_editor
from dashboard.components.job_panel import job_panel
from dashboard.components.reading_notes import files_section, notes_section
from dashboard.components.subject_header import no_subject, subject_header
from dashboard.components.words import as_text, short
from dashboard.uploading import begin_inspection, finish_upload, pending_upload

st.title("Model and data", anchor=False)
st.markdown(
    "What was understood of the files, with the reason for each guess. Correct what is wrong "
    "before you run anything: every analysis builds on it."
)
pending = pending_upload()
examined = engine.subject()
if pending is not None:
    # The target was changed: the model's classes and task follow from it, so files are read again.
    state = engine.state_of(pending.job)
    if job_panel(pending.job, state, what="Reading the files again"):
        try:
            finish_upload(pending)
        except AssayError as error:
            st.error(as_text(error), icon=":material/error:")
        else:
            st.rerun()
    elif isinstance(state, Failed | Stopped) and st.button(
        "Keep it as it was", key="keep-as-it-was"
    ):
        session.set_pending_upload("")
        st.rerun()
if examined is None:
    no_subject()
    st.stop()

st.header(short(examined.name), anchor=False)
subject_header(examined, is_named=False)
if engine.unanswered(examined):
    st.markdown(
        "**Next:** look over the columns below, then run. It takes seconds to minutes, and the "
        "Overview fills as answers come in."
    )
with st.container(horizontal=True, vertical_alignment="center"):
    if engine.unanswered(examined):
        if st.button(
            "Run every analysis", type="primary", icon=":material/play_arrow:", key="run-everything"
        ):
            engine.submit_all(examined)
            st.switch_page("views/overview.py")
    else:
        st.markdown("Every analysis that applies has been run.", width="content")
    st.page_link("views/overview.py", label="Overview", icon=":material/dashboard:")

st.header("Columns", anchor=False)
edited = columns_editor(examined)
if edited.asks_again is not None:
    begin_inspection(examined.name, examined.files, edited.asks_again)
    st.rerun()
if edited.subject is not None:
    session.choose_subject(engine.store().save_subject(edited.subject))
    session.leave_notice("Saved. Analyses from now on use these columns.")
    st.rerun()

notes_section(examined)
files_section(examined)
