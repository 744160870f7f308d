"""Gradient attack that sets its own step: halved wherever the climb has stopped (APGD).

References:
    Croce and Hein 2020, "Reliable evaluation of adversarial robustness with an ensemble of diverse
    parameter-free attacks", algorithm 1 and section 4 (targeted difference of logits ratio).
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from analyzers.adversarial.aim import Aim
from analyzers.adversarial.gradient import Broken, tensors_of
from analyzers.adversarial.losses import Loss, difference_ratio
from analyzers.adversarial.moves import (
    each,
    keep_near,
    lengths,
    reach_of,
    uphill,
    values_of,
)
from analyzers.adversarial.network import Network, parts_of, to_pictures, to_tensor
from analyzers.adversarial.params import Norm
from analyzers.adversarial.pixels import Images

if TYPE_CHECKING:
    from torch import Tensor

# The paper's choices; none of them is meant to be turned.
MOMENTUM = 0.75
FEWEST_RISES = 0.75
FIRST_CHECK, FEWER_EACH_TIME, SHORTEST_CHECK = 0.22, 0.03, 0.06
FIRST_STEP = 2.0
MOST_TARGETS = 9


def self_stepping(
    network: Network,
    originals: Images,
    aim: Aim,
    size: float,
    norm: Norm,
    *,
    loss: Loss,
    steps: int,
    restarts: int = 1,
    rng: np.random.Generator,
) -> Broken:
    """Climb `loss` from random starts, each picture halving its own step where it stops rising.

    Args:
        network: with gradients.
        originals: `(n_rows, height, width, channels)` in [0, 1].
        aim: the goal for every row.
        size: allowed change.
        norm: how it is measured.
        loss: what is climbed.
        steps: from each start; the paper uses 100.
        restarts: random starts.
        rng: draws them.
    """
    found, is_broken = originals.copy(), np.zeros(len(originals), dtype=bool)
    reach = reach_of(size, norm, values_of(originals))
    parts = list(parts_of(len(originals), values_of(originals)))
    for rows, draw in zip(parts, rng.spawn(len(parts)), strict=True):
        for start in draw.spawn(restarts):
            left = rows[~is_broken[rows]]
            if not len(left):
                break
            home = to_tensor(originals[left])
            reached, far = _climb(network, home, _start(home, reach, norm, start), aim.take(left),
                                  reach, norm, loss, steps)  # fmt: skip
            found[left[reached]], is_broken[left[reached]] = to_pictures(far[reached]), True
    return Broken(is_broken, found)


def towards_each_class(
    network: Network,
    originals: Images,
    aim: Aim,
    size: float,
    norm: Norm,
    *,
    steps: int,
    rng: np.random.Generator,
) -> Broken:
    """Climb the targeted difference of logits ratio towards the likeliest other classes in turn.

    Args:
        network: with gradients.
        originals: `(n_rows, height, width, channels)` in [0, 1].
        aim: the goal for every row; a wanted class leaves only that one to try.
        size: allowed change.
        norm: how it is measured.
        steps: towards each class.
        rng: draws the starts.
    """
    found, is_broken = originals.copy(), np.zeros(len(originals), dtype=bool)
    for targets, draw in zip(*_targets(network, originals, aim, rng), strict=True):
        left = np.flatnonzero(~is_broken)
        if not len(left):
            break
        towards = Aim(aim.codes[left], targets[left])
        made = self_stepping(network, originals[left], towards, size, norm,
                             loss=difference_ratio, steps=steps, rng=draw)  # fmt: skip
        hit = left[made.is_broken]
        found[hit], is_broken[hit] = made.pictures[made.is_broken], True
    return Broken(is_broken, found)


def likeliest_others(
    network: Network, originals: Images, codes: NDArray[np.int64], most: int = MOST_TARGETS
) -> NDArray[np.int64]:
    """Other classes by their logit on the original, `(n_rows, n_targets)`, likeliest first."""
    import torch

    ranked = []
    for rows in parts_of(len(originals), values_of(originals)):
        with torch.no_grad():
            logits = network.logits(to_tensor(originals[rows])).numpy().astype(np.float64)
        logits[np.arange(len(rows)), codes[rows]] = -np.inf
        ranked.append(np.argsort(-logits, axis=1, kind="stable")[:, : logits.shape[1] - 1])
    if not ranked:
        return np.zeros((0, 0), dtype=np.int64)
    return np.concatenate(ranked)[:, :most]


def _targets(
    network: Network, originals: Images, aim: Aim, rng: np.random.Generator
) -> tuple[list[NDArray[np.int64]], list[np.random.Generator]]:
    if aim.wanted is not None:
        return [aim.wanted], rng.spawn(1)
    others = likeliest_others(network, originals, aim.codes)
    return list(np.ascontiguousarray(others.T)), rng.spawn(others.shape[1])


def _start(home: "Tensor", reach: float, norm: Norm, rng: np.random.Generator) -> "Tensor":
    """A random point on the edge of what is allowed."""
    import torch

    shape = tuple(home.shape)
    if norm == "L-inf":
        drawn = torch.from_numpy(rng.uniform(-1, 1, shape).astype(np.float32))
    else:
        drawn = torch.from_numpy(rng.standard_normal(shape, dtype=np.float32))
    drawn = drawn / each(lengths(drawn, norm).clamp_min(1e-12))
    return keep_near(home + reach * drawn, home, reach, norm)


def _climb(
    network: Network,
    home: "Tensor",
    start: "Tensor",
    aim: Aim,
    reach: float,
    norm: Norm,
    loss: Loss,
    steps: int,
) -> "tuple[NDArray[np.bool_], Tensor]":
    import torch

    all_codes, all_wanted = tensors_of(aim)
    n_rows = len(home)
    far, is_reached = home.clone(), torch.zeros(n_rows, dtype=torch.bool)

    # What the paper keeps for each picture; pictures that reached their goal leave.
    open_ = torch.arange(n_rows)
    point, before = start, start
    stride = torch.full((n_rows,), FIRST_STEP * reach)
    best, best_slope = start.clone(), torch.zeros_like(start)
    best_value = torch.full((n_rows,), float("-inf"))
    value_before = torch.full((n_rows,), float("-inf"))
    value_at_check = torch.full((n_rows,), float("-inf"))
    rises = torch.zeros(n_rows)
    was_halved = torch.ones(n_rows, dtype=torch.bool)
    interval = max(1, int(FIRST_CHECK * steps))
    shortest, fewer = max(1, int(SHORTEST_CHECK * steps)), max(1, int(FEWER_EACH_TIME * steps))
    since_check = 0

    for step in range(steps + 1):
        codes = all_codes[open_]
        wanted = None if all_wanted is None else all_wanted[open_]
        logits, value, slope = network.climb(point, loss, codes, wanted)
        answers = logits.argmax(dim=1)
        hit = (answers != codes) if wanted is None else (answers == wanted)
        if bool(hit.any()):
            far[open_[hit]], is_reached[open_[hit]] = point[hit], True
            still = ~hit
            if not bool(still.any()):
                break
            (open_, home, point, before, stride, best, best_slope, best_value, value_before,
             value_at_check, rises, was_halved, value, slope) = (
                kept[still] for kept in (
                    open_, home, point, before, stride, best, best_slope, best_value, value_before,
                    value_at_check, rises, was_halved, value, slope)
            )  # fmt: skip
        if step == steps:
            break
        if step > 0:
            rises = rises + (value > value_before)
        value_before = value
        better = value > best_value
        best = torch.where(each(better), point, best)
        best_slope = torch.where(each(better), slope, best_slope)
        best_value = torch.where(better, value, best_value)
        if step == 0:
            value_at_check = best_value
        else:
            since_check += 1
        if since_check == interval:
            stuck = rises <= FEWEST_RISES * interval
            stuck = stuck | (~was_halved & (value_at_check >= best_value))
            was_halved, value_at_check = stuck, best_value
            stride = torch.where(stuck, stride / 2, stride)
            point = torch.where(each(stuck), best, point)
            slope = torch.where(each(stuck), best_slope, slope)
            rises = torch.zeros_like(rises)
            since_check, interval = 0, max(interval - fewer, shortest)
        stepped = keep_near(point + each(stride) * uphill(slope, norm), home, reach, norm)
        share = 1.0 if step == 0 else MOMENTUM
        moved = point + share * (stepped - point) + (1 - share) * (point - before)
        before, point = point, keep_near(moved, home, reach, norm)
    return is_reached.numpy(), far
