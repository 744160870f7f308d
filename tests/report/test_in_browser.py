"""The report in a real browser: it draws, runs nothing foreign, asks the network for nothing."""

import re

import pytest
from playwright.sync_api import sync_playwright

from analyzers.core.finding import Verdict
from analyzers.report.html import write_report
from analyzers.toolkit.pictures import browser_path
from tests.report import results

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(browser_path() is None, reason="no browser; apt-get install chromium"),
]


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=browser_path(), args=["--no-sandbox", "--disable-gpu"]
        )
        yield opened
        opened.close()


@pytest.fixture
def opened(browser, tmp_path):
    """A report with hostile words everywhere, open; with what it asked for and complained of."""
    nasty = results.finding(Verdict.FAIL, "ratio", headline=f"{results.HOSTILE}.")
    charts = tuple(results.chart(f"bars{i}", title=results.HOSTILE) for i in range(3))
    entries = [
        results.done(
            "fairness", (nasty,), charts=charts, rates=results.table(group=results.HOSTILE)
        )
    ]
    path = tmp_path / "report.html"
    subject = results.subject(name=results.HOSTILE[:200])
    write_report(subject, entries, results.POLICY, path, areas=results.areas_of(entries))
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("dialog", lambda dialog: (complaints.append(dialog.message), dialog.dismiss()))
    page.goto(path.as_uri())
    yield page, asked, complaints
    page.close()


def test_every_chart_is_drawn_and_nothing_complains(opened):
    page, _, complaints = opened

    page.wait_for_function("document.querySelectorAll('.chart .main-svg .point').length === 3")

    assert complaints == []
    assert page.locator("h1").inner_text() == results.HOSTILE[:200]


def test_nothing_is_asked_of_the_network(opened):
    page, asked, _ = opened
    page.wait_for_function("document.querySelectorAll('.chart .main-svg .point').length === 3")

    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []


def test_a_script_that_got_in_anyway_would_not_run(opened):
    page, _, complaints = opened

    page.evaluate(
        """() => {
            const script = document.createElement('script');
            script.textContent = 'window.ran = true';
            document.body.append(script);
            const picture = '<img src="x" onerror="window.ran = true">';
            document.body.insertAdjacentHTML('beforeend', picture);
        }"""
    )
    page.wait_for_timeout(200)

    assert page.evaluate("window.ran") is None
    assert any("Content Security Policy" in complaint for complaint in complaints)


def test_printing_unfolds_the_findings_and_folds_them_again(opened):
    page, _, _ = opened
    folded = "Array.from(document.querySelectorAll('details')).map(fold => fold.open)"
    before = page.evaluate(folded)

    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    during = page.evaluate(folded)
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")

    assert False in before
    assert set(during) == {True}
    assert page.evaluate(folded) == before


def test_the_page_never_scrolls_sideways(opened):
    page, _, _ = opened

    for width in (1200, 400):
        page.set_viewport_size({"width": width, "height": 900})
        too_wide = page.evaluate(
            """width => Array.from(document.querySelectorAll('main *, header *, nav *'))
                .filter(item => !item.closest('.scroll'))
                .filter(item => item.getBoundingClientRect().right > width)
                .map(item => item.outerHTML.slice(0, 80))""",
            width,
        )
        assert page.evaluate("document.documentElement.scrollWidth") <= width, too_wide


def test_the_summary_is_two_sheets_of_paper(browser, tmp_path):
    said = "the selection rate is 68.9% for under 27 and 93.7% for 33 to under 41 (95 % interval)."
    names = ("performance", "explanation", "fairness", "adversarial", "privacy")
    entries = [
        results.done(
            name,
            tuple(results.finding(Verdict.WARN, f"i{i}", headline=said) for i in range(9)),
            charts=(results.chart("bars", title="Who is selected how often, by group"),),
        )
        for name in names
    ]
    path = tmp_path / "summary.html"
    write_report(
        results.subject(), entries, results.POLICY, path,
        cut="board", areas=results.areas_of(entries),
    )  # fmt: skip
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    page.goto(path.as_uri())
    page.wait_for_function("document.querySelectorAll('.chart .main-svg .point').length === 4")

    printed = page.pdf(format="A4", print_background=True)

    page.close()
    assert len(re.findall(rb"/Type /Page\b", printed)) == 2
