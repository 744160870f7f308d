"""The report says everything, in order, to people and to programs, and is harmless to open."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

from analyzers.catalog import ANALYZERS
from analyzers.core.finding import Finding, Verdict
from analyzers.core.job import Done, Queued, Running, Stopped
from analyzers.core.subject import Column, FileRef, Files, Role, Subject, Trust
from analyzers.report.html import Entry, report_html, write_report
from analyzers.report.sections import overall, sections_of
from analyzers.report.verdict_page import REGISTER, most_serious, verdict_table
from tests.report import results
from tests.report.results import FIXED, HOSTILE, HUGE, POLICY

MOMENT = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)
GOLDEN = Path(__file__).parents[1] / "golden" / "report_verdict_table.txt"
VOID = {"meta", "br", "link", "img", "input", "hr", "col"}


class Page(HTMLParser):
    """Elements, visible words and scripts of a page; complains where nesting is wrong."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "script":
            self.scripts.append((dict(attrs), ""))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            attributes, text = self.scripts[-1]
            self.scripts[-1] = attributes, text + data
        elif not self.open or self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    @property
    def record(self) -> dict:
        return next(
            json.loads(text) for attributes, text in self.scripts
            if attributes.get("id") == "assay-record"
        )  # fmt: skip


def report(entries=None, subject=None) -> str:
    entries = results.fixed_entries() if entries is None else entries
    return report_html(
        subject or results.subject(), entries, POLICY, written=MOMENT,
        areas=results.areas_of(entries),
    )  # fmt: skip


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(report())


def hostile_page() -> Page:
    hostile = HOSTILE[:200]
    nasty = results.finding(Verdict.FAIL, "ratio", headline=f"{HOSTILE}.", reason=HOSTILE)
    subject = results.subject(
        name=hostile,
        target=hostile,
        files=Files(
            data=FileRef(sha256="d" * 64, size=1, name=hostile),
            model=FileRef(sha256="a" * 64, size=1, name=f"</style>{hostile}"),
        ),
        classes=(hostile, HUGE),
        positive_class=HUGE,
        columns=(
            Column(name=hostile, kind="text", role=Role.LABEL, reason=HOSTILE, levels=(HUGE,)),
        ),
        model_kind=HOSTILE,
    )
    rates = results.table(3, group=HOSTILE + HUGE)
    entries = [
        results.done("fairness", (nasty,), charts=(results.chart(title=HOSTILE),), rates=rates),
        results.failed("privacy"),
    ]
    return Page(report(entries, subject))


def test_hostile_words_stay_words():
    page = hostile_page()

    assert HOSTILE in page.text
    assert {"img", "iframe", "object", "embed", "form"}.isdisjoint(tag for tag, _ in page.elements)
    assert [
        name for _, attributes in page.elements for name in attributes if name[:2] == "on"
    ] == []
    assert [text for attributes, text in page.scripts if "alert(" in text and not
            attributes.get("type")] == []  # fmt: skip


def test_hostile_words_change_no_structure(page):
    kinds = {tag for tag, _ in page.elements}

    assert {tag for tag, _ in hostile_page().elements} <= kinds
    assert [tag for tag, _ in hostile_page().elements].count("style") == 1


def test_huge_words_are_cut_with_a_mark():
    page = hostile_page()

    assert "(100,000 characters)" in page.text
    assert len(page.text) < 60_000


@pytest.mark.parametrize("make", [report, lambda: report([])], ids=["full", "empty"])
def test_nothing_is_fetched(make):
    page = Page(make())

    for tag, attributes in page.elements:
        assert "src" not in attributes
        assert "srcset" not in attributes
        assert tag not in ("link", "base", "iframe")
        assert (attributes.get("href") or "#").startswith("#")
        assert "url(" not in (attributes.get("style") or "")
    assert "@import" not in make().split("</style>")[0]
    assert "url(" not in make().split("</style>")[0]


def test_only_its_own_two_scripts_may_run(page):
    policy = next(a["content"] for _, a in page.elements if a.get("http-equiv"))
    runnable = [text for attributes, text in page.scripts if not attributes.get("type")]

    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert policy.count("sha256-") == 2
    assert "unsafe-eval" not in policy
    assert len(runnable) == 2


def test_plotly_is_there_once():
    assert report().count("plotly.js v") == 1


@pytest.mark.parametrize(
    "found", [f for findings in FIXED.values() for f in findings], ids=lambda f: f.code
)
def test_every_finding_is_there_with_all_it_holds(page, found):
    coded = [attributes.get("data-code") for _, attributes in page.elements]

    assert coded.count(found.code) == 1
    for part in (found.headline, found.remedy, found.reference, found.concerns, found.reason):
        assert part in page.text
    assert found.clauses[0] in page.text
    if found.estimate.value is not None:
        assert "0.640 (95 % interval 0.540 to 0.730)" in page.text
        assert "n = 95, Wilson" in page.text
    if found.threshold is not None:
        assert "at least 0.9; fails below 0.8; needs 30 rows" in page.text
        assert found.threshold.status in page.text


