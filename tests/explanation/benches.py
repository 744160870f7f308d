"""Workbenches with other kinds of models, data and gaps than `tests/benches.py` has."""

from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from analyzers.core.dataset import Dataset
from analyzers.core.model import Capability, Inputs, Model
from analyzers.core.subject import Column, Role, Subject
from analyzers.core.workbench import Workbench
from tests.benches import EstimatorModel, dataset_of, predictions_of, subject_of


class CodedModel(EstimatorModel):
    """A scikit-learn classifier or regressor whose classes are 0, 1, ...; regressors too."""

    def predict(self, inputs: Inputs) -> NDArray[Any]:
        if hasattr(self.native, "predict_proba"):
            return super().predict(inputs)
        return np.asarray(self.native.predict(inputs), dtype=np.float64)


class FunctionModel:
    """A function of the frame behind the Model protocol; no library can take it apart."""

    kind = "a function"
    native = None

    def __init__(self, function: Any, *, is_classifier: bool) -> None:
        self.function = function
        self.is_classifier = is_classifier
        self.capabilities = frozenset({Capability.PREDICT_PROBA} if is_classifier else ())

    def predict(self, inputs: Inputs) -> NDArray[Any]:
        value = np.asarray(self.function(inputs), dtype=np.float64)
        return (value > 0.5).astype(np.int64) if self.is_classifier else value

    def predict_proba(self, inputs: Inputs) -> NDArray[np.float64]:
        value = np.asarray(self.function(inputs), dtype=np.float64)
        return np.column_stack([1 - value, value])


class TorchModel:
    """A torch module behind the Model protocol, for frames of numbers and for pictures."""

    kind = "a torch module"
    capabilities = frozenset({Capability.PREDICT_PROBA, Capability.GRADIENT})

    def __init__(self, native: torch.nn.Module) -> None:
        self.native = native.eval()

    def tensor_of(self, inputs: Inputs) -> torch.Tensor:
        if isinstance(inputs, pd.DataFrame):
            return torch.tensor(inputs.to_numpy(np.float32))
        return torch.tensor(np.moveaxis(np.asarray(inputs), 3, 1).copy())

    def predict_proba(self, inputs: Inputs) -> NDArray[np.float64]:
        with torch.no_grad():
            raw = self.native(self.tensor_of(inputs)).double()
        return torch.softmax(raw, dim=1).numpy()

    def predict(self, inputs: Inputs) -> NDArray[np.int64]:
        return self.predict_proba(inputs).argmax(axis=1)

    def gradient(self, inputs: Inputs, codes: NDArray[np.int64]) -> NDArray[np.float32]:
        raise NotImplementedError


def workbench(model: Model, data: Dataset, *, seed: int = 0) -> Workbench:
    return Workbench(
        subject=data.subject,
        data=data,
        predictions=predictions_of(model, data),
        model=model,
        rng=np.random.default_rng(seed),
    )


def columns_of(frame: pd.DataFrame, target: str) -> tuple[Column, ...]:
    def column(name: str) -> Column:
        is_number = pd.api.types.is_numeric_dtype(frame[name])
        if name == target:
            return Column(name=name, kind="category", role=Role.LABEL)
        kind = "number" if is_number else "category"
        return Column(name=name, kind=kind, role=Role.FEATURE, is_feature=True)  # type: ignore[arg-type]

    return tuple(column(str(name)) for name in frame.columns)


def number_frame(n_rows: int, n_columns: int, *, n_classes: int = 2, seed: int = 0) -> pd.DataFrame:
    """Columns x0, x1, ... and a label y from the first three; the last column is noise."""
    rng = np.random.default_rng(seed)
    numbers = rng.normal(size=(n_rows, n_columns))
    lean = numbers[:, 0] + 0.7 * numbers[:, 1] * numbers[:, 2] + 0.3 * rng.normal(size=n_rows)
    frame = pd.DataFrame(numbers, columns=[f"x{place}" for place in range(n_columns)])
    edges = np.quantile(lean, np.arange(1, n_classes) / n_classes)
    frame["y"] = np.searchsorted(edges, lean)
    return frame


