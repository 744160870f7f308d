"""Small workbenches for analyzer tests, with models fitted in the test process.

The models here are thin stand-ins for `analyzers.loaders`: analyzer tests must not depend on files.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from analyzers.core.dataset import Dataset, Predictions
from analyzers.core.model import Capability, Inputs, Model
from analyzers.core.subject import Column, FileRef, Files, Modality, Role, Subject, Task
from analyzers.core.workbench import Workbench


class EstimatorModel:
    """A fitted scikit-learn estimator behind the Model protocol."""

    def __init__(self, native: Any, *capabilities: Capability) -> None:
        self.native = native
        self.kind = f"scikit-learn {type(native).__name__}"
        self.capabilities = frozenset(capabilities)

    def predict(self, inputs: Inputs) -> NDArray[Any]:
        if hasattr(self.native, "predict_proba"):
            return self.predict_proba(inputs).argmax(axis=1).astype(np.int64)
        return np.asarray(self.native.predict(inputs), dtype=np.float64)

    def predict_proba(self, inputs: Inputs) -> NDArray[np.float64]:
        return np.asarray(self.native.predict_proba(inputs), dtype=np.float64)


def subject_of(
    columns: tuple[Column, ...],
    *,
    task: Task = "binary",
    modality: Modality = "tabular",
    classes: tuple[str, ...] = ("no", "yes"),
    n_rows: int,
    training_data: bool = False,
    model: bool = True,
) -> Subject:
    def file(tag: str) -> FileRef:
        return FileRef(sha256=tag * 64, size=1, name=f"{tag}.bin")

    target = next((column.name for column in columns if column.role == Role.LABEL), None)
    return Subject(
        name="bench",
        files=Files(
            data=file("d"),
            model=file("a") if model else None,
            training_data=file("b") if training_data else None,
        ),
        task=task,
        modality=modality,
        target=target,
        classes=classes if task != "regression" else (),
        positive_class=classes[-1] if task == "binary" else None,
        columns=columns,
        n_rows=n_rows,
    )


def predictions_of(model: Model, data: Dataset) -> Predictions:
    has_scores = data.subject.task != "regression"
    return Predictions(
        rows=data.rows,
        labels=data.labels,
        predicted=model.predict(data.inputs),
        scores=model.predict_proba(data.inputs) if has_scores else None,
    )


def credit_frame(n_rows: int, seed: int) -> pd.DataFrame:
    """People with an age, a sex, an income and a region; the outcome leans on income and sex."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "income": rng.normal(50, 15, n_rows).round(1),
            "age": rng.integers(18, 80, n_rows),
            "sex": rng.choice(["female", "male"], n_rows),
            "region": rng.choice(["north", "south", "east"], n_rows),
        }
    )
    lean = 0.08 * (frame["income"] - 50) + 0.8 * (frame["sex"] == "male") + rng.normal(0, 1, n_rows)
    frame["granted"] = np.where(lean > 0.4, "yes", "no")
    return frame


CREDIT_COLUMNS = (
    Column(name="income", kind="number", role=Role.FEATURE, is_feature=True,
        minimum=0, maximum=120,
    ),
    Column(
        name="age", kind="integer", role=Role.FEATURE, is_feature=True, is_immutable=True,
        is_sensitive=True, minimum=18, maximum=80,
    ),
    Column(
        name="sex", kind="category", role=Role.FEATURE, is_feature=True, is_sensitive=True,
        is_immutable=True, levels=("female", "male"),
    ),
    Column(
        name="region", kind="category", role=Role.FEATURE, is_feature=True,
        levels=("east", "north", "south"),
    ),
    Column(name="granted", kind="category", role=Role.LABEL, levels=("no", "yes")),
)  # fmt: skip


def dataset_of(subject: Subject, frame: pd.DataFrame) -> Dataset:
    labels: Any = None
    if subject.target is not None:
        column = frame[subject.target]
        if subject.task == "regression":
            labels = column.to_numpy(np.float64)
        else:
            codes = {name: code for code, name in enumerate(subject.classes)}
            labels = column.map(codes).fillna(-1).to_numpy(np.int64)
    return Dataset(
        subject=subject, frame=frame, labels=labels, rows=np.arange(len(frame), dtype=np.int64)
    )


def credit_bench(n_rows: int = 400, *, seed: int = 0) -> Workbench:
    """A forest in a pipeline on mixed columns, with training data and predictions."""
    subject = subject_of(CREDIT_COLUMNS, n_rows=n_rows, training_data=True)
    training = credit_frame(600, seed + 1)
    estimator = make_pipeline(
        make_column_transformer(
            (OneHotEncoder(handle_unknown="ignore"), ["sex", "region"]), remainder="passthrough"
        ),
        RandomForestClassifier(n_estimators=20, max_depth=5, random_state=0),
    ).fit(training[["income", "age", "sex", "region"]], training["granted"])
    model = EstimatorModel(estimator, Capability.PREDICT_PROBA, Capability.TREES, Capability.REFIT)
    data = dataset_of(subject, credit_frame(n_rows, seed))
    training_data = dataset_of(subject, training)
    return Workbench(
        subject=subject,
        data=data,
        training_data=training_data,
        predictions=predictions_of(model, data),
        training_predictions=predictions_of(model, training_data),
        model=model,
        rng=np.random.default_rng(seed),
    )
