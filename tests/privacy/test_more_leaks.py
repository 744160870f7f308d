"""Remembered values, typical records and stand-ins: models whose answer is known."""

from dataclasses import replace

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from analyzers.core.model import Capability
from analyzers.core.subject import Column, Role
from analyzers.policies import load_policy
from analyzers.privacy.drawing import draw
from analyzers.privacy.evidence import gather
from analyzers.privacy.judging import judge
from analyzers.privacy.measuring import measure
from analyzers.privacy.params import PrivacyParams
from analyzers.privacy.stand_in import stand_in_signal
from analyzers.toolkit.curves import count_scores, roc_auc
from tests.benches import EstimatorModel, dataset_of, predictions_of, subject_of
from tests.privacy.worlds import gaussian_bench

COLUMNS = (
    Column(name="amount", kind="number", role=Role.FEATURE, is_feature=True),
    Column(name="height", kind="number", role=Role.FEATURE, is_feature=True),
    Column(name="granted", kind="category", role=Role.LABEL, levels=("no", "yes")),
)


def people(n_rows, rng, *, has_signal):
    granted = rng.choice(["no", "yes"], n_rows)
    pull = np.where(granted == "yes", 2.0, -2.0) if has_signal else 0.0
    return pd.DataFrame(
        {
            "amount": pull + rng.normal(size=n_rows),
            "height": rng.normal(size=n_rows),
            "granted": granted,
        }
    )


def bench_with(classifier, *, has_signal=False, n_rows=300):
    rng = np.random.default_rng(4)
    subject = subject_of(COLUMNS, n_rows=n_rows, training_data=True)
    training, held_out = (
        dataset_of(subject, people(n_rows, rng, has_signal=has_signal)) for _ in range(2)
    )
    model = EstimatorModel(
        classifier.fit(training.inputs, training.frame["granted"]), Capability.PREDICT_PROBA
    )
    return replace(
        gaussian_bench(50, 50), subject=subject, data=held_out, training_data=training,
        model=model, predictions=predictions_of(model, held_out),
        training_predictions=predictions_of(model, training),
    )  # fmt: skip


def exposures(classifier):
    found = measure(
        bench_with(classifier), PrivacyParams(memorised_values=True, inferred=("amount",))
    )
    rows = found.tables["memorised_values"].to_pylist()
    return {row["side"]: row for row in rows}, found


def test_a_nearest_neighbour_remembers_single_amounts():
    rows, found = exposures(KNeighborsClassifier(1))

    assert rows["members minus non-members"]["low"] > 0.2
    headlines = [finding.headline for finding in judge(found, load_policy("conventions"))]
    assert any("stands out from 31 others" in text for text in headlines)
    assert "memorised_values" in {chart.name for chart in draw(found)}


def test_a_straight_line_remembers_no_single_amount():
    rows, _ = exposures(LogisticRegression())

    difference = rows["members minus non-members"]
    assert difference["low"] <= 0 <= difference["high"]
    assert rows["members"]["n"] == 200


def test_the_typical_records_of_a_model_that_learned_resemble_their_classes():
    found = measure(
        bench_with(LogisticRegression(), has_signal=True), PrivacyParams(inversion=True)
    )

    assert found.estimates["inverted_classes"].value == 1.0
    rows = found.tables["prototypes"].to_pandas()
    made = rows[rows["feature"] == "amount"].set_index("class")["made"]
    assert made["yes"] > made["no"]
    (chart,) = [item for item in draw(found) if item.name == "prototypes"]
    assert "2 of 2" in chart.title


def test_a_stand_in_favours_neither_side_where_nothing_is_remembered():
    bench = bench_with(LogisticRegression(), has_signal=True)
    evidence = gather(
        bench.training_data, bench.training_predictions, bench.data, bench.predictions
    )

    signal = stand_in_signal(
        evidence, np.random.default_rng(0), lambda items, what, total=None: items
    )

    both = np.concatenate([signal.members, signal.non_members])
    is_member = np.arange(len(both)) < len(signal.members)
    area = roc_auc(count_scores(both, is_member.astype(np.int64)))
    assert area.low <= 0.5 <= area.high


def test_a_stand_in_finds_what_a_forest_remembers():
    found = measure(
        bench_with(RandomForestClassifier(20, random_state=0)),
        PrivacyParams(stand_in=True),
    )

    attacks = {row["attack"]: row for row in found.tables["attacks"].to_pylist()}
    assert attacks["stand_in"]["low"] > 0.6
    assert found.facts["stand_in"] is True
