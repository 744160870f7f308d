"""Explain a model of tables: SHAP, LIME of the same rows, their agreement, and tests of both."""

from dataclasses import replace
from importlib.metadata import version
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from analyzers.anatomy.compiled import compile_for
from analyzers.core.dataset import Dataset
from analyzers.core.errors import UnsuitableSubject
from analyzers.core.result import Estimate, Fact, Measurements
from analyzers.core.workbench import Workbench
from analyzers.explanation.agreement import (
    Agreement,
    compare,
    mean_known,
    stability_estimate,
    top_of,
)
from analyzers.explanation.attribution import Target, target_of
from analyzers.explanation.changing import Start, change_row
from analyzers.explanation.choice import explain_rows
from analyzers.explanation.constraints import constraints_of
from analyzers.explanation.cross_check import ROWS_CHECKED
from analyzers.explanation.editing import fields_table, row_values_table
from analyzers.explanation.effects import measure_effects
from analyzers.explanation.faithfulness import (
    Faithfulness,
    faithfulness_estimates,
    faithfulness_table,
    replace_columns,
)
from analyzers.explanation.local import LocalWeights, package_lime, shared_lime
from analyzers.explanation.off_manifold import off_manifold_gap
from analyzers.explanation.overall import measure_overall
from analyzers.explanation.params import ExplanationParams
from analyzers.explanation.records import (
    Scene,
    agreement_table,
    beeswarm_table,
    explained_rows_table,
    importance_table,
    lime_table,
    values_table,
)
from analyzers.explanation.selection import choose_class, choose_rows, choose_shown
from analyzers.explanation.sensitive_columns import measure_sensitive
from analyzers.explanation.telling_rows import telling_rows_table
from analyzers.explanation.trust import (
    ROWS_MOVED,
    join_rows,
    moved_rows,
    noise_stability,
    width_sensitivity,
)
from analyzers.toolkit.feasible import FeasibleSpace, space_of
from analyzers.toolkit.intervals import mean_estimate
from analyzers.toolkit.sampling import sampling_note

MOST_COMPARED = 200
LEAST_COMPARED = 30
# Multiplications of LIME's regressions over all rows compared: about ten seconds on one core.
_MOST_REGRESSION_WORK = 2e10
LIME_RUNS = 5


