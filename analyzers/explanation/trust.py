"""Two more tests of an explanation: noise and LIME's width.

Noise: rows and copies of them moved by a twentieth of a standard deviation, within the rules of the
data, are explained together; a steady explanation ranks the columns of both alike. Width: LIME with
half and with twice its kernel width.

References: Alvarez-Melis and Jaakkola 2018; Agarwal et al. 2022.
"""

from dataclasses import replace

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
