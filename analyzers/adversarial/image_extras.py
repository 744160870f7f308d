"""What is asked of pictures beside the attack of bounded size: few pixels, patch, damage, proof."""

import math
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import stats

from analyzers.adversarial.aim import Aim
from analyzers.adversarial.attacked import Attacked
from analyzers.adversarial.corruptions import CORRUPTIONS, SEVERITIES, corrupt
from analyzers.adversarial.few_pixels import each_pixel, is_small, some_pixels
from analyzers.adversarial.gradient import Broken
from analyzers.adversarial.moves import values_of
from analyzers.adversarial.network import Network, parts_of
from analyzers.adversarial.params import AdversarialParams
from analyzers.adversarial.patch import (
    paint_by_chance,
    paint_by_gradient,
    patch_words,
    side_of,
)
from analyzers.adversarial.pixels import Images
from analyzers.adversarial.smoothing import ABSTAINS, certify, lowest_share
from analyzers.adversarial.tables import table_of
from analyzers.core.model import Model
from analyzers.core.result import Estimate
from analyzers.core.workbench import Workbench
from analyzers.toolkit.intervals import mean_share_estimate, rate_estimate

RADII = 13
FEWEST_PATCH_STEPS = 40
SHOWN_A_BUDGET = 3
LARGE_PICTURE = 30_000


class Painted(NamedTuple):
    """Pictures that a few pixels or a patch were enough for.

    Attributes:
        kind: "pixels" or "patch".
        budget: in words.
        rows: `(n_shown,)` positions among the originals.
        pictures: `(n_shown, height, width, channels)`.
    """

    kind: str
    budget: str
    rows: NDArray[np.int64]
    pictures: Images


class OtherBudgets(NamedTuple):
    """What is left under each such budget, and some pictures that fell.

    Attributes:
        estimates: accuracy left under the most pixels and under the patch.
        words: what each of these two budgets is, by the name of its estimate.
    """

    table: pa.Table
    painted: list[Painted]
    estimates: dict[str, Estimate]
    words: dict[str, str]


def other_budgets(
    bench: Workbench,
    model: Model,
    network: Network | None,
    originals: Images,
    aim: Aim,
    n_attacked: int,
    params: AdversarialParams,
    rng: np.random.Generator,
) -> OtherBudgets:
    """Accuracy left when a few pixels, or a square, may take any colour.

    Args:
        bench: tracks progress.
        model: anything that answers.
        network: the same with gradients, where it has them.
        originals: `(n_rows, height, width, channels)` pictures that were read rightly.
        aim: the goal for each of them.
        n_attacked: rows with those that were wrong from the start.
        params: how many pixels, how large a patch, how many questions.
        rng: source of randomness.
    """
    made: list[dict[str, object]] = []
    _, height, width, _ = originals.shape
    pixel_rng, patch_rng = rng.spawn(2)
    broken = np.zeros(len(originals), dtype=bool)
    painted_now: list[Painted] = []
    estimates: dict[str, Estimate] = {}
    said: dict[str, str] = {}
    n_shown = SHOWN_A_BUDGET if originals[:1].size <= LARGE_PICTURE else 1

    def keep(kind: str, budget: str, rows: NDArray[np.int64], reached: Broken) -> None:
        good = np.flatnonzero(_confirmed(model, reached, aim.take(rows)))[:n_shown]
        if len(good):
            painted_now.append(Painted(kind, budget, rows[good], reached.pictures[good]))

    def line(kind: str, budget: str, amount: int, share: float, method: str, left: int) -> None:
        rate = rate_estimate(left, n_attacked)
        # The last one of a kind is the largest.
        estimates[f"{kind}_accuracy"] = rate
        made.append(
            {
                "kind": kind, "budget": budget, "amount": amount, "share": share, "method": method,
                "robust_accuracy": rate.value, "low": rate.low, "high": rate.high, "n": rate.n,
            }
        )  # fmt: skip

    counts = _doubling(min(params.pixels, height * width))
    for count, draw in zip(counts, pixel_rng.spawn(len(counts)), strict=True):
        left = np.flatnonzero(~broken)
        in_full = count == 1 and is_small(originals.shape[1:], params.queries)
        if in_full:
            reached = each_pixel(model, originals[left], aim.take(left), track=bench.track)
        else:
            reached = some_pixels(model, originals[left], aim.take(left), pixels=count,
                                  queries=params.queries, rng=draw, track=bench.track)  # fmt: skip
        # Who may change two pixels may change one: what fell stays fallen.
        broken[left[_confirmed(model, reached, aim.take(left))]] = True
        keep("pixels", _pixels(count), left, reached)
        words = "every pixel tried in full" if in_full else f"{params.queries:,} random sets"
        line("pixels", _pixels(count), count, count / (height * width), words,
             int((~broken).sum()))  # fmt: skip
        said["pixels_accuracy"] = _pixels(count)
    if params.patch > 0 and len(originals):
        side = side_of(params.patch, height, width)
        if network is None and side == 1 and is_small(originals.shape[1:], params.queries):
            painted = each_pixel(model, originals, aim, track=bench.track)
            words = "every place and corner of the colours"
        elif network is not None:
            steps = max(params.steps, FEWEST_PATCH_STEPS)
            painted = paint_by_gradient(network, originals, aim, side=side, steps=steps,
                                        rng=patch_rng, track=bench.track)  # fmt: skip
            words = f"gradients at every place, {steps} steps at the worst"
        else:
            painted = paint_by_chance(model, originals, aim, side=side, queries=params.queries,
                                      rng=patch_rng, track=bench.track)  # fmt: skip
            words = f"{params.queries:,} random places and colours"
        fallen = int(_confirmed(model, painted, aim).sum())
        budget = f"square of {side} x {side} pixels"
        keep("patch", budget, np.arange(len(originals)), painted)
        line("patch", budget, side * side,
             side * side / (height * width), words, len(originals) - fallen)  # fmt: skip
        said["patch_accuracy"] = patch_words(params.patch, height, width)
    return OtherBudgets(table_of("other_budgets", made), painted_now, estimates, said)


