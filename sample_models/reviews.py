"""A bag-of-words classifier of one-sentence film reviews."""

from pathlib import Path

import numpy as np
import pandas as pd

from sample_models.sample import HERE
from sample_models.score import Score

SEED = 0
N_TRAINING = 8000


def build(folder: Path) -> Score:
    """Write reviews.csv, training.csv and model.joblib into `folder`."""
    import joblib
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline

    table = pd.read_csv(HERE / "data" / "reviews.csv")
    order = np.random.default_rng(SEED).permutation(len(table))
    training, held_out = table.iloc[order[:N_TRAINING]], table.iloc[order[N_TRAINING:]]

    model = Pipeline(
        [
            ("words", TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)),
            ("classifier", LogisticRegression(C=5, max_iter=500)),
        ]
    ).fit(training["text"], training["sentiment"])

    held_out.to_csv(folder / "reviews.csv", index=False, lineterminator="\n")
    training.to_csv(folder / "training.csv", index=False, lineterminator="\n")
    joblib.dump(model, folder / "model.joblib", compress=3)
    return Score(
        "accuracy",
        float(model.score(training["text"], training["sentiment"])),
        float(model.score(held_out["text"], held_out["sentiment"])),
        len(training),
        len(held_out),
    )
