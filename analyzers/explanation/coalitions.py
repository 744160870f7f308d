"""Shapley values of any model from its predictions alone, in large batches.

A coalition is a set of columns that keep the row's values; the others take a background row's. The
same coalitions serve all rows, so the model is asked a few times about tens of thousands of rows
instead of tens of thousands of times about a few.

Few columns: every coalition with every background row, which is exact. More columns: random orders
of the columns, each walked forwards and backwards (antithetic pairs), each pair with its own
background row; along an order the changes add up to the prediction by construction, and the
spread between pairs gives the standard error of every value.

References: Shapley 1953; Castro, Gomez and Tejada 2009; Mitchell et al. 2022.
"""

from collections.abc import Callable, Iterator
from math import comb

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analyzers.core.workbench import Tracker
from analyzers.explanation.attribution import Attribution, Scale

Ask = Callable[[pd.DataFrame], NDArray[np.float64]]

MOST_EXACT_QUESTIONS = 4096
_QUESTIONS_AT_ONCE = 40_000
LEAST_PAIRS = 64


def explain_by_coalitions(
    ask: Ask,
    rows: pd.DataFrame,
    background: pd.DataFrame,
    *,
    scale: Scale,
    rng: np.random.Generator,
    track: Tracker,
    least_pairs: int = LEAST_PAIRS,
) -> Attribution:
    """Shapley values by replacing columns with those of background rows.

    Args:
        ask: returns `(n,)` outputs for n rows.
        rows: `(n_rows, n_features)` to explain.
        background: `(n_background, n_features)`.
        scale: what `ask` returns.
        rng: source of the random orders.
        track: progress.
        least_pairs: random orders, at least; every background row is in the same number of them.
    """
    n_features, n_background = rows.shape[1], len(background)
    pool = Pool(rows, background)
    if n_features <= 20 and 2**n_features * n_background <= MOST_EXACT_QUESTIONS:
        return _exact(ask, pool, scale, track)
    n_pairs = n_background * -(-least_pairs // n_background)
    return _sampled(ask, pool, n_pairs, scale, rng, track)


class Pool:
    """Rows and background in one table, from which mixed rows are put together by position."""

    def __init__(self, rows: pd.DataFrame, background: pd.DataFrame) -> None:
        self.n_rows = len(rows)
        self.n_background = len(background)
        self.names = list(rows.columns)
        both = pd.concat([rows, background.astype(rows.dtypes.to_dict())], ignore_index=True)
        self.columns = [both.iloc[:, place].array for place in range(both.shape[1])]

    def mix(
        self,
        row: NDArray[np.int64],
        other: NDArray[np.int64],
        keeps: NDArray[np.bool_],
    ) -> pd.DataFrame:
        """Put `(n,)` rows and background rows together; `(n, n_features)` says what is kept."""
        stranger = other + self.n_rows
        mixed = {
            place: column.take(np.where(keeps[:, place], row, stranger))
            for place, column in enumerate(self.columns)
        }
        return pd.DataFrame(mixed, copy=False).set_axis(self.names, axis=1)

    def ask_rows(self, ask: Ask, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Ask about rows as they are: `(n,)`."""
        keeps = np.ones((len(rows), len(self.columns)), dtype=bool)
        return ask(self.mix(rows, np.zeros_like(rows), keeps))

    def ask_background(self, ask: Ask) -> NDArray[np.float64]:
        """Ask about every background row once: `(n_background,)`."""
        others = np.arange(self.n_background)
        keeps = np.zeros((self.n_background, len(self.columns)), dtype=bool)
        return ask(self.mix(np.zeros_like(others), others, keeps))


def _exact(ask: Ask, pool: Pool, scale: Scale, track: Tracker) -> Attribution:
    n_features = len(pool.columns)
    coalitions = (np.arange(2**n_features)[:, None] >> np.arange(n_features) & 1).astype(bool)
    # worth[coalition, row]: the mean output over the background.
    worth = np.empty((len(coalitions), pool.n_rows))
    others = np.arange(pool.n_background)
    for rows in track(
        list(_blocks(pool.n_rows, len(coalitions) * pool.n_background)), "Asking about coalitions"
    ):
        shape = (len(coalitions), len(rows), pool.n_background)
        coalition, row, other = (part.ravel() for part in np.indices(shape))
        answers = ask(pool.mix(rows[row], others[other], coalitions[coalition]))
        worth[:, rows] = answers.reshape(shape).mean(axis=2)
    values = shapley_of(worth)
    base = float(worth[0, 0])
    return Attribution(
        values=values,
        base=base,
        rebuilt=base + values.sum(axis=1),
        scale=scale,
        explainer="exact Shapley values over all coalitions",
        why=f"With {n_features} columns all {len(coalitions):,} coalitions can be asked about, "
        "so nothing is left to chance.",
        n_background=pool.n_background,
    )


def shapley_of(worth: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shapley values from the worth of every coalition.

    Args:
        worth: `(2 ** n_features, n_rows)`; bit f of a line's number says whether feature f is in.

    Returns:
        `(n_rows, n_features)`; each row adds up to its last worth less its first.
    """
    n_features = len(worth).bit_length() - 1
    is_in = (np.arange(len(worth))[:, None] >> np.arange(n_features) & 1).astype(bool)
    sizes = is_in.sum(axis=1)
    weight = np.array([1 / (n_features * comb(n_features - 1, size)) for size in range(n_features)])
    values = np.empty((worth.shape[1], n_features))
    for feature in range(n_features):
        without = np.flatnonzero(~is_in[:, feature])
        gains = worth[without | (1 << feature)] - worth[without]
        values[:, feature] = weight[sizes[without]] @ gains
    return values


def _sampled(
    ask: Ask,
    pool: Pool,
    n_pairs: int,
    scale: Scale,
    rng: np.random.Generator,
    track: Tracker,
) -> Attribution:
    n_features, n_background = len(pool.columns), pool.n_background
    orders = np.argsort(rng.random((n_pairs, n_features)), axis=1)
    others = np.arange(n_pairs) % n_background
    keeps = walks(orders)
    # A walk's ends are the background row and the row itself, which are the same for every order:
    # each is asked about once.
    inner = np.delete(np.arange(2 * n_features), [0, n_features])
    starts = pool.ask_background(ask)[others]
    n_questions = n_pairs * (len(inner) + 1)
    values = np.empty((pool.n_rows, n_features))
    errors = np.empty_like(values)
    base = float(starts.mean())
    for rows in track(list(_blocks(pool.n_rows, n_questions)), "Asking about coalitions"):
        shape = (len(rows), n_pairs, len(inner))
        row, pair, place = (part.ravel() for part in np.indices(shape))
        answers = np.empty(len(row))
        for start in range(0, len(row), _QUESTIONS_AT_ONCE):
            part = slice(start, start + _QUESTIONS_AT_ONCE)
            kept = keeps[pair[part], inner[place[part]]]
            answers[part] = ask(pool.mix(rows[row[part]], others[pair[part]], kept))
        worth = np.empty((len(rows), n_pairs, 2 * n_features))
        worth[:, :, 0] = starts
        worth[:, :, n_features] = pool.ask_rows(ask, rows)[:, None]
        worth[:, :, inner] = answers.reshape(shape)
        gains = gains_of(worth, orders)
        values[rows] = gains.mean(axis=1)
        errors[rows] = gains.std(axis=1, ddof=1) / np.sqrt(n_pairs)
    return Attribution(
        values=values,
        base=base,
        rebuilt=base + values.sum(axis=1),
        scale=scale,
        explainer="sampled Shapley values (antithetic orders, shared by all rows)",
        why=f"With {n_features} columns there are too many coalitions to ask about all.",
        errors=errors,
        n_background=n_background,
        draws=f"{n_pairs} random orders of the columns, each walked forwards and backwards, "
        f"every background row in {n_pairs // n_background} of them",
    )


def walks(orders: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Coalitions met on the way through each order, forwards, then backwards.

    Args:
        orders: `(n_pairs, n_features)` permutations.

    Returns:
        `(n_pairs, 2 * n_features, n_features)`: from none to all going forwards (n_features + 1
        coalitions), then the inner ones (n_features - 1) going backwards.
    """
    n_features = orders.shape[1]
    rank = np.argsort(orders, axis=1)[:, None, :]
    forwards = rank < np.arange(n_features + 1)[None, :, None]
    backwards = rank >= (n_features - np.arange(1, n_features))[None, :, None]
    return np.concatenate([forwards, backwards], axis=1)


def gains_of(worth: NDArray[np.float64], orders: NDArray[np.int64]) -> NDArray[np.float64]:
    """What each feature added, averaged over the two directions of each order.

    Args:
        worth: `(n_rows, n_pairs, 2 * n_features)` outputs of the coalitions of `walks`.
        orders: `(n_pairs, n_features)`.

    Returns:
        `(n_rows, n_pairs, n_features)`.
    """
    n_features = orders.shape[1]
    forwards = worth[:, :, : n_features + 1]
    inner = worth[:, :, n_features + 1 :]
    backwards = np.concatenate([forwards[:, :, :1], inner, forwards[:, :, -1:]], axis=2)
    there = np.empty((*worth.shape[:2], n_features))
    back = np.empty_like(there)
    pairs = np.arange(len(orders))[:, None]
    there[:, pairs, orders] = np.diff(forwards, axis=2)
    back[:, pairs, orders[:, ::-1]] = np.diff(backwards, axis=2)
    return (there + back) / 2


def _blocks(n_rows: int, questions_a_row: int) -> Iterator[NDArray[np.int64]]:
    size = max(1, _QUESTIONS_AT_ONCE // questions_a_row)
    for start in range(0, n_rows, size):
        yield np.arange(start, min(start + size, n_rows))
