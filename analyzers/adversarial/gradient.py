"""White-box attacks on pictures: one step (FGSM) and many steps from random starts (PGD).

References:
    Goodfellow, Shlens and Szegedy 2015 (FGSM); Madry et al. 2018 (PGD).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzers.adversarial.params import Norm
from analyzers.adversarial.pixels import Images, per_picture, pull_back, random_pictures
from analyzers.core.errors import ModelMisbehaved
from analyzers.core.model import DifferentiableModel

PICTURES_A_CALL = 512
STEP_SHARE = 2.5
LOOK_EVERY = 4


class Broken(NamedTuple):
    """What an attack reached.

    Attributes:
        is_broken: `(n_rows,)` whether the answer changed.
        pictures: `(n_rows, height, width, channels)` the changed picture; the original where not.
    """

    is_broken: NDArray[np.bool_]
    pictures: Images


def slope_of(
    model: DifferentiableModel, pictures: Images, codes: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Gradient of the loss in the layout of the pictures, `(n_rows, height, width, channels)`.

    Raises:
        ModelMisbehaved: the gradient does not have the size of the pictures.
    """
    n_rows, height, width, channels = pictures.shape
    parts = []
    for start in range(0, n_rows, PICTURES_A_CALL):
        part = slice(start, start + PICTURES_A_CALL)
        parts.append(np.asarray(model.gradient(pictures[part], codes[part]), dtype=np.float32))
    slope = np.concatenate(parts) if parts else np.zeros_like(pictures)
    if slope.size != pictures.size:
        raise ModelMisbehaved(
            f"Expected gradients for {height} x {width} x {channels} pixels, got an array of "
            f"shape {slope.shape[1:]}.",
            remedy="Upload a model that takes the pictures as they are, without resizing.",
        )
    if slope.shape == pictures.shape and channels <= 4 and slope.shape[1] != channels:
        return slope
    # Torch puts channels first, flat or not.
    return slope.reshape(n_rows, channels, height, width).transpose(0, 2, 3, 1)


def one_step(
    model: DifferentiableModel,
    originals: Images,
    codes: NDArray[np.int64],
    size: float,
    norm: Norm,
) -> Broken:
    """Take one step of the whole size along the gradient (FGSM)."""
    step = _uphill(slope_of(model, originals, codes), norm)
    pictures = pull_back(originals + np.float32(size) * step, originals, size, norm)
    return _kept(originals, pictures, model.predict(pictures) != codes)


def many_steps(
    model: DifferentiableModel,
    originals: Images,
    codes: NDArray[np.int64],
    size: float,
    norm: Norm,
    *,
    steps: int,
    restarts: int,
    rng: np.random.Generator,
) -> Broken:
    """Climb the loss inside the allowed change, from the picture itself and from random starts.

    Args:
        model: with gradients.
        originals: `(n_rows, height, width, channels)` in [0, 1].
        codes: `(n_rows,)` true classes.
        size: allowed change.
        norm: how it is measured.
        steps: at least 1, from each start.
        restarts: starts; the first is the picture itself.
        rng: draws the other starts.
    """
    found = originals.copy()
    is_broken = np.zeros(len(originals), dtype=bool)
    stride = np.float32(STEP_SHARE * size / steps)
    # All starts climb together: few large calls instead of many small ones.
    rows = np.tile(np.arange(len(originals)), restarts)
    home = originals[rows]
    starts = [_random_start(originals, size, norm, draw) for draw in rng.spawn(restarts - 1)]
    current = np.concatenate([originals, *starts])
    for step in range(1, steps + 1):
        if not len(rows):
            break
        slope = _uphill(slope_of(model, current, codes[rows]), norm)
        current = pull_back(current + stride * slope, home, size, norm)
        if step % LOOK_EVERY and step != steps:
            continue
        changed = model.predict(current) != codes[rows]
        # Backwards, so that of several starts that flip a picture the first one is kept.
        found[rows[changed][::-1]] = current[changed][::-1]
        is_broken[rows[changed]] = True
        open_ = ~is_broken[rows]
        rows, home, current = rows[open_], home[open_], current[open_]
    return Broken(is_broken, found)


def _random_start(originals: Images, size: float, norm: Norm, rng: np.random.Generator) -> Images:
    share = rng.random(len(originals), dtype=np.float32)
    edge = random_pictures(originals, size, norm, rng)
    return (originals + per_picture(share) * (edge - originals)).astype(np.float32)


def _uphill(slope: NDArray[np.float32], norm: Norm) -> NDArray[np.float32]:
    if norm == "L-inf":
        return np.sign(slope)
    root = np.sqrt((slope.reshape(len(slope), -1).astype(np.float64) ** 2).mean(axis=1))
    safe = np.where(root > 0, root, 1.0).astype(np.float64)
    return (slope / safe[:, None, None, None]).astype(np.float32)


def _kept(originals: Images, pictures: Images, changed: NDArray[np.bool_]) -> Broken:
    return Broken(changed, np.where(changed[:, None, None, None], pictures, originals))
