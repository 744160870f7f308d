"""Explain a model of pictures: which cells of a picture moved the answer."""

import contextlib
import io
from collections.abc import Callable
from importlib.metadata import version
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analyzers.core.model import Capability, DifferentiableModel
from analyzers.core.result import Estimate, Fact, Measurements
from analyzers.core.workbench import Tracker, Workbench
from analyzers.explanation.agreement import compare, top_of
from analyzers.explanation.attribution import CannotExplain, Target, target_of
from analyzers.explanation.coalitions import gains_of, walks
from analyzers.explanation.gradients import integrate_gradients
from analyzers.explanation.params import ExplanationParams
from analyzers.explanation.records import explained_rows
from analyzers.explanation.selection import choose_class, choose_rows, choose_shown
from analyzers.explanation.tables import TABLES
from analyzers.toolkit.intervals import mean_estimate
from analyzers.toolkit.sampling import sampling_note

MOST_GRADIENT_PICTURES = 100
MOST_MASKED_PICTURES = 20
MOST_BACKGROUND = 10
PICTURES_SHOWN = 4
MOST_CELLS_ACROSS = 64
PATCHES_ACROSS = 8
LIME_RUNS = 3
_MOST_LIME_SAMPLES = 1000
_PAIRS = 32
_RANDOM_ORDERS = 3
_DEEPEST = 8

Ask = Callable[[NDArray[np.float32]], NDArray[np.float64]]
Pictures = NDArray[np.float32]


class Heat(NamedTuple):
    """SHAP values of pictures.

    Attributes:
        values: `(n_pictures, height, width)`.
        base: the answer to the background.
        explainer: its name.
        why: why this one.
        n_background: pictures that stand for the unknown.
        error: median 95 % half-width of a picture's least certain value; None where exact.
    """

    values: NDArray[np.float64]
    base: float
    explainer: str
    why: str
    n_background: int
    error: float | None


def measure_pictures(bench: Workbench, params: ExplanationParams) -> Measurements:
    """Explain pictures."""
    model = bench.need_model()
    choosing, masking, local, deleting = bench.rng.spawn(4)
    class_index = choose_class(bench, params)
    target = target_of(model, class_index)
    chosen = choose_rows(bench, params, min(params.rows, MOST_GRADIENT_PICTURES), choosing)
    images = bench.data.images
    background = chosen.background.images
    assert images is not None  # noqa: S101  this function takes pictures only
    assert background is not None  # noqa: S101  as above

    def ask(asked: Pictures) -> NDArray[np.float64]:
        return target.outputs(model, asked)

    positions, refused = chosen.positions[:MOST_GRADIENT_PICTURES], ""
    try:
        if params.method == "model-agnostic":
            raise CannotExplain("you asked for the model-agnostic one")
        if Capability.GRADIENT not in model.capabilities or not isinstance(
            model, DifferentiableModel
        ):
            raise CannotExplain("the model gives no gradients")
        heat = _by_gradients(
            model, images[positions], background[:MOST_BACKGROUND], target, bench.track
        )
    except CannotExplain as reason:
        refused = str(reason)
        positions = positions[: min(params.sampled_rows, MOST_MASKED_PICTURES)]
        mean = background.mean(axis=0)
        heat = _by_patches(ask, images[positions], mean, masking, bench.track)
    pictures = images[positions]
    outputs = ask(pictures)
    shown = choose_shown(bench.need_predictions(), positions, params.row, outputs, class_index)
    patches = patches_of(pictures.shape[1], pictures.shape[2])
    sums = _by_patch(heat.values, patches)
    seeds = [int(seed) for seed in local.integers(0, 2**31, LIME_RUNS)]
    hidden = background.mean(axis=0)
    n_samples = min(params.lime_samples, _MOST_LIME_SAMPLES)
    runs = [
        _lime(ask, pictures[shown.place], hidden, patches, n_samples, seed)
        for seed in bench.track(seeds, "Running LIME on the shown picture", total=LIME_RUNS)
    ]
    lime = np.mean([run.weights for run in runs], axis=0)
    deletion = _delete(ask, pictures, sums, patches, hidden, deleting)
    agreement = compare(sums[[shown.place]], lime[None])
    stability = np.array(
        [
            compare(runs[a].weights[None], runs[b].weights[None]).spearman[0]
            for a in range(LIME_RUNS)
            for b in range(a + 1, LIME_RUNS)
        ]
    )
    flat = "The model answers the same whatever is hidden."
    estimates = {
        "additivity_error": Estimate(
            value=float(np.abs(heat.base + heat.values.sum(axis=(1, 2)) - outputs).max()),
            n=len(pictures),
            method="largest |base + values - model's own answer|, probability",
        ),
        "base_value": Estimate(value=heat.base, n=heat.n_background, method=target.scale),
        "shap_lime_correlation": Estimate.unmeasured(flat)
        if np.isnan(agreement.spearman[0])
        else Estimate(
            value=float(agreement.spearman[0]), n=int(patches.max()) + 1,
            method="Spearman correlation over the patches of the shown picture",
        ),
        "lime_r_squared": Estimate(
            value=float(np.mean([run.r_squared for run in runs])), n=LIME_RUNS,
            method=f"shown picture, mean of {LIME_RUNS} runs",
        ),
        "lime_stability": Estimate.unmeasured(flat)
        if np.isnan(stability).all()
        else Estimate(
            value=float(np.nanmean(stability)), n=LIME_RUNS, method="mean Spearman correlation"
        ),
        "faithfulness_gain": mean_estimate((deletion[0] - deletion[1]).mean(axis=1)),
    }  # fmt: skip
    if heat.error is not None:
        estimates["sampling_error"] = Estimate(
            value=heat.error, n=len(pictures), method="median 95 % half-width"
        )
    rows = bench.data.rows[positions]
    tables = {
        "explained_rows": explained_rows(
            bench, positions, heat.base + heat.values.sum(axis=(1, 2)),
            np.full(len(positions), heat.base), shown.place,
        ),
        "cells": _cells(rows, pictures, heat.values, shown.place, lime, patches),
        "deletion": _deletion_table(deletion),
    }  # fmt: skip
    explained = "the value"
    if class_index is not None:
        explained = f"{target.scale} of {bench.subject.classes[class_index]!r}"
    facts: dict[str, Fact] = {
        "modality": "image",
        "explainer": heat.explainer,
        "explainer_reason": heat.why,
        "explainers_refused": refused,
        "explained_output": explained,
        "scale": target.scale,
        "class": None if class_index is None else bench.subject.classes[class_index],
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
        *chosen.notes[:1],
    )
    return Measurements(
        estimates=estimates, facts=facts, tables=tables, sampling=tuple(filter(None, notes))
    )


