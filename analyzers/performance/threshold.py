"""What would change at another threshold: a look-up, nothing is run again."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import stats

from analyzers.core.errors import UnsuitableSubject
from analyzers.core.result import Estimate, Measurements
from analyzers.performance.binary import confusion_table
from analyzers.performance.decisions import decision_metrics
from analyzers.performance.tables import metric_rows
from analyzers.toolkit.curves import ScoreCounts, selected_from


def at_threshold(measurements: Measurements, threshold: float) -> pa.Table:
    """Metrics of the decisions "score is at least `threshold`", as rows of the table "metrics".

    Exact at every threshold where the fact `threshold_step` is 0, otherwise at its multiples.

    Args:
        measurements: a binary result with scores.
        threshold: in [0, 1].

    Raises:
        UnsuitableSubject: the result holds no scores.
    """
    return metric_rows(_decisions(measurements, threshold)[1])


def decide_at(measurements: Measurements, threshold: float) -> Measurements:
    """The whole result as it would be at `threshold`: judge and draw it like any other.

    Args:
        measurements: a binary result with scores.
        threshold: in [0, 1].

    Raises:
        UnsuitableSubject: the result holds no scores.
    """
    counts, found = _decisions(measurements, threshold)
    changed = dict(found)
    metrics = measurements.tables["metrics"]
    kept = metrics.filter(
        pa.array([name not in changed for name in metrics["metric"].to_pylist()], pa.bool_())
    )
    facts = measurements.facts
    classes = (str(facts["negative_class"]), str(facts["positive_class"]))
    return replace(
        measurements,
        estimates={**measurements.estimates, **changed},
        facts={**facts, "threshold": threshold},
        tables={
            **measurements.tables,
            "metrics": pa.concat_tables([metric_rows(found), kept]),
            "confusion": confusion_table(counts, classes),
        },
    )


def _decisions(
    measurements: Measurements, threshold: float
) -> tuple[NDArray[np.int64], list[tuple[str, Estimate]]]:
    table = measurements.tables.get("scores")
    if table is None or table.num_rows == 0:
        raise UnsuitableSubject(
            "Expected a result with scores, got decisions only; there is no threshold to move.",
            remedy="Give a model that returns probabilities, or a table with a score column.",
        )
    counts = ScoreCounts(*(table[name].to_numpy() for name in table.column_names))
    false_positives, true_positives = selected_from(counts, threshold)
    n_negatives, n_positives = int(counts.negatives.sum()), int(counts.positives.sum())
    cells = np.array(
        [0, 0, n_negatives - false_positives, false_positives,
         n_positives - true_positives, true_positives],
        dtype=np.int64,
    )  # fmt: skip
    facts = measurements.facts
    rng = np.random.default_rng(int(facts.get("bootstrap_seed") or 0))
    found = decision_metrics(cells, n_draws=int(facts.get("draws") or 1000), rng=rng)
    n = n_negatives + n_positives
    accuracy = dict(found)["accuracy"]
    majority = max(n_negatives, n_positives)
    found.append(("lift_over_majority", _lift(cells, accuracy, majority, n)))
    return cells, found


def _lift(cells: NDArray[np.int64], accuracy: Estimate, majority: int, n: int) -> Estimate:
    """The same row-by-row mean as in `gap`, from counts."""
    if accuracy.value is None:
        return accuracy
    # A row differs from the constant answer only where the decision does: right (+1) or wrong (-1).
    is_majority_positive = cells[4] + cells[5] == majority and cells[2] + cells[3] != majority
    gained, lost = (
        (int(cells[2]), int(cells[4])) if is_majority_positive else (int(cells[5]), int(cells[3]))
    )
    value = (gained - lost) / n
    if n == 1:
        return Estimate(value=value, n=n, reason="One row gives no interval.")
    variance = ((gained + lost) - n * value**2) / (n - 1) / n
    half = float(stats.t.ppf(0.975, n - 1)) * float(np.sqrt(max(variance, 0.0)))
    return Estimate(value=value, low=value - half, high=value + half, n=n, method="Student's t")
