"""From disparities to findings."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from analyzers.core.finding import Finding, Judgement, Verdict, judge_estimate
from analyzers.core.policy import Policy
from analyzers.core.result import Estimate, Measurements
from analyzers.fairness.decisions import estimate_of
from analyzers.fairness.definitions import definition_of
from analyzers.fairness.reasons_judging import judge_reasons

AREA = "fairness"
CLAUSES = (
    "NIST AI RMF MEASURE 2.11",
    "EU AI Act 10(2)(f)",
    "EU AI Act 10(2)(g)",
    "EU AI Act 13(3)(b)(v)",
    "EU AI Act 15(4)",
    "ISO/IEC 42001 A.5.4",
    "ISO/IEC 42001 A.7.4",
    "AI Verify principle 7",
)
_ASK = (
    "Find out why before changing anything: different needs, different data quality, or a proxy. "
)


class Indicator(NamedTuple):
    """A disparity in words."""

    metric: str
    of: str
    remedy: str
    reference: str
    is_for_intersections: bool = False


INDICATORS = (
    Indicator(
        "demographic_parity_ratio", "selection rate",
        _ASK + "Then compare thresholds by group and reweighted training, and their cost in "
        "accuracy.",
        "29 CFR 1607.4(D); Feldman et al. 2015", is_for_intersections=True,
    ),
    Indicator(
        "demographic_parity_difference", "selection rate",
        _ASK + "Then compare thresholds by group and reweighted training, and their cost in "
        "accuracy.",
        "Dwork et al. 2012; Agarwal et al. 2018", is_for_intersections=True,
    ),
    Indicator(
        "equal_opportunity_difference", "true positive rate",
        _ASK + "Look at the rows of the worse-off group that were wrongly rejected.",
        "Hardt, Price and Srebro 2016", is_for_intersections=True,
    ),
    Indicator(
        "equalized_odds_difference", "true or false positive rate, whichever differs more",
        _ASK + "Then compare thresholds by group (equalised odds) and their cost in accuracy.",
        "Hardt, Price and Srebro 2016", is_for_intersections=True,
    ),
    Indicator(
        "false_positive_rate_difference", "false positive rate",
        _ASK + "Look at the rows of the worse-off group that were wrongly selected.",
        "Corbett-Davies et al. 2017 (predictive equality)",
    ),
    Indicator(
        "predictive_parity_difference", "positive predictive value",
        _ASK + "Check calibration by group; scores may mean different things in each.",
        "Chouldechova 2017",
    ),
    Indicator(
        "accuracy_difference", "accuracy",
        _ASK + "The group with lower accuracy often has fewer or poorer rows: look there first.",
        "Berk et al. 2018 (overall accuracy equality)",
    ),
)  # fmt: skip
REGRESSION = (
    Indicator(
        "kolmogorov_distance", "distribution of predictions",
        _ASK + "Compare the distributions of the true outcome: the data may differ as much.",
        "Agarwal, Dudik and Wu 2019", is_for_intersections=True,
    ),
    Indicator(
        "mean_error_difference", "mean error",
        _ASK + "A group that is over- or underestimated often has few rows in training.",
        "Agarwal, Dudik and Wu 2019 (bounded group loss)",
    ),
    Indicator(
        "mean_absolute_error_difference", "mean absolute error",
        _ASK + "The group with larger errors often has few rows in training.",
        "Agarwal, Dudik and Wu 2019 (bounded group loss)",
    ),
)  # fmt: skip


def judge(measurements: Measurements, policy: Policy) -> list[Finding]:
    """Judge the headline disparities of every attribute and combination against the policy."""
    indicators = REGRESSION if measurements.facts.get("task") == "regression" else INDICATORS
    table = measurements.tables.get("disparities")
    if table is None or table.num_rows == 0:
        nothing = Estimate.unmeasured("The analysis has not been run.")
        return [_finding(item, {}, nothing, policy, smallest=1) for item in indicators]
    rows = {(row["attributes"], row["metric"]): row for row in table.to_pylist()}
    depths = {row["attributes"]: row["depth"] for row in rows.values()}
    smallest = int(measurements.facts.get("smallest_group") or 1)
    findings = [
        _finding(item, rows[attributes, item.metric],
                 estimate_of(rows[attributes, item.metric]), policy, smallest=smallest)
        for attributes, depth in sorted(depths.items(), key=lambda pair: (pair[1], pair[0]))
        for item in indicators
        if (attributes, item.metric) in rows and (depth == 1 or item.is_for_intersections)
    ]  # fmt: skip
    return most_severe_first(findings + judge_reasons(measurements, policy))


_SEVERITY = (
    Verdict.FAIL, Verdict.WARN, Verdict.INCONCLUSIVE, Verdict.PASS, Verdict.NOT_TESTED,
)  # fmt: skip


def most_severe_first(findings: Sequence[Finding]) -> list[Finding]:
    """Order findings by verdict; within one, each group of people once before any comes again."""
    seen: Counter[tuple[Verdict, str]] = Counter()
    places = []
    for finding in findings:
        about = (finding.verdict, finding.code.removeprefix(finding.indicator))
        places.append((_SEVERITY.index(finding.verdict), seen[about]))
        seen[about] += 1
    order = sorted(range(len(findings)), key=places.__getitem__)
    return [findings[place] for place in order]


def _finding(
    indicator: Indicator, row: dict[str, Any], estimate: Estimate, policy: Policy, *, smallest: int
) -> Finding:
    name = f"{AREA}.{indicator.metric}"
    attributes = row.get("attributes", "")
    threshold = policy.threshold(name)
    verdict, reason = _judgement(estimate, row, judge_estimate(estimate, threshold), smallest)
    return Finding(
        code=f"{name}.{attributes}" if attributes else name,
        area=AREA,
        indicator=name,
        headline=_headline(indicator, row, estimate),
        estimate=estimate,
        verdict=verdict,
        threshold=threshold,
        concerns=_concerns(row),
        reason=reason,
        remedy=indicator.remedy,
        reference=_explained(indicator),
        clauses=CLAUSES,
    )


def _explained(indicator: Indicator) -> str:
    """What is measured and when it misleads, then who proposed it."""
    item = definition_of(indicator.metric)
    return (
        f"{item.formula} The right number when {item.right_when} It misleads when "
        f"{item.misleads_when} Source: {indicator.reference}."
    )


def _judgement(
    estimate: Estimate, row: dict[str, Any], judged: Judgement, smallest: int
) -> Judgement:
    if estimate.value is not None and estimate.n < smallest:
        return Judgement(
            Verdict.INCONCLUSIVE,
            f"The rate of the smallest group rests on {estimate.n:,} rows, fewer than the "
            f"{smallest:,} asked for.",
        )
    p_adjusted = row.get("p_adjusted")
    if judged.verdict == Verdict.FAIL and p_adjusted is not None and p_adjusted > 0.05:
        return Judgement(
            Verdict.WARN,
            f"Beyond the limit, but among {row['n_comparisons']} comparisons chance can do this "
            f"(Benjamini-Hochberg p = {p_adjusted:.2g}).",
        )
    return judged


def _concerns(row: dict[str, Any]) -> str:
    if not row.get("highest"):
        return row.get("attributes", "")
    if row["lowest"] == row["highest"]:
        return str(row["attributes"])
    return f"{row['attributes']}: {row['lowest']} against {row['highest']}"


def _headline(indicator: Indicator, row: dict[str, Any], estimate: Estimate) -> str:
    words = indicator.metric.replace("_", " ")
    by = f" by {row['attributes']}" if row.get("attributes") else ""
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return f"Not measured: {words}{by}."
    ends = (estimate.value, estimate.low, estimate.high)
    if indicator in REGRESSION:
        return _regression_headline(indicator, row, ends, estimate.n)
    rate = row["rate"].replace("_", " ")
    about = ", equalised odds" if indicator.metric == "equalized_odds_difference" else ""
    apart = (
        "in every group compared"
        if row["lowest"] == row["highest"]
        else f"for {row['lowest']} and {row['highest_value']:.1%} for {row['highest']}"
    )
    rates = f"{row['attributes']}{about}: the {rate} is {row['lowest_value']:.1%} {apart}"
    if indicator.metric.endswith("_ratio"):
        value, low, high = (f"{end:.2f}" for end in ends)
        gap = f"a ratio of {value} (95 % interval {low} to {high}"
    else:
        value, low, high = (f"{100 * end:.1f}" for end in ends)
        gap = f"a difference of {value} percentage points (95 % interval {low} to {high}"
    left_out = f", {row['n_left_out']} small groups left out" if row["n_left_out"] else ""
    return f"{rates}, {gap}; smaller n = {estimate.n:,}{left_out})."


def _regression_headline(
    indicator: Indicator, row: dict[str, Any], ends: tuple[float, float, float], n: int
) -> str:
    if indicator.metric == "kolmogorov_distance":
        value, low, high = (f"{end:.3f}" for end in ends)
        return (
            f"{row['attributes']}: the predictions for {row['highest']} are distributed "
            f"differently from those for everyone else, by up to {value} "
            f"(95 % interval {low} to {high}; n = {n:,})."
        )
    value, low, high = (f"{end:.3g}" for end in ends)
    return (
        f"{row['attributes']}: the {indicator.of} is {row['lowest_value']:.3g} for {row['lowest']} "
        f"and {row['highest_value']:.3g} for {row['highest']}, a difference of {value} "
        f"(95 % interval {low} to {high}; smaller n = {n:,})."
    )
