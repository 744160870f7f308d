"""A plan for many models that can be cut in parts, trained anywhere, and put together again.

Parts and seeds are drawn before anything is fitted. Whoever holds the same rows and the same recipe
can train any part; the parts put together are what one machine would have made.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analyzers.core.errors import InvalidParameter, ResultError
from analyzers.core.workbench import Tracker, untracked
from analyzers.privacy.refitting import Answered, Pool, Recipe

# Every row is with and without at least this many models, or it has no mean to compare with.
FEWEST_EACH = 2
FEWEST_MODELS = 2 * FEWEST_EACH

PART_SCHEMA = pa.schema(
    [
        pa.field("model", pa.int64(), nullable=False),
        pa.field("seed", pa.int64(), nullable=False),
        pa.field("is_inside", pa.list_(pa.bool_()), nullable=False),
        pa.field("log_odds", pa.list_(pa.float64()), nullable=False),
        pa.field("is_right", pa.list_(pa.bool_()), nullable=False),
    ]
)


class Plan(NamedTuple):
    """Which models are to be fitted on which rows.

    Attributes:
        models: `(n_models,)` their numbers in the whole plan, from 0.
        inside: `(n_models, n_rows)` whether the model is fitted on the row.
        seeds: `(n_models,)` one for each model.
    """

    models: NDArray[np.int64]
    inside: NDArray[np.bool_]
    seeds: NDArray[np.int64]


class Trained(NamedTuple):
    """What the models of a plan, or of a part of one, say of every row.

    Attributes:
        plan: as carried out.
        answers: `(n_models, n_rows)` log-odds of the true class.
        is_right: `(n_models, n_rows)` whether the likeliest class is the true one.
    """

    plan: Plan
    answers: NDArray[np.float64]
    is_right: NDArray[np.bool_]


def make_plan(n_rows: int, n_models: int, share: float, rng: np.random.Generator) -> Plan:
    """Deal the rows to the models and draw a seed for each.

    Args:
        n_rows: of the pool.
        n_models: at least `FEWEST_MODELS`.
        share: of the pool that each model is fitted on, in (0, 1).
        rng: the dealer.

    Raises:
        InvalidParameter: too few models.
    """
    if n_models < FEWEST_MODELS:
        raise InvalidParameter(
            f"Expected at least {FEWEST_MODELS} shadow models, got {n_models}.",
            remedy="Every row needs two models with it and two without.",
        )
    inside = balanced_parts(n_rows, n_models, share, rng)
    return Plan(np.arange(n_models), inside, rng.integers(2**31, size=n_models))


def balanced_parts(
    n_rows: int, n_models: int, share: float, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Deal every row to the same number of models, and every model the same number of rows.

    Args:
        n_rows: of the pool.
        n_models: at least `FEWEST_MODELS`.
        share: of the pool that each model is fitted on, in (0, 1); moved so that every row is with
            and without at least `FEWEST_EACH` models.
        rng: the dealer.

    Returns:
        `(n_models, n_rows)` whether the model is fitted on the row; numbers of rows differ by at
        most one between models.
    """
    each = min(max(round(share * n_models), FEWEST_EACH), n_models - FEWEST_EACH)
    inside = np.asarray(rng.random((n_models, n_rows)).argsort(axis=0) < each)
    sizes = inside.sum(axis=1)
    # Rows go from the largest part to the smallest, which leaves every row with as many models.
    while sizes.max() - sizes.min() > 1:
        most, fewest = int(sizes.argmax()), int(sizes.argmin())
        n_moved = (sizes[most] - sizes[fewest]) // 2
        moved = rng.choice(np.flatnonzero(inside[most] & ~inside[fewest]), n_moved, replace=False)
        inside[most, moved], inside[fewest, moved] = False, True
        sizes[most] -= n_moved
        sizes[fewest] += n_moved
    return inside


