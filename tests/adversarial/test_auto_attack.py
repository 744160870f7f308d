"""The ensemble's attacks against exact answers, against ART's, and against one another."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from analyzers.adversarial import ANALYZER, AdversarialParams
from analyzers.adversarial.aim import Aim
from analyzers.adversarial.auto_pgd import self_stepping, towards_each_class
from analyzers.adversarial.ddn import shorten
from analyzers.adversarial.decision import walk_boundary
from analyzers.adversarial.fab import nearest_boundary, plane_step
from analyzers.adversarial.foresight import FORESIGHT
from analyzers.adversarial.gradient import many_steps
from analyzers.adversarial.losses import cross_entropy, difference_ratio
from analyzers.adversarial.network import Network, to_pictures, to_tensor
from analyzers.adversarial.pixels import size_of
from analyzers.adversarial.square import random_squares
from tests.adversarial.benches import (
    BlindModel,
    TorchModel,
    digit_network,
    digits,
    digits_bench,
)

NORMS = ("L-inf", "L2")


def plane(n_rows: int = 25, seed: int = 0) -> tuple[TorchModel, np.ndarray, Aim, np.ndarray]:
    """Pictures before a plane, far from black and white, and their exact signed margins."""
    rng = np.random.default_rng(seed)
    weights = rng.standard_normal((4, 5, 2)).astype(np.float32)
    pictures = rng.uniform(0.45, 0.55, (n_rows, 4, 5, 2)).astype(np.float32)
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(40, 2)).double()
    flat = torch.from_numpy(weights.transpose(2, 0, 1).reshape(40)).double()
    with torch.no_grad():
        network[1].weight[:] = torch.stack([-flat, flat])
        network[1].bias[:] = torch.stack([0.5 * flat.sum(), -0.5 * flat.sum()])
    network = network.float()
    margins = (pictures.astype(np.float64) - 0.5).reshape(n_rows, -1) @ weights.reshape(-1)
    exact = np.abs(margins)
    model = TorchModel(network)
    return model, pictures, Aim(model.predict(pictures)), exact / _dual(weights)


def _dual(weights: np.ndarray) -> np.ndarray:
    flat = weights.reshape(-1).astype(np.float64)
    # Root mean square over the pixels, as everywhere outside the tensors.
    return np.array([np.abs(flat).sum(), np.linalg.norm(flat) * np.sqrt(flat.size)])[:, None]


@pytest.mark.parametrize("norm", NORMS)
def test_searches_for_the_nearest_find_the_exact_distance_to_a_plane(norm):
    model, pictures, aim, exact = plane()
    network, distance = Network(model, pictures), exact[NORMS.index(norm)]

    found = [nearest_boundary(network, pictures, aim, norm, steps=10)]
    if norm == "L2":
        found.append(shorten(network, pictures, aim, steps=200))

    for reached in found:
        assert reached.is_broken.all()
        assert (model.predict(reached.pictures) != aim.codes).all()
        ratio = size_of(reached.pictures, pictures, norm) / distance
        assert (ratio >= 1 - 1e-3).all(), "nearer than possible"
        assert np.quantile(ratio, 0.9) <= 1.06


@pytest.mark.parametrize("norm", NORMS)
def test_gradient_attacks_break_all_that_is_in_reach_and_nothing_else(norm):
    model, pictures, aim, exact = plane()
    network, distance = Network(model, pictures), exact[NORMS.index(norm)]
    size = float(np.median(distance))
    rng = np.random.default_rng(0)

    for reached in (
        many_steps(network, pictures, aim, size, norm, steps=20, restarts=1, rng=rng),
        self_stepping(network, pictures, aim, size, norm, loss=cross_entropy, steps=30, rng=rng),
        self_stepping(network, pictures, aim, size, norm, loss=difference_ratio, steps=30,
                      rng=rng),
        towards_each_class(network, pictures, aim, size, norm, steps=30, rng=rng),
    ):  # fmt: skip
        assert (size_of(reached.pictures, pictures, norm) <= size).all()
        assert reached.is_broken[distance < 0.98 * size].all()
        assert not reached.is_broken[distance > size].any()
        assert (aim.is_reached(model.predict(reached.pictures)) == reached.is_broken).all()


@given(seed=st.integers(0, 10_000), share=st.floats(0.01, 1.3))
@settings(max_examples=40, deadline=None)
def test_the_step_onto_a_plane_is_the_smallest_there_is(seed, share):
    rng = np.random.default_rng(seed)
    slope = rng.standard_normal(6) * (rng.random(6) < 0.8)
    point = rng.random(6)
    room = np.where(slope > 0, 1 - point, point)
    most = float(np.abs(slope) @ room)
    missing = share * most

    for norm in NORMS:
        at, up = (torch.from_numpy(part).reshape(1, 1, 2, 3) for part in (point, slope))
        step = plane_step(at, up, torch.tensor([missing]), norm).numpy().ravel()
        moved = point + step
        assert moved.min() >= -1e-9
        assert moved.max() <= 1 + 1e-9
        # float32 weighs the wanted rise; more than the box allows goes all the way.
        np.testing.assert_allclose(slope @ step, min(missing, most), rtol=1e-5, atol=1e-6)
        if norm == "L-inf" and 0 < share < 1 and most > 0:
            solved = linprog(
                [0] * 6 + [1],
                A_ub=np.vstack([np.c_[np.eye(6), -np.ones(6)], np.c_[-np.eye(6), -np.ones(6)]]),
                b_ub=np.zeros(12), A_eq=[[*slope, 0]], b_eq=[missing],
                bounds=[*zip(-point, 1 - point, strict=True), (0, None)],
            )  # fmt: skip
            assert np.abs(step).max() <= solved.fun + 1e-5


def fixed_network() -> Any:
    """A network whose weights every machine draws alike; it was never trained."""
    rng = np.random.default_rng(20260101)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(1, 6, 3, padding=1), torch.nn.ReLU(), torch.nn.Flatten(),
        torch.nn.Linear(384, 5),
    )  # fmt: skip
    with torch.no_grad():
        for weights in network.parameters():
            scale = 1 / np.sqrt(weights[0].numel())
            drawn = rng.standard_normal(tuple(weights.shape)) * scale
            weights[:] = torch.from_numpy(drawn.astype(np.float32))
        # No class is ahead of the others on average, so that there is something to lose.
        pictures = torch.from_numpy(digits()[0][:200].transpose(0, 3, 1, 2).copy())
        network[3].bias[:] -= network(pictures).mean(dim=0)
    return network.eval()


# ART 1.20.1 (ProjectedGradientDescentPyTorch, eps_step 2.5 eps / 40, 40 steps, no random start) on
# the network above and the first 200 digits of scikit-learn, on 2026-11-23: share of the network's
# own answers that stand.
ART_STANDS = {
    ("L-inf", 0.02): 0.655, ("L-inf", 0.05): 0.305, ("L2", 0.02): 0.525, ("L2", 0.05): 0.12,
}  # fmt: skip


@pytest.mark.parametrize(("norm", "size"), list(ART_STANDS))
def test_projected_gradient_descent_leaves_what_art_leaves(norm, size):
    model, pictures = TorchModel(fixed_network()), digits()[0][:200]
    aim = Aim(model.predict(pictures))

    reached = many_steps(
        Network(model, pictures), pictures, aim, size, norm, steps=40, restarts=1,
        rng=np.random.default_rng(0),
    )  # fmt: skip

    assert 1 - reached.is_broken.mean() == pytest.approx(ART_STANDS[norm, size], abs=0.0051)


@pytest.mark.parametrize(("norm", "size"), [("L-inf", 0.1), ("L2", 0.06)])
def test_on_the_digits_network_art_leaves_the_same(norm, size):
    art = pytest.importorskip("art.attacks.evasion", reason="ART is an extra of the benchmarks")
    from art.estimators.classification import PyTorchClassifier

    network = digit_network()
    pictures, labels = (part[1000:1150] for part in digits())
    classifier = PyTorchClassifier(
        network, torch.nn.CrossEntropyLoss(), (1, 8, 8), 10, clip_values=(0, 1), device_type="cpu"
    )
    reach = size if norm == "L-inf" else size * 8
    attack = art.ProjectedGradientDescentPyTorch(
        classifier, norm=np.inf if norm == "L-inf" else 2, eps=reach, eps_step=reach / 16,
        max_iter=40, num_random_init=0, batch_size=150, verbose=False,
    )  # fmt: skip
    theirs = attack.generate(pictures.transpose(0, 3, 1, 2).copy(), np.eye(10)[labels])
    stands = (classifier.predict(theirs).argmax(axis=1) == labels).mean()

    reached = many_steps(
        Network(TorchModel(network), pictures), pictures, Aim(labels), size, norm, steps=40,
        restarts=1, rng=np.random.default_rng(0),
    )  # fmt: skip

    assert 1 - reached.is_broken.mean() == pytest.approx(stands, abs=0.0067)


def test_the_ratio_is_blind_to_scale_and_shift_of_the_logits():
    logits = torch.from_numpy(np.random.default_rng(0).standard_normal((20, 6)))
    codes = logits.argmax(dim=1)
    wanted = (codes + 1) % 6

    for goal in (None, wanted):
        plain = difference_ratio(logits, codes, goal)
        np.testing.assert_allclose(plain, difference_ratio(1000 * logits + 7, codes, goal))
        assert (plain <= 0).all()
    assert torch.isfinite(difference_ratio(logits[:, :2], codes.clamp(max=1), None)).all()


@pytest.mark.parametrize("norm", NORMS)
def test_squares_keep_to_the_budget_and_more_questions_break_no_less(norm):
    pictures, labels = (part[1000:1060] for part in digits())
    model, size = BlindModel(digit_network()), 0.12
    aim = Aim(labels).take(np.flatnonzero(model.predict(pictures) == labels))
    pictures = pictures[model.predict(pictures) == labels]

    few, many = (
        random_squares(model, pictures, aim, size, norm, queries=n, rng=np.random.default_rng(0))
        for n in (20, 400)
    )

    for reached in (few, many):
        assert (size_of(reached.pictures, pictures, norm) <= size).all()
        assert reached.pictures.min() >= 0
        assert reached.pictures.max() <= 1
        assert (aim.is_reached(model.predict(reached.pictures)) == reached.is_broken).all()
    assert many.is_broken.sum() >= few.is_broken.sum() + 5


@pytest.mark.parametrize("norm", NORMS)
def test_answers_alone_find_a_plane(norm):
    model, pictures, aim, exact = plane(n_rows=8)
    pool = np.concatenate([1 - pictures, pictures])

    walked = walk_boundary(
        model, pictures, aim, norm, pool=pool, pool_answers=model.predict(pool), queries=4000,
        rng=np.random.default_rng(0),
    )  # fmt: skip

    ratio = size_of(walked.broken.pictures, pictures, norm) / exact[NORMS.index(norm)]
    assert walked.broken.is_broken.all()
    assert (model.predict(walked.broken.pictures) != aim.codes).all()
    assert (ratio >= 1 - 1e-3).all()
    assert np.median(ratio) <= (1.1 if norm == "L2" else 1.5)
    assert (walked.queries <= 4000 + 60).all()


def test_the_ensemble_runs_each_attack_on_what_the_others_left():
    params = AdversarialParams(
        rows=60, image_attack="AutoAttack plus (all attacks)", queries=60, corruptions=False
    )
    measured = ANALYZER.measure(digits_bench(), params)
    plain = ANALYZER.measure(digits_bench(), AdversarialParams(rows=60, corruptions=False))

    lines = measured.tables["attacks"].to_pylist()
    assert [line["attack"] for line in lines] == [
        "PGD", "APGD, cross-entropy", "APGD, difference of logits ratio",
        "APGD, towards each class", "FAB", "Square",
    ]  # fmt: skip
    for before, after in pairwise(lines):
        assert after["n_tried"] == before["n_tried"] - before["n_broken"]
        assert after["robust_accuracy"] <= before["robust_accuracy"]
    worst = measured.estimates["robust_accuracy"].value
    assert worst <= lines[-1]["robust_accuracy"] + 1e-9
    assert worst <= plain.estimates["robust_accuracy"].value


def test_only_the_wanted_answer_counts_where_one_is_named():
    bench = digits_bench(n_rows=80)
    ways = (
        {"image_attack": "FGSM and PGD"}, {"image_attack": "AutoAttack (four attacks)"},
        {"knowledge": "labels only"}, {"knowledge": "scores"},
    )  # fmt: skip
    for way in ways:
        measured = ANALYZER.measure(
            bench,
            AdversarialParams(
                rows=40, wanted="3", epsilon=0.25, corruptions=False, queries=60, **way
            ),
        )  # fmt: skip
        rows = measured.tables["rows"].to_pandas()
        assert "3" not in set(rows["true"])
        assert set(rows["after"].dropna()) == {"3"}
        assert rows["within_budget"].sum() >= 3
        headline = ANALYZER.judge(measured, _no_policy())[0].headline
        assert "'3'" in headline
        statements = " ".join(measured.tables["threat_model"]["statement"].to_pylist())
        assert "targeted: the answer '3'" in statements
        assert "untargeted" not in statements


@pytest.mark.parametrize(
    ("knowledge", "access", "attacks"),
    [
        ("as fits the data", "White-box", ["PGD"]),
        ("whole model", "White-box", ["PGD"]),
        ("scores", "Black-box", ["Square"]),
        ("labels only", "Black-box", ["HopSkipJump"]),
    ],
)
def test_the_attacker_uses_what_it_is_said_to_know(knowledge, access, attacks):
    params = AdversarialParams(rows=20, corruptions=False, queries=60, knowledge=knowledge)
    bench = digits_bench(n_rows=40)

    measured = ANALYZER.measure(bench, params)

    assert [line["attack"] for line in measured.tables["attacks"].to_pylist()] == attacks
    foretold = FORESIGHT.measure(bench, params).tables["threat_model"].to_pylist()
    for stated in (measured.tables["threat_model"].to_pylist(), foretold):
        said = {line["aspect"]: line["statement"] for line in stated}
        assert said["Attacker's knowledge"].startswith(access)
    flipped = set(measured.tables["rows"].to_pandas()["found_by"].dropna())
    assert flipped <= {*attacks, "random change"}


def _no_policy() -> Any:
    from analyzers.core.policy import Policy

    return Policy(name="none", version="1", title="None", as_of="2026-01-01")


def test_tensors_keep_the_layout_of_pictures():
    pictures = np.random.default_rng(0).random((3, 4, 5, 2), dtype=np.float32)

    np.testing.assert_array_equal(to_pictures(to_tensor(pictures)), pictures)
    assert to_tensor(pictures).shape == (3, 2, 4, 5)
