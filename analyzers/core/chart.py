"""A picture of one table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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


def by_section(charts: Sequence[Chart]) -> Mapping[str, tuple[Chart, ...]]:
    """Gather charts under their sections, in the order in which the sections first come."""
    found: dict[str, list[Chart]] = {}
    for chart in charts:
        found.setdefault(chart.section, []).append(chart)
    return {section: tuple(members) for section, members in found.items()}
