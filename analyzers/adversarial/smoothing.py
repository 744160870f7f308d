"""How far no attack can reach, proven: the answer of a crowd of noisy copies.

The certificate is for the smoothed model, which answers what most noisy copies of a picture get.
Its answer cannot change within an Euclidean radius that follows from how large that majority is.

References:
    Cohen, Rosenfeld and Kolter 2019, "Certified adversarial robustness via randomized smoothing",
    algorithm "Certify" and theorem 1; Clopper and Pearson 1934.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from analyzers.adversarial.moves import values_of
from analyzers.adversarial.network import parts_of
from analyzers.adversarial.pixels import Images
from analyzers.core.model import Model
from analyzers.core.workbench import Tracker, untracked

COPIES_TO_CHOOSE = 100
ABSTAINS = -1


class Certified(NamedTuple):
    """What is proven of each picture.

    Attributes:
        answers: `(n_rows,)` class codes of the smoothed model; -1 where it abstains.
        radii: `(n_rows,)` Euclidean length of change that cannot alter the answer; 0 where it
            abstains.
        n_right: `(n_rows,)` copies that got the answer, of `n`.
        n: copies that were counted for the radius.
    """

    answers: NDArray[np.int64]
    radii: NDArray[np.float64]
    n_right: NDArray[np.int64]
    n: int


def certify(
    model: Model,
    originals: Images,
    *,
    n_classes: int,
    noise: float,
    n: int,
    level: float,
    rng: np.random.Generator,
    track: Tracker = untracked,
) -> Certified:
    """Certify every picture; noisy pixels are not cut at black and white, as the theorem asks.

    Args:
        model: anything that answers.
        originals: `(n_rows, height, width, channels)` in [0, 1].
        n_classes: of the model.
        noise: standard deviation of the Gaussian noise, above 0.
        n: copies that are counted for the radius; a hundred others choose the answer.
        level: chance that the certificate of one picture is wrong, in (0, 1).
        rng: draws the noise, one stream a picture.
        track: reports progress.
    """
    n_rows = len(originals)
    answers = np.full(n_rows, ABSTAINS)
    radii, n_right = np.zeros(n_rows), np.zeros(n_rows, dtype=np.int64)
    streams = rng.spawn(n_rows)
    for row in track(range(n_rows), "Certifying pictures with noisy copies"):
        choose, count = streams[row].spawn(2)
        few = min(COPIES_TO_CHOOSE, n)
        top = int(_votes(model, originals[row], n_classes, noise, few, choose).argmax())
        n_right[row] = _votes(model, originals[row], n_classes, noise, n, count)[top]
        least = lowest_share(int(n_right[row]), n, level)
        if least > 0.5:
            answers[row], radii[row] = top, noise * float(stats.norm.ppf(least))
    return Certified(answers, radii, n_right, n)


def lowest_share(successes: int, n: int, level: float) -> float:
    """One-sided Clopper-Pearson bound: the share is below it with a chance of at most `level`."""
    if successes == 0:
        return 0.0
    return float(stats.beta.ppf(level, successes, n - successes + 1))


def _votes(
    model: Model,
    original: Images,
    n_classes: int,
    noise: float,
    n: int,
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    votes = np.zeros(n_classes, dtype=np.int64)
    for rows in parts_of(n, values_of(original[None])):
        drawn = rng.standard_normal((len(rows), *original.shape), dtype=np.float32)
        answers = model.predict(original + np.float32(noise) * drawn).astype(np.int64)
        votes += np.bincount(answers, minlength=n_classes)
    return votes
