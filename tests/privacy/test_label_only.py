"""Labels alone: no score is ever asked for, and a model that overfits gives itself away."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.ensemble import RandomForestClassifier

from analyzers.core.dataset import Predictions
from analyzers.core.errors import UnsuitableSubject
from analyzers.privacy.evidence import gather
from analyzers.privacy.label_only import label_only_signal, noisy_column
from analyzers.privacy.measuring import measure
from analyzers.privacy.params import PrivacyParams
from tests.benches import EstimatorModel
from tests.privacy.networks import network_bench


class LabelsOnly(EstimatorModel):
    def predict(self, inputs):
        return np.searchsorted(self.native.classes_, self.native.predict(inputs)).astype(np.int64)

    def predict_proba(self, inputs):
        raise AssertionError("a score was asked for")


def labels_of(model, data):
    return Predictions(
        rows=data.rows, labels=data.labels, predicted=model.predict(data.inputs), scores=None
    )


def bench_of(estimator, n_rows=200):
    bench = network_bench(n_rows, refit=False)
    fitted = estimator.fit(bench.training_data.inputs, bench.training_data.frame["y"])
    model = LabelsOnly(fitted)
    return replace(
        bench, model=model, predictions=labels_of(model, bench.data),
        training_predictions=labels_of(model, bench.training_data),
    )  # fmt: skip


def test_a_forest_that_overfits_is_found_out_by_labels_alone():
    bench = bench_of(RandomForestClassifier(20, random_state=0))

    found = measure(bench, PrivacyParams(label_only_copies=15))

    attacks = {row["attack"]: row for row in found.tables["attacks"].to_pylist()}
    assert attacks["label_only"]["low"] > 0.55
    assert attacks["label_only"]["value"] >= attacks["correctness"]["value"] - 0.02
    assert found.facts["label_only_copies"] == 15


def test_the_same_seed_gives_the_same_signal():
    bench = bench_of(RandomForestClassifier(5, random_state=0), 60)
    evidence = gather(
        bench.training_data, bench.training_predictions, bench.data, bench.predictions
    )

    def values():
        return label_only_signal(
            bench.model, evidence, n_copies=5, rng=np.random.default_rng(3),
            track=lambda items, what, total=None: items,
        )  # fmt: skip

    assert (values().members == values().members).all()


def test_without_a_model_it_is_said_why_it_is_left_out():
    bench = replace(bench_of(RandomForestClassifier(5, random_state=0), 60), model=None)

    found = measure(bench, PrivacyParams(label_only_copies=5))

    assert any("labels alone is left out" in note for note in found.sampling)
    with pytest.raises(UnsuitableSubject, match="asked about again with noise"):
        label_only_signal(
            None,
            gather(bench.training_data, bench.training_predictions, bench.data, bench.predictions),
            n_copies=1, rng=np.random.default_rng(0), track=lambda items, what, total=None: items,
        )  # fmt: skip


@given(
    st.lists(st.floats(-1e6, 1e6) | st.none(), min_size=1, max_size=30),
    st.floats(0.1, 2.0),
    st.booleans(),
)
def test_noise_keeps_type_range_and_gaps(values, size, is_integer):
    column = pd.Series(values, dtype="float64")

    noisy = noisy_column(column, size, np.random.default_rng(0), is_integer=is_integer)

    assert noisy.dtype == column.dtype
    assert (noisy.isna() == column.isna()).all()
    known = noisy.dropna()
    if len(known):
        slack = 1.0 if is_integer else 0.0
        assert known.min() >= column.min() - slack
        assert known.max() <= column.max() + slack


def test_noise_in_words_only_uses_words_there_are():
    column = pd.Series(["a", "b", "c"] * 20, dtype="category")

    noisy = noisy_column(column, 1.6, np.random.default_rng(0), is_integer=False)

    assert noisy.dtype == column.dtype
    assert 0 < (noisy != column).sum() < len(column)
