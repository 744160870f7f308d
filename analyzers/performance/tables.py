"""The tables this analyzer returns, and the words for each metric."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import pyarrow as pa

from analyzers.core.result import Estimate

TEST, TRAINING = "test", "training"


class Metric(NamedTuple):
    """A metric in words: its title, and what it says in one sentence."""

    title: str
    meaning: str


METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        "accuracy": Metric("Accuracy", "Share of rows that are right."),
        "lift_over_majority": Metric(
            "Accuracy above the majority class",
            "Accuracy minus that of always answering the most frequent class.",
        ),
        "balanced_accuracy": Metric("Balanced accuracy", "Mean of the recalls of all classes."),
        "precision": Metric("Precision", "Share of the selected rows that are truly positive."),
        "recall": Metric("Recall", "Share of the truly positive rows that are selected."),
        "specificity": Metric("Specificity", "Share of the truly negative rows left unselected."),
        "negative_predictive_value": Metric(
            "Negative predictive value", "Share of the unselected rows that are truly negative."
        ),
        "selection_rate": Metric("Selection rate", "Share of all rows that are selected."),
        "f1": Metric("F1", "Harmonic mean of precision and recall."),
        "matthews_correlation": Metric(
            "Matthews correlation", "Correlation of decision and outcome, from -1 to 1."
        ),
        "roc_auc": Metric(
            "Area under the ROC curve",
            "Chance that a random positive row scores above a random negative one.",
        ),
        "average_precision": Metric(
            "Average precision", "Precision averaged over all levels of recall."
        ),
        "kolmogorov_smirnov": Metric(
            "Kolmogorov-Smirnov distance",
            "Largest distance between the score distributions of the two classes.",
        ),
        "brier_score": Metric(
            "Brier score", "Mean squared difference between score and outcome; 0 is best."
        ),
        "log_loss": Metric("Log loss", "Mean surprise at the outcome, in nats; 0 is best."),
        "expected_calibration_error": Metric(
            "Expected calibration error",
            "Mean distance between score and observed share over the bins.",
        ),
        "calibration_slope": Metric(
            "Calibration slope", "1 is ideal; below 1 the scores are too extreme."
        ),
        "calibration_slope_distance": Metric(
            "Distance of the calibration slope from 1", "0 is ideal."
        ),
        "calibration_intercept": Metric(
            "Calibration intercept", "0 is ideal; below 0 the scores are too high on the whole."
        ),
        "macro_f1": Metric("Macro F1", "Mean of the F1 of all classes, each counting the same."),
        "macro_roc_auc": Metric(
            "Macro area under the ROC curve", "Mean over classes, each against the rest."
        ),
        "mean_absolute_error": Metric("Mean absolute error", "In the unit of the outcome."),
        "median_absolute_error": Metric("Median absolute error", "Half of the errors are smaller."),
        "root_mean_squared_error": Metric(
            "Root mean squared error", "In the unit of the outcome; large errors weigh more."
        ),
        "mean_error": Metric("Mean error (bias)", "Prediction minus outcome, on average."),
        "r_squared": Metric(
            "R squared", "Share of the outcome's variance that the model explains."
        ),
        "train_test_gap": Metric(
            "Gap between training and test data", "How much better the model is on what it saw."
        ),
    }
)

_NUMBER = pa.float64()
TABLES: Mapping[str, pa.Schema] = MappingProxyType(
    {
        "metrics": pa.schema(
            [
                ("metric", pa.string()), ("title", pa.string()), ("data", pa.string()),
                ("value", _NUMBER), ("low", _NUMBER), ("high", _NUMBER), ("n", pa.int64()),
                ("method", pa.string()), ("reason", pa.string()), ("meaning", pa.string()),
            ]
        ),
        "per_class": pa.schema(
            [
                ("class", pa.string()), ("metric", pa.string()), ("title", pa.string()),
                ("value", _NUMBER), ("low", _NUMBER), ("high", _NUMBER), ("n", pa.int64()),
                ("method", pa.string()), ("reason", pa.string()),
            ]
        ),
        "confusion": pa.schema(
            [
                ("actual", pa.string()), ("predicted", pa.string()), ("count", pa.int64()),
                ("share_of_actual", _NUMBER),
            ]
        ),
        "scores": pa.schema(
            [("score", _NUMBER), ("negatives", pa.int64()), ("positives", pa.int64())]
        ),
        "roc": pa.schema(
            [
                ("threshold", _NUMBER), ("false_positive_rate", _NUMBER),
                ("true_positive_rate", _NUMBER), ("low", _NUMBER), ("high", _NUMBER),
                ("n_negatives", pa.int64()), ("n_positives", pa.int64()),
            ]
        ),
        "precision_recall": pa.schema(
            [
                ("threshold", _NUMBER), ("recall", _NUMBER), ("precision", _NUMBER),
                ("n_selected", pa.int64()), ("base_rate", _NUMBER),
            ]
        ),
        "calibration": pa.schema(
            [
                ("bin_low", _NUMBER), ("bin_high", _NUMBER), ("mean_score", _NUMBER),
                ("observed", _NUMBER), ("low", _NUMBER), ("high", _NUMBER), ("n", pa.int64()),
            ]
        ),
        "score_histogram": pa.schema(
            [
                ("actual", pa.string()), ("bin_low", _NUMBER), ("bin_high", _NUMBER),
                ("count", pa.int64()),
            ]
        ),
        "predicted_actual": pa.schema(
            [
                ("actual_low", _NUMBER), ("actual_high", _NUMBER), ("predicted_low", _NUMBER),
                ("predicted_high", _NUMBER), ("count", pa.int64()),
            ]
        ),
        "error_histogram": pa.schema(
            [("bin_low", _NUMBER), ("bin_high", _NUMBER), ("count", pa.int64())]
        ),
    }
)  # fmt: skip


def metric_rows(estimates: Iterable[tuple[str, Estimate]], *, data: str = TEST) -> pa.Table:
    """Write estimates as rows of the table "metrics"."""
    rows = [
        {
            "metric": name, "title": METRICS[name].title, "data": data, "value": estimate.value,
            "low": estimate.low, "high": estimate.high, "n": estimate.n,
            "method": estimate.method, "reason": estimate.reason, "meaning": METRICS[name].meaning,
        }
        for name, estimate in estimates
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, schema=TABLES["metrics"])


def confusion_rows(matrix: list[list[int]], classes: tuple[str, ...]) -> pa.Table:
    """Write a confusion matrix, `matrix[actual][predicted]`, as rows."""
    rows = []
    for actual, counts in zip(classes, matrix, strict=True):
        total = sum(counts)
        for predicted, count in zip(classes, counts, strict=True):
            rows.append(
                {
                    "actual": actual, "predicted": predicted, "count": count,
                    "share_of_actual": count / total if total else None,
                }
            )  # fmt: skip
    return pa.Table.from_pylist(rows, schema=TABLES["confusion"])
