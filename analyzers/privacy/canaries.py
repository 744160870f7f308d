"""Canaries: records put into a training on purpose, and how far they stand out afterwards."""

import math

import numpy as np
from numpy.typing import NDArray

from analyzers.core.finding import Finding, Judgement, Verdict
from analyzers.core.result import Estimate, Measurements
from analyzers.privacy.wording import ends, finding_of
from analyzers.toolkit.intervals import percentile_interval

EXPOSURE = "canary_exposure"
DRAWS = 500
REFERENCE = "Carlini et al. 2019"


def exposures(put_in: NDArray[np.float64], left_out: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how many bits each canary stands out by among those that were left out.

    Args:
        put_in: `(n_in,)` larger is more familiar to the model.
        left_out: `(n_out,)` the same of canaries that were never trained on.

    Returns:
        `(n_in,)` log2 of the number it is compared with, itself counted, minus log2 of its rank;
        a tie counts against it.

    References:
        Carlini et al. 2019, with canaries left out in place of a model of all values.
    """
    sorted_out = np.sort(left_out)
    ranks = 1 + len(sorted_out) - np.searchsorted(sorted_out, put_in, side="left")
    return np.asarray(math.log2(len(sorted_out) + 1) - np.log2(ranks), dtype=np.float64)


def exposure_of_none(n_out: int) -> float:
    """Return the mean exposure, in bits, of canaries the model does not know from the others."""
    return math.log2(n_out + 1) - float(np.log2(np.arange(1, n_out + 2)).mean())


def canary_exposure(
    values: NDArray[np.float64], is_in: NDArray[np.bool_], rng: np.random.Generator
) -> Estimate:
    """Estimate the canaries' mean exposure beyond what unknown ones have, in bits.

    Args:
        values: `(n_records,)` larger is more familiar to the model.
        is_in: `(n_records,)` which were trained on.
        rng: draws both sides anew for the interval.
    """
    put_in, left_out = values[is_in], values[~is_in]
    if len(put_in) < 2 or len(left_out) < 2:
        return Estimate.unmeasured("Needs two canaries on each side.", n=len(put_in))
    none = exposure_of_none(len(left_out))
    draws = np.array(
        [
            exposures(rng.choice(put_in, len(put_in)), rng.choice(left_out, len(left_out))).mean()
            for _ in range(DRAWS)
        ]
    )
    interval = percentile_interval(draws - none)
    return Estimate(
        value=float(exposures(put_in, left_out).mean()) - none,
        low=None if interval is None else interval.low,
        high=None if interval is None else interval.high,
        n=len(put_in),
        method="bootstrap of canaries in and out",
        reason="" if interval is not None else "Too few draws have a value.",
    )


def judge_exposure(measurements: Measurements) -> list[Finding]:
    """Say how far canaries stand out; measured, without a limit."""
    estimate = measurements.estimates.get(EXPOSURE)
    if estimate is None or estimate.value is None:
        return []
    is_wrong = measurements.facts.get("audit_labels") == "wrong"
    kind = "with a wrong outcome" if is_wrong else "as they are"
    headline = (
        f"Records put into the training {kind} stand out by {abs(estimate.value):.2f} bits "
        f"{'more' if estimate.value >= 0 else 'less'} than "
        f"records left out (95 % interval of the difference {ends(estimate)}; "
        f"n = {estimate.n:,} put in); "
        "0 is what a model without memory shows."
    )
    return [
        finding_of(
            EXPOSURE, estimate,
            Judgement(Verdict.INCONCLUSIVE, "No limit is accepted for it; set one of your own."),
            None, headline,
            "Train with differential privacy, or with less memory; then audit again.", REFERENCE,
        )
    ]  # fmt: skip