def measure_tabular(bench: Workbench, params: ExplanationParams) -> Measurements:
    """Explain the rows of a table."""
    subject = bench.subject
    if not subject.features:
        raise UnsuitableSubject(
            "Expected at least one column the model sees, got none.",
            remedy="Mark the model's columns as features.",
        )
    choosing, explaining, local, deleting, resampling, trusting, overall = bench.rng.spawn(7)
    copy = compile_for(bench)
    model, bench = copy.model, replace(bench, model=copy.model)
    class_index = choose_class(bench, params)
    target = target_of(model, class_index)
    chosen = choose_rows(bench, params, params.rows, choosing)
    explained = explain_rows(
        model,
        bench.data.take(chosen.positions),
        chosen.background,
        target,
        most_sampled=params.sampled_rows,
        method=params.method,
        rng=explaining,
        track=bench.track,
    )
    positions = chosen.positions[: explained.n_rows]
    frame = bench.data.take(positions).inputs
    assert isinstance(frame, pd.DataFrame)  # noqa: S101  this function takes tables only
    outputs = target.outputs(model, frame)
    scene = Scene(
        frame=frame,
        positions=positions,
        attribution=explained.attribution,
        outputs=outputs,
        order=np.argsort(-np.abs(explained.attribution.values).mean(axis=0), kind="stable"),
        shown=choose_shown(bench.need_predictions(), positions, params.row, outputs, class_index),
    )

    def ask(asked: pd.DataFrame) -> NDArray[np.float64]:
        return target.outputs(model, asked)

    reference, background = chosen.reference.inputs, chosen.background.inputs
    assert isinstance(reference, pd.DataFrame)  # noqa: S101  as above
    assert isinstance(background, pd.DataFrame)  # noqa: S101  as above
    compared = frame.iloc[: _most_compared(frame.shape[1], params.lime_samples)]
    for_all, for_one = local.spawn(2)
    seeds = for_one.integers(0, 2**31, LIME_RUNS)
    # Hundreds of small regressions: on a busy machine threads wait for each other far longer than
    # one of them computes.
    with threadpool_limits(1, user_api="blas"):
        lime_all = shared_lime(ask, compared, reference, params.lime_samples, for_all)
        lime_one = package_lime(
            ask,
            frame.iloc[[scene.shown.place]],
            reference,
            params.lime_samples,
            seeds,
            track=bench.track,
        )
    agreement = compare(scene.attribution.values[: len(compared)], lime_all.weights)
    faithfulness = replace_columns(
        ask,
        compared,
        scene.attribution.values[: len(compared)],
        background,
        rng=deleting,
        track=bench.track,
    )
    sensitive = measure_sensitive(bench, scene, resampling)
    estimates = sensitive.estimates | _estimates(
        scene, target, lime_all, lime_one, agreement, faithfulness
    )
    tables = {
        "importance": importance_table(scene),
        "explained_rows": explained_rows_table(bench, scene),
        "values": values_table(bench, scene),
        "beeswarm": beeswarm_table(bench, scene, most=params.swarm_points),
        "lime": lime_table(bench, scene, lime_one, lime_all),
        "agreement": agreement_table(
            bench.data.rows[positions[: len(compared)]], agreement, lime_all.r_squared
        ),
        "proxies": sensitive.table,
    }
    data = bench.data.inputs
    assert isinstance(data, pd.DataFrame)  # noqa: S101  as above
    space = space_of(subject.features, data, frozen=params.fixed_columns)
    effects = measure_effects(
        ask,
        frame,
        bench.data.rows[positions],
        scene.order,
        scene.shown.place,
        track=bench.track,
    )
    tables["effects"], tables["ice"] = effects.effects, effects.ice
    together = measure_overall(
        bench, params, target, scene, chosen.background, chosen.positions, overall
    )
    tables |= together.tables
    tests, traded = _tests(
        bench, params, target, _Rows(positions, compared, reference, chosen.background), space,
        trusting,
    )  # fmt: skip
    estimates |= tests
    changed = change_row(
        model,
        target,
        space,
        reference,
        Start(
            frame.iloc[[scene.shown.place]],
            int(bench.data.rows[positions[scene.shown.place]]),
            float(np.median(outputs)),
        ),
        scene.order,
        asked=subject.target or "the prediction",
        classes=subject.classes,
        constraints=constraints_of(params.rising_columns, params.falling_columns),
        track=bench.track,
    )
    tables["counterfactuals"] = changed.table
    tables["telling_rows"] = telling_rows_table(bench, scene, lime_all.weights, space)
    tables["fields"] = fields_table(data, space)
    tables["row_values"] = row_values_table(bench, positions, frame, scene.shown.place)
    if frame.shape[1] > 1:
        tables["deletion"] = faithfulness_table(faithfulness)
    strata = ("the model's predictions",)
    notes = (
        sampling_note(len(positions), len(bench.data), "Explained rows", strata=strata),
        *chosen.notes,
        *together.notes,
        sampling_note(
            len(compared),
            len(frame),
            "Rows compared with LIME and tested by replacing",
        ),
        sampling_note(effects.n_rows, len(frame), "Rows given other values of a column"),
        sensitive.note,
    )
    return Measurements(
        estimates=estimates,
        facts=_facts(bench, scene, target, explained.refused, chosen.source)
        | together.facts
        | {
            "counterfactual_search": changed.words,
            "counterfactual_goal": changed.goal,
            "proxies": sensitive.proxies,
            "asked": copy.words,
        }
        | traded,
        tables=tables,
        sampling=tuple(filter(None, notes)),
    )


class _Rows(NamedTuple):
    """The rows at work: explained positions, compared rows, reference and background."""

    positions: NDArray[np.int64]
    compared: pd.DataFrame
    reference: pd.DataFrame
    background: Dataset


def _tests(
    bench: Workbench,
    params: ExplanationParams,
    target: Target,
    rows: _Rows,
    space: FeasibleSpace,
    rng: np.random.Generator,
) -> tuple[dict[str, Estimate], dict[str, Fact]]:
    """Hold the explanation against noise, LIME's width and behaviour off the data."""
    model = bench.need_model()
    moving, again, beside, widths = rng.spawn(4)

    def ask(asked: pd.DataFrame) -> NDArray[np.float64]:
        return target.outputs(model, asked)

    trade = off_manifold_gap(ask, rows.reference, beside)
    traded: dict[str, Fact] = {"on_mixed_rows": trade.on_mixed, "on_real_rows": trade.on_real}
    found = {"off_manifold_gap": trade.gap}
    if rows.compared.shape[1] < 2:
        alone = Estimate.unmeasured("With one column there is nothing to rank.")
        return found | {"noise_stability": alone, "lime_width_stability": alone}, traded
    few = bench.data.take(rows.positions[:ROWS_MOVED])
    both = explain_rows(
        model,
        join_rows(few, moved_rows(few, space, moving)),
        rows.background,
        target,
        most_sampled=2 * len(few),
        method=params.method,
        rng=again,
        track=bench.track,
    )
    found["noise_stability"] = (
        noise_stability(both.attribution.values)
        if both.n_rows == 2 * len(few)
        else Estimate.unmeasured("Explaining rows twice would ask the model too often.")
    )
    with threadpool_limits(1, user_api="blas"):
        found["lime_width_stability"] = width_sensitivity(
            ask, rows.compared, rows.reference, params.lime_samples, int(widths.integers(2**31))
        )
    return found, traded


