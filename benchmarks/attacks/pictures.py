"""Attacks on pictures: ours beside ART's and foolbox's at the same size, steps and questions.

Each row is one attack on the same network of digits. Where the size is given, `our_error` and
`peer_error` are the shares of pictures that stay right, and `agree` means that ours leaves no more
of them but for one in a hundred; where the smallest change is looked for, they are its median
size, and `agree` means that ours is at most 2 % larger and breaks as many. Every
picture returned is put to the network once more. The limit is the time the network itself needs
for as many steps with gradients, or questions without.
"""

import argparse
import json
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzers.adversarial.aim import Aim
from analyzers.adversarial.auto_pgd import self_stepping
from analyzers.adversarial.ddn import shorten
from analyzers.adversarial.fab import nearest_boundary
from analyzers.adversarial.gradient import many_steps
from analyzers.adversarial.losses import cross_entropy
from analyzers.adversarial.network import Network
from analyzers.adversarial.square import random_squares
from benchmarks.peers.digits import Digits, DigitsModel, fit_digits

Pictures = NDArray[np.float32]
SIZE = 0.1
STEPS = 40
QUERIES = 500
SIZE_TOLERANCE = 1.02
SHARE_TOLERANCE = 0.01


class Attack(NamedTuple):
    """One comparison.

    Attributes:
        name: of the attack.
        steps: with gradients, or questions without, for each picture.
        has_gradients: which of the two.
        smallest: norm in which the smallest change is looked for; None where the size is given.
        ours: to the pictures reached.
        peers: the same by name.
    """

    name: str
    steps: int
    has_gradients: bool
    smallest: Literal["L2", "L-inf"] | None
    ours: Callable[[], Pictures]
    peers: dict[str, Callable[[], Pictures]]


