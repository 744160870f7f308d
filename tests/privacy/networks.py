"""An overfitted network on a hard task, with the recipe an attacker would repeat."""

import warnings

import numpy as np
import pandas as pd
from sklearn.datasets import make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from analyzers.core.dataset import Dataset
from analyzers.core.model import Capability
from analyzers.core.subject import Column, Role
from analyzers.core.workbench import Workbench
from tests.benches import EstimatorModel, predictions_of, subject_of

NAMES = [f"x{place}" for place in range(20)]
CLASSES = ("0", "1", "2")
COLUMNS = (
    *(Column(name=name, kind="number", role=Role.FEATURE, is_feature=True) for name in NAMES),
    Column(name="y", kind="category", role=Role.LABEL, levels=CLASSES),
)


def network_bench(
    n_rows: int = 400, *, is_honest: bool = False, seed: int = 0, refit: bool = True
) -> Workbench:
    """A network that learned its members by heart; an honest one was fitted on other rows."""
    features, codes = make_classification(
        3 * n_rows, len(NAMES), n_informative=6, n_redundant=0, n_classes=3, class_sep=0.6,
        flip_y=0.2, random_state=seed,
    )  # fmt: skip
    subject = subject_of(
        COLUMNS, task="multiclass", classes=CLASSES, n_rows=n_rows, training_data=True
    )

    def table(first: int) -> Dataset:
        part = slice(first * n_rows, (first + 1) * n_rows)
        frame = pd.DataFrame(features[part], columns=NAMES)
        frame["y"] = codes[part].astype(str)
        return Dataset(
            subject=subject, frame=frame, labels=codes[part].astype(np.int64),
            rows=np.arange(n_rows, dtype=np.int64),
        )  # fmt: skip

    training, held_out, elsewhere = table(0), table(1), table(2)
    fitted_on = elsewhere if is_honest else training
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        network = MLPClassifier(
            (64,), max_iter=60, alpha=0, batch_size=32, learning_rate_init=0.005, random_state=0
        ).fit(fitted_on.inputs, fitted_on.frame["y"])
    capabilities = [Capability.PREDICT_PROBA, *([Capability.REFIT] if refit else [])]
    model = EstimatorModel(network, *capabilities)
    return Workbench(
        subject=subject, data=held_out, training_data=training, model=model,
        predictions=predictions_of(model, held_out),
        training_predictions=predictions_of(model, training), rng=np.random.default_rng(seed),
    )  # fmt: skip
