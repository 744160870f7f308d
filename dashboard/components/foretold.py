"""What a small job says before a run: waited for without standing in the way of the run."""

from collections.abc import Callable

import streamlit as st

from analyzers.core.errors import AssayError
from analyzers.core.job import Done, Failed, Queued, Running
from analyzers.core.result import Result
from dashboard import engine
from dashboard.components.job_panel import POLL_SECONDS

# Kinds of failure that lie in what was asked for, and so would meet the run itself too.
REFUSALS = ("parameter", "unsuitable", "missing")


def foretold(
    ask: Callable[[], str], *, say: Callable[[Result], None], waiting: str,
    say_unknown: Callable[[str], None],
) -> Failed | None:  # fmt: skip
    """Show the answer to a small job, that it is under way, or why there is none.

    Args:
        ask: submits the job, or finds it again, and returns its id.
        say: shows the answer.
        waiting: what to read meanwhile.
        say_unknown: shows why there is no answer, given the reason.

    Returns:
        The refusal where the settings themselves were refused, which is left to the caller to say.
    """
    try:
        job_id = ask()
    except AssayError as error:
        say_unknown(error.message)
        return None
    state = engine.state_of(job_id)
    if isinstance(state, Queued | Running):
        _follow(job_id, waiting)
    elif isinstance(state, Done):
        try:
            result = engine.answer_to(job_id)
        except AssayError as error:
            say_unknown(error.message)
            return None
        say(result)
    elif isinstance(state, Failed) and state.kind in REFUSALS:
        return state
    else:
        said = (getattr(state, "message", "the trial was cancelled"), getattr(state, "remedy", ""))
        say_unknown(" ".join(filter(None, said)))
    return None


@st.fragment(run_every=POLL_SECONDS)
def _follow(job_id: str, waiting: str) -> None:
    if not isinstance(engine.state_of(job_id), Queued | Running):
        # Leave the fragment, so that polling ends and the words follow every change of a field.
        st.rerun()
    st.caption(waiting)
