"""One line of the history."""

import streamlit as st

from analyzers.core.job import Done, Failed
from analyzers.jobs.store import Record
from dashboard import session
from dashboard.components.words import Colour, as_text, short

_STATES: dict[str, tuple[str, str, Colour]] = {
    "queued": ("Waiting", ":material/hourglass_top:", "gray"),
    "running": ("Running", ":material/autorenew:", "blue"),
    "done": ("Done", ":material/check:", "green"),
    "failed": ("Failed", ":material/error:", "red"),
    "cancelled": ("Cancelled", ":material/block:", "gray"),
}


def run_row(record: Record, *, title: str) -> None:
    """Show a run with its state and a link to its page."""
    word, icon, colour = _STATES[record.state.state]
    if isinstance(record.state, Done) and record.state.is_cut_short:
        word, icon, colour = "Ended early", ":material/content_cut:", "orange"
    with st.container(border=True, key=f"run-{record.job.id[:16]}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.badge(word, icon=icon, color=colour)
            st.markdown(f"**{as_text(title)}** of {short(record.subject_name)}", width="content")
            st.caption(record.submitted.strftime("%Y-%m-%d %H:%M:%S UTC"))
            st.space("stretch")
            if st.button("Open", key=f"open-run-{record.job.id[:16]}", type="tertiary"):
                session.choose_subject(record.job.subject)
                st.switch_page(
                    f"views/{record.analyzer}.py",
                    query_params={
                        "workspace": session.workspace(),
                        "subject": record.job.subject,
                        "job": record.job.id,
                    },
                )
        if isinstance(record.state, Failed):
            st.caption(as_text(record.state.message))
