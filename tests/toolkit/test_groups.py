import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzers.core.errors import InvalidParameter, UnsuitableSubject
from analyzers.toolkit.groups import attribute_of, group_by, parse_edges


def series(values, name="age"):
    return pd.Series(values, name=name)


def names_of(attribute):
    return [attribute.levels[code] for code in attribute.codes]


def test_words_keep_their_levels_in_order_and_missing_ones_come_last():
    attribute = attribute_of(series(["b", None, "a", "b"]))

    assert attribute.levels == ("a", "b", "missing")
    assert names_of(attribute) == ["b", "missing", "a", "b"]


def test_a_level_that_is_called_missing_is_not_mixed_up_with_no_value():
    attribute = attribute_of(series(["missing", None]))

    assert attribute.levels == ("missing", "no value given")


def test_a_number_with_few_values_is_not_cut():
    attribute = attribute_of(series([0, 1, 10, 2]))

    assert attribute.levels == ("0", "1", "2", "10")


def test_a_number_is_cut_into_groups_of_equal_size_by_observed_values():
    attribute = attribute_of(series(np.arange(100)), n_bins=4)

    assert len(attribute.levels) == 4
    assert np.bincount(attribute.codes).tolist() == [24, 25, 25, 26]
    assert attribute.levels[1] == "24 to under 49"
    assert "equal size" in attribute.made_by


def test_ages_can_be_cut_at_every_ten():
    attribute = attribute_of(series(np.arange(18, 65)), cutting="decades")

    assert attribute.edges == (20.0, 30.0, 40.0, 50.0, 60.0)
    assert attribute.levels[0] == "under 20"
    assert attribute.levels[-1] == "60 and over"


def test_a_wide_number_is_not_cut_into_hundreds_of_decades():
    attribute = attribute_of(series(np.arange(0, 5000, 7)), cutting="decades", n_bins=3)

    assert len(attribute.levels) == 3


def test_a_number_can_be_cut_into_equal_widths_or_at_points_of_ones_own():
    values = series(np.r_[np.arange(20), 100])

    assert attribute_of(values, cutting="equal widths", n_bins=2).edges == (50.0,)
    assert attribute_of(values, edges=(5.0, 10.0)).levels == (
        "under 5", "5 to under 10", "10 and over",
    )  # fmt: skip


def test_a_number_that_is_missing_forms_its_own_group():
    attribute = attribute_of(series([*range(20), np.nan, None]))

    assert attribute.levels[-1] == "missing"
    assert (attribute.codes == len(attribute.levels) - 1).sum() == 2


def test_a_column_without_any_value_is_one_group():
    for empty in (series([None, None], "sex"), series([np.nan] * 12)):
        attribute = attribute_of(empty)
        assert attribute.levels == ("missing",)
        assert set(attribute.codes) == {0}


def test_a_column_with_thousands_of_levels_is_refused_with_a_sentence():
    with pytest.raises(UnsuitableSubject, match=r"'name', got 10,000 different") as caught:
        attribute_of(series([f"person {number}" for number in range(10_000)], "name"))

    assert caught.value.remedy


def test_skewed_numbers_still_give_two_groups():
    attribute = attribute_of(series([0] * 95 + list(range(1, 12))), n_bins=4)

    assert len(attribute.levels) >= 2
    assert attribute.levels[0].startswith("under ")


@given(
    st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6)), min_size=1, max_size=60),
    st.sampled_from(["quantiles", "equal widths", "decades"]),
    st.integers(2, 6),
)
def test_every_row_gets_a_group_and_order_does_not_matter(values, cutting, n_bins):
    column = pd.Series(values, dtype="float64", name="x")

    attribute = attribute_of(column, cutting=cutting, n_bins=n_bins)
    backwards = attribute_of(column[::-1], cutting=cutting, n_bins=n_bins)

    assert attribute.codes.min() >= 0
    assert attribute.codes.max() < len(attribute.levels)
    assert names_of(attribute) == names_of(backwards)[::-1]
    assert len(set(attribute.levels)) == len(attribute.levels)


def test_rows_that_agree_form_a_group():
    codes = np.array([[1, 0], [0, 2], [1, 0], [0, 0]])

    members, levels = group_by(codes, [2, 3])

    assert members.tolist() == [2, 1, 2, 0]
    assert levels.tolist() == [[0, 0], [0, 2], [1, 0]]


def test_many_attributes_do_not_overflow():
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 100, (50, 12))

    members, levels = group_by(codes, [100] * 12)

    assert (levels[members] == codes).all()


def test_without_attributes_everyone_is_one_group():
    members, levels = group_by(np.zeros((4, 0), dtype=np.int64), [])

    assert members.tolist() == [0, 0, 0, 0]
    assert levels.shape == (1, 0)


def test_cut_points_are_read_from_text():
    assert parse_edges("age: 25, 40.5 ; net income: 30000;") == {
        "age": (25.0, 40.5),
        "net income": (30000.0,),
    }
    assert parse_edges("") == {}


@pytest.mark.parametrize(
    "text", ["age", "age:", "age: 1,x", "age: 3,2", "age: 2,2", ": 3", "a: nan"]
)
def test_cut_points_that_make_no_sense_are_refused(text):
    with pytest.raises(InvalidParameter, match="cut points such as"):
        parse_edges(text)
