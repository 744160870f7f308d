"""Vectors of 20,000 English words in which synonyms are near and antonyms are not.

GloVe, counter-fitted with WordNet and rounded to 8 bits; `build.py` says how.

References:
    Pennington, Socher and Manning 2014; Mrkšić et al. 2016 (counter-fitting); Arora, Liang and Ma
    2017 (weights by rarity, "SIF").
"""

from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

PACKED = Path(__file__).parent / "vectors.npz"
# Arora's a; a word's frequency is read off its rank (Zipf).
RARITY = 1e-3


class WordVectors(NamedTuple):
    """Words by frequency and their vectors.

    Attributes:
        words: the most frequent first.
        place: where each word stands.
        unit: `(n_words, n_dimensions)` of length 1.
        weight: `(n_words,)` in (0, 1), more for rarer words.
    """

    words: tuple[str, ...]
    place: dict[str, int]
    unit: NDArray[np.float32]
    weight: NDArray[np.float32]

    def neighbours(self, place: int, most: int) -> NDArray[np.int64]:
        """Places of the nearest words, the nearest first, without the word itself."""
        cosines = self.unit @ self.unit[place]
        cosines[place] = -np.inf
        near = np.argpartition(-cosines, min(most, len(cosines) - 1))[:most]
        return near[np.lexsort((near, -cosines[near]))]

    def sentence(self, words: list[str]) -> NDArray[np.float32]:
        """Mean of the words' vectors by rarity, `(n_dimensions,)`; zero where none is known."""
        places = [self.place[word] for word in words if word in self.place]
        return np.asarray(self.weight[places] @ self.unit[places], dtype=np.float32)


@cache
def word_vectors() -> WordVectors:
    """Read the vectors, once a process."""
    with np.load(PACKED, allow_pickle=False) as held:
        words = tuple(held["words"].tobytes().decode().split("\n"))
        unit = held["codes"].astype(np.float32)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    ranks = np.arange(1, len(words) + 1)
    shares = 1 / ranks / (1 / ranks).sum()
    weight = (RARITY / (RARITY + shares)).astype(np.float32)
    return WordVectors(words, {word: number for number, word in enumerate(words)}, unit, weight)


def cosine(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """Cosine of two vectors; 1 where both are zero and 0 where one is."""
    lengths = float(np.linalg.norm(first)), float(np.linalg.norm(second))
    if not lengths[0] or not lengths[1]:
        return float(lengths[0] == lengths[1])
    return float(first @ second) / (lengths[0] * lengths[1])
