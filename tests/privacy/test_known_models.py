"""Models whose memory is known: one keeps every record, one says the same of everybody."""

from dataclasses import replace

import pytest
from sklearn.dummy import DummyClassifier
from sklearn.neighbors import KNeighborsClassifier

from analyzers.core.model import Capability
from analyzers.privacy.measuring import measure
from analyzers.privacy.params import PrivacyParams
from tests.benches import EstimatorModel, predictions_of
from tests.privacy.networks import network_bench


def attacked(estimator, shadow_models):
    bench = network_bench(200, refit=False)
    fitted = estimator.fit(bench.training_data.inputs, bench.training_data.frame["y"])
    model = EstimatorModel(fitted, Capability.PREDICT_PROBA, Capability.REFIT)
    bench = replace(
        bench, model=model, predictions=predictions_of(model, bench.data),
        training_predictions=predictions_of(model, bench.training_data),
    )  # fmt: skip
    return measure(bench, PrivacyParams(shadow_models=shadow_models)).estimates["attack_auc"]


def test_a_nearest_neighbour_gives_its_records_away():
    # It errs on about half of the others, and that is all there is to see: correctness alone
    # reaches 0.75, and shadow models say besides who would have been wrong without the record.
    assert attacked(KNeighborsClassifier(1), "off").low > 0.65
    assert attacked(KNeighborsClassifier(1), "16").value > 0.7


@pytest.mark.parametrize("shadow_models", ["off", "8"])
def test_a_constant_gives_nobody_away(shadow_models):
    found = attacked(DummyClassifier(), shadow_models)

    assert found.low <= 0.5 <= found.high
