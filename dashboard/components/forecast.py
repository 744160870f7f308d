"""What a run of explanations would do and how long it takes, from a trial of the model itself."""

from functools import partial

import streamlit as st

from analyzers.core.params import Params
from analyzers.core.result import Result
from analyzers.core.subject import Subject
from analyzers.explanation.params import ExplanationParams
from analyzers.explanation.pilot import PILOT, PilotParams
from analyzers.explanation.plan import plan_of, plan_words, read_speed
from analyzers.jobs.settings import settings
from dashboard import engine, session
from dashboard.components.foretold import foretold
from dashboard.components.words import as_text

_WAITING = (
    "The model and its explainer are being timed on a few rows, to say about how long this run "
    "takes. You need not wait for that."
)


def forecast(subject: Subject, params: Params) -> bool:
    """Say it, or that the model is being timed; the trial is made once for a subject and method.

    Returns:
        Whether such a run would be refused, which a trial of the model alone cannot tell.
    """
    chosen = ExplanationParams.model_validate(params)
    refusal = foretold(
        lambda: _pilot(str(session.home()), session.workspace(), subject.digest, chosen.method),
        say=partial(_say, subject, chosen),
        waiting=_WAITING,
        say_unknown=_say_unknown,
    )
    if refusal is not None:
        _say_unknown(f"{refusal.message} {refusal.remedy}".strip())
    return False


def _say(subject: Subject, chosen: ExplanationParams, result: Result) -> None:
    facts, seconds = result.measurements.facts, result.provenance.seconds
    plan = plan_of(subject, chosen, read_speed(facts, job_seconds=seconds))
    limits = settings().limits
    st.caption(as_text(plan_words(plan, longest=limits.wall_seconds)))


def _say_unknown(reason: str) -> None:
    st.caption(f"How long this run takes is not known: {as_text(reason)}")


@st.cache_resource(max_entries=64, show_spinner=False)
def _pilot(home: str, workspace: str, digest: str, method: str) -> str:
    del home, workspace  # they are there to be part of the key
    params = PilotParams.model_validate({"method": method})
    return engine.runner().submit(PILOT, engine.store().subject(digest), params)
