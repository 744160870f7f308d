"""A neural network that learned its few patients by heart, on the Wisconsin biopsies."""

import warnings
from pathlib import Path

import numpy as np

from sample_models.score import Score

SEED = 0
# 300 rows are held out: the fewest that can show one false accusation in a hundred.
N_TRAINING = 269
# Six weak signs out of thirty. With all thirty the task is easy, the network need not memorise,
# and membership cannot be told: the leak comes from asking more of the data than it holds.
FEATURES = [
    "mean symmetry",
    "mean fractal dimension",
    "texture error",
    "smoothness error",
    "symmetry error",
    "fractal dimension error",
]


def build(folder: Path) -> Score:
    """Write biopsies.csv, training.csv and model.skops into `folder`."""
    import skops.io
    from sklearn.datasets import load_breast_cancer
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    published = load_breast_cancer(as_frame=True)
    table = published.data[FEATURES].rename(columns=lambda name: name.replace(" ", "_"))
    features = list(table.columns)
    table["diagnosis"] = published.target.map(dict(enumerate(published.target_names)))
    order = np.random.default_rng(SEED).permutation(len(table))
    training, held_out = table.iloc[order[:N_TRAINING]], table.iloc[order[N_TRAINING:]]

    model = Pipeline(
        [
            ("scale", StandardScaler()),
            (
                "network",
                MLPClassifier(
                    (256, 256),
                    alpha=0,
                    batch_size=32,
                    max_iter=800,
                    # The usual brakes against overfitting are off on purpose.
                    tol=0,
                    n_iter_no_change=800,
                    random_state=SEED,
                ),
            ),
        ]
    )
    with warnings.catch_warnings():
        # It stops at the last round on purpose, long after it has learned every row.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(training[features], training["diagnosis"])

    held_out.to_csv(folder / "biopsies.csv", index=False, lineterminator="\n")
    training.to_csv(folder / "training.csv", index=False, lineterminator="\n")
    skops.io.dump(model, folder / "model.skops")
    return Score(
        "accuracy",
        float(model.score(training[features], training["diagnosis"])),
        float(model.score(held_out[features], held_out["diagnosis"])),
        len(training),
        len(held_out),
    )
