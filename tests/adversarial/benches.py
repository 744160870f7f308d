"""Workbenches for the attacks: linear models with known answers, digits, short texts."""

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analyzers.core.dataset import Dataset, Predictions
from analyzers.core.model import Capability, Inputs
from analyzers.core.subject import Column, Role
from analyzers.core.workbench import Workbench
from tests.benches import EstimatorModel, dataset_of, predictions_of, subject_of


class LinearModel:
    """Two classes split by a plane; labels only or with scores."""

    kind = "a plane"
    native = None

    def __init__(self, weights: list[float], offset: float = 0.0, *, scores: bool = True) -> None:
        self.weights, self.offset = np.array(weights), offset
        self.capabilities = frozenset({Capability.PREDICT_PROBA} if scores else set())
        self.calls = 0

    def distance(self, inputs: Inputs) -> NDArray[np.float64]:
        return np.asarray(inputs, dtype=np.float64) @ self.weights + self.offset

    def predict(self, inputs: Inputs) -> NDArray[np.int64]:
        self.calls += 1
        return (self.distance(inputs) > 0).astype(np.int64)

    def predict_proba(self, inputs: Inputs) -> NDArray[np.float64]:
        self.calls += 1
        positive = 1 / (1 + np.exp(-self.distance(inputs)))
        return np.c_[1 - positive, positive]


class ValueModel(LinearModel):
    """A plane as a regression model."""

    def predict(self, inputs: Inputs) -> NDArray[np.float64]:  # type: ignore[override]
        self.calls += 1
        return self.distance(inputs)


def plane_bench(
    weights: list[float], *, n_rows: int = 120, scores: bool = True, seed: int = 0
) -> Workbench:
    """Standard normal numbers split by a plane through the middle; the model is always right."""
    rng = np.random.default_rng(seed)
    names = [f"x{place}" for place in range(len(weights))]
    frame = pd.DataFrame(rng.standard_normal((n_rows, len(weights))), columns=names)
    model = LinearModel(weights, scores=scores)
    frame["y"] = np.where(model.predict(frame[names]) == 1, "yes", "no")
    columns = (
        *(
            Column(
                name=name, kind="number", role=Role.FEATURE, is_feature=True, minimum=-50,
                maximum=50,
            )
            for name in names
        ),
        Column(name="y", kind="category", role=Role.LABEL, levels=("no", "yes")),
    )  # fmt: skip
    return _bench(columns, frame, model, seed=seed)


def value_bench(weights: list[float], *, n_rows: int = 60) -> Workbench:
    """The same plane as a regression task."""
    rng = np.random.default_rng(0)
    names = [f"x{place}" for place in range(len(weights))]
    frame = pd.DataFrame(rng.standard_normal((n_rows, len(weights))), columns=names)
    model = ValueModel(weights)
    frame["y"] = model.distance(frame[names]) + rng.normal(0, 0.2, n_rows)
    columns = (
        *(
            Column(
                name=name, kind="number", role=Role.FEATURE, is_feature=True, minimum=-50,
                maximum=50,
            )
            for name in names
        ),
        Column(name="y", kind="number", role=Role.LABEL),
    )  # fmt: skip
    subject = subject_of(columns, task="regression", n_rows=n_rows)
    data = dataset_of(subject, frame)
    return Workbench(
        subject=subject, data=data, predictions=predictions_of(model, data), model=model,
        rng=np.random.default_rng(0),
    )  # fmt: skip


def flowers_bench() -> Workbench:
    """Three classes: a forest on iris."""
    from sklearn.datasets import load_iris
    from sklearn.ensemble import RandomForestClassifier

    published = load_iris()
    names = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
    frame = pd.DataFrame(published.data, columns=names)
    model = EstimatorModel(
        RandomForestClassifier(n_estimators=10, random_state=0).fit(frame, published.target),
        Capability.PREDICT_PROBA,
    )
    classes = tuple(published.target_names.tolist())
    frame["kind"] = [classes[code] for code in published.target]
    columns = (
        *(Column(name=name, kind="number", role=Role.FEATURE, is_feature=True) for name in names),
        Column(name="kind", kind="category", role=Role.LABEL, levels=classes),
    )
    subject = subject_of(columns, task="multiclass", classes=classes, n_rows=len(frame))
    data = dataset_of(subject, frame)
    return Workbench(
        subject=subject, data=data, predictions=predictions_of(model, data), model=model,
        rng=np.random.default_rng(0),
    )  # fmt: skip


