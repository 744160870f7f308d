"""One risk on the overview, and the progress of all of them."""

from collections.abc import Sequence

import streamlit as st

from analyzers.core.job import Failed, Queued, Running, Stopped
from analyzers.core.subject import Subject
from analyzers.report.sections import Entry, Section
from dashboard import engine
from dashboard.components.job_panel import POLL_SECONDS, show_failure
from dashboard.components.words import as_text, duration, verdict_badge

TOP_FINDINGS = 3


def area_row(entry: Entry, section: Section) -> None:
    """Show a risk: verdict, coverage, its most serious findings, or why there are none."""
    analyzer, rating = section.analyzer, section.rating
    with st.container(border=True, key=f"area-{analyzer.name}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.subheader(analyzer.title, anchor=False, width="content")
            if isinstance(entry.state, Queued | Running):
                st.badge("Running", icon=":material/autorenew:", color="blue")
            else:
                verdict_badge(rating.verdict)
            if section.result is not None:
                st.caption(
                    f"{rating.n_tested:,} of {rating.n_applicable:,} indicators held to a limit"
                )
            st.space("stretch")
            st.page_link(f"views/{analyzer.name}.py", label="Open", icon=":material/arrow_forward:")
        st.caption(as_text(analyzer.question))
        for finding in section.findings[:TOP_FINDINGS]:
            with st.container(horizontal=True, wrap=False, vertical_alignment="center"):
                verdict_badge(finding.verdict)
                st.markdown(as_text(finding.headline), width="stretch")
        _why_nothing(entry, section)


def _why_nothing(entry: Entry, section: Section) -> None:
    match entry.state:
        case Queued() | Running():
            st.info("It is being measured.", icon=":material/hourglass_top:")
        case Stopped():
            st.info("It was cancelled.", icon=":material/block:")
        case Failed(kind="unsuitable"):
            st.markdown(f"Not tested. {as_text(section.obstacle)}")
        case Failed() as failed:
            show_failure(failed)
        case _:
            pass


def follow_all(examined: Subject, entries: Sequence[Entry]) -> None:
    """Show what is being measured, with cancel, until nothing is.

    Args:
        examined: whose analyses.
        entries: as the rest of the page shows them. What they call running is followed even if it
            has ended since; looking again here would leave the page saying so for ever.
    """
    shown = frozenset(
        entry.analyzer.name for entry in entries if isinstance(entry.state, Queued | Running)
    )
    if shown:
        _follow(examined, shown)


@st.fragment(run_every=POLL_SECONDS)
def _follow(examined: Subject, shown: frozenset[str]) -> None:
    # Read once: a job may be asked, or end, between two looks.
    running = {
        name: (job_id, state)
        for name, job_id in engine.latest_jobs(examined).items()
        if isinstance(state := engine.state_of(job_id), Queued | Running)
    }
    if running.keys() != shown:
        st.rerun()
    with st.container(border=True):
        for name, (_, state) in running.items():
            what = name.capitalize()
            if isinstance(state, Queued):
                st.progress(0.0, text=f"{what}: waiting for a worker")
                continue
            found = state.progress
            left = found.seconds_left
            estimate = "" if left is None else f", about {duration(left)} left"
            text = f"{what}: {as_text(found.what, longest=200)}{estimate}"
            st.progress(found.fraction or 0.0, text=text)
        if st.button("Cancel all", icon=":material/stop_circle:", key="cancel-all"):
            for job_id, _ in running.values():
                engine.runner().cancel(job_id)
