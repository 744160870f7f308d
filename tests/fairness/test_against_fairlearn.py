"""Definitions are fairlearn's, to twelve digits; where it gives NaN we say why there is none."""

import warnings

import fairlearn.metrics as peer
import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn import metrics

from analyzers.fairness import ANALYZER, FairnessParams
from tests.fairness.benches import bench_of

PARAMS = FairnessParams(smallest_group=1, draws=200)

ROWS = st.integers(2, 80).flatmap(
    lambda n: st.tuples(
        hnp.arrays(np.int64, n, elements=st.integers(0, 1)),
        hnp.arrays(np.int64, n, elements=st.integers(0, 1)),
        hnp.arrays(np.int64, n, elements=st.integers(0, 3)),
        hnp.arrays(np.int64, n, elements=st.integers(0, 1)),
    )
)
RATES = {
    "selection_rate": peer.selection_rate,
    "true_positive_rate": peer.true_positive_rate,
    "false_positive_rate": peer.false_positive_rate,
    "true_negative_rate": peer.true_negative_rate,
    "false_negative_rate": peer.false_negative_rate,
    "accuracy": metrics.accuracy_score,
    "positive_predictive_value": lambda y, d: metrics.precision_score(y, d, zero_division=np.nan),
    "negative_predictive_value": lambda y, d: metrics.precision_score(
        y, d, pos_label=0, zero_division=np.nan
    ),
    "balanced_accuracy": lambda y, d: (
        (peer.true_positive_rate(y, d) + peer.true_negative_rate(y, d)) / 2
    ),
    "f1": lambda y, d: metrics.f1_score(y, d, zero_division=np.nan),
}
DISPARITIES = {
    "demographic_parity_difference": peer.demographic_parity_difference,
    "demographic_parity_ratio": peer.demographic_parity_ratio,
    "equal_opportunity_difference": peer.equal_opportunity_difference,
    "equal_opportunity_ratio": peer.equal_opportunity_ratio,
    "equalized_odds_difference": peer.equalized_odds_difference,
    "equalized_odds_ratio": peer.equalized_odds_ratio,
    "false_positive_rate_difference": peer.false_positive_rate_difference,
    "false_positive_rate_ratio": peer.false_positive_rate_ratio,
    "false_negative_rate_difference": peer.false_negative_rate_difference,
    "false_negative_rate_ratio": peer.false_negative_rate_ratio,
    "true_negative_rate_difference": peer.true_negative_rate_difference,
    "true_negative_rate_ratio": peer.true_negative_rate_ratio,
    "accuracy_difference": peer.accuracy_score_difference,
    "accuracy_ratio": peer.accuracy_score_ratio,
}


def tables_of(y, d, attributes):
    return ANALYZER.measure(bench_of(attributes, y, d), PARAMS).tables


def frames_of(y, d, functions, columns):
    frame = peer.MetricFrame(metrics=functions, y_true=y, y_pred=d, sensitive_features=columns)
    return frame.overall, frame.by_group


# fairlearn takes a second for a failing case's hundreds of shrinking steps: the first one will do.
@settings(max_examples=25, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(ROWS)
def test_every_rate_of_every_group_and_intersection_is_fairlearns(rows):
    y, d, a, b = rows
    first, second = pd.Series([f"a{i}" for i in a], name="a"), pd.Series([f"b{i}" for i in b])
    ours = tables_of(y, d, {"a": first, "b": second})["groups"].to_pandas()
    ours = ours.set_index(["attributes", "group", "metric"])["value"]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        overall, by_a = frames_of(y, d, RATES, first)
        _, by_both = frames_of(y, d, RATES, pd.DataFrame({"a": first, "b": second}))

    everyone = pd.Series(np.ones(len(y), dtype=bool))
    for metric in RATES:
        theirs = _defined(overall[metric], y, everyone, metric)
        assert ours["", "everyone", metric] == pytest.approx(theirs, abs=1e-12, nan_ok=True)
        for group in by_a.index:
            theirs = _defined(by_a.loc[group, metric], y, first == group, metric)
            assert ours["a", group, metric] == pytest.approx(theirs, abs=1e-12, nan_ok=True)
        for one, two in by_both.index:
            mask = (first == one) & (second == two)
            if not mask.any():
                # fairlearn lists combinations that nobody belongs to; we do not.
                assert ("a × b", f"{one}, {two}", metric) not in ours.index
                continue
            theirs = _defined(by_both.loc[(one, two), metric], y, mask, metric)
            value = ours["a × b", f"{one}, {two}", metric]
            assert value == pytest.approx(theirs, abs=1e-12, nan_ok=True)


def _defined(theirs, y, mask, metric):
    """fairlearn returns 0 for rates without a denominator; that is where we say not measured."""
    needs = {
        "true_positive_rate": (1,), "false_negative_rate": (1,), "false_positive_rate": (0,),
        "true_negative_rate": (0,), "balanced_accuracy": (0, 1),
    }  # fmt: skip
    missing = any((y[mask.to_numpy()] == label).sum() == 0 for label in needs.get(metric, ()))
    return np.nan if missing else theirs


@settings(max_examples=40, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(ROWS)
def test_every_difference_and_ratio_is_fairlearns(rows):
    y, d, a, _ = rows
    groups = [np.unique(y[a == level]) for level in np.unique(a)]
    if len(groups) < 2:
        return
    everyone_has_both = all(len(labels) == 2 for labels in groups)
    table = tables_of(y, d, {"a": a.astype(str)})["disparities"].to_pandas().set_index("metric")

    for name, function in DISPARITIES.items():
        if not everyone_has_both and not name.startswith(("demographic", "accuracy")):
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = function(y, d, sensitive_features=a)
        value, reason = table.loc[name, ["value", "reason"]]
        if np.isnan(value):
            # 0 / 0: fairlearn gives NaN, or 1 where it fills it in for equalised odds.
            assert "0 in every group" in reason
            assert np.isnan(theirs) or name == "equalized_odds_ratio"
            continue
        assert value == pytest.approx(theirs, abs=1e-12), name


def test_auc_by_group_is_scikit_learns():
    rng = np.random.default_rng(0)
    a, scores = rng.choice(["x", "y"], 300), rng.random(300).round(2)
    y = (rng.random(300) < scores).astype(int)
    result = ANALYZER.measure(bench_of({"a": a}, y, scores=scores), PARAMS)
    ours = result.tables["groups"].to_pandas().set_index(["group", "metric"])["value"]

    areas = {}
    for group in ("x", "y"):
        areas[group] = metrics.roc_auc_score(y[a == group], scores[a == group])
        assert ours[group, "roc_auc"] == pytest.approx(areas[group])
        assert ours[group, "mean_score"] == pytest.approx(scores[a == group].mean())
        gap = (scores - y)[a == group].mean()
        assert ours[group, "calibration_gap"] == pytest.approx(gap)
        share = (scores[a == group] > np.quantile(scores, 0.5, method="inverted_cdf")).mean()
        assert ours[group, "score_rate"] == pytest.approx(share)
    difference = result.estimates["roc_auc_difference.a"]
    assert difference.value == pytest.approx(abs(areas["x"] - areas["y"]))
    assert difference.low <= difference.value <= difference.high
