"""Findings: can the explanation be trusted, and what does it rest on?"""

import re
from typing import NamedTuple

from analyzers.core.finding import Finding, Threshold, Verdict, judge_estimate
from analyzers.core.policy import Policy
from analyzers.core.result import Estimate, Measurements
from analyzers.explanation.things import things_of

AREA = "explanation"
_UNMEASURED = Estimate.unmeasured("The explanation was not measured.")

_ADDITIVITY = Threshold(
    indicator="explanation.additivity_error",
    direction="at_most",
    warn=1e-3,
    fail=1e-2,
    status="mathematics",
    source="Values must add up to the model's own answer (Lundberg and Lee 2017, local accuracy). "
    "The tolerance leaves room for single precision and numerical integration.",
    holds="Everywhere: an explanation that does not add up explains something else.",
    as_of="2026-11-01",
)
_SAME = Threshold(
    indicator="explanation.difference_from_shap",
    direction="at_most",
    warn=1e-5,
    fail=1e-3,
    status="mathematics",
    source="Both compute the same sum (Lundberg et al. 2020, path-dependent TreeSHAP).",
    holds="Everywhere both apply.",
    as_of="2026-11-01",
)
_GAIN = Threshold(
    indicator="explanation.faithfulness_gain",
    direction="at_least",
    warn=0.0,
    fail=0.0,
    n_min=30,
    status="mathematics",
    source="0 is what naming columns in a random order reaches.",
    holds="Everywhere: an explanation no better than chance says nothing.",
    as_of="2026-11-01",
)


_INSERTION = _GAIN.model_copy(update={"indicator": "explanation.insertion_gain"})


class _Question(NamedTuple):
    """One indicator: how its headline reads, what to do, and where it comes from.

    Attributes:
        key: name of the estimate.
        title: in a few words what is measured.
        headline: with `{value}` and `{ends}`, or `{percent}` for both, and facts.
        remedy: what to do where it is bad.
        reference: source of the method.
        own: limit that is mathematics and needs no policy.
        no_limit: why there is no verdict without a policy.
        quiet: headline where the interval reaches down to 0; the same one where empty.
    """

    key: str
    title: str
    headline: str
    remedy: str
    reference: str
    own: Threshold | None = None
    no_limit: str = ""
    quiet: str = ""


