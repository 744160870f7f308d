import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzers.core.dataset import Predictions
from analyzers.core.errors import ModelMisbehaved, RefusedFile
from analyzers.core.params import NoParams
from analyzers.core.subject import Column, Role
from analyzers.predictions import (
    PREDICTIONS,
    predict,
    predictions_from,
    predictions_given,
    table_of,
)
from tests.benches import CREDIT_COLUMNS, credit_bench, dataset_of, subject_of


def given_table(frame: pd.DataFrame, *, task="binary", classes=("no", "yes"), positive=None):
    columns = tuple(
        Column(
            name=name,
            kind="number" if pd.api.types.is_numeric_dtype(frame[name]) else "category",
            role=Role.LABEL if name == "y" else Role.PREDICTION,
        )
        for name in frame.columns
    )
    subject = subject_of(columns, task=task, classes=classes, n_rows=len(frame), model=False)
    if positive:
        subject = subject.model_copy(update={"positive_class": positive})
    return dataset_of(subject, frame)


def test_the_model_is_asked_about_both_tables_in_batches_with_the_same_answers():
    bench = credit_bench(400)

    tables = PREDICTIONS.measure(bench, NoParams()).tables

    whole = predict(bench.need_model(), bench.data)
    read = predictions_from(tables["predictions"], bench.subject)
    np.testing.assert_array_equal(read.predicted, whole.predicted)
    np.testing.assert_allclose(read.scores, whole.scores, rtol=0, atol=0)
    np.testing.assert_array_equal(read.labels, bench.data.labels)
    assert len(tables["training_predictions"]) == len(bench.training_data)


@given(st.lists(st.tuples(st.floats(0, 1), st.sampled_from([-1, 0, 1])), min_size=1, max_size=30))
def test_predictions_survive_being_a_table(rows):
    scores = np.array([[1 - p, p] for p, _ in rows])
    subject = subject_of(CREDIT_COLUMNS, n_rows=len(rows))
    made = Predictions(
        rows=np.arange(len(rows)),
        labels=np.array([label for _, label in rows]),
        predicted=scores.argmax(axis=1),
        scores=scores,
    )

    read = predictions_from(table_of(made), subject)

    np.testing.assert_array_equal(read.labels, made.labels)
    np.testing.assert_array_equal(read.predicted, made.predicted)
    np.testing.assert_array_equal(read.scores, made.scores)


@pytest.mark.parametrize(
    ("predicted", "scores"),
    [([2], [[0.5, 0.5]]), ([0.5], [[0.5, 0.5]]), ([1], [[0.5]]), ([1], [[1.5, -0.5]]),
     ([1], [[0.5, 0.5, 0.0]])],
)  # fmt: skip
def test_a_forged_table_of_predictions_is_refused(predicted, scores):
    subject = subject_of(CREDIT_COLUMNS, n_rows=1)
    made = Predictions(
        rows=np.arange(1), labels=None, predicted=np.array(predicted), scores=np.array(scores)
    )

    with pytest.raises(ModelMisbehaved):
        predictions_from(table_of(made), subject)


def test_one_score_column_is_the_probability_of_the_positive_class():
    frame = pd.DataFrame({"y": ["no", "yes", "no"], "score": [0.1, 0.8, 0.6]})

    last = predictions_given(given_table(frame))
    first = predictions_given(given_table(frame, positive="no"))

    np.testing.assert_allclose(last.scores, [[0.9, 0.1], [0.2, 0.8], [0.4, 0.6]])
    assert last.predicted.tolist() == [0, 1, 1]
    np.testing.assert_allclose(first.scores, last.scores[:, ::-1])


def test_predicted_names_win_over_the_highest_score():
    frame = pd.DataFrame({"y": ["no", "yes"], "answer": ["no", "no"], "score": [0.1, 0.8]})

    made = predictions_given(given_table(frame))

    assert made.predicted.tolist() == [0, 0]
    np.testing.assert_allclose(made.scores[:, 1], [0.1, 0.8])


def test_score_columns_are_matched_to_classes_by_name_not_by_position():
    frame = pd.DataFrame({"y": ["b"], "score_c": [0.2], "score_a": [0.3], "score_b": [0.5]})

    made = predictions_given(given_table(frame, task="multiclass", classes=("a", "b", "c")))

    np.testing.assert_allclose(made.scores, [[0.3, 0.5, 0.2]])


@pytest.mark.parametrize(
    ("scores", "words"),
    [([0.1, None], "empty cells"), ([0.1, 1.5], r"in \[0, 1\]"), ([0.1, np.inf], "finite")],
)
def test_score_columns_that_cannot_be_right_are_refused(scores, words):
    frame = pd.DataFrame({"y": ["no", "yes"], "score": scores})

    with pytest.raises(RefusedFile, match=words):
        predictions_given(given_table(frame))


def test_a_regression_table_gives_its_numbers():
    frame = pd.DataFrame({"y": [1.0, 2.0], "prediction": [1.5, 1.75]})

    made = predictions_given(given_table(frame, task="regression", classes=()))

    assert made.predicted.tolist() == [1.5, 1.75]
    assert made.scores is None
