"""Runs: what was asked in this workspace, its uploads, and how to delete one or all of it."""

import streamlit as st

from analyzers.catalog import ANALYZERS
from dashboard import engine, session
from dashboard.components.run_row import run_row
from dashboard.components.upload_row import upload_row

MOST_RUNS = 50

st.title("Runs", anchor=False)
st.markdown(
    "Everything asked in this workspace, the newest first. Results stay until you delete them or "
    "they expire."
)
titles = {analyzer.name: analyzer.title for analyzer in ANALYZERS}
history = engine.store().history()
if not history:
    st.info("Nothing has been run here yet.", icon=":material/info:")
    st.page_link("views/home.py", label="Go to Home", icon=":material/home:")
for record in history[:MOST_RUNS]:
    run_row(record, title=titles.get(record.analyzer, record.analyzer))
if len(history) > MOST_RUNS:
    st.caption(f"The newest {MOST_RUNS} of {len(history):,}.")

uploads = engine.store().uploads()
if uploads:
    st.header("Uploads", anchor=False)
    st.markdown("The files of this workspace. Deleting one deletes every answer that came of it.")
for number, ref in enumerate(uploads):
    if upload_row(ref, number=number):
        engine.runner().remove_file(ref)
        engine.forget_answers()
        session.leave_notice(f"{ref.name} was deleted, with every answer that came of it.")
        st.rerun()

st.header("Delete everything", anchor=False)
st.markdown(
    "Removes every file, result and record of this workspace from the server, at once and for good."
)
is_sure = st.checkbox("I want all of it deleted", key="delete-sure")
if st.button(
    "Delete this workspace", icon=":material/delete:", disabled=not is_sure, key="delete-workspace"
):
    engine.runner().close()
    engine.store().remove()
    engine.forget_answers()
    session.start_anew()
    session.leave_notice("The workspace was deleted. This is a new, empty one.")
    st.switch_page("views/home.py")
