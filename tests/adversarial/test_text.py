"""Texts: the recipes run offline, every flip is real, nothing is left behind."""

import os
import random
import socket
import subprocess
import sys
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzers.adversarial import ANALYZER, AdversarialParams, text_attack
from analyzers.adversarial.edits import (
    changed_words,
    edit_distance,
    n_words_changed,
    similarity,
)
from analyzers.adversarial.params import Recipe
from analyzers.adversarial.recipes import ABOUT
from analyzers.adversarial.words import highlighted
from analyzers.core.job import Limits
from analyzers.core.model import Capability
from analyzers.core.workbench import Workbench
from tests.adversarial.benches import review_model, reviews_bench
from tests.benches import EstimatorModel, dataset_of, predictions_of

ROOT = Path(__file__).parents[2]
OUT_OF_THE_BOX = [
    name for name in get_args(Recipe) if not ABOUT[name].needs and not ABOUT[name].is_white_box
]
short = st.text("abcd ", max_size=8)


def plain_distance(first: str, second: str) -> int:
    """The textbook recursion, kept as slow as it is short."""
    table = {(0, j): j for j in range(len(second) + 1)}
    table |= {(i, 0): i for i in range(len(first) + 1)}
    for i, a in enumerate(first, 1):
        for j, b in enumerate(second, 1):
            table[i, j] = min(
                table[i - 1, j] + 1, table[i, j - 1] + 1, table[i - 1, j - 1] + (a != b)
            )
    return table[len(first), len(second)]


def test_searches_in_step_are_far_fewer_than_the_threads_a_worker_may_have():
    assert Limits().processes // 2 >= text_attack.WIDTH


def test_recipes_that_need_a_download_stand_last():
    needs = [bool(ABOUT[name].needs) for name in get_args(Recipe)]
    assert set(ABOUT) == set(get_args(Recipe))
    assert needs == sorted(needs)
    number = {3: "three", 4: "four"}[sum(needs)]
    assert f"the last {number} need a model" in str(AdversarialParams.model_fields["recipe"])


@given(short, short)
def test_edit_distance_is_the_textbook_one(first, second):
    assert edit_distance(first, second) == plain_distance(first, second)


@given(short, short)
def test_similarity_is_one_for_equal_texts_only(first, second):
    assert 0 <= similarity(first, second) <= 1
    assert (similarity(first, second) == 1) == (first == second)


@pytest.mark.parametrize(
    ("before", "after", "places", "count"),
    [
        ("one two three", "one tow three", [1], 1),
        ("one two three", "one three", [], 1),
        ("one two three", "one two and three", [2], 1),
        ("one two", "three four", [0, 1], 2),
        ("", "", [], 0),
    ],
)
def test_changed_words_are_found(before, after, places, count):
    assert changed_words(before, after) == places
    assert n_words_changed(before, after) == count


def test_highlighting_marks_words_and_escapes_the_rest():
    assert highlighted("a <b> c", [1]) == "a <b>&lt;b&gt;</b> c"
    assert "◌" in highlighted("wo\u200brd", [0])


@pytest.fixture
def no_network(monkeypatch):
    """Forbid sockets, and hold it against the test if one was tried in silence."""
    tried = []

    def refuse(*arguments, **_):
        tried.append(arguments)
        raise OSError("no network in this test")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    for name in ("getaddrinfo", "create_connection", "gethostbyname"):
        monkeypatch.setattr(socket, name, refuse)
    yield
    assert tried == []


@pytest.mark.slow
@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("recipe", OUT_OF_THE_BOX)
def test_each_recipe_runs_offline_and_every_example_is_real(recipe):
    bench = reviews_bench()
    rng_state, environment = random.getstate(), dict(os.environ)

    measured = ANALYZER.measure(
        bench, AdversarialParams(rows=20, examples=20, recipe=recipe, queries=200)
    )

    assert random.getstate() == rng_state
    assert set(os.environ) - set(environment) <= {
        "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE", "TOKENIZERS_PARALLELISM",
    }  # fmt: skip
    for example in measured.tables["text_examples"].to_pylist():
        code = bench.need_model().predict([example["adversarial"]])[0]
        assert bench.subject.classes[code] == example["after"]
        assert example["original"] == bench.data.inputs[example["row"]]
        is_kept = recipe.startswith("Input reduction")
        assert (example["after"] == example["before"]) == is_kept
    # Whatever the search hands over keeps its recipe's rules, by code it does not share.
    assert measured.facts["n_unconfirmed"] == 0
    assert ANALYZER.draw(measured)
    assert all(item.headline for item in ANALYZER.judge(measured, _no_policy()))


