"""The smallest change found so far for every row, fed by all searches."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzers.adversarial.target import Target


class Step(NamedTuple):
    """One change nearer than all before it, after so many questions about the row."""

    point: NDArray[np.float64]
    size: float
    source: str
    questions: int


class Found:
    """Keeps, for every row, the nearest point at which the answer changes.

    Attributes:
        points: `(n_rows, n_features)` the nearest such point; the original where none is known.
        distances: `(n_rows,)` its size; infinite where none is known.
        sources: `(n_rows,)` the name of the search that found it; empty where none is known.
    """

    def __init__(self, target: Target) -> None:
        n_rows = len(target.originals)
        self.points = target.originals.copy()
        self.distances = np.full(n_rows, np.inf)
        self.sources = np.full(n_rows, "", dtype=object)
        self._target = target
        self._way: dict[int, list[Step]] = {}

    def offer(
        self,
        points: NDArray[np.float64],
        owners: NDArray[np.int64],
        margins: NDArray[np.float64],
        *,
        source: str,
    ) -> None:
        """Keep those points that change the answer and are nearer than what is known."""
        changed = np.flatnonzero(margins > 0)
        if not len(changed):
            return
        rows = owners[changed]
        sizes = self._target.space.distance(points[changed], self._target.originals[rows])
        # The nearest of each row: sorted by row, then size; the first of each row counts.
        order = np.lexsort((sizes, rows))
        first = order[np.r_[True, np.diff(rows[order]) != 0]]
        better = first[sizes[first] < self.distances[rows[first]]]
        for place in better:
            row, point = int(rows[place]), points[changed[place]]
            step = Step(point, float(sizes[place]), source, int(self._target.queries[row]))
            self._way.setdefault(row, []).append(step)
        self.points[rows[better]] = points[changed[better]]
        self.distances[rows[better]] = sizes[better]
        self.sources[rows[better]] = source

    def way_to(self, row: int) -> list[Step]:
        """Every nearer change in the order in which it was found; the last is the one kept."""
        return list(self._way.get(row, []))

    @property
    def rows(self) -> NDArray[np.int64]:
        """Rows for which a change is known."""
        return np.flatnonzero(np.isfinite(self.distances))

    def first(self, target: Target) -> "Found":
        """Return what is known of the first rows, which are those of `target`."""
        n_rows = len(target.originals)
        part = Found(target)
        part.points = self.points[:n_rows].copy()
        part.distances = self.distances[:n_rows].copy()
        part.sources = self.sources[:n_rows].copy()
        part._way = {row: way for row, way in self._way.items() if row < n_rows}
        return part

    def adopt(self, rows: slice, other: "Found") -> None:
        """Take over what was found for a block of rows."""
        self.points[rows] = other.points
        self.distances[rows] = other.distances
        self.sources[rows] = other.sources
        start = rows.start or 0
        self._way.update({start + row: way for row, way in other._way.items()})

    def forget(self, rows: NDArray[np.int64]) -> None:
        """Drop what is known of `rows`."""
        self.points[rows] = self._target.originals[rows]
        self.distances[rows] = np.inf
        self.sources[rows] = ""
        for row in rows.tolist():
            self._way.pop(row, None)