def _most_compared(n_features: int, n_samples: int) -> int:
    """How many rows to compare with LIME: its regressions grow with the square of the columns."""
    affordable = int(_MOST_REGRESSION_WORK / (n_samples * n_features**2))
    return min(MOST_COMPARED, max(LEAST_COMPARED, affordable))


def _facts(
    bench: Workbench,
    scene: Scene,
    target: Target,
    refused: tuple[str, ...],
    source: str,
) -> dict[str, Fact]:
    attribution, subject = scene.attribution, bench.subject
    class_index = target.class_index
    explained = asked = subject.target or "the prediction"
    if class_index is not None:
        explained, asked = (
            f"{scale} of {subject.classes[class_index]!r}"
            for scale in (attribution.scale, target.scale)
        )
    background = f"{attribution.n_background} rows of the {source}"
    if not attribution.n_background:
        background = "none: the trees' own counts of training rows stand for unknown values"
    return {
        "modality": "tabular",
        "explainer": attribution.explainer,
        "explainer_reason": attribution.why,
        "explainers_refused": "; ".join(refused),
        "explained_output": explained,
        "asked_output": asked,
        "scale": attribution.scale,
        "class": None if class_index is None else subject.classes[class_index],
        "n_explained": len(scene.positions),
        "background": background,
        "n_background": attribution.n_background,
        "sampling_method": attribution.draws
        or "nothing is sampled: the values are exact for their background",
        "shown_row": int(bench.data.rows[scene.positions[scene.shown.place]]),
        "shown_row_reason": scene.shown.why,
        "n_features": scene.frame.shape[1],
        "n_top": top_of(scene.frame.shape[1]),
        "shap_version": version("shap"),
        "lime_version": version("lime"),
    }


def _estimates(
    scene: Scene,
    target: Target,
    lime_all: LocalWeights,
    lime_one: LocalWeights,
    agreement: Agreement,
    faithfulness: Faithfulness,
) -> dict[str, Estimate]:
    attribution = scene.attribution
    n, n_features = attribution.values.shape
    spread = float(np.ptp(scene.outputs)) if target.scale == "value" else 1.0
    gap = float(np.max(np.abs(attribution.rebuilt - scene.outputs)))
    alone = "With one column there is nothing to rank."
    estimates = {
        "additivity_error": Estimate(
            value=gap / (spread or 1.0),
            n=n,
            method="largest |base + values - model's own answer|"
            + (", as a share of their range" if target.scale == "value" else ", probability"),
        ),
        "base_value": Estimate(
            value=attribution.base, n=attribution.n_background or n, method=attribution.scale
        ),
        "lime_r_squared": mean_known(lime_all.r_squared, "The model answers the same everywhere."),
        "lime_r_squared_shown": mean_known(
            lime_one.r_squared, "The model answers the same everywhere."
        ).model_copy(update={"low": None, "high": None, "method": f"mean of {LIME_RUNS} runs"}),
        "lime_stability": stability_estimate(lime_one.weights, alone),
        "shap_lime_correlation": mean_known(agreement.spearman, alone),
        "shap_lime_overlap": mean_estimate(agreement.overlap),
    }  # fmt: skip
    if n_features > 1:
        estimates |= faithfulness_estimates(faithfulness)
    else:
        same = Estimate.unmeasured("With one column every order is the same.")
        estimates |= {"faithfulness_gain": same, "insertion_gain": same}
    difference = attribution.from_shap() if attribution.from_shap else None
    if difference is not None:
        estimates["difference_from_shap"] = Estimate(
            value=difference,
            n=min(n, ROWS_CHECKED),
            method="largest difference of a value from shap.TreeExplainer",
        )
    if attribution.errors is not None:
        estimates["sampling_error"] = Estimate(
            value=float(1.96 * np.median(attribution.errors.max(axis=1))),
            n=len(attribution.errors),
            method="median over rows of the 95 % half-width of the row's least certain value",
        )
    return estimates
