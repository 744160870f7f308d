"""A fitted tree, and trees whose sum is a model."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Tree:
    """One fitted tree.

    Attributes:
        left: `(n_nodes,)` position of the left child, -1 at a leaf.
        right: `(n_nodes,)` position of the right child.
        feature: `(n_nodes,)` the column a node asks about.
        cover: `(n_nodes,)` weight of the training rows that reached the node.
        value: `(n_nodes,)` what the tree adds to the output at a leaf.
        threshold: `(n_nodes,)` the number a node compares its column with; NaN where it asks for
            a set of categories, and at leaves.
        goes_left: takes a node and the rows' columns, returns `(n_rows,)` who goes left.
    """

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    feature: NDArray[np.int64]
    cover: NDArray[np.float64]
    value: NDArray[np.float64]
    threshold: NDArray[np.float64]
    goes_left: Callable[[int, NDArray[np.float64]], NDArray[np.bool_]]

    @property
    def base(self) -> float:
        """The mean of the leaves, weighted by cover: the output when nothing is known."""
        means = np.zeros(len(self.left))
        # Children always come after their parent.
        for node in range(len(self.left) - 1, -1, -1):
            left, right = self.left[node], self.right[node]
            if left < 0:
                means[node] = self.value[node]
            else:
                total = self.cover[left] + self.cover[right]
                means[node] = (
                    self.cover[left] * means[left] + self.cover[right] * means[right]
                ) / total
        return float(means[0])


class Ensemble(NamedTuple):
    """Trees whose sum is the model.

    Attributes:
        trees: pairs of a tree and the output it adds to.
        start: `(n_outputs,)` what the sum starts from.
        columns: `(n_rows, n_encoded)` as the trees compare them.
        is_probability: the sum is the probability itself, not a raw sum behind a link.
    """

    trees: list[tuple[Tree, int]]
    start: NDArray[np.float64]
    columns: NDArray[np.float64]
    is_probability: bool
