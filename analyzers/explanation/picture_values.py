"""What each part of a picture adds, by SHAP."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzers.anatomy.refusal import DoesNotFit
from analyzers.core.model import DifferentiableModel, Model
from analyzers.core.workbench import Tracker
from analyzers.explanation.attribution import Target
from analyzers.explanation.coalitions import gains_of, walks
from analyzers.explanation.gradients import integrate_gradients

PATCHES_ACROSS = 8
_PAIRS = 32
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


class Heats(NamedTuple):
    """SHAP values of pictures, each for a class of its own or all for the same.

    Attributes:
        values: `(n_pictures, height, width)`.
        bases: `(n_pictures,)` the answer to the background about each picture's class.
        explainer: its name.
        why: why this one.
        n_background: pictures that stand for the unknown.
        error: median 95 % half-width of a picture's least certain value; None where exact.
    """

    values: NDArray[np.float64]
    bases: NDArray[np.float64]
    explainer: str
    why: str
    n_background: int
    error: float | None


def join_heats(
    targets: Sequence[Target], heat_of: Callable[[NDArray[np.int64], Target], Heat]
) -> Heats:
    """Explain the pictures of one target after those of another.

    Args:
        targets: what is explained of each picture.
        heat_of: explains the pictures at some places for one target.
    """
    kinds = list(dict.fromkeys(targets))
    members = [np.flatnonzero([one == kind for one in targets]) for kind in kinds]
    heats = [heat_of(places, kind) for places, kind in zip(members, kinds, strict=True)]
    order = np.argsort(np.concatenate(members), kind="stable")
    first = heats[0]
    errors = [heat.error for heat in heats if heat.error is not None]
    counts = [len(places) for places in members]
    return Heats(
        np.concatenate([heat.values for heat in heats])[order],
        np.repeat([heat.base for heat in heats], counts)[order],
        first.explainer, first.why, first.n_background,
        float(np.average(errors, weights=counts)) if errors else None,
    )  # fmt: skip


def outputs_of_each(
    model: Model, targets: Sequence[Target], pictures: Pictures
) -> NDArray[np.float64]:
    """Ask about pictures, each about its own target: `(n_pictures,)` outputs."""
    kinds = dict.fromkeys(targets)
    if len(kinds) == 1 or not targets[0].has_probabilities:
        found = np.empty(len(pictures))
        for kind in kinds:
            mine = np.array([one == kind for one in targets])
            found[mine] = kind.outputs(model, pictures[mine])
        return found
    codes = np.array([one.class_index for one in targets], dtype=np.int64)
    return np.asarray(
        model.predict_proba(pictures)[np.arange(len(pictures)), codes], dtype=np.float64
    )


def patches_of(height: int, width: int) -> NDArray[np.int64]:
    """Number the squares of a grid, at most eight by eight: `(height, width)` from 0."""
    down = np.minimum(PATCHES_ACROSS, height)
    across = np.minimum(PATCHES_ACROSS, width)
    rows = np.arange(height) * down // height
    columns = np.arange(width) * across // width
    numbers: NDArray[np.int64] = rows[:, None] * across + columns[None, :]
    return numbers


def names_of(patches: NDArray[np.int64]) -> list[str]:
    """Name each patch by its middle: row and column of pixels, from 0."""
    names = []
    for number in range(int(patches.max()) + 1):
        down, across = np.nonzero(patches == number)
        names.append(f"({int(np.median(down))}, {int(np.median(across))})")
    return names


def heat_by_gradients(
    model: DifferentiableModel,
    pictures: Pictures,
    background: Pictures,
    target: Target,
    track: Tracker,
) -> Heat:
    """Integrate gradients and add the channels of each pixel up.

    Raises:
        DoesNotFit: no gradient, or another shape than the pictures'.
    """
    values, base = integrate_gradients(model, pictures, background, target.class_index, track)
    n, height, width, channels = pictures.shape
    if values.shape == (n, channels, height, width):
        values = values.sum(axis=1)
    elif values.shape == (n, height, width, channels):
        values = values.sum(axis=3)
    else:
        raise DoesNotFit("the module's input does not match the pictures pixel by pixel")
    return Heat(
        values, base,
        "integrated gradients from several background pictures (expected gradients)",
        "The model is a differentiable network: gradients reach every pixel.",
        len(background), None,
    )  # fmt: skip


def heat_by_patches(
    ask: Ask, pictures: Pictures, mean: Pictures, rng: np.random.Generator, track: Tracker
) -> Heat:
    """Hide patches behind the mean picture in random orders; a patch's pixels share its value."""
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


def sum_by_patch(values: NDArray[np.float64], patches: NDArray[np.int64]) -> NDArray[np.float64]:
    """Add `(n_pictures, height, width)` values up to `(n_pictures, n_patches)`."""
    return np.array([np.bincount(patches.ravel(), one.ravel()) for one in values])
