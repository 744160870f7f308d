"""Each kept example of a table: the way to it is real, its oddness is measured, it can be had."""

import json

import numpy as np
import pytest

from analyzers.adversarial import ANALYZER, AdversarialParams
from analyzers.adversarial.row_bundle import bundle_rows
from tests.adversarial.benches import flowers_bench, plane_bench
from tests.benches import credit_bench

BENCHES = {"credit": credit_bench, "flowers": flowers_bench, "plane": lambda: plane_bench([2.0, 1])}


@pytest.fixture(scope="module", params=BENCHES)
def measured(request):
    params = AdversarialParams(rows=40, queries=300, budget=2.0, examples=6)
    return BENCHES[request.param](), params, ANALYZER.measure(BENCHES[request.param](), params)


def steps_of(measurements, example):
    lines = measurements.tables["example_steps"].to_pylist()
    return [line for line in lines if line["example"] == example["example"]]


def test_the_way_begins_at_the_original_gets_nearer_and_ends_at_the_example(measured):
    _, _, found = measured
    examples = found.tables["examples"].to_pylist()
    assert examples
    for example in examples:
        steps = steps_of(found, example)
        sizes = [step["size"] for step in steps[1:]]
        questions = [step["questions"] for step in steps]
        assert steps[0]["n_changed"] == 0
        assert steps[0]["answer"] == example["before"]
        assert sizes == sorted(sizes, reverse=True)
        assert sizes[-1] == pytest.approx(example["size"])
        assert questions == sorted(questions)
        assert len(steps) <= 13
        assert all(step["answer"] != example["before"] for step in steps[1:])
        assert steps[-1]["answer"] == example["after"]


def test_oddness_is_a_share_of_the_data(measured):
    bench, _, found = measured
    places = found.tables["example_places"].to_pylist()

    assert len(places) == found.tables["examples"].num_rows
    for place in places:
        assert place["n"] == len(bench.data)
        assert place["distance_to_data"] > 0
        for name in ("closer_than_share", "isolated_share", "isolated_share_before"):
            assert 0 <= place[name] <= 1


def test_a_row_far_outside_is_called_odd():
    from analyzers.adversarial.example_details import _isolation

    pool = np.random.default_rng(0).normal(size=(200, 3))
    normal, odd = _isolation(pool, np.array([[0.0, 0.0, 0.0], [8.0, 8.0, 8.0]]))[-2:]

    assert odd < normal


def test_the_bundle_is_enough_to_flip_every_example_again(measured):
    bench, params, found = measured
    made = [bundle_rows(found, bench.subject, params.model_dump(mode="json")) for _ in range(2)]
    bundle = json.loads(made[0])

    assert made[0] == made[1]
    assert bundle["parameters"]["budget"] == 2.0
    assert bundle["data_sha256"] == bench.subject.files.data.sha256
    assert bundle["threat_model"]
    assert bundle["columns"]
    for example in bundle["examples"]:
        row = bench.data.inputs.iloc[[example["row"]]].copy()
        for change in example["changes"]:
            is_number = row[change["feature"]].dtype.kind in "if"
            row[change["feature"]] = float(change["to"]) if is_number else change["to"]
        answer = bench.subject.classes[int(bench.need_model().predict(row)[0])]
        assert answer == example["after"]
