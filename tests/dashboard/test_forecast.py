"""What is said before a run follows the trial of the model, and every change of a setting."""

import pytest

from analyzers.core.job import Done, Failed, Job, Queued, Request
from analyzers.core.result import Measurements, Provenance, Result
from analyzers.explanation.pilot import PILOT, PilotParams
from analyzers.jobs.runner import Runner
from tests.dashboard.conftest import words_of

FACTS = {
    "question_start": 1e-3, "question_each": 1e-3, "explain_start": 0.1, "explain_each": 0.05,
    "pairs_seconds": 1.0, "regression_each": 1e-7, "n_source": 500, "n_background": 0,
    "explainer": "a quick explainer", "refused": "", "pilot_seconds": 1.0,
}  # fmt: skip


@pytest.fixture
def tried(workspace, monkeypatch):
    """Leave a trial in the workspace as its worker would, in a state that the test sets."""
    submitted = []

    def submit(self, analyzer, subject, params, **kwargs):
        assert analyzer is PILOT
        submitted.append(params)
        return job.id

    def leave(state, *, facts=FACTS):
        workspace.store.begin(
            Request(job=job, files=workspace.subject.files, subject=workspace.subject)
        )
        if isinstance(state, Done):
            result = Result(
                job=job, measurements=Measurements(facts=facts),
                provenance=Provenance(seconds=1.5),
            )  # fmt: skip
            workspace.store.save_result(result, PILOT.tables)
        workspace.store.set_state(job.id, state)
        return submitted

    job = Job(
        analyzer=PILOT.name, version=PILOT.version, subject=workspace.subject.digest,
        params=PilotParams().model_dump(mode="json"),
    )  # fmt: skip
    monkeypatch.setattr(Runner, "submit", submit)
    return leave


def test_the_page_says_who_explains_how_many_rows_and_how_long(workspace, tried):
    tried(Done())

    app = workspace.open("explanation")

    assert not app.exception
    words = words_of(app)
    assert "a quick explainer" in words
    assert "It takes about" in words
    assert "trial on a few rows" in words


def test_fewer_rows_are_foretold_to_take_less_time(workspace, tried):
    submitted = tried(Done())
    app = workspace.open("explanation")
    before = words_of(app)

    app.number_input(key="explanation-param-rows").set_value(10).run()

    assert not app.exception
    after = words_of(app)
    assert "explains about 10 rows" in after
    assert "explains about 10 rows" not in before
    assert len(submitted) == 1


def test_another_explainer_is_tried_anew(workspace, tried):
    submitted = tried(Done())
    app = workspace.open("explanation")

    app.selectbox(key="explanation-param-method").set_value("model-agnostic").run()

    assert [params.method for params in submitted] == ["automatic", "model-agnostic"]


def test_a_trial_that_failed_is_said_and_does_not_stand_in_the_way(workspace, tried):
    tried(Failed(kind="model", message="The model said *nothing*."))

    app = workspace.open("explanation")

    assert not app.exception
    assert "How long this run takes is not known: The model said" in words_of(app)
    assert app.button(key="explanation-run")


def test_numbers_of_a_hostile_worker_do_not_break_the_page(workspace, tried):
    tried(Done(), facts=FACTS | {"question_each": 1e300, "explainer": "<b>x</b> $y$ [z](w)"})

    app = workspace.open("explanation")

    assert not app.exception
    words = words_of(app)
    assert "\\<b\\>" in words
    assert "more than two days" in words


def test_while_the_trial_is_under_way_the_run_can_be_started(workspace, tried):
    tried(Queued())

    app = workspace.open("explanation")

    assert not app.exception
    words = words_of(app)
    assert "being timed on a few rows" in words or "not known" in words
    assert app.button(key="explanation-run")
