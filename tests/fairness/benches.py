"""Workbenches made from attributes, labels and decisions alone."""

import numpy as np
import pandas as pd

from analyzers.core.dataset import Dataset, Predictions
from analyzers.core.subject import Column, Role
from analyzers.core.workbench import Workbench
from tests.benches import subject_of


def bench_of(attributes, labels, decisions=None, scores=None, *, classes=("no", "yes"), seed=0):
    """A classifier's bench; `attributes` maps column names to values, all of them sensitive."""
    task = "binary" if len(classes) == 2 else "multiclass"
    n = len(next(iter(attributes.values())))
    if scores is not None and np.ndim(scores) == 1:
        scores = np.column_stack([1 - np.asarray(scores), scores])
    if decisions is None:
        decisions = scores.argmax(axis=1)
    labels = None if labels is None else np.asarray(labels, dtype=np.int64)
    return _bench(
        attributes, task, classes, labels, np.asarray(decisions, dtype=np.int64), scores, n, seed
    )


def number_bench(attributes, labels, predicted, *, seed=0):
    """A regression model's bench."""
    labels = None if labels is None else np.asarray(labels, dtype=np.float64)
    predicted = np.asarray(predicted, dtype=np.float64)
    return _bench(attributes, "regression", (), labels, predicted, None, len(predicted), seed)


def _bench(attributes, task, classes, labels, predicted, scores, n, seed):
    columns = [
        Column(name=name, kind="category", role=Role.SENSITIVE, is_sensitive=True)
        for name in attributes
    ]
    if labels is not None:
        kind = "number" if task == "regression" else "category"
        columns.append(Column(name="label", kind=kind, role=Role.LABEL))
    subject = subject_of(tuple(columns), task=task, classes=classes, n_rows=n, model=False)
    rows = np.arange(n, dtype=np.int64)
    frame = pd.DataFrame(attributes)
    return Workbench(
        subject=subject,
        data=Dataset(subject=subject, frame=frame, labels=labels, rows=rows),
        predictions=Predictions(rows=rows, labels=labels, predicted=predicted, scores=scores),
        rng=np.random.default_rng(seed),
    )
