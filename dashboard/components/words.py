"""Words on a page: strings from data made harmless, verdicts, sizes and times."""

import re
from typing import Literal, NamedTuple

import streamlit as st

from analyzers.core.finding import Verdict
from analyzers.report.words import VERDICTS, VerdictWords
from analyzers.toolkit.markup import shown

Colour = Literal["red", "orange", "green", "blue", "gray"]

_PUNCTUATION = re.compile(r"([!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~])")
# Links, e-mail addresses, emoji and icons are recognised in finished text too, after escapes are
# gone; an invisible word joiner keeps their parts from meeting.
_MEETINGS = re.compile(r"(?<=[:@])(?=\S)|(?<=\bwww)(?=\.)|(?<=http)(?=s?:)", re.IGNORECASE)
_WORD_JOINER = "\u2060"
LONGEST_NAME = 80


class VerdictLook(NamedTuple):
    """A verdict's icon and colour; its word is in `analyzers.report.words`."""

    icon: str
    colour: Colour


LOOKS: dict[Verdict, VerdictLook] = {
    Verdict.FAIL: VerdictLook(":material/cancel:", "red"),
    Verdict.WARN: VerdictLook(":material/warning:", "orange"),
    Verdict.PASS: VerdictLook(":material/check_circle:", "green"),
    Verdict.INCONCLUSIVE: VerdictLook(":material/help:", "blue"),
    Verdict.NOT_TESTED: VerdictLook(":material/do_not_disturb_on:", "gray"),
}


def as_text(text: object, *, longest: int = 4000) -> str:
    """Make any string show as itself where Streamlit expects Markdown.

    Control and direction characters go, line ends become spaces, and nothing of what is left is
    markup, a link, an icon, a formula or a colour.
    """
    kept = " ".join(shown(text, longest=longest).split())
    return _PUNCTUATION.sub(r"\\\1", _MEETINGS.sub(_WORD_JOINER, kept))


def short(text: object) -> str:
    """The same for names in headings, cut at 80 characters."""
    kept = shown(text)
    return as_text(kept if len(kept) <= LONGEST_NAME else f"{kept[: LONGEST_NAME - 1]}…")


def verdict_badge(
    verdict: Verdict, *, words: VerdictWords | None = None, count: int | None = None
) -> None:
    """Show a verdict as icon, word and colour.

    Args:
        verdict: gives icon and colour.
        words: in place of the verdict's own.
        count: how many there are of it, where that is said.
    """
    look, words = LOOKS[verdict], words or VERDICTS[verdict]
    number = "" if count is None else f": {count:,}"
    st.badge(f"{words.word}{number}", icon=look.icon, color=look.colour, help=f"{words.meaning}.")


def duration(seconds: float) -> str:
    """Write a time span, such as "8 s", "3 min 20 s" or "10 min"."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60} min" + (f" {whole % 60} s" if whole % 60 else "")


def file_size(n_bytes: int) -> str:
    """Write a file's size, such as "12 kB" or "3.4 MB"."""
    if n_bytes < 1000:
        return f"{n_bytes} bytes"
    if n_bytes < 1_000_000:
        return f"{n_bytes / 1000:.0f} kB"
    return f"{n_bytes / 1_000_000:.1f} MB"
