"""A boosted forecast of how many people ride rented bicycles in an hour."""

from pathlib import Path

import numpy as np
import pandas as pd

from sample_models.sample import HERE
from sample_models.score import Score

SEED = 0
N_HELD_OUT_DAYS = 110


def build(folder: Path) -> Score:
    """Write hours.parquet, training.parquet and model.txt (LightGBM's own text) into `folder`."""
    import lightgbm
    from sklearn.metrics import r2_score

    table = pd.read_csv(HERE / "data" / "bike_rental.csv")
    # Whole days are held out: neighbouring hours are so alike that a random split would flatter.
    days = np.random.default_rng(SEED).permutation(np.unique(table["day"]))
    is_held_out = table["day"].isin(days[:N_HELD_OUT_DAYS])
    table = table.drop(columns="day")
    held_out, training = table[is_held_out], table[~is_held_out]
    features = list(table.columns.drop("bikers"))

    settings = {
        "objective": "regression",
        "learning_rate": 0.06,
        "num_leaves": 31,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "seed": SEED,
        "num_threads": 1,
        "deterministic": True,
        "force_row_wise": True,
        "verbose": -1,
    }
    model = lightgbm.train(
        settings, lightgbm.Dataset(training[features], training["bikers"]), num_boost_round=250
    )

    held_out.to_parquet(folder / "hours.parquet", index=False)
    training.to_parquet(folder / "training.parquet", index=False)
    model.save_model(folder / "model.txt")
    return Score(
        "R squared",
        float(r2_score(training["bikers"], model.predict(training[features]))),
        float(r2_score(held_out["bikers"], model.predict(held_out[features]))),
        len(training),
        len(held_out),
    )
