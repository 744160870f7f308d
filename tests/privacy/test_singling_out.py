"""k-anonymity, l-diversity and t-closeness: worked by hand, by pandas, and as properties."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analyzers.core.errors import UnsuitableSubject
from analyzers.policies import load_policy
from analyzers.privacy.data_intrusion import match_risk
from analyzers.privacy.drawing import draw
from analyzers.privacy.judging import judge
from analyzers.privacy.measuring import measure
from analyzers.privacy.params import PrivacyParams
from analyzers.privacy.singling_out import anonymity_of, measure_singling_out
from tests.benches import credit_bench


def counted(training, columns, *, population=0, seed=0):
    rng = np.random.default_rng(seed)
    return measure_singling_out(training, columns, population=population, rng=rng)


def test_a_table_worked_by_hand():
    # Three combinations of 3, 2 and 1 records; outcomes 0 and 1, half and half.
    found = anonymity_of(
        np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 1, 0]), is_ordered=False
    )

    assert found.sizes.tolist() == [3, 2, 1]
    assert found.l_diversity == 1
    assert found.t_closeness == pytest.approx(0.5)


def test_ordered_outcomes_use_the_earth_movers_distance():
    combinations = np.repeat([0, 1], 3)
    outcomes = np.array([0, 0, 1, 1, 2, 2])

    found = anonymity_of(combinations, outcomes, is_ordered=True)

    expected = max(
        stats.wasserstein_distance(outcomes[combinations == code] / 2, outcomes / 2)
        for code in (0, 1)
    )
    assert found.t_closeness == pytest.approx(expected)


def test_counts_are_those_of_pandas():
    training = credit_bench().training_data
    columns = ("age", "sex", "region")
    sizes = training.frame.groupby(list(columns)).size()

    part = counted(training, columns)

    assert part.estimates["k_anonymity"].value == sizes.min()
    assert part.estimates["unique_records"].value == (sizes == 1).sum() / len(training)
    assert part.facts["n_combinations"] == len(sizes)
    diversity = training.frame.groupby(list(columns))["granted"].nunique().min()
    assert part.estimates["l_diversity"].value == diversity
    table = pd.DataFrame(part.tables["combination_sizes"])
    assert table["combinations"].sum() == len(sizes)
    assert table["records"].sum() == len(training)


def test_one_column_more_never_hides_anybody():
    training = credit_bench().training_data
    few, more = (counted(training, columns) for columns in (("sex",), ("sex", "age")))

    assert more.estimates["k_anonymity"].value <= few.estimates["k_anonymity"].value
    assert more.estimates["unique_records"].value >= few.estimates["unique_records"].value
    assert more.estimates["t_closeness"].value >= few.estimates["t_closeness"].value


def test_nothing_is_counted_unasked():
    assert counted(credit_bench().training_data, ()).estimates == {}


def test_a_column_that_is_not_there_gets_a_sentence():
    with pytest.raises(UnsuitableSubject, match="'postcode'"):
        counted(credit_bench().training_data, ("postcode",))


def test_a_match_is_right_as_often_as_said_whatever_the_sizes_of_the_groups():
    rng = np.random.default_rng(0)
    n_people, n_draws = 8000, 200
    worlds = (
        (0.1, lambda: rng.integers(0, 3000, n_people)),
        (0.3, lambda: rng.zipf(1.5, n_people) % 3000),
        (0.05, lambda: (3 * np.exp(rng.normal(4, 1.5, n_people))).astype(np.int64)),
    )
    for share, world in worlds:
        covered, errors = 0, []
        for _ in range(n_draws):
            values, is_drawn = world(), rng.random(n_people) < share
            everybody = np.bincount(values)
            drawn = np.bincount(values[is_drawn], minlength=len(everybody))
            truth = (drawn == 1).sum() / everybody[drawn == 1].sum()
            estimate = match_risk(
                *(int((drawn == size).sum()) for size in (1, 2, 3)),
                n_rows=int(is_drawn.sum()), population=n_people,
            )  # fmt: skip
            covered += estimate.low <= truth <= estimate.high
            errors.append(estimate.value - truth)
        assert covered / n_draws >= 0.92, share
        assert abs(np.mean(errors)) < 0.02, share


@pytest.mark.parametrize(
    ("counts", "n_rows", "population", "said"),
    [
        ((50, 9, 1), 100, 0, "is not given"),
        ((50, 9, 1), 100, 99, "at least the 100 records, got 99"),
        ((9, 9, 1), 100, 1000, "got 9"),
    ],
)
def test_what_cannot_be_estimated_says_why(counts, n_rows, population, said):
    estimate = match_risk(*counts, n_rows=n_rows, population=population)

    assert estimate.value is None
    assert said in estimate.reason


def test_where_everybody_is_in_the_table_every_match_is_right():
    assert match_risk(50, 9, 1, n_rows=100, population=100).value == 1.0
    without_pairs = match_risk(50, 0, 0, n_rows=100, population=1000)
    assert (without_pairs.value, without_pairs.high) == (1.0, 1.0)
    assert without_pairs.low < 0.9


def test_the_columns_that_single_out_are_those_of_pandas():
    training = credit_bench().training_data
    columns = ("age", "sex", "region")

    rows = counted(training, columns).tables["identifying_columns"]

    for row in rows:
        others = [name for name in columns if name != row["column"]]
        for key, kept in (("alone_without_it", others), ("alone_by_it_only", [row["column"]])):
            sizes = training.frame.groupby(kept, dropna=False).size()
            assert row[key] == (sizes == 1).sum()
        assert row["alone_with_all"] == (training.frame.groupby(list(columns)).size() == 1).sum()


def test_chance_alone_moves_outcomes_in_small_groups_and_not_in_large_ones():
    training = credit_bench().training_data
    small, large = (counted(training, columns) for columns in (("age", "region"), ("sex",)))

    assert small.facts["t_closeness_by_chance"] > 3 * large.facts["t_closeness_by_chance"]
    again = counted(training, ("age", "region"))
    assert again.facts == small.facts


def test_findings_name_the_columns_and_no_record():
    params = PrivacyParams(quasi_identifiers=("age", "sex", "region"), population=50_000)
    measured = measure(credit_bench(), params)
    findings = {item.code: item for item in judge(measured, load_policy("conventions"))}

    headline = findings["privacy.unique_records"].headline
    assert headline.startswith("By age, sex, region: ")
    assert "n = 600" in headline
    assert measured.tables["combination_sizes"].column_names == [
        "size", "combinations", "records", "n_records",
    ]  # fmt: skip
    assert "a random sample of 50,000 people" in findings["privacy.match_risk"].headline
    titles = [chart.title for chart in draw(measured)]
    assert any(title.startswith("Leaving out age ") for title in titles), titles


def test_where_nobody_says_how_many_people_there_are_the_finding_says_so():
    measured = measure(credit_bench(), PrivacyParams(quasi_identifiers=("age", "sex")))
    findings = {item.code: item for item in judge(measured, load_policy("conventions"))}

    assert findings["privacy.match_risk"].verdict.value == "not_tested"
    assert "is not given" in findings["privacy.match_risk"].reason
