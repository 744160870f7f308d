"""Explain a model of pictures: which cells of a picture moved the answer."""

from dataclasses import replace
from functools import partial
from importlib.metadata import version

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analyzers.anatomy.refusal import DoesNotFit
from analyzers.core.model import Capability, DifferentiableModel
from analyzers.core.result import Estimate, Fact, Measurements
from analyzers.core.workbench import Workbench
from analyzers.explanation.agreement import top_of
from analyzers.explanation.attribution import Target, target_of
from analyzers.explanation.faithfulness import (
    DEEPEST,
    Faithfulness,
    faithfulness_estimates,
    faithfulness_of,
    faithfulness_table,
    orders_of,
)
from analyzers.explanation.owen import owen_of_picture
from analyzers.explanation.params import ExplanationParams
from analyzers.explanation.picture_charts import PICTURES_SHOWN
from analyzers.explanation.picture_lime import lime_of_pictures, picture_lime_estimates
from analyzers.explanation.picture_values import (
    Ask,
    Pictures,
    heat_by_gradients,
    heat_by_patches,
    join_heats,
    names_of,
    outputs_of_each,
    patches_of,
    sum_by_patch,
)
from analyzers.explanation.records import agreement_table, explained_rows
from analyzers.explanation.selection import choose_class, choose_rows, choose_shown
from analyzers.explanation.tables import TABLES
from analyzers.explanation.telling_rows import representative_lines
from analyzers.toolkit.sampling import sampling_note

MOST_GRADIENT_PICTURES = 100
MOST_MASKED_PICTURES = 20
MOST_BACKGROUND = 10
MOST_CELLS_ACROSS = 64
# Of all pictures that a page can show one by one.
_MOST_CELLS = 100_000


def measure_pictures(bench: Workbench, params: ExplanationParams) -> Measurements:
    """Explain pictures."""
    model = bench.need_model()
    choosing, masking, local, deleting = bench.rng.spawn(4)
    # Pictures of many classes have little in common: each is explained for what the model reads
    # in it, unless a class is asked for.
    is_own = bench.subject.task == "multiclass" and not params.output_class
    class_index = None if is_own else choose_class(bench, params)
    target = target_of(model, class_index)
    chosen = choose_rows(bench, params, min(params.rows, MOST_GRADIENT_PICTURES), choosing)
    images = bench.data.images
    background = chosen.background.images
    assert images is not None  # noqa: S101  this function takes pictures only
    assert background is not None  # noqa: S101  as above

    def targets_of(places: NDArray[np.int64]) -> list[Target]:
        if not is_own:
            return [target] * len(places)
        codes = bench.need_predictions().predicted[places].astype(np.int64)
        return [replace(target, class_index=int(code)) for code in codes]

    positions, refused = chosen.positions[:MOST_GRADIENT_PICTURES], ""
    try:
        if params.method == "model-agnostic":
            raise DoesNotFit("you asked for the model-agnostic one")
        if Capability.GRADIENT not in model.capabilities or not isinstance(
            model, DifferentiableModel
        ):
            raise DoesNotFit("the model gives no gradients")
        targets = targets_of(positions)
        heat = join_heats(
            targets,
            lambda members, one: heat_by_gradients(
                model, images[positions[members]], background[:MOST_BACKGROUND], one, bench.track
            ),
        )
    except DoesNotFit as reason:
        refused = str(reason)
        positions = positions[: min(params.sampled_rows, MOST_MASKED_PICTURES)]
        mean, targets = background.mean(axis=0), targets_of(positions)
        heat = join_heats(
            targets,
            lambda members, one: heat_by_patches(
                partial(one.outputs, model), images[positions[members]], mean, masking, bench.track
            ),
        )
    pictures = images[positions]

    def ask_of(place: int) -> Ask:
        return partial(targets[place].outputs, model)

    def ask_all(asked: Pictures) -> NDArray[np.float64]:
        """Ask about as many pictures as there are, each about its own class."""
        return outputs_of_each(model, targets, asked)

    outputs = ask_all(pictures)
    shown = choose_shown(bench.need_predictions(), positions, params.row, outputs, class_index)
    patches = patches_of(pictures.shape[1], pictures.shape[2])
    sums = sum_by_patch(heat.values, patches)
    hidden = background.mean(axis=0)
    lime = lime_of_pictures(
        ask_of, pictures, sums, shown.place, hidden, patches,
        n_samples=params.lime_samples, rng=local, track=bench.track,
    )  # fmt: skip
    owen = owen_of_picture(ask_of(shown.place), pictures[shown.place], hidden)
    faithfulness = _hide(ask_all, pictures, sums, patches, hidden, deleting)
    estimates = {
        "additivity_error": Estimate(
            value=float(np.abs(heat.bases + heat.values.sum(axis=(1, 2)) - outputs).max()),
            n=len(pictures),
            method="largest |base + values - model's own answer|, probability",
        ),
        "base_value": Estimate(
            value=float(heat.bases.mean()),
            n=heat.n_background,
            method=f"{target.scale}, mean over the pictures" if is_own else target.scale,
        ),
    } | picture_lime_estimates(lime, sums[shown.place], sum_by_patch(owen[None], patches)[0])
    estimates |= faithfulness_estimates(faithfulness)
    if heat.error is not None:
        estimates["sampling_error"] = Estimate(
            value=heat.error, n=len(pictures), method="median 95 % half-width"
        )
    rows = bench.data.rows[positions]
    representatives = representative_lines(
        bench, positions[lime.places], outputs[lime.places], lime.weights, names_of(patches)
    )
    read_first = [int(line["row"]) for line in representatives]
    telling = [shown.place, *[at for at in lime.places[1:] if rows[at] in read_first]]
    tables = {
        "explained_rows": explained_rows(
            bench, positions, heat.bases + heat.values.sum(axis=(1, 2)), heat.bases, shown.place,
        ),
        "cells": _cells(rows, pictures, heat.values, telling, lime.shown[patches], owen),
        "agreement": agreement_table(rows[lime.places], lime.agreement, lime.r_squared),
        "telling_rows": pa.Table.from_pylist(representatives, schema=TABLES["telling_rows"]),
        "deletion": faithfulness_table(faithfulness),
    }  # fmt: skip
    explained, named = "the value", None
    if is_own:
        scale = targets[0].scale
        explained, named = f"{scale} of the answer the model gives", "each picture's own answer"
    elif class_index is not None:
        named = bench.subject.classes[class_index]
        explained = f"{target.scale} of {bench.subject.classes[class_index]!r}"
    facts: dict[str, Fact] = {
        "modality": "image",
        "explainer": heat.explainer,
        "explainer_reason": heat.why,
        "explainers_refused": refused,
        "explained_output": explained,
        "asked_output": explained,
        "scale": targets[0].scale,
        "class": named,
        "n_explained": len(pictures),
        "background": f"{heat.n_background} pictures of the {chosen.source}",
        "n_background": heat.n_background,
        "shown_row": int(rows[shown.place]),
        "shown_row_reason": shown.why,
        "n_features": int(patches.max()) + 1,
        "n_top": top_of(int(patches.max()) + 1),
        "shap_version": version("shap"),
        "lime_version": version("lime"),
    }
    notes = (
        sampling_note(
            len(pictures), len(bench.data), "Explained pictures", strata=("predictions",)
        ),
        sampling_note(len(lime.places), len(pictures), "Pictures explained with LIME too"),
        *chosen.notes[:1],
    )
    return Measurements(
        estimates=estimates, facts=facts, tables=tables, sampling=tuple(filter(None, notes))
    )


