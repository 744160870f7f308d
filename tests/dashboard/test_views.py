"""Every page in every state it can be in: nothing yet, not possible, at work, failed, done."""

import re
from dataclasses import replace

import pytest

from analyzers.catalog import ANALYZERS, analyzer_named
from analyzers.core.job import Failed, Progress, Running, Stopped
from analyzers.jobs.runner import Runner
from analyzers.policies import load_policy
from dashboard import engine, reporting
from dashboard.components.words import as_text
from sample_models import SAMPLES
from tests.dashboard.conftest import measured, words_of

CARD = "What to do, and where this comes from"
AREAS = [analyzer.name for analyzer in ANALYZERS]
every_area = pytest.mark.parametrize("area", AREAS)


@pytest.mark.parametrize("view", ["subject", *AREAS, "overview", "report"])
def test_without_a_subject_a_page_says_where_to_begin(view, empty_app):
    app = empty_app(view)

    assert not app.exception
    assert "Open a sample" in words_of(app)


def test_home_offers_every_sample_and_says_what_happens_to_an_upload(empty_app):
    app = empty_app("home")

    assert not app.exception
    assert {button.label for button in app.button} >= {"Open this sample", "Read the files"}
    assert sum(button.label == "Open this sample" for button in app.button) == 5
    assert "never opens an uploaded file" in words_of(app)
    assert "One file may have 512 MiB" in words_of(app)


def test_runs_without_any_say_so(empty_app):
    app = empty_app("runs")

    assert not app.exception
    assert "Nothing has been run here yet." in words_of(app)


@every_area
def test_before_the_first_run_a_page_offers_it_and_says_how_it_measures(area, workspace):
    app = workspace.open(area)

    assert not app.exception
    assert app.button(key=f"{area}-run").label.startswith("Run ")
    assert "References" in words_of(app)


@every_area
def test_what_does_not_apply_is_refused_with_its_reason(area, workspace):
    files = workspace.subject.files.model_copy(update={"model": None, "training_data": None})
    bare = workspace.subject.model_copy(
        update={
            "files": files,
            "target": None,
            "columns": tuple(
                column.model_copy(update={"is_sensitive": False})
                for column in workspace.subject.columns
            ),
        }
    )

    app = workspace.keep(bare).open(area)

    assert not app.exception
    assert "Not possible here" in app.warning[0].value
    assert not [button for button in app.button if button.key == f"{area}-run"]


@every_area
def test_a_result_is_shown_with_findings_charts_and_provenance(area, workspace):
    job = workspace.done(area)

    app = workspace.open(area)

    assert not app.exception
    assert {"Findings", "Charts", "Behind the numbers"} <= {item.value for item in app.header}
    assert app.query_params["job"] == job
    charts = app.get("plotly_chart")
    assert len(charts) >= 2
    assert all(chart.proto.alt for chart in charts)
    assert len(app.get("bidi_component")) >= len(charts) > 0
    labels = [button.label for button in app.get("download_button")]
    assert labels.count("HTML") == len(charts) <= labels.count("CSV")


def test_charts_of_sections_stand_in_tabs_and_only_the_open_one_is_drawn(workspace, monkeypatch):
    performance = analyzer_named("performance")
    first, second, *others = performance.draw(measured("performance"))
    sections = (first, replace(second, section="One"), replace(others[0], section="Two"))
    monkeypatch.setattr(engine, "judged", lambda *_: engine.Answer((), sections))
    workspace.done("performance")

    app = workspace.open("performance")

    assert not app.exception
    assert [tab.label for tab in app.tabs] == ["One", "Two"]
    shown = words_of(app)
    assert as_text(first.title) in shown
    assert as_text(second.title) in shown
    assert as_text(others[0].title) not in shown


@every_area
def test_a_failure_is_a_sentence_with_what_to_do_and_another_try(area, workspace):
    workspace.job(
        area,
        Failed(kind="memory", message="It took 5 GiB; 4 GiB are allowed.", remedy="Send less."),
    )

    app = workspace.open(area)

    assert not app.exception
    assert "It took 5 GiB" in app.error[0].value.replace("\\", "")
    assert "Send less" in app.error[0].value
    assert app.button(key=f"{area}-run").label == "Try again"


def test_work_under_way_shows_what_it_does_how_long_and_a_cancel_button(workspace):
    progress = Progress(what="Counting *rows*", done=3, total=4, elapsed_seconds=30)
    workspace.job("performance", Running(progress=progress))

    app = workspace.open("performance")

    assert not app.exception
    assert "30 s so far, about 10 s left" in words_of(app)
    assert [button for button in app.button if button.label == "Cancel"]
    assert not [button for button in app.button if button.key == "performance-run"]


def test_work_that_can_be_ended_early_says_what_it_found_and_offers_to_keep_it(workspace):
    progress = Progress(what="Attacking rows", so_far="3 of 9 right *answers* flipped")
    workspace.job("adversarial", Running(progress=progress))

    app = workspace.open("adversarial")

    assert not app.exception
    assert "3 of 9 right" in words_of(app).replace("\\", "")
    (button,) = [button for button in app.button if button.label == "Stop and keep"]
    assert not button.disabled


