"""The whole analyzer on tables: every kind of model, every kind of gap, and one golden result."""

import json
import warnings
from pathlib import Path

import lightgbm
import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
import torch
import xgboost
from sklearn.decomposition import PCA
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline

from analyzers.core.dataset import Predictions
from analyzers.core.errors import InvalidParameter
from analyzers.core.workbench import Workbench
from analyzers.explanation import (
    ANALYZER,
    dependence_chart,
    draw_beside_lime,
    explained_features,
    explained_row_numbers,
    local_chart,
)
from analyzers.explanation.params import ExplanationParams
from tests.benches import credit_bench
from tests.explanation.benches import (
    FunctionModel,
    TorchModel,
    mixed_frame,
    mixed_pipeline,
    number_bench,
    number_data,
    number_frame,
    workbench,
)

GOLDEN = Path(__file__).parents[1] / "golden" / "explanation_credit.json"
QUICK = ExplanationParams(rows=60, sampled_rows=12, background_rows=20, lime_samples=200)


def measure(bench, **changes):
    found = ANALYZER.measure(bench, QUICK.model_copy(update=changes))
    for name, table in found.tables.items():
        assert table.schema.equals(ANALYZER.tables[name]), name
        table.validate(full=True)
    for chart in ANALYZER.draw(found):
        go.Figure(chart.figure).to_json()
    return found


def net(n_inputs, n_outputs):
    torch.manual_seed(0)
    layers = (torch.nn.Linear(n_inputs, 12), torch.nn.Tanh(), torch.nn.Linear(12, n_outputs))
    return torch.nn.Sequential(*layers)


@pytest.mark.parametrize(
    ("estimator", "explainer", "scale"),
    [
        (RandomForestClassifier(8, random_state=0), "TreeSHAP of a RandomForest", "probability"),
        (
            GradientBoostingClassifier(n_estimators=8, random_state=0),
            "TreeSHAP of a Gradient",
            "log-odds",
        ),
        (LogisticRegression(), "linear SHAP", "log-odds"),
        (xgboost.XGBClassifier(n_jobs=1, n_estimators=8), "XGBoost's own", "log-odds"),
        (
            lightgbm.LGBMClassifier(n_jobs=1, n_estimators=8, verbose=-1),
            "LightGBM's own",
            "log-odds",
        ),
        (KNeighborsClassifier(), "exact Shapley values over all coalitions", "probability"),
    ],
)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_each_kind_of_model_gets_its_explainer_and_adds_up(estimator, explainer, scale, n_classes):
    frame = number_frame(100, 5, n_classes=n_classes)

    found = measure(number_bench(estimator, frame, n_classes=n_classes))

    assert explainer in str(found.facts["explainer"])
    assert found.facts["scale"] == scale
    assert found.estimates["additivity_error"].value < 1e-5
    assert found.facts["explainers_refused"] == "" or "KNeighbors" in str(
        found.facts["explainers_refused"]
    )


def test_regressions_are_explained_in_their_own_unit():
    frame = number_frame(100, 4)
    frame["y"] = 3 * frame["x0"] - frame["x1"]

    found = measure(number_bench(Ridge(), frame))

    assert found.facts["scale"] == "value"
    assert explained_features(found)[:2] == ["x0", "x1"]
    assert found.facts["class"] is None


def test_a_network_is_explained_by_gradients_that_add_up():
    data = number_data(number_frame(80, 4), 2)

    found = measure(workbench(TorchModel(net(4, 2)), data))

    assert "gradients" in str(found.facts["explainer"])
    assert found.estimates["additivity_error"].value < 1e-3


def test_many_columns_without_a_known_model_are_sampled_with_their_error():
    frame = number_frame(60, 14)
    model = FunctionModel(
        lambda rows: 1 / (1 + np.exp(-rows["x0"] * rows["x1"] - rows["x2"])), is_classifier=True
    )

    found = measure(workbench(model, number_data(frame, 2)))

    assert "sampled" in str(found.facts["explainer"])
    assert found.facts["n_explained"] == 12
    assert 0 < found.estimates["sampling_error"].value < 0.2
    assert found.tables["values"]["error"].null_count == 0
    assert any("12 of 60 rows" in note for note in found.sampling)


def test_a_step_that_mixes_columns_leads_to_the_model_agnostic_explainer_with_the_reason():
    pipeline = make_pipeline(PCA(2), RandomForestClassifier(8, random_state=0))

    found = measure(number_bench(pipeline, number_frame(80, 4)))

    assert "coalitions" in str(found.facts["explainer"])
    assert "PCA" in str(found.facts["explainers_refused"])
    assert found.estimates["additivity_error"].value < 1e-9


