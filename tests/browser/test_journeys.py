"""What a newcomer does, in a real browser against a real server with real workers."""

import csv
import re

import pytest
from playwright.sync_api import Page, expect
from sklearn.linear_model import LogisticRegression

from sample_models import SAMPLES
from tests.benches import credit_frame
from tests.browser.conftest import watch

pytestmark = pytest.mark.browser

AREAS = ("performance", "explanation", "fairness", "adversarial", "privacy")
JOB_SECONDS = 180_000

expect.set_options(timeout=30_000)


def settled(page: Page) -> None:
    page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]')


def go(page: Page, name: str) -> None:
    page.get_by_test_id("stSidebarNav").locator(f'a[href*="/{name}"]').click()
    page.wait_for_url(re.compile(f"/{name}"))
    settled(page)


def open_sample(page: Page, address: str, name: str) -> None:
    page.goto(address)
    page.locator(f".st-key-open-{name} button").click()
    expect(page.get_by_role("heading", name="Model and data")).to_be_visible()
    settled(page)


def run_everything(page: Page) -> None:
    page.locator(".st-key-run-everything button").click()
    expect(page.get_by_role("heading", name="Risk by risk")).to_be_visible()
    expect(page.locator(".st-key-cancel-all")).to_have_count(0, timeout=JOB_SECONDS)
    expect(page.get_by_text("It is being measured.")).to_have_count(0, timeout=JOB_SECONDS)
    settled(page)


@pytest.mark.parametrize("name", [sample.name for sample in SAMPLES])
def test_every_sample_opens_and_answers_what_applies_to_it(name, tab, server):
    page = tab.page
    open_sample(page, server.address, name)

    run_everything(page)

    expect(page.get_by_text("It did not work")).to_have_count(0)
    expect(page.get_by_text("The worker crashed")).to_have_count(0)
    for area in AREAS:
        expect(page.locator(f".st-key-area-{area}")).to_be_visible()


def test_an_upload_is_examined_by_all_five_and_leaves_as_files(tab, server, tmp_path):
    model, data, training = write_upload(tmp_path)
    page = tab.page
    page.goto(server.address)
    for place, path in (("model", model), ("data", data), ("training", training)):
        with page.expect_file_chooser() as chooser:
            page.locator(f".st-key-upload-{place}-0").get_by_test_id(
                "stBaseButton-secondary"
            ).first.click()
        chooser.value.set_files(str(path))
        expect(page.locator(f".st-key-upload-{place}-0").get_by_text(path.name)).to_be_visible()
    settled(page)
    page.locator(".st-key-upload-submit button").click()
    expect(page.get_by_role("heading", name="Model and data")).to_be_visible()
    run_everything(page)

    for area in AREAS:
        go(page, area)
        expect(page.get_by_role("heading", name="Findings", exact=True)).to_be_visible()
        page.wait_for_selector(".js-plotly-plot .main-svg")

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
    report.write_bytes(
        saved(page, by_word(page, "download-report", "Download the report"), tmp_path)
    )
    reader = page.context.new_page()
    watch(reader, tab.faults, server.address)
    reader.goto(report.as_uri())
    expect(reader.get_by_role("heading", name="Verdict", exact=True)).to_be_visible()
    reader.wait_for_selector(".js-plotly-plot .main-svg")


def test_a_reload_and_a_second_tab_find_the_work_by_its_address(tab, server):
    page = tab.page
    open_sample(page, server.address, "german_credit")
    go(page, "adversarial")
    page.locator(".st-key-adversarial-run button").click()
    page.wait_for_url(re.compile("job=[0-9a-f]{64}"))
    address = page.url

    page.reload()
    expect(page.get_by_role("heading", name="Adversarial examples")).to_be_visible()
    second = page.context.new_page()
    watch(second, tab.faults, server.address)
    second.goto(address)

    for found in (page, second):
        expect(found.get_by_role("heading", name="Findings", exact=True)).to_be_visible(
            timeout=JOB_SECONDS
        )
        assert re.search("job=[0-9a-f]{64}", found.url).group() in address


def test_the_threshold_slider_moves_every_group(tab, server):
    page = tab.page
    open_sample(page, server.address, "german_credit")
    go(page, "fairness")
    page.locator(".st-key-fairness-run button").click()
    slider = page.locator(".st-key-fairness-threshold input")
    slider.wait_for(timeout=JOB_SECONDS)
    moved = page.locator(".st-key-chart-fairness-groups-selection-rate-moved")
    expect(page.get_by_text("Verdicts at 0.50")).to_be_visible()

    slider.focus()
    page.keyboard.press("ArrowRight")

    expect(page.get_by_text("Verdicts at 0.51")).to_be_visible()
    expect(moved).to_be_visible()


def test_both_themes_draw_without_a_word_out_of_place(tab, server):
    page = tab.page
    open_sample(page, server.address, "german_credit")
    page.emulate_media(color_scheme="dark")
    go(page, "performance")
    page.locator(".st-key-performance-run button").click()

    chart = page.locator(".st-key-chart-performance-roc .js-plotly-plot .main-svg").first
    chart.wait_for(timeout=JOB_SECONDS)


def test_a_file_that_is_not_what_it_says_is_refused_in_a_sentence(tab, server, tmp_path):
    model = tmp_path / "model.skops"
    model.write_bytes(b"not a model at all")
    _, data, _ = write_upload(tmp_path)
    page = tab.page
    page.goto(server.address)
    for place, path in (("model", model), ("data", data)):
        with page.expect_file_chooser() as chooser:
            page.locator(f".st-key-upload-{place}-0").get_by_test_id(
                "stBaseButton-secondary"
            ).first.click()
        chooser.value.set_files(str(path))
        expect(page.locator(f".st-key-upload-{place}-0").get_by_text(path.name)).to_be_visible()
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


def saved(page, button, folder):
    with page.expect_download() as download:
        button.click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    assert re.fullmatch(r"assay-[a-z0-9-]+\.(png|svg|csv|html)", path.name)
    return path.read_bytes()


def by_word(page, key, word):
    """The button itself; the question mark beside it is a button too."""
    return page.locator(f".st-key-{key}").get_by_role("button", name=word, exact=True)
