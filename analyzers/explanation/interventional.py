"""Exact SHAP values of decision trees against thousands of background rows, without asking pairs.

A leaf of k distinct columns sees a row only as a pattern of k bits: which columns let it through.
For a row x, a background row z and a coalition that holds each column with chance t, column i lets
the mixture through with chance t x_i + (1 - t) z_i. Written as a 2 x 2 table for each column, the
mean over all background rows is a product of small tables applied to the counts of background
patterns, so rows and background rows are each read once: O(n + m) in place of O(n m). Shapley
values are the integral over t of the derivative by a column, interactions that of the derivative
by two; both are polynomials in t, which Gauss-Legendre nodes integrate exactly. At wide leaves,
where few of the 2 ** k patterns occur and few pairs of them reach the leaf, those pairs are added
up instead.

References: Owen 1972 (the integral); Grabisch and Roubens 1999 (interactions); Lundberg et al.
2020 (interventional values of trees); Nadel and Wettenstein 2026 (patterns of rows).
"""

from collections.abc import Iterator
from functools import lru_cache
from math import comb
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzers.anatomy.tree import Tree

Floats = NDArray[np.float64]

# A pattern is one 64-bit number; wider tables would not fit the memory of the machine.
_MOST_ON_A_PATH = 62
_MOST_IN_A_TABLE = 16
_MOST_IN_A_MATRIX = 7
_PAIRS_AT_ONCE = 4_000_000
# Seconds, measured on one core of a 2020s server: a number of a table, a pair of patterns, and
# the fixed cost of comparing patterns at one leaf.
_TABLE_S, _PAIR_S, _MEETING_S = 3.2e-9, 1.5e-9, 3e-4
# The same of one pair of columns at one leaf.
_PAIR_START_S = 3e-5


class Leaf(NamedTuple):
    """A leaf as the rows see it.

    Attributes:
        features: `(k,)` the distinct columns asked about on the way.
        patterns: `(n_rows,)` bit i says whether column `features[i]` lets the row through.
        value: what the leaf adds to the output.
    """

    features: tuple[int, ...]
    patterns: NDArray[np.int64]
    value: float


def leaves_of(tree: Tree, columns: Floats) -> Iterator[Leaf]:
    """Walk to every leaf once, carrying the patterns of all rows.

    Args:
        tree: the tree.
        columns: `(n_rows, n_features)` as the tree compares them.

    Raises:
        OverflowError: a path asks about more columns than a pattern holds.
    """
    waiting: list[tuple[int, tuple[int, ...], NDArray[np.int64]]]
    waiting = [(0, (), np.zeros(len(columns), dtype=np.int64))]
    while waiting:
        node, features, patterns = waiting.pop()
        left = int(tree.left[node])
        if left < 0:
            yield Leaf(features, patterns, float(tree.value[node]))
            continue
        feature = int(tree.feature[node])
        passes = tree.goes_left(node, columns)
        if feature in features:
            bit = 1 << features.index(feature)
            # A column that stopped the row once stops it for good.
            to_left = np.where(passes, patterns, patterns & ~bit)
            to_right = np.where(passes, patterns & ~bit, patterns)
            below: tuple[int, ...] = features
        else:
            if len(features) == _MOST_ON_A_PATH:
                raise OverflowError(f"a path asks about more than {_MOST_ON_A_PATH} columns")
            bit = 1 << len(features)
            to_left = patterns + passes * bit
            to_right = (patterns + bit) - passes * bit
            below = (*features, feature)
        waiting += [(int(tree.right[node]), below, to_right), (left, below, to_left)]


def interventional_values(tree: Tree, columns: Floats, n_rows: int) -> tuple[Floats, float]:
    """Return SHAP values of one tree against all background rows, and their mean output.

    Args:
        tree: the tree.
        columns: `(n_rows + n_background, n_features)`: the rows, then the background.
        n_rows: how many of them are to be explained.

    Returns:
        `(n_rows, n_features)` values, and the base value.
    """
    # A feature is a line here, so that adding to it writes one stretch of memory.
    values = np.zeros((columns.shape[1], n_rows))
    base = 0.0
    for leaf in leaves_of(tree, columns):
        k = len(leaf.features)
        own, behind = leaf.patterns[:n_rows], leaf.patterns[n_rows:]
        base += leaf.value * float(np.mean(behind == 2**k - 1))
        if not k:
            continue
        if table_seconds(k) <= pair_seconds(len(own), len(behind)):
            table, at = _values_table(_shares(behind, k) * leaf.value, k), own
        else:
            table, at = _met_values(own, behind, k)
            table *= leaf.value
        for place, feature in enumerate(leaf.features):
            values[feature] += table[place].take(at)
    return values.T, base


