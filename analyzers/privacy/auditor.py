"""What the auditor has, how strong that makes the attack, and the finding that says so."""

from typing import NamedTuple

import numpy as np

from analyzers.core.errors import UnsuitableSubject
from analyzers.core.finding import Finding, Judgement, Verdict
from analyzers.core.result import Estimate, Measurements
from analyzers.core.workbench import Workbench
from analyzers.privacy.evidence import Evidence
from analyzers.privacy.learned_shadows import NAME as LEARNED
from analyzers.privacy.learned_shadows import TITLE, learned_on_shadows
from analyzers.privacy.likelihood import shadow_signals
from analyzers.privacy.params import PrivacyParams
from analyzers.privacy.parts import Part
from analyzers.privacy.recipes import recipe_of
from analyzers.privacy.shadow_campaign import fit_campaign
from analyzers.privacy.shadows import compare
from analyzers.privacy.signals import Signal
from analyzers.privacy.wording import NOT_RUN, ends_in_points, finding_of, points

NAME = "shadow_held_out_difference"


class Auditor(NamedTuple):
    """The attacks that need more than the model's answers, and what is to be said of them."""

    signals: list[Signal]
    part: Part


def refit_attacks(
    bench: Workbench, evidence: Evidence, params: PrivacyParams, rng: np.random.Generator
) -> Auditor:
    """Fit shadow models where they are asked for and possible, else say why there are none."""
    asked = params.n_shadow_models
    facts: dict[str, str | int | float | bool | None] = {
        "auditor_grade": 1, "auditor": "model outputs on members and non-members; no refitting",
        "shadow_models": 0, "shadow_doubt": "", "shadow_obstacle": "", "can_be_fitted_anew": False,
        "recipe": "",
    }  # fmt: skip
    try:
        recipe = recipe_of(bench.model, params, evidence.members)
        facts |= {"can_be_fitted_anew": True, "recipe": recipe.name}
        if not asked:
            facts["shadow_obstacle"] = "No shadow models were asked for."
            return Auditor([], Part({}, facts, {}))
        shadows = compare(evidence, fit_campaign(bench, evidence, recipe, asked, rng))
    except UnsuitableSubject as refusal:
        notes = (f"No shadow models were fitted. {refusal.message}",) if asked else ()
        facts["shadow_obstacle"] = refusal.message
        return Auditor([], Part({}, facts, {}, notes))
    facts |= {
        "auditor_grade": 2,
        "auditor": f"model outputs and {asked} shadow models of the same recipe ({recipe.name})",
        "shadow_models": asked,
        "shadow_doubt": shadows.doubt,
    }
    part = Part({NAME: shadows.held_out_difference}, facts, {"shadow_models": shadows.models})
    n_members = len(evidence.members)
    signals = shadow_signals(shadows, n_members)
    if params.learned:
        # A stream of its own: the campaign's is not drawn from where it was kept.
        (learn_rng,) = rng.spawn(1)
        values = learned_on_shadows(shadows, evidence.labels.astype(np.int64), learn_rng)
        if values is not None:
            signals.append(Signal(LEARNED, TITLE, values[:n_members], values[n_members:]))
    return Auditor(signals, part)


def judge_auditor(measurements: Measurements) -> list[Finding]:
    """Say which auditor the numbers come from; never a verdict on the model."""
    facts = measurements.facts
    obstacle = str(facts.get("shadow_obstacle") or NOT_RUN)
    estimate = measurements.estimates.get(NAME, Estimate.unmeasured(obstacle))
    reference = "Carlini et al. 2022; Zarifzadeh, Liu and Shokri 2024"
    if estimate.value is None:
        remedy = (
            "Run again with shadow models: 16 for a finding, 64 for a report. Each takes as long "
            "as training did, and perceptrons trained together far less."
            if facts.get("can_be_fitted_anew")
            else "Give the fitted scikit-learn estimator or pipeline, whose settings are its "
            "recipe, or run again with a stand-in, which is weaker and is called one."
        )
        return [
            finding_of(
                NAME, estimate, Judgement(Verdict.NOT_TESTED, estimate.reason), None,
                "The attacks use the model's answers only; an attacker with models of the same "
                "recipe finds more.",
                remedy, reference,
            )
        ]  # fmt: skip
    doubt = str(facts.get("shadow_doubt") or "")
    reason = doubt or "It says how strong the attacker was and not how safe the model is."
    headline = (
        f"{facts.get('shadow_models')} shadow models of the same recipe are right on rows they "
        f"have not seen {points(abs(estimate.value))} percentage points "
        f"{'more' if estimate.value >= 0 else 'less'} often than this model (95 % interval of the "
        f"difference {ends_in_points(estimate)}; n = {estimate.n:,} models): "
        + ("the attack with them is weaker than it could be." if doubt else "they are alike.")
    )
    return [
        finding_of(
            NAME, estimate, Judgement(Verdict.INCONCLUSIVE, reason), None, headline,
            "Where they are not alike, give the training table whole and the model as it was "
            "fitted; the false accusations are counted rightly all the same.",
            reference,
        )
    ]  # fmt: skip
