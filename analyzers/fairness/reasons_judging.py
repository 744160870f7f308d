"""Findings about what may lie behind a difference: conditions, proxies, worst-off rows."""

import math
from typing import Any

from analyzers.core.finding import Finding, Threshold, judge_estimate
from analyzers.core.policy import Policy
from analyzers.core.result import Estimate, Measurements
from analyzers.fairness.conditions import ALL_STRATA
from analyzers.fairness.proxies import ALL_FEATURES

AREA = "fairness"
CLAUSES = (
    "NIST AI RMF MEASURE 2.11",
    "EU AI Act 10(2)(f)",
    "EU AI Act 10(2)(g)",
    "ISO/IEC 42001 A.7.4",
)
# Whether a sign turns round is arithmetic, so this limit is nobody's choice.
_SIGN = Threshold(
    indicator="fairness.sign_flips", direction="at_most", warn=0.0, status="mathematics",
    source="Simpson 1951: a difference that turns round within strata cannot be read without them.",
    holds="Everywhere.", as_of="1951-01-01",
)  # fmt: skip


def judge_reasons(measurements: Measurements, policy: Policy) -> list[Finding]:
    """Judge what the search found; nothing where it was not run."""
    return [
        *_sign_flips(measurements),
        *_predictability(measurements, policy),
        *_worst_slice(measurements, policy),
    ]


def _sign_flips(measurements: Measurements) -> list[Finding]:
    table = measurements.tables.get("conditions")
    if table is None or table.num_rows == 0:
        return []
    frame = table.to_pandas()
    together = frame[frame["stratum"] == ALL_STRATA]
    findings = []
    for attribute, rows in together.groupby("attribute", sort=True):
        flipping = rows[rows["flips"]]
        n = int((rows["n_highest"] + rows["n_lowest"]).max())
        estimate = Estimate(
            value=float(len(flipping)), n=n, method="Mantel-Haenszel weights, Bonferroni"
        )
        verdict, reason = judge_estimate(estimate, _SIGN)
        if len(flipping):
            first = flipping.iloc[0]
            headline = (
                f"{attribute}: {first['highest']} is selected more often than {first['lowest']} "
                f"on the whole ({100 * first['plain_difference']:.1f} percentage points), but less "
                f"often among rows alike in {first['condition']} ({100 * first['value']:.1f}, "
                f"{100 * first['low']:.1f} to {100 * first['high']:.1f}; n = {n:,})."
            )
        else:
            headline = (
                f"{attribute}: the difference in selection rates does not turn round within any of "
                f"{len(rows)} features (n = {n:,})."
            )
        findings.append(
            Finding(
                code=f"{AREA}.sign_flips.{attribute}", area=AREA, indicator=f"{AREA}.sign_flips",
                headline=headline, estimate=estimate, verdict=verdict, threshold=_SIGN,
                concerns=str(attribute), reason=reason,
                remedy="Decide whether that feature may account for a difference before you read "
                "either number; do not report the plain one alone.",
                reference="Simpson 1951; Bickel, Hammel and O'Connell 1975", clauses=CLAUSES,
            )
        )  # fmt: skip
    return findings


def _predictability(measurements: Measurements, policy: Policy) -> list[Finding]:
    table = measurements.tables.get("proxies")
    if table is None or table.num_rows == 0:
        return []
    frame = table.to_pandas()
    indicator = f"{AREA}.attribute_predictability"
    findings = []
    for row in frame[frame["feature"] == ALL_FEATURES].to_dict("records"):
        ends = {
            name: None if math.isnan(row[name]) else row[name] for name in ("value", "low", "high")
        }
        estimate = Estimate.model_validate({**ends, "n": int(row["n"]), "method": row["method"]})
        threshold = policy.threshold(indicator)
        verdict, reason = judge_estimate(estimate, threshold)
        single = frame[
            (frame["attribute"] == row["attribute"]) & (frame["feature"] != ALL_FEATURES)
        ]
        strongest = single.loc[single["value"].idxmax()]
        interval = (
            f", 95 % interval {row['low']:.2f} to {row['high']:.2f}"
            if ends["low"] is not None and ends["high"] is not None
            else ""
        )
        findings.append(
            Finding(
                code=f"{indicator}.{row['attribute']}", area=AREA, indicator=indicator,
                headline=f"The other features tell {row['attribute']} with an area under the ROC "
                f"curve of {row['value']:.2f} (0.5 is guessing{interval}; n = {row['n']:,}); "
                f"{strongest['feature']} alone removes {strongest['value']:.1%} of the "
                "uncertainty.",
                estimate=estimate, verdict=verdict, threshold=threshold,
                concerns=str(row["attribute"]), reason=reason,
                remedy="Leaving the column out does not hide it where this is high: look at the "
                "strongest proxies, and whether the task needs them.",
                reference="Feldman et al. 2015", clauses=CLAUSES,
            )
        )  # fmt: skip
    return findings


def _worst_slice(measurements: Measurements, policy: Policy) -> list[Finding]:
    table = measurements.tables.get("slices")
    if table is None or table.num_rows == 0:
        return []
    row = table.slice(0, 1).to_pylist()[0]
    indicator = f"{AREA}.worst_slice_difference"
    estimate = Estimate(
        value=row["value"], low=row["low"], high=row["high"], n=row["n"],
        method="Wilson intervals put together (Newcombe)",
    )  # fmt: skip
    threshold = policy.threshold(indicator)
    verdict, reason = judge_estimate(estimate, threshold)
    return [
        Finding(
            code=indicator, area=AREA, indicator=indicator,
            headline=_slice_headline(row),
            estimate=estimate, verdict=verdict, threshold=threshold, concerns=row["slice"],
            reason=reason,
            remedy="Look at these rows one by one: few or poor training rows, a changed meaning, "
            "or a feature that is missing. Check on new data, because the worst was picked.",
            reference="Chung et al. 2019 (Slice Finder)", clauses=CLAUSES,
        )
    ]  # fmt: skip


def _slice_headline(row: dict[str, Any]) -> str:
    value, low, high = (f"{100 * row[end]:.1f}" for end in ("value", "low", "high"))
    return (
        f"The model is wrong most surely where {row['slice']}: {row['error_rate']:.1%} of "
        f"{row['n']:,} rows against {row['error_rate_rest']:.1%} of the rest, a difference of "
        f"{value} percentage points (95 % interval {low} to {high}; the worst of "
        f"{row['n_comparisons']:,} slices, corrected p = {row['p_adjusted']:.2g})."
    )
