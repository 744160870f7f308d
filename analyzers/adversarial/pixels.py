"""Pictures near a picture: what a bounded change of pixels is, and how large one is."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from analyzers.adversarial.params import Norm

Images = NDArray[np.float32]
LONGEST_STRETCH, STRETCHES = 64.0, 16


def size_of(changed: Images, originals: Images, norm: Norm) -> NDArray[np.float64]:
    """Size of each change: the largest pixel change, or the root mean square over all pixels.

    Args:
        changed: `(n_rows, height, width, channels)` in [0, 1].
        originals: the same shape.
        norm: "L-inf" or "L2".
    """
    difference = (changed.astype(np.float64) - originals).reshape(len(originals), -1)
    if norm == "L-inf":
        return np.abs(difference).max(axis=1, initial=0.0)
    return np.sqrt((difference**2).mean(axis=1))


def pull_back(
    points: NDArray[np.floating[Any]], originals: Images, size: float, norm: Norm
) -> Images:
    """Return the nearest pictures that differ by at most `size` and keep to [0, 1]."""
    if norm == "L-inf":
        near = np.clip(points, originals - np.float32(size), originals + np.float32(size))
        return np.clip(near, 0.0, 1.0).astype(np.float32)
    inside = np.clip(points, 0.0, 1.0)
    length = np.maximum(size_of(inside, originals, norm), 1e-12)
    shrink = np.minimum(1.0, size / length).astype(np.float32)
    return (originals + _each(shrink) * (inside - originals)).astype(np.float32)


def random_pictures(originals: Images, size: float, norm: Norm, rng: np.random.Generator) -> Images:
    """Change every picture at random by `size`: each pixel up or down, or a random direction."""
    if norm == "L-inf":
        drawn = rng.choice(np.array([-1.0, 1.0], dtype=np.float32), size=originals.shape)
    else:
        drawn = rng.standard_normal(originals.shape, dtype=np.float32)
        root = np.sqrt((drawn.reshape(len(drawn), -1) ** 2).mean(axis=1))
        drawn = _stretched(originals, drawn / _each(root), size)
    return pull_back(originals + np.float32(size) * drawn, originals, size, norm)


def _stretched(originals: Images, drawn: Images, size: float) -> Images:
    """Lengthen directions until, held to [0, 1], they are as long as allowed; some never are."""
    low, high = np.ones(len(drawn)), np.full(len(drawn), LONGEST_STRETCH)
    for _ in range(STRETCHES):
        middle = (low + high) / 2
        tried = np.clip(originals + _each((size * middle).astype(np.float32)) * drawn, 0, 1)
        is_short = size_of(tried, originals, "L2") < size
        low, high = np.where(is_short, middle, low), np.where(is_short, high, middle)
    return drawn * _each(high.astype(np.float32))


def _each(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return values[:, None, None, None]


def per_picture(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Shape `(n_rows,)` so that it multiplies whole pictures."""
    return _each(values)