def _pixels(count: int) -> str:
    return f"{count} pixel{'s' * (count > 1)}"


def _doubling(most: int) -> list[int]:
    counts = [2**power for power in range(most.bit_length()) if 2**power <= most]
    return counts if not counts or counts[-1] == most else [*counts, most]


def _confirmed(model: Model, reached: Broken, aim: Aim) -> NDArray[np.bool_]:
    if not len(reached.is_broken):
        return reached.is_broken
    return reached.is_broken & aim.is_reached(model.predict(reached.pictures))


def corruption_table(
    bench: Workbench,
    model: Model,
    pictures: Images,
    codes: NDArray[np.int64],
    rng: np.random.Generator,
) -> pa.Table:
    """Accuracy for each kind of damage and severity, on all attacked rows.

    Args:
        bench: tracks progress.
        model: anything that answers.
        pictures: `(n_rows, height, width, channels)`.
        codes: `(n_rows,)` right answers.
        rng: source of randomness.
    """
    made: list[dict[str, object]] = []
    streams = rng.spawn(len(CORRUPTIONS))
    for corruption, stream in zip(
        bench.track(CORRUPTIONS, "Damaging pictures"), streams, strict=True
    ):
        draws = stream.spawn(len(SEVERITIES))
        right = np.zeros(len(SEVERITIES), dtype=np.int64)
        for rows in parts_of(len(pictures), values_of(pictures)):
            damaged = [corrupt(corruption, pictures[rows], severity, draw)
                       for severity, draw in zip(SEVERITIES, draws, strict=True)]  # fmt: skip
            # One call for all severities: small calls cost more than small pictures.
            answers = model.predict(np.concatenate(damaged)).reshape(len(SEVERITIES), -1)
            right += (answers == codes[rows]).sum(axis=1)
        for place, severity in enumerate(SEVERITIES):
            rate = rate_estimate(int(right[place]), len(pictures))
            made.append(
                {
                    "corruption": corruption.name, "family": corruption.family,
                    "severity": severity, "strength": float(corruption.strengths[place]),
                    "unit": corruption.unit, "accuracy": rate.value, "low": rate.low,
                    "high": rate.high, "n": rate.n,
                }
            )  # fmt: skip
    return table_of("corruptions", made)


def corruption_estimate(table: pa.Table) -> Estimate:
    """Mean accuracy over all kinds and severities; its interval is over the kinds of damage."""
    frame = table.to_pandas()
    by_kind = frame.groupby("corruption", sort=False)["accuracy"].mean().to_numpy(np.float64)
    return mean_share_estimate(by_kind)


def certificate(
    bench: Workbench,
    model: Model,
    attacked: Attacked,
    pictures: Images,
    params: AdversarialParams,
    rng: np.random.Generator,
) -> tuple[pa.Table, dict[str, Estimate]]:
    """Certified accuracy of the smoothed model by radius, and how often it abstains.

    Args:
        bench: tracks progress.
        model: anything that answers.
        attacked: the rows and their right answers.
        pictures: `(n_rows, height, width, channels)` of these rows.
        params: copies, noise and error level.
        rng: source of randomness.
    """
    proven = certify(model, pictures, n_classes=len(bench.subject.classes),
                     noise=params.certify_noise, n=params.certify, level=params.certify_level,
                     rng=rng, track=bench.track)  # fmt: skip
    is_right = proven.answers == attacked.codes
    # The furthest that could be proven: all copies agree.
    least = lowest_share(params.certify, params.certify, params.certify_level)
    most = max(params.certify_noise * float(stats.norm.ppf(least)), 1e-6)
    root = math.sqrt(values_of(pictures))
    made: list[dict[str, object]] = []
    for radius in np.linspace(0, most, RADII):
        holds = is_right & (proven.radii >= radius) & (proven.radii > 0)
        rate = rate_estimate(int(holds.sum()), len(pictures), exact=True)
        made.append(
            {
                "radius": float(radius), "radius_rms": float(radius) / root,
                "certified_accuracy": rate.value, "low": rate.low, "high": rate.high, "n": rate.n,
            }
        )  # fmt: skip
    n_abstained = int((proven.answers == ABSTAINS).sum())
    reach = params.epsilon * root
    within = rate_estimate(
        int((is_right & (proven.radii >= reach)).sum()), len(pictures), exact=True
    )
    if most < reach:
        within = Estimate.unmeasured(
            f"The stated size is a radius of {reach:.3g}; {params.certify:,} copies with noise of "
            f"{params.certify_noise:g} prove no more than {most:.3g}.",
            n=len(pictures),
        )
    return table_of("certified", made), {
        "smoothed_accuracy": rate_estimate(int(is_right.sum()), len(pictures), exact=True),
        "abstained": rate_estimate(n_abstained, len(pictures), exact=True),
        "certified_accuracy": within,
    }
