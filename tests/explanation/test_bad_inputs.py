"""Models that misbehave and odd tables, through the real runner: a sentence, or a right result."""

import numpy as np
import onnx
import pandas as pd
import pytest
import torch
from onnx import TensorProto, helper
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from analyzers.core.finding import Verdict
from analyzers.core.job import Failed, Limits
from analyzers.core.result import Measurements
from analyzers.explanation import ANALYZER, contrast_chart, explained_row_numbers, local_chart
from analyzers.explanation.params import ExplanationParams
from analyzers.policies import load_policy
from tests.examining import Upload, estimator, examine, table
from tests.explanation.benches import number_bench, number_frame
from tests.jobs.uploads import script

pytestmark = [pytest.mark.sandbox]
CONVENTIONS = load_policy("conventions")
N_ROWS = 60


def numbers(n_rows: int = N_ROWS, n_columns: int = 3, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    made = rng.normal(size=(n_rows, n_columns)).round(3)
    return pd.DataFrame(made, columns=[f"x{place}" for place in range(n_columns)])


def with_out(rows: pd.DataFrame) -> pd.DataFrame:
    lean = rows["x0"] + 0.5 * rows["x1"]
    return rows.assign(out=np.where(lean > lean.median(), "yes", "no"))


ROWS = numbers()
# The copy lets a model tell real rows from mixed ones.
TWINS = ROWS.assign(x1=ROWS["x0"])


def graph(nodes: list[onnx.NodeProto], **constants: list[float]) -> Upload:
    """An ONNX program from `x`, `(n, 3)`, to `y`, `(n, 2)`."""
    weights = np.array([[-1, 1], [-0.5, 0.5], [0, 0]], dtype=np.float32)
    made = helper.make_graph(
        [helper.make_node("MatMul", ["x", "weights"], ["raw"]), *nodes],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 2])],
        [
            helper.make_tensor("weights", TensorProto.FLOAT, [3, 2], weights.ravel()),
            *(helper.make_tensor(name, TensorProto.FLOAT, [len(values)], values)
              for name, values in constants.items()),
            helper.make_tensor("0", TensorProto.INT64, [1], [0]),
            helper.make_tensor("1", TensorProto.INT64, [1], [1]),
        ],
    )  # fmt: skip
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    return model.SerializeToString(), "model.onnx"


def node(operator: str, inputs: str, output: str, **settings: object) -> onnx.NodeProto:
    return helper.make_node(operator, inputs.split(), [output], **settings)


# log(1 - x0) is no number where x0 is above 1; times 0 it is 0 elsewhere.
NAN_FOR_SOME = graph(
    [
        node("Gather", "x 0", "x0", axis=1),
        node("Sub", "one x0", "left"),
        node("Log", "left", "log"),
        node("Mul", "log none", "gap"),
        node("Softmax", "raw", "p", axis=1),
        node("Add", "p gap", "y"),
    ],
    one=[1.0], none=[0.0],
)  # fmt: skip
# The square root of -(x0 - x1)^2 is no number unless both are the same.
NAN_OFF_THE_DATA = graph(
    [
        node("Gather", "x 0", "x0", axis=1),
        node("Gather", "x 1", "x1", axis=1),
        node("Sub", "x0 x1", "apart"),
        node("Mul", "apart apart", "square"),
        node("Neg", "square", "below"),
        node("Sqrt", "below", "gap"),
        node("Softmax", "raw", "p", axis=1),
        node("Add", "p gap", "y"),
    ]
)
OTHER_EACH_TIME = graph(
    [
        node("RandomUniformLike", "raw", "noise", low=-1.0, high=1.0),
        node("Add", "raw noise", "other"),
        node("Softmax", "other", "y", axis=1),
    ]
)
BEYOND_ONE = graph([node("Mul", "raw three", "y")], three=[3.0])
# Probabilities on real rows, none on mixed ones.
BEYOND_ONE_OFF_THE_DATA = graph(
    [
        node("Gather", "x 0", "x0", axis=1),
        node("Gather", "x 1", "x1", axis=1),
        node("Sub", "x0 x1", "apart"),
        node("Mul", "apart apart", "gap"),
        node("Softmax", "raw", "p", axis=1),
        node("Add", "p gap", "y"),
    ]
)
ONE_ANSWER_FOR_ALL = graph([node("ReduceMean", "raw 0", "y", keepdims=1)])


