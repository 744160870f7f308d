import numpy as np
import pandas as pd

from analyzers.toolkit.sampling import content_order, sample_rows, sampling_note
from tests.benches import credit_bench


def shuffled(data, seed=3):
    return data.take(np.random.default_rng(seed).permutation(len(data)))


def test_the_order_of_a_shuffled_file_is_the_same():
    data = credit_bench(80).data
    other = shuffled(data)

    first = data.take(content_order(data)).frame
    again = other.take(content_order(other)).frame

    pd.testing.assert_frame_equal(first, again)


def test_a_sample_of_a_shuffled_file_holds_the_same_rows():
    data = credit_bench(120).data
    other = shuffled(data)

    mine, theirs = (
        item.take(sample_rows(item, 30, np.random.default_rng(5))).frame for item in (data, other)
    )

    pd.testing.assert_frame_equal(mine, theirs)


def test_a_sample_is_within_bounds_and_without_repeats():
    data = credit_bench(60).data
    rng = np.random.default_rng(0)

    assert len(sample_rows(data, 500, rng)) == 60
    rows = sample_rows(data, 20, rng)
    assert len(rows) == len(set(rows.tolist())) == 20


def test_strata_keep_their_shares_and_none_is_lost():
    data = credit_bench(100).data
    strata = np.zeros(100, dtype=np.int64)
    strata[:20] = 1
    strata[40] = 2

    rows = sample_rows(data, 25, np.random.default_rng(0), strata=strata)

    assert len(rows) == 25
    drawn = np.bincount(strata[rows], minlength=3)
    assert drawn[2] == 1
    assert abs(drawn[1] - 5) <= 1


def test_a_known_order_changes_nothing_and_a_sample_is_in_content_order_already():
    data = credit_bench(90).data
    again = data.take(sample_rows(data, 40, np.random.default_rng(2)))

    with_order = sample_rows(data, 40, np.random.default_rng(2), order=content_order(data))

    np.testing.assert_array_equal(with_order, sample_rows(data, 40, np.random.default_rng(2)))
    np.testing.assert_array_equal(content_order(again), np.arange(40))


def test_the_note_says_how_many_of_how_many():
    assert sampling_note(5, 5, "Plot") == ""
    note = sampling_note(5, 1000, "Plot", strata=("the outcome",))
    assert "5 of 1,000 rows" in note
    assert "the outcome" in note