def test_headings_are_in_order_and_there_is_one_title(page):
    levels = [int(tag[1]) for tag, _ in page.elements if tag in ("h1", "h2", "h3", "h4", "h5")]

    assert levels.count(1) == 1
    assert levels[0] == 1
    assert [b for a, b in pairwise(levels) if b > a + 1] == []


def test_it_has_a_language_names_for_its_links_and_words_for_its_charts(page):
    ids = {attributes["id"] for _, attributes in page.elements if "id" in attributes}
    targets = {a["href"][1:] for _, a in page.elements if (a.get("href") or "").startswith("#")}
    labels = {a["aria-labelledby"] for _, a in page.elements if "aria-labelledby" in a}

    assert ("html", {"lang": "en"}) in page.elements
    assert targets <= ids
    assert labels <= ids
    assert len(ids) == len([1 for _, attributes in page.elements if "id" in attributes])
    assert page.text.count("Two bars, the left one lower.") == 3


def test_every_verdict_has_a_word_beside_its_colour(page):
    words = {
        "fail": "Fail", "warn": "Warning", "pass": "Pass", "inconclusive": "Inconclusive",
        "not_tested": "Not tested",
    }  # fmt: skip
    for verdict, word in words.items():
        badges = [1 for _, a in page.elements if a.get("class") == f"badge {verdict}"]
        assert page.text.count(word) >= len(badges) > 0


def test_the_verdict_table_is_as_it_was_agreed():
    entries = results.fixed_entries()
    sections = sections_of(entries, POLICY, results.areas_of(entries))

    table = Page(verdict_table(sections))

    rows = [" ".join(word.split()) for word in table.words if word.strip()]
    assert "\n".join(rows) + "\n" == GOLDEN.read_text(encoding="utf-8")


def test_the_verdict_is_the_worst_area_and_never_an_average():
    entries = [results.done("performance", FIXED["performance"] * 50), results.done("fairness",
               FIXED["fairness"])]  # fmt: skip

    rating = overall(sections_of(entries, POLICY, results.areas_of(entries)))

    assert rating.verdict == Verdict.FAIL
    assert (rating.n_tested, rating.n_applicable) == (53, 55)


def test_what_was_not_tested_is_counted_by_reason(page):
    assert "2 indicators: Rests on 12 rows; 30 are needed." in page.text
    assert "1 indicator: No training table was given." in page.text
    assert "nothing was measured. It took longer than 600 s. Use fewer rows." in page.text


def test_areas_take_turns_among_the_most_serious():
    many = tuple(results.finding(Verdict.WARN, f"gap_{i}") for i in range(9))
    one = (results.finding(Verdict.WARN, "auc", area="privacy"),)
    fatal = (results.finding(Verdict.FAIL, "evasion", area="adversarial"),)
    entries = [results.done("fairness", many), results.done("privacy", one),
               results.done("adversarial", fatal)]  # fmt: skip

    found = most_serious(sections_of(entries, POLICY, results.areas_of(entries)))

    assert [item.code for item in found[:3]] == [
        "adversarial.evasion", "fairness.gap_0", "privacy.auc",
    ]  # fmt: skip
    assert len(found) == 11


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        (Stopped(), "It was cancelled before it ended."),
        (Queued(), "It had not ended when this report was written."),
        (Running(), "It had not ended when this report was written."),
        (Done(), "Its result was not in the store when this report was written."),
    ],
)
def test_however_a_job_ended_the_report_says_it_in_its_place(state, sentence):
    entry = Entry(analyzer=results.analyzer("privacy"), state=state)

    page = Page(report([entry]))

    assert sentence in page.text
    assert "Nothing was tested. The reasons are below." in page.text


def test_an_area_nobody_asked_for_is_named():
    asked = results.done("performance", FIXED["performance"])
    areas = [asked.analyzer, results.analyzer("privacy")]

    page = Page(report_html(results.subject(), [asked], POLICY, written=MOMENT, areas=areas))

    assert "Privacy: nothing was measured. It was not part of this audit." in page.text


def test_every_analyzer_is_in_the_register_of_risks():
    assert {analyzer.name for analyzer in ANALYZERS} <= set(REGISTER)


def test_risks_this_version_cannot_measure_are_named(page):
    assert "Poisoned training data" in page.text
    assert "Drift after deployment" in page.text


