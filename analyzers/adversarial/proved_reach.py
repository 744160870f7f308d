"""Regression on tables, the whole model known: the most a prediction can be moved."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analyzers.adversarial.params import AdversarialParams
from analyzers.adversarial.proof.reach import Reach, reach_of_rows
from analyzers.adversarial.robustness import median_estimate
from analyzers.adversarial.tables import table_of
from analyzers.adversarial.target import Target
from analyzers.anatomy.refusal import DoesNotFit
from analyzers.core.result import Estimate
from analyzers.core.workbench import SoFar, Workbench, searching
from analyzers.toolkit.intervals import rate_estimate

_NEAR = 1.05
KNOWS = "the whole model: its trees and its predicted value."
ATTACK = "searches by questions, then proofs over the trees"


class ProvedReach(NamedTuple):
    """What knowing the whole model adds.

    Attributes:
        reach: of every row; None where nothing can be proved.
        n_done: rows that were looked into, from the first.
        refused: why nothing can be proved; empty where it can or was not asked for.
    """

    reach: Reach | None = None
    n_done: int = 0
    refused: str = ""

    @property
    def cut_short(self) -> str:
        """What was left out because the work was ended early; empty for a full answer."""
        if self.reach is None or self.n_done == len(self.reach.reached):
            return ""
        return f"Proofs were tried for {self.n_done:,} of {len(self.reach.reached):,} rows only."


def prove_reach(
    bench: Workbench, params: AdversarialParams, target: Target, points: NDArray[np.float64]
) -> ProvedReach:
    """Prove how far predictions can be moved, where the attacker knows the whole model.

    Args:
        bench: the model.
        params: what the attacker knows, the budget and the effort.
        target: the rows.
        points: `(n_rows, n_features)` what the search found for each at the budget.
    """
    if params.knowledge != "whole model" or not len(points):
        return ProvedReach()
    n_done = 0

    def done(rows: int) -> None:
        nonlocal n_done
        n_done = rows

    def so_far() -> SoFar:
        said = f"{n_done:,} of {len(points):,} rows looked into for a proof"
        return SoFar(said, n_done, len(points))

    asked = target.queries.copy()
    try:
        reach = reach_of_rows(
            bench.need_model(), target, points, budget=params.budget, effort=params.effort,
            track=searching(bench.track, so_far), done=done,
        )  # fmt: skip
    except DoesNotFit as reason:
        return ProvedReach(refused=f"no trees to prove on: {reason}")
    finally:
        # Opening the model and proving are the examiner's work.
        target.queries[:] = asked
    return ProvedReach(reach, n_done)


def reach_estimates(proved: ProvedReach) -> dict[str, Estimate]:
    """Say how far predictions can be moved at most, and how near the search came."""
    if proved.reach is None:
        return {}
    reach, n = proved.reach, proved.n_done
    none = "No row was looked into."
    is_proved = reach.is_proved[:n]
    near = reach.reached[:n] <= reach.searched[:n] * _NEAR
    return {
        "median_ceiling": median_estimate(reach.at_most[:n], none),
        "largest_proved": rate_estimate(int(is_proved.sum()), n)
        if n
        else Estimate.unmeasured(none),
        "search_within_5_percent": rate_estimate(
            int((near & is_proved).sum()), int(is_proved.sum())
        )
        if is_proved.any()
        else Estimate.unmeasured("No largest movement was proved."),
    }


def reach_table(proved: ProvedReach, row_numbers: NDArray[np.int64]) -> pa.Table:
    """Bounds row by row.

    Args:
        proved: what is known.
        row_numbers: `(n_rows,)` where the rows stand in the file.
    """
    if proved.reach is None:
        return table_of("reach", [])
    reach = proved.reach
    return table_of(
        "reach",
        [
            {
                "row": int(row_numbers[at]),
                "no_more_than": float(reach.at_most[at]),
                "largest_known": float(reach.reached[at]),
                "search_found": float(reach.searched[at]),
                "verdict": "proved largest" if reach.is_proved[at] else "between the two",
            }
            for at in range(proved.n_done)
        ],
    )
