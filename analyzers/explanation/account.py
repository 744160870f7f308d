"""How the explanations at hand were made, in sentences: explainer, rows, errors, versions."""

from analyzers.core.result import Measurements
from analyzers.explanation.things import things_of


def account_of(measurements: Measurements) -> tuple[str, ...]:
    """Say who explained what, against what, how exactly, and with which versions.

    Args:
        measurements: of this analyzer.

    Returns:
        Sentences from the most to the least important; words from data are as they are.
    """
    facts = measurements.facts
    things = things_of(measurements).wholes
    tried = facts.get("explainers_refused")
    what = (
        f"It explains the {facts.get('explained_output')} of {facts.get('n_explained'):,} "
        f"{things}; background: {facts.get('background')}."
    )
    return (
        f"Explainer: {facts.get('explainer')}. {facts.get('explainer_reason')}",
        what,
        *([f"What was tried before: {tried}."] if tried else []),
        _additivity(measurements, things),
        _sampling(measurements, things),
        *measurements.sampling,
        *([str(facts["asked"])] if facts.get("asked") else []),
        _versions(measurements),
    )


def _additivity(measurements: Measurements, things: str) -> str:
    error = measurements.estimates.get("additivity_error")
    if error is None or error.value is None:
        return "Whether base value and values add up to the model's answers was not measured."
    unit = "of the answers' range" if "share of their range" in error.method else "in probability"
    return (
        f"Base value and values add up to the model's own answers to within {error.value:.2g} "
        f"({unit}; the largest of n = {error.n:,} {things})."
    )


def _sampling(measurements: Measurements, things: str) -> str:
    error = measurements.estimates.get("sampling_error")
    if error is None or error.value is None:
        return "No value is sampled, so none has a sampling error."
    drawn = measurements.facts.get("sampling_method") or "random orders"
    scale = measurements.facts.get("scale")
    return (
        f"The values are sampled ({drawn}): the least certain value of a row is known to "
        f"± {error.value:.2g} (95 %, {scale}; median of n = {error.n:,} {things}). The chart of a "
        "row has the error of each of its values."
    )


def _versions(measurements: Measurements) -> str:
    facts = measurements.facts
    names = (("shap", "shap_version"), ("lime", "lime_version"))
    listed = ", ".join(f"{name} {facts[key]}" for name, key in names if facts.get(key))
    return f"Versions: {listed}; all others are listed under where this result comes from."