def _hide(
    ask: Ask,
    pictures: Pictures,
    sums: NDArray[np.float64],
    patches: NDArray[np.int64],
    mean: Pictures,
    rng: np.random.Generator,
) -> Faithfulness:
    """Hide the patches named first behind the mean picture, and all but those."""
    own = ask(pictures)
    n_steps = min(DEEPEST, sums.shape[1])
    tests: tuple[list[NDArray[np.float64]], list[NDArray[np.float64]]] = ([], [])
    for rank in orders_of(sums, rng):
        far = np.empty((2, len(pictures), n_steps))
        for step in range(n_steps):
            is_early = (rank <= step)[:, patches][..., None]
            for test, is_hidden in enumerate((is_early, ~is_early)):
                far[test, :, step] = np.abs(ask(np.where(is_hidden, mean, pictures)) - own)
        for found, distances in zip(tests, far, strict=True):
            found.append(distances)
    return faithfulness_of(*tests)


def _cells(
    rows: NDArray[np.int64],
    pictures: Pictures,
    values: NDArray[np.float64],
    places: list[int],
    lime: NDArray[np.float64],
    owen: NDArray[np.float64],
) -> pa.Table:
    """Pictures cell by cell, the first of `places` with LIME and Owen values of its pixels."""
    rest = [at for at in range(len(rows)) if at not in places]
    height, width = values.shape[1:]
    size = -(-max(height, width) // MOST_CELLS_ACROSS)
    parts = []
    n_kept = max(PICTURES_SHOWN, _MOST_CELLS // -(-height // size) // -(-width // size))
    for at in [*places, *rest][:n_kept]:
        grey = pictures[at].mean(axis=2)
        heat = _pool(values[at], size)
        brightness = _pool(grey, size) / _pool(np.ones_like(grey), size)
        down, across = np.indices(heat.shape)
        nothing = pa.nulls(heat.size, pa.float64())
        is_first = at == places[0]
        parts.append(
            pa.table(
                {
                    "row": np.full(heat.size, rows[at]),
                    "down": down.ravel(),
                    "across": across.ravel(),
                    "brightness": brightness.ravel(),
                    "phi": heat.ravel(),
                    "lime": lime[::size, ::size].ravel() if is_first else nothing,
                    "owen": _pool(owen, size).ravel() if is_first else nothing,
                },
                schema=TABLES["cells"],
            )
        )
    return pa.concat_tables(parts).combine_chunks()


def _pool(values: NDArray[np.floating], size: int) -> NDArray[np.float64]:
    """Add up squares of `size` pixels."""
    if size == 1:
        return np.asarray(values, dtype=np.float64)
    down = np.add.reduceat(values.astype(np.float64), np.arange(0, values.shape[0], size), axis=0)
    pooled: NDArray[np.float64] = np.add.reduceat(down, np.arange(0, values.shape[1], size), axis=1)
    return pooled
