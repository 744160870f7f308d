"""Three more tests of an explanation: noise, LIME's width, and behaviour off the data.

Noise: rows and copies of them moved by a twentieth of a standard deviation, within the rules of the
data, are explained together; a steady explanation ranks the columns of both alike. Width: LIME with
half and with twice its kernel width. Off the data: explainers ask about mixed rows that nobody has;
a model built to fool them notices and answers those by another, harmless rule. A forest that
learned the model's answers on mixed rows then fails on real ones. How much it may fail without any
deceit is measured on a control, a plain forest that learned the model's answers on real rows.

References: Alvarez-Melis and Jaakkola 2018; Agarwal et al. 2022; Slack et al. 2020.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analyzers.core.dataset import Dataset
from analyzers.core.result import Estimate
from analyzers.explanation.agreement import compare
from analyzers.explanation.coalitions import Ask
from analyzers.explanation.local import KERNEL_WIDTH, shared_lime
from analyzers.toolkit.feasible import FeasibleSpace
from analyzers.toolkit.intervals import mean_estimate

ROWS_MOVED = 20
_NOISE = 0.05
_WIDTH_ROWS = 30
_REAL_ROWS = 600
_MIXED_ROWS = 600
_COLUMNS_A_SPLIT = 60
_TREES = 30
_NOT_A_VALUE = -1e9


def moved_rows(rows: Dataset, space: FeasibleSpace, rng: np.random.Generator) -> Dataset:
    """Move every free number by 5 % of its standard deviation, within the rules of the data."""
    frame = rows.inputs
    assert isinstance(frame, pd.DataFrame)  # noqa: S101  explanations of tables only
    start = space.encode(frame)
    noise = rng.normal(0, _NOISE, start.shape) * space.scales
    points = space.repair(start + np.where(space.is_level, 0.0, noise), start)
    moved = space.decode(points, np.arange(len(frame)), frame)
    return replace(rows, frame=rows.frame.assign(**{str(name): moved[name] for name in moved}))


def join_rows(first: Dataset, second: Dataset) -> Dataset:
    """Put two tables of rows one below the other."""
    labels = None
    if first.labels is not None and second.labels is not None:
        labels = np.concatenate([first.labels, second.labels])
    return replace(
        first,
        frame=pd.concat([first.frame, second.frame], ignore_index=True),
        labels=labels,
        rows=np.concatenate([first.rows, second.rows]),
    )


def noise_stability(values: NDArray[np.float64]) -> Estimate:
    """Compare explanations of rows with those of their moved copies.

    Args:
        values: `(2 * n_rows, n_features)` rows first, then their copies in the same order.
    """
    half = len(values) // 2
    alike = compare(values[:half], values[half:]).spearman
    alike = alike[~np.isnan(alike)]
    if not len(alike):
        return Estimate.unmeasured("There is nothing to rank in any of these rows.")
    return mean_estimate(alike)


def width_sensitivity(
    ask: Ask, rows: pd.DataFrame, reference: pd.DataFrame, n_samples: int, seed: int
) -> Estimate:
    """Rank correlation of LIME with half and with twice its usual kernel width, same neighbours."""
    narrow, wide = (
        shared_lime(
            ask, rows.iloc[:_WIDTH_ROWS], reference, n_samples, np.random.default_rng(seed),
            width=KERNEL_WIDTH * factor,
        ).weights
        for factor in (0.5, 2.0)
    )  # fmt: skip
    alike = compare(narrow, wide).spearman
    alike = alike[~np.isnan(alike)]
    if not len(alike):
        return Estimate.unmeasured("There is nothing to rank in any of these rows.")
    return mean_estimate(alike)


def off_manifold_gap(
    ask: Ask, real: pd.DataFrame, space: FeasibleSpace, rng: np.random.Generator
) -> Estimate:
    """Say how much worse what holds on mixed rows predicts real rows, beyond an honest control.

    Args:
        ask: returns `(n,)` outputs for n rows.
        real: rows of the data.
        space: turns rows into numbers.
        rng: source of the mixed rows and of the forests.

    Returns:
        Difference of mean absolute errors on real and on mixed rows in units of the output, less
        the same difference for the control; near 0 for a model that answers by one rule.
    """
    real = real.iloc[:_REAL_ROWS]
    draws = rng.integers(0, len(real), (2 * _MIXED_ROWS, real.shape[1]))
    mixed = pd.DataFrame(
        {name: real[name].array.take(draws[:, at]) for at, name in enumerate(real.columns)}
    )
    seeds = [int(seed) for seed in rng.integers(0, 2**31, 4)]
    inside, outside = _numbers(real, space), _numbers(mixed, space)
    asked = ask(real), ask(mixed)
    control = _forest(seeds[0], inside.shape[1]).fit(inside[::2], asked[0][::2])
    own = _gap(inside, outside, *asked, seed=seeds[1])
    honest = _gap(inside, outside, control.predict(inside), control.predict(outside), seed=seeds[1])
    found = mean_estimate(own - honest)
    return found.model_copy(
        update={"method": "mean absolute error on real less on mixed rows, less a control's"}
    )


def _gap(
    inside: NDArray[np.float64],
    outside: NDArray[np.float64],
    real: NDArray[np.float64],
    mixed: NDArray[np.float64],
    *,
    seed: int,
) -> NDArray[np.float64]:
    """Errors `(n_real,)` on real rows less the mean error on mixed rows that were held out."""
    half = len(outside) // 2
    learned = _forest(seed, outside.shape[1]).fit(outside[:half], mixed[:half])
    usual = np.abs(learned.predict(outside[half:]) - mixed[half:]).mean()
    missed: NDArray[np.float64] = np.abs(learned.predict(inside) - real) - usual
    return missed


def _numbers(frame: pd.DataFrame, space: FeasibleSpace) -> NDArray[np.float64]:
    return np.nan_to_num(space.encode(frame), nan=_NOT_A_VALUE)


def _forest(seed: int, n_columns: int) -> Any:  # noqa: ANN401  scikit-learn is imported late
    from sklearn.ensemble import RandomForestRegressor

    # With a thousand columns a split over all of them takes most of the analysis.
    share = min(1.0, _COLUMNS_A_SPLIT / n_columns)
    return RandomForestRegressor(_TREES, min_samples_leaf=3, max_features=share, random_state=seed)
