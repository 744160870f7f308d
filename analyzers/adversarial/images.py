"""The picture face: robust accuracy under gradients, or under random squares without them."""

from typing import cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analyzers.adversarial import checks
from analyzers.adversarial.attacked import Attacked, choose_rows
from analyzers.adversarial.gradient import Broken, many_steps, one_step, slope_of
from analyzers.adversarial.noise import DRAWS
from analyzers.adversarial.params import AdversarialParams, Norm
from analyzers.adversarial.pixels import Images, random_pictures, size_of
from analyzers.adversarial.robustness import (
    Outcome,
    curve_table,
    histogram_table,
    robustness_estimates,
)
from analyzers.adversarial.square import random_squares
from analyzers.adversarial.tables import table_of
from analyzers.adversarial.threat_model import threat_model_table
from analyzers.core.errors import UnsuitableSubject
from analyzers.core.model import Capability, DifferentiableModel, Model
from analyzers.core.result import Measurements
from analyzers.core.workbench import Workbench

SHARES = (0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0)
# Random squares are asked in sequence; few sizes keep them affordable.
BLACK_BOX_SHARES = (0.25, 0.5, 1.0, 2.0)
HUGE = 1.0
BISECTIONS = 8
NOISE = "random change"
MOST_CHECKED = 60
MOST_SQUARE_QUERIES = 300


def measure(bench: Workbench, params: AdversarialParams) -> Measurements:
    """Attack a sample of pictures at several sizes and confirm every flip on the model."""
    model = bench.need_model()
    if bench.data.images is None:
        raise UnsuitableSubject("Expected pictures, got none.", remedy="Upload a zip or npz file.")
    has_gradient = isinstance(model, DifferentiableModel) and (
        Capability.GRADIENT in model.capabilities
    )
    if not has_gradient and Capability.PREDICT_PROBA not in model.capabilities:
        raise UnsuitableSubject(
            "Attacking pictures needs gradients or scores, and this model gives labels only.",
            remedy="Export the model so that it returns one score for each class.",
        )
    attacked = choose_rows(bench, params.rows)
    correct = np.flatnonzero(attacked.is_correct)
    originals = bench.data.images[attacked.positions[correct]]
    codes = attacked.codes[correct]
    shares = SHARES if has_gradient else BLACK_BOX_SHARES
    sizes = np.array([share * params.epsilon for share in shares])
    sizes = sizes[sizes <= 1.0 + 1e-9]
    found = _Smallest(model, originals, codes, params.norm)
    noise_rng, attack_rng, check_rng = bench.rng.spawn(3)
    by_noise = _try_noise(bench, found, sizes, noise_rng)
    for size, rng in zip(
        bench.track(sizes, "Attacking pictures"), attack_rng.spawn(len(sizes)), strict=True
    ):
        rows = np.flatnonzero((found.sizes > size) | (found.sources == NOISE))
        if len(rows):
            found.offer(_attack(model, found, rows, float(size), params, rng, bench), rows)
    listed = (
        _checks(bench, cast(DifferentiableModel, model), found, params, check_rng)
        if has_gradient
        else []
    )
    all_sizes = np.full(len(attacked.codes), np.inf)
    all_sizes[correct] = found.sizes
    all_noise = np.zeros((len(sizes), len(attacked.codes)), dtype=bool)
    all_noise[:, correct] = by_noise
    outcome = Outcome(attacked.is_correct, all_sizes, sizes, all_noise)
    return Measurements(
        estimates=robustness_estimates(outcome, params.epsilon)
        | ({"checks_failed": checks.failed_estimate(listed)} if listed else {}),
        facts={
            "modality": "image", "task": bench.subject.task,
            "attacker_sees": "gradients" if has_gradient else "scores",
            "attack": "FGSM and PGD" if has_gradient else "random squares",
            "budget": params.epsilon, "norm": params.norm,
            "budget_unit": "of the range from black to white"
            + ("" if params.norm == "L-inf" else ", root mean square"),
            "steps": params.steps, "restarts": params.restarts, "noise_draws": DRAWS,
        },
        tables={
            "threat_model": threat_model_table(
                knows="the model and its gradients." if has_gradient else "the model's scores.",
                access="white-box" if has_gradient else "black-box",
                may_change="Every pixel may change, within black and white.",
                budget=f"{params.norm} {params.epsilon:g} on a scale from 0 (black) to 1 (white)"
                + ("." if params.norm == "L-inf" else ", root mean square over the pixels."),
                goal="any wrong answer." if attacked.has_labels else "any other answer.",
            ),
            "curve": curve_table(outcome),
            "rows": _row_table(bench, attacked, found, correct, params.epsilon),
            "size_histogram": histogram_table(found.sizes),
            "image_examples": _examples(bench, attacked, found, correct, params),
            "checks": checks.check_table(listed),
        },
        sampling=attacked.sampling,
    )  # fmt: skip


