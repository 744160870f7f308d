"""Random typing errors in texts: what a text attack must beat."""

import hashlib

import numpy as np
from numpy.typing import NDArray

from analyzers.adversarial.attacked import Attacked
from analyzers.adversarial.edits import random_typing_errors
from analyzers.adversarial.noise import DRAWS
from analyzers.core.model import Model
from analyzers.core.workbench import Workbench


def _rng_of(seed: int, text: str, what: str) -> np.random.Generator:
    digest = hashlib.sha256(f"{seed}:{what}:{text}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))


def _errors(
    model: Model,
    texts: list[str],
    n_words: NDArray[np.int64],
    codes: NDArray[np.int64],
    seed: int,
    what: str,
) -> NDArray[np.bool_]:
    """Whether any of ten random sets of typing errors changes each answer."""
    drawn = []
    for text, count in zip(texts, n_words, strict=True):
        rng = _rng_of(seed, text, what)
        drawn += [random_typing_errors(text, int(count), rng) for _ in range(DRAWS)]
    if not drawn:
        return np.zeros(0, dtype=bool)
    changed = model.predict(drawn) != np.repeat(codes, DRAWS)
    return np.asarray(changed.reshape(len(texts), DRAWS).any(axis=1))


def try_noise(
    bench: Workbench,
    model: Model,
    texts: list[str],
    attacked: Attacked,
    grid: NDArray[np.float64],
    seed: int,
) -> NDArray[np.bool_]:
    """Whether random errors in each share of the words flip each text, `(n_shares, n_texts)`."""
    broken = np.zeros((len(grid), len(texts)), dtype=bool)
    rows = np.flatnonzero(attacked.is_correct)
    kept = [texts[at] for at in rows]
    lengths = np.array([len(text.split()) for text in kept], dtype=np.int64)
    for place, share in enumerate(bench.track(grid, "Making typing errors at random")):
        # Rounded down, so that a random change is never larger than the size it stands for.
        counts = np.floor(lengths * share + 1e-9).astype(np.int64)
        broken[place, rows] = _errors(model, kept, counts, attacked.codes[rows], seed, f"{share}")
    return broken


def noise_of_same_size(
    bench: Workbench,
    model: Model,
    texts: list[str],
    attacked: Attacked,
    words_changed: NDArray[np.int64],
    seed: int,
) -> NDArray[np.bool_]:
    """Whether as many errors as the recipe made, put in at random, flip each text too.

    Texts the recipe did not flip get the usual number of those it did, and at least one.
    """
    rows = np.flatnonzero(attacked.is_correct)
    flipped = words_changed[words_changed > 0]
    usual = int(np.median(flipped)) if len(flipped) else 1
    counts = np.where(words_changed > 0, words_changed, usual)
    broken = np.zeros(len(texts), dtype=bool)
    for _ in bench.track(range(1), "Comparing with random errors of the same number"):
        broken[rows] = _errors(
            model, [texts[at] for at in rows], counts[rows], attacked.codes[rows], seed,
            "same",
        )  # fmt: skip
    return broken
