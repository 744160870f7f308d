"""What the page must not claim: overlap, incomparable tables, too few rows."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analyzers.core.errors import UnsuitableSubject
from analyzers.core.finding import Verdict, rate
from analyzers.policies import load_policy
from analyzers.privacy.evidence import fingerprints
from analyzers.privacy.judging import judge
from analyzers.privacy.measuring import measure
from analyzers.privacy.params import PrivacyParams
from tests.privacy.worlds import gaussian_bench, with_data

POLICY = load_policy("conventions")


def findings_of(bench, **params):
    measured = measure(bench, PrivacyParams(**params))
    return {finding.code: finding for finding in judge(measured, POLICY)}


def test_tables_from_two_worlds_void_the_attack():
    findings = findings_of(gaussian_bench(distance=3.0, shift=2.0))

    check = findings["privacy.distribution_auc"]
    assert check.verdict == Verdict.INCONCLUSIVE
    assert "not the model" in check.reason
    assert "'x'" in check.remedy
    assert check.estimate.low > 0.55
    assert check.estimate.n == 1200
    for code in ("attack_auc", "tpr_at_fpr_1_percent"):
        assert findings[f"privacy.{code}"].verdict == Verdict.INCONCLUSIVE
        assert findings[f"privacy.{code}"].reason.startswith("Void")


def test_a_check_of_the_test_never_rates_the_model():
    for shift in (0.0, 2.0):
        found = findings_of(gaussian_bench(shift=shift))["privacy.distribution_auc"]

        assert rate([found]).verdict == Verdict.INCONCLUSIVE
        assert "judges the test" in found.reason


def test_the_limit_of_the_check_is_the_policys():
    measured = measure(gaussian_bench(distance=3.0, shift=2.0), PrivacyParams())
    loose = POLICY.model_copy(
        update={
            "thresholds": tuple(
                limit.model_copy(update={"fail": 0.999})
                if limit.indicator == "privacy.distribution_auc"
                else limit
                for limit in POLICY.thresholds
            )
        }
    )

    findings = {finding.code: finding for finding in judge(measured, loose)}

    assert findings["privacy.attack_auc"].verdict == Verdict.FAIL


def test_another_share_of_outcomes_voids_the_attack_too():
    bench = gaussian_bench(distance=3.0, seed=1)
    labels = np.asarray(bench.predictions.labels)
    few_yes = np.flatnonzero((labels == 0) | (np.arange(600) % 5 == 0))

    findings = findings_of(with_data(bench, few_yes))

    assert findings["privacy.attack_auc"].reason.startswith("Void")


def test_a_leak_between_comparable_tables_fails():
    findings = findings_of(gaussian_bench(distance=2.0))

    assert findings["privacy.attack_auc"].verdict == Verdict.FAIL
    assert findings["privacy.tpr_at_fpr_1_percent"].verdict == Verdict.WARN
    assert "Of 1,000 records" in findings["privacy.tpr_at_fpr_1_percent"].headline


@pytest.mark.parametrize(("n", "code"), [(250, "tpr_at_fpr_1_percent"),
                                         (1200, "tpr_at_fpr_01_percent")])  # fmt: skip
def test_too_few_non_members_are_inconclusive_and_say_how_many_are_needed(n, code):
    finding = findings_of(gaussian_bench(400, n, distance=2.0))[f"privacy.{code}"]

    assert finding.verdict == Verdict.INCONCLUSIVE
    assert ("300" if "1_percent" in code and "01" not in code else "3,000") in finding.reason


def test_rows_in_both_tables_are_left_out_and_counted():
    bench = gaussian_bench(distance=1.0)
    copied = pd.concat([bench.data.frame.iloc[40:], bench.training_data.frame.iloc[:40]])
    labels = np.concatenate([bench.data.labels[40:], bench.training_data.labels[:40]])
    data = replace(bench.data, frame=copied.reset_index(drop=True), labels=labels)
    predictions = replace(bench.predictions, labels=labels)

    measured = measure(replace(bench, data=data, predictions=predictions), PrivacyParams())

    assert measured.facts["n_overlapping_members"] == 40
    assert measured.facts["n_overlapping_non_members"] == 40
    assert measured.facts["n_members"] == 560
    assert measured.facts["n_non_members"] == 560
    codes = [finding.code for finding in judge(measured, POLICY)]
    assert "privacy.overlap" in codes


def test_five_rows_get_a_sentence():
    with pytest.raises(UnsuitableSubject, match=r"at least 10 held-out rows.*got 5"):
        measure(with_data(gaussian_bench(), np.arange(5)), PrivacyParams())


def test_no_answers_on_the_training_rows_get_a_sentence():
    with pytest.raises(UnsuitableSubject, match="training data"):
        measure(replace(gaussian_bench(), training_predictions=None), PrivacyParams())


def test_rows_without_outcome_are_counted_and_left_out():
    bench = gaussian_bench()
    labels = np.asarray(bench.predictions.labels).copy()
    labels[:30] = -1
    predictions = replace(bench.predictions, labels=labels)

    facts = measure(replace(bench, predictions=predictions), PrivacyParams()).facts

    assert facts["n_without_outcome"] == 30
    assert facts["n_non_members"] == 570


def test_one_outcome_only_still_works():
    bench = gaussian_bench(distance=2.0)
    inside = np.asarray(bench.training_predictions.labels) == 1
    outside = np.asarray(bench.predictions.labels) == 1
    one = with_data(bench, np.flatnonzero(outside))
    kept = np.flatnonzero(inside)
    training = bench.training_predictions
    one = replace(
        one,
        training_data=bench.training_data.take(kept),
        training_predictions=replace(
            training, rows=training.rows[kept], labels=training.labels[kept],
            predicted=training.predicted[kept], scores=training.scores[kept],
        ),
    )  # fmt: skip

    assert measure(one, PrivacyParams()).estimates["attack_auc"].value > 0.8


def test_row_order_and_seed_decide_nothing_else():
    bench = gaussian_bench(distance=1.0)
    order = np.random.default_rng(8).permutation(600)

    first = measure(bench, PrivacyParams())
    again = measure(replace(with_data(bench, order), rng=np.random.default_rng(0)), PrivacyParams())

    for name, estimate in first.estimates.items():
        assert again.estimates[name] == estimate, name
    assert again.tables["exposed_records"].equals(first.tables["exposed_records"])


def test_groups_that_leak_more_are_named():
    bench = gaussian_bench(1200, 1200)
    women = (bench.training_data.frame["sex"] == "female").to_numpy()
    scores = bench.training_predictions.scores
    labels = np.asarray(bench.training_predictions.labels)
    scores[women] = 1e-6
    scores[women, labels[women]] = 1 - 1e-6

    finding = findings_of(bench)["privacy.difference_by_group.sex"]

    assert finding.concerns == "sex: female"
    assert finding.estimate.low > 0.5


def test_equal_groups_are_not_told_apart():
    estimate = findings_of(gaussian_bench(1200, 1200, distance=1.0))[
        "privacy.difference_by_group.sex"
    ].estimate

    assert estimate.low == 0.0


def test_exposed_records_carry_row_numbers_and_no_value_of_the_table():
    table = measure(gaussian_bench(distance=2.0), PrivacyParams(listed_records=7)).tables[
        "exposed_records"
    ]

    assert table.num_rows == 7
    assert table.column_names == ["rank", "training_row", "attack", "score", "p_value"]
    assert table["p_value"].to_pylist() == sorted(table["p_value"].to_pylist())


def test_a_claim_of_privacy_is_refuted_or_not_contradicted():
    leaking = gaussian_bench(distance=6.0)

    refuted = findings_of(leaking, claimed_epsilon=0.5)["privacy.epsilon_lower_bound"]
    held = findings_of(leaking, claimed_epsilon=50.0)["privacy.epsilon_lower_bound"]

    assert refuted.verdict == Verdict.FAIL
    assert "refutes" in refuted.headline
    assert held.verdict == Verdict.INCONCLUSIVE
    assert "does not contradict" in held.reason


def test_fingerprints_see_values_and_not_types():
    first = pd.DataFrame({"a": [1, 2], "b": ["x", None]})
    second = pd.DataFrame({"a": [1.0, 3.0], "b": ["x", None]})

    one, other = fingerprints(first, None), fingerprints(second, None)

    assert one[0] == other[0]
    assert one[1] != other[1]


def test_equal_pictures_have_equal_fingerprints():
    pictures = np.random.default_rng(0).random((3, 4, 4, 1)).astype(np.float32)
    frame = pd.DataFrame({"label": [1, 1, 1]})

    keys = fingerprints(frame, np.concatenate([pictures[:2], pictures[:1]]))

    assert keys[0] == keys[2]
    assert keys[0] != keys[1]


def test_by_class_is_at_least_as_strong_where_classes_differ():
    bench = gaussian_bench(1500, 1500, distance=1.5)
    # The class "yes" is easy for everybody: one threshold for all finds only its records.
    for side in (bench.training_predictions, bench.predictions):
        easy = np.asarray(side.labels) == 1
        odds = np.log(side.scores[easy, 1] / side.scores[easy, 0]) + 6
        side.scores[easy, 1] = 1 / (1 + np.exp(-odds))
        side.scores[easy, 0] = 1 / (1 + np.exp(odds))

    def area(**params):
        return measure(bench, PrivacyParams(**params)).estimates["attack_auc"].value

    together = area(learned=False)

    assert area(by_class=True, learned=False) > together + 0.1
    # The learned attack knows the outcome, and needs no threshold for each class.
    assert area() > together + 0.1
