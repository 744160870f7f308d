import os
import signal
import time

import numpy as np
import pandas as pd
import pytest

from analyzers.core.errors import AssayError, UnsuitableSubject
from analyzers.core.params import NoParams
from analyzers.inspection import InspectionParams, propose_subject
from analyzers.jobs import live as live_module
from analyzers.jobs.settings import Settings
from analyzers.predictions import PREDICTIONS, predictions_from
from tests.benches import credit_frame
from tests.jobs.test_running import is_running
from tests.jobs.uploads import Halves, credit_subject, leftovers, program_files

pytestmark = pytest.mark.sandbox


@pytest.fixture
def subject(runner, store):
    return credit_subject(runner, store)


def test_a_live_model_gives_the_answers_of_the_job_in_milliseconds(runner, store, subject):
    job_id = runner.submit(PREDICTIONS, subject, NoParams())
    assert runner.wait(job_id, timeout=60).state == "done"
    table = runner.result(job_id).measurements.tables["predictions"]
    expected = predictions_from(table, subject)

    model = runner.open_live(subject)
    answer = model.predict(credit_frame(200, 0))

    np.testing.assert_array_equal(answer.predicted, expected.predicted)
    np.testing.assert_allclose(answer.scores, expected.scores, rtol=0, atol=1e-12)
    assert "LogisticRegression" in model.kind


def test_rows_that_do_not_fit_are_refused_and_the_model_stays_open(runner, subject):
    model = runner.open_live(subject)
    rows = credit_frame(2, 0)

    with pytest.raises(AssayError, match="age"):
        model.predict(rows.drop(columns=["age"]))
    with pytest.raises(AssayError, match="income"):
        model.predict(rows.assign(income=["much", "more"]))

    assert len(model.predict(rows)) == 2


def test_it_closes_when_asked_and_leaves_nothing(runner, store, subject):
    model = runner.open_live(subject)
    process = model._worker.process

    model.close()

    assert not model.is_open
    assert not is_running(process)
    assert leftovers(store) == []
    with pytest.raises(AssayError, match="closed"):
        model.predict(credit_frame(1, 0))


def test_it_closes_when_idle(runner, store, subject, monkeypatch):
    model = runner.open_live(subject)
    process = model._worker.process
    monkeypatch.setattr(live_module, "settings", lambda: Settings(live_idle_seconds=0.2))

    deadline = time.monotonic() + 30
    while (model.is_open or is_running(process)) and time.monotonic() < deadline:
        time.sleep(0.02)

    assert not model.is_open
    assert not is_running(process)


def test_too_many_open_models_close_the_one_idle_longest(runner, subject, monkeypatch):
    monkeypatch.setattr(live_module, "settings", lambda: Settings(live_models=2))
    first, second = runner.open_live(subject), runner.open_live(subject)
    first.predict(credit_frame(1, 0))

    third = runner.open_live(subject)

    assert [model.is_open for model in (first, second, third)] == [True, False, True]


def test_a_worker_that_dies_is_a_sentence(runner, subject):
    model = runner.open_live(subject)
    os.kill(model._worker.process, signal.SIGSEGV)

    with pytest.raises(AssayError, match="ended unexpectedly"):
        model.predict(credit_frame(1, 0))
    assert not model.is_open


def test_a_restricted_program_answers_live_too(runner, store):
    files = program_files(store, Halves())
    job_id = runner.inspect(files, InspectionParams(target="outcome"))
    assert runner.wait(job_id, timeout=60).state == "done"
    subject = propose_subject(runner.result(job_id), files, name="halves")

    answer = runner.open_live(subject).predict(pd.DataFrame({"a": [1.0, 2.0], "b": [0.0, 0.5]}))

    assert len(answer) == 2
    np.testing.assert_allclose(answer.scores, 0.5)


def test_predictions_without_a_model_cannot_be_asked(runner, store, subject):
    table_only = subject.model_copy(
        update={"files": subject.files.model_copy(update={"model": None})}
    )

    with pytest.raises(UnsuitableSubject, match="model file"):
        runner.open_live(table_only)