class _Smallest:
    """The smallest change found for every picture that was right."""

    def __init__(
        self, model: Model, originals: Images, codes: NDArray[np.int64], norm: Norm
    ) -> None:
        self.model, self.originals, self.codes, self.norm = model, originals, codes, norm
        self.pictures = originals.copy()
        self.sizes = np.full(len(originals), np.inf)
        self.sources = np.full(len(originals), "", dtype=object)

    def offer(self, broken: Broken, rows: NDArray[np.int64], source: str = "attack") -> None:
        """Keep flips that are nearer, after walking back along the straight line."""
        hit = np.flatnonzero(broken.is_broken)
        if not len(hit):
            return
        rows, far = rows[hit], broken.pictures[hit]
        home = self.originals[rows]
        low, high = np.zeros(len(rows)), np.ones(len(rows))
        best = far.copy()
        for _ in range(BISECTIONS):
            share = (low + high) / 2
            tried = (home + share[:, None, None, None].astype(np.float32) * (far - home)).astype(
                np.float32
            )
            changed = self.model.predict(tried) != self.codes[rows]
            best[changed] = tried[changed]
            high, low = np.where(changed, share, high), np.where(changed, low, share)
        sizes = size_of(best, home, self.norm)
        # The model is asked once more: only what it repeats is kept.
        nearer = (sizes < self.sizes[rows]) & (self.model.predict(best) != self.codes[rows])
        self.pictures[rows[nearer]] = best[nearer]
        self.sizes[rows[nearer]] = sizes[nearer]
        self.sources[rows[nearer]] = source


def _attack(
    model: Model,
    found: _Smallest,
    rows: NDArray[np.int64],
    size: float,
    params: AdversarialParams,
    rng: np.random.Generator,
    bench: Workbench,
) -> Broken:
    originals, codes = found.originals[rows], found.codes[rows]
    if isinstance(model, DifferentiableModel) and Capability.GRADIENT in model.capabilities:
        return many_steps(
            model, originals, codes, size, params.norm,
            steps=params.steps, restarts=params.restarts, rng=rng,
        )  # fmt: skip
    return random_squares(
        model, originals, codes, size, params.norm, queries=params.queries, rng=rng,
        track=bench.track,
    )  # fmt: skip


def _try_noise(
    bench: Workbench, found: _Smallest, sizes: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.bool_]:
    broken = np.zeros((len(sizes), len(found.originals)), dtype=bool)
    rows = np.arange(len(found.originals))
    if not len(rows):
        return broken
    for place, size in enumerate(bench.track(sizes, "Changing pictures at random")):
        for draw in rng.spawn(DRAWS):
            pictures = random_pictures(found.originals, float(size), found.norm, draw)
            changed = found.model.predict(pictures) != found.codes
            broken[place] |= changed
            found.offer(Broken(changed, pictures), rows, source=NOISE)
    return broken


