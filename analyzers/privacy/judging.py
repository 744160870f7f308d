"""From numbers to findings a data-protection officer can use."""

from typing import Any

from analyzers.core.finding import Finding, Judgement, Threshold, Verdict, judge_estimate
from analyzers.core.policy import Policy
from analyzers.core.result import Estimate, Measurements
from analyzers.privacy.attribute_inference import judge_attribute_inference
from analyzers.privacy.auditor import judge_auditor
from analyzers.privacy.comparability import TOLERATED_AUC
from analyzers.privacy.extraction import judge_extraction
from analyzers.privacy.inversion import judge_inversion
from analyzers.privacy.memorised import judge_memorised
from analyzers.privacy.one_run import judge_one_run
from analyzers.privacy.property_inference import judge_property
from analyzers.privacy.singling_out import judge_singling_out
from analyzers.privacy.structure import judge_structure
from analyzers.privacy.wording import AREA, NOT_RUN, ends, finding_of, gap_in_words, points

_LOWER = (
    "Make the model remember less: regularise it, stop training earlier, prune deep trees, give "
    "it more records, or train it with differential privacy; then run this again. Until then, "
    "answer with labels or rounded scores and limit who may ask."
)
_RATES = (
    ("tpr_at_fpr_1_percent", 0.01, "one false accusation in a hundred"),
    ("tpr_at_fpr_01_percent", 0.001, "one false accusation in a thousand"),
)


def judge(measurements: Measurements, policy: Policy) -> list[Finding]:
    """Judge whether the attack may count, then how far it gets."""
    void = _void_reason(measurements, _tolerated(policy))
    # The sentence a data-protection officer asks for comes first, voided where it does not count.
    findings = [_found(measurements, policy, void, *rate) for rate in _RATES]
    findings.append(_comparability(measurements, policy))
    findings += [_overlap(measurements)] if measurements.facts.get("n_overlapping_members") else []
    findings += [
        _plain(
            measurements, policy, void, "attack_auc", _auc_words, _LOWER,
            "Yeom et al. 2018; SACRO-ML for the limit",
        ),
        _plain(
            measurements, policy, void, "advantage", _advantage_words, _LOWER, "Yeom et al. 2018"
        ),
        _plain(
            measurements, policy, "", "generalisation_gap", _gap_words,
            "A gap is memory the model does not need: reduce it as you would reduce overfitting.",
            "Yeom et al. 2018",
        ),
    ]  # fmt: skip
    findings += _gaps(measurements, policy, void)
    findings.append(_epsilon(measurements, void))
    findings += judge_one_run(measurements)
    findings += judge_auditor(measurements)
    findings += judge_structure(measurements)
    findings += judge_attribute_inference(measurements, policy)
    findings += judge_memorised(measurements, policy)
    findings += judge_property(measurements)
    findings += judge_inversion(measurements)
    findings += judge_extraction(measurements, policy)
    findings += judge_singling_out(measurements)
    return findings


def _tolerated(policy: Policy) -> float:
    """Largest AUC of the blind classifier at which the attack may count."""
    threshold = policy.threshold(f"{AREA}.distribution_auc")
    return TOLERATED_AUC if threshold is None or threshold.fail is None else threshold.fail


def _void_reason(measurements: Measurements, tolerated: float) -> str:
    auc = measurements.estimates.get("distribution_auc")
    if auc is None:
        return ""
    if auc.value is None:
        return f"Whether the two tables are comparable is not known: {auc.reason}"
    if auc.low is not None and auc.low > tolerated:
        return (
            f"Void: a classifier that never saw the model tells members from non-members "
            f"(AUC {auc.value:.2f}, 95 % interval {ends(auc)}; n = {auc.n:,}), so the attack's "
            "success need not come from the model."
        )
    return ""


def _comparability(measurements: Measurements, policy: Policy) -> Finding:
    estimate = measurements.estimates.get("distribution_auc", Estimate.unmeasured(NOT_RUN))
    threshold = policy.threshold(f"{AREA}.distribution_auc")
    judged = judge_estimate(estimate, threshold)
    if estimate.value is None:
        headline = "Whether members and non-members are comparable was not measured."
    else:
        differ = estimate.low is not None and estimate.low > _tolerated(policy)
        # Never a verdict of the area: good or bad, it says nothing about the model.
        judged = Judgement(
            Verdict.INCONCLUSIVE,
            "It judges the test and not the model: "
            + (
                "the two tables differ, so whatever the attack finds may be that difference."
                if differ
                else "the two tables do not differ enough to void the attack."
            ),
        )
        headline = (
            f"Members and non-members {'can' if differ else 'can hardly'} be told apart without "
            f"the model: AUC {estimate.value:.2f} (95 % interval {ends(estimate)}; "
            f"n = {estimate.n:,}); the attack's result {'is void' if differ else 'can count'}."
        )
    worst = _worst_column(measurements)
    return finding_of(
        "distribution_auc", estimate, judged, threshold, headline,
        "Give non-members drawn like the training data: hold back a random part before fitting. "
        "Rows that belong together (one day, one person) and were held back together count as a "
        "difference too."
        + worst,
        "Das, Zhang and Tramer 2024",
    )  # fmt: skip