_TABULAR = (
    _Question(
        "additivity_error",
        "Adds up to the model's answer",
        "Base value and SHAP values add up to the model's own answer within {value}.",
        "Do not use this explanation; choose the model-agnostic explainer and report the model's "
        "kind.",
        "Lundberg and Lee 2017, A unified approach to interpreting model predictions",
        _ADDITIVITY,
    ),
    _Question(
        "difference_from_shap",
        "Equal to the shap library",
        "The values equal those of the shap library within {value} on the rows checked.",
        "Report it with the model's kind; choose the model-agnostic explainer meanwhile.",
        "Lundberg et al. 2020, From local explanations to global understanding with explainable AI "
        "for trees",
        _SAME,
    ),
    _Question(
        "faithfulness_gain",
        "What is named first counts: replaced",
        "Replacing what SHAP names first moves the answer by {value}{ends} more than replacing at "
        "random.",
        "Do not rely on the ranking: explain more rows, or look for columns that act together.",
        "Agarwal et al. 2022 (OpenXAI), prediction gap on important features",
        _GAIN,
    ),
    _Question(
        "insertion_gain",
        "What is named first counts: put back",
        "With everything replaced, putting back what SHAP names first brings the answer "
        "{value}{ends} nearer to its own than putting back at random.",
        "Do not rely on the ranking: explain more rows, or look for columns that act together.",
        "Petsiuk et al. 2018, insertion; Agarwal et al. 2022",
        _INSERTION,
    ),
    _Question(
        "shap_lime_correlation",
        "SHAP and LIME rank alike",
        "SHAP and LIME rank the columns of a row alike with a correlation of {value}{ends}; random "
        "rankings reach 0.",
        "Where they disagree, report neither alone: SHAP spreads the answer over all columns, LIME "
        "fits a line around the row, and they part where the model bends or columns act together.",
        "Krishna et al. 2024, The disagreement problem in explainable machine learning",
        no_limit="No accepted limit exists. Two random rankings reach 0 on average; the further "
        "above it, the more the two methods say the same.",
    ),
    _Question(
        "shap_lime_overlap",
        "SHAP and LIME name the same first",
        "Of the {n_top} columns SHAP ranks first for a row, LIME ranks {percent} first too; "
        "chance alone gives {chance}.",
        "Name only the columns on which both agree when you explain a decision to a person.",
        "Krishna et al. 2024, feature agreement",
        no_limit="No accepted limit exists; compare with what chance alone gives.",
    ),
    _Question(
        "owen_correlation",
        "SHAP and Owen values rank alike",
        "SHAP and Owen values, which hide neighbours together, rank the {n} columns of the shown "
        "row alike with a correlation of {value}; random rankings reach 0.",
        "Where it is low, neighbouring columns act together: read them as groups.",
        "Owen 1977; shap.PartitionExplainer",
        no_limit="No accepted limit exists. Two random rankings reach 0 on average.",
    ),
    _Question(
        "lime_r_squared",
        "How much LIME's line explains",
        "LIME's straight line explains {value}{ends} of what the model does around a row (R²).",
        "Where it is low, do not read LIME's weights as the model's reasons.",
        "Ribeiro, Singh and Guestrin 2016",
        no_limit="No accepted limit exists. At 0 the line explains nothing, at 1 everything.",
    ),
    _Question(
        "lime_stability",
        "LIME repeats itself",
        "{n} runs of LIME on the shown row rank alike with a correlation of {value}.",
        "Raise the number of LIME samples until it is close to 1.",
        "Visani et al. 2022, Statistical stability indices for LIME",
        no_limit="No accepted limit exists. At 1 chance plays no part.",
    ),
    _Question(
        "noise_stability",
        "Steady when numbers move a little",
        "When numbers move by 5 % of their spread, {n} rows rank their columns alike with a "
        "correlation of {value}{ends}; a random explainer reaches 0.",
        "Where it is low, do not give single rows' explanations to people: the next person, almost "
        "the same, would be told something else.",
        "Alvarez-Melis and Jaakkola 2018; Agarwal et al. 2022 (OpenXAI), relative input stability",
        no_limit="No accepted limit exists. At 1 small changes do not matter; a random explainer "
        "reaches 0.",
    ),
    _Question(
        "lime_width_stability",
        "LIME with another width",
        "LIME with half and with twice its kernel width ranks the columns of a row alike with a "
        "correlation of {value}{ends} (n = {n}); a random explainer reaches 0.",
        "Where it is low, say which width was used whenever you show LIME's weights.",
        "Garreau and von Luxburg 2020, Explaining the explainer",
        no_limit="No accepted limit exists. At 1 the width plays no part; a random explainer "
        "reaches 0.",
    ),
    _Question(
        "off_manifold_gap",
        "Same rule for real and mixed rows",
        "On the mixed rows that explainers ask about, {on_mixed_rows} moves the answer more than "
        "on real rows and {on_real_rows} less: by {value}{ends} at least, in the output's unit.",
        "Where it is clearly above 0, the model may treat the questions of explainers as such: "
        "compare with counterfactuals and group rates, which rest on real rows.",
        "Slack et al. 2020, Fooling LIME and SHAP",
        no_limit="No accepted limit exists. Near 0 the model answers mixed and real rows by one "
        "rule, and honest models were seen up to 0.05; a gap is a reason to look, not a proof of "
        "deceit.",
        quiet="No column is seen to trade places with another between real rows and the mixed rows "
        "that explainers ask about: {value}{ends} in the output's unit, where two rules give more "
        "than 0.",
    ),
    _Question(
        "sampling_error",
        "How exactly values are known",
        "A row's least certain SHAP value is known to ± {value} (95 %).",
        "Raise the number of background rows.",
        "Castro, Gomez and Tejada 2009",
        no_limit="No accepted limit exists: it must be small beside the values you act on.",
    ),
    _Question(
        "sensitive_share",
        "Rests on who a person is",
        "{percent} of all attribution falls on columns that say who a person is.",
        "Ask whether the decision may rest on them, and look at Fairness: a share of 0 does not "
        "rule out proxies.",
        "Lundberg and Lee 2017; the share is the sum of |SHAP| over these columns",
        no_limit="Whether a decision may rest on these columns is a question of law and purpose; "
        "no number settles it.",
    ),
    _Question(
        "proxy_share",
        "Rests on stand-ins for who a person is",
        "{percent} of all attribution falls on columns that give a sensitive one away: {proxies}.",
        "Ask what else these columns tell that the decision needs, and look at Fairness.",
        "Theil 1970 (uncertainty coefficient); the share is the sum of |SHAP| over these columns",
        no_limit="A column counts as a proxy where it removes at least 5 % of the uncertainty "
        "about a sensitive one; that limit is a choice, and no share is right or wrong by itself.",
        quiet="No single column that the model sees gives a sensitive one away; several "
        "together may.",
    ),
)


