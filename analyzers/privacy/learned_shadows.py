"""An attack learned on shadow models, each in turn attacked with the others' help.

LiRA and RMIA suppose how an answer with the record differs from one without it. Whose rows a shadow
model was fitted on is known, so that the difference can be learned instead. The classifier never
meets the model under examination: whatever it has learned by heart, a model without memory gives
members and non-members alike values.

References:
    Shokri et al. 2017, with Carlini et al. 2022's comparison of each record with itself.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzers.privacy.shadows import Shadows

NAME, TITLE = "learned_shadows", "Learned on shadow models"
# A shadow model under attack is taken out of its record's side, where two must be left.
FEWEST_EACH = 3
MOST_FITTED = 10_000
ROUNDS = 2
_CLASSIFIER = {"max_iter": 50, "max_leaf_nodes": 8, "min_samples_leaf": 20, "early_stopping": False}


class _Sums(NamedTuple):
    """Of the answers of one side's models on each record: number, sum and sum of squares."""

    n: NDArray[np.float64]
    total: NDArray[np.float64]
    squares: NDArray[np.float64]


def learned_on_shadows(
    shadows: Shadows, labels: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.float64] | None:
    """Learn from shadow models what members look like, and look at the target with it.

    Args:
        shadows: answers on all records.
        labels: `(n_rows,)` true classes.
        rng: chooses the shadow models attacked, and seeds the classifier.

    Returns:
        `(n_rows,)` larger is more familiar; None where a record has fewer than `FEWEST_EACH`
        models with it or without it.
    """
    inside, answers = shadows.inside, shadows.answers
    if min(inside.sum(axis=0).min(), (~inside).sum(axis=0).min()) < FEWEST_EACH:
        return None
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    sides = [_sums(answers, inside), _sums(answers, ~inside)]
    n_rows = answers.shape[1]
    chosen = np.arange(n_rows)
    if n_rows > MOST_FITTED:
        chosen = np.sort(rng.choice(n_rows, MOST_FITTED, replace=False))
    features, truth = [], []
    for _ in range(ROUNDS):
        for is_in in (True, False):
            # For every record one model that has it, or has it not, plays the target.
            places = np.where(inside == is_in, rng.random(inside.shape), -1.0).argmax(axis=0)
            played = answers[places, np.arange(n_rows)]
            rest = [
                _without(side, played) if is_in == (at == 0) else side
                for at, side in enumerate(sides)
            ]
            features.append(_compared(played, labels, *rest)[chosen])
            truth.append(np.full(len(chosen), is_in))
    classifier = HistGradientBoostingClassifier(
        random_state=int(rng.integers(2**31)), **_CLASSIFIER
    )
    with threadpool_limits(1):
        classifier.fit(np.vstack(features), np.concatenate(truth))
        found = classifier.decision_function(_compared(shadows.target, labels, *sides))
    return np.asarray(found, dtype=np.float64)


def _compared(
    target: NDArray[np.float64], labels: NDArray[np.int64], with_it: _Sums, without: _Sums
) -> NDArray[np.float64]:
    """Set an answer beside those of models with and without the record: `(n_rows, 9)`."""
    columns = [target, labels.astype(np.float64)]
    for side in (with_it, without):
        mean = side.total / side.n
        spread = np.sqrt(np.maximum(side.squares / side.n - mean**2, 0.0))
        columns += [mean, spread, target - mean]
    middles = [side.total / side.n for side in (with_it, without)]
    # RMIA's ratio, with the chance of the average answer in place of the average chance.
    chance = np.logaddexp(*(-np.logaddexp(0.0, -middle) for middle in middles))
    columns.append(-np.logaddexp(0.0, -target) - chance)
    return np.stack(columns, axis=1)


def _sums(answers: NDArray[np.float64], chosen: NDArray[np.bool_]) -> _Sums:
    kept = np.where(chosen, answers, 0.0)
    return _Sums(chosen.sum(axis=0).astype(np.float64), kept.sum(axis=0), (kept**2).sum(axis=0))


def _without(side: _Sums, played: NDArray[np.float64]) -> _Sums:
    return _Sums(side.n - 1, side.total - played, side.squares - played**2)
