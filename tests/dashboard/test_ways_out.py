"""Rules set on the explanation page, the search under them, and the ways to find a row."""

import pytest

from analyzers.jobs.runner import Runner
from tests.dashboard.test_what_if import LiveBench

TOGGLE = "explanation-ways"


@pytest.fixture
def page(workspace, monkeypatch):
    monkeypatch.setattr(Runner, "open_live", lambda self, subject: LiveBench())
    workspace.done("explanation")
    return workspace.open("explanation")


def words_shown(app):
    return " ".join(item.value for kind in (app.info, app.error, app.subheader) for item in kind)


def test_a_search_without_rules_shows_changes_or_says_that_there_are_none(page):
    app = page.toggle(key=TOGGLE).set_value(True).run()
    assert not app.exception

    app.button(key=f"{TOGGLE}-search").click().run()

    assert not app.exception
    assert "changes the answer" in words_shown(app)
    said = " ".join(item.value for item in app.markdown)
    assert "As it stands the model says" in said
    assert "1. Change " in said


def test_whole_numbers_are_asked_for_where_the_data_has_others(page):
    app = page.toggle(key=TOGGLE).set_value(True).run()
    row = app.selectbox(key="explanation-picked-row").value
    app.multiselect(key=f"{TOGGLE}-columns").set_value(["income"]).run()

    app.checkbox(key=f"{TOGGLE}-{row}-income-whole").set_value(True)
    app.button(key=f"{TOGGLE}-search").click().run()

    assert not app.exception
    said = " ".join(item.value for item in (*app.markdown, *app.info))
    assert "As it stands the model says" in said


def test_a_range_the_wrong_way_round_is_a_sentence(page):
    app = page.toggle(key=TOGGLE).set_value(True).run()
    row = app.selectbox(key="explanation-picked-row").value
    app.multiselect(key=f"{TOGGLE}-columns").set_value(["income"]).run()
    app.number_input(key=f"{TOGGLE}-{row}-income-low").set_value(90.0)
    app.number_input(key=f"{TOGGLE}-{row}-income-high").set_value(10.0)

    app.button(key=f"{TOGGLE}-search").click().run()

    assert not app.exception
    assert "smaller to its larger end" in words_shown(app)


def test_rows_are_listed_in_the_chosen_order_and_compared(page):
    app = page.selectbox(key="explanation-row-order").set_value("highest output first").run()
    assert not app.exception
    first = app.selectbox(key="explanation-picked-row").value
    other = app.selectbox(key="explanation-contrast-row")

    other.set_value(next(row for row in range(200) if row != first)).run()

    assert not app.exception
    assert f"Why row {first:,} gets" in words_shown(app)