def judge(measurements: Measurements, policy: Policy) -> list[Finding]:
    """Judge whether the explanation adds up, beats chance, and how far methods agree."""
    findings = [
        _finding(question, measurements, policy)
        for question in _TABULAR
        if not measurements.estimates or question.key in measurements.estimates
    ]
    findings += [
        _sensitive(key, measurements, policy)
        for key in sorted(measurements.estimates)
        if key.startswith("sensitive_share.")
    ]
    return findings


def _finding(question: _Question, measurements: Measurements, policy: Policy) -> Finding:
    estimate = measurements.estimates.get(question.key, _UNMEASURED)
    indicator = f"{AREA}.{question.key}"
    threshold = policy.threshold(indicator) or question.own
    verdict, reason = judge_estimate(estimate, threshold)
    if verdict == Verdict.INCONCLUSIVE and threshold is None:
        reason = question.no_limit or reason
    is_quiet = question.quiet and (estimate.low is None or estimate.low <= 0)
    sentence = question.quiet if is_quiet else question.headline
    return Finding(
        code=indicator,
        area=AREA,
        indicator=indicator,
        title=question.title,
        headline=_headline(sentence, estimate, measurements),
        estimate=estimate,
        verdict=verdict,
        threshold=threshold,
        concerns=str(measurements.facts.get("explained_output") or ""),
        reason=reason,
        remedy=question.remedy,
        reference=question.reference,
    )


def _sensitive(key: str, measurements: Measurements, policy: Policy) -> Finding:
    column = key.partition(".")[2]
    general = next(question for question in _TABULAR if question.key == "sensitive_share")
    estimate = measurements.estimates[key]
    threshold = policy.threshold(f"{AREA}.sensitive_share")
    verdict, reason = judge_estimate(estimate, threshold)
    if verdict == Verdict.INCONCLUSIVE and threshold is None:
        reason = general.no_limit
    return Finding(
        code=f"{AREA}.{key}",
        area=AREA,
        indicator=f"{AREA}.sensitive_share",
        title=f"Rests on {column}",
        headline=_headline(
            "{percent} of all attribution falls on {column}.", estimate, measurements, column
        ),
        estimate=estimate,
        verdict=verdict,
        threshold=threshold,
        concerns=column,
        reason=reason,
        remedy=general.remedy,
        reference=general.reference,
    )


def _headline(
    sentence: str, estimate: Estimate, measurements: Measurements, column: str = ""
) -> str:
    if estimate.value is None:
        return f"Not measured: {estimate.reason}"
    ends, percent = "", f"{estimate.value:.0%}"
    if estimate.low is not None and estimate.high is not None:
        ends = f" ({_shown(estimate.low)} to {_shown(estimate.high)})"
        percent += f" ({estimate.low:.0%} to {estimate.high:.0%})"
    n_top = int(measurements.facts.get("n_top") or 0)
    n_features = int(measurements.facts.get("n_features") or 1)
    things = things_of(measurements)
    sentence = sentence.replace("columns", things.parts).replace(" a row", f" a {things.whole}")
    sentence = sentence.replace("shown row", f"shown {things.whole}")
    text = sentence.replace("{value}", _shown(estimate.value)).replace("{ends}", ends)
    text = text.replace("{n_top}", str(n_top)).replace("{n}", str(estimate.n))
    text = text.replace("{percent}", percent).replace("{chance}", f"{n_top / n_features:.0%}")
    # Names of columns come last: nothing in them is a place to fill.
    names = {**measurements.facts, "column": column}
    return re.sub(
        r"{(column|proxies|on_mixed_rows|on_real_rows)}",
        lambda found: str(names.get(found[1]) or "a column"),
        text,
    )


def _shown(value: float) -> str:
    return f"{value:.2g}" if abs(value) < 0.1 else f"{value:.2f}"
