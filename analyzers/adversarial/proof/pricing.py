"""How much of a change's cost each tree may count, so that trees alone bound the cost from below.

Every tree may choose its own best leaf only if it pays for it. Where several trees ask about one
column the column's cost is shared out among them, so that all of them together never count more
than it costs (Lagrangian decomposition). For every price put on a unit of cost, what the trees
reach at best then bounds what a change of that cost can reach.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
_ROUNDS = 40
_RATE = 2.0


class Pricing(NamedTuple):
    """A bound from below on the cost of a margin above zero.

    Attributes:
        price: of a unit of cost; 0 where no price bounds anything.
        worth: `(n_leaves,)` what each leaf adds, less the price of its share of the cost.
        bound: the bound over all changes, squared size; infinite where no change is enough.
    """

    price: float
    worth: Floats
    bound: float


def best_pricing(
    values: Floats, offset: float, prices: Floats, trees: Integers, starts: Integers
) -> Pricing:
    """Search the price and the shares with the highest bound.

    Args:
        values: `(n_leaves,)` what each leaf adds to the margin.
        offset: what the margin starts from.
        prices: `(n_columns, n_leaves)` squared cost that a leaf asks of each column at least.
        trees: `(n_leaves,)` number of each leaf's tree, from 0 without gaps.
        starts: `(n_trees,)` where each tree's leaves start.
    """
    if offset + np.maximum.reduceat(values, starts).sum() < 0:
        return Pricing(0.0, values, np.inf)
    asks = np.maximum.reduceat(prices, starts, axis=1) > 0
    shares = asks / np.maximum(1, asks.sum(axis=1, keepdims=True))
    largest = np.maximum(prices.max(axis=1, initial=0.0), 1e-300)[:, None]
    best = Pricing(0.0, values, 0.0)
    for _ in range(_ROUNDS if len(prices) else 0):
        paid = (shares[:, trees] * prices).sum(axis=0)
        found = _best_price(values, offset, paid, starts)
        if found.bound > best.bound:
            best = found
        if found.price == 0:
            break
        # Trees that pay much for their best leaf get a larger share of that column's cost.
        chosen = _chosen(found.worth, starts)
        shares = shares * np.exp(_RATE * prices[:, chosen] / largest)
        shares /= np.maximum(shares.sum(axis=1, keepdims=True), 1e-300)
    return best


def _best_price(values: Floats, offset: float, paid: Floats, starts: Integers) -> Pricing:
    """Try prices over many orders of magnitude, then look closer twice."""
    spread = float(np.ptp(values)) + 1e-300
    cost = float(paid.max(initial=0.0))
    if cost <= 0:
        return Pricing(0.0, values, 0.0)
    centre, width = spread / cost, 1e4
    best = Pricing(0.0, values, 0.0)
    for n_tries in (17, 9, 9):
        for price in centre * np.geomspace(1 / width, width, n_tries):
            worth = values - price * paid
            bound = -(offset + float(np.maximum.reduceat(worth, starts).sum())) / price
            if bound > best.bound:
                best = Pricing(float(price), worth, bound)
        if best.price == 0:
            return best
        centre, width = best.price, width ** (2 / (n_tries - 1))
    return best


def _chosen(worth: Floats, starts: Integers) -> Integers:
    ends = np.r_[starts[1:], len(worth)]
    return np.array(
        [start + int(np.argmax(worth[start:end])) for start, end in zip(starts, ends, strict=True)]
    )
