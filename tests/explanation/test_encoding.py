"""Encoded columns are led back to the user's, or the way is refused with a reason."""

import numpy as np
import pandas as pd
import pytest
import shap
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    StandardScaler,
    TargetEncoder,
)

from analyzers.anatomy.encoding import encode
from analyzers.anatomy.refusal import DoesNotFit
from analyzers.core.workbench import untracked
from analyzers.explanation.encoding import sum_by_owner
from analyzers.explanation.forests import explain_forest
from tests.explanation.benches import mixed_frame, mixed_pipeline

FOREST = RandomForestClassifier(5, random_state=0)


@pytest.fixture
def frame():
    return pd.DataFrame(
        {
            "a": [1.0, 2.0, np.nan, 4.0, 3.0, 9.0],
            "kind": ["x", "y", "z", "x", "y", "x"],
            "b": [5.0, 1.0, 2.0, 8.0, 7.0, 2.0],
        }
    )


TARGET = [0, 1, 0, 1, 1, 0]


def owners_of(preprocessing, frame):
    pipeline = make_pipeline(preprocessing, FOREST).fit(frame, TARGET)
    found = encode(pipeline, frame)
    assert found.matrix.shape[1] == len(found.owners)
    return found.owners.tolist()


def by_columns(*parts, **options):
    return ColumnTransformer(list(parts), **options)


@pytest.mark.parametrize(
    ("preprocessing", "owners"),
    [
        (by_columns(("w", OneHotEncoder(), ["kind"]), remainder="passthrough"), [1, 1, 1, 0, 2]),
        (by_columns(("w", OneHotEncoder(drop="first"), ["kind"]), ("n", "drop", ["b"]),
                    remainder=MinMaxScaler()), [1, 1, 0]),
        (by_columns(("n", SimpleImputer(add_indicator=True), ["b", "a"]),
                    ("w", OrdinalEncoder(), [1])), [2, 0, 0, 1]),
        (by_columns(("n", make_pipeline(SimpleImputer(), KBinsDiscretizer(3)), ["b"])), [2, 2, 2]),
        (by_columns(("n", StandardScaler(), slice("a", "a")), ("w", TargetEncoder(cv=2), ["kind"])),
         [0, 1]),
        (by_columns(("n", SelectKBest(k=1), ["b"]), ("m", FunctionTransformer(), [0])), [2, 0]),
        (by_columns(("n", FeatureUnion([("s", StandardScaler()), ("m", MinMaxScaler())]),
                     ["b", "a"])), [2, 0, 2, 0]),
        (by_columns(("n", "passthrough", [True, False, True])), [0, 2]),
        (by_columns(("w", OneHotEncoder(min_frequency=2, handle_unknown="infrequent_if_exist"),
                     ["kind"])), [1, 1, 1]),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:Bins whose width")  # six rows are few for three bins
@pytest.mark.filterwarnings("ignore:The current default behavior, quantile_method")
def test_every_encoded_column_is_led_back_to_its_own(preprocessing, owners, frame):
    assert owners_of(preprocessing, frame) == owners


@pytest.mark.filterwarnings("ignore:Skipping features without any observed values")
def test_a_column_dropped_by_the_imputer_is_left_out(frame):
    frame = frame.assign(empty=np.nan)

    owners = owners_of(by_columns(("n", SimpleImputer(), ["empty", "b"])), frame)

    assert owners == [2]


@pytest.mark.parametrize(
    "step", [PCA(2), PolynomialFeatures(), Normalizer(), FunctionTransformer(np.log1p)],
    ids=lambda step: type(step).__name__,
)  # fmt: skip
def test_a_step_that_mixes_columns_is_refused_by_name(step, frame):
    numbers = frame[["a", "b"]].fillna(0)
    pipeline = make_pipeline(step, FOREST).fit(numbers, TARGET)

    with pytest.raises(DoesNotFit, match=type(step).__name__):
        encode(pipeline, numbers)


def test_a_pipelines_values_are_those_of_shap_added_up_by_column():
    table = mixed_frame(80)
    features = table.drop(columns="y")
    pipeline = mixed_pipeline(RandomForestClassifier(8, random_state=0)).fit(features, table["y"])

    ours = explain_forest(encode(pipeline, features), 4, 1, untracked)

    matrix = pipeline[:-1].transform(features)
    matrix = matrix.toarray() if hasattr(matrix, "toarray") else matrix
    theirs = shap.TreeExplainer(pipeline[-1]).shap_values(matrix)[:, :, 1]
    names = pipeline[:-1].get_feature_names_out()
    for place, column in enumerate(features.columns):
        made = [at for at, name in enumerate(names) if column in name]
        np.testing.assert_allclose(ours.values[:, place], theirs[:, made].sum(axis=1), atol=1e-9)
    np.testing.assert_allclose(ours.rebuilt, pipeline.predict_proba(features)[:, 1], atol=1e-10)


def test_adding_up_keeps_the_sum_of_every_row():
    contributions = np.random.default_rng(0).normal(size=(5, 6, 2))

    summed = sum_by_owner(contributions, np.array([2, 0, 2, 1, 0, 0]), 4)

    np.testing.assert_allclose(summed.sum(axis=1), contributions.sum(axis=1))
    assert (summed[:, 3] == 0).all()
