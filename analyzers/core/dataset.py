"""Data as an analyzer sees it: rows matched to the model, missing values kept as missing."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analyzers.core.subject import Subject

MISSING_CODE = -1


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Rows of one file, in the order of the file.

    Attributes:
        subject: says which column is what.
        frame: `(n_rows, n_columns)` every column of the table, features in the dtypes the model
            expects; for image data the label and id columns only.
        labels: `(n_rows,)` class codes as int64 with -1 for missing, or float64 values with NaN for
            missing where the task is regression; None where the data has no target.
        images: `(n_rows, height, width, channels)` float32 in [0, 1], image data only.
        rows: `(n_rows,)` row numbers in the file, from 0, as int64.
    """

    subject: Subject
    frame: pd.DataFrame
    labels: NDArray[np.int64] | NDArray[np.float64] | None
    images: NDArray[np.float32] | None = None
    rows: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def inputs(self) -> "pd.DataFrame | NDArray[np.float32] | list[str]":
        """What the model takes: a frame of features, a list of texts, or an array of images."""
        if self.images is not None:
            return self.images
        names = [column.name for column in self.subject.features]
        if self.subject.modality == "text":
            return [str(text) for text in self.frame[names[0]].fillna("")]
        return self.frame[names]

    def take(self, positions: NDArray[np.int64]) -> "Dataset":
        """Return the rows at `positions` (not row numbers), in that order."""
        return Dataset(
            subject=self.subject,
            frame=self.frame.iloc[positions].reset_index(drop=True),
            labels=None if self.labels is None else self.labels[positions],
            images=None if self.images is None else self.images[positions],
            rows=self.rows[positions],
        )


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """What the model says of each row, computed once per subject and shared.

    Attributes:
        rows: `(n_rows,)` row numbers in the file.
        labels: as in `Dataset`.
        predicted: `(n_rows,)` class codes as int64, or float64 values for regression.
        scores: `(n_rows, n_classes)` probabilities in [0, 1], columns as `Subject.classes`; None
            for regression and for models and tables that give labels only.
    """

    rows: NDArray[np.int64]
    labels: NDArray[np.int64] | NDArray[np.float64] | None
    predicted: NDArray[np.int64] | NDArray[np.float64]
    scores: NDArray[np.float64] | None

    def __len__(self) -> int:
        return len(self.rows)
