"""Exact SHAP values of decision trees for many rows at once.

On the way from the root to one leaf each feature is a player: it lets the row through (1) or not
(0) when it is known, and lets a share z of the training rows through when it is not. The leaf's
Shapley values are integrals over t in [0, 1] of a product with one factor z (1 - t) + o t for each
feature, a polynomial, which Gauss-Legendre nodes integrate exactly. Walking a tree once while
carrying that product for all rows and nodes costs a number of array operations proportional to the
nodes of the tree, where the usual recursion pays the square of the depth at every leaf of every
row.

References: Lundberg et al. 2020 (the values); Owen 1972 (the integral); Yu et al. 2022 (a linear
walk with polynomials).
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzers.anatomy.tree import Tree

_ROWS_AT_ONCE = 1024


class _Edge(NamedTuple):
    """The merged conditions of one feature on the path so far."""

    passes: NDArray[np.bool_]
    share: float
    above: "_Edge | None"


def tree_values(tree: Tree, columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return SHAP values `(n_rows, n_features)` of one tree.

    Args:
        tree: the tree.
        columns: `(n_rows, n_features)` as the tree compares them; NaN where missing.
    """
    values = np.empty(columns.shape)
    nodes, weights = _quadrature(_most_features_on_a_path(tree))
    for start in range(0, len(columns), _ROWS_AT_ONCE):
        chunk = columns[start : start + _ROWS_AT_ONCE]
        walk = _Walk(tree, chunk, nodes, weights)
        walk.visit(0, np.ones((len(nodes), len(chunk))))
        values[start : start + _ROWS_AT_ONCE] = walk.values.T
    return values


class _Walk:
    """One pass over one tree; `values` is `(n_features, n_rows)`, so that a feature is a row."""

    def __init__(
        self,
        tree: Tree,
        columns: NDArray[np.float64],
        nodes: NDArray[np.float64],
        weights: NDArray[np.float64],
    ) -> None:
        self.tree = tree
        self.columns = columns
        self.nodes = nodes
        self.weights = weights
        self.values = np.zeros(columns.shape[::-1])
        self.edges: dict[int, _Edge] = {}

    def visit(self, node: int, product: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the sum over the leaves below of value times product, `(n_nodes, n_rows)`."""
        left, right = int(self.tree.left[node]), int(self.tree.right[node])
        if left < 0:
            return product * self.tree.value[node]
        feature = int(self.tree.feature[node])
        goes_left = self.tree.goes_left(node, self.columns)
        total = self.tree.cover[left] + self.tree.cover[right]
        above = self.edges.get(feature)
        # The product without this feature, whose factor is about to change.
        bare = product if above is None else product / self._factors(above)
        below = None
        for child, passes in ((left, goes_left), (right, ~goes_left)):
            edge = _Edge(
                passes=passes if above is None else passes & above.passes,
                share=float(self.tree.cover[child] / total) * (above.share if above else 1.0),
                above=above,
            )
            self.edges[feature] = edge
            leaves = self.visit(child, bare * self._factors(edge))
            if self.tree.left[child] < 0:
                # At a leaf the factor multiplied in cancels against the one divided out.
                worth = self.weights @ bare * self.tree.value[child]
                self.values[feature] += np.where(edge.passes, 1.0 - edge.share, -edge.share) * worth
            else:
                self.values[feature] += self._part(edge, leaves)
            if above is not None:
                # Leaves below a later edge of the same feature belong to that edge alone: it takes
                # away what the edge above will be given too much.
                self.values[feature] -= self._part(above, leaves)
            below = leaves if below is None else np.add(below, leaves, out=below)
        if above is None:
            del self.edges[feature]
        else:
            self.edges[feature] = above
        assert below is not None  # noqa: S101  a node that is no leaf has two children
        return below

    def _factors(self, edge: _Edge) -> NDArray[np.float64]:
        blocked = edge.share * (1.0 - self.nodes)
        return np.where(edge.passes, (blocked + self.nodes)[:, None], blocked[:, None])

    def _part(self, edge: _Edge, leaves: NDArray[np.float64]) -> NDArray[np.float64]:
        """What the feature of `edge` gets of the leaves below it."""
        blocked = edge.share * (1.0 - self.nodes)
        passed = (self.weights / (blocked + self.nodes)) @ leaves
        stopped = (self.weights / blocked) @ leaves
        return np.where(edge.passes, (1.0 - edge.share) * passed, -edge.share * stopped)


@cache
def _quadrature(n_features: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Nodes and weights on [0, 1] that integrate polynomials of degree n_features - 1 exactly."""
    nodes, weights = np.polynomial.legendre.leggauss(max(1, (n_features + 1) // 2))
    return (nodes + 1) / 2, weights / 2


def _most_features_on_a_path(tree: Tree) -> int:
    most = 0
    waiting: list[tuple[int, frozenset[int]]] = [(0, frozenset())]
    while waiting:
        node, seen = waiting.pop()
        if tree.left[node] < 0:
            most = max(most, len(seen))
            continue
        seen = seen | {int(tree.feature[node])}
        waiting += [(int(tree.left[node]), seen), (int(tree.right[node]), seen)]
    return most
