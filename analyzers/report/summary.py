"""Two pages for those who decide: the verdict, then pictures and what was not tested."""

from collections.abc import Sequence

from analyzers.core.policy import Policy
from analyzers.core.subject import Subject
from analyzers.report.area_page import chart_figure
from analyzers.report.sections import Section
from analyzers.report.verdict_page import gaps, legend, verdict
from analyzers.report.words import SEVEREST_FIRST
from analyzers.toolkit.markup import Html, element

MOST_PICTURES = 4
MOST_HEIGHT = 200


def summary(subject: Subject, policy: Policy, sections: Sequence[Section]) -> list[Html]:
    """Say the verdict, show a picture of the worst areas, and say what was not tested."""
    return [
        element(
            "section",
            verdict(subject, policy, sections, has_areas=False),
            aria_labelledby="verdict",
            class_="page-one",
        ),
        element(
            "section",
            element("h2", "In pictures", id="pictures"),
            element(
                "p",
                "Every finding, number, setting and version is in the report with the same number.",
                class_="aside",
            ),
            _pictures(sections),
            gaps(sections, most_reasons=1),
            legend(),
            aria_labelledby="pictures",
        ),
    ]


def _pictures(sections: Sequence[Section]) -> Html:
    """Show the first chart of the areas with the severest verdicts."""
    drawn = [section for section in sections if section.charts]
    worst = sorted(drawn, key=lambda section: SEVEREST_FIRST.index(section.rating.verdict))
    shown = [section for section in drawn if section in worst[:MOST_PICTURES]]
    if not shown:
        return element("p", "Nothing was measured that could be drawn.")
    return element("div", (_picture(section) for section in shown), class_="pictures")


def _picture(section: Section) -> Html:
    chart = section.charts[0]
    name = f"{section.analyzer.name}-{chart.name}"
    return element(
        "article",
        element("h3", section.analyzer.title),
        chart_figure(name, chart, heading="h4", most_height=MOST_HEIGHT),
    )