def patches_of(height: int, width: int) -> NDArray[np.int64]:
    """Number the squares of a grid, at most eight by eight: `(height, width)` from 0."""
    down = np.minimum(PATCHES_ACROSS, height)
    across = np.minimum(PATCHES_ACROSS, width)
    rows = np.arange(height) * down // height
    columns = np.arange(width) * across // width
    numbers: NDArray[np.int64] = rows[:, None] * across + columns[None, :]
    return numbers


def _by_gradients(
    model: DifferentiableModel,
    pictures: Pictures,
    background: Pictures,
    target: Target,
    track: Tracker,
) -> Heat:
    values, base = integrate_gradients(model, pictures, background, target.class_index, track)
    n, height, width, channels = pictures.shape
    if values.shape == (n, channels, height, width):
        values = values.sum(axis=1)
    elif values.shape == (n, height, width, channels):
        values = values.sum(axis=3)
    else:
        raise CannotExplain("the module's input does not match the pictures pixel by pixel")
    return Heat(
        values, base,
        "integrated gradients from several background pictures (expected gradients)",
        "The model is a differentiable network: gradients reach every pixel.",
        len(background), None,
    )  # fmt: skip


def _by_patches(
    ask: Ask, pictures: Pictures, mean: Pictures, rng: np.random.Generator, track: Tracker
) -> Heat:
    patches = patches_of(*pictures.shape[1:3])
    n_patches = int(patches.max()) + 1
    orders = np.argsort(rng.random((_PAIRS, n_patches)), axis=1)
    keeps = walks(orders)
    base = float(ask(mean[None])[0])
    values, errors = np.empty(pictures.shape[:3]), []
    sizes = np.bincount(patches.ravel())
    for at in track(range(len(pictures)), "Hiding patches", total=len(pictures)):
        worth = np.empty(keeps.shape[:2])
        for pair in range(_PAIRS):
            seen = keeps[pair][:, patches][..., None]
            worth[pair] = ask(np.where(seen, pictures[at], mean).astype(np.float32))
        gains = gains_of(worth[None], orders)[0]
        phi = gains.mean(axis=0)
        errors.append(1.96 * (gains.std(axis=0, ddof=1) / np.sqrt(_PAIRS)).max())
        values[at] = (phi / sizes)[patches]
    return Heat(
        values, base,
        "sampled Shapley values of square patches (antithetic orders)",
        f"The model gives no gradients; its {n_patches} patches are hidden behind the mean picture "
        f"in {_PAIRS} random orders, forwards and backwards.",
        1, float(np.median(errors)),
    )  # fmt: skip


