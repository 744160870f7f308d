"""Shadow models: the same recipe fitted on random parts of the pool, with and without each row."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzers.core.result import Estimate
from analyzers.core.workbench import Tracker
from analyzers.privacy.evidence import Evidence, Side
from analyzers.privacy.refitting import Recipe, fit_anew, joined_inputs, native_rows
from analyzers.privacy.signals import log_odds
from analyzers.toolkit.intervals import mean_estimate

# Every row is with and without at least this many models, or it has no mean to compare with.
FEWEST_EACH = 2
MOST_LOG_ODDS = 27.0
_TOLERATED_ERRORS = 3.0


class Shadows(NamedTuple):
    """What the target and its shadow models say of every row, members first.

    Attributes:
        target: `(n_rows,)` log-odds of the true class from the model under examination.
        answers: `(n_models, n_rows)` the same from the shadow models.
        inside: `(n_models, n_rows)` whether the row was fitted on.
        models: rows of the table `shadow_models`, the target first.
        held_out_difference: shadow models' held-out accuracy minus the target's.
        doubt: why the shadow models are no copies of the target; empty where they look alike.
    """

    target: NDArray[np.float64]
    answers: NDArray[np.float64]
    inside: NDArray[np.bool_]
    models: list[dict[str, Any]]
    held_out_difference: Estimate
    doubt: str


def train_shadows(
    recipe: Recipe, evidence: Evidence, *, n_models: int, rng: np.random.Generator, track: Tracker
) -> Shadows:
    """Fit shadow models on parts as large as the training data and ask them about every row.

    Args:
        recipe: of the model under examination.
        evidence: members and non-members, which together are the pool.
        n_models: at least 4.
        rng: draws the parts and one seed for each model, before any is fitted.
        track: reports each model.

    Raises:
        UnsuitableSubject: the model refuses to be fitted anew.
    """
    from threadpoolctl import threadpool_limits

    members, others = evidence.members, evidence.non_members
    classes = members.data.subject.classes
    codes = np.concatenate([members.labels, others.labels]).astype(np.int64)
    inside = balanced_parts(len(codes), n_models, len(members) / len(codes), rng)
    seeds = rng.integers(2**31, size=n_models)
    rows = native_rows(recipe.model, joined_inputs(members.data, others.data))
    answers = np.empty(inside.shape)
    table = [_row(0, _target_right(members, others), np.arange(len(codes)) < len(members))]
    # One thread: the fits are small, and threads that wait for each other cost more than they save.
    with threadpool_limits(1):
        for place in track(range(n_models), "Fitting shadow models", total=n_models):
            scores = fit_anew(
                recipe.estimator, rows, codes, np.flatnonzero(inside[place]), classes,
                int(seeds[place]),
            )  # fmt: skip
            answers[place] = bounded_log_odds(scores, codes)
            table.append(_row(place + 1, scores.argmax(axis=1) == codes, inside[place]))
    target = np.concatenate([_side_log_odds(members), _side_log_odds(others)])
    held_out = np.array([row["held_out_accuracy"] for row in table])
    return Shadows(
        target, answers, inside, table, mean_estimate(held_out[1:] - held_out[0]), doubt_of(table)
    )


def balanced_parts(
    n_rows: int, n_models: int, share: float, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Deal every row to the same number of models.

    Args:
        n_rows: of the pool.
        n_models: at least 4.
        share: of the pool that each model is fitted on, in (0, 1); moved so that every row is with
            and without at least `FEWEST_EACH` models.
        rng: the dealer.

    Returns:
        `(n_models, n_rows)` whether the model is fitted on the row.
    """
    each = min(max(round(share * n_models), FEWEST_EACH), n_models - FEWEST_EACH)
    return np.asarray(rng.random((n_models, n_rows)).argsort(axis=0) < each)


def bounded_log_odds(scores: NDArray[np.float64], codes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Log-odds of the true class, bounded so that one answer of 0 or 1 does not drown a mean."""
    return np.clip(log_odds(scores, codes), -MOST_LOG_ODDS, MOST_LOG_ODDS)


def doubt_of(models: list[dict[str, Any]]) -> str:
    """Say where the target's accuracy is not one that its shadow models could have had."""
    target, shadows = models[0], models[1:]
    for name, words, count in (
        ("training_accuracy", "on the rows they were fitted on", "n_training"),
        ("held_out_accuracy", "on other rows", "n_held_out"),
    ):
        values = np.array([row[name] for row in shadows])
        middle = float(values.mean())
        noise = max(middle * (1 - middle), 1 / target[count]) / target[count]
        spread = float(values.var(ddof=1)) * (1 + 1 / len(values)) + noise
        if abs(target[name] - middle) > _TOLERATED_ERRORS * np.sqrt(spread):
            return (
                f"The shadow models' accuracy {words} is {middle:.3f} on average and the "
                f"model's is {target[name]:.3f}: they were not made alike, so an attacker with "
                "the right recipe may find more."
            )
    return ""


def _side_log_odds(side: Side) -> NDArray[np.float64]:
    scores = side.scores if side.scores is not None else np.empty((len(side), 0))
    return bounded_log_odds(scores, np.asarray(side.labels, dtype=np.int64))


def _target_right(members: Side, others: Side) -> NDArray[np.bool_]:
    return np.concatenate([members.predicted == members.labels, others.predicted == others.labels])


def _row(place: int, right: NDArray[np.bool_], fitted: NDArray[np.bool_]) -> dict[str, Any]:
    return {
        "model": place,
        "is_target": place == 0,
        "training_accuracy": float(right[fitted].mean()),
        "n_training": int(fitted.sum()),
        "held_out_accuracy": float(right[~fitted].mean()),
        "n_held_out": int((~fitted).sum()),
    }