class TorchModel:
    """A torch module of logits on pictures behind the DifferentiableModel protocol."""

    kind = "a torch module"
    capabilities = frozenset({Capability.PREDICT_PROBA, Capability.GRADIENT})

    def __init__(self, native: Any) -> None:
        self.native = native

    def tensor_of(self, inputs: Inputs) -> Any:
        import torch

        pictures = np.ascontiguousarray(np.asarray(inputs, dtype=np.float32).transpose(0, 3, 1, 2))
        return torch.from_numpy(pictures)

    def logits(self, tensor: Any) -> Any:
        return self.native(tensor)

    def gradient(self, inputs: Inputs, codes: NDArray[np.int64]) -> NDArray[np.float32]:
        import torch

        tensor = self.tensor_of(inputs).requires_grad_(True)
        loss = torch.nn.functional.cross_entropy(
            self.native(tensor), torch.from_numpy(np.asarray(codes)), reduction="sum"
        )
        return torch.autograd.grad(loss, tensor)[0].numpy()

    def predict(self, inputs: Inputs) -> NDArray[np.int64]:
        return self.predict_proba(inputs).argmax(axis=1)

    def predict_proba(self, inputs: Inputs) -> NDArray[np.float64]:
        import torch

        with torch.no_grad():
            return torch.softmax(self.native(self.tensor_of(inputs)).double(), dim=1).numpy()


class BlindModel(TorchModel):
    """The same module without gradients, as an ONNX file would be."""

    kind = "a black box"
    capabilities = frozenset({Capability.PREDICT_PROBA})
    gradient = None  # type: ignore[assignment]
    logits = None  # type: ignore[assignment]
    tensor = TorchModel.tensor_of


class MaskedModel(TorchModel):
    """The same module on rounded pixels, whose gradients are useless: a classic broken defence."""

    kind = "a module that hides its gradients"

    def logits(self, tensor: Any) -> Any:
        return self.native((tensor * 255).round() / 255)

    def predict_proba(self, inputs: Inputs) -> NDArray[np.float64]:
        import torch

        with torch.no_grad():
            return torch.softmax(self.logits(self.tensor_of(inputs)).double(), dim=1).numpy()


class SaturatedModel(TorchModel):
    """The same module with logits so large that the slope of its cross-entropy is zero."""

    kind = "a module with a temperature"

    def logits(self, tensor: Any) -> Any:
        return 1000 * self.native(tensor)

    def predict_proba(self, inputs: Inputs) -> NDArray[np.float64]:
        import torch

        with torch.no_grad():
            return torch.softmax(self.logits(self.tensor_of(inputs)).double(), dim=1).numpy()


class WaveringModel(TorchModel):
    """The same module with noise in its answers: a model that draws at random."""

    kind = "a module that draws"

    def logits(self, tensor: Any) -> Any:
        import torch

        return self.native(tensor + 0.02 * torch.randn_like(tensor))

    def predict_proba(self, inputs: Inputs) -> NDArray[np.float64]:
        import torch

        with torch.no_grad():
            return torch.softmax(self.logits(self.tensor_of(inputs)).double(), dim=1).numpy()


class AnsweringModel(BlindModel):
    """The same module with labels only."""

    kind = "a mute black box"
    capabilities = frozenset()

    def predict(self, inputs: Inputs) -> NDArray[np.int64]:
        return BlindModel.predict_proba(self, inputs).argmax(axis=1)

    def predict_proba(self, inputs: Inputs) -> NDArray[np.float64]:
        raise AssertionError("labels only")


@cache
def digit_network() -> Any:
    import torch
    from torch import nn

    pictures, labels = digits()
    # As in the worker; pictures this small only wait for other threads.
    torch.set_num_threads(1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
            nn.Linear(8 * 16, 10),
        )  # fmt: skip
        optimiser = torch.optim.Adam(network.parameters(), lr=0.01)
        inputs = torch.from_numpy(pictures[:1000].transpose(0, 3, 1, 2).copy())
        targets = torch.from_numpy(labels[:1000])
        for _ in range(60):
            optimiser.zero_grad()
            nn.functional.cross_entropy(network(inputs), targets).backward()
            optimiser.step()
    return network.eval()


