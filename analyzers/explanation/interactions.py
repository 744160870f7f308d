"""How strongly columns act together: the part of the answer no sum over single columns can give.

The Shapley interaction of two columns is what one of them adds more when the other is known too,
averaged over all coalitions of the rest; it is 0 for every pair of a model that adds columns up.
Trees give it exactly against background rows. Of any other model it is sampled: a row, a
background row and a coalition are drawn, each of the two columns is flipped, alone and together,
and the second difference of the four answers is one unbiased draw.

A pair's strength is the root of the mean square over rows. From draws it is the mean product of
two independent halves, which noise does not lift: without an interaction it is 0 on average.

References: Owen 1972; Grabisch and Roubens 1999; Lundberg et al. 2020.
"""

from collections.abc import Callable
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from analyzers.core.workbench import Tracker
from analyzers.explanation.coalitions import Ask, Pool
from analyzers.explanation.interventional import interaction_seconds, interventional_interactions
from analyzers.explanation.tables import TABLES
from analyzers.explanation.tree_background import Opened
from analyzers.toolkit.intervals import mean_estimate

Floats = NDArray[np.float64]

COLUMNS_PAIRED = 8
ROWS_PAIRED = 60
ROWS_EXACT = 300
DRAWS = 10
_LONGEST_EXACT_S = 3.0
_QUESTIONS_AT_ONCE = 20_000


class Interactions(NamedTuple):
    """Strengths of pairs of the most important columns.

    Attributes:
        pairs: `(n_pairs, 2)` places among the user's columns.
        squares: `(n_pairs, n_rows)` unbiased squares of each row's interaction.
        how: one phrase on how they were found.
    """

    pairs: NDArray[np.int64]
    squares: Floats
    how: str


def exact_interactions(
    opened: Opened, kept: NDArray[np.int64], class_index: int | None, *, track: Tracker
) -> Interactions | None:
    """Interactions of a tree model on the scale of its trees.

    Args:
        opened: the trees, the rows and the background.
        kept: `(n_kept,)` places of the columns to pair.
        class_index: the explained class; None for regression.
        track: progress.

    Returns:
        None where that takes longer than a few seconds.
    """
    ensemble, n_rows = opened.ensemble, opened.n_rows
    if interaction_work(opened, kept, n_rows) is None:
        return None
    kept = kept[kept <= opened.own.owners.max(initial=0)]
    encoded = _encoded_owners(opened, kept)
    n_outputs = len(ensemble.start)
    weights = np.ones(n_outputs)
    if class_index is not None and n_outputs > 1:
        # A raw sum means something only against the other classes.
        weights = (np.arange(n_outputs) == class_index) - 1 / n_outputs
    found = np.zeros((len(kept), len(kept), n_rows))
    for output in range(n_outputs):
        part = np.zeros_like(found)
        trees = [tree for tree, owner in ensemble.trees if owner == output]
        for tree in track(trees, "Finding columns that act together", total=len(trees)):
            interventional_interactions(tree, ensemble.columns, n_rows, encoded, part)
        found += weights[output] * part
    places = np.array(list(combinations(range(len(kept)), 2)), dtype=np.int64).reshape(-1, 2)
    return Interactions(
        kept[places], found[places[:, 0], places[:, 1]] ** 2, "exact values of the trees"
    )


def interaction_work(opened: Opened, kept: NDArray[np.int64], n_rows: int) -> float | None:
    """About how many seconds `exact_interactions` takes for rows; None where it would refuse."""
    encoded, seconds = _encoded_owners(opened, kept), 0.0
    for tree, _ in opened.ensemble.trees:
        seconds += interaction_seconds(tree, encoded, n_rows)
        if seconds > _LONGEST_EXACT_S:
            return None
    return seconds


def _encoded_owners(opened: Opened, kept: NDArray[np.int64]) -> NDArray[np.int64]:
    """`(n_encoded,)` the place among `kept` that each encoded column belongs to, or -1."""
    owners = np.full(int(opened.own.owners.max(initial=0)) + 1, -1)
    known = kept[kept < len(owners)]
    owners[known] = np.arange(len(known))
    encoded: NDArray[np.int64] = owners[opened.own.owners]
    return encoded


