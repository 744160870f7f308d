"""White-box attacks on pictures: one step (FGSM) and many steps from random starts (PGD).

References:
    Goodfellow, Shlens and Szegedy 2015 (FGSM); Madry et al. 2018 (PGD).
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzers.adversarial.aim import Aim
from analyzers.adversarial.losses import Loss, cross_entropy
from analyzers.adversarial.moves import keep_near, random_start, reach_of, uphill, values_of
from analyzers.adversarial.network import Network, parts_of, to_pictures, to_tensor
from analyzers.adversarial.params import Norm
from analyzers.adversarial.pixels import Images

if TYPE_CHECKING:
    from torch import Tensor

STEP_SHARE = 2.5


class Broken(NamedTuple):
    """What an attack reached.

    Attributes:
        is_broken: `(n_rows,)` whether the attacker's goal was reached.
        pictures: `(n_rows, height, width, channels)` the changed picture; the original where not.
    """

    is_broken: NDArray[np.bool_]
    pictures: Images


def slope_of(
    network: Network, pictures: Images, aim: Aim, loss: Loss = cross_entropy
) -> NDArray[np.float32]:
    """Slope of a loss, `(n_rows, height, width, channels)`."""
    parts = [np.zeros((0, *pictures.shape[1:]), dtype=np.float32)]
    for rows in parts_of(len(pictures), values_of(pictures)):
        codes, wanted = tensors_of(aim.take(rows))
        _, _, slope = network.climb(to_tensor(pictures[rows]), loss, codes, wanted)
        parts.append(to_pictures(slope))
    return np.concatenate(parts)


def one_step(network: Network, originals: Images, aim: Aim, size: float, norm: Norm) -> Broken:
    """Take one step of the whole size along the gradient (FGSM)."""
    reach = reach_of(size, norm, values_of(originals))
    slope, home = to_tensor(slope_of(network, originals, aim)), to_tensor(originals)
    moved = keep_near(home + reach * uphill(slope, norm), home, reach, norm)
    answers = [network.answers(moved[rows]).numpy()
               for rows in parts_of(len(originals), values_of(originals))]  # fmt: skip
    reached = aim.is_reached(np.concatenate(answers) if answers else aim.codes)
    return kept(originals, to_pictures(moved), reached)


def many_steps(
    network: Network,
    originals: Images,
    aim: Aim,
    size: float,
    norm: Norm,
    *,
    steps: int,
    restarts: int,
    rng: np.random.Generator,
    loss: Loss = cross_entropy,
) -> Broken:
    """Climb the loss inside the allowed change, from the picture itself and from random starts.

    The answers of every step are read off the pass that gives the slope, so a picture that has
    reached the goal rests at once and costs nothing more.

    Args:
        network: with gradients.
        originals: `(n_rows, height, width, channels)` in [0, 1].
        aim: the goal for every row.
        size: allowed change.
        norm: how it is measured.
        steps: at least 1, from each start; each is 2.5 times the size over the steps.
        restarts: starts; the first is the picture itself.
        rng: draws the other starts.
        loss: what is climbed.
    """
    found, is_broken = originals.copy(), np.zeros(len(originals), dtype=bool)
    reach = reach_of(size, norm, values_of(originals))
    stride = STEP_SHARE * reach / steps
    for rows, draw in _spawned(originals, rng):
        home = to_tensor(originals[rows])
        for number, start in enumerate(draw.spawn(restarts)):
            left = np.flatnonzero(~is_broken[rows])
            if not len(left):
                break
            own = home[left]
            current = own if number == 0 else random_start(own, reach, norm, start)
            reached, far = _ascend(network, own, current, aim.take(rows[left]), reach, stride,
                                   norm, steps, loss)  # fmt: skip
            hit = rows[left[reached]]
            found[hit], is_broken[hit] = to_pictures(far[reached]), True
    return Broken(is_broken, found)


def _ascend(
    network: Network,
    home: "Tensor",
    current: "Tensor",
    aim: Aim,
    reach: float,
    stride: float,
    norm: Norm,
    steps: int,
    loss: Loss,
) -> "tuple[NDArray[np.bool_], Tensor]":
    import torch

    codes, wanted = tensors_of(aim)
    best, is_reached = home.clone(), torch.zeros(len(home), dtype=torch.bool)
    open_ = torch.arange(len(home))
    for step in range(steps + 1):
        goal = codes if wanted is None else wanted
        slope = current
        if step == steps:
            answers = network.answers(current)
        else:
            logits, _, slope = network.climb(current, loss, codes, wanted)
            answers = logits.argmax(dim=1)
        hit = (answers != goal) if wanted is None else (answers == goal)
        if bool(hit.any()):
            best[open_[hit]], is_reached[open_[hit]] = current[hit], True
            still = ~hit
            open_, current, home, codes = open_[still], current[still], home[still], codes[still]
            wanted = None if wanted is None else wanted[still]
            slope = slope[still]
        if step == steps or not len(open_):
            break
        current = keep_near(current + stride * uphill(slope, norm), home, reach, norm)
    return is_reached.numpy(), best


def _spawned(
    originals: Images, rng: np.random.Generator
) -> "list[tuple[NDArray[np.int64], np.random.Generator]]":
    parts = list(parts_of(len(originals), values_of(originals)))
    return list(zip(parts, rng.spawn(len(parts)), strict=True))


def tensors_of(aim: Aim) -> "tuple[Tensor, Tensor | None]":
    """The goal as tensors of class codes."""
    import torch

    return (
        torch.from_numpy(np.ascontiguousarray(aim.codes)),
        None if aim.wanted is None else torch.from_numpy(np.ascontiguousarray(aim.wanted)),
    )


def kept(originals: Images, pictures: Images, changed: NDArray[np.bool_]) -> Broken:
    """Put the original where the goal was not reached."""
    return Broken(changed, np.where(changed[:, None, None, None], pictures, originals))


def path_of(
    network: Network, originals: Images, aim: Aim, size: float, norm: Norm, *, steps: int
) -> list[Images]:
    """Every stop of PGD from the picture itself, to be looked at; it does not rest at a flip.

    Returns:
        `steps + 1` arrays `(n_rows, height, width, channels)`, the originals first.
    """
    reach = reach_of(size, norm, values_of(originals))
    stops = [originals]
    home = current = to_tensor(originals)
    for _ in range(steps):
        slope = to_tensor(slope_of(network, stops[-1], aim))
        current = keep_near(current + STEP_SHARE * reach / steps * uphill(slope, norm), home,
                            reach, norm)  # fmt: skip
        stops.append(to_pictures(current))
    return stops
