"""What a run of the attack would assume, read on the page before it is started."""

import pytest

from analyzers.adversarial import AdversarialParams
from analyzers.adversarial.foresight import FORESIGHT
from analyzers.core.job import Done, Failed, Job, Queued, Request
from analyzers.core.result import Provenance, Result
from analyzers.jobs.runner import Runner
from tests.benches import credit_bench
from tests.dashboard.conftest import words_of


@pytest.fixture
def foretold(workspace, monkeypatch):
    """Leave the answer in the workspace as its worker would, in a state that the test sets."""
    submitted = []

    def submit(self, analyzer, subject, params, **kwargs):
        assert analyzer is FORESIGHT
        submitted.append(params)
        return job.id

    def leave(state):
        workspace.store.begin(
            Request(job=job, files=workspace.subject.files, subject=workspace.subject)
        )
        if isinstance(state, Done):
            found = FORESIGHT.measure(credit_bench(60), AdversarialParams())
            result = Result(job=job, measurements=found, provenance=Provenance())
            workspace.store.save_result(result, FORESIGHT.tables)
        workspace.store.set_state(job.id, state)
        return submitted

    job = Job(
        analyzer=FORESIGHT.name, version=FORESIGHT.version, subject=workspace.subject.digest,
        params=AdversarialParams().model_dump(mode="json"),
    )  # fmt: skip
    monkeypatch.setattr(Runner, "submit", submit)
    return leave


def test_the_statements_and_the_rules_stand_above_the_button(workspace, foretold):
    foretold(Done())

    app = workspace.open("adversarial")

    assert not app.exception
    said = words_of(app).replace("\\", "")
    assert "What a run with these settings assumes" in said
    assert "Black-box: the model's scores." in said
    n_free = sum(
        column.is_feature and not column.is_immutable for column in credit_bench(60).subject.columns
    )
    assert f"{n_free} of 4 columns may change" in said
    rules = next(item.value for item in app.dataframe if "In steps of" in item.value)
    assert rules["Column"].tolist() == ["income", "age", "sex", "region"]


def test_only_what_it_depends_on_is_asked_anew(workspace, foretold):
    submitted = foretold(Done())
    app = workspace.open("adversarial")

    app.number_input(key="adversarial-param-rows").set_value(50).run()
    app.number_input(key="adversarial-param-queries").set_value(300).run()

    assert not app.exception
    assert [params.queries for params in submitted] == [600, 300]
    assert {params.rows for params in submitted} == {AdversarialParams().rows}


def test_what_a_run_would_refuse_is_said_before_it(workspace, foretold):
    foretold(Failed(kind="parameter", message="Expected a column, got 'x'.", remedy="Mend it."))

    app = workspace.open("adversarial")

    assert not app.exception
    assert "Expected a column" in app.warning[0].value.replace("\\", "")
    assert "Mend it" in app.warning[0].value
    assert "A setting does not fit" in app.warning[0].value
    assert app.button(key="adversarial-run").disabled


def test_a_worker_that_is_lost_refuses_nothing(workspace, foretold):
    foretold(Failed(kind="lost", message="The worker was lost."))

    app = workspace.open("adversarial")

    assert "is not known" in app.warning[0].value
    assert not app.button(key="adversarial-run").disabled


def test_the_run_can_be_started_meanwhile(workspace, foretold):
    foretold(Queued())

    app = workspace.open("adversarial")

    assert "You need not wait" in words_of(app).replace("\\", "")
    assert not app.button(key="adversarial-run").disabled


def test_folded_up_settings_ask_nothing(workspace, foretold):
    submitted = foretold(Done())
    workspace.done("adversarial")

    app = workspace.open("adversarial")

    assert not app.exception
    assert submitted == []
