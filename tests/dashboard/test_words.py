"""Strings from data are shown as themselves where Streamlit expects Markdown."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.components.words import as_text, duration, file_size, short

JOINER = "\u2060"


def read_back(markdown: str) -> str:
    return re.sub(r"\\(.)", r"\1", markdown.replace(JOINER, ""))


@given(st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=200))
def test_a_reader_sees_the_same_characters(text):
    assert read_back(as_text(text)) == text


@given(st.text(max_size=200))
def test_no_punctuation_is_left_to_be_markup(text):
    bare = re.sub(r"\\.", "", as_text(text))

    assert not re.search(r"[*_`\[\]()<>#$~|!\\:]", bare)
    assert "\n" not in bare


@pytest.mark.parametrize(
    "text", ["https://evil.example", "www.evil.example", "a@evil.example", ":smile:"]
)
def test_links_and_icons_are_broken_even_after_escapes_are_gone(text):
    finished = re.sub(r"\\(.)", r"\1", as_text(text))

    assert not re.search(r"https?://|www\.|@evil|:smile", finished)


def test_direction_and_control_characters_go():
    assert as_text("a\u202eb\x08c") == "a\ufffdb\ufffdc"


def test_long_names_are_cut_in_headings():
    assert len(read_back(short("x" * 500))) == 80


def test_times_and_sizes_are_written_for_people():
    assert list(map(duration, (0.2, 59, 200, 600))) == ["0 s", "59 s", "3 min 20 s", "10 min"]
    assert [file_size(9), file_size(12_345), file_size(3_400_000)] == ["9 bytes", "12 kB", "3.4 MB"]