def sampled_interactions(
    ask: Ask,
    rows: pd.DataFrame,
    background: pd.DataFrame,
    kept: NDArray[np.int64],
    *,
    rng: np.random.Generator,
    track: Tracker,
    draws: int = DRAWS,
) -> Interactions:
    """Interactions of any model from its answers.

    Args:
        ask: returns `(n,)` outputs for n rows, on the scale to explain.
        rows: `(n_rows, n_features)`.
        background: rows that stand for unknown values.
        kept: `(n_kept,)` places of the columns to pair.
        rng: source of randomness.
        track: progress.
        draws: coalitions for each row, an even number.
    """
    n_rows, n_features = rows.shape
    pairs = np.array(list(combinations(kept, 2)), dtype=np.int64).reshape(-1, 2)
    pool = Pool(rows, background)
    flips = _flips(kept, n_features)
    halves = np.zeros((2, len(pairs), n_rows))
    share = 2 / draws
    at_once = max(1, _QUESTIONS_AT_ONCE // (n_rows * len(flips)))
    turns = range(0, draws, at_once)
    for start in track(turns, "Finding columns that act together", total=len(turns)):
        size = min(at_once, draws - start)
        known = (start + np.arange(size)[:, None] + rng.random((size, n_rows))) / draws
        coalitions = rng.random((size, n_rows, n_features)) < known[:, :, None]
        others = rng.integers(0, len(background), (size, n_rows))
        keeps = coalitions[:, :, None, :] ^ flips
        shape = keeps.shape[:3]
        draw, row, _ = (part.ravel() for part in np.indices(shape))
        asked = pool.mix(row, others[draw, row], keeps.reshape(-1, n_features))
        answers = ask(asked).reshape(shape)
        gains = _second_differences(answers, coalitions, kept)
        for turn in range(size):
            halves[(start + turn) % 2] += gains[turn] * share
    return Interactions(
        pairs, halves[0] * halves[1], f"{draws} draws for each row, two independent halves"
    )


def _flips(kept: NDArray[np.int64], n_features: int) -> NDArray[np.bool_]:
    """Nothing flipped, each column alone, then each pair: `(1 + n + n (n - 1) / 2, n_features)`."""
    sets: list[tuple[int, ...]] = [(), *((int(one),) for one in kept)]
    sets += [(int(one), int(two)) for one, two in combinations(kept, 2)]
    flips = np.zeros((len(sets), n_features), dtype=bool)
    for line, members in enumerate(sets):
        flips[line, list(members)] = True
    return flips


def _second_differences(
    answers: Floats, coalitions: NDArray[np.bool_], kept: NDArray[np.int64]
) -> Floats:
    """`(n_draws, n_pairs, n_rows)` from answers in the order of `_flips`."""
    n = len(kept)
    found = []
    for at, (one, two) in enumerate(combinations(range(n), 2)):
        gain = (
            answers[:, :, 0]
            - answers[:, :, 1 + one]
            - answers[:, :, 1 + two]
            + answers[:, :, 1 + n + at]
        )
        same = coalitions[:, :, kept[one]] == coalitions[:, :, kept[two]]
        found.append(np.where(same, gain, -gain))
    return np.stack(found, axis=1)


def interactions_table(found: Interactions, names: list[str]) -> pa.Table:
    """Strengths with intervals over rows, strongest first."""
    lines = []
    for (one, two), squares in zip(found.pairs, found.squares, strict=True):
        mean = mean_estimate(squares)
        strength = _root(mean.value)
        lines.append(
            {
                "feature": names[one], "other": names[two], "strength": strength,
                "low": None if mean.low is None else _root(mean.low),
                "high": None if mean.high is None else _root(mean.high),
                "n": len(squares),
            }
        )  # fmt: skip
    lines.sort(key=lambda line: (-(line["strength"] or 0.0), line["feature"], line["other"]))
    return pa.Table.from_pylist(lines, schema=TABLES["interactions"])


def _root(square: float | None) -> float | None:
    return None if square is None else float(np.sqrt(max(0.0, square)))


def on_log_odds(probabilities: Callable[[pd.DataFrame], Floats], class_index: int) -> Ask:
    """Turn a model's probabilities into the log-odds its values are measured in.

    Args:
        probabilities: returns `(n, n_classes)`.
        class_index: the explained class.
    """

    def ask(rows: pd.DataFrame) -> Floats:
        logs = np.log(np.clip(probabilities(rows), 1e-9, None))
        own = logs[:, class_index]
        if logs.shape[1] == 2:
            return np.asarray(own - logs[:, 1 - class_index])
        return np.asarray(own - logs.mean(axis=1))

    return ask
