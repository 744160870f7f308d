"""The what-if form on the explanation page, with a live model that answers in this process."""

import numpy as np
import pytest

from analyzers.core.errors import ModelMisbehaved
from analyzers.jobs.runner import Runner
from tests.benches import credit_bench, dataset_of, predictions_of
from tests.dashboard.conftest import words_of

TOGGLE = "explanation-what-if"


class LiveBench:
    """Answers like the model of the bench; remembers what it was asked."""

    def __init__(self):
        self.bench = credit_bench(200)
        self.asked = []
        self.is_open = True

    def predict(self, rows):
        self.asked.append(rows)
        return predictions_of(
            self.bench.model, dataset_of(self.bench.subject, rows.assign(granted="no"))
        )


@pytest.fixture
def live(monkeypatch):
    model, opened = LiveBench(), []

    def open_live(self, subject):
        opened.append(subject.digest)
        return model

    monkeypatch.setattr(Runner, "open_live", open_live)
    model.opened = opened
    return model


def edit_page(workspace):
    workspace.done("explanation")
    return workspace.open("explanation").toggle(key=TOGGLE).set_value(True).run()


def test_the_model_is_opened_only_when_asked_for(workspace, live):
    workspace.done("explanation")

    app = workspace.open("explanation")

    assert not app.exception
    assert live.opened == []


def test_an_edit_is_answered_at_once_by_the_model_itself(workspace, live):
    app = edit_page(workspace)
    assert not app.exception
    row = app.selectbox(key="explanation-picked-row").value
    income = app.number_input(key=f"{TOGGLE}-{row}-income")

    income.set_value(income.max).run()

    assert not app.exception
    asked = live.asked[-1]
    assert len(asked) == 2
    np.testing.assert_allclose(asked["income"].iloc[-1], income.max)
    expected = live.predict(asked)
    table = next(item.value for item in app.dataframe if "answer" in item.value)
    np.testing.assert_allclose(table["before"], expected.scores[0])
    np.testing.assert_allclose(table["after"], expected.scores[-1])
    assert any("what each edit does" in item.value for item in app.subheader)
    assert len(live.opened) == 1


def test_a_category_is_a_choice_among_those_of_the_data(workspace, live):
    app = edit_page(workspace)
    row = app.selectbox(key="explanation-picked-row").value
    app.multiselect(key=f"{TOGGLE}-columns").set_value(["region"]).run()
    region = app.selectbox(key=f"{TOGGLE}-{row}-region")

    assert set(region.options) == {"east", "north", "south"}
    other = next(option for option in region.options if option != region.value)
    region.set_value(other).run()

    assert not app.exception
    assert live.asked[-1]["region"].tolist()[-1] == other


def test_a_model_that_cannot_be_opened_is_said_with_what_to_do(workspace):
    app = edit_page(workspace)

    assert not app.exception
    assert "The model gave no answer" in app.error[0].value
    assert "No worker is started in this test" in app.error[0].value.replace("\\", "")


def test_a_model_that_fails_is_said_and_the_form_stays(workspace, live):
    def fail(rows):
        raise ModelMisbehaved("It ate the row.", remedy="Open the model again.")

    live.predict = fail

    app = edit_page(workspace)

    assert not app.exception
    assert "It ate the row" in app.error[0].value
    assert app.multiselect(key=f"{TOGGLE}-columns")


def test_a_model_that_closed_itself_is_opened_again(workspace, live):
    app = edit_page(workspace)
    live.is_open = False

    app.multiselect(key=f"{TOGGLE}-columns").set_value(["age"]).run()

    assert not app.exception
    assert len(live.opened) == 2


def test_without_a_model_there_is_nothing_to_edit(workspace, live):
    files = workspace.subject.files.model_copy(update={"model": None})

    app = workspace.keep(workspace.subject.model_copy(update={"files": files})).open("explanation")

    assert not app.exception
    assert TOGGLE not in {item.key for item in app.toggle}
    assert "What if the row" not in words_of(app)