def test_work_that_is_ending_is_not_asked_twice(workspace):
    progress = Progress(what="Attacking rows", so_far="3 of 9 right answers flipped")
    workspace.job("adversarial", Running(progress=progress, is_ending=True))

    app = workspace.open("adversarial")

    (button,) = [button for button in app.button if button.label == "Stop and keep"]
    assert button.disabled
    assert [button for button in app.button if button.label == "Cancel"]


def test_the_attack_says_who_attacks_before_any_finding_and_hides_what_means_nothing(workspace):
    workspace.done("adversarial")

    app = workspace.open("adversarial")

    assert not app.exception
    headings = [heading.value for heading in app.header]
    assert headings.index("Who attacks, and how") < headings.index("Findings")
    assert "Testing data control and query access" in words_of(app).replace("\\", "")
    labels = [field.label for field in (*app.number_input, *app.toggle, *app.selectbox)]
    assert "Size of the change" in labels
    assert not any(label.startswith(("Images:", "Text:", "Tables:")) for label in labels)


def test_a_cancelled_run_is_no_failure(workspace):
    workspace.job("performance", Stopped())

    app = workspace.open("performance")

    assert not app.error
    assert ": cancelled" in app.info[0].value


def test_a_refused_setting_keeps_the_last_result_and_the_settings_asked_for(workspace):
    workspace.done("adversarial")
    failed = Failed(kind="parameter", message="Expected a name, got 'x = y'.", remedy="Mend it.")
    workspace.job("adversarial", failed, params={"kept": "x = y", "rows": 7})

    app = workspace.open("adversarial")

    assert not app.exception
    assert "Expected a name" in app.error[0].value.replace("\\", "")
    assert "The last result, with its own settings" in words_of(app)
    assert "Findings" in [heading.value for heading in app.header]
    assert app.number_input(key="adversarial-param-rows").value == 7


def test_a_number_out_of_bounds_is_a_sentence_and_starts_nothing(workspace, monkeypatch):
    monkeypatch.setattr(Runner, "submit", lambda *_: pytest.fail("a run was started"))
    app = workspace.open("performance")
    (field, *_) = app.number_input

    field.set_value(10_000_000_000)
    app.button(key="performance-run").click().run()

    assert not app.exception
    assert "to be from" in app.error[0].value.replace("\\", "")


def test_a_damaged_result_is_said_and_can_be_run_again(workspace):
    job = workspace.done("performance")
    (workspace.store.folder / "jobs" / job / "result" / "result.json").write_text("{")

    app = workspace.open("performance")

    assert not app.exception
    assert app.error
    assert app.button(key="performance-run")


def test_the_threshold_moves_the_numbers(workspace):
    workspace.done("performance")
    app = workspace.open("performance")

    def selected(app):
        frame = next(item.value for item in app.dataframe if "Metric" in item.value)
        return float(frame.loc[frame["Metric"] == "Selection rate", "Value"].iloc[0])

    before = selected(app)
    app.slider(key="performance-threshold").set_value(0.9).run()

    assert not app.exception
    assert selected(app) < before


def test_any_explained_row_can_be_drawn(workspace):
    workspace.done("explanation")
    app = workspace.open("explanation")
    picker = app.selectbox(key="explanation-picked-row")
    other = next(row for row in range(10) if row != picker.value)

    picker.set_value(other).run()

    assert not app.exception
    assert any(f"Row {other:,}" in item.value for item in app.subheader)


def test_the_overview_names_every_risk_its_verdict_and_what_was_not_tested(workspace):
    workspace.done("performance")
    workspace.job("fairness", Failed(kind="timeout", message="Ten minutes were not enough."))

    app = workspace.open("overview")

    assert not app.exception
    words = words_of(app)
    assert {item.value for item in app.subheader} == {item.title for item in ANALYZERS}
    assert "Ten minutes were not enough" in words.replace("\\", "")
    assert "It has not been run yet" in words.replace("\\", "")


def test_an_analysis_that_ends_while_its_page_is_drawn_is_shown(workspace, monkeypatch):
    workspace.done("performance")
    looks = []

    def running_at_first(job, state_of=engine.state_of):
        looks.append(job)
        return Running() if len(looks) == 1 else state_of(job)

    monkeypatch.setattr(engine, "state_of", running_at_first)

    app = workspace.open("performance")

    assert len(looks) > 1
    assert not app.exception
    assert "Findings" in {item.value for item in app.header}


