"""What a run of explanations would do and how long it takes, from a trial of the model itself."""

import streamlit as st

from analyzers.core.errors import AssayError
from analyzers.core.job import Done, Queued, Running
from analyzers.core.params import Params
from analyzers.core.subject import Subject
from analyzers.explanation.params import ExplanationParams
from analyzers.explanation.pilot import PILOT, PilotParams
from analyzers.explanation.plan import plan_of, plan_words, read_speed
from analyzers.jobs.settings import settings
from dashboard import engine, session
from dashboard.components.job_panel import POLL_SECONDS
from dashboard.components.words import as_text


def forecast(subject: Subject, params: Params) -> None:
    """Say it, or that the model is being timed; the trial is made once for a subject and method."""
    chosen = ExplanationParams.model_validate(params)
    try:
        job_id = _pilot(str(session.home()), session.workspace(), subject.digest, chosen.method)
    except AssayError as error:
        _say_unknown(error.message)
        return
    state = engine.state_of(job_id)
    if isinstance(state, Queued | Running):
        _follow(job_id)
    elif isinstance(state, Done):
        _say(subject, chosen, job_id)
    else:
        _say_unknown(getattr(state, "message", "the trial was cancelled"))


def _say(subject: Subject, chosen: ExplanationParams, job_id: str) -> None:
    try:
        result = engine.answer_to(job_id)
    except AssayError as error:
        _say_unknown(error.message)
        return
    facts, seconds = result.measurements.facts, result.provenance.seconds
    plan = plan_of(subject, chosen, read_speed(facts, job_seconds=seconds))
    limits = settings().limits
    st.caption(as_text(plan_words(plan, longest=limits.wall_seconds)))


@st.fragment(run_every=POLL_SECONDS)
def _follow(job_id: str) -> None:
    if not isinstance(engine.state_of(job_id), Queued | Running):
        # Leave the fragment, so that polling ends and the words follow every change of a field.
        st.rerun()
    st.caption(
        "The model and its explainer are being timed on a few rows, to say about how long this run "
        "takes. You need not wait for that."
    )


def _say_unknown(reason: str) -> None:
    st.caption(f"How long this run takes is not known: {as_text(reason)}")


@st.cache_resource(max_entries=64, show_spinner=False)
def _pilot(home: str, workspace: str, digest: str, method: str) -> str:
    del home, workspace  # they are there to be part of the key
    params = PilotParams.model_validate({"method": method})
    return engine.runner().submit(PILOT, engine.store().subject(digest), params)
