"""The nearest picture beyond a decision boundary, by projecting onto its tangent (FAB).

The boundary between the present answer and another class is replaced by its tangent plane; the
nearest point of that plane within black and white is exact. Steps are drawn back towards the
original, so that what is found is near, in one run for all budgets.

References:
    Croce and Hein 2020, "Minimally distorted adversarial examples with a fast adaptive boundary
    attack" (targeted form, as in AutoAttack).
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from analyzers.adversarial.aim import Aim
from analyzers.adversarial.auto_pgd import MOST_TARGETS, likeliest_others
from analyzers.adversarial.gradient import Broken, tensors_of
from analyzers.adversarial.losses import margin
from analyzers.adversarial.moves import each, lengths, values_of
from analyzers.adversarial.network import Network, parts_of, to_pictures, to_tensor
from analyzers.adversarial.params import Norm
from analyzers.adversarial.pixels import Images

if TYPE_CHECKING:
    from torch import Tensor

# The paper's choices.
MOST_PULL = 0.1
OVERSHOOT = 1.05
BACKWARDS = 0.9


def nearest_boundary(
    network: Network,
    originals: Images,
    aim: Aim,
    norm: Norm,
    *,
    steps: int,
    targets: int = MOST_TARGETS,
) -> Broken:
    """Search the nearest picture that gets another answer; no budget is given, none is kept to.

    Args:
        network: with gradients.
        originals: `(n_rows, height, width, channels)` in [0, 1].
        aim: the goal for every row.
        norm: what "nearest" means.
        steps: towards each class; the paper uses 100.
        targets: how many of the likeliest other classes are tried, all in the same calls.
    """
    found, is_broken = originals.copy(), np.zeros(len(originals), dtype=bool)
    for rows in parts_of(len(originals), values_of(originals)):
        part = aim.take(rows)
        others = (
            likeliest_others(network, originals[rows], part.codes, targets)
            if part.wanted is None
            else part.wanted[:, None]
        )
        home = to_tensor(originals[rows])
        nearest = np.full(len(rows), np.inf)
        for target in np.ascontiguousarray(others.T):
            size, far = _towards(network, home, Aim(part.codes, target), part, norm, steps)
            better = size < nearest
            nearest = np.where(better, size, nearest)
            found[rows[better]] = to_pictures(far)[better]
        is_broken[rows] = np.isfinite(nearest)
    return Broken(is_broken, found)


def _towards(
    network: Network, home: "Tensor", towards: Aim, aim: Aim, norm: Norm, steps: int
) -> "tuple[NDArray[np.float64], Tensor]":
    import torch

    codes, target = tensors_of(towards)
    _, wanted = tensors_of(aim)
    point, far = home.clone(), home.clone()
    nearest = torch.full((len(home),), float("inf"))
    for _ in range(steps):
        _, value, slope = network.climb(point, margin, codes, target)
        to_plane = plane_step(point, slope, -value, norm)
        from_home = plane_step(
            home, slope, -value + ((point - home) * slope).flatten(1).sum(dim=1), norm
        )
        near, far_off = lengths(to_plane, norm), lengths(from_home, norm)
        pull = (near / (near + far_off).clamp_min(1e-12)).clamp(0, MOST_PULL)
        moved = (1 - each(pull)) * (point + OVERSHOOT * to_plane) + each(pull) * (
            home + OVERSHOOT * from_home
        )
        point = moved.clamp(0, 1)
        answers = network.answers(point)
        hit = (answers != codes) if wanted is None else (answers == wanted)
        size = lengths(point - home, norm)
        better = hit & (size < nearest)
        far = torch.where(each(better), point, far)
        nearest = torch.where(better, size, nearest)
        point = torch.where(each(hit), home + BACKWARDS * (point - home), point)
    return nearest.double().numpy(), far


def plane_step(point: "Tensor", slope: "Tensor", missing: "Tensor", norm: Norm) -> "Tensor":
    """The smallest step after which the tangent has risen by `missing`, within black and white.

    The best step goes up the slope in every pixel, by a common amount (L-inf) or in proportion to
    the slope (L2), until the pixel is black or white. How far is the root of a function that is
    straight between the pixels' own ends, so sorting these ends gives it exactly.

    Args:
        point: `(n_rows, channels, height, width)` in [0, 1].
        slope: the same shape.
        missing: `(n_rows,)` wanted rise; negative for a fall.
        norm: what "smallest" means.

    Returns:
        The step, the same shape; all the way to black and white where even that is too little.
    """
    import torch

    weights, place = slope.flatten(1).double(), point.flatten(1).double()
    rise = weights * missing.double().sign()[:, None]
    room = torch.where(rise > 0, 1 - place, place)
    steepness = rise.abs()
    pace = torch.ones_like(steepness) if norm == "L-inf" else steepness
    pace = torch.where(steepness > 0, pace, torch.zeros_like(pace))
    ends = torch.where(pace > 0, room / pace.clamp_min(1e-300), torch.zeros_like(pace))
    order = ends.argsort(dim=1)
    ends = ends.gather(1, order)
    gained = (steepness * room).gather(1, order).cumsum(dim=1)
    speed = (steepness * pace).gather(1, order)
    total_speed = speed.sum(dim=1, keepdim=True)
    left = total_speed - speed.cumsum(dim=1)
    # Rise when the common amount is each pixel's end: those before it are full, the rest still go.
    at_end = gained + ends * left.clamp_min(0)
    need = missing.double().abs()[:, None]
    segment = (at_end < need).sum(dim=1, keepdim=True)
    is_enough = segment < ends.shape[1]
    last = (segment - 1).clamp_min(0)
    zero = torch.zeros_like(need)
    full = torch.where(segment > 0, gained.gather(1, last), zero)
    going = torch.where(segment > 0, left.gather(1, last), total_speed)
    amount = (need - full) / going.clamp_min(1e-300)
    amount = torch.where(is_enough, amount, torch.full_like(need, float("inf")))
    step = torch.where(pace > 0, torch.minimum(pace * amount, room), torch.zeros_like(pace))
    return (step * rise.sign()).to(point.dtype).reshape(point.shape)
