"""Shadow models: the same recipe fitted on random parts of the pool, with and without each row."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzers.core.model import Model
from analyzers.core.result import Estimate
from analyzers.privacy.campaign import Trained
from analyzers.privacy.evidence import Evidence, Side
from analyzers.privacy.refitting import (
    Pool,
    bounded_log_odds,
    joined_inputs,
    native_rows,
)
from analyzers.toolkit.intervals import mean_estimate

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


def pool_of(model: Model, evidence: Evidence) -> Pool:
    """Put members and non-members below each other, as the model's own object takes them."""
    members, others = evidence.members, evidence.non_members
    return Pool(
        native_rows(model, joined_inputs(members.data, others.data)),
        evidence.labels.astype(np.int64),
        members.data.subject.classes,
    )


def compare(evidence: Evidence, trained: Trained) -> Shadows:
    """Set the target beside its shadow models.

    Args:
        evidence: members and non-members, in the order of the pool.
        trained: every model of the plan.
    """
    members, others = evidence.members, evidence.non_members
    is_member = np.arange(trained.answers.shape[1]) < len(members)
    table = [_row(0, _target_right(members, others), is_member)]
    table += [
        _row(int(place) + 1, right, inside)
        for place, right, inside in zip(
            trained.plan.models, trained.is_right, trained.plan.inside, strict=True
        )
    ]
    held_out = np.array([row["held_out_accuracy"] for row in table])
    return Shadows(
        np.concatenate([_side_log_odds(members), _side_log_odds(others)]), trained.answers,
        trained.plan.inside, table, mean_estimate(held_out[1:] - held_out[0]), doubt_of(table),
    )  # fmt: skip


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
