"""How much attribution falls on sensitive columns and on columns that give them away."""

import numpy as np
import pandas as pd
import pytest

from analyzers.core.finding import Verdict
from analyzers.core.result import Estimate, Measurements
from analyzers.core.subject import Column, Role
from analyzers.explanation import ANALYZER
from analyzers.explanation.params import ExplanationParams
from analyzers.explanation.sensitive_columns import LEAST_TOLD, MOST_ROWS
from analyzers.policies import load_policy
from tests.benches import credit_bench, dataset_of, subject_of
from tests.explanation.benches import FunctionModel, workbench

QUICK = ExplanationParams(rows=60, sampled_rows=60, background_rows=20, lime_samples=200)
SEEN = ("job", "income", "town")
# A job that names the sex wrongly one time in ten leaves 0.469 of one bit open.
TOLD_BY_JOB = 1 - 0.469


def people(n_rows=2_000, *, is_sex_known=True, n_towns=3):
    rng = np.random.default_rng(0)
    sex = np.arange(n_rows) % 2
    frame = pd.DataFrame(
        {
            "job": np.where(rng.random(n_rows) < 0.9, sex, 1 - sex),
            "income": rng.normal(size=n_rows),
            "town": rng.choice([f"town {at}" for at in range(n_towns)], n_rows),
            "sex": np.where(sex == 1, "male", "female") if is_sex_known else "unknown",
        }
    )
    return frame.assign(y=np.where(frame["income"] > 0, "yes", "no"))


def answer(frame):
    """Six parts job, four parts income, nothing of the town."""
    return 0.5 + 0.12 * (frame["job"] - 0.5) + 0.04 * np.clip(frame["income"], -2, 2)


def found_in(frame, *, model=answer, sensitive=("sex",)):
    columns = tuple(
        Column(
            name=name,
            kind="number" if name in ("job", "income") else "category",
            role=Role.LABEL if name == "y" else Role.FEATURE if name in SEEN else Role.IGNORED,
            is_feature=name in SEEN,
            is_sensitive=name in sensitive,
            levels=("no", "yes") if name == "y" else (),
        )
        for name in frame.columns
    )
    data = dataset_of(subject_of(columns, classes=("no", "yes"), n_rows=len(frame)), frame)
    bench = workbench(FunctionModel(model, is_classifier=True), data)
    return ANALYZER.measure(bench, QUICK)


def proxies_of(found):
    return found.tables["proxies"].to_pandas().set_index(["attribute", "feature"])


def headline_of(found):
    policy = load_policy("conventions")
    findings = {finding.indicator: finding for finding in ANALYZER.judge(found, policy)}
    return findings["explanation.proxy_share"]


def test_a_column_that_gives_a_sensitive_one_away_is_found_and_its_share_counted():
    found = found_in(people())
    table = proxies_of(found)
    importance = found.tables["importance"].to_pandas().set_index("feature")["mean_abs"]

    assert list(table.index[table["is_proxy"]]) == [("sex", "job")]
    told = table.loc[("sex", "job")]
    assert told["low"] < TOLD_BY_JOB < told["high"]
    assert told["told"] == pytest.approx(TOLD_BY_JOB, abs=0.03)
    share = found.estimates["proxy_share"]
    assert share.value == pytest.approx(importance["job"] / importance.sum())
    assert share.value == pytest.approx(told["share"])
    assert share.low < share.value < share.high
    assert found.estimates["sensitive_share"].value is None
    finding = headline_of(found)
    assert "job (sex)" in finding.headline
    assert finding.verdict == Verdict.INCONCLUSIVE


def test_columns_that_tell_nothing_are_no_proxies():
    frame = people()
    frame["job"] = np.random.default_rng(5).permutation(frame["job"])
    found = found_in(frame)

    table = proxies_of(found)
    assert not table["is_proxy"].any()
    assert (table["low"] < LEAST_TOLD).all()
    assert found.estimates["proxy_share"].value == 0
    assert headline_of(found).headline.startswith("No single column")


def test_a_sensitive_column_the_model_sees_is_not_counted_as_a_proxy_too():
    frame = people()
    found = found_in(frame, sensitive=("sex", "job"))

    table = proxies_of(found)
    # The job gives the sex away, but it is counted with the sensitive columns already.
    assert table.loc[("sex", "job"), "is_proxy"]
    assert found.estimates["sensitive_share"].value > 0
    assert found.estimates["proxy_share"].value == 0


@pytest.mark.parametrize(
    ("frame", "sensitive"),
    [(people(300), ()), (people(300, is_sex_known=False), ("sex",))],
    ids=["nothing sensitive", "one group only"],
)
def test_where_nothing_can_be_given_away_the_reason_is_said(frame, sensitive):
    found = found_in(frame, sensitive=sensitive)

    assert found.tables["proxies"].num_rows == 0
    assert found.estimates["proxy_share"].value is None
    assert found.estimates["proxy_share"].reason
    assert "proxies" not in {chart.name for chart in ANALYZER.draw(found)}


def test_a_column_of_too_many_levels_is_left_out_not_fatal():
    table = proxies_of(found_in(people(n_towns=150)))

    assert ("sex", "town") not in table.index
    assert ("sex", "job") in table.index


def test_a_constant_model_has_no_shares():
    found = found_in(people(300), model=lambda frame: np.full(len(frame), 0.4))

    assert found.estimates["proxy_share"].value is None


def test_many_rows_are_sampled_and_the_number_is_said():
    found = found_in(people(MOST_ROWS + 500))

    assert set(found.tables["proxies"]["n"].to_pylist()) == {MOST_ROWS}
    assert any("proxies" in note for note in found.sampling)


def test_the_chart_names_what_tells_most():
    charts = {chart.name: chart for chart in ANALYZER.draw(found_in(people()))}

    assert charts["proxies"].title == "job tells most of sex"
    quiet = {chart.name: chart for chart in ANALYZER.draw(ANALYZER.measure(credit_bench(), QUICK))}
    assert quiet["proxies"].title == "No single column gives a sensitive one away"


@pytest.mark.parametrize("name", ["{value}", "{n} columns of a row", "{percent}"])
def test_a_columns_name_stands_in_the_headline_as_it_is(name):
    found = Measurements(
        estimates={f"sensitive_share.{name}": Estimate(value=0.25, low=0.2, high=0.3, n=50)}
    )

    (finding,) = ANALYZER.judge(found, load_policy("conventions"))

    assert finding.headline == f"25% (20% to 30%) of all attribution falls on {name}."
