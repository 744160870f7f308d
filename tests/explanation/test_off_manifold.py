"""Models built to fool explainers are noticed, honest ones of every kind are not."""

import lightgbm
import numpy as np
import pandas as pd
import pytest
import skops.io
from threadpoolctl import threadpool_limits

from analyzers.core.result import Estimate, Measurements
from analyzers.explanation.judging import judge
from analyzers.explanation.off_manifold import (
    LEAST_ROWS,
    Trade,
    count_questions,
    off_manifold_gap,
)
from analyzers.policies import load_policy
from sample_models import sample_named
from tests.explanation.fooling import (
    HONEST,
    Scaffolding,
    by_sensitive,
    by_sex,
    german_people,
    honest_answer,
    lime_questions,
    number_people,
    one_harmless,
    shap_questions,
    two_harmless,
)
from tests.sample_models.test_build import TRUSTED

TABLES = {
    "German credit": (german_people(0)[:500], by_sex, "sex"),
    "15 columns": (number_people(800, 12, 0), by_sensitive, "sensitive"),
    "203 columns": (number_people(500, 200, 0), by_sensitive, "sensitive"),
}


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Small models: on a busy machine threads wait for each other longer than they compute."""
    with threadpool_limits(1):
        yield


def gap_of(answer, rows, seed=0) -> Trade:
    return off_manifold_gap(answer, rows, np.random.default_rng(seed))


@pytest.mark.parametrize("harmless", [one_harmless, two_harmless], ids=["one", "two"])
@pytest.mark.parametrize("mixing", [lime_questions, shap_questions], ids=["LIME", "SHAP"])
@pytest.mark.parametrize("table", TABLES)
def test_scaffolding_is_noticed_and_both_its_columns_are_named(table, mixing, harmless):
    people, rule, sensitive = TABLES[table]
    model = Scaffolding(people, mixing, rule, harmless, seed=1)
    # It does what it was built for.
    assert (model(people) == rule(people)).all()
    mixed = lime_questions(people, np.random.default_rng(9))
    assert (model(mixed) == harmless(mixed)).mean() > 0.75

    found = gap_of(model, people)

    assert found.gap.low > 0.1
    assert found.on_mixed in ("first", "second")
    assert found.on_real == sensitive


@pytest.mark.parametrize("n_columns", [5, 20, 100])
@pytest.mark.parametrize("name", HONEST)
def test_no_honest_model_is_suspected(name, n_columns):
    people = number_people(400, n_columns, n_columns, common=0.6)

    found = gap_of(honest_answer(name, people, 0), people)

    assert found.gap.low < 0.01
    assert found.gap.value < 0.05


@pytest.mark.parametrize("name", ["german_credit", "breast_cancer", "bike_rental"])
@pytest.mark.parametrize("seed", range(3))
def test_no_sample_is_suspected(name, seed):
    sample = sample_named(name)
    target = sample.params.target
    if sample.model_path.suffix == ".skops":
        rows = pd.read_csv(sample.training_data_path).drop(columns=target)
        model = skops.io.load(sample.model_path, trusted=TRUSTED)
        unit, answer = 1.0, lambda asked: model.predict_proba(asked)[:, 1]
    else:
        rows = pd.read_parquet(sample.training_data_path).drop(columns=target).iloc[:2000]
        answer = lightgbm.Booster(model_file=sample.model_path).predict
        unit = 2 * answer(rows).std()

    found = gap_of(answer, rows, seed).gap

    assert found.low / unit < 0.01
    assert found.value / unit < 0.05


def test_a_model_that_is_flat_or_livelier_off_the_data_is_not_suspected():
    people = number_people(400, 6, 0)
    middle, spread = people["x0"].mean(), people["x0"].std()

    def fading(rows):
        return by_sensitive(rows) * np.exp(-np.abs(rows["x0"] - rows["x1"])).to_numpy()

    def growing(rows):
        return by_sensitive(rows) * np.abs(rows["x0"] - rows["x1"]).to_numpy() / spread + middle

    for answer in (fading, growing, lambda rows: np.zeros(len(rows))):
        assert gap_of(answer, people).gap.low <= 0.01


def test_the_gap_of_a_known_switch_is_its_known_size():
    # Twins tell real rows from mixed ones: the two rules are taken apart exactly.
    rng = np.random.default_rng(0)
    twin = rng.normal(size=2000)
    people = pd.DataFrame(
        {"a": twin, "b": twin, "true": rng.integers(0, 2, 2000), "mask": rng.integers(0, 2, 2000)}
    )

    def switched(rows):
        return np.where(rows["a"] == rows["b"], rows["true"], rows["mask"]).astype(float)

    found = gap_of(switched, people)

    # Half of the replaced values of a 0/1 column are another.
    assert found.gap.low < 0.5 < found.gap.high
    assert (found.on_mixed, found.gap.n) == ("mask", 300)
    # Replacing a twin turns a real row into a mixed one, which changes as much.
    assert found.on_real in ("a", "b", "true")


def test_the_questions_are_those_counted_and_bounded_in_wide_tables():
    asked = []

    def answer(rows):
        asked.append(len(rows))
        return rows.iloc[:, 0].to_numpy(np.float64)

    for n_columns in (2, 9, 40, 1000, 1500):
        asked.clear()
        people = pd.DataFrame(np.random.default_rng(0).normal(size=(400, n_columns)))
        gap_of(answer, people)
        assert sum(asked) == count_questions(n_columns) < 11_000


def test_too_few_columns_or_rows_are_said():
    def answer(rows):
        return rows.iloc[:, 0].to_numpy(np.float64)

    people = number_people(LEAST_ROWS, 3, 0)

    assert gap_of(answer, people).gap.value is not None
    assert "at least 20 rows" in gap_of(answer, people[:-1]).gap.reason
    assert "one column" in gap_of(answer, people[["x0"]]).gap.reason


def test_the_rows_are_left_as_they_are_and_the_seed_decides():
    people = german_people(0)[:200]
    before = people.copy()

    first, again, other = (gap_of(one_harmless, people, seed).gap for seed in (1, 1, 2))

    pd.testing.assert_frame_equal(people, before)
    assert first == again != other


@pytest.mark.parametrize(
    ("low", "words"),
    [
        (0.2, "{value} columns moves the answer more than on real rows and sex less"),
        (-0.1, "No column is seen to trade places"),
    ],
)
def test_the_finding_names_the_columns_only_where_they_trade_places(low, words):
    measurements = Measurements(
        estimates={"off_manifold_gap": Estimate(value=0.3, low=low, high=0.4, n=300)},
        facts={"on_mixed_rows": "{value} columns", "on_real_rows": "sex"},
    )

    (finding,) = judge(measurements, load_policy("conventions"))

    assert words in finding.headline
    assert ("sex" in finding.headline) == (low > 0)
