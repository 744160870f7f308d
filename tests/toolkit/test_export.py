"""Charts and tables leave as harmless files: no markup, no formula, no address, no lost number."""

import csv
import io
import json
import re
from html.parser import HTMLParser

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzers.core.chart import Chart
from analyzers.toolkit import plots
from analyzers.toolkit.export import (
    chart_html,
    figure_json,
    file_stem,
    guarded,
    table_csv,
)
from analyzers.toolkit.markup import Html, element, escaped, joined, shown

HOSTILE = "</script><script>alert(1)</script>"


def chart(**changes) -> Chart:
    figure = plots.figure(
        [{"type": "scattergl", "x": np.array([1.0, np.nan]), "y": np.array([2.0, 3.0])}],
        x="Score",
        y=HOSTILE,
    )
    fields = {
        "name": "roc", "title": f"Title {HOSTILE}", "caption": "Two points, n = 2.",
        "alt": 'A "chart"', "table": "roc", "figure": figure,
    }  # fmt: skip
    return Chart(**(fields | changes))


class Page(HTMLParser):
    """What a browser would find: scripts, addresses and visible text."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data)


def rows_of(written: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(written.decode("utf-8-sig"))))


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "＝1+1"],
)
def test_a_formula_is_put_behind_an_apostrophe(text):
    assert guarded(text) == f"'{text}"


@pytest.mark.parametrize("text", ["-5", "+1.5", "-1e-3", "-.5", "a=b", "", "safe", "3 - 2"])
def test_numbers_and_harmless_words_stay_as_they_are(text):
    assert guarded(text) == text


@given(st.text())
def test_no_guarded_text_begins_a_formula(text):
    start = guarded(text)[:1]

    assert start not in set("=+-@\t\r") or re.fullmatch(r"[+-][\d.eE+-]+", guarded(text))


def test_csv_keeps_numbers_marks_nulls_and_guards_words_and_headings():
    table = pa.table(
        {
            "=value": pa.array([-1.5, None]),
            "group": pa.array(["=HYPERLINK(1)", 'a,"b"\nc']),
            "scores": pa.array([[0.25, 0.75], None]),
            "level": pa.array(["-x", "y"]).dictionary_encode(),
            "n": pa.array([-3, 4]),
        }
    )

    written = table_csv(table)

    assert written.startswith(b"\xef\xbb\xbf")
    assert rows_of(written) == [
        ["'=value", "group", "scores", "level", "n"],
        ["-1.5", "'=HYPERLINK(1)", "[0.25, 0.75]", "'-x", "-3"],
        ["", 'a,"b"\nc', "", "y", "4"],
    ]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=20))
def test_every_number_comes_back_from_csv_as_it_was(values):
    rows = rows_of(table_csv(pa.table({"value": pa.array(values, pa.float64())})))

    assert [float(row[0]) for row in rows[1:]] == values


def test_a_list_of_words_in_a_cell_cannot_start_a_formula():
    rows = rows_of(table_csv(pa.table({"words": pa.array([["=1"]])})))

    assert rows[1] == ['["=1"]']


def test_a_figure_cannot_leave_its_script_element():
    text = figure_json(chart().figure)

    assert not set(text) & set("<>&\u2028\u2029")
    assert json.loads(text)["layout"]["yaxis"]["title"]["text"] == HOSTILE


def test_a_figure_holds_null_for_a_gap_and_vectors_for_points():
    (trace,) = json.loads(figure_json(chart().figure))["data"]

    assert trace["x"] == [1.0, None]
    assert trace["type"] == "scatter"


def test_a_figure_cannot_fetch_a_picture():
    figure = {
        "data": [{"type": "image", "source": "https://elsewhere.example/a.png"}],
        "layout": {"images": [{"source": "data:image/png;base64,AAAA"}, {"source": "//x.example"}]},
    }

    kept = json.loads(figure_json(figure))

    assert kept["data"] == [{"type": "image"}]
    assert kept["layout"]["images"] == [{"source": "data:image/png;base64,AAAA"}, {}]


def test_writing_a_figure_leaves_the_figure_alone():
    figure = chart().figure

    figure_json(figure)

    assert figure["data"][0]["type"] == "scattergl"


def test_a_chart_page_shows_its_words_as_words_and_fetches_nothing():
    text = chart_html(chart())
    page = Page(text)

    assert [tag for tag, _ in page.elements].count("script") == 3
    for _, attributes in page.elements:
        assert not {"src", "href", "srcset", "action", "onclick", "onload"} & set(attributes)
    assert f"Title {HOSTILE}" in page.words
    assert "Two points, n = 2." in page.words
    assert 'showSendToCloud": false' in text


def test_a_chart_page_allows_its_own_scripts_by_digest_and_no_others():
    text = chart_html(chart())
    policy = next(
        attributes["content"]
        for tag, attributes in Page(text).elements
        if attributes.get("http-equiv") == "Content-Security-Policy"
    )
    script_policy = re.search(r"script-src ([^;]*);", policy)[1]

    assert policy.startswith("default-src 'none';")
    assert script_policy.count("sha256-") == 2
    assert "unsafe" not in script_policy


def test_a_file_name_holds_nothing_odd():
    assert file_stem("German credit", "fairness/../x", "rate by säx") == (
        "german-credit-fairness-x-rate-by-s-x"
    )
    assert file_stem("…") == "export"


def test_text_is_escaped_and_markup_is_not():
    inner = element("b", "a < b & c")

    assert element("p", inner, " > ", None, ["x", 1]) == "<p><b>a &lt; b &amp; c</b> &gt; x1</p>"
    assert element("p", class_='"><script>', aria_label=None) == (
        '<p class="&quot;&gt;&lt;script&gt;"></p>'
    )
    assert joined(["<", Html("<br>")], ", ") == "&lt;, <br>"


@given(st.text())
def test_no_text_becomes_markup(text):
    assert not set(escaped(text)) & set("<>\"'")


def test_what_would_deceive_the_eye_is_made_visible_and_long_text_is_cut_with_a_mark():
    assert shown("pay\u202e0001\x08") == "pay\ufffd0001\ufffd"
    assert shown("x" * 5000, longest=10) == "xxxxxxxxxx… (5,000 characters)"
