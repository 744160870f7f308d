"""What a newcomer does, in a real browser against a real server with real workers."""

import csv
import re

import pytest
from playwright.sync_api import expect
from sklearn.linear_model import LogisticRegression

from sample_models import SAMPLES
from tests.benches import credit_frame
from tests.browser.conftest import watch
from tests.browser.reading import assert_readable
from tests.browser.walking import (
    AREAS,
    JOB_PATIENCE,
    by_word,
    choose_file,
    drawn,
    go,
    heading,
    open_sample,
    run_everything,
    saved,
    settled,
)

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("name", [sample.name for sample in SAMPLES])
def test_a_sample_opens_and_every_page_answers_or_says_why_not(name, tab, server):
    page = tab.page
    open_sample(page, server.address, name)
    run_everything(page)

    expect(page.get_by_text("It did not work")).to_have_count(0)
    expect(page.get_by_text("The worker crashed")).to_have_count(0)
    assert_readable(page)
    for area in AREAS:
        go(page, area)
        ended = heading(page, "Findings").or_(page.get_by_text("Not possible here."))
        expect(ended).to_be_visible()
        if heading(page, "Findings").is_visible():
            drawn(page)


def test_an_upload_is_examined_by_all_five_and_leaves_as_files(tab, server, tmp_path):
    model, data, training = write_upload(tmp_path)
    page = tab.page
    page.goto(server.address)
    for place, path in (("model", model), ("data", data), ("training", training)):
        choose_file(page, place, path)
    settled(page)
    assert_readable(page)
    page.locator(".st-key-upload-submit button").click()
    expect(heading(page, "Model and data")).to_be_visible()
    settled(page)
    run_everything(page)

    for area in AREAS:
        go(page, area)
        expect(heading(page, "Findings")).to_be_visible()
        drawn(page)
        assert_readable(page)

    go(page, "performance")
    chart = page.locator(".st-key-chart-performance-roc")
    chart.locator(".js-plotly-plot .main-svg").first.wait_for()
    chart.scroll_into_view_if_needed()
    assert saved(page, chart.get_by_role("button", name="Download PNG"), tmp_path).startswith(
        b"\x89PNG\r\n"
    )
    picture = saved(page, chart.get_by_role("button", name="Download SVG"), tmp_path)
    assert b"<svg" in picture[:200]
    assert b"Each point is one threshold" in picture
    table = saved(page, by_word(page, "chart-performance-roc-csv", "CSV"), tmp_path)
    rows = list(csv.reader(table.decode("utf-8-sig").splitlines()))
    assert rows[0][:2] == ["threshold", "false_positive_rate"]
    assert len(rows) > 10
    alone = saved(page, by_word(page, "chart-performance-roc-html", "HTML"), tmp_path)
    assert alone.startswith(b"<!DOCTYPE html>")

    go(page, "report")
    report = tmp_path / "report.html"
    report.write_bytes(saved(page, by_word(page, "download-report", "Download"), tmp_path))
    reader = page.context.new_page()
    watch(reader, tab.faults, server.address)
    reader.goto(report.as_uri())
    expect(heading(reader, "Verdict")).to_be_visible()
    drawn(reader)


def test_a_reload_and_a_second_tab_find_the_work_by_its_address(tab, server):
    page = tab.page
    open_sample(page, server.address, "german_credit")
    go(page, "adversarial")
    page.locator(".st-key-adversarial-run button").click()
    page.wait_for_url(re.compile("job=[0-9a-f]{64}"))
    address = page.url

    page.reload()
    expect(heading(page, "Adversarial examples")).to_be_visible()
    second = page.context.new_page()
    watch(second, tab.faults, server.address)
    second.goto(address)

    for found in (page, second):
        expect(heading(found, "Findings")).to_be_visible(timeout=JOB_PATIENCE)
        assert re.search("job=[0-9a-f]{64}", found.url).group() in address


def test_in_the_dark_the_threshold_slider_moves_every_group(tab, server):
    page = tab.page
    page.emulate_media(color_scheme="dark")
    open_sample(page, server.address, "german_credit")
    go(page, "fairness")
    page.locator(".st-key-fairness-run button").click()
    page.get_by_role("tab", name="Thresholds").click(timeout=JOB_PATIENCE)
    slider = page.locator(".st-key-fairness-threshold input")
    slider.wait_for(timeout=JOB_PATIENCE)
    expect(page.get_by_text("Verdicts at 0.50")).to_be_visible()
    drawn(page)
    background = page.get_by_test_id("stApp").evaluate("it => getComputedStyle(it).backgroundColor")
    assert background == "rgb(15, 23, 32)"
    assert_readable(page)

    slider.focus()
    page.keyboard.press("ArrowRight")

    expect(page.get_by_text("Verdicts at 0.51")).to_be_visible()
    moved = page.locator(".st-key-chart-fairness-groups-selection-rate-moved")
    moved.locator(".js-plotly-plot .main-svg").first.wait_for()


def test_a_file_that_is_not_what_it_says_is_refused_in_a_sentence(tab, server, tmp_path):
    model = tmp_path / "model.skops"
    model.write_bytes(b"not a model at all")
    _, data, _ = write_upload(tmp_path)
    page = tab.page
    page.goto(server.address)
    for place, path in (("model", model), ("data", data)):
        choose_file(page, place, path)
    settled(page)
    page.locator(".st-key-upload-submit button").click()

    expect(page.get_by_text("The file was not opened")).to_be_visible()
    page.locator(".st-key-choose-other-files button").click()
    expect(page.get_by_text("The file was not opened")).to_have_count(0)


def write_upload(folder):
    """Fit a small model on people with an income, an age, a sex and a region."""
    import skops.io
    from sklearn.compose import make_column_transformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    training, data = credit_frame(400, 1), credit_frame(300, 2)
    fitted = make_pipeline(
        make_column_transformer((OneHotEncoder(), ["sex", "region"]), remainder="passthrough"),
        LogisticRegression(max_iter=2000),
    ).fit(training.drop(columns="granted"), training["granted"])
    paths = folder / "lender.skops", folder / "people.csv", folder / "fitted.csv"
    skops.io.dump(fitted, paths[0])
    data.to_csv(paths[1], index=False)
    training.to_csv(paths[2], index=False)
    return paths