def test_the_settings_hold_what_it_takes_to_run_it_again(page):
    for part in (
        "House rules (house)", POLICY.digest, "Depth of the search", "numpy", "2.4.6", "Seed",
        "Analyzer fairness, version 1", "2026-11-23 06:00:00 UTC", "Rates: 100 of 500 rows.",
    ):  # fmt: skip
        assert part in page.text, part


def test_the_subject_is_named_by_digest_and_its_trust_is_spelled_out(page):
    for part in (
        "sha256 " + "a" * 64, "sha256 " + "d" * 64, "applicants.csv, 10 bytes", "none given",
        "could have forged the numbers", "bad, good", "feature, sensitive", "18 to 75",
        "Column 'age' was read as a whole number.", "No network.",
    ):  # fmt: skip
        assert part in page.text, part


def test_methods_are_there_with_their_limits(page):
    assert "Few rows & <much> doubt." in page.text


def test_long_tables_say_how_much_is_shown():
    entry = results.done("fairness", FIXED["fairness"], rates=results.table(1000))

    text = Page(report([entry])).text

    assert "rates: the first 40 of 1,000 rows" in text
    assert text.count("1,234") == 40


def test_the_record_can_be_read_again(page):
    record = page.record

    assert record["format"] == "assay-report"
    assert record["verdict"] == "fail"
    assert (record["n_tested"], record["n_applicable"]) == (4, 7)
    assert Subject.model_validate_json(json.dumps(record["subject"])) == results.subject()
    read = [
        Finding.model_validate_json(json.dumps(item))
        for area in record["areas"]
        for item in area["findings"]
    ]
    assert {item.code for item in read} == {f.code for group in FIXED.values() for f in group}
    assert next(item for item in read if item.code == "fairness.ratio") == FIXED["fairness"][2]


def test_the_same_results_make_the_same_report_and_another_policy_another_name():
    entries = results.fixed_entries()
    other = POLICY.model_copy(update={"version": "4"})
    changed = report_html(results.subject(), entries, other, areas=results.areas_of(entries))

    assert report() == report()
    assert Page(changed).record["report_id"] != Page(report()).record["report_id"]


def test_it_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    entries = results.fixed_entries()
    write_report(results.subject(), entries, POLICY, path, written=MOMENT,
                 areas=results.areas_of(entries))  # fmt: skip
    before = path.read_text(encoding="utf-8")
    assert before == report()

    def full(*_):
        raise OSError("disk full")

    monkeypatch.setattr("pathlib.Path.replace", full)
    with pytest.raises(OSError, match="disk full"):
        write_report(results.subject(), [], POLICY, path, areas=[])

    assert path.read_text(encoding="utf-8") == before
    assert [item.name for item in tmp_path.iterdir()] == ["report.html"]


def test_predictions_without_a_model_are_a_full_subject():
    files = Files(data=FileRef(sha256="d" * 64, size=10, name="scores.csv"))
    page = Page(report(subject=results.subject(files=files, model_kind="", trust=Trust.DATA)))

    assert "Examined: predictions, a yes-or-no prediction of risk, on 500 rows" in page.text
    assert "none: predictions only" in page.text
    assert "No model was opened." in page.text


@pytest.mark.parametrize(
    ("task", "words"),
    [("multiclass", "a prediction of classes"), ("regression", "a prediction of numbers")],
)
def test_the_task_is_said_in_plain_words(task, words):
    subject = results.subject(task=task, positive_class=None)

    assert f"{words} of risk" in Page(report(subject=subject)).text


def test_many_columns_are_counted_and_cut():
    columns = tuple(
        Column(name=f"c{place}", kind="number", role=Role.FEATURE, is_feature=True)
        for place in range(500)
    )

    text = Page(report(subject=results.subject(columns=columns))).text

    assert "the first 60 of 500 columns" in text
    assert "c59" in text
    assert "c60" not in text


def test_thousands_of_findings_are_all_there_and_page_one_stays_short():
    many = tuple(results.finding(Verdict.FAIL, f"gap_{place}") for place in range(2000))
    page = Page(report([results.done("fairness", many)]))

    codes = {
        attributes["data-code"] for _, attributes in page.elements if "data-code" in attributes
    }
    assert len(codes) == 2000
    assert "1,995 more under their areas." in page.text


def test_a_chart_says_in_a_sentence_what_it_shows_and_stands_under_its_question():
    shown = replace(
        results.chart(), sentence="Women are selected less often <b>", section="Who gets what?"
    )
    entries = [results.done("fairness", (), charts=(shown,))]

    text = report_html(
        results.subject(), entries, POLICY, written=MOMENT, areas=results.areas_of(entries)
    )

    assert text.index("Who gets what?") < text.index("Women are selected less often")
    assert "less often <b>" not in text
