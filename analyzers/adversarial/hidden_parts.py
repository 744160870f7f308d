# ruff: noqa: ANN401  TextAttack's own interfaces, untyped
"""Changes that a reader does not see: characters hidden, stored the other way round or deleted.

Import this module only after `textattack_import.warm_up()`.

References:
    Boucher et al. 2022 (Bad Characters).
"""

import unicodedata
from typing import Any

from textattack.transformations import (
    WordSwapDeletions,
    WordSwapInvisibleCharacters,
    WordSwapReorderings,
)

# A frequent letter, a rare one and a sign that ends a word for most models; all 94 characters the
# paper draws from, at every place of a word, would cost hundreds of questions a word.
_TYPED_AND_DELETED = "ex!"
_RIGHT_TO_LEFT = {"R", "AL", "AN"}


class _AtOriginalPlaces:
    """Takes the places of words as those of the original text.

    Control characters split a word in TextAttack's eyes, so that later words no longer stand where
    the search ranked them.
    """

    def __call__(self, current_text: Any, *more: Any, **options: Any) -> Any:
        is_ranked = options.get("indices_to_modify") is not None
        call: Any = super().__call__  # type: ignore[misc]
        return call(current_text, *more, **options | {"shifted_idxs": is_ranked})


class InvisibleCharacters(_AtOriginalPlaces, WordSwapInvisibleCharacters):
    """Puts a character without width between two letters."""


class ReorderedLetters(_AtOriginalPlaces, WordSwapReorderings):
    """Stores two neighbouring letters the other way round, with controls that show them in order.

    Letters that are read from right to left are left alone: the controls would show them turned.
    """

    def _get_replacement_words(self, word: str) -> list[str]:
        if any(unicodedata.bidirectional(letter) in _RIGHT_TO_LEFT for letter in word):
            return []
        return list(super()._get_replacement_words(word))


class DeletedLetters(_AtOriginalPlaces, WordSwapDeletions):
    """Puts in a character and a backspace after it."""

    def _get_replacement_words(self, word: str) -> list[str]:
        return [
            word[:place] + typed + self.del_chr + word[place:]
            for place in range(len(word) + 1)
            for typed in _TYPED_AND_DELETED
        ]