def test_an_explainer_whose_values_do_not_add_up_is_refused():
    bench = number_bench(RandomForestClassifier(8, random_state=0), number_frame(80, 4))
    bench.model.predict_proba = lambda rows: np.tile([0.25, 0.75], (len(rows), 1))

    found = measure(bench)

    assert "did not add up" in str(found.facts["explainers_refused"])
    assert "coalitions" in str(found.facts["explainer"])
    assert found.estimates["additivity_error"].value < 1e-9
    assert found.estimates["shap_lime_correlation"].value is None


def test_a_model_that_only_names_the_class_is_explained_by_its_decision():
    frame = number_frame(80, 4)
    model = FunctionModel(lambda rows: (rows["x0"] > 0).astype(float), is_classifier=True)
    model.capabilities = frozenset()
    data = number_data(frame, 2)
    bench = Workbench(
        subject=data.subject,
        data=data,
        predictions=Predictions(
            rows=data.rows, labels=data.labels, predicted=model.predict(data.inputs), scores=None
        ),
        model=model,
        rng=np.random.default_rng(0),
    )

    found = measure(bench)

    assert found.facts["scale"] == "decision"
    assert explained_features(found)[0] == "x0"
    assert found.estimates["additivity_error"].value < 1e-9


def test_missing_values_categories_and_constant_columns_stay_what_they_are():
    pipeline = mixed_pipeline(RandomForestClassifier(10, random_state=0))

    found = measure(number_bench(pipeline, mixed_frame()), rows=200)
    values = found.tables["values"].to_pandas()

    assert "missing" in set(values.loc[values["feature"] == "years", "value"])
    assert {"red", "green", "blue", "missing"} == set(
        values.loc[values["feature"] == "colour", "value"]
    )
    assert (values.loc[values["feature"] == "same", "phi"] == 0).all()
    assert values.loc[values["feature"] == "colour", "number"].isna().all()


@pytest.mark.filterwarnings("ignore:Skipping features without any observed values")
def test_a_column_without_any_value_gets_nothing():
    frame = mixed_frame().assign(years=np.nan)

    found = measure(number_bench(mixed_pipeline(RandomForestClassifier(5, random_state=0)), frame))

    values = found.tables["values"].to_pandas()
    assert (values.loc[values["feature"] == "years", "phi"] == 0).all()


def test_one_column_is_enough():
    found = measure(
        number_bench(RandomForestClassifier(5, random_state=0), number_frame(60, 3)[["x0", "y"]])
    )

    assert explained_features(found) == ["x0"]
    assert "deletion" not in found.tables
    assert found.estimates["faithfulness_gain"].reason


def test_wide_tables_keep_their_sums_and_say_what_was_added_up():
    found = measure(
        number_bench(RandomForestClassifier(10, random_state=0), number_frame(80, 100)), rows=20
    )
    values = found.tables["values"].to_pandas()
    lines = found.tables["explained_rows"].to_pandas().set_index("row").sort_index()

    assert "40 other columns" in set(values["feature"])
    np.testing.assert_allclose(
        lines["base"] + values.groupby("row")["phi"].sum(), lines["output"], atol=1e-9
    )


def test_a_very_wide_table_is_compared_with_lime_on_fewer_rows_and_says_so():
    bench = number_bench(LogisticRegression(), number_frame(60, 900))

    found = measure(bench, lime_samples=2000)

    assert found.tables["agreement"].num_rows == 30
    assert any("compared with LIME" in note and "30 of 60" in note for note in found.sampling)


def test_many_classes_are_explained_for_the_one_asked_for():
    bench = number_bench(
        RandomForestClassifier(10, random_state=0), number_frame(400, 4, n_classes=50),
        n_classes=50,
    )  # fmt: skip

    found = measure(bench, output_class="17")

    assert found.facts["class"] == "17"
    assert found.estimates["additivity_error"].value < 1e-9


def test_a_class_that_does_not_exist_is_refused_with_those_that_do():
    with pytest.raises(InvalidParameter, match="no, yes"):
        measure(credit_bench(60), output_class="perhaps")


def test_a_row_that_does_not_exist_is_refused_with_the_range():
    with pytest.raises(InvalidParameter, match="0 to 59"):
        measure(credit_bench(60), row=60)


def test_the_row_asked_for_is_shown_and_explained():
    found = measure(credit_bench(200), row=123)

    assert found.facts["shown_row"] == 123
    assert 123 in explained_row_numbers(found)
    assert found.tables["lime"]["row"].to_pylist()[0] == 123


def test_the_row_shown_by_itself_is_the_most_confidently_wrong_one():
    bench = credit_bench(300)
    found = measure(bench, rows=300, sampled_rows=300)
    predictions = bench.predictions
    wrong = predictions.predicted != predictions.labels
    sure = predictions.scores.max(axis=1)

    assert sure[found.facts["shown_row"]] == sure[wrong].max()


