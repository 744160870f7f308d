"""k-anonymity, l-diversity and t-closeness: worked by hand, by pandas, and as properties."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analyzers.core.errors import UnsuitableSubject
from analyzers.policies import load_policy
from analyzers.privacy.judging import judge
from analyzers.privacy.measuring import measure
from analyzers.privacy.params import PrivacyParams
from analyzers.privacy.singling_out import anonymity_of, measure_singling_out
from tests.benches import credit_bench


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

    part = measure_singling_out(training, columns)

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
    few, more = (measure_singling_out(training, columns) for columns in (("sex",), ("sex", "age")))

    assert more.estimates["k_anonymity"].value <= few.estimates["k_anonymity"].value
    assert more.estimates["unique_records"].value >= few.estimates["unique_records"].value
    assert more.estimates["t_closeness"].value >= few.estimates["t_closeness"].value


def test_nothing_is_counted_unasked():
    assert measure_singling_out(credit_bench().training_data, ()).estimates == {}


def test_a_column_that_is_not_there_gets_a_sentence():
    with pytest.raises(UnsuitableSubject, match="'postcode'"):
        measure_singling_out(credit_bench().training_data, ("postcode",))


def test_findings_name_the_columns_and_no_record():
    measured = measure(credit_bench(), PrivacyParams(quasi_identifiers=("age", "sex", "region")))
    findings = {item.code: item for item in judge(measured, load_policy("conventions"))}

    headline = findings["privacy.unique_records"].headline
    assert headline.startswith("By age, sex, region: ")
    assert "n = 600" in headline
    assert measured.tables["combination_sizes"].column_names == [
        "size", "combinations", "records", "n_records",
    ]  # fmt: skip
