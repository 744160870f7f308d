"""Charts under the questions they answer."""

import pytest

from analyzers.catalog import ANALYZERS
from analyzers.core.chart import Chart, by_section, in_sections
from tests.dashboard.conftest import measured


def chart(name, section=""):
    return Chart(
        name=name, title=name, caption="", alt="", table="", figure={}, section=section
    )  # fmt: skip


def test_charts_go_under_the_first_section_that_fits_and_keep_their_own():
    charts = [chart("roc_b"), chart("other", "Mine"), chart("bars"), chart("roc_a"), chart("none")]

    placed = in_sections(charts, {"roc": "Who?", "bars": "What?"})

    assert [(item.name, item.section) for item in placed] == [
        ("none", ""), ("roc_b", "Who?"), ("roc_a", "Who?"), ("bars", "What?"), ("other", "Mine"),
    ]  # fmt: skip
    assert list(by_section(placed)) == ["", "Who?", "What?", "Mine"]


@pytest.mark.parametrize("analyzer", ANALYZERS, ids=lambda analyzer: analyzer.name)
def test_where_charts_have_sections_none_is_left_without(analyzer):
    sections = {item.section for item in analyzer.draw(measured(analyzer.name))}

    assert sections == {""} or "" not in sections