def test_an_overview_drawn_while_the_last_analysis_ends_does_not_stand_still(
    workspace, monkeypatch
):
    workspace.done("performance")
    looks = []

    def running_at_first(store, examined, entries_in=reporting.entries_in):
        looks.append(examined)
        entries = entries_in(store, examined)
        if len(looks) > 1:
            return entries
        return (replace(entries[0], state=Running(), result=None), *entries[1:])

    monkeypatch.setattr(reporting, "entries_in", running_at_first)

    app = workspace.open("overview")

    assert len(looks) > 1
    assert not app.exception
    assert "It is being measured." not in words_of(app)


def test_an_overview_offers_only_what_is_left_to_run(workspace):
    workspace.done("performance")
    assert workspace.open("overview").button(key="run-everything").label == "Run what is left"
    for area in AREAS:
        workspace.done(area)

    app = workspace.open("overview")

    assert not [button for button in app.button if button.key == "run-everything"]


def test_only_the_worst_findings_are_cards_and_none_is_lost(workspace):
    workspace.done("fairness")
    app = workspace.open("fairness")
    n_cards = sum(label == CARD for label in (item.label for item in app.expander))
    folded = [item for item in app.expander if re.match("(Fail|Warning|Pass|Inc|No)", item.label)]
    in_tables = sum(len(item.dataframe[0].value) for item in folded)

    result = engine_answer(workspace, "fairness")

    assert n_cards <= 9
    assert n_cards + in_tables == len(result)
    assert len(result) > 9


def engine_answer(workspace, area):
    analyzer = next(item for item in ANALYZERS if item.name == area)
    return analyzer.judge(measured(area), load_policy("conventions"))


def test_the_report_can_be_downloaded_once_there_is_a_result(workspace):
    assert not workspace.open("report").get("download_button")
    workspace.done("performance")

    app = workspace.open("report")

    assert not app.exception
    assert [button.label for button in app.get("download_button")] == ["Download"]


def test_runs_lists_what_was_asked_and_deletes_all_of_it_only_when_sure(workspace):
    workspace.done("performance")
    app = workspace.open("runs")
    delete = app.button(key="delete-workspace")
    assert delete.disabled

    app.checkbox(key="delete-sure").check().run()
    app.button(key="delete-workspace").click().run()

    assert not app.exception
    assert not workspace.store.folder.exists()
    assert app.query_params["workspace"] != workspace.store.workspace


def test_one_upload_is_deleted_with_what_came_of_it(workspace):
    workspace.done("performance")
    data = workspace.subject.files.data
    app = workspace.open("runs")

    app.button(key=f"delete-upload-{data.sha256[:16]}").click().run()

    assert not app.exception
    assert workspace.store.subjects() == []
    assert workspace.store.history() == []
    assert data not in workspace.store.uploads()
    assert "was deleted" in words_of(app)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_a_samples_card_says_where_its_data_come_from(sample, empty_app):
    app = empty_app("home")

    app.button(key=f"about-{sample.name}").click().run()

    assert not app.exception
    assert "Licence: see" in words_of(app)
    assert "What to look for" in words_of(app)


def test_another_pack_of_limits_judges_again_without_running(workspace):
    workspace.done("performance")
    app = workspace.open("overview")
    assert "Warning" in words_of(app) or "Pass" in words_of(app)

    app.selectbox[-1].select("organisation_blank").run()

    assert not app.exception
    assert app.session_state["policy"] == "organisation_blank"


def test_limits_show_their_sources_and_are_saved_as_ones_own(workspace):
    workspace.done("privacy")
    app = workspace.open("limits")
    assert not app.exception
    (table,) = [item.value for item in app.dataframe]
    known = table.set_index("Indicator")
    assert known.loc["fairness.demographic_parity_ratio", "Fail beyond"] == 0.8
    assert "no limit" in set(known["Status"])

    app.text_input[0].set_value("Ours")
    app.button[0].click().run()

    assert not app.exception
    own = workspace.store.policy()
    assert own.title == "Ours"
    assert own.thresholds == load_policy("conventions").thresholds
    assert engine_policy_is_own(app)


def engine_policy_is_own(app):
    (chosen,) = [box for box in app.selectbox if box.label == "Limits"]
    return chosen.value == "own"


def test_columns_are_shown_with_their_reasons_and_saved_when_changed(workspace):
    app = workspace.open("subject")
    assert not app.exception
    digest = workspace.subject.digest[:12]

    app.text_input(key=f"name-{digest}").set_value("Renamed")
    app.button(key=f"save-{digest}").click().run()

    assert not app.exception
    assert next(subject.name for subject in workspace.store.subjects()) == "Renamed"
    assert app.query_params["subject"] != workspace.subject.digest


@pytest.mark.parametrize("view", ["home", "subject", *AREAS, "overview", "report", "runs"])
def test_hostile_names_never_become_markup(view, hostile):
    hostile.job("performance", Failed(kind="error", message="<b>**x**</b> [a](http://e.vil)"))

    app = hostile.open(view)

    assert not app.exception
    bare = re.sub(r"\\.", "", words_of(app))  # what is escaped is text
    for markup in ("<", "bold**", "](", "http:", ":smile:", "x^2"):
        assert markup not in bare, markup
