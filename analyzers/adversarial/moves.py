"""Steps of bounded size in tensors of pictures.

Sizes here are those of the papers: the largest change of a pixel, or the Euclidean length. Pages
and tables speak of the root mean square instead; `reach_of` translates.
"""

import math
from typing import TYPE_CHECKING

import numpy as np

from analyzers.adversarial.params import Norm
from analyzers.adversarial.pixels import Images

if TYPE_CHECKING:
    from torch import Tensor

# Adding two float32 of [0, 1] is off by up to this; staying inside keeps changes within the budget.
ROUNDING = 2.0**-22


def reach_of(size: float, norm: Norm, pixels: int) -> float:
    """Allowed change in the unit of the norm, a rounding error less than `size`.

    Args:
        size: largest change of a pixel, or root mean square over `pixels`.
        norm: "L-inf" or "L2".
        pixels: values of one picture.
    """
    inner = max(size - ROUNDING, 0.999 * size)
    return inner if norm == "L-inf" else inner * math.sqrt(pixels)


def lengths(change: "Tensor", norm: Norm) -> "Tensor":
    """Size of each change in the norm, `(n_rows,)`."""
    flat = change.flatten(1)
    return flat.abs().amax(dim=1) if norm == "L-inf" else flat.norm(dim=1)


def uphill(slope: "Tensor", norm: Norm) -> "Tensor":
    """The step of length 1 that climbs most."""
    if norm == "L-inf":
        return slope.sign()
    # Slopes of a saturated network are tiny and still point somewhere: scaled before squaring.
    scaled = slope / each(slope.flatten(1).abs().amax(dim=1).clamp_min(1e-38))
    return scaled / each(lengths(scaled, norm).clamp_min(1e-12))


def keep_near(moved: "Tensor", home: "Tensor", reach: "float | Tensor", norm: Norm) -> "Tensor":
    """Pull pictures back to within `reach` of `home` and to between black and white."""
    change = moved - home
    if norm == "L-inf":
        limit = reach if isinstance(reach, float) else each(reach)
        return (home + change.clamp(min=-limit, max=limit)).clamp(0, 1)
    shrink = (reach / lengths(change, norm).clamp_min(1e-12)).clamp(max=1)
    return (home + each(shrink) * change).clamp(0, 1)


def random_start(home: "Tensor", reach: float, norm: Norm, rng: np.random.Generator) -> "Tensor":
    """Draw a point evenly from within the box, or at an even share of the way out of the ball."""
    import torch

    shape = tuple(home.shape)
    if norm == "L-inf":
        drawn = torch.from_numpy(rng.uniform(-1, 1, shape).astype(np.float32)) * reach
    else:
        drawn = torch.from_numpy(rng.standard_normal(shape, dtype=np.float32))
        share = torch.from_numpy(rng.random(len(home), dtype=np.float32))
        drawn = drawn / each(lengths(drawn, norm).clamp_min(1e-12)) * each(share) * reach
    return keep_near(home + drawn, home, reach, norm)


def each(values: "Tensor") -> "Tensor":
    """Shape `(n_rows,)` so that it multiplies whole pictures."""
    return values[:, None, None, None]


def values_of(pictures: Images) -> int:
    """Number of values of one picture."""
    return int(np.prod(pictures.shape[1:]))
