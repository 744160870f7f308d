"""The cost told before a run follows the model's own speed, its explainer and the settings."""

import dataclasses

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

from analyzers.explanation import measure, pilot
from analyzers.explanation.params import ExplanationParams
from analyzers.explanation.pilot import PILOT, PilotParams
from analyzers.explanation.plan import Speed, plan_of, plan_words, read_speed
from tests.benches import subject_of
from tests.explanation.benches import columns_of, number_bench, number_frame

FRAME = number_frame(500, 10)
SUBJECT = subject_of(columns_of(FRAME, "y"), n_rows=5000)
ASKED = Speed("", "", 0.2, 1e-3, 1e-5, 0.0, 0.0, -1.0, 1e-7, 0.0, False, 5000, False)
TREES = ASKED._replace(explainer="TreeSHAP", explain_each=1e-3, pairs_seconds=0.5)
AGAINST = TREES._replace(explainer="interventional TreeSHAP", has_background=True)


class Clock:
    """A clock that only a model's answers move on, so that no test hangs on the machine."""

    def __init__(self):
        self.now = 0.0

    def perf_counter(self):
        return self.now


class Slowed:
    """A model that takes a while for every row; counts what it is asked."""

    def __init__(self, model, each=0.0, clock=None):
        self.model, self.each, self.clock, self.asked = model, each, clock or Clock(), 0

    def __getattr__(self, name):
        return getattr(self.model, name)

    def _answer(self, inputs, ask):
        self.asked += len(inputs)
        self.clock.now += self.each * len(inputs)
        return ask(inputs)

    def predict(self, inputs):
        return self._answer(inputs, self.model.predict)

    def predict_proba(self, inputs):
        return self._answer(inputs, self.model.predict_proba)


def bench_of(estimator, *, n_columns=6, each=0.0, clock=None):
    bench = number_bench(estimator, number_frame(300, n_columns))
    return dataclasses.replace(bench, model=Slowed(bench.model, each, clock))


def speed_of(bench, method="automatic"):
    facts = PILOT.measure(bench, PilotParams(method=method)).facts
    return read_speed(facts, job_seconds=float(facts["pilot_seconds"]))


@pytest.mark.parametrize(
    ("estimator", "words"),
    [
        (RandomForestClassifier(5, max_depth=3, random_state=0), "TreeSHAP"),
        (LogisticRegression(), "LogisticRegression"),
        (GaussianNB(), ""),
    ],
)
def test_the_trial_names_the_explainer_that_the_run_then_takes(estimator, words):
    bench = bench_of(estimator)

    speed = speed_of(bench)

    assert words in speed.explainer
    assert bool(speed.explainer) != bool(words == "")
    assert speed.question_each >= 0
    assert speed_of(bench, "model-agnostic").explainer == ""


@pytest.mark.parametrize("n_columns", [3, 8, 15])
@pytest.mark.parametrize("method", ["automatic", "model-agnostic"])
def test_the_questions_foretold_are_those_of_the_run(n_columns, method):
    bench = bench_of(RandomForestClassifier(3, max_depth=3, random_state=0), n_columns=n_columns)
    params = ExplanationParams(
        method=method, rows=60, sampled_rows=20, background_rows=30, lime_samples=300
    )
    plan = plan_of(bench.subject, params, speed_of(bench, method))
    bench.model.asked = 0

    facts = measure(bench, params).facts

    assert bench.model.asked / 1.4 < plan.n_questions < 1.4 * bench.model.asked
    assert plan.n_rows == facts["n_explained"]
    assert plan.n_background == facts["n_background"]


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(pilot, "time", clock)
    return clock


def test_a_slow_model_is_timed_exactly_and_foretold_from_its_questions(clock):
    bench = bench_of(LogisticRegression(), each=2e-3, clock=clock)

    speed = speed_of(bench)
    plan = plan_of(bench.subject, ExplanationParams(), speed)

    assert speed.question_each == pytest.approx(2e-3)
    assert plan.seconds == pytest.approx(2e-3 * plan.n_questions, rel=0.02)


def test_a_slow_answer_is_not_waited_for_longer_than_needed(clock):
    bench = bench_of(LogisticRegression(), each=0.05, clock=clock)

    speed_of(bench, "model-agnostic")

    assert bench.model.asked <= 3 + 8


def test_the_user_changes_explainer_rows_and_background():
    def plan(speed, **chosen):
        return plan_of(SUBJECT, ExplanationParams(**chosen), speed)

    few, many = plan(TREES, rows=100), plan(TREES, rows=4000)
    against = plan(AGAINST, method="interventional", background_rows=3000)
    asked = plan(ASKED, method="model-agnostic", background_rows=3000)

    assert (few.n_rows, many.n_rows) == (100, 4000)
    assert many.seconds > few.seconds + 3
    assert (few.n_background, against.n_background, asked.n_background) == (0, 3000, 1000)
    assert against.seconds > plan(AGAINST, method="interventional", background_rows=100).seconds
    assert asked.n_questions > 10 * against.n_questions
    assert plan(ASKED, sampled_rows=20).seconds < plan(ASKED, sampled_rows=200).seconds


def test_the_words_name_rows_background_questions_time_and_where_it_comes_from():
    plan = plan_of(SUBJECT, ExplanationParams(sampled_rows=200), ASKED)
    words = plan_words(plan, longest=600)

    assert "200 rows against 100 background rows" in words
    assert "It takes about" in words
    assert "trial on a few rows" in words
    assert "ends a run" not in words
    assert "ends a run after 1 second:" in plan_words(plan, longest=1)


def test_numbers_that_are_none_from_the_worker_are_taken_as_nothing():
    facts = {"question_each": float("nan"), "explain_each": "a lot", "question_start": -3.0}

    speed = read_speed(facts, job_seconds=2.0)

    assert (speed.question_each, speed.explain_each, speed.question_start) == (0.0, 0.0, 0.0)
    assert np.isfinite(plan_of(SUBJECT, ExplanationParams(), speed).seconds)


@pytest.mark.parametrize("modality", ["text", "image"])
def test_texts_and_pictures_are_foretold_too(modality):
    subject = subject_of(columns_of(FRAME, "y"), n_rows=500, modality=modality)
    speed = ASKED._replace(n_words=20.0)

    plain = plan_of(subject, ExplanationParams(), speed)
    more = plan_of(subject, ExplanationParams(lime_samples=20_000), speed)

    assert plain.seconds > 0
    assert plain.seconds <= more.seconds
    assert plain.n_rows <= 30
