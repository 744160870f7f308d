"""Steps that journeys share; each ends by waiting for a state of the page, never for a time."""

import re
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import PATIENCE

AREAS = ("performance", "explanation", "fairness", "adversarial", "privacy")
JOB_PATIENCE = 400_000

expect.set_options(timeout=PATIENCE)


def settled(page: Page) -> None:
    page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]')


def heading(page: Page, name: str) -> Locator:
    return page.get_by_role("heading", name=name, exact=True)


def go(page: Page, name: str, title: str | None = None) -> None:
    page.get_by_test_id("stSidebarNav").locator(f'a[href*="/{name}"]').click()
    page.wait_for_url(re.compile(f"/{name}"))
    # The title of the page before stays on screen until the new one has one.
    expect(page.get_by_role("heading", level=1)).to_have_text(title or re.compile(f"^{name}", re.I))
    settled(page)


def open_sample(page: Page, address: str, name: str) -> None:
    page.goto(address)
    page.locator(f".st-key-open-{name} button").click()
    expect(heading(page, "Model and data")).to_be_visible()
    settled(page)


def run_everything(page: Page) -> None:
    """From the page of the model: ask every question and wait for the last answer."""
    page.locator(".st-key-run-everything button").click()
    expect(heading(page, "Risk by risk")).to_be_visible()
    # Each area says how it stands; the words are gone when every one of them has ended.
    expect(page.get_by_text("It is being measured.")).to_have_count(0, timeout=JOB_PATIENCE)
    expect(page.locator(".st-key-cancel-all")).to_have_count(0)
    for area in AREAS:
        expect(page.locator(f".st-key-area-{area}")).to_be_visible()
    settled(page)


def drawn(page: Page) -> None:
    """Wait until the first chart of the page is really there."""
    page.locator(".js-plotly-plot .main-svg").first.wait_for()


def choose_file(page: Page, place: str, path: Path) -> None:
    uploader = page.locator(f".st-key-upload-{place}-0")
    with page.expect_file_chooser() as chooser:
        uploader.get_by_test_id("stBaseButton-secondary").first.click()
    chooser.value.set_files(str(path))
    expect(uploader.get_by_text(path.name)).to_be_visible()


def saved(page: Page, button: Locator, folder: Path) -> bytes:
    with page.expect_download() as download:
        button.click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    assert re.fullmatch(r"assay-[a-z0-9-]+\.(png|svg|csv|html)", path.name)
    return path.read_bytes()


def by_word(page: Page, key: str, word: str) -> Locator:
    """The button itself; the question mark beside it is a button too."""
    return page.locator(f".st-key-{key}").get_by_role("button", name=word, exact=True)
