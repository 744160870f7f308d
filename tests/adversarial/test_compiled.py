"""A compiled copy: the same answers to the last bit or no copy at all, and the same attack."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from analyzers.adversarial import ANALYZER, AdversarialParams
from analyzers.anatomy import compiled
from analyzers.anatomy.compiled import CompiledModel, compile_model, original_of
from analyzers.core.model import Capability
from tests.benches import credit_bench, predictions_of

N_ROWS = 200


class Prepared:
    """A scikit-learn estimator as a file opened by the worker gives it."""

    kind = "scikit-learn"

    def __init__(self, native, *, scores=True):
        self.native = native
        self.capabilities = frozenset({Capability.PREDICT_PROBA} if scores else ())
        self.n_asked = 0

    def native_inputs(self, inputs):
        return inputs

    def predict(self, inputs):
        self.n_asked += len(inputs)
        if Capability.PREDICT_PROBA in self.capabilities:
            return self.native.predict_proba(inputs).argmax(axis=1).astype(np.int64)
        return np.asarray(self.native.predict(inputs), dtype=np.float64)

    def predict_proba(self, inputs):
        self.n_asked += len(inputs)
        return self.native.predict_proba(inputs)


@pytest.fixture
def frame():
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "age": rng.integers(18, 80, N_ROWS),
            "income": np.where(rng.random(N_ROWS) < 0.1, np.nan, rng.normal(3000, 500, N_ROWS)),
            "job": rng.choice(["a", "b", "c"], N_ROWS),
        }
    )


def outcome(frame):
    return (frame["age"] + 10 * (frame["job"] == "a") > 50).astype(int)


def pipeline(last):
    return make_pipeline(
        ColumnTransformer(
            [
                ("n", make_pipeline(SimpleImputer(), StandardScaler()), ["age", "income"]),
                ("c", OneHotEncoder(handle_unknown="ignore"), ["job"]),
            ]
        ),
        last,
    )


def copied(native, frame, *, scores=True):
    model = Prepared(native.fit(frame, outcome(frame)), scores=scores)
    return model, compile_model(model, frame, rng=np.random.default_rng(0))


@pytest.mark.parametrize(
    "last",
    [
        RandomForestClassifier(20, random_state=0), DecisionTreeClassifier(random_state=0),
        LogisticRegression(),
    ],
    ids=lambda item: type(item).__name__,
)  # fmt: skip
def test_a_copy_gives_the_same_answers_to_the_last_bit(frame, last):
    model, made = copied(pipeline(last), frame)

    assert isinstance(made.model, CompiledModel)
    assert "1,000 of 1,000 rows" in made.words
    others = frame.sample(frac=1.0, random_state=1).reset_index(drop=True)
    others["age"] += 3
    np.testing.assert_array_equal(made.model.answers(others), model.predict_proba(others))
    np.testing.assert_array_equal(made.model.predict(others), model.predict(others))
    assert original_of(made.model) is model
    assert original_of(model) is model


def test_a_regression_is_copied_too(frame):
    model, made = copied(pipeline(RandomForestRegressor(10, random_state=0)), frame, scores=False)

    assert isinstance(made.model, CompiledModel)
    np.testing.assert_array_equal(made.model.answers(frame), model.predict(frame))


def test_a_level_the_copy_does_not_know_goes_to_the_model(frame):
    model, made = copied(pipeline(RandomForestClassifier(5, random_state=0)), frame)
    other = frame.iloc[:3].assign(job="never seen")

    np.testing.assert_array_equal(made.model.predict_proba(other), model.predict_proba(other))


def test_a_model_whose_copy_would_differ_is_asked_itself(frame, monkeypatch):
    def nearly(estimator):
        return lambda matrix: estimator.predict_proba(matrix) + 1e-15

    monkeypatch.setattr(compiled, "_trees", nearly)

    model, made = copied(pipeline(RandomForestClassifier(5, random_state=0)), frame)

    assert made.model is model
    assert "rows only" in made.words


def test_steps_that_are_not_known_are_no_failure(frame):
    mixing = make_pipeline(
        ColumnTransformer([("n", SimpleImputer(), ["age", "income"])]),
        FunctionTransformer(lambda rows: rows[:, ::-1]),
        RandomForestClassifier(5, random_state=0),
    )
    for native in (mixing, make_pipeline(LogisticRegression())):
        numbers = frame[["age", "income"]].fillna(0.0)
        model = Prepared(native.fit(numbers, outcome(frame)))

        made = compile_model(model, numbers, rng=np.random.default_rng(0))

        assert made.words.startswith(("All questions went to the model", "Questions went to"))
        np.testing.assert_array_equal(
            made.model.predict_proba(numbers), model.predict_proba(numbers)
        )


def test_the_attack_is_the_same_with_and_without_a_copy(monkeypatch):
    made = credit_bench(150)
    names = [column.name for column in made.subject.features]
    rows = made.data.frame[names]
    texts = [name for name in names if not pd.api.types.is_numeric_dtype(rows[name])]
    steps = ColumnTransformer(
        [("c", OneHotEncoder(handle_unknown="ignore"), texts)], remainder="passthrough"
    )
    native = make_pipeline(steps, RandomForestClassifier(10, random_state=0))
    model = Prepared(native.fit(rows, made.data.labels))

    def attacked():
        bench = replace(
            made, model=model, predictions=predictions_of(model, made.data),
            rng=np.random.default_rng(0),
        )  # fmt: skip
        return ANALYZER.measure(bench, AdversarialParams(rows=12, queries=300))

    asked_by_copy = []
    ask = CompiledModel._answers
    monkeypatch.setattr(CompiledModel, "choose", lambda self, _: setattr(self, "_most_rows", 10**9))
    monkeypatch.setattr(
        CompiledModel, "_answers", lambda self, inputs: asked_by_copy.append(1) or ask(self, inputs)
    )
    with_copy = attacked()
    assert asked_by_copy
    monkeypatch.setattr(CompiledModel, "_answers", lambda *_: None)
    without = attacked()

    assert with_copy.estimates == without.estimates
    assert with_copy.tables.keys() == without.tables.keys()
    for name, table in with_copy.tables.items():
        assert table.equals(without.tables[name]), name
    said = [row["statement"] for row in with_copy.tables["threat_model"].to_pylist()]
    assert any("to the last bit on 1,000 of 1,000 rows" in words for words in said), said
