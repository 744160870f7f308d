"""An attack that learns from members and non-members what memory looks like in the answers.

A fixed formula such as the loss supposes how memory shows. A classifier that sees the whole answer
and the true outcome finds what shows in this model, such as shares of trees that only fitted rows
reach. Every record is judged by a classifier that was not told whether it is a member.

References:
    Shokri et al. 2017 (the attack model); Salem et al. 2019 (one attack model, sorted answers).
"""

import numpy as np
from numpy.typing import NDArray

from analyzers.core.workbench import Tracker
from analyzers.privacy.evidence import Side
from analyzers.privacy.signals import Signal, signals_of

NAME, TITLE = "learned", "Learned from the answers"
FOLDS = 5
FEWEST_ROWS = 50
MOST_FITTED = 10_000
MOST_CLASSES = 20


def learned_signal(
    members: Side, non_members: Side, *, rng: np.random.Generator, track: Tracker
) -> list[Signal]:
    """Learn the attack on four fifths of the rows and judge the fifth part, five times over.

    Args:
        members: rows the model was trained on, with its answers.
        non_members: rows it never saw.
        rng: deals the folds, draws the rows fitted on, and seeds the classifiers.
        track: reports each fold.

    Returns:
        One signal of log-odds; none where a side has fewer than `FEWEST_ROWS`, or labels alone,
        of which the correctness says all.
    """
    is_regression = np.issubdtype(members.labels.dtype, np.floating)
    if not is_regression and (members.scores is None or non_members.scores is None):
        return []
    if min(len(members), len(non_members)) < FEWEST_ROWS:
        return []
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    features = np.vstack([_features(members, non_members), _features(non_members, members)])
    is_member = np.repeat([1, 0], [len(members), len(non_members)])
    folds = np.concatenate([rng.permutation(len(side)) % FOLDS for side in (members, non_members)])
    seeds = rng.integers(2**31, size=FOLDS)
    values = np.zeros(len(is_member))
    # One thread: the fits are small, and threads that wait for each other cost more than they save.
    with threadpool_limits(1):
        for fold in track(range(FOLDS), "Learning an attack from the answers", total=FOLDS):
            fitted = np.concatenate(
                [_some(np.flatnonzero((folds != fold) & (is_member == side)), rng)
                 for side in (1, 0)]
            )  # fmt: skip
            judged = folds == fold
            classifier = HistGradientBoostingClassifier(
                max_iter=50, max_leaf_nodes=15, min_samples_leaf=10, early_stopping=False,
                random_state=int(seeds[fold]),
            )  # fmt: skip
            classifier.fit(features[fitted], is_member[fitted])
            values[judged] = classifier.decision_function(features[judged])
    return [Signal(NAME, TITLE, values[: len(members)], values[len(members) :])]


def _some(rows: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Both sides equally many at most, so that the classifier does not lean to the larger one."""
    if len(rows) <= MOST_FITTED:
        return rows
    return np.sort(rng.choice(rows, MOST_FITTED, replace=False))


def _features(side: Side, other: Side) -> NDArray[np.float64]:
    """All that an answer and the true outcome say: the formulas, the scores and the outcome.

    Returns:
        `(n_rows, n_features)`; the columns of both sides are the same.
    """
    formulas = [signal.members for signal in signals_of(side, other)]
    labels = np.asarray(side.labels)
    columns = [*formulas]
    if np.issubdtype(labels.dtype, np.floating):
        error = np.asarray(side.predicted - labels, dtype=np.float64)
        return np.stack([*columns, error, side.predicted, labels], axis=1)
    columns += [labels.astype(np.float64), np.asarray(side.predicted, dtype=np.float64)]
    if side.scores is not None and other.scores is not None:
        falling = -np.sort(-side.scores, axis=1)[:, :MOST_CLASSES]
        columns += list(falling.T) + list(side.scores[:, :MOST_CLASSES].T)
    return np.stack(columns, axis=1)
