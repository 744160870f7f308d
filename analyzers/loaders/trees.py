"""Decision trees checked as graphs: every path ends, no pointer leaves the tree."""

import numpy as np
from numpy.typing import NDArray

from analyzers.core.errors import RefusedFile


def check_tree(
    left: NDArray[np.int64],
    right: NDArray[np.int64],
    feature: NDArray[np.int64],
    *,
    n_features: int,
) -> None:
    """Refuse a tree with cycles, shared children, or pointers and features that do not exist.

    Args:
        left: `(n_nodes,)` number of the left child, negative at leaves.
        right: `(n_nodes,)` number of the right child, negative at leaves.
        feature: `(n_nodes,)` column each inner node looks at.
        n_features: columns there are.

    Raises:
        RefusedFile: the arrays are no tree.
    """
    n_nodes = len(left)
    if len(right) != n_nodes or len(feature) != n_nodes or not n_nodes:
        raise _refuse("arrays of different lengths")
    is_inner = left >= 0
    if ((right >= 0) != is_inner).any():
        raise _refuse("a node with one child")
    children = np.concatenate([left[is_inner], right[is_inner]])
    if len(children) and (children.max() >= n_nodes or children.min() < 1):
        raise _refuse("a child that does not exist")
    # Every node but the root is the child of at most one: with the root nobody's child, a walk
    # down from it can then never come back to a node.
    if len(np.unique(children)) != len(children):
        raise _refuse("a node that is reached in two ways")
    used = feature[is_inner]
    if len(used) and (used.min() < 0 or used.max() >= n_features):
        raise _refuse("a feature that does not exist")


def _refuse(found: str) -> RefusedFile:
    return RefusedFile(
        f"Expected decision trees, got {found}; the model was not opened.",
        remedy="Save the model again with the library that made it.",
    )
