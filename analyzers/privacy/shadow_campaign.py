"""Shadow models as a question of their own, so that other choices do not fit them again.

Question: what do models of the same recipe, fitted on other parts of the rows, say of every row?
Method: the recipe is fitted on random parts of members and non-members together, balanced so that
every row is with and without equally many models; each is asked about every row.
Limits: the answers belong to the recipe, the rows and the seed; another of these fits them anew.
"""

import numpy as np

from analyzers.core.analyzer import Analyzer, Groundwork, Needs, no_charts, no_findings
from analyzers.core.errors import UnsuitableSubject
from analyzers.core.result import Measurements
from analyzers.core.subject import Subject
from analyzers.core.workbench import Workbench
from analyzers.privacy.campaign import PART_SCHEMA, Trained, from_table, make_plan, to_table, train
from analyzers.privacy.evidence import Evidence, gather
from analyzers.privacy.params import PrivacyParams, RefitParams
from analyzers.privacy.recipes import recipe_of
from analyzers.privacy.refitting import Recipe
from analyzers.privacy.shadows import pool_of


def shadow_groundwork(subject: Subject, params: PrivacyParams) -> tuple[Groundwork, ...]:
    """Name the shadow models that the privacy analysis builds on; none where none are asked for."""
    if not params.n_shadow_models or subject.files.model is None:
        return ()
    chosen = {name: getattr(params, name) for name in RefitParams.model_fields}
    return (Groundwork(SHADOWS, RefitParams(**chosen)),)


def fit_campaign(
    bench: Workbench, evidence: Evidence, recipe: Recipe, n_models: int, rng: np.random.Generator
) -> Trained:
    """Fit the shadow models, or take those that were fitted before.

    Args:
        bench: holds the model and what was fitted before.
        evidence: members and non-members.
        recipe: how the model was trained.
        n_models: how many.
        rng: draws the parts and one seed for each model, before any is fitted.

    Raises:
        UnsuitableSubject: the training cannot be repeated.
    """
    kept = bench.groundwork.get(SHADOWS.name)
    if kept is not None and "trained" in kept.tables:
        return from_table(kept.tables["trained"])
    pool = pool_of(bench.need_model(), evidence)
    share = len(evidence.members) / len(pool.codes)
    plan = make_plan(len(pool.codes), n_models, share, rng)
    return train(recipe, pool, plan, track=bench.track)


def measure(bench: Workbench, params: RefitParams) -> Measurements:
    """Fit the shadow models; say why where that is not possible."""
    training = bench.need_training_data()
    if bench.training_predictions is None or not params.n_shadow_models:
        return Measurements()
    evidence = gather(training, bench.training_predictions, bench.data, bench.need_predictions())
    (rng,) = bench.rng.spawn(1)
    try:
        recipe = recipe_of(bench.model, params, evidence.members)
        trained = fit_campaign(bench, evidence, recipe, params.n_shadow_models, rng)
    except UnsuitableSubject as refusal:
        return Measurements(facts={"obstacle": refusal.message})
    return Measurements(tables={"trained": to_table(trained)})


SHADOWS: Analyzer[RefitParams] = Analyzer(
    name="shadow_models",
    version=1,
    title="Shadow models",
    question="What do models of the same recipe say of every row?",
    about=__doc__,
    params=RefitParams,
    needs=Needs(predictions=True, labels=True, training_data="required", model="optional"),
    tables={"trained": PART_SCHEMA},
    measure=measure,
    judge=no_findings,
    draw=no_charts,
)
