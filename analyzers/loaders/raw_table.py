"""A table as its file gave it: named columns, nothing converted yet but what the file types."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class RawTable:
    """Columns by tamed name, and what was changed on the way.

    Attributes:
        columns: text columns hold strings as they stand in the file; typed formats keep their type.
        images: `(n_rows, height, width, channels)` float32 in [0, 1], or None.
        changes: one sentence per change.
    """

    columns: Mapping[str, pa.ChunkedArray]
    images: NDArray[np.float32] | None = None
    changes: tuple[str, ...] = ()

    @property
    def n_rows(self) -> int:
        """Rows of the table."""
        if self.images is not None:
            return len(self.images)
        return len(next(iter(self.columns.values()))) if self.columns else 0

    def head(self, n_rows: int) -> "RawTable":
        """Return the first rows only."""
        return RawTable(
            columns={name: column.slice(0, n_rows) for name, column in self.columns.items()},
            images=None if self.images is None else self.images[:n_rows],
        )