class Slow(torch.nn.Module):
    """Takes about half a second for each question."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        total = x.sum() * 0
        for _ in range(150_000):
            total = total * 0.5
        return torch.stack([-x[:, 0], x[:, 0] + total], dim=1)


class TwoRules(torch.nn.Module):
    """Decides by x2, and by x1 where x0 is no copy of x3, as in mixed rows."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        is_real = (x[:, 0] - x[:, 3]).abs() < 1e-6
        margin = 4 * torch.where(is_real, x[:, 2], x[:, 1])
        return torch.stack([-margin, margin], dim=1)


def run(runner, store, people, model, *, limits=None, **chosen):
    quick = {"rows": 30, "sampled_rows": 8, "background_rows": 20, "lime_samples": 200}
    return examine(
        runner, store, ANALYZER, data=table(people), model=model, limits=limits, **(quick | chosen)
    )


def measured(runner, store, people, model, **chosen) -> Measurements:
    """Examine, judge and draw; a failure fails the test with what it says."""
    found = run(runner, store, people, model, **chosen)
    assert isinstance(found, Measurements), found
    for finding in ANALYZER.judge(found, CONVENTIONS):
        assert "nan" not in finding.headline.lower().split()
    assert ANALYZER.draw(found)
    return found


GAPS = with_out(ROWS.assign(x1=ROWS["x1"].where(ROWS.index != 3)))
STRICT = estimator(LogisticRegression().fit(ROWS, with_out(ROWS)["out"]))
REFUSED = {
    "NaN for some rows": (
        with_out(ROWS), NAN_FOR_SOME, "got NaN or infinity in 11 of 60 rows",
        "Check for missing values",
    ),
    "NaN for mixed rows only": (
        with_out(TWINS), NAN_OFF_THE_DATA, "It answered the rows of the data", "every mixture",
    ),
    "no probability for mixed rows": (
        with_out(TWINS), BEYOND_ONE_OFF_THE_DATA,
        "Expected probabilities between 0 and 1, got values from", "every mixture",
    ),
    "one answer for all rows": (
        with_out(ROWS), ONE_ANSWER_FOR_ALL, "Expected 60 predictions, got 1", "one answer per row",
    ),
    "a failure on a missing value": (
        GAPS, STRICT, "got ValueError: Input X contains NaN", "what the model was fitted on",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_a_model_that_misbehaves_ends_in_a_sentence(runner, store, case):
    rows, model, words, remedy = REFUSED[case]

    state = run(runner, store, rows, model)

    assert isinstance(state, Failed), state
    assert state.kind == "model", state
    assert words in state.message, state
    assert remedy in state.remedy, state
    assert "Traceback" not in state.message


def test_a_model_that_is_too_slow_ends_at_the_limit_in_a_sentence(runner, store):
    slow = (script(Slow()), "model.pt")

    state = run(runner, store, with_out(ROWS), slow, limits=Limits(wall_seconds=2))

    assert isinstance(state, Failed), state
    assert state.kind == "timeout"
    assert "2 seconds" in state.message
    assert "fewer rows" in state.remedy


def test_answers_that_change_are_said_first_and_fail_to_add_up(runner, store):
    found = measured(runner, store, with_out(ROWS), OTHER_EACH_TIME)

    assert "the model gave other answers" in found.sampling[0]
    verdicts = {item.code: item.verdict for item in ANALYZER.judge(found, CONVENTIONS)}
    assert verdicts["explanation.additivity_error"] == Verdict.FAIL


def test_a_model_built_to_fool_explainers_is_named_with_its_columns(runner, store):
    rows = numbers(120)
    rows = rows.assign(x3=rows["x0"], out=np.where(rows["x2"] > 0, "yes", "no"))

    found = measured(
        runner, store, rows, (script(TwoRules()), "model.pt"),
        method="model-agnostic",
    )  # fmt: skip

    assert found.estimates["off_manifold_gap"].low > 0.1
    headlines = {item.code: item.headline for item in ANALYZER.judge(found, CONVENTIONS)}
    said = headlines["explanation.off_manifold_gap"]
    assert said.startswith("On the mixed rows that explainers ask about, x1 moves the answer more")
    assert "real rows and x2 less" in said or "real rows and x0 less" in said or "x3 less" in said


def test_numbers_beyond_one_are_read_as_raw_scores_and_explained_as_such(runner, store):
    found = measured(runner, store, with_out(ROWS), BEYOND_ONE)

    assert not any("other answers" in note for note in found.sampling)
    assert found.estimates["additivity_error"].value < 1e-6
    output = found.tables["explained_rows"]["output"].to_numpy()
    assert (output > 0).all()
    assert (output < 1).all()
    rows = ROWS.to_numpy()[found.tables["explained_rows"]["row"].to_numpy()]
    lean = 6 * (rows[:, 0] + 0.5 * rows[:, 1])
    np.testing.assert_allclose(output, 1 / (1 + np.exp(-lean)), atol=1e-5)


def test_strange_columns_keep_their_names_and_get_what_is_theirs(runner, store):
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(
        {"收入": rng.normal(size=400).round(3), "same": 1.0, "nothing": np.nan,
         "城市": [f"城{place % 200}" for place in range(400)]}
    )  # fmt: skip
    out = np.where(rows["收入"] > 0, "yes", "no")
    numbers = make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler())
    model = make_pipeline(
        make_column_transformer(
            (OneHotEncoder(handle_unknown="ignore"), ["城市"]),
            (numbers, ["收入", "same", "nothing"]),
        ),
        LogisticRegression(),
    ).fit(rows, out)

    found = measured(runner, store, rows.assign(out=out), estimator(model), rows=100)

    values = found.tables["values"].to_pandas()
    sizes = values["phi"].abs().groupby(values["feature"]).max()
    assert sizes["收入"] > 0.1
    assert sizes["same"] == sizes["nothing"] == 0
    assert found.estimates["additivity_error"].value < 1e-9


@pytest.mark.parametrize("n_rows", [1, 2])
def test_one_row_and_two_are_explained_without_intervals_they_cannot_have(runner, store, n_rows):
    found = measured(runner, store, with_out(ROWS)[:n_rows], STRICT)

    assert found.facts["n_explained"] == n_rows
    assert found.estimates["additivity_error"].value < 1e-9
    assert "at least 20 rows" in found.estimates["off_manifold_gap"].reason
    gain = found.estimates["faithfulness_gain"]
    assert gain.value is None or n_rows > 1 or gain.low is None


def test_a_thousand_columns_are_explained(runner, store):
    rows = numbers(24, n_columns=1000)
    forest = RandomForestClassifier(10, random_state=0).fit(rows, with_out(rows)["out"])

    found = measured(runner, store, with_out(rows), estimator(forest), rows=10)

    assert found.facts["n_features"] == 1000
    assert found.estimates["additivity_error"].value < 1e-9
    assert found.estimates["off_manifold_gap"].value < 0.05


def test_fifty_classes_are_explained_for_one(runner, store):
    rows = numbers(500)
    rows["out"] = [f"class {place}" for place in pd.qcut(rows["x0"], 50, labels=False)]
    forest = RandomForestClassifier(5, max_depth=6, random_state=0)
    forest.fit(rows[["x0", "x1", "x2"]], rows["out"])

    found = measured(runner, store, rows, estimator(forest), output_class="class 7")

    assert found.facts["class"] == "class 7"
    assert found.estimates["additivity_error"].value < 1e-9


def test_of_many_columns_the_further_ones_are_counted_once():
    found = ANALYZER.measure(
        number_bench(LinearRegression(), number_frame(120, 90)),
        ExplanationParams(rows=30, sampled_rows=5, background_rows=20, lime_samples=200),
    )
    rows = explained_row_numbers(found)

    for row in rows[:5]:
        chart = local_chart(found, row)
        (names,) = (trace["y"] for trace in chart.figure["data"])
        assert names[0] == "79 further columns"
        assert not any("other columns" in name for name in names)
        assert "each of the 90 columns" in chart.caption
        steps = chart.figure["data"][0]["x"]
        outputs = found.tables["explained_rows"].to_pandas().set_index("row")
        total = outputs["output"][row] - outputs["base"][row]
        assert sum(steps) == pytest.approx(total)
    contrast = contrast_chart(found, rows[0], rows[1])
    assert contrast.figure["data"][0]["y"][0] == "75 other columns"
