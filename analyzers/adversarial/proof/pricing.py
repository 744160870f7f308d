"""How much of a change's cost each tree may count, so that trees alone bound the cost from below.

Every tree may choose its own best leaf only if it pays for it. Where several trees ask about one
column the column's cost is shared out among them, so that all of them together never count more
than it costs (Lagrangian decomposition). For every price put on a unit of cost, what the trees
reach at best then bounds what a change of that cost can reach.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzers.adversarial.proof.row import RowBoxes

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
_ROUNDS = 40
_NONE = np.zeros((0, 0))
_RATE = 2.0


class Pricing(NamedTuple):
    """A bound that holds over all changes, and what it rests on.

    Attributes:
        price: of a unit of cost; 0 where no price bounds anything.
        worth: `(n_leaves,)` what each leaf adds, less the price of its share of the cost.
        bound: on the squared size of a change that brings a margin above zero, from below
            (infinite where no change is enough); or on the sum itself, from above.
        shares: `(n_columns, n_trees)` share of each column's cost that a tree counts.
    """

    price: float
    worth: Floats
    bound: float
    shares: Floats = _NONE


def best_pricing(values: Floats, offset: float, row: RowBoxes) -> Pricing:
    """Search the price and the shares with the highest bound.

    Args:
        values: `(n_leaves,)` what each leaf adds to the margin.
        offset: what the margin starts from.
        row: the leaves' trees and what each asks of each column.
    """
    prices, trees, starts = row.prices, row.trees, row.starts
    if offset + np.maximum.reduceat(values, starts).sum() < 0:
        return Pricing(0.0, values, np.inf)
    shares = _even_shares(prices, starts)
    largest = np.maximum(prices.max(axis=1, initial=0.0), 1e-300)[:, None]
    best = Pricing(0.0, values, 0.0)
    for _ in range(_ROUNDS if len(prices) else 0):
        paid = (shares[:, trees] * prices).sum(axis=0)
        found = _best_price(values, offset, paid, starts)
        if found.bound > best.bound:
            best = found._replace(shares=shares)
        if found.price == 0:
            break
        shares = _shifted(shares, prices, largest, found.worth, starts)
    return best


def best_ceiling(values: Floats, offset: float, row: RowBoxes, most: float) -> Pricing:
    """Search the price and the shares with the lowest ceiling on a sum, given what may be spent.

    Args:
        values: `(n_leaves,)` what each leaf adds.
        offset: what the sum starts from.
        row: the leaves' trees and what each asks of each column.
        most: squared size that may be spent.

    Returns:
        With the ceiling as its bound: no change of at most that size reaches a larger sum.
    """
    prices, trees, starts = row.prices, row.trees, row.starts
    best = Pricing(0.0, values, offset + float(np.maximum.reduceat(values, starts).sum()))
    shares = _even_shares(prices, starts)
    largest = np.maximum(prices.max(axis=1, initial=0.0), 1e-300)[:, None]
    for _ in range(_ROUNDS if len(prices) else 0):
        paid = (shares[:, trees] * prices).sum(axis=0)
        found = best
        cost = float(paid.max(initial=0.0))
        if cost <= 0:
            break
        centre, width = (float(np.ptp(values)) + 1e-300) / cost, 1e4
        for n_tries in (17, 9, 9):
            tried = [
                _ceiling(values, offset, paid, starts, price, most)
                for price in centre * np.geomspace(1 / width, width, n_tries)
            ]
            found = min(tried, key=lambda each: each.bound)
            centre, width = found.price, width ** (2 / (n_tries - 1))
        if found.bound < best.bound:
            best = found._replace(shares=shares)
        shares = _shifted(shares, prices, largest, found.worth, starts)
    return best


def _ceiling(
    values: Floats, offset: float, paid: Floats, starts: Integers, price: float, most: float
) -> Pricing:
    worth = values - price * paid
    sum_ = offset + float(np.maximum.reduceat(worth, starts).sum())
    return Pricing(float(price), worth, sum_ + price * most)


def _even_shares(prices: Floats, starts: Integers) -> Floats:
    asks = np.maximum.reduceat(prices, starts, axis=1) > 0
    return asks / np.maximum(1, asks.sum(axis=1, keepdims=True))


def _shifted(
    shares: Floats, prices: Floats, largest: Floats, worth: Floats, starts: Integers
) -> Floats:
    """Trees that pay much for their best leaf get a larger share of that column's cost."""
    shares = shares * np.exp(_RATE * prices[:, _chosen(worth, starts)] / largest)
    return shares / np.maximum(shares.sum(axis=1, keepdims=True), 1e-300)


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
