"""TextAttack's own work done once instead of many times, with equal results.

Most of its time goes into splitting whole texts into words again for every candidate, and into one
torch call for every score. Here a candidate in which one word was swapped is cut from its parent's
text, and scores stay plain numbers. Everything else is TextAttack's; what is unusual falls back to
its own code.
"""

import gc
import importlib
import re
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from types import MethodType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

REMEMBERED = 100_000
# Splitting differs where a text holds Chinese characters.
_HAN = re.compile("[\u4e00-\u9fff]")


class _Row(np.ndarray[Any, np.dtype[np.float64]]):
    """Scores of one text, with the one thing TextAttack asks of a tensor."""

    def numel(self) -> int:
        return self.size


class _Spans(NamedTuple):
    """Where each word of a text starts and ends; None where the quick way does not apply."""

    starts: list[int]
    ends: list[int]


@contextmanager
def quick_texts() -> Iterator[None]:
    """Patch TextAttack while the block runs."""
    module: Any = importlib.import_module("textattack.shared.attacked_text")
    lemminflect: Any = importlib.import_module("lemminflect")
    text_class = module.AttackedText
    split = module.words_from_text
    remembered = lru_cache(maxsize=REMEMBERED)(lambda text: tuple(split(text)))
    plain_place = text_class._text_index_of_word_index
    plain_swap, plain_text = text_class.replace_words_at_indices, text_class.text

    def quick_split(text: str, *more: Any) -> list[str]:  # noqa: ANN401
        return split(text, *more) if more else list(remembered(text))

    def quick_swap(parent: Any, indices: Any, new_words: Any) -> Any:  # noqa: ANN401
        if len(indices) == 1 and len(new_words) == 1 and isinstance(new_words[0], str):
            made = _swapped(parent, int(indices[0]), str(new_words[0]), remembered)
            if made is not None:
                return made
        return plain_swap(parent, indices, new_words)

    def quick_text(text: Any) -> str:  # noqa: ANN401
        held: str | None = text.__dict__.get("_joined")
        if held is None:
            held = text.__dict__["_joined"] = str(plain_text.fget(text))
        return held

    def quick_place(text: Any, at: int) -> int:  # noqa: ANN401
        spans = text.__dict__.get("_spans")
        if spans is None or len(text.text.lower()) != len(text.text):
            return int(plain_place(text, at))
        return int(spans.starts[at])

    lemmas, inflections = lemminflect.getAllLemmas, lemminflect.getAllInflections
    # Both look words up in a dictionary, and TextAttack only reads what they return.
    lemminflect.getAllLemmas = lru_cache(maxsize=REMEMBERED)(lemmas)
    lemminflect.getAllInflections = lru_cache(maxsize=REMEMBERED)(inflections)
    module.words_from_text = quick_split
    text_class._text_index_of_word_index = quick_place
    text_class.replace_words_at_indices = quick_swap
    text_class.text = property(quick_text)
    try:
        yield
    finally:
        lemminflect.getAllLemmas, lemminflect.getAllInflections = lemmas, inflections
        module.words_from_text = split
        text_class._text_index_of_word_index = plain_place
        text_class.replace_words_at_indices = plain_swap
        text_class.text = plain_text


@contextmanager
def old_objects_set_aside() -> Iterator[None]:
    """Let the garbage collector look only at what is made while the block runs.

    A search makes hundreds of thousands of small objects, and each full collection would walk
    through every imported library again: a third of a second, several times.
    """
    if gc.get_freeze_count():
        yield  # a worker's were set aside before it began
        return
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def keep_plain_numbers(attack: Any) -> None:  # noqa: ANN401
    """Let an attack's goal work on rows of numbers instead of torch tensors of one row each."""

    def call(goal: Any, texts: list[Any]) -> list[NDArray[np.float64]]:  # noqa: ANN401
        if not texts:
            return []
        scores = goal.model([text.tokenizer_input for text in texts])
        return list(np.asarray(scores, dtype=np.float64).view(_Row))

    goal = attack.goal_function
    goal._call_model_uncached = MethodType(call, goal)


def _spans_of(parent: Any, remembered: Any) -> _Spans | None:  # noqa: ANN401
    """Find the words of a text as TextAttack does, one after another, once a text."""
    if "_spans" in parent.__dict__:
        found: _Spans | None = parent.__dict__["_spans"]
        return found
    text, spans = parent.text, None
    is_plain = (
        len(parent._text_input) == 1
        and "<SPLIT>" not in text
        and _HAN.search(text) is None
        and all(remembered(word) == (word,) for word in parent.words)
    )
    if is_plain:
        starts, ends, after = [], [], 0
        for word in parent.words:
            at = text.index(word, after)
            after = at + len(word)
            starts.append(at)
            ends.append(after)
        spans = _Spans(starts, ends)
    parent.__dict__["_spans"] = spans
    return spans


def _swapped(parent: Any, at: int, word: str, remembered: Any) -> Any:  # noqa: ANN401
    """Swap one word for one other or leave it out; None where TextAttack's code is needed."""
    spans = _spans_of(parent, remembered)
    made_of = remembered(word)
    if spans is None or not 0 <= at < len(spans.starts) or len(made_of) > 1 or _HAN.search(word):
        return None
    if not made_of:
        return None if word else _left_out(parent, at, spans)
    start, end, before = spans.starts[at], spans.ends[at], parent.words[at]
    is_new = before != word
    text = parent.text[:start] + word + parent.text[end:]
    modified = parent.attack_attrs["modified_indices"]
    made = _made(
        parent,
        text,
        newly_modified_indices={at} if is_new else set(),
        modified_indices=modified | {at} if is_new else modified.copy(),
        original_index_map=parent.attack_attrs["original_index_map"].copy(),
    )
    if made_of == (word,):
        words = parent.words[:]
        words[at] = word
        shift = len(word) - (end - start)
        made.__dict__.update(
            _words=words,
            _spans=_Spans(
                spans.starts[: at + 1] + [place + shift for place in spans.starts[at + 1 :]],
                spans.ends[:at] + [place + shift for place in spans.ends[at:]],
            ),
        )
    return made


def _left_out(parent: Any, at: int, spans: _Spans) -> Any:  # noqa: ANN401
    """Leave one word out, with a blank beside it where there is one."""
    head, tail = parent.text[: spans.starts[at]], parent.text[spans.ends[at] :]
    if tail and at == 0:
        tail = tail.removeprefix(" ")
    elif tail:
        head = head.removesuffix(" ")
    places = parent.attack_attrs["original_index_map"].copy()
    places[places == at] = -1
    places[places > at] -= 1
    modified = parent.attack_attrs["modified_indices"]
    return _made(
        parent,
        head + tail,
        newly_modified_indices=set(),
        modified_indices={place - (place > at) for place in modified if place != at},
        original_index_map=places,
    )


def _made(parent: Any, text: str, **attributes: Any) -> Any:  # noqa: ANN401
    """Build a text as TextAttack's own class would, without splitting it into words."""
    made = object.__new__(type(parent))
    if "label_names" in parent.attack_attrs:
        attributes["label_names"] = parent.attack_attrs["label_names"]
    attributes["previous_attacked_text"] = parent
    made.__dict__.update(
        _text_input=OrderedDict([(next(iter(parent._text_input)), text)]),
        _words=None, _words_per_input=None, _pos_tags=None, _ner_tags=None,
        attack_attrs=attributes, _joined=text,
    )  # fmt: skip
    return made
