"""Every leaf as a box of cells, and every tree as a table to walk through."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analyzers.adversarial.proof.cells import Cells, cells_of
from analyzers.adversarial.proof.opened import OpenTrees, goes_left
from analyzers.anatomy.refusal import DoesNotFit
from analyzers.toolkit.feasible import FeasibleSpace

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]
MOST_LEAVES = 200_000
_ROWS_AT_ONCE = 200


@dataclass(frozen=True, kw_only=True)
class LeafBoxes:
    """All trees of a model over the cells of the columns that may change.

    Leaves stand tree by tree; nodes are numbered through all trees.

    Attributes:
        opened: the trees they come from.
        cells: of each column that may change.
        values: `(n_outputs, n_leaves)` what each leaf adds.
        tree_of: `(n_leaves,)` ascending.
        low: `(n_columns, n_leaves)` first cell of each leaf's range; for columns in order.
        high: `(n_columns, n_leaves)` last cell.
        members: for columns not in order, `(n_leaves, n_cells)` which cells lead to the leaf.
        roots: `(n_trees,)` node numbers.
        left: `(n_nodes,)` node numbers; -1 at leaves.
        right: `(n_nodes,)` node numbers.
        column_of: `(n_nodes,)` which column a node asks about; -1 where that cannot change.
        answers: `(n_answers,)` who goes left: node by node, cell by cell.
        answers_from: `(n_nodes,)` where a node's answers start.
        leaf_of: `(n_nodes,)` leaf number; -1 at inner nodes.
        turns: `(n_leaves, n_nodes)` sparse: 1 where the way to the leaf goes left, -1 right.
    """

    opened: OpenTrees
    cells: list[Cells]
    values: Floats
    tree_of: Integers
    low: Integers
    high: Integers
    members: dict[int, Flags]
    roots: Integers
    left: Integers
    right: Integers
    column_of: Integers
    answers: Flags
    answers_from: Integers
    leaf_of: Integers
    turns: Any

    def own_answers(self, frame: pd.DataFrame) -> Iterator[Flags]:
        """Say for each row as it stands who goes left at each node, `(n_nodes,)`."""
        for start in range(0, len(frame), _ROWS_AT_ONCE):
            columns = self.opened.columns(frame.iloc[start : start + _ROWS_AT_ONCE])
            answers = np.concatenate([goes_left(tree, columns) for tree in self.opened.trees])
            yield from answers.T


def boxes_of(opened: OpenTrees, space: FeasibleSpace, frame: pd.DataFrame) -> LeafBoxes:
    """Lay the trees of a model out over the cells of the columns that may change.

    Raises:
        DoesNotFit: too many leaves, or a column that cannot be cut into cells.
    """
    n_leaves = sum(int((tree.left < 0).sum()) for tree in opened.trees)
    if n_leaves > MOST_LEAVES:
        raise DoesNotFit(f"it has {n_leaves:,} leaves, more than {MOST_LEAVES:,}")
    cells = cells_of(opened, space, frame)
    column_at = {each.place: at for at, each in enumerate(cells)}
    seen = _seen(opened, space, frame, cells)
    layout = _Layout(opened, cells, n_leaves)
    offset = 0
    for number, tree in enumerate(opened.trees):
        left = goes_left(tree, seen)
        asked = [
            column_at.get(int(opened.owners[feature]), -1) if is_inner else -1
            for feature, is_inner in zip(tree.feature, tree.left >= 0, strict=True)
        ]
        layout.add(number, offset, left, asked)
        offset += len(tree.left)
    return layout.finished()


def _seen(
    opened: OpenTrees, space: FeasibleSpace, frame: pd.DataFrame, cells: list[Cells]
) -> Floats:
    """What the trees see of every cell: row i holds the i-th cell of every column."""
    originals = space.encode(frame)
    n_rows = max(len(each.first) for each in cells)
    points = np.repeat(originals[:1], n_rows, axis=0)
    for each in cells:
        points[:, each.place] = each.first[np.minimum(np.arange(n_rows), len(each.first) - 1)]
    return opened.columns(space.decode(points, np.zeros(n_rows, dtype=np.int64), frame))


class _Layout:
    """Collects nodes and leaves tree by tree."""

    def __init__(self, opened: OpenTrees, cells: list[Cells], n_leaves: int) -> None:
        self._opened, self._cells = opened, cells
        sizes = [len(each.first) for each in cells]
        self._values = np.zeros((len(opened.start), n_leaves))
        self._tree_of = np.zeros(n_leaves, dtype=np.int64)
        self._low = np.zeros((len(cells), n_leaves), dtype=np.int64)
        self._high = np.repeat(np.array(sizes)[:, None] - 1, n_leaves, axis=1)
        self._members = {
            at: np.ones((n_leaves, size), dtype=bool)
            for at, (size, each) in enumerate(zip(sizes, cells, strict=True))
            if not each.in_order
        }
        self._left: list[Integers] = []
        self._right: list[Integers] = []
        self._columns: list[int] = []
        self._answers: list[Flags] = []
        self._leaf_of: list[Integers] = []
        self._roots: list[int] = []
        self._turns: list[tuple[int, int, int]] = []
        self._n_leaves = 0

    def add(self, number: int, offset: int, left: Flags, asked: list[int]) -> None:
        """Add one tree whose nodes are numbered from `offset` on.

        Args:
            number: of the tree.
            offset: number of its root.
            left: `(n_nodes, most cells)` who goes left.
            asked: which column each node asks about; -1 where it cannot change.
        """
        tree = self._opened.trees[number]
        is_inner = tree.left >= 0
        self._roots.append(offset)
        self._left.append(np.where(is_inner, tree.left + offset, -1))
        self._right.append(np.where(is_inner, tree.right + offset, -1))
        self._columns += asked
        cuts: dict[int, Flags] = {}
        for node, column in enumerate(asked):
            size = 1 if column < 0 else len(self._cells[column].first)
            cut = left[node, :size]
            if (
                column >= 0
                and self._cells[column].in_order
                and (np.diff(cut.astype(int)) > 0).any()
            ):
                raise DoesNotFit("a number's cells are not in the order of its trees")
            cuts[node] = cut
            self._answers.append(cut)
        leaf_of = np.full(len(tree.left), -1)
        waiting: list[tuple[int, tuple[tuple[int, bool], ...]]] = [(0, ())]
        while waiting:
            node, way = waiting.pop()
            if is_inner[node]:
                waiting.append((int(tree.right[node]), (*way, (node, False))))
                waiting.append((int(tree.left[node]), (*way, (node, True))))
                continue
            leaf = self._n_leaves
            self._n_leaves += 1
            leaf_of[node] = leaf
            self._tree_of[leaf] = number
            self._values[:, leaf] = self._opened.values[number][:, node]
            for passed, is_left in way:
                self._turns.append((leaf, offset + passed, 1 if is_left else -1))
                self._narrow(leaf, asked[passed], cuts[passed], is_left=is_left)
        self._leaf_of.append(leaf_of)

    def _narrow(self, leaf: int, column: int, cut: Flags, *, is_left: bool) -> None:
        if column < 0:
            return
        if column in self._members:
            self._members[column][leaf] &= cut if is_left else ~cut
        elif is_left:
            self._high[column, leaf] = min(self._high[column, leaf], int(cut.sum()) - 1)
        else:
            self._low[column, leaf] = max(self._low[column, leaf], int(cut.sum()))

    def finished(self) -> LeafBoxes:
        """Join everything."""
        from scipy import sparse

        turns = np.array(self._turns, dtype=np.int64).reshape(-1, 3)
        n_nodes = len(self._columns)
        lengths = np.array([len(each) for each in self._answers])
        return LeafBoxes(
            opened=self._opened,
            cells=self._cells,
            values=self._values,
            tree_of=self._tree_of,
            low=self._low,
            high=self._high,
            members=self._members,
            roots=np.array(self._roots),
            left=np.concatenate(self._left),
            right=np.concatenate(self._right),
            column_of=np.array(self._columns),
            answers=np.concatenate(self._answers),
            answers_from=np.r_[0, np.cumsum(lengths)[:-1]],
            leaf_of=np.concatenate(self._leaf_of),
            turns=sparse.csr_array(
                (turns[:, 2], (turns[:, 0], turns[:, 1])), shape=(len(self._tree_of), n_nodes)
            ),
        )
