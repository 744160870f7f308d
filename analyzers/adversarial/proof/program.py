"""One row as an integer program, for what splitting boxes leaves open.

One variable for every cut between two cells of a column in order (whether the row ends below it),
one for every cell of the other columns, and one for every leaf. In every tree one leaf is reached;
leaves that lie wholly below a cut need the row to end below it, and those wholly above it the
opposite. What a row costs is a sum over the cells it ends in. HiGHS solves it, which comes with
SciPy; what it says holds to its tolerance of a millionth.

References:
    Kantchelian, Tygar and Joseph 2016 (the program); Huangfu and Hall 2018 (HiGHS).
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzers.adversarial.proof.branching import Margins
from analyzers.adversarial.proof.row import RowBoxes
from analyzers.toolkit.relations import Relation

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]
TOLERANCE = 1e-6
_OPTIMAL, _LIMIT, _INFEASIBLE = 0, 1, 2


class Solved(NamedTuple):
    """What the solver says.

    Attributes:
        bound: no point has a smaller objective; infinite where none is feasible.
        at: `(n_columns,)` cells of the best point; None where there is none.
    """

    bound: float
    at: Integers | None


class Program:
    """The cells and leaves of one row as variables, bound to each other.

    Args:
        row: the problem.
        relations: rules between columns; orders of two columns are put in as far as cells show
            them, all others are left to whoever looks at the point.
    """

    def __init__(self, row: RowBoxes, relations: tuple[Relation, ...]) -> None:
        self._row = row
        self._rows = _Rows()
        self._costs, self._layout = _columns(row, self._rows)
        self._n_cells = len(self._costs)
        _trees(row, self._rows, self._layout, self._n_cells)
        _orders(row, relations, self._rows, self._layout)

    def exclude_leaves(self, reached: Integers) -> None:
        """Rule out that all of these leaves, one of every tree, are reached at once."""
        self._rows.add(self._n_cells + reached, 1.0, -np.inf, len(reached) - 1.0)

    def exclude_cells(self, at: Integers, columns: Flags) -> bool:
        """Rule out that some columns end where a point does all at once; return whether it can be.

        It cannot where a column could take another value without the program telling them apart.
        """
        if not all(
            self._row.is_single[column][at[column]]
            and self._layout.holds_one_cell(column, int(at[column]))
            for column in np.flatnonzero(columns).tolist()
        ):
            return False
        parts = [self._layout.ends_in(int(column), int(at[column]))
                 for column in np.flatnonzero(columns)]  # fmt: skip
        places = np.concatenate([part.places for part in parts])
        values = np.concatenate([part.values for part in parts])
        constant = sum(part.constant for part in parts)
        self._rows.add(places, values, -np.inf, len(parts) - 1 - constant)
        return True

    def nearest(self, margins: Margins, *, slack: float, most: float, nodes: int) -> Solved:
        """Look for the cheapest point that reaches every margin; its objective is the squared size.

        Args:
            margins: what has to be reached.
            slack: margins count as reached from minus this on.
            most: squared size beyond which nothing is looked for.
            nodes: most nodes of the solver's search.
        """
        rows = self._rows.copy()
        leaves = self._n_cells + np.arange(len(self._row.leaves))
        for values, offset in zip(margins.values, margins.offset, strict=True):
            # The solver's tolerance is absolute.
            scale = max(float(np.abs(values).max(initial=0.0)), 1e-300)
            rows.add(leaves, values / scale, -(offset + slack) / scale, np.inf)
        if np.isfinite(most):
            self._spend(rows, most)
        return self._solved(rows, self._with_leaves(self._costs, 0.0), self._layout.constant, nodes)

    def largest(self, margins: Margins, *, most: float, nodes: int) -> Solved:
        """Look for the largest sum of the first margin; its objective is the sum's negative.

        Args:
            margins: one, the sum.
            most: squared size that may be spent.
            nodes: most nodes of the solver's search.
        """
        rows = self._rows.copy()
        self._spend(rows, most)
        values = margins.values[0]
        scale = max(float(np.abs(values).max(initial=0.0)), 1e-300)
        cost = self._with_leaves(np.zeros(self._n_cells), -values / scale)
        solved = self._solved(rows, cost, 0.0, nodes)
        return solved._replace(bound=solved.bound * scale - float(margins.offset[0]))

    def _spend(self, rows: "_Rows", most: float) -> None:
        paid = np.flatnonzero(self._costs)
        # What is known, or just allowed, must not be cut off by the solver's tolerance.
        rows.add(paid, self._costs[paid], -np.inf, most * (1 + TOLERANCE) - self._layout.constant)

    def _with_leaves(self, cells: Floats, leaves: Floats | float) -> Floats:
        return np.r_[cells, np.broadcast_to(leaves, len(self._row.leaves))]

    def _solved(self, rows: "_Rows", cost: Floats, constant: float, nodes: int) -> Solved:
        from scipy.optimize import Bounds, LinearConstraint, milp

        is_whole = np.r_[np.ones(self._n_cells), np.zeros(len(self._row.leaves))]
        made = milp(
            cost,
            constraints=LinearConstraint(*rows.as_matrix(len(cost))),
            integrality=is_whole,
            bounds=Bounds(0.0, 1.0),
            options={"mip_rel_gap": 0.0, "node_limit": nodes},
        )
        if made.status == _INFEASIBLE:
            return Solved(np.inf, None)
        bound = made.mip_dual_bound if made.status in (_OPTIMAL, _LIMIT) else None
        return Solved(
            -np.inf if bound is None else float(bound) + constant,
            None if made.x is None else self._layout.cells(made.x),
        )


class _Rows:
    """Constraints as they are gathered."""

    def __init__(self) -> None:
        self._places: list[Integers] = []
        self._values: list[Floats] = []
        self._low: list[float] = []
        self._high: list[float] = []

    def copy(self) -> "_Rows":
        """Return the same ones, to add more to."""
        made = _Rows()
        made._places, made._values = [*self._places], [*self._values]
        made._low, made._high = [*self._low], [*self._high]
        return made

    def add(self, places: Integers, values: Floats | float, low: float, high: float) -> None:
        """Add `low <= values @ variables[places] <= high`."""
        self._places.append(places)
        self._values.append(np.broadcast_to(np.asarray(values, dtype=np.float64), places.shape))
        self._low.append(low)
        self._high.append(high)

    def as_matrix(self, n_variables: int) -> tuple[Any, Floats, Floats]:
        """Return `(n_constraints, n_variables)` coefficients and their ends."""
        from scipy import sparse

        rows = np.repeat(np.arange(len(self._low)), [len(places) for places in self._places])
        places = np.concatenate(self._places)
        matrix = sparse.csr_array(
            (np.concatenate(self._values), (rows, places)), shape=(len(self._low), n_variables)
        )
        return matrix, np.array(self._low), np.array(self._high)


class _Term(NamedTuple):
    """A sum of variables: `values @ variables[places] + constant`."""

    places: Integers
    values: Floats
    constant: float


class _Layout(NamedTuple):
    """Where the variables of each column stand.

    Attributes:
        first: of each column's variables.
        cheapest: for columns in order the cheapest cell of every stretch between two cuts; for
            others every cell.
        cuts: for columns in order the last cell below each cut; None for others.
        n_cells: of each column.
        constant: of the cost.
    """

    first: list[int]
    cheapest: list[Integers]
    cuts: list[Integers | None]
    n_cells: list[int]
    constant: float

    def ends_in(self, column: int, cell: int) -> _Term:
        """Whether a column ends in the stretch of a cell, as a sum that is 0 or 1."""
        first, cuts = self.first[column], self.cuts[column]
        if cuts is None:
            return _Term(np.array([first + cell]), np.ones(1), 0.0)
        stretch = int(np.searchsorted(cuts, cell))
        # Below the cut above it and not below the one beneath it.
        above = [(first + stretch, 1.0)] if stretch < len(cuts) else []
        beneath = [(first + stretch - 1, -1.0)] if stretch else []
        places, values = zip(*above, *beneath, strict=True) if len(cuts) else ((), ())
        return _Term(
            np.array(places, dtype=np.int64), np.array(values), float(stretch == len(cuts))
        )

    def holds_one_cell(self, column: int, cell: int) -> bool:
        """Whether the stretch of a cell holds no other one."""
        cuts = self.cuts[column]
        if cuts is None:
            return True
        stretch = int(np.searchsorted(cuts, cell))
        first = cuts[stretch - 1] + 1 if stretch else 0
        last = cuts[stretch] if stretch < len(cuts) else self.n_cells[column] - 1
        return bool(first == last)

    def cells(self, x: Floats) -> Integers:
        """Read the cells `(n_columns,)` off a solution."""
        made = []
        for first, cheapest, cuts in zip(self.first, self.cheapest, self.cuts, strict=True):
            if cuts is None:
                made.append(cheapest[int(x[first : first + len(cheapest)].argmax())])
            else:
                n_below = int((x[first : first + len(cuts)] > 0.5).sum())
                made.append(cheapest[len(cuts) - n_below])
        return np.array(made, dtype=np.int64)


def _columns(row: RowBoxes, rows: _Rows) -> tuple[Floats, _Layout]:
    """Lay out the columns: their variables, what these cost, and what binds them."""
    costs: list[Floats] = [np.zeros(0)]
    layout = _Layout([], [], [], [len(paid) for paid in row.costs], 0.0)
    n = 0
    for column, paid in enumerate(row.costs):
        layout.first.append(n)
        if column in row.members:
            places = n + np.arange(len(paid))
            is_open = np.isfinite(paid)
            rows.add(places, 1.0, 1.0, 1.0)
            rows.add(places[~is_open], 1.0, 0.0, 0.0)
            layout.cheapest.append(np.arange(len(paid)))
            layout.cuts.append(None)
            costs.append(np.where(is_open, paid, 0.0))
            n += len(paid)
            continue
        cuts = np.unique(np.r_[row.low[column] - 1, row.high[column]])
        cuts = cuts[(cuts >= 0) & (cuts < len(paid) - 1)]
        ends = zip(np.r_[0, cuts + 1], np.r_[cuts, len(paid) - 1] + 1, strict=True)
        best = np.array([start + int(np.argmin(paid[start:end])) for start, end in ends])
        is_open = np.isfinite(paid[best])
        price = np.where(is_open, paid[best], 0.0)
        layout.cheapest.append(best)
        layout.cuts.append(cuts)
        for at in range(len(cuts) - 1):
            rows.add(n + np.array([at, at + 1]), np.array([1.0, -1.0]), -np.inf, 0.0)
        for stretch in np.flatnonzero(~is_open):
            term = layout.ends_in(column, int(best[stretch]))
            rows.add(term.places, term.values, -term.constant, -term.constant)
        layout = layout._replace(constant=layout.constant + float(price[-1]))
        costs.append(price[:-1] - price[1:])
        n += len(cuts)
    return np.concatenate(costs), layout


def _trees(row: RowBoxes, rows: _Rows, layout: _Layout, n_cells: int) -> None:
    """Bind the leaves of every tree to the columns."""
    ends = np.r_[row.starts[1:], len(row.leaves)]
    for start, end in zip(row.starts, ends, strict=True):
        leaves = np.arange(start, end)
        rows.add(n_cells + leaves, 1.0, 1.0, 1.0)
        for column, cuts in enumerate(layout.cuts):
            first = layout.first[column]
            if cuts is None:
                for within, cells in _by_cells(row.members[column][leaves]):
                    rows.add(
                        np.r_[n_cells + leaves[within], first + cells],
                        np.r_[np.ones(len(within)), -np.ones(len(cells))], -np.inf, 0.0,
                    )  # fmt: skip
                continue
            low, high = row.low[column, leaves], row.high[column, leaves]
            for cut in np.intersect1d(np.r_[low - 1, high], cuts):
                at = first + int(np.searchsorted(cuts, cut))
                below, above = leaves[high <= cut], leaves[low > cut]
                if len(below):
                    rows.add(
                        np.r_[n_cells + below, at], np.r_[np.ones(len(below)), -1.0], -np.inf, 0.0
                    )
                if len(above):
                    rows.add(np.r_[n_cells + above, at], 1.0, -np.inf, 1.0)


def _by_cells(members: Flags) -> list[tuple[Integers, Integers]]:
    """For every set of cells that a leaf asks for: the leaves that no other cell leads to."""
    asked = np.unique(members[~members.all(axis=1)], axis=0)
    return [
        (np.flatnonzero(~(members & ~cells).any(axis=1)), np.flatnonzero(cells)) for cells in asked
    ]


def _orders(row: RowBoxes, relations: tuple[Relation, ...], rows: _Rows, layout: _Layout) -> None:
    """Keep columns in the order that a rule asks for, as far as whole cells show it."""
    column_of = {int(place): at for at, place in enumerate(row.places)}
    ranges = {each.place: (each.first, each.last) for each in row.boxes.cells}
    for relation in relations:
        is_order = relation.kind == "at most" and len(relation.others) == 1 and not relation.weights
        if not is_order or not relation.holds(row.original[None])[0]:
            continue
        small, large = relation.place, relation.others[0]
        if small not in column_of or large not in column_of:
            continue
        at, other = column_of[small], column_of[large]
        cuts, other_cuts = layout.cuts[at], layout.cuts[other]
        if cuts is None or other_cuts is None:
            continue
        # Whoever ends above a cut of the smaller cannot end below a cut of the larger that lies
        # wholly under it.
        least = ranges[small][0][cuts + 1]
        reach = ranges[large][1][other_cuts]
        for place, value in enumerate(least):
            n_under = int(np.searchsorted(reach, value))
            if n_under:
                pair = np.array([layout.first[other] + n_under - 1, layout.first[at] + place])
                rows.add(pair, np.array([1.0, -1.0]), -np.inf, 0.0)