class _Run(NamedTuple):
    weights: NDArray[np.float64]
    r_squared: float


def _lime(
    ask: Ask,
    picture: Pictures,
    hidden: Pictures,
    patches: NDArray[np.int64],
    n_samples: int,
    seed: int,
) -> _Run:
    """Run the package; what it hides shows the mean picture, as for SHAP."""
    from lime.lime_image import LimeImageExplainer

    n_channels = picture.shape[2]

    # The package takes three channels; a grey picture is repeated and read back from the first.
    def coloured(grey: Pictures) -> NDArray[np.float64]:
        full = np.repeat(grey, 3, axis=2) if n_channels == 1 else grey[:, :, :3]
        return full.astype(np.float64)

    def answer(asked: NDArray[np.float64]) -> NDArray[np.float64]:
        return ask(np.asarray(asked, dtype=np.float32)[:, :, :, :n_channels])[:, None]

    # The package draws a progress bar on the error stream and cannot be told not to.
    with contextlib.redirect_stderr(io.StringIO()):
        found = LimeImageExplainer(random_state=seed).explain_instance(
            coloured(picture),
            answer,
            hide_color=coloured(hidden),
            labels=(0,),
            top_labels=None,
            num_samples=n_samples,
            batch_size=256,
            segmentation_fn=lambda _: patches,
        )
    weights = np.zeros(int(patches.max()) + 1)
    for place, weight in found.local_exp[0]:
        weights[place] = weight
    return _Run(weights, float(found.score))


def _by_patch(values: NDArray[np.float64], patches: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.array([np.bincount(patches.ravel(), one.ravel()) for one in values])


def _delete(
    ask: Ask,
    pictures: Pictures,
    sums: NDArray[np.float64],
    patches: NDArray[np.int64],
    mean: Pictures,
    rng: np.random.Generator,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Hide the patches named first, and random ones, behind the mean picture."""
    own = ask(pictures)
    n_steps = min(_DEEPEST, sums.shape[1])
    tried = [np.argsort(-np.abs(sums), axis=1, kind="stable")]
    tried += [np.argsort(rng.random(sums.shape), axis=1) for _ in range(_RANDOM_ORDERS)]
    changes = []
    for order in tried:
        rank = np.argsort(order, axis=1)
        change = np.empty((len(pictures), n_steps))
        for step in range(n_steps):
            hidden = (rank <= step)[:, patches][..., None]
            change[:, step] = np.abs(ask(np.where(hidden, mean, pictures)) - own)
        changes.append(change)
    return changes[0], np.mean(changes[1:], axis=0)


def _deletion_table(deletion: tuple[NDArray[np.float64], NDArray[np.float64]]) -> pa.Table:
    lines = []
    for name, part in zip(("explanation", "random"), deletion, strict=True):
        for step in range(part.shape[1]):
            change = mean_estimate(part[:, step])
            lines.append(
                {
                    "order": name, "replaced": step + 1, "change": change.value,
                    "low": change.low, "high": change.high, "n": change.n,
                }
            )  # fmt: skip
    return pa.Table.from_pylist(lines, schema=TABLES["deletion"])


def _cells(
    rows: NDArray[np.int64],
    pictures: Pictures,
    values: NDArray[np.float64],
    shown: int,
    lime: NDArray[np.float64],
    patches: NDArray[np.int64],
) -> pa.Table:
    kept = [shown, *[at for at in range(len(rows)) if at != shown]][:PICTURES_SHOWN]
    height, width = values.shape[1:]
    size = -(-max(height, width) // MOST_CELLS_ACROSS)
    parts = []
    for at in kept:
        grey = pictures[at].mean(axis=2)
        heat = _pool(values[at], size)
        brightness = _pool(grey, size) / _pool(np.ones_like(grey), size)
        down, across = np.indices(heat.shape)
        weight = np.full(heat.size, np.nan)
        if at == shown:
            corner = patches[::size, ::size]
            weight = lime[corner].ravel()
        parts.append(
            pa.table(
                {
                    "row": np.full(heat.size, rows[at]),
                    "down": down.ravel(),
                    "across": across.ravel(),
                    "brightness": brightness.ravel(),
                    "phi": heat.ravel(),
                    "lime": pa.array(weight, type=pa.float64(), mask=np.isnan(weight)),
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
