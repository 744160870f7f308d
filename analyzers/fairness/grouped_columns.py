"""How columns became groups, read back from a result."""

from collections.abc import Sequence
from typing import NamedTuple

from analyzers.core.result import Measurements
from analyzers.toolkit.groups import BY_HAND


class GroupedColumn(NamedTuple):
    """One compared column.

    Attributes:
        name: of the column.
        position: among the compared columns, from 0.
        edges: where a number was cut; empty for words.
        made_by: how, in words.
    """

    name: str
    position: int
    edges: tuple[float, ...]
    made_by: str

    @property
    def is_by_hand(self) -> bool:
        """Whether the user gave the cut points."""
        return self.made_by == BY_HAND


def grouped_columns(measurements: Measurements) -> tuple[GroupedColumn, ...]:
    """List the compared columns in order."""
    rows = measurements.tables["attributes"].to_pylist()
    names = dict.fromkeys((row["position"], row["attribute"], row["made_by"]) for row in rows)
    edges: dict[int, list[float]] = {}
    for row in rows:
        if row["starts_at"] is not None:
            edges.setdefault(row["position"], []).append(row["starts_at"])
    return tuple(
        GroupedColumn(name, position, tuple(sorted(edges.get(position, []))), made_by)
        for position, name, made_by in sorted(names)
    )


def cut_points_text(edges: Sequence[float]) -> str:
    """Write cut points as a person would, and as `parse_edges` reads them back exactly."""
    return ", ".join(str(int(edge)) if float(edge).is_integer() else repr(edge) for edge in edges)
