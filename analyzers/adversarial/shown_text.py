"""What a reader sees of a text that holds control characters.

References:
    Unicode Standard Annex 9, "Unicode Bidirectional Algorithm": rules X1 to X8 (levels) and L2
    (order), for letters that are read from left to right.
"""

import unicodedata
from itertools import pairwise
from typing import NamedTuple

_BACKSPACE = "\b"
_EMBEDDINGS = {"LRE", "LRO", "RLO"}
_ENDS_EMBEDDING, _ISOLATE, _ENDS_ISOLATE = "PDF", "LRI", "PDI"
# Letters read from right to left, and controls that leave the order to the letters themselves.
_OTHER_LETTERS, _OTHER_CONTROLS = {"R", "AL", "AN"}, {"RLE", "RLI", "FSI"}
_CONTROLS = {*_EMBEDDINGS, _ENDS_EMBEDDING, _ISOLATE, _ENDS_ISOLATE, *_OTHER_CONTROLS}


class _Open(NamedTuple):
    """A stretch that was begun: odd levels run from right to left, overrides turn any character."""

    level: int
    is_isolate: bool = False
    is_override: bool = False


class _Placed(NamedTuple):
    """A character in the order it is stored.

    Attributes:
        char: empty for the marks of an isolate.
        level: of the stretch it stands in.
        is_certain: whether its direction is its own or an override's, and not its neighbours'.
        opens: whether it is the mark that begins an isolate.
        closes: whether it is the mark that ends one.
    """

    char: str
    level: int
    is_certain: bool
    opens: bool = False
    closes: bool = False


def after_backspaces(text: str) -> str:
    """Return the text with every backspace pressed."""
    shown: list[str] = []
    for char in text:
        if char != _BACKSPACE:
            shown.append(char)
        elif shown:
            shown.pop()
    return "".join(shown)


def as_displayed(text: str) -> str | None:
    """Return the characters in the order in which they are displayed, without the controls.

    None where controls stand beside what they turn in ways not read here: right-to-left letters,
    and blanks or digits that follow the direction of their neighbours.
    """
    kinds = {unicodedata.bidirectional(char) for char in text}
    if not kinds & _CONTROLS:
        return text
    if kinds & (_OTHER_LETTERS | _OTHER_CONTROLS):
        return None
    lines = [_placed(line) for line in text.split("\n")]
    if any(_depends(line) for line in lines):
        return None
    return "\n".join("".join(each.char for each in _in_order(line)) for line in lines)


def _placed(text: str) -> list[_Placed]:
    open_ = [_Open(0)]
    placed: list[_Placed] = []
    for char in text:
        kind, last = unicodedata.bidirectional(char), open_[-1]
        if kind in _EMBEDDINGS:
            level = _next_level(last.level, is_odd=kind == "RLO")
            open_.append(_Open(level, is_override=kind != "LRE"))
        elif kind == _ISOLATE:
            # The marks of an isolate stand in the stretch outside, and keep neighbours apart there.
            placed.append(_Placed("", last.level, last.is_override, opens=True))
            open_.append(_Open(_next_level(last.level, is_odd=False), is_isolate=True))
        elif kind == _ENDS_EMBEDDING:
            if len(open_) > 1 and not last.is_isolate:
                open_.pop()
        elif kind == _ENDS_ISOLATE:
            closes = any(each.is_isolate for each in open_)
            while closes and not open_.pop().is_isolate:
                pass
            placed.append(_Placed("", open_[-1].level, open_[-1].is_override, closes=closes))
        else:
            placed.append(_Placed(char, last.level, last.is_override or kind == "L"))
    return placed


def _next_level(level: int, *, is_odd: bool) -> int:
    return level + 1 + ((level + 1) % 2 != is_odd)


def _depends(placed: list[_Placed]) -> bool:
    """Whether a character without a direction of its own stands where that decides the order."""
    for last in reversed(placed):
        # Blanks at the end of a line leave the stretch they stand in.
        if last.char.strip():
            break
        if last.char and last.level:
            return True
    return any(
        (first.level % 2 and not second.is_certain) or (second.level % 2 and not first.is_certain)
        for first, second in pairwise(placed)
        # What stands in an isolate does not look beyond it.
        if not first.opens and not second.closes
    )


def _in_order(placed: list[_Placed]) -> list[_Placed]:
    """Turn every run of a level or more round, from the highest level to the first."""
    for least in range(max((each.level for each in placed), default=0), 0, -1):
        start = 0
        while start < len(placed):
            end = start
            while end < len(placed) and placed[end].level >= least:
                end += 1
            placed[start:end] = placed[start:end][::-1]
            start = end + 1
    return placed
