"""A forest that grants loans, on the thousand applicants of the German credit data."""

from pathlib import Path

import numpy as np
import pandas as pd

from sample_models.sample import HERE
from sample_models.score import Score

SEED = 0
N_HELD_OUT = 500
NUMBERS = ["age", "credit_amount", "duration"]


def build(folder: Path) -> Score:
    """Write applicants.csv, training.csv and model.skops into `folder`."""
    import skops.io
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder

    table = pd.read_csv(HERE / "data" / "german_credit.csv")
    features = table.columns.drop("credit_risk")
    words = [name for name in features if name not in NUMBERS]
    order = np.random.default_rng(SEED).permutation(len(table))
    held_out, training = table.iloc[order[:N_HELD_OUT]], table.iloc[order[N_HELD_OUT:]]

    model = Pipeline(
        [
            (
                "columns",
                ColumnTransformer(
                    [("words", OneHotEncoder(handle_unknown="ignore"), words)],
                    remainder="passthrough",
                ),
            ),
            (
                "forest",
                RandomForestClassifier(
                    n_estimators=100, max_depth=10, min_samples_leaf=2, random_state=SEED
                ),
            ),
        ]
    ).fit(training[features], training["credit_risk"])

    held_out.to_csv(folder / "applicants.csv", index=False, lineterminator="\n")
    training.to_csv(folder / "training.csv", index=False, lineterminator="\n")
    skops.io.dump(model, folder / "model.skops")
    return Score(
        "accuracy",
        float(model.score(training[features], training["credit_risk"])),
        float(model.score(held_out[features], held_out["credit_risk"])),
        len(training),
        len(held_out),
    )
