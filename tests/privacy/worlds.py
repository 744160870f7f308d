"""Benches with a known answer: models that remember everything, nothing, or a known amount."""

from dataclasses import replace

import numpy as np
import pandas as pd

from analyzers.core.dataset import Dataset, Predictions
from analyzers.core.subject import Column, Role, Subject
from analyzers.core.workbench import Workbench
from tests.benches import subject_of

COLUMNS = (
    Column(name="x", kind="number", role=Role.FEATURE, is_feature=True),
    Column(name="z", kind="number", role=Role.FEATURE, is_feature=True),
    Column(name="sex", kind="category", role=Role.SENSITIVE, is_sensitive=True),
    Column(name="granted", kind="category", role=Role.LABEL, levels=("no", "yes")),
)


def rows_of(subject: Subject, n_rows: int, rng: np.random.Generator, *, shift=0.0) -> Dataset:
    codes = rng.integers(0, 2, n_rows)
    frame = pd.DataFrame(
        {
            "x": rng.normal(shift, 1, n_rows),
            "z": rng.normal(0, 1, n_rows),
            "sex": rng.choice(["female", "male"], n_rows),
            "granted": np.where(codes == 1, "yes", "no"),
        }
    )
    return Dataset(
        subject=subject, frame=frame, labels=codes.astype(np.int64),
        rows=np.arange(n_rows, dtype=np.int64),
    )  # fmt: skip


def answers(data: Dataset, log_odds: np.ndarray, *, with_scores=True) -> Predictions:
    """What a model says that gives the true class these log-odds."""
    true = 1 / (1 + np.exp(-log_odds))
    labels = np.asarray(data.labels)
    scores = np.stack([1 - true, true], axis=1)
    scores[labels == 0] = scores[labels == 0][:, ::-1]
    return Predictions(
        rows=data.rows, labels=labels, predicted=scores.argmax(axis=1).astype(np.int64),
        scores=scores if with_scores else None,
    )  # fmt: skip


def gaussian_bench(
    n_members=600, n_non_members=600, *, distance=0.0, seed=0, shift=0.0, with_scores=True
) -> Workbench:
    """Members' log-odds lie `distance` standard deviations above those of non-members."""
    rng = np.random.default_rng(seed)
    subject = subject_of(COLUMNS, n_rows=n_non_members, training_data=True)
    training = rows_of(subject, n_members, rng, shift=shift)
    data = rows_of(subject, n_non_members, rng)
    return Workbench(
        subject=subject,
        data=data,
        training_data=training,
        predictions=answers(data, rng.normal(0, 1, n_non_members), with_scores=with_scores),
        training_predictions=answers(
            training, rng.normal(distance, 1, n_members), with_scores=with_scores
        ),
        rng=np.random.default_rng(seed),
    )


def with_data(bench: Workbench, positions: np.ndarray) -> Workbench:
    """The same bench with the held-out rows in another order or only some of them."""
    assert bench.predictions is not None
    labels, scores = bench.predictions.labels, bench.predictions.scores
    assert labels is not None
    moved = Predictions(
        rows=bench.predictions.rows[positions],
        labels=labels[positions],
        predicted=bench.predictions.predicted[positions],
        scores=None if scores is None else scores[positions],
    )
    return replace(bench, data=bench.data.take(positions), predictions=moved)
