"""A job on a page: how far it is, how it ended, and what to do about it."""

from typing import assert_never

import streamlit as st

from analyzers.core.job import Done, Failed, JobState, Queued, Running, Stopped
from dashboard import engine
from dashboard.components.words import as_text, duration

POLL_SECONDS = 0.5

_KINDS = {
    "refused": "The file was not opened",
    "unsuitable": "The question does not apply here",
    "parameter": "A setting does not fit",
    "missing": "Something it needs is not there",
    "sandbox": "This system offers too little protection",
    "model": "The model misbehaved",
    "crashed": "The worker crashed",
    "timeout": "It took too long",
    "memory": "It needed too much memory",
    "output": "The result was too large",
    "lost": "It was lost",
}


def job_panel(job_id: str, state: JobState, *, what: str) -> bool:
    """Show a job and follow it while it runs.

    Args:
        job_id: asked in this workspace.
        state: as the rest of the page sees it. A page reads it once: a job that ends between two
            looks would leave a page that neither follows the job nor shows its result.
        what: the work in two or three words.

    Returns:
        Whether its result is there.
    """
    if isinstance(state, Queued | Running):
        _follow(job_id, what)
        return False
    if isinstance(state, Failed):
        show_failure(state)
        return False
    if isinstance(state, Stopped):
        st.info(f"{what}: cancelled. Run it again at any time.", icon=":material/block:")
        return False
    return True


def show_failure(state: Failed) -> None:
    """Say what happened and what to do, and nothing else."""
    st.error(failure_words(state), icon=":material/error:")


def failure_words(state: Failed) -> str:
    """Write what happened and what to do, with its markup."""
    title = _KINDS.get(state.kind, "It did not work")
    remedy = f"  \n**What to do:** {as_text(state.remedy)}" if state.remedy else ""
    return f"**{title}.** {as_text(state.message)}{remedy}"


@st.fragment(run_every=POLL_SECONDS)
def _follow(job_id: str, what: str) -> None:
    state = engine.state_of(job_id)
    match state:
        case Queued():
            _progress_line(None, f"{what}: waiting for a worker", "")
        case Running():
            found = state.progress
            left = found.seconds_left
            times = f"{duration(max(found.elapsed_seconds, found.running_seconds))} so far"
            if left is not None and not state.is_ending:
                times += f", about {duration(left)} left"
            doing = f"{what}: {as_text(found.what, longest=200)}"
            if state.is_ending:
                doing += " (ending with what was found)"
            _progress_line(found.fraction, doing, times, found.so_far or "")
        case Done() | Failed() | Stopped():
            # Leave the fragment, so that polling ends and the whole page shows the outcome.
            st.rerun()
        case _:
            assert_never(state)
    with st.container(horizontal=True):
        if st.button("Cancel", icon=":material/stop_circle:", key=f"cancel-{job_id[:12]}"):
            engine.runner().cancel(job_id)
        if isinstance(state, Running) and state.progress.so_far is not None:
            _offer_to_keep(job_id, is_ending=state.is_ending)


def _offer_to_keep(job_id: str, *, is_ending: bool) -> None:
    is_wanted = st.button(
        "Stop and keep",
        icon=":material/save:",
        key=f"keep-{job_id[:12]}",
        disabled=is_ending,
        help="Ends the search now and shows what was found until then, marked as cut short.",
    )
    if is_wanted:
        engine.runner().end_early(job_id)


def _progress_line(fraction: float | None, doing: str, times: str, so_far: str = "") -> None:
    with st.container(border=True):
        st.progress(fraction or 0.0, text=doing)
        if so_far:
            st.markdown(f"**Found so far:** {as_text(so_far)}")
        if times:
            st.caption(times)
