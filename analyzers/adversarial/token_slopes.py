"""Which swap of one word should hurt a network of texts most, by the slope at its tokens' vectors.

References:
    Ebrahimi et al. 2018 (HotFlip), equation 1: the gain of a swap is the difference of the two
    vectors times the gradient of the loss.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzers.core.errors import UnsuitableSubject
from analyzers.core.model import TokenNetwork, Tokens

ASK_FOR_SCORES = "Choose a recipe that asks for scores, such as TextFooler."
_SMALLEST = 1e-300
# Letters of scripts that hardly any tokenizer holds: what both are read as stands for the unknown.
_RARE = ("\ua4d0", "\u0f5f")


class Span(NamedTuple):
    """Where a word stands in its text, first letter and end."""

    start: int
    end: int


class Swap(NamedTuple):
    """A word for the word at `place`, and by how much the loss should rise, to first order."""

    place: int
    word: str
    gain: float


class TokenSlopes:
    """Ranks swaps of words that a network reads as one token each; remembers which those are."""

    def __init__(self, network: TokenNetwork) -> None:
        self._network = network
        self._tokens: dict[tuple[str, str], int | None] = {}
        unknown = [set(self._own(network.tokens_of(letter))) for letter in _RARE]
        self._unknown = unknown[0] & unknown[1]

    def best_swaps(
        self,
        text: str,
        words: Mapping[int, Span],
        candidates: Callable[[str], tuple[str, ...]],
        *,
        code: int,
        target: int | None,
        most: int,
    ) -> list[Swap]:
        """Rank the swaps of one word by first-order gain, the largest first.

        Args:
            text: as it is now.
            words: places that may change, and where each stands in the text.
            candidates: from a word to those that may stand for it.
            code: the answer to lead away from.
            target: the answer to lead to; None for any other.
            most: how many swaps to return.

        Raises:
            UnsuitableSubject: no gradient reaches the tokens.
        """
        tokens = self._network.tokens_of(text)
        found: list[tuple[int, int, list[str], list[int]]] = []
        for place, span in words.items():
            at = _only_token(text, tokens, span)
            if at is None:
                continue
            before = text[: span.start][-1:]
            by_word = {word: self._token_of(before, word)
                       for word in candidates(text[span.start : span.end])}  # fmt: skip
            known = {word: number for word, number in by_word.items() if number is not None}
            if known:
                found.append((place, at, list(known), list(known.values())))
        if not found:
            return []
        vectors, slope = self._slope(tokens, code, target)
        swaps = []
        for place, at, others, numbers in found:
            moved = self._network.vectors_of(np.array(numbers, dtype=np.int64)) - vectors[at]
            gains = (moved.double() @ slope[at].double()).tolist()
            swaps += [Swap(place, *pair) for pair in zip(others, gains, strict=True)]
        return sorted(swaps, key=lambda swap: (-swap.gain, swap.place, swap.word))[:most]

    def _slope(self, tokens: Tokens, code: int, target: int | None) -> tuple[Any, Any]:
        """Return the tokens' vectors and the loss's slope there, `(n_tokens, n_dimensions)`."""
        import torch

        vectors = self._network.vectors_of(tokens.ids)
        points = vectors[None].clone().requires_grad_()
        scores = self._network.scores_of(points)[0].double()
        if not scores.requires_grad:
            raise UnsuitableSubject(
                "No gradient reaches the tokens of this network.", remedy=ASK_FOR_SCORES
            )
        one = torch.arange(len(scores)) == (code if target is None else target)
        # The log-odds rank swaps as cross-entropy does, and keep a slope where it has none left.
        odds = scores[one].sum().clamp_min(_SMALLEST).log() - (
            scores[~one].sum().clamp_min(_SMALLEST).log()
        )
        (slope,) = torch.autograd.grad(-odds if target is None else odds, points)
        return vectors, slope[0]

    def _token_of(self, before: str, word: str) -> int | None:
        """Return the one token that a word is read as behind the character `before`, if any."""
        if (before, word) not in self._tokens:
            tokens = self._network.tokens_of(before + word)
            at = _only_token(before + word, tokens, Span(len(before), len(before) + len(word)))
            number = None if at is None else int(tokens.ids[at])
            self._tokens[before, word] = None if number in self._unknown else number
        return self._tokens[before, word]

    @staticmethod
    def _own(tokens: Tokens) -> NDArray[np.int64]:
        """Return the numbers of the tokens that stand for something in the text."""
        return tokens.ids[tokens.spans[:, 1] > tokens.spans[:, 0]]


def _only_token(text: str, tokens: Tokens, span: Span) -> int | None:
    """Return the place of the token that is exactly one word; None where it is read in pieces."""
    starts, ends = tokens.spans[:, 0], tokens.spans[:, 1]
    inside = np.flatnonzero((starts < span.end) & (ends > span.start))
    if len(inside) != 1:
        return None
    at = int(inside[0])
    # A token may begin with the blank before its word.
    is_whole = ends[at] == span.end and not text[starts[at] : span.start].strip()
    return at if is_whole and starts[at] <= span.start else None
