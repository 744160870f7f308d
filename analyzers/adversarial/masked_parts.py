"""What recipes do with a masked language model that was put into its folder.

Import this module only after `textattack_import.warm_up()`.
"""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from textattack.shared import AttackedText
from textattack.transformations import WordMergeMaskedLM
from textattack.transformations.word_merges.word_merge_masked_lm import find_merge_index

from analyzers.adversarial.downloads import folder_of
from analyzers.adversarial.language_model import masked_model
from analyzers.adversarial.lexicon.thesaurus import parts_of_speech

_TAGS = {"n": "NOUN", "v": "VERB", "a": "ADJ", "s": "ADJ", "r": "ADV"}
_CLOSED = {
    **dict.fromkeys(("the", "a", "an", "this", "that", "these", "those"), "DET"),
    **dict.fromkeys(("my", "your", "his", "her", "its", "our", "their"), "PRON"),
}


def transformers_with(name: str) -> Any:  # noqa: ANN401  stands in for a module
    """Return what a recipe's file takes for the transformers library: one model, read already."""
    model = masked_model(folder_of(name))
    return SimpleNamespace(
        AutoModelForCausalLM=_Always(model.network), AutoTokenizer=_Always(model.tokenizer)
    )


def made_with(name: str, kind: type[Any]) -> Callable[..., Any]:
    """Return a maker of transformations by the model called `name`, for a recipe's file."""

    def make(**options: Any) -> Any:  # noqa: ANN401
        model = masked_model(folder_of(name))
        return kind(
            **options
            | {
                "masked_language_model": model.network, "tokenizer": model.tokenizer,
                "max_length": model.max_length,
            }
        )  # fmt: skip

    return make


class DictionaryMerge(WordMergeMaskedLM):
    """Merges two words that may go together by the dictionary, where TextAttack asks a tagger."""

    def _get_transformations(self, current_text: AttackedText, indices_to_modify: Any) -> list[Any]:  # noqa: ANN401
        del indices_to_modify  # as its parent: what may be merged is found by the words' kinds
        places = find_merge_index([_tag(word) for word in current_text.words])
        merged = zip(places, self._get_merged_words(current_text, places), strict=True)
        return [
            current_text.delete_word_at_index(place + 1).replace_word_at_index(place, word)
            for place, words in merged
            for word in (found.strip("Ġ") for found in words)
            if word != current_text.words[place] and any(map(str.isalpha, word))
        ]


class _Always:
    """A class of the transformers library that has one thing to load."""

    def __init__(self, made: object) -> None:
        self._made = made

    def from_pretrained(self, *_: object, **__: object) -> object:
        return self._made


def _tag(word: str) -> str:
    low = word.lower()
    if low.isdigit():
        return "NUM"
    if low in _CLOSED:
        return _CLOSED[low]
    kinds = parts_of_speech(low)
    return next((tag for kind, tag in _TAGS.items() if kind in kinds), "")
