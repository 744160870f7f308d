"""Read the reach of an attack at any accepted rate off the stored curve; nothing is run again."""

from typing import NamedTuple

import pyarrow.compute as pc

from analyzers.core.result import Estimate, Measurements
from analyzers.toolkit.intervals import rate_estimate


class Reach(NamedTuple):
    """What an attack does at one threshold.

    Attributes:
        threshold: of the attack's value; None where nobody is accused.
        found: share of members found, with its exact interval.
        accused: share of non-members accused, with its exact interval.
        is_enough: whether there are non-members enough for the accepted rate (three over it).
    """

    threshold: float | None
    found: Estimate
    accused: Estimate
    is_enough: bool

    def sentence(self) -> str:
        """Say it in the words a data-protection officer can use."""
        low, value, high = (
            round(1000 * (end or 0.0))
            for end in (self.found.low, self.found.value, self.found.high)
        )
        enough = "" if self.is_enough else " These are too few non-members for so low a rate."
        return (
            f"Of 1,000 records in the training data this attack finds {value:,} ({low:,} to "
            f"{high:,}); counted on {self.found.n:,} members, with {self.accused.value or 0.0:.1%} "
            f"of {self.accused.n:,} non-members accused.{enough}"
        )


def reach_at(measurements: Measurements, attack: str, accepted: float) -> Reach | None:
    """Return the reach at the loosest threshold that accuses no more than the accepted share.

    The threshold is chosen on the rows it is counted on, which flatters the attack, and much where
    few are accused; the table of operating points counts on other rows.

    Args:
        measurements: of this analyzer.
        attack: full name, as in the table `roc`.
        accepted: rate of false accusations, in (0, 1].

    Returns:
        None where the attack is not in the result.
    """
    table = measurements.tables.get("roc")
    if table is None:
        return None
    rows = table.filter(pc.equal(table["attack"], attack)).to_pylist()
    allowed = [row for row in rows if row["false_positive_rate"] <= accepted + 1e-12]
    if not rows:
        return None
    n_members, n_others = rows[0]["n_members"], rows[0]["n_non_members"]
    best = max(allowed, key=lambda row: row["true_positive_rate"], default=None)
    found = 0 if best is None else round(best["true_positive_rate"] * n_members)
    accused = 0 if best is None else round(best["false_positive_rate"] * n_others)
    return Reach(
        threshold=None if best is None else best["threshold"],
        found=rate_estimate(found, n_members, exact=True),
        accused=rate_estimate(accused, n_others, exact=True),
        is_enough=n_others >= 3 / accepted,
    )
