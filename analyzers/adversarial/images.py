"""The picture face: robust accuracy under gradients, scores or answers alone, and its checks."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analyzers.adversarial import checks
from analyzers.adversarial.aim import Aim
from analyzers.adversarial.attacked import Attacked, choose_rows, wanted_code
from analyzers.adversarial.by_group import by_group_table
from analyzers.adversarial.cascade import ACCESS_LABELS, SQUARE
from analyzers.adversarial.image_checks import check_attack, check_scores
from analyzers.adversarial.image_extras import (
    certificate,
    corruption_estimate,
    corruption_table,
    other_budgets,
)
from analyzers.adversarial.image_search import Plan, plan_for, search_pictures
from analyzers.adversarial.image_tables import (
    chosen_examples,
    example_table,
    painted_table,
    row_table,
    step_table,
    survival_estimate,
)
from analyzers.adversarial.nearest import Nearest
from analyzers.adversarial.noise import DRAWS
from analyzers.adversarial.params import AdversarialParams
from analyzers.adversarial.patch import patch_words, side_of
from analyzers.adversarial.robustness import (
    Outcome,
    curve_table,
    histogram_table,
    robustness_estimates,
)
from analyzers.adversarial.tables import table_of
from analyzers.adversarial.threat_model import goal_words, threat_model_table
from analyzers.core.errors import UnsuitableSubject
from analyzers.core.model import Model
from analyzers.core.result import Estimate, Measurements
from analyzers.core.workbench import SoFar, Workbench, searching

NOISE_SHOWN = 62
PAINTING = "few pixels and patch"
# The number of the paper's own evaluation within AutoAttack.
FEWEST_SQUARE_QUERIES = 5000


def measure(bench: Workbench, params: AdversarialParams) -> Measurements:
    """Attack a sample of pictures at several sizes and confirm every flip on the model.

    Raises:
        UnsuitableSubject: no pictures, or none that could reach the wanted answer.
        InvalidParameter: a wanted answer that is no class.
    """
    model = bench.need_model()
    images = _pictures_of(bench)
    wanted = wanted_code(bench, params.wanted)
    attacked = choose_rows(bench, params.rows, wanted=wanted)
    correct = np.flatnonzero(attacked.is_correct)
    pictures = images[attacked.positions]
    codes = attacked.codes[correct]
    aim = Aim(codes, None if wanted is None else np.full(len(codes), wanted))
    plan = plan_for(model, pictures, params)
    if params.patch > 0:
        side_of(params.patch, *images.shape[1:3])  # refuses less than a pixel before the work
    _refuse_constant(bench, model, pictures)
    whole = Nearest(model, pictures[correct], aim, params.norm)
    sizes = np.array([share * params.epsilon for share in plan.shares])
    sizes = sizes[sizes <= 1.0 + 1e-9]
    # One stream for every part: what is switched on does not change the other parts' numbers.
    streams = bench.rng.spawn(8)
    searched = search_pictures(bench, plan, whole, attacked.is_correct, sizes, params, streams[:4])
    nearest, extent = searched.nearest, searched.extent
    attacked, pictures = attacked.first(extent.n_begun), pictures[: extent.n_begun]
    correct = np.flatnonzero(attacked.is_correct)
    listed = _checks(bench, plan, nearest, params, streams[4])
    outcome = _outcome(attacked, correct, nearest, sizes, searched.by_noise)
    extras = _extras(bench, plan, nearest, attacked, pictures, params, streams[5:])
    tables, estimates = extras.tables, extras.estimates
    examples = chosen_examples(nearest, params)
    return Measurements(
        estimates=robustness_estimates(outcome, params.epsilon)
        | {"survives_saving": survival_estimate(nearest, params.epsilon)}
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
        } | extras.facts,
        tables={
            "threat_model": _threat_model(bench, params, plan, left_out=extras.left_out),
            "curve": curve_table(outcome),
            "attacks": table_of("attacks", searched.lines),
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
        cut_short=" ".join(note for note in (extent.note, extras.note) if note),
    )  # fmt: skip


def foresee(bench: Workbench, params: AdversarialParams) -> dict[str, pa.Table]:
    """State the threat model of a run before it is made.

    Raises:
        UnsuitableSubject: no pictures.
    """
    images = _pictures_of(bench)
    plan = plan_for(bench.need_model(), images[:1], params)
    return {"threat_model": _threat_model(bench, params, plan)}


def _pictures_of(bench: Workbench) -> NDArray[np.float32]:
    if bench.data.images is None or not bench.data.images.size:
        raise UnsuitableSubject("Expected pictures, got none.", remedy="Upload a zip or npz file.")
    return bench.data.images


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


def _checks(
    bench: Workbench,
    plan: Plan,
    nearest: Nearest,
    params: AdversarialParams,
    rng: np.random.Generator,
) -> list[checks.Check]:
    if plan.network is not None:
        return check_attack(bench, plan.network, nearest, params, rng)
    return check_scores(nearest.model, nearest) if plan.sweep is SQUARE else []


def _black_box_name(plan: Plan) -> str:
    return "random squares" if plan.sweep is SQUARE else "HopSkipJump, answers only"


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


class _Extras(NamedTuple):
    """Whatever was switched on beside the attack of bounded size, and what was left out of it."""

    tables: dict[str, pa.Table]
    estimates: dict[str, Estimate]
    facts: dict[str, str]
    left_out: tuple[str, ...]

    @property
    def note(self) -> str:
        """One sentence on what was left out; empty where nothing was."""
        return f"Left out: {', '.join(self.left_out)}." if self.left_out else ""


def _extras(
    bench: Workbench,
    plan: Plan,
    nearest: Nearest,
    attacked: Attacked,
    pictures: NDArray[np.float32],
    params: AdversarialParams,
    streams: list[np.random.Generator],
) -> _Extras:
    tables: dict[str, pa.Table] = {}
    estimates: dict[str, Estimate] = {}
    facts: dict[str, str] = {}

    def few_pixels_and_patch() -> None:
        made = other_budgets(
            bench, nearest.model, plan.network, nearest.originals, nearest.aim, len(pictures),
            params, streams[0],
        )  # fmt: skip
        tables["other_budgets"] = made.table
        tables["painted_examples"] = painted_table(bench, attacked, nearest, made.painted)
        estimates.update(made.estimates)
        facts.update(made.words)

    def common_damage() -> None:
        damaged = corruption_table(bench, nearest.model, pictures, attacked.codes, streams[1])
        tables["corruptions"] = damaged
        estimates["corrupted_accuracy"] = corruption_estimate(damaged)

    def proof() -> None:
        tables["certified"], proven = certificate(
            bench, nearest.model, attacked, pictures, params, streams[2]
        )
        estimates.update(proven)

    wanted = {
        PAINTING: few_pixels_and_patch if params.pixels or params.patch > 0 else None,
        "common damage": common_damage if params.corruptions else None,
        "the certificate": proof if params.certify else None,
    }
    left = {name: measure_it for name, measure_it in wanted.items() if measure_it is not None}
    if not bench.was_ended():
        track = searching(bench.track, lambda: SoFar("all attacks of the stated size are done"))
        for name in track(list(left), "Looking further"):
            left.pop(name)()
    return _Extras(tables, estimates, facts, tuple(left))


def _further_budgets(params: AdversarialParams, height: int, width: int) -> str:
    """Name the budgets beside the stated one, each attacked on its own.

    Raises:
        InvalidParameter: a patch smaller than a pixel.
    """
    said = ""
    if params.pixels:
        many = "pixel" if params.pixels == 1 else "pixels"
        said += (
            f" Apart from that, L0: up to {params.pixels} {many} of any colour, with "
            f"{params.queries:,} queries a picture for each number."
        )
    if params.patch > 0:
        said += (
            f" Apart from that, a patch of any colours: {patch_words(params.patch, height, width)}."
        )
    return said


def _queries_in_words(params: AdversarialParams, plan: Plan) -> str:
    """Say how often the model may be asked about a picture; empty where gradients are enough."""
    asked = plan.effort.queries
    if plan.knows == ACCESS_LABELS:
        more = (
            f" (HopSkipJump needs at least {asked:,}; {params.queries:,} were set)"
            if asked > params.queries
            else ""
        )
        return f" {asked:,} queries a picture{more}."
    if plan.network is not None and SQUARE not in plan.cascade:
        return ""
    said = f" Square asks up to {asked:,} queries a picture"
    said += " at each size." if plan.network is None else ", of what the gradients left."
    if asked < FEWEST_SQUARE_QUERIES:
        said += (
            f" The paper asks {FEWEST_SQUARE_QUERIES:,}: with fewer, more answers stand than would."
        )
    return said


def _threat_model(
    bench: Workbench, params: AdversarialParams, plan: Plan, *, left_out: tuple[str, ...] = ()
) -> pa.Table:
    _, height, width, _ = _pictures_of(bench).shape
    knows = {
        "gradients": "the model and its gradients.",
        "scores": "the model's scores.",
        ACCESS_LABELS: "nothing but the model's answers.",
    }[plan.knows]
    if params.knowledge == "whole model" and plan.network is None:
        knows += " The whole model was to be known, but it gives no gradients."
    return threat_model_table(
        knows=knows,
        access="white-box" if plan.network else "black-box",
        may_change="Every pixel may change, within black and white.",
        budget=f"{params.norm} {params.epsilon:g} on a scale from 0 (black) to 1 (white)"
        + ("." if params.norm == "L-inf" else ", root mean square over the pixels.")
        + _queries_in_words(params, plan)
        + ("" if PAINTING in left_out else _further_budgets(params, height, width)),
        goal=goal_words(bench, params.wanted),
        is_targeted=bool(params.wanted),
        has_queries=plan.network is None or SQUARE in plan.cascade,
    )
