"""The smallest Euclidean change: direction from the gradient, length by trial (DDN).

References:
    Rony et al. 2019, "Decoupling direction and norm for efficient gradient-based L2 adversarial
    attacks and defenses", algorithm 1.
"""

import math

import numpy as np

from analyzers.adversarial.aim import Aim
from analyzers.adversarial.gradient import Broken, tensors_of
from analyzers.adversarial.losses import cross_entropy
from analyzers.adversarial.moves import each, lengths, uphill, values_of
from analyzers.adversarial.network import Network, parts_of, to_pictures, to_tensor
from analyzers.adversarial.pixels import Images

LENGTH_CHANGE = 0.05
FIRST_LENGTH = 1.0
LAST_STEP = 0.01


def shorten(network: Network, originals: Images, aim: Aim, *, steps: int) -> Broken:
    """Climb on a sphere around each picture that shrinks while the goal is held and grows if not.

    Args:
        network: with gradients.
        originals: `(n_rows, height, width, channels)` in [0, 1].
        aim: the goal for every row.
        steps: the paper uses 100 to 1,000.
    """
    import torch

    found, is_broken = originals.copy(), np.zeros(len(originals), dtype=bool)
    for rows in parts_of(len(originals), values_of(originals)):
        home = to_tensor(originals[rows])
        codes, wanted = tensors_of(aim.take(rows))
        point, best = home.clone(), home.clone()
        nearest = torch.full((len(home),), float("inf"))
        length = torch.full((len(home),), FIRST_LENGTH)
        for step in range(steps + 1):
            logits, _, slope = network.climb(point, cross_entropy, codes, wanted)
            answers = logits.argmax(dim=1)
            hit = (answers != codes) if wanted is None else (answers == wanted)
            size = lengths(point - home, "L2")
            better = hit & (size < nearest)
            best, nearest = (
                torch.where(each(better), point, best),
                torch.where(better, size, nearest),
            )
            # The step falls from 1 to a hundredth along a cosine.
            stride = LAST_STEP + (1 - LAST_STEP) * (1 + math.cos(math.pi * step / steps)) / 2
            change = point - home + stride * uphill(slope, "L2")
            length = length * torch.where(hit, 1 - LENGTH_CHANGE, 1 + LENGTH_CHANGE)
            change = change * each(length / lengths(change, "L2").clamp_min(1e-12))
            point = (home + change).clamp(0, 1)
        known = torch.isfinite(nearest).numpy()
        found[rows[known]], is_broken[rows[known]] = to_pictures(best)[known], True
    return Broken(is_broken, found)