def number_bench(estimator: Any, frame: pd.DataFrame, *, n_classes: int = 2) -> Workbench:
    """Fit on the frame and examine the same rows; labels are the codes themselves."""
    features = frame.drop(columns="y")
    estimator.fit(features, frame["y"])
    is_classifier = hasattr(estimator, "predict_proba")
    model = CodedModel(estimator, *([Capability.PREDICT_PROBA] if is_classifier else []))
    return workbench(model, number_data(frame, n_classes if is_classifier else None))


def number_data(frame: pd.DataFrame, n_classes: int | None) -> Dataset:
    subject: Subject = subject_of(
        columns_of(frame, "y"),
        task="regression" if n_classes is None else "binary" if n_classes == 2 else "multiclass",
        classes=tuple(str(code) for code in range(n_classes or 0)),
        n_rows=len(frame),
    )
    table = frame.assign(y=frame["y"].astype(str)) if n_classes else frame
    return dataset_of(subject, table)


def mixed_frame(n_rows: int = 200, seed: int = 0) -> pd.DataFrame:
    """Numbers and categories with missing values, and a column that never changes."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "amount": rng.normal(10, 3, n_rows).round(2),
            "colour": rng.choice(["red", "green", "blue"], n_rows),
            "years": rng.integers(1, 30, n_rows).astype(float),
            "same": np.ones(n_rows),
        }
    )
    lean = frame["amount"] - 10 + 2 * (frame["colour"] == "red") + rng.normal(0, 1, n_rows)
    frame["y"] = (lean > 0.5).astype(int)
    frame.loc[rng.random(n_rows) < 0.1, "years"] = np.nan
    frame.loc[rng.random(n_rows) < 0.1, "colour"] = None
    return frame


def mixed_pipeline(estimator: Any) -> Any:
    numbers, words = ["amount", "years", "same"], ["colour"]
    return make_pipeline(
        ColumnTransformer(
            [
                ("words", make_pipeline(SimpleImputer(strategy="constant", fill_value="none"),
                                        OneHotEncoder(handle_unknown="ignore")), words),
                ("numbers", make_pipeline(SimpleImputer(add_indicator=True), StandardScaler()),
                 numbers),
            ]
        ),
        estimator,
    )  # fmt: skip


TEXTS = (
    "a good and clever film", "a bad and boring film", "good acting, good story",
    "boring story and bad acting", "clever, warm and good", "dull and bad", "a warm story",
    "a dull film", "good", "bad", "not good, not clever, dull", "warm and clever acting",
)  # fmt: skip
TEXT_LABELS = (1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 0, 1)


def text_bench(estimator: Any, *, repeats: int = 3) -> Workbench:
    texts = [text for turn in range(repeats) for text in (f"{line} {turn}" for line in TEXTS)]
    frame = pd.DataFrame({"text": texts, "y": [str(code) for code in TEXT_LABELS * repeats]})
    estimator.fit(texts, np.array(TEXT_LABELS * repeats))
    columns = (
        Column(name="text", kind="text", role=Role.TEXT, is_feature=True),
        Column(name="y", kind="category", role=Role.LABEL),
    )
    subject = subject_of(columns, modality="text", classes=("0", "1"), n_rows=len(frame))
    model = CodedModel(estimator, Capability.PREDICT_PROBA)
    return workbench(model, dataset_of(subject, frame))


def picture_bench(model: Model, n_pictures: int = 12, side: int = 8) -> Workbench:
    """Pictures whose upper left quarter decides; the label is whether it is bright."""
    rng = np.random.default_rng(0)
    images = rng.random((n_pictures, side, side, 1)).astype(np.float32)
    bright = np.arange(n_pictures) % 2
    images[bright == 1, : side // 2, : side // 2] += 1.0
    images = np.clip(images, 0, 1)
    frame = pd.DataFrame({"y": bright.astype(str)})
    columns = (Column(name="y", kind="category", role=Role.LABEL),)
    subject = subject_of(columns, modality="image", classes=("0", "1"), n_rows=n_pictures)
    data = Dataset(
        subject=subject,
        frame=frame,
        labels=bright.astype(np.int64),
        images=images,
        rows=np.arange(n_pictures, dtype=np.int64),
    )
    return workbench(model, data)