def main() -> int:
    """Print one JSON line a comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    warnings.simplefilter("ignore")
    import torch

    # One thread: the arithmetic is small, and waiting for another thread would be measured.
    torch.set_num_threads(1)
    digits = fit_digits(100 if quick else 500)
    for attack in attacks_on(digits):
        _compare(attack, digits)
    return 0


def attacks_on(digits: Digits) -> list[Attack]:
    """List what is compared."""
    import foolbox
    import torch
    from art.attacks.evasion import (
        AutoProjectedGradientDescent,
        CarliniL2Method,
        ProjectedGradientDescentPyTorch,
        SquareAttack,
    )
    from art.estimators.classification import PyTorchClassifier

    pictures, codes = digits.pictures, digits.codes
    model, aim = DigitsModel(digits.network), Aim(codes)
    network = Network(model, pictures)
    network.answers(model.tensor_of(pictures[:2]))
    tensor, truth = model.tensor_of(pictures), torch.from_numpy(codes)
    theirs = foolbox.PyTorchModel(digits.network, bounds=(0, 1), device="cpu")
    estimator = PyTorchClassifier(
        digits.network, torch.nn.CrossEntropyLoss(), (1, 8, 8), 10, clip_values=(0, 1),
        device_type="cpu",
    )  # fmt: skip

    def rng() -> np.random.Generator:
        return np.random.default_rng(0)

    def by_foolbox(attack: Any, size: float | None) -> Callable[[], Pictures]:  # noqa: ANN401
        def run() -> Pictures:
            torch.manual_seed(0)
            found = attack(theirs, tensor, truth, epsilons=size)[1]
            return np.asarray(found.detach().numpy().transpose(0, 2, 3, 1))

        return run

    def by_art(attack: Any) -> Callable[[], Pictures]:  # noqa: ANN401
        def run() -> Pictures:
            np.random.seed(0)  # noqa: NPY002  ART draws from it
            torch.manual_seed(0)
            found = attack.generate(tensor.numpy(), codes)
            return np.asarray(found.transpose(0, 2, 3, 1), dtype=np.float32)

        return run

    stride = 2.5 / STEPS
    kinds = foolbox.attacks
    return [
        Attack(
            f"PGD-{STEPS}, L-inf {SIZE}", STEPS, True, None,
            lambda: many_steps(
                network, pictures, aim, SIZE, "L-inf", steps=STEPS, restarts=1, rng=rng()
            ).pictures,
            {
                "foolbox": by_foolbox(kinds.LinfPGD(steps=STEPS, rel_stepsize=stride), SIZE),
                "ART": by_art(
                    ProjectedGradientDescentPyTorch(
                        estimator, eps=SIZE, eps_step=stride * SIZE, max_iter=STEPS,
                        num_random_init=1, batch_size=512, verbose=False,
                    )
                ),
            },
        ),
        Attack(
            f"APGD on cross-entropy, {STEPS} steps, L-inf {SIZE}", STEPS, True, None,
            lambda: self_stepping(
                network, pictures, aim, SIZE, "L-inf", loss=cross_entropy, steps=STEPS, rng=rng()
            ).pictures,
            {
                "ART": by_art(
                    AutoProjectedGradientDescent(
                        estimator, eps=SIZE, eps_step=2 * SIZE, max_iter=STEPS,
                        nb_random_init=1, batch_size=512, loss_type="cross_entropy", verbose=False,
                    )
                )
            },
        ),
        Attack(
            f"Square, {QUERIES} questions, L-inf {SIZE}", QUERIES, False, None,
            lambda: random_squares(
                model, pictures, aim, SIZE, "L-inf", queries=QUERIES, rng=rng()
            ).pictures,
            {
                "ART": by_art(
                    SquareAttack(
                        estimator, eps=SIZE, max_iter=QUERIES, batch_size=512, verbose=False
                    )
                )
            },
        ),
        Attack(
            "DDN, 100 steps, smallest L2", 100, True, "L2",
            lambda: shorten(network, pictures, aim, steps=100).pictures,
            {"foolbox": by_foolbox(kinds.DDNAttack(steps=100), None)},
        ),
        Attack(
            "DDN, 100 steps, beside Carlini-Wagner, smallest L2", 100, True, "L2",
            lambda: shorten(network, pictures, aim, steps=100).pictures,
            {
                "foolbox": by_foolbox(
                    kinds.L2CarliniWagnerAttack(binary_search_steps=5, steps=100), None
                ),
                "ART": by_art(
                    CarliniL2Method(
                        estimator, max_iter=100, binary_search_steps=5, learning_rate=0.05,
                        batch_size=512, verbose=False,
                    )
                ),
            },
        ),
        Attack(
            "FAB, 50 steps, beside DeepFool, smallest L-inf", 50, True, "L-inf",
            lambda: nearest_boundary(network, pictures, aim, "L-inf", steps=50).pictures,
            {"foolbox": by_foolbox(kinds.LinfDeepFoolAttack(steps=50), None)},
        ),
    ]  # fmt: skip


def _compare(attack: Attack, digits: Digits) -> None:
    mine, seconds = _timed(attack.ours)
    our_share, our_size = _reached(mine, digits, attack.smallest)
    limit = _limit(attack, digits)
    for name, work in attack.peers.items():
        theirs, peer_seconds = _timed(work)
        share, size = _reached(theirs, digits, attack.smallest)
        if attack.smallest:
            errors = our_size, size
            is_as_good = our_size <= SIZE_TOLERANCE * size and our_share <= share
        else:
            errors = our_share, share
            is_as_good = our_share <= share + SHARE_TOLERANCE
        line = {
            "work": f"{attack.name}, digits",
            "size": f"{len(digits.pictures)} pictures; {our_share:.1%} and {share:.1%} stay right",
            "ours_s": seconds, "peer": name, "peer_s": peer_seconds, "limit_s": limit,
            "ratio": peer_seconds / seconds, "agree": bool(is_as_good), "extrapolated": False,
            "our_error": errors[0], "peer_error": errors[1],
        }  # fmt: skip
        print(json.dumps(line), flush=True)


def _reached(
    found: Pictures, digits: Digits, norm: Literal["L2", "L-inf"] | None
) -> tuple[float, float]:
    """Return the share of pictures still right, and the median size of the others' changes."""
    is_right = DigitsModel(digits.network).predict(found.astype(np.float32)) == digits.codes
    changes = (found - digits.pictures).reshape(len(found), -1)
    sizes = np.linalg.norm(changes, axis=1, ord=np.inf if norm == "L-inf" else 2)
    return float(is_right.mean()), float(np.median(sizes[~is_right])) if not is_right.all() else 0.0


def _limit(attack: Attack, digits: Digits) -> float:
    import torch

    model = DigitsModel(digits.network)
    tensor, truth = model.tensor_of(digits.pictures), torch.from_numpy(digits.codes)
    start = time.perf_counter()
    for _ in range(attack.steps):
        if attack.has_gradients:
            given = tensor.clone().requires_grad_(True)
            loss = torch.nn.functional.cross_entropy(digits.network(given), truth)
            torch.autograd.grad(loss, given)
        else:
            model.predict_proba(digits.pictures)
    return time.perf_counter() - start


def _timed(work: Callable[[], Pictures]) -> tuple[Pictures, float]:
    start = time.perf_counter()
    made = work()
    return made, time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())
