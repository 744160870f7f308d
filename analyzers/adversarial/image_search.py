"""Pictures attacked block by block: every attack on each, so that a block done is done in full."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzers.adversarial.blocks import Extent, attack_blocks, blocks_of, flips_in_words
from analyzers.adversarial.cascade import (
    ACCESS_LABELS,
    CASCADES,
    FAB,
    PGD,
    SQUARE,
    Attempt,
    Effort,
    attempt,
)
from analyzers.adversarial.ddn import shorten
from analyzers.adversarial.decision import walk_boundary
from analyzers.adversarial.fab import nearest_boundary
from analyzers.adversarial.gradient import Broken
from analyzers.adversarial.nearest import Nearest
from analyzers.adversarial.network import Network
from analyzers.adversarial.noise import DRAWS
from analyzers.adversarial.params import PLAIN, AdversarialParams
from analyzers.adversarial.pixels import random_pictures
from analyzers.core.model import Capability, Model, NetworkModel
from analyzers.core.workbench import Tracker, Workbench
from analyzers.toolkit.intervals import rate_estimate

SHARES = (0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0)
# Random squares are asked in sequence; few sizes keep them affordable.
BLACK_BOX_SHARES = (0.25, 0.5, 1.0, 2.0)
FEWEST_AUTO_STEPS = 100
FEWEST_LABEL_QUERIES = 1000
NOISE = "random change"
HOP_SKIP_JUMP = Attempt("HopSkipJump", "black-box", needs_budget=False)
# A picture costs more than a row of a table, and a gradient more than an answer.
QUESTIONS_A_STEP = 4


class Plan(NamedTuple):
    """What attacks this model, seen how.

    Attributes:
        network: the model with gradients, where the attacker has them.
        cascade: run at the stated size, each on what the others left.
        sweep: run at every size; None where one search answers for all sizes.
        effort: how hard each tries.
        shares: sizes of the sweep, as shares of the stated one.
        knows: what the attacker sees, in words.
    """

    network: Network | None
    cascade: tuple[Attempt, ...]
    sweep: Attempt | None
    effort: Effort
    shares: tuple[float, ...]
    knows: str

    @property
    def questions(self) -> int:
        """About how much work one picture is."""
        if self.network is None:
            return self.effort.queries
        n_attacks = len(self.cascade) + len(self.shares)
        return n_attacks * self.effort.steps * self.effort.restarts * QUESTIONS_A_STEP


class Searched(NamedTuple):
    """What all attacks found on the pictures that were begun.

    Attributes:
        nearest: of the pictures that were right.
        by_noise: `(n_sizes, n_right)` whether a random change was enough.
        lines: one for each attack, for the table of attacks.
        extent: how far it got.
    """

    nearest: Nearest
    by_noise: NDArray[np.bool_]
    lines: list[dict[str, object]]
    extent: Extent


def plan_for(model: Model, pictures: NDArray[np.float32], params: AdversarialParams) -> Plan:
    """Choose the attacks by what the model shows and what was asked for.

    Args:
        model: under attack.
        pictures: `(n_rows, height, width, channels)` in [0, 1].
        params: what was asked for.
    """
    is_network = isinstance(model, NetworkModel) and Capability.GRADIENT in model.capabilities
    has_scores = Capability.PREDICT_PROBA in model.capabilities
    chosen = params.image_attack
    is_auto = chosen != PLAIN
    if params.knowledge == "labels only" or not (is_network or has_scores):
        effort = Effort(params.steps, params.restarts, max(params.queries, FEWEST_LABEL_QUERIES))
        return Plan(None, (), None, effort, SHARES, ACCESS_LABELS)
    is_black_box = params.knowledge == "scores" and has_scores
    if isinstance(model, NetworkModel) and is_network and not is_black_box:
        steps = max(params.steps, FEWEST_AUTO_STEPS) if is_auto else params.steps
        effort = Effort(steps, params.restarts, params.queries)
        network = Network(model, pictures)
        return Plan(network, CASCADES[chosen], PGD, effort, SHARES, "gradients")
    effort = Effort(params.steps, params.restarts, params.queries)
    return Plan(None, (SQUARE,), SQUARE, effort, BLACK_BOX_SHARES, "scores")


def search_pictures(
    bench: Workbench,
    plan: Plan,
    whole: Nearest,
    is_correct: NDArray[np.bool_],
    sizes: NDArray[np.float64],
    params: AdversarialParams,
    streams: list[np.random.Generator],
) -> Searched:
    """Run every attack of the plan on block after block of the pictures.

    Args:
        bench: tracks, and may end the work early.
        plan: the attacks.
        whole: of all pictures that were right; filled on the way.
        is_correct: `(n_attacked,)` which of the attacked those are.
        sizes: `(n_sizes,)` of the sweep.
        params: what was asked for.
        streams: for noise, the attacks at the stated size, the sweep and the walk with answers.
    """
    right = np.flatnonzero(is_correct)
    by_noise = np.zeros((len(sizes), len(right)), dtype=bool)
    counts: dict[Attempt, NDArray[np.int64]] = {}
    blocks = blocks_of(len(is_correct), plan.questions)
    drawn = [[s] if len(blocks) == 1 else s.spawn(len(blocks)) for s in streams]
    rows, at_work, n_run = slice(None), whole, 0
    n_to_run = len(plan.cascade) + (len(sizes) if plan.sweep else 1)

    def note_run() -> None:
        nonlocal n_run
        n_run += 1

    def attack(block: slice, track: Tracker) -> None:
        nonlocal rows, at_work, n_run
        n_run = 0
        rows = slice(*np.searchsorted(right, (block.start, block.stop)))
        at_work = whole.part(rows)
        noise, cascade, sweep, answers = (each[blocks.index(block)] for each in drawn)
        by_noise[:, rows] = _try_noise(bench, at_work, sizes, noise)
        done = _cascade(bench, plan, at_work, params, cascade, track, note_run)
        _sweep(bench, plan, at_work, sizes, params, sweep, track, note_run)
        if plan.knows == ACCESS_LABELS:
            done = {HOP_SKIP_JUMP: _by_answers(bench, at_work, params, answers, track)}
        if params.nearest and plan.network is not None and len(at_work.originals):
            _look_closer(bench, plan, at_work, params, track)
        for which, added in done.items():
            counts[which] = counts.get(which, np.zeros(3, dtype=np.int64)) + added
        whole.adopt(rows, at_work)

    def best() -> str:
        known = whole.sizes.copy()
        known[rows] = at_work.sizes
        return flips_in_words(known, len(right), f"({whole.norm})", what="right readings")

    extent = attack_blocks(
        bench, blocks, attack, found=best, share_of_block=lambda: n_run / n_to_run
    )
    n_right = int(np.searchsorted(right, extent.n_begun))
    lines = _lines(counts, extent.n_begun, params.epsilon)
    nearest = whole if n_right == len(right) else whole.part(slice(n_right))
    return Searched(nearest, by_noise[:, :n_right], lines, extent)


def _lines(
    counts: Mapping[Attempt, NDArray[np.int64]], n_begun: int, size: float
) -> list[dict[str, object]]:
    lines: list[dict[str, object]] = []
    for which, (tried, fallen, standing) in counts.items():
        rate = rate_estimate(int(standing), n_begun)
        lines.append(
            {
                "attack": which.name, "access": which.access, "size": size,
                "n_tried": int(tried), "n_broken": int(fallen), "robust_accuracy": rate.value,
                "low": rate.low, "high": rate.high, "n": n_begun,
            }
        )  # fmt: skip
    return lines


def _try_noise(
    bench: Workbench, nearest: Nearest, sizes: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.bool_]:
    broken = np.zeros((len(sizes), len(nearest.originals)), dtype=bool)
    rows = np.arange(len(nearest.originals))
    if not len(rows):
        return broken
    for place, size in enumerate(bench.track(sizes, "Changing pictures at random")):
        for draw in rng.spawn(DRAWS):
            pictures = random_pictures(nearest.originals, float(size), nearest.norm, draw)
            changed = nearest.aim.is_reached(nearest.model.predict(pictures))
            broken[place] |= changed
            nearest.offer(Broken(changed, pictures), rows, source=NOISE)
    return broken


def _cascade(
    bench: Workbench,
    plan: Plan,
    nearest: Nearest,
    params: AdversarialParams,
    rng: np.random.Generator,
    track: Tracker,
    note_run: Callable[[], None],
) -> dict[Attempt, NDArray[np.int64]]:
    """Run every attack at the stated size on what the others left; tried, fallen, standing."""
    stands = np.ones(len(nearest.originals), dtype=bool)
    counts = {}
    for which, draw in zip(plan.cascade, rng.spawn(len(plan.cascade)), strict=True):
        rows = np.flatnonzero(stands)
        # What is ended early leaves out whole attacks; those that ran, ran in full.
        parts = [rows] if len(rows) and not bench.was_ended() else []
        n_tried = fallen = 0
        for part in track(parts, f"Attacking pictures: {which.name}"):
            reached = _run(plan, which, nearest, part, params.epsilon, draw, track)
            nearest.offer(reached, part, source=which.name)
            note_run()
            # FAB keeps to no budget: what it found farther out counts for the curve only.
            hit = reached.is_broken
            if not which.needs_budget:
                hit = hit & (nearest.sizes[part] <= params.epsilon)
            stands[part[hit]] = False
            n_tried, fallen = len(part), int(hit.sum())
        counts[which] = np.array([n_tried, fallen, int(stands.sum())])
    return counts


def _sweep(
    bench: Workbench,
    plan: Plan,
    nearest: Nearest,
    sizes: NDArray[np.float64],
    params: AdversarialParams,
    rng: np.random.Generator,
    track: Tracker,
    note_run: Callable[[], None],
) -> None:
    """Run one attack at the other sizes, so that accuracy is known along the whole curve."""
    if plan.sweep is None or bench.was_ended():
        return
    draws = rng.spawn(len(sizes))
    for size, draw in zip(track(sizes, "Attacking pictures"), draws, strict=False):
        note_run()
        if size == params.epsilon and plan.sweep in plan.cascade:
            continue
        rows = np.flatnonzero((nearest.sizes > size) | (nearest.sources == NOISE))
        if len(rows):
            reached = _run(plan, plan.sweep, nearest, rows, float(size), draw, track)
            nearest.offer(reached, rows, source=plan.sweep.name)


def _run(
    plan: Plan,
    which: Attempt,
    nearest: Nearest,
    rows: NDArray[np.int64],
    size: float,
    rng: np.random.Generator,
    track: Tracker,
) -> Broken:
    return attempt(
        which, plan.network, nearest.model, nearest.originals[rows], nearest.aim.take(rows), size,
        nearest.norm, effort=plan.effort, rng=rng, track=track,
    )  # fmt: skip


def _by_answers(
    bench: Workbench,
    nearest: Nearest,
    params: AdversarialParams,
    rng: np.random.Generator,
    track: Tracker,
) -> NDArray[np.int64]:
    """Walk along the boundary from other pictures of the data; one search for all sizes."""
    images = bench.data.images
    assert images is not None  # noqa: S101  `images.measure` has refused such data
    pool_answers = bench.need_predictions().predicted.astype(np.int64)
    rows = np.arange(len(nearest.originals))
    queries = max(params.queries, FEWEST_LABEL_QUERIES)
    walked = walk_boundary(
        nearest.model, nearest.originals, nearest.aim, params.norm, pool=images,
        pool_answers=pool_answers, queries=queries, rng=rng, track=track,
    )  # fmt: skip
    nearest.offer(walked.broken, rows, source=HOP_SKIP_JUMP.name)
    hit = nearest.sizes <= params.epsilon
    return np.array([len(rows), int(hit.sum()), int((~hit).sum())])


def _look_closer(
    bench: Workbench, plan: Plan, nearest: Nearest, params: AdversarialParams, track: Tracker
) -> None:
    """Search the smallest change itself, instead of reading it off a sweep of sizes."""
    network = plan.network
    assert network is not None  # noqa: S101  asked of networks only
    if bench.was_ended():
        return
    rows = np.arange(len(nearest.originals))
    steps = max(params.steps, FEWEST_AUTO_STEPS)
    searches = ["DDN", FAB.name] if params.norm == "L2" else [FAB.name]
    for name in track(searches, "Looking for the smallest change"):
        reached = (
            shorten(network, nearest.originals, nearest.aim, steps=steps)
            if name == "DDN"
            else nearest_boundary(network, nearest.originals, nearest.aim, params.norm,
                                  steps=steps)
        )  # fmt: skip
        nearest.offer(reached, rows, source=name)
