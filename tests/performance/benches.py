"""Workbenches made from labels and scores alone, for what no fitted model shows on demand."""

import numpy as np
import pandas as pd

from analyzers.core.dataset import Dataset, Predictions
from analyzers.core.subject import Column, Role
from analyzers.core.workbench import Workbench
from tests.benches import subject_of

LABEL = Column(name="y", kind="category", role=Role.LABEL)


def bench_of(labels, scores, *, decisions=None, classes=("no", "yes"), seed=0):
    labels = np.asarray(labels, dtype=np.int64)
    n = len(labels)
    task = "binary" if len(classes) == 2 else "multiclass"
    if scores is not None and task == "binary":
        scores = np.column_stack([1 - np.asarray(scores), scores])
    if decisions is None:
        decisions = scores.argmax(axis=1)
    subject = subject_of((LABEL,), task=task, classes=classes, n_rows=n, model=False)
    rows = np.arange(n, dtype=np.int64)
    return Workbench(
        subject=subject,
        data=Dataset(subject=subject, frame=pd.DataFrame({"y": labels}), labels=labels, rows=rows),
        predictions=Predictions(
            rows=rows, labels=labels, predicted=np.asarray(decisions, dtype=np.int64), scores=scores
        ),
        rng=np.random.default_rng(seed),
    )


def regression_bench(n, *, seed=0):
    rng = np.random.default_rng(seed)
    actual = rng.normal(10, 3, n)
    predicted = 0.8 * actual + 2.5 + rng.normal(0, 1.5, n)
    column = Column(name="y", kind="number", role=Role.LABEL)
    subject = subject_of((column,), task="regression", n_rows=n, model=False)
    rows = np.arange(n, dtype=np.int64)
    return Workbench(
        subject=subject,
        data=Dataset(subject=subject, frame=pd.DataFrame({"y": actual}), labels=actual, rows=rows),
        predictions=Predictions(rows=rows, labels=actual, predicted=predicted, scores=None),
        rng=np.random.default_rng(seed),
    )
