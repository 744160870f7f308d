"""Docstrings become headings and paragraphs, in either of the two ways they are written."""

import pytest

from analyzers.catalog import ANALYZERS
from analyzers.report.method import Part, method, parts_of

INDENTED = """What of it?

Question
    What of it, really?

Method
    By counting,
    twice.

    Then again.

References:
    Author 2026.
"""
INLINE = """Question: What of it, really?

Method: By counting,
twice.

Then again.

References: Author 2026.
"""


@pytest.mark.parametrize("about", [INDENTED, INLINE], ids=["indented", "inline"])
def test_both_ways_of_writing_give_the_same_parts(about):
    assert parts_of(about) == (
        Part("Question", ("What of it, really?",)),
        Part("Method", ("By counting, twice.", "Then again.")),
        Part("References", ("Author 2026.",)),
    )


def test_a_line_that_only_begins_like_a_heading_is_text():
    assert parts_of("Limits\n    None.\nMethodical work.\n") == (
        Part("Limits", ("None. Methodical work.",)),
    )


def test_words_are_escaped():
    assert "&lt;b&gt;" in method("Limits: <b> is text.")


@pytest.mark.parametrize("analyzer", ANALYZERS, ids=lambda item: item.name)
def test_every_analyzer_of_the_catalog_has_all_four_parts(analyzer):
    parts = parts_of(analyzer.about)

    assert [part.heading for part in parts] == ["Question", "Method", "Limits", "References"]
    assert all(part.paragraphs for part in parts)
