"""Tables read in parts give the counts of the whole, to the row."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzers.core.errors import InvalidParameter, UnsuitableSubject
from analyzers.fairness.counting import Names, count_cells
from analyzers.fairness.streaming import (
    Question,
    cells_of,
    count_batches,
    count_part,
    merge,
    split,
)
from analyzers.toolkit.groups import attribute_of
from analyzers.toolkit.rates import outcome_codes

QUESTION = Question(
    attributes=("sex", "age"), label="paid", positive="yes", score="score",
    edges={"age": (30.0, 50.0)},
)  # fmt: skip


def people(n_rows, seed=0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "sex": rng.choice(["f", "m", None], n_rows, p=[0.45, 0.45, 0.1]),
            "age": np.where(rng.random(n_rows) < 0.05, np.nan, rng.uniform(18, 80, n_rows)),
            "paid": rng.choice(["yes", "no", None], n_rows, p=[0.6, 0.3, 0.1]),
            "score": rng.random(n_rows),
        }
    )
    # Groups without a row in most parts.
    frame.loc[0, "sex"] = "x"
    return frame


def whole(frame):
    attributes = [attribute_of(frame["sex"]), attribute_of(frame["age"], edges=(30.0, 50.0))]
    labels = frame["paid"].map({"yes": 1, "no": 0}).fillna(-1).to_numpy(np.int64)
    return count_cells(
        [Names(item.name, item.levels) for item in attributes],
        [item.codes for item in attributes],
        outcome_codes(labels, frame["score"].to_numpy() >= 0.5),
    )


def assert_equal(one, other):
    assert one.names == other.names
    assert (one.codes == other.codes).all()
    assert (one.counts == other.counts).all()


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 400), st.lists(st.integers(0, 400), max_size=5), st.integers(0, 99))
def test_any_cut_into_batches_counts_the_same_rows(n_rows, cuts, seed):
    frame = people(n_rows, seed)
    edges = [0, *sorted(min(cut, n_rows) for cut in cuts), n_rows]
    table = pa.Table.from_pandas(frame, preserve_index=False)
    batches = [
        batch
        for first, last in pairwise(edges)
        for batch in table.slice(first, last - first).to_batches()
    ]

    assert_equal(cells_of(count_batches(batches, QUESTION), QUESTION), whole(frame))


@pytest.mark.parametrize("n_parts", [1, 3, 50])
def test_parts_of_a_file_counted_apart_add_up(tmp_path, n_parts):
    frame = people(5000)
    path = tmp_path / "people.parquet"
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), path, row_group_size=700)

    parts = split(path, n_parts)
    total = merge([count_part(part, QUESTION) for part in parts])

    assert len(parts) == min(n_parts, 8)
    assert_equal(cells_of(total, QUESTION), whole(frame))


def test_words_kept_as_codes_count_like_words():
    frame = people(300)
    table = pa.Table.from_pandas(frame.astype({"sex": "category"}), preserve_index=False)

    assert_equal(cells_of(count_batches(table.to_batches(), QUESTION), QUESTION), whole(frame))


def test_what_cannot_be_counted_is_a_sentence(tmp_path):
    frame = people(100)
    path = tmp_path / "people.parquet"
    pq.write_table(pa.Table.from_pandas(frame.drop(columns="sex"), preserve_index=False), path)
    with pytest.raises(UnsuitableSubject, match="none called sex"):
        count_part(split(path, 1)[0], QUESTION)
    uncut = Question(attributes=("age",), label="paid", positive="yes", score="score")
    table = pa.Table.from_pandas(frame, preserve_index=False)
    with pytest.raises(InvalidParameter, match="cut points for the number 'age'"):
        count_batches(table.to_batches(), uncut)
    holes = pa.Table.from_pandas(frame.assign(score=[None] * 100), preserve_index=False)
    with pytest.raises(UnsuitableSubject, match="100 without one"):
        count_batches(holes.to_batches(), QUESTION)
    with pytest.raises(UnsuitableSubject, match="got none"):
        count_batches([], QUESTION)
