"""Attacks of different kinds, one after the other, each on the pictures that still stand.

References:
    Croce and Hein 2020 (AutoAttack): APGD on cross-entropy, APGD on the targeted difference of
    logits ratio, FAB and Square; robust accuracy is what is left after all of them.
"""

from typing import NamedTuple

import numpy as np

from analyzers.adversarial.aim import Aim
from analyzers.adversarial.auto_pgd import self_stepping, towards_each_class
from analyzers.adversarial.fab import nearest_boundary
from analyzers.adversarial.gradient import Broken, many_steps, one_step
from analyzers.adversarial.losses import cross_entropy, difference_ratio
from analyzers.adversarial.network import Network
from analyzers.adversarial.params import ImageAttack, Norm
from analyzers.adversarial.pixels import Images
from analyzers.adversarial.square import random_squares
from analyzers.core.model import Model
from analyzers.core.workbench import Tracker, untracked


class Attempt(NamedTuple):
    """One attack of a cascade.

    Attributes:
        name: how tables call it.
        access: "white-box" or "black-box".
        needs_budget: whether it must be run anew at every size; what searches the nearest picture
            answers for all sizes at once.
    """

    name: str
    access: str
    needs_budget: bool = True


ACCESS_LABELS = "labels only"
FGSM = Attempt("FGSM", "white-box")
PGD = Attempt("PGD", "white-box")
APGD_CE = Attempt("APGD, cross-entropy", "white-box")
APGD_DLR = Attempt("APGD, difference of logits ratio", "white-box")
APGD_T = Attempt("APGD, towards each class", "white-box")
FAB = Attempt("FAB", "white-box", needs_budget=False)
SQUARE = Attempt("Square", "black-box")

CASCADES: dict[ImageAttack, tuple[Attempt, ...]] = {
    "FGSM and PGD": (PGD,),
    "AutoAttack (four attacks)": (APGD_CE, APGD_T, FAB, SQUARE),
    "AutoAttack plus (all attacks)": (PGD, APGD_CE, APGD_DLR, APGD_T, FAB, SQUARE),
}


class Effort(NamedTuple):
    """How hard each attack tries.

    Attributes:
        steps: gradient steps from each start.
        restarts: starts of those attacks that have several.
        queries: questions per picture for those without gradients.
    """

    steps: int
    restarts: int
    queries: int


def attempt(
    which: Attempt,
    network: Network | None,
    model: Model,
    originals: Images,
    aim: Aim,
    size: float,
    norm: Norm,
    *,
    effort: Effort,
    rng: np.random.Generator,
    track: Tracker = untracked,
) -> Broken:
    """Run one attack on pictures that still stand.

    Args:
        which: the attack.
        network: the model with gradients; not needed by the black-box one.
        model: the model that answers.
        originals: `(n_rows, height, width, channels)` in [0, 1].
        aim: the goal for every row.
        size: allowed change.
        norm: how it is measured.
        effort: how hard it tries.
        rng: source of randomness.
        track: reports progress.
    """
    if network is None or which is SQUARE:
        return random_squares(model, originals, aim, size, norm, queries=effort.queries, rng=rng,
                              track=track, network=network)  # fmt: skip
    if which is FGSM:
        return one_step(network, originals, aim, size, norm)
    if which is PGD:
        return many_steps(network, originals, aim, size, norm, steps=effort.steps,
                          restarts=effort.restarts, rng=rng)  # fmt: skip
    if which in (APGD_CE, APGD_DLR):
        loss = cross_entropy if which is APGD_CE else difference_ratio
        return self_stepping(network, originals, aim, size, norm, loss=loss, steps=effort.steps,
                             restarts=effort.restarts, rng=rng)  # fmt: skip
    if which is APGD_T:
        return towards_each_class(network, originals, aim, size, norm, steps=effort.steps, rng=rng)
    return nearest_boundary(network, originals, aim, norm, steps=effort.steps)
