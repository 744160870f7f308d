# ruff: noqa: ANN401  TextAttack's own interfaces, untyped
"""The swap of HotFlip for any network of texts, where TextAttack's knows its own LSTM only.

Import this module only after `textattack_import.warm_up()`.

References:
    Ebrahimi et al. 2018, section 5 (words).
"""

from functools import lru_cache
from typing import Any

import numpy as np
from textattack.transformations import WordSwap
from textattack.transformations.word_swaps.word_swap_embedding import recover_word_case

from analyzers.adversarial.lexicon.vectors import word_vectors
from analyzers.adversarial.offline_parts import REMEMBERED, LexiconPartOfSpeech
from analyzers.adversarial.token_slopes import Span, TokenSlopes

_LEAST_COSINE = 0.8


class GradientSwap(WordSwap):
    """Swaps the words that should hurt most by the slope of the loss at their tokens' vectors.

    TextAttack ranks the whole vocabulary and drops what the recipe's rules refuse; here the rules
    choose the candidates, as in the paper, so that no place of the beam is lost to them.
    """

    is_black_box = False

    def __init__(self, slopes: TokenSlopes, goal: Any, *, target: int | None, most: int) -> None:
        super().__init__()
        self._slopes, self._goal, self._target, self._most = slopes, goal, target, most

    def _get_replacement_words(self, word: str) -> list[str]:
        return list(near_words(word))

    def _get_transformations(self, current_text: Any, indices_to_modify: Any) -> list[Any]:
        words = {}
        for place in sorted(indices_to_modify):
            start = len(current_text.text_until_word_index(place))
            words[place] = Span(start, start + len(current_text.words[place]))
        swaps = self._slopes.best_swaps(
            current_text.text, words, near_words, code=int(self._goal.ground_truth_output),
            target=self._target, most=self._most,
        )  # fmt: skip
        return [current_text.replace_word_at_index(swap.place, swap.word) for swap in swaps]


@lru_cache(maxsize=REMEMBERED)
def near_words(word: str) -> tuple[str, ...]:
    """Words near `word` in our vectors and of its part of speech, in its case."""
    vectors, same_kind = word_vectors(), LexiconPartOfSpeech(allow_verb_noun_swap=False)
    at = vectors.place.get(word.lower())
    if at is None:
        return ()
    near = np.flatnonzero(vectors.unit @ vectors.unit[at] >= _LEAST_COSINE)
    return tuple(
        recover_word_case(vectors.words[other], word)
        for other in near.tolist()
        if other != at and same_kind.is_alike(word, vectors.words[other])
    )