def _worst_column(measurements: Measurements) -> str:
    table = measurements.tables.get("column_differences")
    if table is None or table.num_rows == 0:
        return ""
    row = table.slice(0, 1).to_pylist()[0]
    if row["p_value"] * table.num_rows > 0.01:
        return ""
    return f" The column that differs most is {row['column']!r}."


def _overlap(measurements: Measurements) -> Finding:
    facts = measurements.facts
    inside, outside = facts["n_overlapping_members"], facts["n_overlapping_non_members"]
    return finding_of(
        "overlap",
        Estimate(value=float(inside or 0), n=max(1, int(inside or 0))),
        Judgement(
            Verdict.INCONCLUSIVE,
            "Counted and left out; they are neither members nor non-members beyond doubt.",
        ),
        None,
        f"{inside:,} training rows and {outside:,} held-out rows have the same features and "
        "outcome and were left out.",
        "Remove the rows the model was fitted on from the held-out table. If they only happen to "
        "be equal, nothing is wrong.",
        "Carlini et al. 2022, section IV",
    )


def _found(
    measurements: Measurements, policy: Policy, void: str, name: str, rate: float, words: str
) -> Finding:
    estimate = measurements.estimates.get(name, Estimate.unmeasured(NOT_RUN))
    threshold = policy.threshold(f"{AREA}.{name}")
    row = _operating_point(measurements, rate)
    if row is None or estimate.value is None:
        return finding_of(
            name, estimate, judge_estimate(estimate, threshold), threshold,
            f"How many members an attacker finds who accepts {words} was not measured.",
            _LOWER, "Carlini et al. 2022",
        )  # fmt: skip
    judged = judge_estimate(estimate, threshold)
    if not row["is_enough"]:
        judged = Judgement(
            Verdict.INCONCLUSIVE,
            f"{row['n_non_members']:,} non-members cannot show a rate of {rate:.1%} false "
            f"accusations: {row['n_needed']:,} are needed at least, {row['n_comfortable']:,} for "
            "about ten false accusations.",
        )
    finest = float(measurements.facts.get("finest_false_positive_rate") or 0.0)
    if finest > rate:
        # So few non-members cannot express the rate: the attack counted accepts more than it.
        words = f"one false accusation in {round(1 / finest):,}, the fewest that can be set here,"
    headline = (
        f"Of 1,000 records in the training data, an attacker who accepts {words} identifies "
        f"{1000 * estimate.value:.0f} ({1000 * (estimate.low or 0):.0f} to "
        f"{1000 * (estimate.high or 1):.0f}); counted on {row['n_members']:,} members, with "
        f"{row['false_positives']:,} of {row['n_non_members']:,} non-members falsely accused."
    )
    judged = _voided(_only_weakly(judged, measurements), void)
    return finding_of(name, estimate, judged, threshold, headline, _LOWER, "Carlini et al. 2022")


def _plain(
    measurements: Measurements,
    policy: Policy,
    void: str,
    name: str,
    words: Any,  # noqa: ANN401  a function from an estimate to a sentence
    remedy: str,
    reference: str,
) -> Finding:
    estimate = measurements.estimates.get(name, Estimate.unmeasured(NOT_RUN))
    threshold = policy.threshold(f"{AREA}.{name}")
    judged = judge_estimate(estimate, threshold)
    if name == "attack_auc":
        judged = _only_weakly(judged, measurements)
    judged = _voided(judged, void)
    if estimate.value is None:
        headline = f"Not measured: {name.replace('_', ' ')}."
    else:
        headline = words(estimate, measurements)
    return finding_of(name, estimate, judged, threshold, headline, remedy, reference)


def _auc_words(estimate: Estimate, measurements: Measurements) -> str:
    return (
        f"Shown one member and one non-member, the attack ({measurements.facts.get('attack')}) "
        f"ranks the member first in {estimate.value:.1%} of cases (95 % interval "
        f"{ends(estimate, '.1%')}; n = {estimate.n:,}); guessing gives 50 %."
    )


def _advantage_words(estimate: Estimate, measurements: Measurements) -> str:
    n_members, n_others = (measurements.facts.get(k) for k in ("n_members", "n_non_members"))
    return (
        "At its best threshold, chosen on other rows, the share of members found is "
        f"{points(estimate.value)} percentage points above the share of non-members accused "
        f"(95 % interval {points(estimate.low)} to {points(estimate.high)}; "
        f"n = {n_members:,} and {n_others:,})."
    )


