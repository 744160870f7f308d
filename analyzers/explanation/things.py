"""What is explained, in words: columns of a row, words of a text, patches of a picture."""

from typing import NamedTuple

from analyzers.core.result import Measurements


class Things(NamedTuple):
    """The words for what is explained.

    Attributes:
        parts: what gets a value each.
        whole: what they are parts of.
    """

    parts: str
    whole: str

    @property
    def wholes(self) -> str:
        """More than one whole."""
        return f"{self.whole}s"


_BY_MODALITY = {"text": Things("words", "text"), "image": Things("patches", "picture")}
_OF_TABLES = Things("columns", "row")


def things_of(measurements: Measurements) -> Things:
    """Return the words that fit what was explained."""
    return _BY_MODALITY.get(str(measurements.facts.get("modality")), _OF_TABLES)
