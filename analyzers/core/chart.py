"""A picture of one table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A Plotly figure and the words around it; it holds no number that is in no table.

    Attributes:
        name: unique within the analyzer; used in file names.
        title: states what is shown, plain text.
        caption: one sentence on how to read it, with n.
        alt: the same for someone who cannot see it.
        table: the name of the measurements table it shows.
        sentence: what the picture says, in one sentence for someone who decides; shown above it.
        section: the heading under which the charts of one question stand together, or empty. A
            page shows the sections as tabs, a report as headings, in the order they first come.
        figure: a Plotly specification, `{"data": [...], "layout": {...}}`; strings that come from
            data are already escaped (`analyzers.toolkit.plots.plain`).
    """

    name: str
    title: str
    caption: str
    alt: str
    table: str
    figure: Mapping[str, Any]
    sentence: str = ""
    section: str = ""


def in_sections(charts: Sequence[Chart], sections: Mapping[str, str]) -> list[Chart]:
    """Put charts that stand under no section yet under one of their own.

    Args:
        charts: in any order; those of a section are brought together, in the order of `sections`.
        sections: by the beginning of a chart's name; charts that no beginning fits stay as they
            are, above the others.
    """

    def placed(chart: Chart) -> Chart:
        fitting = (title for start, title in sections.items() if chart.name.startswith(start))
        return chart if chart.section else replace(chart, section=next(fitting, ""))

    order = {title: place for place, title in enumerate(["", *dict.fromkeys(sections.values())])}
    return sorted(map(placed, charts), key=lambda chart: order.get(chart.section, len(order)))


def by_section(charts: Sequence[Chart]) -> Mapping[str, tuple[Chart, ...]]:
    """Gather charts under their sections, in the order in which the sections first come."""
    found: dict[str, list[Chart]] = {}
    for chart in charts:
        found.setdefault(chart.section, []).append(chart)
    return {section: tuple(members) for section, members in found.items()}
