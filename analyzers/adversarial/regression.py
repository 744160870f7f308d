"""The table face where the outcome is a number."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analyzers.adversarial.blocks import Extent, attack_blocks, blocks_of
from analyzers.adversarial.example_details import kept_rows, place_table
from analyzers.adversarial.movement import largest_changes, noise_changes
from analyzers.adversarial.noise import DRAWS
from analyzers.adversarial.params import AdversarialParams
from analyzers.adversarial.pool import pool_of
from analyzers.adversarial.proved_reach import (
    ATTACK,
    KNOWS,
    prove_reach,
    reach_estimates,
    reach_table,
)
from analyzers.adversarial.robustness import WITHIN, median_estimate, weak_spot_table
from analyzers.adversarial.rule_tables import rule_tables
from analyzers.adversarial.table_threat import INSIDE_IF_POSSIBLE, table_threat_model
from analyzers.adversarial.tables import table_of
from analyzers.adversarial.target import Target
from analyzers.adversarial.units import column_unit, size_unit
from analyzers.adversarial.wording import changes_between
from analyzers.core.result import Estimate, Measurements
from analyzers.core.workbench import Tracker, Workbench
from analyzers.toolkit.feasible import FeasibleSpace
from analyzers.toolkit.intervals import mean_estimate, rate_estimate
from analyzers.toolkit.sampling import sample_rows, sampling_note

SHARES = (0.1, 0.25, 0.5, 1.0, 1.5)
AT_BUDGET = SHARES.index(1.0)
GOAL = "the prediction as far off as possible, up or down."
BY_QUESTIONS = "slope, useful changes together, one feature at a time"
KNOWS_VALUES = "the predicted value."
NO_CHOICE = " A predicted number has neither scores nor labels, so that choice changes nothing."


def measure(bench: Workbench, params: AdversarialParams, space: FeasibleSpace) -> Measurements:
    """Move predictions of a sample of rows as far as the budget allows."""
    positions = sample_rows(bench.data, params.rows, bench.rng.spawn(1)[0])
    n_drawn = len(positions)
    budgets = np.array(SHARES) * params.budget
    search_rng, noise_rng = bench.rng.spawn(2)
    points, changes, asked, extent = _attack(bench, params, space, positions, budgets, search_rng)
    positions = positions[: extent.n_begun]
    target = _target(bench, space, positions)
    target.queries[:] = asked
    queries = target.queries.astype(np.float64)
    by_noise = noise_changes(target, budgets, noise_rng, bench.track)
    # A change is reported only where every rule is kept and the model repeats the value.
    moved, largest = points[AT_BUDGET], changes[AT_BUDGET]
    proved = prove_reach(bench, params, target, moved)
    if proved.reach is not None:
        moved = proved.reach.points
        largest = np.maximum(largest, proved.reach.reached)
    # What a smaller change reaches, a larger one reaches too.
    changes = np.maximum.accumulate(np.maximum(changes, by_noise), axis=0)
    largest = np.maximum(largest, changes[AT_BUDGET])
    is_kept = space.is_feasible(moved, target.originals)
    if not is_kept.all():
        moved = np.where(is_kept[:, None], moved, target.originals)

    steps = np.abs(space.steps(moved, target.originals))
    flips = np.flatnonzero((steps > 0).any(axis=1))
    note = sampling_note(n_drawn, len(bench.data), "Rows to attack")
    unit = bench.subject.target or "prediction"
    examples, changed = _examples(bench, target, moved, positions, params)
    way = points.copy()
    way[AT_BUDGET] = moved
    kept = kept_rows(bench, positions, examples)
    names = [field.name for field in space.fields]
    return Measurements(
        estimates=_estimates(bench, positions, largest, by_noise[AT_BUDGET])
        | {"queries": mean_estimate(queries)}
        | reach_estimates(proved),
        facts={
            "modality": "tabular", "task": "regression", "attacker_sees": "values",
            "attack": BY_QUESTIONS if proved.reach is None else ATTACK,
            "inside_refused": proved.refused or None, "budget": params.budget,
            "budget_unit": size_unit(params), "column_unit": column_unit(params), "outcome": unit,
            "n_free_columns": int(space.is_free.sum()), "noise_draws": DRAWS,
        },
        tables={
            "threat_model": table_threat_model(
                params, space,
                knows=_knows_values(params)
                + (
                    " The whole model was to be known, but its inside could not be used: "
                    f"{proved.refused}."
                    if proved.refused
                    else ""
                )
                if proved.reach is None
                else KNOWS,
                is_inside=proved.reach is not None,
                goal=GOAL,
            ),
            "reach": reach_table(proved, bench.data.rows[positions]),
            "movement": _movement_table(budgets, changes, by_noise),
            "weak_spots": weak_spot_table(names, steps[flips] > 0, steps[flips]),
            "examples": examples,
            "changes": changed,
            "example_steps": _steps(bench, target, way, budgets, kept, size_unit(params)),
            "example_places": place_table(target, moved, kept, pool_of(space, bench)),
            **rule_tables(space, bench.data.frame),
        },
        sampling=(note,) if note else (),
        cut_short=" ".join(note for note in (extent.note, proved.cut_short) if note),
    )  # fmt: skip


def foresee(params: AdversarialParams, space: FeasibleSpace) -> pa.Table:
    """State the threat model of a run before it is made."""
    is_inside = params.knowledge == "whole model"
    return table_threat_model(
        params, space, knows=INSIDE_IF_POSSIBLE if is_inside else _knows_values(params),
        is_inside=is_inside, goal=GOAL,
    )  # fmt: skip


def _knows_values(params: AdversarialParams) -> str:
    return KNOWS_VALUES + (NO_CHOICE if params.knowledge in ("scores", "labels only") else "")


def _target(bench: Workbench, space: FeasibleSpace, positions: NDArray[np.int64]) -> Target:
    frame = bench.data.frame.iloc[positions].reset_index(drop=True)
    codes = np.zeros(len(frame), dtype=np.int64)
    return Target(bench.need_model(), space, frame, codes, sight="values")


def _attack(
    bench: Workbench,
    params: AdversarialParams,
    space: FeasibleSpace,
    positions: NDArray[np.int64],
    budgets: NDArray[np.float64],
    rng: np.random.Generator,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64], Extent]:
    """Move predictions block by block; points, changes and questions of the rows begun."""
    points: list[NDArray[np.float64]] = []
    changes: list[NDArray[np.float64]] = []
    asked: list[NDArray[np.int64]] = []
    blocks = blocks_of(len(positions), params.queries)
    rngs = [rng] if len(blocks) == 1 else rng.spawn(len(blocks))

    def attack(block: slice, track: Tracker) -> None:
        target = _target(bench, space, positions[block])
        found = largest_changes(
            target, budgets, queries=params.queries, rng=rngs[len(points)], track=track
        )
        points.append(found[0])
        changes.append(found[1])
        asked.append(target.queries)

    def best() -> str:
        if not changes:
            return "no prediction moved yet"
        largest = np.concatenate([part[AT_BUDGET] for part in changes])
        return f"half of the predictions moved by at least {np.median(largest):.3g}"

    extent = attack_blocks(bench, blocks, attack, found=best)
    return (
        np.concatenate(points, axis=1), np.concatenate(changes, axis=1), np.concatenate(asked),
        extent,
    )  # fmt: skip


def _estimates(
    bench: Workbench,
    positions: NDArray[np.int64],
    changes: NDArray[np.float64],
    by_noise: NDArray[np.float64],
) -> dict[str, Estimate]:
    predicted = bench.need_predictions().predicted.astype(np.float64)
    labels = bench.data.labels
    none = "No row was attacked."
    estimates = {
        "median_change": median_estimate(changes, none),
        "noise_median_change": median_estimate(by_noise, none),
    }
    known = np.zeros(len(predicted), dtype=bool) if labels is None else np.isfinite(labels)
    if labels is None or not known.any():
        missing = Estimate.unmeasured("The model's usual error needs the true outcome.")
        return estimates | {
            "usual_error": missing, "moved_beyond_error": missing, "noise_beyond_error": missing,
            "gap_to_noise": missing,
        }  # fmt: skip
    errors = np.abs(predicted[known] - labels[known])
    usual = mean_estimate(errors)
    assert usual.value is not None  # noqa: S101  there is at least one known outcome
    beyond, noisy = changes > usual.value, by_noise > usual.value
    n = len(positions)
    return estimates | {
        "usual_error": usual,
        "moved_beyond_error": rate_estimate(int(beyond.sum()), n),
        "noise_beyond_error": rate_estimate(int(noisy.sum()), n),
        "gap_to_noise": rate_estimate(int((beyond & ~noisy).sum()), n),
    }


def _movement_table(
    budgets: NDArray[np.float64],
    changes: NDArray[np.float64],
    by_noise: NDArray[np.float64],
) -> pa.Table:
    rows: list[dict[str, object]] = []
    for place, size in enumerate(budgets):
        attack = median_estimate(changes[place], "")
        noise = median_estimate(by_noise[place], "")
        rows.append(
            {
                "size": float(size), "median_change": attack.value, "low": attack.low,
                "high": attack.high, "noise_median_change": noise.value, "noise_low": noise.low,
                "noise_high": noise.high, "n": changes.shape[1],
            }
        )  # fmt: skip
    return table_of("movement", rows)


def _steps(
    bench: Workbench,
    target: Target,
    way: NDArray[np.float64],
    budgets: NDArray[np.float64],
    kept: list[tuple[int, int]],
    unit: str,
) -> pa.Table:
    """What each size up to the budget reaches for the kept rows, the original first.

    Args:
        bench: the model.
        target: the attacked rows.
        way: `(n_budgets, n_rows, n_features)` the rows as they were moved within each budget.
        budgets: `(n_budgets,)` ascending.
        kept: numbers of the examples and their rows among the target's.
        unit: of the budgets.
    """
    space, model = target.space, bench.need_model()
    lines: list[dict[str, object]] = []
    for example, row in kept:
        original = target.originals[row]
        points = np.array([original, *way[: AT_BUDGET + 1, row]])
        frame = space.decode(points, np.full(len(points), row), target.frame)
        answers = model.predict(frame).astype(np.float64)
        moves = np.abs(answers - answers[0])
        for at, point in enumerate(points):
            # A size that did not help, or less than a smaller one did, is no step on the way.
            if at and moves[at] <= moves[:at].max():
                continue
            changed = changes_between(space, original, point)
            lines.append(
                {
                    "example": example, "step": at, "questions": None,
                    "found_by": f"within {budgets[at - 1]:g} {unit}" if at else "",
                    "size": float(space.distance(point[None], original[None])[0]),
                    "n_changed": len(changed.places), "changes": changed.words,
                    "answer": f"{answers[at]:.6g}", "score_before": None,
                }
            )  # fmt: skip
    return table_of("example_steps", lines)


def _examples(
    bench: Workbench,
    target: Target,
    moved: NDArray[np.float64],
    positions: NDArray[np.int64],
    params: AdversarialParams,
) -> tuple[pa.Table, pa.Table]:
    space = target.space
    owners = np.arange(len(moved))
    model = bench.need_model()
    before = model.predict(space.decode(target.originals, owners, target.frame)).astype(float)
    after = model.predict(space.decode(moved, owners, target.frame)).astype(float)
    order = np.argsort(-np.abs(after - before), kind="stable")[: params.examples]
    sizes = space.distance(moved, target.originals)
    examples: list[dict[str, object]] = []
    changes: list[dict[str, object]] = []
    for number, row in enumerate(order, start=1):
        old, new = target.originals[row], moved[row]
        changed = changes_between(space, old, new)
        if not changed.places:
            continue
        file_row = int(bench.data.rows[positions[row]])
        label = None if bench.data.labels is None else float(bench.data.labels[positions[row]])
        examples.append(
            {
                "example": number, "row": file_row,
                "true": None if label is None or np.isnan(label) else f"{label:.6g}",
                "before": f"{before[row]:.6g}", "after": f"{after[row]:.6g}",
                "size": float(sizes[row]),
                "within_budget": bool(sizes[row] <= params.budget * WITHIN),
                "sentence": f"Row {file_row}: {changed.words} moves the prediction from "
                f"{before[row]:.6g} to {after[row]:.6g}.",
            }
        )  # fmt: skip
        changes += [{"example": number, "row": file_row} | line for line in changed.lines]
    return table_of("examples", examples), table_of("changes", changes)