def _gap_words(estimate: Estimate, measurements: Measurements) -> str:
    n_members, n_others = (measurements.facts.get(k) for k in ("n_members", "n_non_members"))
    value = estimate.value or 0.0
    is_regression = measurements.facts.get("task") == "regression"
    gap = gap_in_words(value, is_regression=is_regression)
    span = (
        ends(estimate, ".3g")
        if is_regression
        else f"{points(estimate.low)} to {points(estimate.high)}"
    )
    if value < 0:
        span += " for training minus other rows"
    return (
        f"The model's {gap} on the rows it was fitted on than on others (95 % interval "
        f"{span}; n = {n_members:,} and {n_others:,})."
    )


def _gaps(measurements: Measurements, policy: Policy, void: str) -> list[Finding]:
    table = measurements.tables.get("group_gaps")
    indicator = "difference_by_group"
    threshold = policy.threshold(f"{AREA}.{indicator}")
    findings = []
    for row in [] if table is None else table.to_pylist():
        estimate = Estimate(
            value=row["value"], low=row["low"], high=row["high"], n=row["n"],
            method="max-t bootstrap over all pairs of groups",
        )  # fmt: skip
        judged = judge_estimate(estimate, threshold)
        shares = (
            f"{row['highest_value']:.1%} of the members in {row['highest']} and "
            f"{row['lowest_value']:.1%} in {row['lowest']}"
            if row["value"]
            else f"{row['highest_value']:.1%} of the members in every group compared"
        )
        headline = (
            f"{row['attribute']}: the attack finds {shares}, a difference of "
            f"{points(row['value'])} percentage points (95 % interval {points(row['low'])} to "
            f"{points(row['high'])}; smaller n = {row['n']:,}) at one false accusation in a "
            "hundred."
        )
        concerns = f"{row['attribute']}: {row['highest']}" if row["value"] else row["attribute"]
        findings.append(
            finding_of(
                indicator, estimate, _voided(judged, void), threshold, headline,
                "Groups with few or unusual records leak more: collect more of them, or leave "
                "rare values out.",
                "Kulynych et al. 2022 (disparate vulnerability)",
                about=row["attribute"], concerns=concerns,
            )
        )  # fmt: skip
    return findings


def _epsilon(measurements: Measurements, void: str) -> Finding:
    name = "epsilon_lower_bound"
    estimate = measurements.estimates.get(name, Estimate.unmeasured(NOT_RUN))
    claimed = float(measurements.facts.get("claimed_epsilon") or 0.0)
    delta = float(measurements.facts.get("claimed_delta") or 0.0)
    reference = "Kairouz, Oh and Viswanath 2015; Nasr et al. 2021"
    remedy = (
        "For proof, audit the training itself (records for the one-run audit); for a guarantee, "
        "train with differential privacy."
    )
    if estimate.value is None:
        return finding_of(
            name, estimate, judge_estimate(estimate, None), None,
            "No lower bound of epsilon was measured.", remedy, reference,
        )  # fmt: skip
    rows = f"n = {estimate.n:,} on the smaller side, delta {delta:g}"
    headline = (
        f"This attack on this one model is only possible with epsilon above {estimate.value:.2f} "
        f"(95 % lower bound; {rows}), if members and non-members were drawn at random."
        if estimate.value > 0
        else f"This attack shows no lower bound of epsilon above 0 ({rows}); a stronger one might."
    )
    if not claimed:
        return finding_of(
            name, estimate,
            Judgement(Verdict.INCONCLUSIVE, "No claim of differential privacy was given."),
            None, headline, remedy, reference,
        )  # fmt: skip
    threshold = Threshold(
        indicator=f"{AREA}.{name}", direction="at_most", fail=claimed, status="organisation",
        source=f"The claim given: epsilon {claimed:g}, delta {delta:g}.",
    )  # fmt: skip
    if estimate.value > claimed:
        judged = Judgement(Verdict.FAIL, "")
        headline += f" That refutes the claim of epsilon {claimed:g}."
    else:
        judged = Judgement(
            Verdict.INCONCLUSIVE,
            f"The attack does not contradict the claim of epsilon {claimed:g}; it cannot "
            "confirm one.",
        )
    return finding_of(name, estimate, _voided(judged, void), threshold, headline, remedy, reference)


def _only_weakly(judged: Judgement, measurements: Measurements) -> Judgement:
    """A weak attack that finds little is no pass where a strong one could have been tried."""
    facts = measurements.facts
    if (
        judged.verdict == Verdict.PASS
        and facts.get("can_be_fitted_anew")
        and not facts.get("shadow_models")
    ):
        return Judgement(
            Verdict.INCONCLUSIVE,
            "Within the limit, but this attacker had no models of the same recipe; one who has "
            "them can find many more. Run again with shadow models for a verdict.",
        )
    return judged


def _voided(judged: Judgement, void: str) -> Judgement:
    if void and judged.verdict != Verdict.NOT_TESTED:
        return Judgement(Verdict.INCONCLUSIVE, void)
    return judged


def _operating_point(measurements: Measurements, rate: float) -> dict[str, Any] | None:
    table = measurements.tables.get("operating_points")
    rows = [] if table is None else table.to_pylist()
    # The attack that each half chose stands first.
    return next((row for row in rows if row["accepted_rate"] == rate), None)
