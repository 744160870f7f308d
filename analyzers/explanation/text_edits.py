"""An edited text asked of the live model: what it answers, and which edit did how much.

The words that differ fall into edits, and the model is asked about every mixture of the text and
its edited copy. Shapley values of these answers share the change out exactly among the edits.
"""

from difflib import SequenceMatcher
from typing import NamedTuple

import numpy as np
import pandas as pd

from analyzers.core.errors import InvalidParameter
from analyzers.core.result import Measurements
from analyzers.core.subject import Subject
from analyzers.explanation.chart_words import is_filled
from analyzers.explanation.what_if import MOST_EDITED, Question

NOTHING = "nothing"


class _Edit(NamedTuple):
    """Words `start` to `stop` of the text, and those that stand there in the edited copy."""

    start: int
    stop: int
    words: tuple[str, ...]


def editable_text(measurements: Measurements, row: int) -> str | None:
    """The text of a row as the model got it; None where it was not kept."""
    if not is_filled(measurements, "texts"):
        return None
    table = measurements.tables["texts"].to_pandas()
    mine = table.loc[table["row"] == row, "text"]
    return None if mine.empty else str(mine.iloc[0])


def ask_about_text(subject: Subject, text: str, edited: str) -> Question:
    """Put together the texts to ask about.

    Args:
        subject: names the column of texts.
        text: as the model got it.
        edited: as it would be.

    Returns:
        The first text is `text`, the last is `edited`; between them every mixture of the edits.

    Raises:
        InvalidParameter: more places are edited than can be told apart.
    """
    words = text.split()
    edits = _edits_between(words, edited.split())
    if len(edits) > MOST_EDITED:
        raise InvalidParameter(
            f"Expected at most {MOST_EDITED} edited places, got {len(edits)}.",
            remedy="Set some of them back, so that the change can be shared out among the rest.",
        )
    n_texts = 2 ** len(edits)
    takes_edit = (np.arange(n_texts)[:, None] >> np.arange(len(edits)) & 1).astype(bool)
    mixtures = [_mixture(words, edits, line.tolist()) for line in takes_edit]
    # Spaces and line ends are the text's own in the two that a person wrote.
    mixtures[0] = text
    if edits:
        mixtures[-1] = edited
    return Question(
        rows=pd.DataFrame({subject.features[0].name: mixtures}),
        edited=tuple(f"word {edit.start + 1}" for edit in edits),
        before=tuple(" ".join(words[edit.start : edit.stop]) or NOTHING for edit in edits),
        after=tuple(" ".join(edit.words) or NOTHING for edit in edits),
    )


def _edits_between(before: list[str], after: list[str]) -> list[_Edit]:
    matched = SequenceMatcher(None, before, after, autojunk=False)
    return [
        _Edit(start, stop, tuple(after[first:last]))
        for kind, start, stop, first, last in matched.get_opcodes()
        if kind != "equal"
    ]


def _mixture(words: list[str], edits: list[_Edit], taken: list[bool]) -> str:
    mixed, place = [], 0
    for edit, is_taken in zip(edits, taken, strict=True):
        mixed += words[place : edit.start]
        mixed += edit.words if is_taken else words[edit.start : edit.stop]
        place = edit.stop
    return " ".join([*mixed, *words[place:]])