def table_seconds(k: int) -> float:
    """About how long the table of a leaf of k columns takes; infinite where it is too wide."""
    if k > _MOST_IN_A_TABLE:
        return float("inf")
    return k**2 * 2.0**k * _TABLE_S


def pair_seconds(n_rows: int, n_background: int) -> float:
    """About how long comparing every row's pattern with every background row's takes at a leaf."""
    return _MEETING_S + n_rows * n_background * _PAIR_S


def interventional_interactions(
    tree: Tree, columns: Floats, n_rows: int, owners: NDArray[np.int64], found: Floats
) -> None:
    """Add one tree's Shapley interaction indices to `found`.

    Args:
        tree: the tree.
        columns: `(n_rows + n_background, n_encoded)`: the rows, then the background.
        n_rows: how many of them are to be explained.
        owners: `(n_encoded,)` the place of each column in `found`, -1 where it is not wanted.
        found: `(n_kept, n_kept, n_rows)`, symmetric; pairs of one owner are left alone.
    """
    for leaf in leaves_of(tree, columns):
        k = len(leaf.features)
        kept = [place for place in range(k) if owners[leaf.features[place]] >= 0]
        pairs = [
            (one, two)
            for at, one in enumerate(kept)
            for two in kept[at + 1 :]
            if owners[leaf.features[one]] != owners[leaf.features[two]]
        ]
        if not pairs:
            continue
        shares = _shares(leaf.patterns[n_rows:], k) * leaf.value
        mixed, nodes, weights = _mix(shares, k)
        own = leaf.patterns[:n_rows]
        for one, two in pairs:
            slope = _slope(_slope(mixed, one, nodes), two, nodes)
            gained = (slope.reshape(2**k, -1) @ weights).take(own)
            first, second = owners[leaf.features[one]], owners[leaf.features[two]]
            found[first, second] += gained
            found[second, first] += gained


def interaction_seconds(tree: Tree, owners: NDArray[np.int64], n_rows: int) -> float:
    """About how long `interventional_interactions` takes; infinite where a table is too wide.

    Args:
        tree: the tree.
        owners: `(n_encoded,)` as there.
        n_rows: rows to be explained.
    """
    seconds = 0.0
    for features in paths_of(tree):
        k, wanted = len(features), len({int(owners[at]) for at in features} - {-1})
        if wanted < 2:
            continue
        if k > _MOST_IN_A_TABLE:
            return float("inf")
        n_pairs = wanted * (wanted - 1) / 2
        seconds += k**2 * 2.0**k * _TABLE_S + n_pairs * (k * 2.0**k + n_rows) * _TABLE_S
        seconds += n_pairs * _PAIR_START_S
    return seconds


def paths_of(tree: Tree) -> Iterator[frozenset[int]]:
    """The distinct columns asked about on the way to each leaf."""
    waiting: list[tuple[int, frozenset[int]]] = [(0, frozenset())]
    while waiting:
        node, seen = waiting.pop()
        if tree.left[node] < 0:
            yield seen
            continue
        seen = seen | {int(tree.feature[node])}
        waiting += [(int(tree.left[node]), seen), (int(tree.right[node]), seen)]


def widths_of(tree: Tree) -> list[int]:
    """How many distinct columns are asked about on the way to each leaf."""
    return [len(features) for features in paths_of(tree)]


def _shares(patterns: NDArray[np.int64], k: int) -> Floats:
    return np.bincount(patterns, minlength=2**k) / max(1, len(patterns))


def _values_table(shares: Floats, k: int) -> Floats:
    """`(k, 2 ** k)`: what each column gets for each pattern of a row."""
    if k <= _MOST_IN_A_MATRIX:
        table: Floats = (_matrix(k) @ shares).reshape(k, 2**k)
        return table
    return _integrated(shares, k)


