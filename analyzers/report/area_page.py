"""One risk: verdict, findings, charts, tables, and how it was measured."""

from collections.abc import Iterator, Sequence

from analyzers.core.chart import Chart, by_section
from analyzers.core.finding import Finding, Verdict
from analyzers.core.result import Estimate, Measurements
from analyzers.report.method import method
from analyzers.report.sections import Section
from analyzers.report.tables import arrow_table, cell, pair_list, simple_table
from analyzers.report.words import badge, estimate_words, limit_words, plural
from analyzers.toolkit.export import figure_json
from analyzers.toolkit.markup import Html, element, trusted

MOST_ESTIMATES = 80
DEFAULT_HEIGHT = 380
_SERIOUS = (Verdict.FAIL, Verdict.WARN)


def area_page(section: Section) -> Html:
    """Show an area; where it could not be measured, say so in its place."""
    analyzer = section.analyzer
    parts: list[Html | None] = [
        element("h2", analyzer.title, id=analyzer.name),
        element("p", analyzer.question, class_="lead"),
    ]
    if section.result is None:
        parts.append(
            element("p", badge(Verdict.NOT_TESTED), f" {section.obstacle}", class_="obstacle")
        )
    else:
        rating = section.rating
        parts += [
            element(
                "p",
                badge(rating.verdict),
                f" {rating.n_tested} of {plural(rating.n_applicable, 'indicator')} "
                "held against a limit.",
            ),
            *_findings(section.findings),
            *_charts(section),
            _numbers(section.result.measurements),
        ]
    parts.append(_method(analyzer.about))
    return element("section", parts, aria_labelledby=analyzer.name, class_="area")


def _findings(findings: Sequence[Finding]) -> Iterator[Html]:
    if not findings:
        return
    yield element("h3", "Findings")
    serious = [finding for finding in findings if finding.verdict in _SERIOUS]
    others = [finding for finding in findings if finding.verdict not in _SERIOUS]
    yield from (_card(finding) for finding in serious)
    if others:
        table = simple_table(
            ["Finding", "Verdict", "Measured", "n", "Limit", "What to do"],
            (_row(finding) for finding in others),
            caption="Findings that passed, are inconclusive, or were not tested.",
            class_="findings",
        )
        yield _folded(
            f"{plural(len(others), 'finding')} without a warning", table, is_open=not serious
        )


def _card(finding: Finding) -> Html:
    return element(
        "article",
        element("h4", badge(finding.verdict), " ", finding.headline),
        pair_list(_details(finding)),
        class_=f"finding {finding.verdict.value}",
        data_code=finding.code,
    )


def _details(finding: Finding) -> Iterator[tuple[str, object]]:
    if finding.concerns:
        yield "Concerns", finding.concerns
    yield "Measured", _measured(finding.estimate)
    yield "Limit", _limit(finding)
    if finding.reason:
        yield "Why", finding.reason
    yield "What to do", finding.remedy
    yield "Reference", finding.reference
    if finding.clauses:
        yield "Serves", ", ".join(finding.clauses)
    yield "Code", element("code", finding.code)


def _row(finding: Finding) -> list[object]:
    return [
        element(
            "span",
            finding.headline,
            element("span", _and_clauses(finding), class_="aside"),
            data_code=finding.code,
        ),
        element("span", badge(finding.verdict), element("span", finding.reason, class_="aside")),
        estimate_words(finding.estimate),
        cell(finding.estimate.n),
        _limit(finding),
        f"If it failed: {finding.remedy}" if finding.verdict == Verdict.PASS else finding.remedy,
    ]


def _and_clauses(finding: Finding) -> str:
    parts = [finding.concerns, finding.reference, ", ".join(finding.clauses), finding.code]
    return " · ".join(part for part in parts if part)


def _measured(estimate: Estimate) -> str:
    method = f", {estimate.method}" if estimate.method else ""
    return f"{estimate_words(estimate)}; n = {estimate.n:,}{method}"


def _limit(finding: Finding) -> Html:
    threshold = finding.threshold
    words = element("span", limit_words(threshold))
    if threshold is None:
        return words
    source = " ".join(part for part in (threshold.source, threshold.holds) if part)
    dated = f" As of {threshold.as_of}." if threshold.as_of else ""
    return element(
        "span",
        words,
        " ",
        element("span", threshold.status, class_="status"),
        element("span", f"{source}{dated}", class_="aside") if source else None,
    )


def _charts(section: Section) -> Iterator[Html]:
    if not section.charts:
        return
    yield element("h3", "Charts")
    for title, charts in by_section(section.charts).items():
        if title:
            yield element("h4", title, class_="question")
        for chart in charts:
            name = f"{section.analyzer.name}-{chart.name}"
            yield chart_figure(name, chart, heading="h5" if title else "h4")


def chart_figure(name: str, chart: Chart, *, heading: str, most_height: int | None = None) -> Html:
    """Show a chart with its words.

    Args:
        name: unique in the document.
        chart: what to show.
        heading: the element its title stands in.
        most_height: in pixels; None for as high as the chart wants to be.
    """
    height = chart.figure.get("layout", {}).get("height", DEFAULT_HEIGHT)
    if most_height is not None:
        height = min(height, most_height)
    return element(
        "figure",
        element(heading, chart.title, id=f"title-{name}"),
        element("p", chart.sentence) if chart.sentence else None,
        element("div", class_="chart", data_chart=name, style=f"height:{int(height)}px"),
        element(
            "script", trusted(figure_json(chart.figure)), type="application/json", id=f"data-{name}"
        ),
        element("figcaption", chart.caption),
        element("p", chart.alt, class_="alt"),
        aria_labelledby=f"title-{name}",
    )


def _numbers(measured: Measurements) -> Html | None:
    parts: list[Html] = []
    if measured.facts:
        parts.append(
            pair_list((name.replace("_", " "), cell(fact)) for name, fact in measured.facts.items())
        )
    if measured.estimates:
        parts.append(_estimates(measured))
    parts += [arrow_table(name, table) for name, table in measured.tables.items()]
    parts += [element("p", note) for note in (measured.cut_short, *measured.sampling) if note]
    if not parts:
        return None
    folded = _folded(
        element("h3", f"All numbers: {plural(len(measured.tables), 'table')}"),
        element("div", parts),
    )
    # Dozens of pages on paper; whoever needs them has the file.
    on_paper = element("p", "All numbers are in the HTML file of this report.", class_="print-only")
    return element("div", element("div", folded, class_="numbers"), on_paper)


def _estimates(measured: Measurements) -> Html:
    items = list(measured.estimates.items())[:MOST_ESTIMATES]
    extent = plural(len(measured.estimates), "number")
    if len(measured.estimates) > MOST_ESTIMATES:
        extent = f"the first {MOST_ESTIMATES} of {extent}"
    return simple_table(
        ["Name", "Value and interval", "n", "Interval by", "Reason"],
        (
            [name.replace("_", " "), estimate_words(item), cell(item.n), item.method, item.reason]
            for name, item in items
        ),
        caption=f"Measured numbers: {extent}.",
        class_="data",
    )


def _method(about: str) -> Html:
    return _folded(element("h3", "How it was measured, and where it stops"), method(about))


def _folded(summary: str | Html, content: Html, *, is_open: bool = False) -> Html:
    return element(
        "details", element("summary", summary), content, open="open" if is_open else None
    )