def _checks(
    bench: Workbench,
    model: DifferentiableModel,
    found: _Smallest,
    params: AdversarialParams,
    rng: np.random.Generator,
) -> list[checks.Check]:
    """Compare attacks of known order of strength, each run on its own from the beginning."""
    originals, codes = found.originals[:MOST_CHECKED], found.codes[:MOST_CHECKED]
    if not len(originals):
        return []
    size, norm, steps = params.epsilon, params.norm, params.steps
    pgd_rng, half_rng, huge_rng, square_rng, noise_rng = rng.spawn(5)
    made = []
    strong = many_steps(
        model, originals, codes, size, norm, steps=steps, restarts=params.restarts, rng=pgd_rng
    ).is_broken
    for stage in bench.track(range(4), "Checking that the result can be believed"):
        if stage == 0:
            single = one_step(model, originals, codes, size, norm).is_broken
            made.append(
                checks.weaker_does_not_win(
                    "Many steps beat one step", strong, single, f"FGSM against PGD-{steps}"
                )
            )
        elif stage == 1:
            few = many_steps(model, originals, codes, size, norm, steps=max(1, steps // 4),
                             restarts=params.restarts, rng=half_rng).is_broken  # fmt: skip
            words = f"{max(1, steps // 4)} steps against {steps}"
            made.append(checks.weaker_does_not_win("More steps do not hurt", strong, few, words))
            noisy = np.zeros(len(codes), dtype=bool)
            for draw in noise_rng.spawn(DRAWS):
                pictures = random_pictures(originals, size, norm, draw)
                noisy |= model.predict(pictures) != codes
            made.append(
                checks.weaker_does_not_win(
                    "Gradients beat random noise", strong, noisy,
                    f"the worst of {DRAWS} random changes against PGD-{steps}",
                )
            )  # fmt: skip
        elif stage == 2:
            n_queries = min(params.queries, MOST_SQUARE_QUERIES)
            reached = random_squares(
                model, originals, codes, size, norm, queries=n_queries, rng=square_rng
            )
            squares = reached.is_broken
            # The answer is the worst of all attacks: what the black box breaks is broken.
            found.offer(reached, np.arange(len(originals)), source="random squares")
            made.append(
                checks.weaker_does_not_win(
                    "Gradients beat random squares", strong, squares,
                    f"random squares ({n_queries} queries) against PGD-{steps}",
                )
            )  # fmt: skip
        else:
            huge = many_steps(model, originals, codes, HUGE, norm, steps=steps,
                              restarts=params.restarts, rng=huge_rng).is_broken  # fmt: skip
            made.append(checks.large_budget_reaches_zero(huge, HUGE))
            slope = slope_of(model, originals, codes).reshape(len(originals), -1)
            made.append(checks.gradients_are_alive((slope == 0).all(axis=1)))
    return made


def _row_table(
    bench: Workbench,
    attacked: Attacked,
    found: _Smallest,
    correct: NDArray[np.int64],
    budget: float,
) -> pa.Table:
    classes = bench.subject.classes
    after = found.model.predict(found.pictures) if len(correct) else found.codes
    changed = np.abs(found.pictures - found.originals).reshape(len(correct), -1)
    rows: list[dict[str, object]] = []
    for place, at in enumerate(correct):
        known = bool(np.isfinite(found.sizes[place]))
        rows.append(
            {
                "row": int(bench.data.rows[attacked.positions[at]]),
                "true": classes[found.codes[place]] if attacked.has_labels else None,
                "before": classes[found.codes[place]],
                "after": classes[int(after[place])] if known else None,
                "size": float(found.sizes[place]) if known else None,
                "n_changed": int((changed[place] > 0).sum()) if known else None,
                "largest_change": float(changed[place].max()) if known else None,
                "within_budget": bool(found.sizes[place] <= budget * (1 + 1e-9)),
                "queries": None,
                "found_by": str(found.sources[place]) or None,
            }
        )
    return table_of("rows", rows)


def _examples(
    bench: Workbench,
    attacked: Attacked,
    found: _Smallest,
    correct: NDArray[np.int64],
    params: AdversarialParams,
) -> pa.Table:
    """Keep pictures spread over the found sizes within the budget, the smallest first."""
    rows = np.flatnonzero(found.sizes <= params.epsilon * (1 + 1e-9))
    rows = rows[np.argsort(found.sizes[rows], kind="stable")]
    if len(rows) > params.examples:
        rows = rows[np.linspace(0, len(rows) - 1, params.examples).round().astype(np.int64)]
    if not len(rows):
        return table_of("image_examples", [])
    classes = bench.subject.classes
    after = found.model.predict(found.pictures[rows])
    _, height, width, channels = found.originals.shape
    made: list[dict[str, object]] = []
    for number, row in enumerate(rows):
        original, changed = found.originals[row], found.pictures[row]
        made.append(
            {
                "example": number + 1,
                "row": int(bench.data.rows[attacked.positions[correct[row]]]),
                "true": classes[found.codes[row]] if attacked.has_labels else None,
                "before": classes[found.codes[row]], "after": classes[int(after[number])],
                "size": float(found.sizes[row]), "height": height, "width": width,
                "channels": channels, "original": original.ravel().tolist(),
                "adversarial": changed.ravel().tolist(),
                "difference": (changed - original).ravel().tolist(),
            }
        )  # fmt: skip
    return table_of("image_examples", made)