@cache
def digits() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    from sklearn.datasets import load_digits

    published = load_digits()
    pictures = (published.images / 16).astype(np.float32)[..., None]
    return pictures, published.target.astype(np.int64)


def digits_bench(model: Any = None, *, n_rows: int = 80) -> Workbench:
    """Held-out digits before a small convolutional network."""
    pictures, labels = (part[1000 : 1000 + n_rows] for part in digits())
    return picture_bench(model or TorchModel(digit_network()), pictures, labels, n_classes=10)


def picture_bench(
    model: Any, pictures: NDArray[np.float32], labels: NDArray[np.int64], *, n_classes: int
) -> Workbench:
    classes = tuple(str(code) for code in range(n_classes))
    columns = (
        Column(name="picture", kind="image", role=Role.IMAGE, is_feature=True),
        Column(name="digit", kind="category", role=Role.LABEL, levels=classes),
    )
    subject = subject_of(
        columns, task="multiclass" if n_classes > 2 else "binary", modality="image",
        classes=classes, n_rows=len(labels),
    )  # fmt: skip
    data = Dataset(
        subject=subject,
        frame=pd.DataFrame({"digit": labels.astype(str)}),
        labels=labels,
        images=pictures,
        rows=np.arange(len(labels), dtype=np.int64),
    )
    return Workbench(
        subject=subject, data=data, predictions=_answers_of(model, data), model=model,
        rng=np.random.default_rng(0),
    )  # fmt: skip


def _answers_of(model: Any, data: Dataset) -> Predictions:
    if Capability.PREDICT_PROBA in model.capabilities:
        return predictions_of(model, data)
    predicted = model.predict(data.inputs)
    return Predictions(rows=data.rows, labels=data.labels, predicted=predicted, scores=None)


GOOD = ("wonderful", "delightful", "brilliant", "moving", "charming", "superb")
BAD = ("terrible", "boring", "dreadful", "clumsy", "awful", "tedious")
PLAIN = ("story", "picture", "acting", "scene", "music", "script", "ending", "camera")


@cache
def reviews() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    rows = []
    for number in range(300):
        is_good = number % 2 == 0
        tone = rng.choice(GOOD if is_good else BAD, 2, replace=False)
        things = rng.choice(PLAIN, 2, replace=False)
        rows.append(
            (f"The {things[0]} was {tone[0]} and the {things[1]} is {tone[1]}.",
             "good" if is_good else "bad")
        )  # fmt: skip
    return pd.DataFrame(rows, columns=["text", "tone"])


@cache
def review_model() -> EstimatorModel:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    frame = reviews()
    estimator = make_pipeline(TfidfVectorizer(), LogisticRegression(C=10)).fit(
        frame["text"][:200], (frame["tone"][:200] == "good").astype(int)
    )
    return EstimatorModel(estimator, Capability.PREDICT_PROBA)


def reviews_bench(n_rows: int = 20) -> Workbench:
    """Short reviews before a bag of words."""
    columns = (
        Column(name="text", kind="text", role=Role.TEXT, is_feature=True),
        Column(name="tone", kind="category", role=Role.LABEL, levels=("bad", "good")),
    )
    frame = reviews()[200 : 200 + n_rows].reset_index(drop=True)
    subject = subject_of(columns, modality="text", classes=("bad", "good"), n_rows=n_rows)
    data = dataset_of(subject, frame)
    model = review_model()
    return Workbench(
        subject=subject, data=data, predictions=predictions_of(model, data), model=model,
        rng=np.random.default_rng(0),
    )  # fmt: skip


def _bench(columns: tuple[Column, ...], frame: pd.DataFrame, model: Any, *, seed: int) -> Workbench:
    subject = subject_of(columns, n_rows=len(frame))
    data = dataset_of(subject, frame)
    scores = model.predict_proba(data.inputs) if model.capabilities else None
    return Workbench(
        subject=subject,
        data=data,
        predictions=Predictions(
            rows=data.rows, labels=data.labels, predicted=model.predict(data.inputs), scores=scores
        ),
        model=model,
        rng=np.random.default_rng(seed),
    )
