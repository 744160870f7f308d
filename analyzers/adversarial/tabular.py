"""The table face: the smallest feasible change that flips each answer."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analyzers.adversarial import boundary, combination, regression, slope
from analyzers.adversarial.attacked import choose_rows, wanted_code
from analyzers.adversarial.attacked_rows import row_table
from analyzers.adversarial.blocks import Extent, attack_blocks, blocks_of, flips_in_words
from analyzers.adversarial.by_group import by_group_table
from analyzers.adversarial.constant import refuse_constant_tables
from analyzers.adversarial.example_details import example_details
from analyzers.adversarial.exchange import exchange
from analyzers.adversarial.found import Found
from analyzers.adversarial.noise import DRAWS, random_changes
from analyzers.adversarial.params import AdversarialParams
from analyzers.adversarial.plausibility import plausible_share
from analyzers.adversarial.pool import pool_of, pool_positions
from analyzers.adversarial.robustness import (
    WITHIN,
    Outcome,
    curve_table,
    histogram_table,
    median_estimate,
    robustness_estimates,
    weak_spot_table,
)
from analyzers.adversarial.rule_tables import rule_tables
from analyzers.adversarial.shrink import shrink
from analyzers.adversarial.table_threat import INSIDE_IF_POSSIBLE, table_threat_model
from analyzers.adversarial.target import Sight, Target
from analyzers.adversarial.threat_model import goal_words
from analyzers.adversarial.units import column_unit, size_unit
from analyzers.adversarial.white_box import (
    look_inside,
    proof_estimates,
    proof_facts,
    proof_tables,
)
from analyzers.adversarial.wording import before_and_after, plainest
from analyzers.anatomy.compiled import compile_for
from analyzers.core.errors import UnsuitableSubject
from analyzers.core.model import Capability
from analyzers.core.result import Estimate, Fact, Measurements
from analyzers.core.workbench import Tracker, Workbench
from analyzers.toolkit.feasible import NEVER_KNOWN, NEVER_VARIES, FeasibleSpace, space_of
from analyzers.toolkit.intervals import mean_estimate

SIZES = (0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0)
SHOWN_REASONS = 5
KNOWS: dict[Sight, str] = {
    "scores": "the model's scores.", "labels only": "the model's answers only.",
}  # fmt: skip


def feasible_space(bench: Workbench, params: AdversarialParams) -> FeasibleSpace:
    """Read the rules from the data.

    Raises:
        UnsuitableSubject: no column is left that an attacker could change.
    """
    space = space_of(
        bench.subject.features, bench.data.frame, frozen=params.frozen, rising=params.rising,
        falling=params.falling, keeps_relations=params.relations, said=params.kept,
        dropped=params.dropped,
        costs=params.costs,
    )  # fmt: skip
    if not space.is_free.any():
        raise _nothing_free(space)
    return space


def _nothing_free(space: FeasibleSpace) -> UnsuitableSubject:
    reasons = [f"{field.name}: {field.reason}" for field in space.fields]
    shown = "; ".join(reasons[:SHOWN_REASONS])
    if len(reasons) > SHOWN_REASONS:
        shown += f"; and {len(reasons) - SHOWN_REASONS:,} more"
    is_still = all(field.reason in (NEVER_VARIES, NEVER_KNOWN) for field in space.fields)
    return UnsuitableSubject(
        f"Expected at least one column an attacker can change, got none ({shown}).",
        remedy="Give rows that differ: how far a column may change is read from the data."
        if is_still
        else "Unmark immutable columns on the page of the model and its data, or choose fewer "
        "columns that cannot change.",
    )


def measure(bench: Workbench, params: AdversarialParams) -> Measurements:
    """Attack a sample of rows in step and confirm every flip on the model itself."""
    space = feasible_space(bench, params)
    refuse_constant_tables(bench, space)
    if bench.subject.task == "regression":
        return regression.measure(bench, params, space)
    wanted = wanted_code(bench, params.wanted)
    attacked = choose_rows(bench, params.rows, wanted=wanted)
    sight: Sight = "scores" if _shows_scores(bench, params) else "labels only"
    frame = bench.data.frame.iloc[attacked.positions].reset_index(drop=True)
    copy = compile_for(bench)
    target = Target(copy.model, space, frame, attacked.codes, sight=sight, wanted=wanted)
    # Rows that are wrong already need no attack; they take part in nothing but the accuracy.
    part, found, extent = _attack(target, attacked.is_correct, bench, params)
    attacked = attacked.first(extent.n_begun)
    frame = frame.iloc[: extent.n_begun]
    correct = np.flatnonzero(attacked.is_correct)
    outcome_part, noise_flips = _with_noise(part, found, params, bench)
    n_dropped = confirm(part, found)
    inside = look_inside(
        bench, params, part, found, tuple(np.array(SIZES) * params.budget), attacked.is_correct
    )
    n_dropped += confirm(part, found)

    sizes = np.full(len(frame), np.inf)
    sizes[correct] = found.distances
    by_noise = np.zeros((len(outcome_part), len(frame)), dtype=bool)
    by_noise[:, correct] = outcome_part
    outcome = Outcome(attacked.is_correct, sizes, np.array(SIZES) * params.budget, by_noise)
    flips = found.rows
    steps = np.abs(space.steps(found.points[flips], part.originals[flips]))
    within = flips[found.distances[flips] <= params.budget * WITHIN]
    steps_within = np.abs(space.steps(found.points[within], part.originals[within]))
    plausible = plausible_share(
        space, found.points[within], part.originals[within], pool_of(space, bench)
    )
    names = [field.name for field in space.fields]
    examples, changes = before_and_after(
        bench, part, found, attacked.positions[correct], most=params.examples,
        budget=params.budget, is_proved=inside.is_proved(len(correct)),
    )  # fmt: skip
    return Measurements(
        estimates=robustness_estimates(outcome, params.budget)
        | {
            "n_changed": _mean((steps_within > 0).sum(axis=1).astype(np.float64)),
            "largest_change": median_estimate(
                steps_within.max(axis=1) if len(within) else np.zeros(0),
                "No change within the budget was found.",
            ),
            "queries": _mean(part.queries.astype(np.float64)),
            "plausible_share": plausible,
        }
        | proof_estimates(inside, params.budget),
        facts=_facts(bench, params, sight, int(space.is_free.sum()), n_dropped, noise_flips)
        | {"smallest_change": plainest(examples)}
        | proof_facts(inside, params)
        | ({"attack": inside.attack} if inside.attack else {}),
        tables={
            "threat_model": table_threat_model(
                params,
                space,
                goal=goal_words(bench, params.wanted),
                knows=inside.knows
                or KNOWS[sight]
                + (
                    f" The whole model was to be known, but its inside could not be used: "
                    f"{inside.refused}."
                    if inside.refused
                    else ""
                ),
                is_inside=bool(inside.knows),
                asked=f"{copy.words} Every change was confirmed on the model itself.",
            ),
            "curve": curve_table(outcome),
            "by_group": by_group_table(
                bench,
                attacked.positions,
                attacked.codes,
                outcome,
                params.budget,
                has_labels=attacked.has_labels,
            ),
            "rows": row_table(bench, attacked, part, found, correct, params.budget),
            "size_histogram": histogram_table(found.distances),
            "weak_spots": weak_spot_table(names, steps > 0, steps),
            "examples": examples,
            "changes": changes,
            **rule_tables(space, bench.data.frame),
            **example_details(
                bench, part, found, attacked.positions[correct], examples, pool_of(space, bench)
            ),
            **proof_tables(inside, params.budget, bench.data.rows[attacked.positions[correct]]),
        },
        sampling=attacked.sampling,
        cut_short=" ".join(note for note in (extent.note, inside.cut_short) if note),
    )


def _attack(
    target: Target, is_correct: NDArray[np.bool_], bench: Workbench, params: AdversarialParams
) -> tuple[Target, Found, Extent]:
    """Attack the rows that are right, block by block; only those that were begun come back."""
    right = np.flatnonzero(is_correct)
    part = _part_of(target, right)
    found = Found(part)
    rows, target_now, found_now = slice(None), part, found

    def attack(block: slice, track: Tracker) -> None:
        nonlocal rows, target_now, found_now
        rows = slice(*np.searchsorted(right, (block.start, block.stop)))
        target_now = _part_of(part, np.arange(rows.start, rows.stop))
        found_now = Found(target_now)
        find_changes(target_now, bench, params, found=found_now, track=track)
        found.adopt(rows, found_now)
        part.queries[rows] = target_now.queries

    def best() -> str:
        distances = found.distances.copy()
        distances[rows] = found_now.distances
        return flips_in_words(distances, len(right), size_unit(params))

    def share_of_block() -> float:
        asked = target_now.queries
        return float(asked.mean() / params.queries) if len(asked) else 0.0

    extent = attack_blocks(
        bench, blocks_of(len(is_correct), params.queries), attack, found=best,
        share_of_block=share_of_block,
    )  # fmt: skip
    if extent.n_begun == extent.n_rows:
        return part, found, extent
    n_begun = int(np.searchsorted(right, extent.n_begun))
    begun = _part_of(part, np.arange(n_begun))
    begun.queries[:] = part.queries[:n_begun]
    return begun, found.first(begun), extent


def foresee(bench: Workbench, params: AdversarialParams) -> dict[str, pa.Table]:
    """State the threat model of a run before it is made, and the rules read from the data.

    Raises:
        UnsuitableSubject: no column is left that an attacker could change.
    """
    space = feasible_space(bench, params)
    if bench.subject.task == "regression":
        stated = regression.foresee(params, space)
    else:
        is_inside = params.knowledge == "whole model"
        sight: Sight = "scores" if _may_use_scores(bench, params) else "labels only"
        stated = table_threat_model(
            params,
            space,
            goal=goal_words(bench, params.wanted),
            knows=INSIDE_IF_POSSIBLE if is_inside else KNOWS[sight],
            is_inside=is_inside,
        )
    return {"threat_model": stated, **rule_tables(space, bench.data.frame)}


def find_changes(
    target: Target,
    bench: Workbench,
    params: AdversarialParams,
    *,
    found: Found | None = None,
    track: Tracker | None = None,
) -> Found:
    """Run all searches on the target's rows, each within its share of the queries.

    Args:
        target: the model and the rows.
        bench: the data to start from.
        params: what the attacker may do.
        found: receives every flip as it is found; a new one where None.
        track: in place of the bench's own.
    """
    track = track or bench.track
    found = found or Found(target)
    space = target.space
    rngs = bench.rng.spawn(5)
    total = params.queries
    if target.sight == "scores":
        slope.search(target, found, queries=total // 4, rng=rngs[0], track=track)
        # What has a slope is smooth, and the walk below comes nearer there for as many questions.
        flat = np.flatnonzero(~np.isfinite(found.distances))
        first, again = rngs[1].spawn(2)
        starts = target.originals[flat]
        combination.search(target, found, starts, flat, queries=total // 3, rng=first, track=track)
        shrink(target, found, queries=total)
        starts, several = combination.largest_put_back(target, found, flat)
        combination.search(
            target, found, starts, several, queries=total // 4, rng=again, track=track
        )
        shrink(target, found, queries=total, rows=flat)
    pool = pool_of(space, bench)
    codes = _pool_codes(bench)
    boundary.start_from_data(target, found, pool, codes, rng=rngs[2])
    _approach_all(target, found)
    shrink(target, found, queries=total)
    boundary.walk(target, found, queries=total * 7 // 10, rng=rngs[3], track=track)
    shrink(target, found, queries=total)
    exchange(target, found, queries=total, rng=rngs[4], track=track)
    return found


def confirm(target: Target, found: Found) -> int:
    """Drop every flip that breaks a rule or that the model does not repeat; return how many."""
    rows = found.rows
    if not len(rows):
        return 0
    points = found.points[rows]
    good = target.space.is_feasible(points, target.originals[rows])
    good &= target.is_confirmed(points, rows)
    found.forget(rows[~good])
    return int((~good).sum())


def _approach_all(target: Target, found: Found) -> None:
    rows = found.rows
    rows = rows[found.sources[rows].astype(str) == boundary.START]
    if len(rows):
        points, margins = boundary.approach(target, found.points[rows], rows)
        found.offer(points, rows, margins, source=boundary.SOURCE)


def _with_noise(
    target: Target, found: Found, params: AdversarialParams, bench: Workbench
) -> tuple[NDArray[np.bool_], int]:
    """Try random changes at every size; flips they find count for the attack too."""
    owners = np.arange(len(target.originals))
    broken = np.zeros((len(SIZES), len(owners)), dtype=bool)
    nearer_by_noise = 0
    asked = target.queries.copy()
    if len(owners):
        for place, share in enumerate(bench.track(SIZES, "Changing rows at random")):
            size = share * params.budget
            for rng in bench.rng.spawn(DRAWS):
                points = random_changes(target.space, target.originals, size, rng)
                margins = target.margins(points, owners)
                flips = margins > 0
                broken[place] |= flips
                nearer_by_noise += int((flips & ~np.isfinite(found.distances)).sum())
                found.offer(points, owners, margins, source="random change")
    # These are the examiner's questions, not the attacker's.
    target.queries[:] = asked
    return broken, nearer_by_noise


def _part_of(target: Target, rows: NDArray[np.int64]) -> Target:
    return Target(
        target.model, target.space, target.frame.iloc[rows].reset_index(drop=True),
        target.codes[rows], sight=target.sight, wanted=target.wanted,
    )  # fmt: skip


def _pool_codes(bench: Workbench) -> NDArray[np.int64]:
    return bench.need_predictions().predicted[pool_positions(bench)].astype(np.int64)


def _may_use_scores(bench: Workbench, params: AdversarialParams) -> bool:
    """Whether the model gives scores and the attacker may see them."""
    gives_scores = Capability.PREDICT_PROBA in bench.need_model().capabilities
    return gives_scores and params.knowledge != "labels only"


def _shows_scores(bench: Workbench, params: AdversarialParams) -> bool:
    if not _may_use_scores(bench, params):
        return False
    predictions = bench.need_predictions()
    # Where the answer is not the class with the highest score, scores would mislead the search.
    return predictions.scores is not None and bool(
        (predictions.scores.argmax(axis=1) == predictions.predicted).all()
    )


def _mean(values: NDArray[np.float64]) -> Estimate:
    if not len(values):
        return Estimate.unmeasured("No change within the budget was found.")
    return mean_estimate(values)


def _facts(
    bench: Workbench,
    params: AdversarialParams,
    sight: Sight,
    n_free: int,
    n_dropped: int,
    noise_flips: int,
) -> dict[str, Fact]:
    return {
        "modality": "tabular",
        "task": bench.subject.task,
        "attacker_sees": sight,
        "attack": "slope, several features at once, boundary, exchange"
        if sight == "scores"
        else "boundary, exchange",
        "budget": params.budget,
        "budget_unit": size_unit(params),
        "column_unit": column_unit(params),
        "n_free_columns": n_free,
        "wanted": params.wanted or None,
        "n_unconfirmed": n_dropped,
        "n_found_by_random_only": noise_flips,
        "noise_draws": DRAWS,
    }
