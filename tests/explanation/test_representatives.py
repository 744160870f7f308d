"""SP-LIME against every choice, prototypes of known clusters, and near rows."""

from itertools import combinations

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from analyzers.explanation import ANALYZER, editable_rows, near_rows_chart
from analyzers.explanation.params import ExplanationParams
from analyzers.explanation.representatives import nearest, pick_prototypes, pick_representatives
from analyzers.explanation.ways import rows_at_hand, rules_of
from tests.benches import credit_bench
from tests.explanation.benches import number_bench, number_frame

QUICK = ExplanationParams(rows=60, sampled_rows=10, background_rows=20, lime_samples=200)


@pytest.mark.parametrize("seed", range(5))
def test_greedy_covers_nearly_what_the_best_three_rows_cover(seed):
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(12, 8)) * (rng.random((12, 8)) < 0.3)
    total = np.sqrt(np.abs(weights).sum(axis=0))
    leans = np.abs(weights) >= 0.1 * np.maximum(np.abs(weights).max(axis=1, keepdims=True), 1e-300)

    picked = pick_representatives(weights, 3)

    best = max(
        total[leans[list(rows)].any(axis=0)].sum() for rows in combinations(range(12), 3)
    ) / total[leans.any(axis=0)].sum()  # fmt: skip
    assert picked.covered[-1] >= (1 - 1 / np.e) * best - 1e-12
    assert picked.covered[-1] <= best + 1e-12
    assert (np.diff(picked.covered) > 0).all()


def test_two_rows_show_two_reasons_and_a_third_adds_nothing():
    weights = np.array([[3.0, 0, 0], [2.0, 0, 0], [0, 0, 1.0], [0, 0, 0.5]])

    picked = pick_representatives(weights)

    assert picked.places.tolist() == [0, 2]
    assert picked.covered[-1] == 1


def test_a_constant_model_has_no_representatives():
    assert not len(pick_representatives(np.zeros((5, 3))).places)


def test_each_of_three_clusters_gets_one_prototype_and_chance_does_worse():
    rng = np.random.default_rng(0)
    centres = np.array([[0.0, 0], [8, 0], [0, 8]])
    points = np.concatenate([centre + rng.normal(size=(40, 2)) for centre in centres])

    picked = pick_prototypes(points, 3)

    assert sorted(picked // 40) == [0, 1, 2]
    chance = [discrepancy(points, rng.choice(120, 3, replace=False)) for _ in range(300)]
    assert discrepancy(points, picked) < np.quantile(chance, 0.05)


def discrepancy(points, picked):
    """Squared maximum mean discrepancy, written out; the width is the median distance."""
    apart = ((points[:, None] - points[None]) ** 2).sum(axis=2)
    alike = np.exp(-apart / np.median(apart[np.triu_indices(len(points), 1)]))
    return alike.mean() - 2 * alike[:, picked].mean() + alike[np.ix_(picked, picked)].mean()


def test_of_a_number_near_rows_lie_on_either_side_of_the_middle_and_no_answer_is_made_up():
    frame = number_frame(200, 4)
    frame["y"] = 100 + 20 * frame["x0"] - 5 * frame["x1"]
    found = ANALYZER.measure(
        number_bench(LinearRegression(), frame),
        ExplanationParams(rows=60, sampled_rows=10, background_rows=20, lime_samples=200),
    )
    outputs = found.tables["explained_rows"].to_pandas().set_index("row")["output"]
    row = int(outputs.index[0])

    near = near_rows_chart(found, row)
    middle = float(outputs.median())
    numbers, answers = near.figure["data"][0]["cells"]["values"][:2]
    for number, answer in zip(numbers, answers, strict=True):
        is_same = (float(answer) > middle) == (outputs[row] > middle)
        assert ("same side" in number) == is_same
    assert f"{middle:.4g}" in near.title
    typical = next(chart for chart in ANALYZER.draw(found) if chart.name == "prototypes")
    assert typical.title == "Typical rows of the data"
    assert "answer" not in typical.figure["data"][0]["header"]["values"]


def test_the_analyzer_names_rows_of_the_data_and_typical_rows_have_their_answer():
    bench = credit_bench(200)
    found = ANALYZER.measure(bench, QUICK)
    table = found.tables["telling_rows"].to_pandas()

    predicted = np.array(bench.subject.classes)[bench.predictions.predicted[table["row"]]]
    assert (predicted == table["answer"]).all()
    assert set(table["kind"]) == {"representative", "prototype"}
    names = {chart.name for chart in ANALYZER.draw(found)}
    assert {"representatives", "prototypes"} <= names

    _, frame = rows_at_hand(found)
    space = rules_of(found)
    points = space.encode(frame)
    order = nearest(space, points, 0, np.ones(len(points), dtype=bool))
    distance = space.distance(points, np.broadcast_to(points[0], points.shape))
    assert 0 not in order
    assert (np.diff(distance[order]) >= 0).all()
    chart = near_rows_chart(found, editable_rows(found)[0])
    assert "same answer" in str(chart.figure)
    assert near_rows_chart(found, 10**6) is None
