"""The picture face: robust accuracy under gradients, scores or answers alone, and its checks."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analyzers.adversarial import checks
from analyzers.adversarial.aim import Aim
from analyzers.adversarial.attacked import Attacked, choose_targets, wanted_code
from analyzers.adversarial.by_group import by_group_table
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
from analyzers.adversarial.image_checks import check_attack
from analyzers.adversarial.image_extras import (
    certificate,
    corruption_estimate,
    corruption_table,
    other_budgets,
)
from analyzers.adversarial.image_tables import (
    chosen_examples,
    example_table,
    row_table,
    step_table,
)
from analyzers.adversarial.nearest import Nearest
from analyzers.adversarial.network import Network
from analyzers.adversarial.noise import DRAWS
from analyzers.adversarial.params import AdversarialParams
from analyzers.adversarial.pixels import random_pictures
from analyzers.adversarial.robustness import (
    Outcome,
    curve_table,
    histogram_table,
    robustness_estimates,
)
from analyzers.adversarial.tables import table_of
from analyzers.adversarial.threat_model import threat_model_table
from analyzers.core.errors import UnsuitableSubject
from analyzers.core.model import Capability, Model, NetworkModel
from analyzers.core.result import Estimate, Measurements
from analyzers.core.workbench import Workbench
from analyzers.toolkit.intervals import rate_estimate

SHARES = (0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0)
# Random squares are asked in sequence; few sizes keep them affordable.
BLACK_BOX_SHARES = (0.25, 0.5, 1.0, 2.0)
FEWEST_AUTO_STEPS = 100
FEWEST_LABEL_QUERIES = 1000
NOISE = "random change"
NOISE_SHOWN = 62
LABELS_ONLY = "labels only (HopSkipJump)"
PLAIN = "FGSM and PGD"


class _Plan(NamedTuple):
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


def measure(bench: Workbench, params: AdversarialParams) -> Measurements:
    """Attack a sample of pictures at several sizes and confirm every flip on the model.

    Raises:
        UnsuitableSubject: no pictures, or none that could reach the wanted answer.
        InvalidParameter: a wanted answer that is no class.
    """
    model = bench.need_model()
    if bench.data.images is None or not bench.data.images.size:
        raise UnsuitableSubject("Expected pictures, got none.", remedy="Upload a zip or npz file.")
    wanted = wanted_code(bench, params.wanted)
    attacked = choose_targets(bench, params.rows, wanted)
    correct = np.flatnonzero(attacked.is_correct)
    pictures = bench.data.images[attacked.positions]
    codes = attacked.codes[correct]
    aim = Aim(codes, None if wanted is None else np.full(len(codes), wanted))
    plan = _plan(model, pictures, params)
    _refuse_constant(bench, model, pictures)
    nearest = Nearest(model, pictures[correct], aim, params.norm)
    sizes = np.array([share * params.epsilon for share in plan.shares])
    sizes = sizes[sizes <= 1.0 + 1e-9]
    # One stream for every part: what is switched on does not change the other parts' numbers.
    streams = bench.rng.spawn(8)
    by_noise = _try_noise(bench, nearest, sizes, streams[0])
    lines = _cascade(bench, plan, nearest, len(pictures), params, streams[1])
    _sweep(bench, plan, nearest, sizes, params, streams[2])
    if plan.knows == ACCESS_LABELS:
        lines = [*lines, _by_answers(bench, nearest, len(pictures), params, streams[3])]
    if params.nearest and plan.network is not None and len(codes):
        _look_closer(bench, plan, nearest, params)
    listed = check_attack(bench, plan.network, nearest, params, streams[4]) if plan.network else []
    outcome = _outcome(attacked, correct, nearest, sizes, by_noise)
    tables, estimates = _extras(bench, plan, nearest, attacked, pictures, params, streams[5:])
    examples = chosen_examples(nearest, params)
    return Measurements(
        estimates=robustness_estimates(outcome, params.epsilon)
        | ({"checks_failed": checks.failed_estimate(listed)} if listed else {})
        | estimates,
        facts={
            "modality": "image", "task": bench.subject.task, "attacker_sees": plan.knows,
            "attack": params.image_attack if plan.network else _black_box_name(plan),
            "budget": params.epsilon, "norm": params.norm,
            "budget_unit": "of the range from black to white"
            + ("" if params.norm == "L-inf" else ", root mean square"),
            "steps": params.steps, "restarts": params.restarts, "noise_draws": DRAWS,
            "wanted": params.wanted or None,
            "followed": "gradient steps" if plan.network else "straight line",
            "certify_noise": params.certify_noise, "certify_copies": params.certify,
        },
        tables={
            "threat_model": _threat_model(params, plan, attacked),
            "curve": curve_table(outcome),
            "attacks": table_of("attacks", lines),
            "rows": row_table(bench, attacked, nearest, correct, params.epsilon),
            "size_histogram": histogram_table(nearest.sizes),
            "by_group": by_group_table(
                bench, attacked.positions, attacked.codes, outcome, params.epsilon,
                has_labels=attacked.has_labels,
            ),
            "image_examples": example_table(bench, attacked, nearest, correct, examples),
            "attack_steps": step_table(
                bench, attacked, nearest, correct, examples, params, plan.network
            ),
            "checks": checks.check_table(listed),
        } | tables,
        sampling=attacked.sampling,
    )  # fmt: skip


def _refuse_constant(bench: Workbench, model: Model, pictures: NDArray[np.float32]) -> None:
    """Stop where nothing can be flipped: one answer to all of the data and to plain noise.

    Raises:
        UnsuitableSubject: the model gives one answer whatever it is shown.
    """
    answers = bench.need_predictions().predicted
    if len(np.unique(answers)) > 1:
        return
    shape = (NOISE_SHOWN, *pictures.shape[1:])
    drawn = np.random.default_rng(0).random(shape, dtype=np.float32)
    ends = np.concatenate([np.zeros_like(drawn[:1]), np.ones_like(drawn[:1]), drawn])
    if bool((model.predict(ends) == answers[0]).all()):
        raise UnsuitableSubject(
            "Expected a model whose answer depends on the picture, got one that answered "
            f"{bench.subject.classes[int(answers[0])]!r} to all {len(answers):,} rows, to black, "
            "to white and to noise.",
            remedy="Check that the model was trained and that its input is scaled to 0 to 1.",
        )


def _plan(model: Model, pictures: NDArray[np.float32], params: AdversarialParams) -> _Plan:
    is_network = isinstance(model, NetworkModel) and Capability.GRADIENT in model.capabilities
    has_scores = Capability.PREDICT_PROBA in model.capabilities
    chosen = params.image_attack
    is_auto = chosen not in (PLAIN, LABELS_ONLY)
    if chosen == LABELS_ONLY or not (is_network or has_scores):
        effort = Effort(params.steps, params.restarts, max(params.queries, FEWEST_LABEL_QUERIES))
        return _Plan(None, (), None, effort, SHARES, ACCESS_LABELS)
    if isinstance(model, NetworkModel) and is_network:
        steps = max(params.steps, FEWEST_AUTO_STEPS) if is_auto else params.steps
        effort = Effort(steps, params.restarts, params.queries)
        network = Network(model, pictures)
        return _Plan(network, CASCADES[chosen], PGD, effort, SHARES, "gradients")
    effort = Effort(params.steps, params.restarts, params.queries)
    return _Plan(None, (SQUARE,), SQUARE, effort, BLACK_BOX_SHARES, "scores")


def _black_box_name(plan: _Plan) -> str:
    return "random squares" if plan.sweep is SQUARE else "HopSkipJump, answers only"


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
    plan: _Plan,
    nearest: Nearest,
    n_attacked: int,
    params: AdversarialParams,
    rng: np.random.Generator,
) -> list[dict[str, object]]:
    """Run every attack at the stated size on what the others left; a line for each."""
    stands = np.ones(len(nearest.originals), dtype=bool)
    lines = []
    for which, draw in zip(plan.cascade, rng.spawn(len(plan.cascade)), strict=True):
        rows = np.flatnonzero(stands)
        fallen = 0
        for part in bench.track([rows] if len(rows) else [], f"Attacking pictures: {which.name}"):
            reached = _run(bench, plan, which, nearest, part, params.epsilon, draw)
            nearest.offer(reached, part, source=which.name)
            # FAB keeps to no budget: what it found farther out counts for the curve only.
            hit = reached.is_broken
            if not which.needs_budget:
                hit = hit & (nearest.sizes[part] <= params.epsilon)
            stands[part[hit]] = False
            fallen = int(hit.sum())
        rate = rate_estimate(int(stands.sum()), n_attacked)
        lines.append(
            {
                "attack": which.name, "access": which.access, "size": params.epsilon,
                "n_tried": len(rows), "n_broken": fallen, "robust_accuracy": rate.value,
                "low": rate.low, "high": rate.high, "n": n_attacked,
            }
        )  # fmt: skip
    return lines


def _sweep(
    bench: Workbench,
    plan: _Plan,
    nearest: Nearest,
    sizes: NDArray[np.float64],
    params: AdversarialParams,
    rng: np.random.Generator,
) -> None:
    """Run one attack at the other sizes, so that accuracy is known along the whole curve."""
    if plan.sweep is None:
        return
    draws = rng.spawn(len(sizes))
    for size, draw in zip(bench.track(sizes, "Attacking pictures"), draws, strict=True):
        if size == params.epsilon and plan.sweep in plan.cascade:
            continue
        rows = np.flatnonzero((nearest.sizes > size) | (nearest.sources == NOISE))
        if len(rows):
            reached = _run(bench, plan, plan.sweep, nearest, rows, float(size), draw)
            nearest.offer(reached, rows, source=plan.sweep.name)


def _run(
    bench: Workbench,
    plan: _Plan,
    which: Attempt,
    nearest: Nearest,
    rows: NDArray[np.int64],
    size: float,
    rng: np.random.Generator,
) -> Broken:
    return attempt(
        which, plan.network, nearest.model, nearest.originals[rows], nearest.aim.take(rows), size,
        nearest.norm, effort=plan.effort, rng=rng, track=bench.track,
    )  # fmt: skip


def _by_answers(
    bench: Workbench,
    nearest: Nearest,
    n_attacked: int,
    params: AdversarialParams,
    rng: np.random.Generator,
) -> dict[str, object]:
    """Walk along the boundary from other pictures of the data; one search for all sizes."""
    images = bench.data.images
    assert images is not None  # noqa: S101  `measure` has refused such data
    pool_answers = bench.need_predictions().predicted.astype(np.int64)
    rows = np.arange(len(nearest.originals))
    queries = max(params.queries, FEWEST_LABEL_QUERIES)
    walked = walk_boundary(
        nearest.model, nearest.originals, nearest.aim, params.norm, pool=images,
        pool_answers=pool_answers, queries=queries, rng=rng, track=bench.track,
    )  # fmt: skip
    nearest.offer(walked.broken, rows, source="HopSkipJump")
    hit = nearest.sizes <= params.epsilon
    rate = rate_estimate(int((~hit).sum()), n_attacked)
    return {
        "attack": "HopSkipJump", "access": "black-box", "size": params.epsilon,
        "n_tried": len(rows), "n_broken": int(hit.sum()), "robust_accuracy": rate.value,
        "low": rate.low, "high": rate.high, "n": n_attacked,
    }  # fmt: skip


def _look_closer(
    bench: Workbench, plan: _Plan, nearest: Nearest, params: AdversarialParams
) -> None:
    """Search the smallest change itself, instead of reading it off a sweep of sizes."""
    network = plan.network
    assert network is not None  # noqa: S101  asked of networks only
    rows = np.arange(len(nearest.originals))
    steps = max(params.steps, FEWEST_AUTO_STEPS)
    searches = ["DDN", FAB.name] if params.norm == "L2" else [FAB.name]
    for name in bench.track(searches, "Looking for the smallest change"):
        reached = (
            shorten(network, nearest.originals, nearest.aim, steps=steps)
            if name == "DDN"
            else nearest_boundary(network, nearest.originals, nearest.aim, params.norm,
                                  steps=steps)
        )  # fmt: skip
        nearest.offer(reached, rows, source=name)


def _outcome(
    attacked: Attacked,
    correct: NDArray[np.int64],
    nearest: Nearest,
    sizes: NDArray[np.float64],
    by_noise: NDArray[np.bool_],
) -> Outcome:
    all_sizes = np.full(len(attacked.codes), np.inf)
    all_sizes[correct] = nearest.sizes
    all_noise = np.zeros((len(sizes), len(attacked.codes)), dtype=bool)
    all_noise[:, correct] = by_noise
    return Outcome(attacked.is_correct, all_sizes, sizes, all_noise)


def _extras(
    bench: Workbench,
    plan: _Plan,
    nearest: Nearest,
    attacked: Attacked,
    pictures: NDArray[np.float32],
    params: AdversarialParams,
    streams: list[np.random.Generator],
) -> tuple[dict[str, pa.Table], dict[str, Estimate]]:
    """Whatever was switched on beside the attack of bounded size."""
    tables: dict[str, pa.Table] = {}
    estimates: dict[str, Estimate] = {}
    if params.pixels or params.patch > 0:
        tables["other_budgets"] = other_budgets(
            bench, nearest.model, plan.network, nearest.originals, nearest.aim, len(pictures),
            params, streams[0],
        )  # fmt: skip
    if params.corruptions:
        damaged = corruption_table(bench, nearest.model, pictures, attacked.codes, streams[1])
        tables["corruptions"] = damaged
        estimates["corrupted_accuracy"] = corruption_estimate(damaged)
    if params.certify:
        tables["certified"], proven = certificate(
            bench, nearest.model, attacked, pictures, params, streams[2]
        )
        estimates |= proven
    return tables, estimates


def _threat_model(params: AdversarialParams, plan: _Plan, attacked: Attacked) -> pa.Table:
    goal = "any wrong answer." if attacked.has_labels else "any other answer."
    knows = {
        "gradients": "the model and its gradients.",
        "scores": "the model's scores.",
        ACCESS_LABELS: "nothing but the model's answers.",
    }[plan.knows]
    return threat_model_table(
        knows=knows,
        access="white-box" if plan.network else "black-box",
        may_change="Every pixel may change, within black and white.",
        budget=f"{params.norm} {params.epsilon:g} on a scale from 0 (black) to 1 (white)"
        + ("." if params.norm == "L-inf" else ", root mean square over the pixels."),
        goal=f"the answer {params.wanted!r}." if params.wanted else goal,
        is_targeted=bool(params.wanted),
    )
