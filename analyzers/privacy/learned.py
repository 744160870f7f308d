"""An attack that learns from members and non-members what memory looks like in the answers.

A fixed formula such as the loss supposes how memory shows. A classifier that sees the whole answer
and the true outcome finds what shows in this model, such as shares of trees that only fitted rows
reach. Every record is judged by classifiers that were not told whether it is a member: boosting,
which finds shifts along the formulas, and a forest, which finds patches of the raw answer.

References:
    Shokri et al. 2017 (the attack model); Salem et al. 2019 (one attack model, sorted answers).
"""

from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzers.core.workbench import Tracker
from analyzers.privacy.evidence import Side
from analyzers.privacy.fanning import Tick, over_cores
from analyzers.privacy.signals import Signal, signals_of

NAME, TITLE = "learned", "Learned from the answers"
FOLDS = 5
FEWEST_ROWS = 50
MOST_FITTED = 10_000
# A forest's time rises faster with its rows than a booster's; a table longer than this has none.
MOST_GROWN = 4_000
MOST_JUDGED_BY_FOREST = 50_000
N_TREES = 100
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
        One signal, the mean of two probabilities, or boosting's alone for more rows than
        `MOST_JUDGED_BY_FOREST`; none where a side has fewer than `FEWEST_ROWS`,
        or labels alone, of which the correctness says all.
    """
    is_regression = np.issubdtype(members.labels.dtype, np.floating)
    if not is_regression and (members.scores is None or non_members.scores is None):
        return []
    if min(len(members), len(non_members)) < FEWEST_ROWS:
        return []
    answers = answers_of(members, non_members)
    is_member = np.repeat([1, 0], [len(members), len(non_members)])
    folds = np.concatenate([rng.permutation(len(side)) % FOLDS for side in (members, non_members)])
    seeds = rng.integers(2**31, size=FOLDS)
    known = [
        [np.flatnonzero((folds != fold) & (is_member == side)) for side in (1, 0)]
        for fold in range(FOLDS)
    ]
    boosted, grown = (
        [np.concatenate([_some(rows, most, rng) for rows in both]) for both in known]
        for most in (MOST_FITTED, MOST_GROWN)
    )

    def judge_fold(fold: int, tick: Tick) -> NDArray[np.float64]:
        values = judge_rows(
            answers, is_member, boosted[fold], grown[fold], folds == fold, int(seeds[fold])
        )
        tick()
        return values

    found = over_cores(
        [partial(judge_fold, fold) for fold in range(FOLDS)], track,
        "Learning an attack from the answers", total=FOLDS,
    )  # fmt: skip
    values = np.zeros(len(is_member))
    for fold, chances in enumerate(found):
        values[folds == fold] = chances
    return [Signal(NAME, TITLE, values[: len(members)], values[len(members) :])]


class Answers(NamedTuple):
    """What the classifiers see of every row, members first.

    Attributes:
        formulas: `(n_rows, n_features)` the fixed formulas, the scores and the outcome.
        raw: `(n_rows, n_columns)` the scores and the outcome alone.
    """

    formulas: NDArray[np.float64]
    raw: NDArray[np.float64]


def answers_of(members: Side, non_members: Side) -> Answers:
    """Put what is known of members and non-members below each other."""
    return Answers(
        np.vstack([_features(members, non_members), _features(non_members, members)]),
        np.vstack([_raw_answers(members), _raw_answers(non_members)]),
    )


def judge_rows(
    answers: Answers,
    is_member: NDArray[np.int64],
    boosted: NDArray[np.int64],
    grown: NDArray[np.int64],
    judged: NDArray[np.bool_],
    seed: int,
) -> NDArray[np.float64]:
    """Learn from some rows and return how likely the judged ones are members.

    Args:
        answers: of all rows.
        is_member: `(n_rows,)` 1 or 0.
        boosted: rows that the boosting is told about.
        grown: rows that the forest is told about.
        judged: `(n_rows,)` true for the rows to judge.
        seed: of both classifiers.
    """
    by_boosting, by_forest = _booster(seed), _forest(seed)
    by_boosting.fit(answers.formulas[boosted], is_member[boosted])
    chances = by_boosting.predict_proba(answers.formulas[judged])[:, 1]
    if len(is_member) > MOST_JUDGED_BY_FOREST:
        return np.asarray(chances, dtype=np.float64)
    by_forest.fit(answers.raw[grown], is_member[grown])
    return np.asarray((chances + by_forest.predict_proba(answers.raw[judged])[:, 1]) / 2)


def _booster(seed: int) -> Any:  # noqa: ANN401  scikit-learn has no types
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(
        max_iter=50, max_leaf_nodes=15, min_samples_leaf=10, early_stopping=False, random_state=seed
    )


def _forest(seed: int) -> Any:  # noqa: ANN401  scikit-learn has no types
    from sklearn.ensemble import ExtraTreesClassifier

    # Two rows in a leaf, so that a row fitted on is not its own proof.
    return ExtraTreesClassifier(N_TREES, min_samples_leaf=2, random_state=seed)


def _some(rows: NDArray[np.int64], most: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Both sides equally many at most, so that the classifier does not lean to the larger one."""
    return rows if len(rows) <= most else np.sort(rng.choice(rows, most, replace=False))


def _raw_answers(side: Side) -> NDArray[np.float64]:
    """The answer as it is and the true outcome, a column for each class where there are few."""
    labels = np.asarray(side.labels)
    if side.scores is None:
        return np.stack([side.predicted, labels], axis=1).astype(np.float64)
    n_classes = side.scores.shape[1]
    if n_classes > MOST_CLASSES:
        return np.column_stack([-np.sort(-side.scores, axis=1)[:, :MOST_CLASSES], labels])
    return np.hstack([side.scores, np.eye(n_classes)[labels]])


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
