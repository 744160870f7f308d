"""HopSkipJump as ART and foolbox run it, from given starting points and counting its questions."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float32]
# From rows of any shape in [0, 1] to class codes.
Answers = Callable[[Rows], NDArray[np.int64]]
FIRST_PROBES = 20


class Walk(NamedTuple):
    """What an attack reached.

    Attributes:
        points: like the rows.
        asked: questions in all.
        seconds: it took.
    """

    points: Rows
    asked: int
    seconds: float


def art_walk(
    answers: Answers, rows: Rows, starts: Rows, *, n_classes: int, rounds: int, most_probes: int
) -> Walk:
    """Run ART's attack, L2, untargeted."""
    from art.attacks.evasion import HopSkipJump
    from art.estimators.classification import BlackBoxClassifier

    asked = 0

    def scores(given: Any) -> NDArray[np.float64]:  # noqa: ANN401  what ART hands over
        nonlocal asked
        asked += len(given)
        return np.eye(n_classes)[answers(np.asarray(given, dtype=np.float32))]

    model = BlackBoxClassifier(scores, rows.shape[1:], n_classes, clip_values=(0, 1))
    attack = HopSkipJump(
        model, norm=2, max_iter=rounds, max_eval=most_probes, init_eval=FIRST_PROBES,
        init_size=20, batch_size=len(rows), verbose=False,
    )  # fmt: skip
    np.random.seed(0)  # noqa: NPY002  ART draws from the process's generator
    start = time.perf_counter()
    points = attack.generate(rows, x_adv_init=starts)
    return Walk(points, asked, time.perf_counter() - start)


def foolbox_walk(
    answers: Answers, rows: Rows, starts: Rows, *, n_classes: int, rounds: int, most_probes: int
) -> Walk:
    """Run foolbox's attack, L2, untargeted; it takes rows in [0, 1] only."""
    import eagerpy
    import torch
    from foolbox.attacks import HopSkipJumpAttack
    from foolbox.criteria import Misclassification
    from foolbox.models.base import Model
    from foolbox.types import Bounds

    asked = 0

    class Answering(Model):  # type: ignore[misc]  untyped library
        @property
        def bounds(self) -> Bounds:
            return Bounds(0.0, 1.0)

        def __call__(self, inputs: Any) -> Any:  # noqa: ANN401
            nonlocal asked
            given, restore = eagerpy.astensor_(inputs)
            asked += len(given)
            scores = np.eye(n_classes, dtype=np.float32)[answers(given.numpy())]
            return restore(eagerpy.astensor(torch.from_numpy(scores)))

    attack = HopSkipJumpAttack(
        steps=rounds, initial_gradient_eval_steps=FIRST_PROBES,
        max_gradient_eval_steps=most_probes, constraint="l2",
    )  # fmt: skip
    torch.manual_seed(0)
    codes = torch.from_numpy(answers(rows))
    start = time.perf_counter()
    points = attack.run(
        Answering(), torch.from_numpy(rows), Misclassification(codes),
        starting_points=torch.from_numpy(starts),
    )  # fmt: skip
    return Walk(points.numpy(), asked, time.perf_counter() - start)
