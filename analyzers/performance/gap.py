"""How much better the model is on its training data, and than always giving one answer."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analyzers.core.dataset import Predictions
from analyzers.core.result import Estimate
from analyzers.performance.tables import METRICS, TEST, TRAINING, metric_rows
from analyzers.toolkit.intervals import difference_estimate, mean_estimate, rate_estimate

NO_TRAINING_DATA = "No training data was given as a second table."


def accuracy_of(predictions: Predictions) -> Estimate:
    """Share of labelled rows that are right."""
    labels = np.asarray(predictions.labels)
    known = labels >= 0
    return rate_estimate(int((labels == predictions.predicted)[known].sum()), int(known.sum()))


def lift_over_majority(labels: NDArray[np.integer], decisions: NDArray[np.integer]) -> Estimate:
    """Accuracy minus that of always answering the most frequent class, row by row."""
    known = labels >= 0
    if not known.any():
        return Estimate.unmeasured("No row has a known outcome.")
    majority = int(np.bincount(labels[known]).argmax())
    is_right = labels[known] == decisions[known]
    return mean_estimate(is_right.astype(np.float64) - (labels[known] == majority))


def gap_rows(test: tuple[str, Estimate], training: Estimate | None) -> tuple[Estimate, pa.Table]:
    """Compare the task's first metric on training and test data.

    Returns:
        The gap, positive where the model is better on its training data, and table rows.
    """
    name, on_test = test
    if training is None:
        gap = Estimate.unmeasured(NO_TRAINING_DATA)
        return gap, metric_rows([("train_test_gap", gap)])
    gap = difference_estimate(training, on_test)
    title = METRICS[name].title
    if gap.value is not None:
        gap = gap.model_copy(update={"method": f"{title}, {gap.method}"})
    rows = [metric_rows([(name, training)], data=TRAINING)]
    rows.append(metric_rows([("train_test_gap", gap)], data=TEST))
    return gap, pa.concat_tables(rows)
