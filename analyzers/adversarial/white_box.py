"""Tables, where the attacker knows the whole model: proofs on trees, gradients on networks."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analyzers.adversarial import constrained_gradient
from analyzers.adversarial.found import Found
from analyzers.adversarial.params import AdversarialParams
from analyzers.adversarial.proof.rows import Bounds, bound_rows
from analyzers.adversarial.robustness import WITHIN, median_estimate
from analyzers.adversarial.shrink import shrink
from analyzers.adversarial.table_slopes import open_slopes
from analyzers.adversarial.tables import table_of
from analyzers.adversarial.target import Target
from analyzers.anatomy.refusal import DoesNotFit
from analyzers.core.result import Estimate, Fact
from analyzers.core.workbench import SoFar, Workbench, searching
from analyzers.toolkit.intervals import rate_estimate

Flags = NDArray[np.bool_]
SIZES_DRAWN = 40
DRAWN_TO = 2.0
_NEAR = 1.05
NONE_PROVED = "No smallest change was proved."
NOT_BEGUN = "The attack was ended before any row was looked into for a proof."


class Inside(NamedTuple):
    """What knowing the whole model adds.

    Attributes:
        knows: what the attacker sees, in words; empty where the inside could not be used.
        attack: how it was used; empty where it was not.
        bounds: of the rows answered correctly that were looked into, from the first; None where
            nothing can be proved.
        n_tried: attacked rows up to there, those that were wrong before among them.
        attacks: one row for each attack of the `attacks` table.
        refused: why the inside could not be used; empty where it was.
        cut_short: what was left out because the work was ended early; empty for a full answer.
    """

    knows: str = ""
    attack: str = ""
    bounds: Bounds | None = None
    n_tried: int = 0
    attacks: tuple[dict[str, object], ...] = ()
    refused: str = ""
    cut_short: str = ""

    def is_proved(self, n_rows: int) -> Flags:
        """Whether the smallest change of each of `n_rows` rows answered correctly is proved."""
        proved = np.zeros(n_rows, dtype=bool)
        if self.bounds is not None:
            proved[: len(self.bounds.lower)] = self.bounds.is_proved
        return proved


def look_inside(
    bench: Workbench,
    params: AdversarialParams,
    target: Target,
    found: Found,
    sizes: tuple[float, ...],
    is_correct: Flags,
) -> Inside:
    """Look for nearer changes with the model's inside, and prove where there are none.

    Args:
        bench: the model.
        params: whether the attacker knows the inside, and the effort.
        target: the rows that are answered correctly.
        found: what the searches know; receives every nearer change.
        sizes: at which gradients are followed, ascending.
        is_correct: `(n_rows,)` which of all rows attacked the target's are.
    """
    n_rows = len(is_correct)
    if params.knowledge != "whole model" or not len(target.originals):
        return Inside()
    if target.sight != "scores":
        return Inside(refused="the model gives no scores that decide its answer")
    model = bench.need_model()
    asked = target.queries.copy()
    try:
        return _prove(bench, params, target, found, np.flatnonzero(is_correct), n_rows)
    except DoesNotFit as reason:
        of_trees = str(reason)
    try:
        slopes = open_slopes(model, target)
    except DoesNotFit as reason:
        said = str(reason)
        both = of_trees if said == of_trees else f"{of_trees}; and no gradients: {said}"
        return Inside(refused=f"no trees to prove on: {both}")
    finally:
        # Opening the model is the examiner's work.
        target.queries[:] = asked
    by_gradient = Found(target)
    constrained_gradient.search(
        slopes, target, by_gradient, sizes=sizes, steps=params.steps, restarts=params.restarts,
        rng=bench.rng.spawn(1)[0], track=bench.track,
    )  # fmt: skip
    shrink(target, by_gradient, queries=int(target.queries.max(initial=0)) + params.queries)
    fell = by_gradient.distances <= params.budget * WITHIN
    fell_to_search = (found.distances <= params.budget * WITHIN) & ~fell
    rows = by_gradient.rows
    found.offer(
        by_gradient.points[rows], rows, np.ones(len(rows)), source=constrained_gradient.SOURCE
    )
    return Inside(
        knows="the whole model: its gradients and scores.",
        attack="CAPGD, then searches by scores (CAA)",
        attacks=(
            _attack_row("CAPGD", "white-box", params.budget, len(fell), fell, len(fell), n_rows),
            _attack_row(
                "searches (with CAPGD: CAA)", "black-box", params.budget,
                int((~fell).sum()), fell_to_search, len(fell) - int(fell.sum()), n_rows,
            ),
        ),
    )  # fmt: skip


def _attack_row(
    name: str, access: str, size: float, n_tried: int, broken: Flags, n_standing: int, n_rows: int
) -> dict[str, object]:
    left = rate_estimate(n_standing - int(broken.sum()), n_rows)
    return {
        "attack": name, "access": access, "size": size, "n_tried": n_tried,
        "n_broken": int(broken.sum()), "robust_accuracy": left.value, "low": left.low,
        "high": left.high, "n": n_rows,
    }  # fmt: skip


def _prove(
    bench: Workbench,
    params: AdversarialParams,
    target: Target,
    found: Found,
    correct: NDArray[np.int64],
    n_rows: int,
) -> Inside:
    n_done, n_right = 0, len(correct)

    def so_far() -> SoFar:
        return SoFar(f"{n_done:,} of {n_right:,} rows looked into for a proof", n_done, n_right)

    def seen(rows: int) -> None:
        nonlocal n_done
        n_done = rows

    bounds = bound_rows(
        bench.need_model(), target, found, bench.subject.classes, effort=params.effort,
        track=searching(bench.track, so_far), done=seen,
    )  # fmt: skip
    cut = n_done < n_right
    return Inside(
        knows="the whole model: its trees and scores.",
        attack="searches by scores, then branch and bound over the trees",
        bounds=bounds.first(n_done),
        n_tried=int(correct[n_done]) if cut else n_rows,
        cut_short=f"Proofs were tried for {n_done:,} of {n_right:,} rows only." if cut else "",
    )


def proof_estimates(inside: Inside, budget: float) -> dict[str, Estimate]:
    """Shares proved, and how far the search was from what is proved.

    Args:
        inside: what was proved, for the rows that were right.
        budget: stated size.
    """
    bounds = inside.bounds
    if bounds is None:
        return {}
    n = len(bounds.lower)
    if not n:
        names = ("proved_robust", "undecided", "smallest_proved", "search_within_5_percent")
        return dict.fromkeys(names, Estimate.unmeasured(NOT_BEGUN))
    proved = bounds.is_proved
    # Where the search found nothing at all, it came no nearer than infinitely far.
    both = proved & np.isfinite(bounds.upper)
    times = bounds.searched[both] / np.maximum(bounds.upper[both], 1e-300)
    return {
        "proved_robust": rate_estimate(int((bounds.lower > budget * WITHIN).sum()), inside.n_tried),
        "undecided": rate_estimate(int(_undecided(bounds, budget).sum()), inside.n_tried),
        "smallest_proved": rate_estimate(int(proved.sum()), n),
        "search_within_5_percent": rate_estimate(int((times <= _NEAR).sum()), len(times))
        if len(times)
        else Estimate.unmeasured(NONE_PROVED),
        "search_times_smallest": median_estimate(times, NONE_PROVED),
    }


def proof_tables(
    inside: Inside, budget: float, row_numbers: NDArray[np.int64]
) -> dict[str, pa.Table]:
    """Bounds row by row, and what is proved at each size.

    Args:
        inside: what was proved or attacked.
        budget: stated size.
        row_numbers: `(n_correct,)` where the rows stand in the file.
    """
    bounds = inside.bounds
    rows: list[dict[str, object]] = []
    curve: list[dict[str, object]] = []
    if bounds is not None and len(bounds.lower):
        rows = [
            {
                "row": int(row_numbers[at]),
                "no_smaller_than": _or_none(bounds.lower[at]),
                "smallest_known": _or_none(bounds.upper[at]),
                "search_found": _or_none(bounds.searched[at]),
                "verdict": _verdict(bounds, at),
                "boxes": int(bounds.n_boxes[at]),
            }
            for at in range(len(bounds.lower))
        ]
        for size in np.linspace(0, DRAWN_TO * budget, SIZES_DRAWN + 1):
            safe = rate_estimate(int((bounds.lower > size * WITHIN).sum()), inside.n_tried)
            left = rate_estimate(int((bounds.upper > size * WITHIN).sum()), inside.n_tried)
            curve.append(
                {
                    "size": float(size), "proved": safe.value, "proved_low": safe.low,
                    "proved_high": safe.high, "not_flipped": left.value,
                    "not_flipped_low": left.low, "not_flipped_high": left.high, "n": inside.n_tried,
                }
            )  # fmt: skip
    return {
        "proof": table_of("proof", rows),
        "proof_curve": table_of("proof_curve", curve),
        "attacks": table_of("attacks", list(inside.attacks)),
    }


def proof_facts(inside: Inside, params: AdversarialParams) -> dict[str, Fact]:
    """Say what was known and why no more."""
    return {
        "inside": inside.knows or None,
        "inside_refused": inside.refused or None,
        "proof_effort": params.effort if inside.bounds is not None else None,
    }


def _undecided(bounds: Bounds, budget: float) -> Flags:
    return (bounds.lower <= budget * WITHIN) & (bounds.upper > budget * WITHIN)


def _verdict(bounds: Bounds, at: int) -> str:
    if not bounds.is_proved[at]:
        return "between the two"
    return "proved smallest" if np.isfinite(bounds.upper[at]) else "proved: nothing flips it"


def _or_none(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
