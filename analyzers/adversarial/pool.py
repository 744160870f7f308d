"""Rows of the data to start from and to compare with: the same ones for every use of a run."""

import numpy as np
from numpy.typing import NDArray

from analyzers.core.workbench import Workbench
from analyzers.toolkit.feasible import FeasibleSpace
from analyzers.toolkit.sampling import sample_rows

_LARGEST = 2000


def pool_of(space: FeasibleSpace, bench: Workbench) -> NDArray[np.float64]:
    """Rows of the data, for what is compared with them: `(n_pool, n_features)`."""
    return space.encode(bench.data.frame.iloc[pool_positions(bench)])


def pool_positions(bench: Workbench) -> NDArray[np.int64]:
    """Where these rows stand in the data."""
    return sample_rows(bench.data, _LARGEST, np.random.default_rng(0))