def _met_values(
    own: NDArray[np.int64], behind: NDArray[np.int64], k: int
) -> tuple[Floats, NDArray[np.int64]]:
    """The same for wide leaves, where most patterns occur in no row: pairs that reach the leaf.

    Returns:
        `(k, n_patterns)` what each column gets for each pattern that occurs, and `(n_rows,)` the
        place of each row's pattern.
    """
    patterns, at = np.unique(own, return_inverse=True)
    others, counts = np.unique(behind, return_counts=True)
    full = 2**k - 1
    found = np.zeros((k, len(patterns)))
    step = max(1, _PAIRS_AT_ONCE // len(others))
    gains, losses = _pair_weights(k)
    for start in range(0, len(patterns), step):
        part = patterns[start : start + step]
        # A pair reaches the leaf where each column is let through by one of the two.
        row, other = np.nonzero((part[:, None] | others[None, :]) == full)
        only_row, only_other = part[row] & ~others[other], others[other] & ~part[row]
        n_row, n_other = np.bitwise_count(only_row), np.bitwise_count(only_other)
        share = counts[other] / len(behind)
        gain, loss = share * gains[n_row, n_other], share * losses[n_row, n_other]
        for place in range(k):
            bit = 1 << place
            moved = np.where(only_row & bit, gain, 0.0) - np.where(only_other & bit, loss, 0.0)
            found[place, start : start + step] = np.bincount(
                row, weights=moved, minlength=len(part)
            )
    return found, at


@lru_cache(maxsize=_MOST_ON_A_PATH + 1)
def _pair_weights(k: int) -> tuple[Floats, Floats]:
    """What a column gets where a columns need the row and b the background row.

    Returns:
        `(k + 1, k + 1)` for a column that needs the row, (a - 1)! b! / (a + b)!, and for one that
        needs the background, a! (b - 1)! / (a + b)!.
    """
    gains, losses = np.zeros((k + 1, k + 1)), np.zeros((k + 1, k + 1))
    for a in range(k + 1):
        for b in range(k + 1 - a):
            if a:
                gains[a, b] = 1 / (a * comb(a + b, a))
            if b:
                losses[a, b] = 1 / (b * comb(a + b, b))
    return gains, losses


@lru_cache(maxsize=_MOST_IN_A_MATRIX + 1)
def _matrix(k: int) -> Floats:
    """`(k * 2 ** k, 2 ** k)`: from the shares of background patterns to a leaf's values."""
    columns = [_integrated(unit, k).ravel() for unit in np.eye(2**k)]
    return np.ascontiguousarray(np.stack(columns, axis=1))


def _integrated(shares: Floats, k: int) -> Floats:
    mixed, nodes, weights = _mix(shares, k)
    return np.stack([_slope(mixed, place, nodes).reshape(2**k, -1) @ weights for place in range(k)])


def _mix(shares: Floats, k: int) -> tuple[Floats, Floats, Floats]:
    """Mean chance to reach the leaf, `(2, ..., 2, n_nodes)`: one axis for each column's bit.

    The axis of column i is the one `k - 1 - i`: the last bit of a pattern changes fastest.
    """
    nodes, weights = _quadrature(k)
    mixed = np.repeat(shares[:, None], len(nodes), axis=1).reshape((2,) * k + (len(nodes),))
    for axis in range(k):
        blocked, passed = np.take(mixed, 0, axis=axis), np.take(mixed, 1, axis=axis)
        # Background stops (0) or passes (1); a row that stops needs the background to pass.
        mixed = np.stack([(1 - nodes) * passed, nodes * blocked + passed], axis=axis)
    return mixed, nodes, weights


def _slope(mixed: Floats, place: int, nodes: Floats) -> Floats:
    """The derivative by one column's chance to be known, from the mixed tables."""
    axis = mixed.ndim - 2 - place
    stops, passes = np.take(mixed, 0, axis=axis), np.take(mixed, 1, axis=axis)
    return np.stack(
        [-stops / (1 - nodes), passes / nodes - stops / (nodes * (1 - nodes))], axis=axis
    )


@lru_cache(maxsize=_MOST_ON_A_PATH + 1)
def _quadrature(k: int) -> tuple[Floats, Floats]:
    """Nodes and weights on [0, 1] that integrate polynomials of degree k - 1 exactly."""
    nodes, weights = np.polynomial.legendre.leggauss(max(1, (k + 1) // 2))
    return (nodes + 1) / 2, weights / 2