def test_any_explained_row_can_be_drawn_and_leads_from_base_to_output():
    found = measure(credit_bench(100))
    lines = found.tables["explained_rows"].to_pandas().set_index("row")

    for row in explained_row_numbers(found)[:5]:
        chart = local_chart(found, row)
        trace = chart.figure["data"][0]
        assert trace["base"] + np.sum(trace["x"]) == pytest.approx(lines.loc[row, "output"])
    assert local_chart(found, 10**6) is None


def test_any_column_can_be_drawn():
    found = measure(credit_bench(100))

    kinds = {
        name: dependence_chart(found, name).figure["data"][0]["type"]
        for name in explained_features(found)
    }

    assert kinds == {"income": "scatter", "age": "scatter", "sex": "box", "region": "box"}
    assert dependence_chart(found, "height") is None


def test_shares_of_sensitive_columns_add_up():
    found = measure(credit_bench(200))
    estimates = found.estimates

    assert estimates["sensitive_share"].value == pytest.approx(
        estimates["sensitive_share.age"].value + estimates["sensitive_share.sex"].value
    )


def test_importance_is_the_mean_size_with_students_interval():
    found = measure(credit_bench(200))
    values = found.tables["values"].to_pandas()
    importance = found.tables["importance"].to_pandas().set_index("feature")

    for name, part in values.groupby("feature"):
        size = part["phi"].abs()
        assert importance.loc[name, "mean_abs"] == pytest.approx(size.mean())
        half = 2.0009953780882686 * size.std() / np.sqrt(60)
        assert importance.loc[name, "high"] == pytest.approx(size.mean() + half)


def test_groups_are_explained_apart():
    found = measure(credit_bench(300), rows=300)
    table = found.tables["group_importance"].to_pandas()
    sexes = table[(table["attribute"] == "sex") & (table["feature"] == "income")]

    assert sexes["n"].sum() == 300
    assert set(sexes["group"]) == {"female", "male"}


def test_a_strange_column_name_is_shown_as_text():
    frame = number_frame(60, 3).rename(columns={"x0": "<b>$x$</b>"})

    found = measure(number_bench(RandomForestClassifier(5, random_state=0), frame))

    figures = json.dumps(
        [go.Figure(chart.figure).to_plotly_json() for chart in ANALYZER.draw(found)], default=str
    )
    assert "<b>" not in figures


def test_the_seed_alone_decides_the_result():
    bench = credit_bench(150)
    frame = bench.data.frame

    def run(seed):
        fresh = Workbench(**{**vars(bench), "rng": np.random.default_rng(seed)})
        return measure(fresh, method="model-agnostic").tables["values"]

    assert run(1).equals(run(1))
    assert not run(1).equals(run(2))
    assert frame.equals(bench.data.frame)


def test_it_warns_of_nothing_while_it_measures():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        measure(credit_bench(80))


def test_the_result_on_the_credit_bench_is_the_one_on_record():
    found = measure(credit_bench(200))
    shown = {
        "estimates": {name: item.value for name, item in found.estimates.items()},
        "importance": found.tables["importance"].select(["feature", "mean_abs"]).to_pylist(),
        "shown_row": found.facts["shown_row"],
        "lime": found.tables["lime"].slice(0, 4).select(["feature", "weight"]).to_pylist(),
    }

    recorded = json.loads(GOLDEN.read_text())

    assert shown["shown_row"] == recorded["shown_row"]
    tiny = {"additivity_error", "difference_from_shap"}
    for name, value in recorded["estimates"].items():
        if name not in tiny:
            assert shown["estimates"][name] == pytest.approx(value, rel=1e-6), name
    for table in ("importance", "lime"):
        pd.testing.assert_frame_equal(
            pd.DataFrame(shown[table]), pd.DataFrame(recorded[table]), rtol=1e-6
        )


def test_lime_stands_beside_shap_for_every_compared_row():
    found = measure(credit_bench(150))
    rows = explained_row_numbers(found)
    lime = found.tables["lime"].to_pandas()

    for row in rows:
        chart = draw_beside_lime(found, row)
        assert chart.title.startswith(f"Row {row:,}: ")
        assert ("one run" in chart.caption) == (row != found.facts["shown_row"])
        part = lime[lime["row"] == row].set_index("feature")
        values = found.tables["values"].to_pandas()
        mine = values[values["row"] == row].set_index("feature")
        assert part["phi"].sort_index().tolist() == mine["phi"].sort_index().tolist()
    assert draw_beside_lime(found, 10**6) is None
