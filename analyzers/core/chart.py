"""A picture of one table."""

from collections.abc import Mapping
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
        figure: a Plotly specification, `{"data": [...], "layout": {...}}`; strings that come from
            data are already escaped (`analyzers.toolkit.plots.plain`).
    """

    name: str
    title: str
    caption: str
    alt: str
    table: str
    figure: Mapping[str, Any]