@pytest.mark.slow
def test_recipes_are_compared_with_an_interval_on_every_number():
    measured = ANALYZER.measure(
        reviews_bench(), AdversarialParams(rows=15, queries=100, compare_recipes=True)
    )

    rows = [row for row in measured.tables["recipes"].to_pylist() if row["n_attacked"]]
    assert len(rows) >= 10
    for row in rows:
        assert row["low"] <= row["robust_accuracy"] <= row["high"]
        assert row["queries_low"] <= row["queries"] <= row["queries_high"]
        assert row["n_flipped"] == row["n_correct"] - round(row["robust_accuracy"] * row["n"])
        if row["n_flipped"] > 1:
            for name, ends in (("words_changed_share", "words_changed"), ("meaning", "meaning")):
                assert row[f"{ends}_low"] <= row[name] <= row[f"{ends}_high"]
    charts = {chart.name for chart in ANALYZER.draw(measured)}
    assert {"recipes", "recipe_efforts"} <= charts
    # Who may try one recipe after the other does at least what the best of them does.
    best = min(rows, key=lambda row: row["robust_accuracy"])
    left = measured.estimates["all_recipes_accuracy"]
    assert left.value <= best["robust_accuracy"]
    assert left.n == best["n"]
    (said,) = (
        finding.headline
        for finding in ANALYZER.judge(measured, _no_policy())
        if finding.indicator == "adversarial.all_recipes_accuracy"
    )
    assert f"all {len(rows)} recipes" in said
    assert best["recipe"] in said


@pytest.mark.slow
def test_typing_errors_flip_a_bag_of_words_more_than_random_ones():
    measured = ANALYZER.measure(reviews_bench(30), AdversarialParams(rows=30))

    assert measured.estimates["attack_success_rate"].value > 0.5
    assert measured.estimates["gap_to_noise"].value > 0.1
    assert 0 < measured.estimates["words_changed_share"].value < 0.6
    assert measured.estimates["similarity"].value > 0.8
    assert measured.tables["curve"].to_pandas()["robust_accuracy"].is_monotonic_decreasing


@pytest.mark.slow
def test_same_seed_same_texts_and_row_order_does_not_matter():
    bench = reviews_bench()
    frame = bench.data.frame.iloc[::-1].reset_index(drop=True)
    data = dataset_of(bench.subject, frame)
    shuffled = Workbench(
        subject=bench.subject, data=data, model=bench.model, rng=np.random.default_rng(0),
        predictions=predictions_of(bench.need_model(), data),
    )  # fmt: skip
    params = AdversarialParams(rows=12)

    first, again, other = (
        ANALYZER.measure(each, params) for each in (bench, reviews_bench(), shuffled)
    )

    assert first.tables["text_examples"].equals(again.tables["text_examples"])
    for name, estimate in first.estimates.items():
        assert other.estimates[name].value == pytest.approx(estimate.value), name


@pytest.mark.slow
def test_an_empty_text_is_left_alone():
    bench = reviews_bench()
    frame = bench.data.frame.copy()
    frame.loc[0, "text"] = ""
    data = dataset_of(bench.subject, frame)
    emptied = Workbench(
        subject=bench.subject, data=data, model=bench.model, rng=np.random.default_rng(0),
        predictions=predictions_of(bench.need_model(), data),
    )  # fmt: skip

    measured = ANALYZER.measure(emptied, AdversarialParams(rows=20))

    assert 0 not in measured.tables["rows"]["row"].to_pylist()
    assert "1 of 20 texts have no words" in " ".join(measured.sampling)


@pytest.mark.slow
def test_warming_up_needs_no_home_no_network_and_leaves_nothing(tmp_path):
    code = (
        "import socket, threading, os, sys\n"
        "def refuse(*_): raise AssertionError('network')\n"
        "socket.socket.connect = refuse\n"
        "from analyzers.adversarial.text import warm_up\n"
        "before = dict(os.environ)\n"
        "warm_up()\n"
        "assert 'textattack' in sys.modules\n"
        "assert threading.active_count() == 1\n"
        "assert 'TA_CACHE_DIR' not in os.environ\n"
    )
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    environment = {"PATH": os.environ["PATH"], "TMPDIR": str(scratch), "HOME": "/nonexistent"}

    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], cwd=ROOT, env=environment,
        capture_output=True, text=True,
    )  # fmt: skip

    assert run.returncode == 0, run.stderr[-2000:]
    assert list(scratch.iterdir()) == []


def test_a_text_model_without_scores_is_attacked_by_its_answers():
    bench = reviews_bench()
    silent = EstimatorModel(review_model().native)
    mute = Workbench(**{**vars(bench), "model": silent})
    assert Capability.PREDICT_PROBA not in silent.capabilities

    measured = ANALYZER.measure(mute, AdversarialParams(rows=12))

    assert measured.facts["attacker_sees"] == "labels only"
    assert measured.estimates["attack_success_rate"].value > 0
    for example in measured.tables["text_examples"].to_pylist():
        answer = bench.subject.classes[silent.predict([example["adversarial"]])[0]]
        assert answer == example["after"] != example["before"]


def _no_policy():
    from analyzers.core.policy import Policy

    return Policy(name="none", version="1", title="No limits", as_of="2026-01-01")