def split(plan: Plan, n_parts: int, *, group: int = 1) -> list[Plan]:
    """Cut a plan in parts that can be trained anywhere.

    Args:
        plan: the whole.
        n_parts: at most; fewer where there are not as many groups.
        group: of the recipe (`Recipe.group`): models that are trained together stay together, so
            that the same bytes come out.
    """
    n_groups = -(-len(plan.models) // group)
    edges = [int(edge) * group for edge in np.linspace(0, n_groups, min(n_parts, n_groups) + 1)]
    return [
        Plan(plan.models[first:last], plan.inside[first:last], plan.seeds[first:last])
        for first, last in pairwise(edges)
    ]


def train(
    recipe: Recipe,
    pool: Pool,
    plan: Plan,
    *,
    track: Tracker = untracked,
    cores: int | None = None,
) -> Trained:
    """Fit the models of a plan, or of a part of one.

    Args:
        recipe: how.
        pool: all rows, in the plan's order.
        plan: which models on which rows.
        track: reports the work.
        cores: threads to use; None for all there are.

    Raises:
        UnsuitableSubject: the model refuses to be fitted anew.
    """
    found: list[Answered] = recipe.fit(pool, plan.inside, plan.seeds, track, cores=cores)
    return Trained(
        plan,
        np.stack([item.log_odds for item in found]),
        np.stack([item.is_right for item in found]),
    )


def merge(parts: Sequence[Trained]) -> Trained:
    """Put parts together, in the order of the models' numbers.

    Raises:
        ResultError: parts of different pools, or a model that is missing or there twice.
    """
    if len({part.answers.shape[1] for part in parts}) != 1:
        raise ResultError("Expected parts that were trained on the same rows, got different ones.")
    models = np.concatenate([part.plan.models for part in parts])
    order = models.argsort(kind="stable")
    if not np.array_equal(models[order], np.arange(len(models))):
        raise ResultError(
            f"Expected models 0 to {len(models) - 1}, each once, got others.",
            remedy="Train the missing part, and give each part once.",
        )

    def joined(arrays: list[NDArray[np.generic]]) -> NDArray[np.generic]:
        return np.concatenate(arrays)[order]

    return Trained(
        Plan(
            models[order],
            np.asarray(joined([part.plan.inside for part in parts]), dtype=np.bool_),
            np.asarray(joined([part.plan.seeds for part in parts]), dtype=np.int64),
        ),
        np.asarray(joined([part.answers for part in parts]), dtype=np.float64),
        np.asarray(joined([part.is_right for part in parts]), dtype=np.bool_),
    )


def to_table(trained: Trained) -> pa.Table:
    """Write a part down for another machine: one line a model, by `PART_SCHEMA`."""
    plan = trained.plan
    return pa.table(
        {
            "model": plan.models,
            "seed": plan.seeds,
            "is_inside": pa.array(list(plan.inside), PART_SCHEMA.field("is_inside").type),
            "log_odds": pa.array(list(trained.answers), PART_SCHEMA.field("log_odds").type),
            "is_right": pa.array(list(trained.is_right), PART_SCHEMA.field("is_right").type),
        },
        schema=PART_SCHEMA,
    )


def from_table(table: pa.Table) -> Trained:
    """Read a part that another machine wrote down.

    Raises:
        ResultError: it is no such table.
    """
    if table.schema != PART_SCHEMA or not table.num_rows:
        raise ResultError("Expected a table of trained shadow models, got another.")

    def matrix(name: str) -> NDArray[np.generic]:
        return np.stack([np.asarray(item) for item in table[name].to_pylist()])

    plan = Plan(
        table["model"].to_numpy(),
        np.asarray(matrix("is_inside"), dtype=np.bool_),
        table["seed"].to_numpy(),
    )
    return Trained(
        plan,
        np.asarray(matrix("log_odds"), dtype=np.float64),
        np.asarray(matrix("is_right"), dtype=np.bool_),
    )
