"""What breaks the attack, through the real runner: a sentence that says what it is, or a result."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from analyzers.core.errors import UnsuitableSubject
from analyzers.core.job import Failed, JobState
from analyzers.core.result import Measurements
from analyzers.inspection import InspectionParams
from analyzers.jobs.runner import Runner
from analyzers.jobs.store import Store
from analyzers.policies import load_policy
from analyzers.privacy import ANALYZER
from tests.examining import estimator, examine, table

pytestmark = [pytest.mark.sandbox]
FEATURES = ["a", "b", "c"]


def rows(n_rows: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "a": rng.normal(size=n_rows).round(4),
            "b": rng.normal(size=n_rows).round(4),
            "c": rng.integers(0, 5, n_rows),
        }
    )
    return frame.assign(out=np.where(frame.a + frame.b + 0.3 * frame.c > 0.5, "yes", "no"))


TRAINING, DATA = rows(80, 1), rows(60, 2)
GOOD = LogisticRegression().fit(TRAINING[FEATURES], TRAINING.out)
# Answers as before; but a copy of it cannot be fitted with such a setting.
REFUSING = LogisticRegression().fit(TRAINING[FEATURES], TRAINING.out).set_params(C=-1.0)


def scored(frame: pd.DataFrame, *, gaps: bool = False) -> pd.DataFrame:
    made = frame.assign(p=np.clip(0.2 * frame.a + 0.5, 0, 1))
    return made.assign(p=made.p.where(made.index % 7 > 0)) if gaps else made


def attack(
    runner: Runner,
    store: Store,
    data: pd.DataFrame,
    training: pd.DataFrame | None,
    model: object,
    **chosen: object,
) -> JobState | Measurements:
    return examine(
        runner, store, ANALYZER,
        data=table(data),
        model=None if model is None else estimator(model),
        training=None if training is None else table(training, "training.csv"),
        looking=InspectionParams(target="out", score_column="p" if "p" in data else ""),
        **({"learned": False} | chosen),
    )  # fmt: skip


REFUSED = {
    "the training file is the other file": (
        DATA, DATA, GOOD, "got 0: of 60, 60 are in both and 0 have no outcome",
    ),
    "five rows": (DATA[:5], TRAINING[:5], GOOD, "got 5: of 5, 0 are in both"),
    "no outcome in the training table": (
        DATA, TRAINING.assign(out=None), GOOD, "of 80, 0 are in both and 80 have no outcome",
    ),
    "a training table that lacks a column": (
        DATA, TRAINING.drop(columns="b"), GOOD, 'got none called "b"',
    ),
    "a training table with other outcomes": (
        DATA, TRAINING.assign(out="maybe"), GOOD, 'expected the classes "no", "yes"',
    ),
    "scores that are missing": (
        scored(DATA, gaps=True), scored(TRAINING), None, "got empty cells in p",
    ),
    "training scores that are missing": (
        scored(DATA), scored(TRAINING, gaps=True), None,
        "none were given. In the training table: Expected an answer in every row",
    ),
    "a training table without scores": (
        scored(DATA), TRAINING, None, "needs the model's answers on the training data",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_attacked_is_said_in_a_sentence(runner, store, case):
    data, training, model, words = REFUSED[case]

    state = attack(runner, store, data, training, model)

    assert isinstance(state, Failed), state
    assert state.kind in {"unsuitable", "refused"}, state
    assert words in state.message, state
    assert state.remedy
    assert "Traceback" not in state.message


def test_without_a_training_table_nothing_is_started(runner, store):
    with pytest.raises(UnsuitableSubject, match="needs the training data as a second table"):
        attack(runner, store, DATA, None, GOOD)


def test_rows_in_both_tables_are_said_left_out_and_counted(runner, store):
    measured = attack(runner, store, DATA, pd.concat([TRAINING, DATA[:20]]), GOOD)

    assert isinstance(measured, Measurements), measured
    assert measured.facts["n_members"] == 80
    assert measured.facts["n_non_members"] == 40
    said = {
        item.code: item.headline for item in ANALYZER.judge(measured, load_policy("conventions"))
    }
    assert said["privacy.overlap"].startswith("20 training rows and 20 held-out rows")


def test_one_class_is_measured_and_said(runner, store):
    measured = attack(runner, store, DATA.assign(out="yes"), TRAINING.assign(out="yes"), GOOD)

    assert isinstance(measured, Measurements), measured
    assert any("are of class 'yes': nothing is measured" in note for note in measured.sampling)


def test_a_model_that_refuses_to_be_fitted_anew_is_attacked_without(runner, store):
    measured = attack(
        runner, store, DATA, TRAINING, REFUSING, shadow_models="4", audited_records=20
    )

    assert isinstance(measured, Measurements), measured
    assert measured.facts["shadow_models"] == 0
    assert measured.estimates["attack_auc"].value is not None
    for beginning in ("No shadow models were fitted.", "No one-run audit was made."):
        (note,) = (note for note in measured.sampling if note.startswith(beginning))
        assert "Expected the model to be fitted anew" in note
        assert "'C' parameter" in note


def test_scores_in_both_tables_are_enough_and_what_needs_the_model_says_so(runner, store):
    measured = attack(
        runner, store, scored(DATA), scored(TRAINING), None, shadow_models="4",
        audited_records=20, label_only_copies=5, extraction=True, stand_in=True, inversion=True,
    )  # fmt: skip

    assert isinstance(measured, Measurements), measured
    assert measured.facts["n_members"] == 80
    assert measured.estimates["attack_auc"].value is not None
    assert sum("predictions only" in note or "needs the model" in note.lower()
               for note in measured.sampling) >= 2, measured.sampling  # fmt: skip


def test_one_more_column_in_the_training_table_changes_nothing(runner, store):
    measured = attack(runner, store, DATA, TRAINING.assign(more=1), GOOD)

    assert isinstance(measured, Measurements), measured
    assert measured.facts["n_members"] == 80


def test_few_non_members_never_claim_a_rate_they_cannot_show(runner, store):
    measured = attack(runner, store, DATA, TRAINING, GOOD)

    assert isinstance(measured, Measurements), measured
    findings = {item.code: item for item in ANALYZER.judge(measured, load_policy("conventions"))}
    found = findings["privacy.tpr_at_fpr_01_percent"]
    assert "one false accusation in 31, the fewest" in found.headline
    assert "3,000 are needed" in found.reason
