"""Fit and save small pipelines with whatever scikit-learn runs this file; see README.md."""

import json
import pickle
import sys
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import sklearn
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.svm import LinearSVC

HERE = Path(__file__).parent


def table() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    income = rng.lognormal(3, 0.5, 80).round(2)
    age = rng.integers(18, 80, 80)
    region = rng.choice(["north", "south", "west"], 80)
    score = income / 10 + (age > 40) - (region == "south") + rng.normal(0, 0.5, 80)
    said = np.where(score > np.median(score), "good value and quick", "bad value and slow")
    return pd.DataFrame(
        {
            "income": income,
            "age": age,
            "region": region,
            "remark": [f"{words} {place}" for words, place in zip(said, region, strict=True)],
            "granted": np.where(score + rng.normal(0, 0.5, 80) > np.median(score), "yes", "no"),
        }
    )


def encoded(final):
    return make_pipeline(
        ColumnTransformer(
            [
                ("words", OneHotEncoder(handle_unknown="ignore"), ["region"]),
                (
                    "numbers",
                    make_pipeline(SimpleImputer(), FunctionTransformer(np.log1p), StandardScaler()),
                    ["income", "age"],
                ),
            ]
        ),
        final,
    )


KINDS = {
    "linear": lambda: encoded(LogisticRegression()),
    "forest": lambda: encoded(RandomForestClassifier(3, max_depth=3, random_state=0)),
    "gradient_boosting": lambda: encoded(GradientBoostingClassifier(n_estimators=3, max_depth=2)),
    "hist_gradient_boosting": lambda: make_pipeline(
        ColumnTransformer([("words", OrdinalEncoder(), ["region"])], remainder="passthrough"),
        HistGradientBoostingClassifier(max_iter=3, max_leaf_nodes=4, categorical_features=[0]),
    ),
    "network": lambda: encoded(MLPClassifier((3,), max_iter=50, solver="lbfgs", random_state=0)),
    "calibrated": lambda: encoded(CalibratedClassifierCV(LinearSVC(random_state=0), cv=2)),
}


def main() -> None:
    frame = table()
    folder = HERE / ".".join(sklearn.__version__.split(".")[:2])
    folder.mkdir(exist_ok=True)
    frame.to_csv(HERE / "table.csv", index=False)
    scores = {}
    features = frame[["income", "age", "region"]].astype({"region": object})
    for name, make in KINDS.items():
        model = make().fit(features, frame["granted"].astype(object))
        scores[name] = model.predict_proba(features)[:, 1].tolist()
        joblib.dump(model, folder / f"{name}.joblib", compress=9)
    words = make_pipeline(TfidfVectorizer(), LogisticRegression())
    words.fit(list(frame["remark"]), frame["granted"].astype(object))
    scores["words"] = words.predict_proba(list(frame["remark"]))[:, 1].tolist()
    (folder / "words.pkl").write_bytes(pickle.dumps(words))
    (folder / "scores.json").write_text(
        json.dumps({"scikit-learn": sklearn.__version__, "scores": scores}) + "\n"
    )


if __name__ == "__main__":
    sys.exit(main())
