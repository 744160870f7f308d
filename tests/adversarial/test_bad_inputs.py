"""What breaks an attack, through the real runner: a sentence that says what it is, or a result."""

import io

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression

from analyzers.adversarial import ANALYZER
from analyzers.core.job import Failed, JobState
from analyzers.core.result import Measurements
from analyzers.inspection import InspectionParams
from analyzers.jobs.runner import Runner
from analyzers.jobs.store import Store
from tests.examining import Upload, estimator, examine
from tests.examining import table as uploaded
from tests.jobs.uploads import script

pytestmark = [pytest.mark.sandbox]
N_ROWS = 60
RNG = np.random.default_rng(0)
ROWS = pd.DataFrame(
    {
        "a": RNG.normal(size=N_ROWS).round(3),
        "b": RNG.normal(size=N_ROWS).round(3),
        "c": RNG.integers(0, 5, N_ROWS),
    }
)
OUT = pd.Series(np.where(ROWS.a + ROWS.b + 0.3 * ROWS.c > 0.5, "yes", "no"), name="out")
GOOD = LogisticRegression().fit(ROWS, OUT)


class NanOffTheData(torch.nn.Module):
    """Answers every row of its data, and with NaN where both a and b are above 1."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        margin = x[:, 0] + x[:, 1] + 0.3 * x[:, 2] - 0.5
        odd = torch.logical_and(x[:, 1] > 1.0, x[:, 0] > 1.0)
        margin = torch.where(odd, margin * float("nan"), margin)
        return torch.stack([-margin, margin], dim=1)


class Brightness(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        light = x.reshape(x.size(0), -1).mean(1) - 0.5
        return torch.stack([-light, light], dim=1)


def table(rows: pd.DataFrame, out: pd.Series) -> Upload:
    return uploaded(pd.concat([rows, out], axis=1))


def attack(
    runner: Runner, store: Store, data: Upload, model: Upload, **chosen: object
) -> JobState | Measurements:
    target = "" if data[1].endswith(".npz") else "out"
    return examine(
        runner, store, ANALYZER, data=data, model=model, looking=InspectionParams(target=target),
        **({"rows": 30, "queries": 100} | chosen),
    )  # fmt: skip


REFUSED = {
    "a constant model": (
        table(ROWS, OUT), estimator(DummyClassifier(strategy="most_frequent").fit(ROWS, OUT)), {},
        "unsuitable", "a model whose answer depends on the row, got",
    ),
    "a constant prediction": (
        table(ROWS, ROWS.a.rename("out")), estimator(DummyRegressor().fit(ROWS, ROWS.a)), {},
        "unsuitable", "for all 60 rows and for 60 changed ones",
    ),
    "a constant outcome": (
        table(ROWS, pd.Series(np.full(N_ROWS, 2.5), name="out")),
        estimator(LinearRegression().fit(ROWS, np.full(N_ROWS, 2.5))), {},
        "unsuitable", "got 2.5",
    ),
    "all columns fixed": (
        table(ROWS, OUT), estimator(GOOD), {"frozen": ("a", "b", "c")},
        "unsuitable", "got none (a: it was chosen to stay fixed;",
    ),
    "neither up nor down": (
        table(ROWS, OUT), estimator(GOOD), {"rising": ("a", "b", "c"), "falling": ("a", "b", "c")},
        "unsuitable", "a: it may neither rise nor fall",
    ),
    "one row": (
        table(ROWS[:1], OUT[:1]), estimator(GOOD), {},
        "unsuitable", "a: it never varies in the data",
    ),
    "an answer that is no class": (
        table(ROWS, OUT), estimator(GOOD), {"wanted": "maybe"},
        "parameter", "got 'maybe'",
    ),
    "NaN on rows the attack makes": (
        table(ROWS[~((ROWS.a > 1) & (ROWS.b > 1))], OUT.map({"no": 0, "yes": 1})[
            ~((ROWS.a > 1) & (ROWS.b > 1))]),
        (script(NanOffTheData()), "model.pt"), {"budget": 5.0},
        "model", "Expected finite predictions, got NaN or infinity",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_attacked_is_said_in_a_sentence(runner, store, case):
    data, model, chosen, kind, words = REFUSED[case]

    state = attack(runner, store, data, model, **chosen)

    assert isinstance(state, Failed), state
    assert state.kind == kind, state
    assert words in state.message, state
    assert state.remedy
    assert "Traceback" not in state.message


def test_one_class_only_is_measured_and_said(runner, store):
    measured = attack(runner, store, table(ROWS, OUT.map(lambda _: "yes")), estimator(GOOD))

    assert isinstance(measured, Measurements), measured
    assert "All rows are of class 'yes': nothing is measured of the others." in measured.sampling
    groups = measured.tables["by_group"].to_pylist()
    assert {line["group"] for line in groups} == {"yes"}


def test_a_column_missing_in_every_row_stays_missing_and_says_why(runner, store):
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline

    rows = ROWS.assign(d=np.nan)
    filling = make_pipeline(SimpleImputer(keep_empty_features=True), LogisticRegression())

    measured = attack(runner, store, table(rows, OUT), estimator(filling.fit(rows, OUT)))

    assert isinstance(measured, Measurements), measured
    fixed = measured.tables["fixed_columns"].to_pylist()
    assert fixed == [{"feature": "d", "reason": "it is missing in every row"}]


def test_two_hundred_columns_give_sentences_one_can_read(runner, store):
    rows = pd.DataFrame(RNG.normal(size=(N_ROWS, 200)), columns=[f"f{at}" for at in range(200)])
    out = pd.Series(np.where(rows.sum(axis=1) > 0, "yes", "no"), name="out")

    measured = attack(
        runner, store, table(rows, out), estimator(LogisticRegression().fit(rows, out)),
        queries=300, budget=5.0,
    )  # fmt: skip

    assert isinstance(measured, Measurements), measured
    sentences = measured.tables["examples"]["sentence"].to_pylist()
    assert sentences
    assert all(len(sentence) < 400 for sentence in sentences)
    assert any("smaller changes together flip" in sentence for sentence in sentences)


def test_chinese_column_names_come_through(runner, store):
    names = {"a": "收入", "b": "年龄", "c": "类别"}
    rows = ROWS.rename(columns=names)

    measured = attack(
        runner, store, table(rows, OUT), estimator(LogisticRegression().fit(rows, OUT))
    )

    assert isinstance(measured, Measurements), measured
    assert set(measured.tables["changes"]["feature"].to_pylist()) <= set(names.values())
    assert all(
        any(name in said for name in names.values())
        for said in measured.tables["examples"]["sentence"].to_pylist()
    )


def test_pictures_of_one_pixel_can_be_attacked(runner, store):
    pictures = RNG.random((N_ROWS, 1, 1, 1)).astype(np.float32)
    content = io.BytesIO()
    np.savez(content, images=pictures, labels=(pictures.ravel() > 0.5).astype(np.int64))

    files = (content.getvalue(), "data.npz"), (script(Brightness()), "model.pt")
    refused = attack(runner, store, *files, patch=0.5)
    measured = attack(runner, store, *files, pixels=4, certify=10)

    assert isinstance(refused, Failed)
    assert "a single pixel" in refused.remedy
    assert isinstance(measured, Measurements), measured
    assert measured.estimates["robust_accuracy"].value < 1
    assert measured.tables["other_budgets"].num_rows >= 1
