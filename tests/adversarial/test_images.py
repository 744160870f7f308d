"""Pictures: known distances are found, hidden gradients are noticed."""

from typing import Any

import numpy as np
import pytest
import torch

from analyzers.adversarial import ANALYZER, AdversarialParams
from analyzers.adversarial.aim import Aim
from analyzers.adversarial.gradient import many_steps, one_step
from analyzers.adversarial.network import Network
from analyzers.adversarial.pixels import pull_back, random_pictures, size_of
from analyzers.adversarial.square import random_squares
from analyzers.core.finding import Threshold, Verdict
from analyzers.core.policy import Policy
from tests.adversarial.benches import (
    AnsweringModel,
    BlindModel,
    MaskedModel,
    TorchModel,
    digit_network,
    digits,
    digits_bench,
    picture_bench,
)

QUICK = {"rows": 40, "steps": 10, "queries": 60}


def plane_pictures() -> tuple[Any, np.ndarray, np.ndarray, np.ndarray]:
    """Mid-grey pictures before a plane; two classes, so the distance is known."""
    rng = np.random.default_rng(0)
    weights = rng.standard_normal((4, 5, 1)).astype(np.float32)
    pictures = rng.uniform(0.42, 0.58, (30, 4, 5, 1)).astype(np.float32)
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(20, 2))
    with torch.no_grad():
        flat = torch.from_numpy(weights.transpose(2, 0, 1).reshape(20))
        network[1].weight[:] = torch.stack([-flat, flat])
        middle = 0.5 * float(flat.sum())
        network[1].bias[:] = torch.tensor([middle, -middle])
    margins = (pictures - 0.5).reshape(30, -1) @ weights.reshape(-1)
    return TorchModel(network), pictures, margins, weights.reshape(-1)


@pytest.mark.parametrize("norm", ["L-inf", "L2"])
def test_the_distance_to_a_plane_is_found_and_no_reachable_flip_is_missed(norm):
    model, pictures, margins, weights = plane_pictures()
    labels = (margins > 0).astype(np.int64)
    bench = picture_bench(model, pictures, labels, n_classes=2)

    rows = ANALYZER.measure(bench, AdversarialParams(rows=30, epsilon=0.2, norm=norm))
    table = rows.tables["rows"].to_pandas()

    length = np.abs(weights).sum() if norm == "L-inf" else np.linalg.norm(weights) * np.sqrt(20)
    exact = (np.abs(margins) / length)[table["row"]]
    assert table["size"].notna().all()
    assert (table["size"] >= exact * (1 - 1e-3)).all(), "nearer than possible"
    # Sizes are read off a line in 256 parts of the allowed change.
    resolution = 0.4 / 256
    assert np.median(table["size"] - exact) <= resolution / 10
    for size in rows.tables["curve"]["size"].to_pylist():
        reachable = exact <= 0.98 * size
        assert (table["size"][reachable] <= size).all(), f"missed at {size}"


@pytest.mark.parametrize("norm", ["L-inf", "L2"])
def test_attacks_and_noise_keep_to_the_budget_and_to_black_and_white(norm):
    bench = digits_bench(n_rows=30)
    pictures, aim = bench.data.images, Aim(np.asarray(bench.data.labels))
    network = Network(bench.model, pictures)
    rng = np.random.default_rng(0)

    made = [
        one_step(network, pictures, aim, 0.15, norm).pictures,
        many_steps(
            network, pictures, aim, 0.15, norm, steps=6, restarts=2, rng=rng
        ).pictures,
        random_pictures(pictures, 0.15, norm, rng),
        pull_back(pictures + 5, pictures, 0.15, norm),
    ]  # fmt: skip

    for changed in made:
        assert (size_of(changed, pictures, norm) <= 0.15 + 1e-5).all()
        assert changed.min() >= 0
        assert changed.max() <= 1


def test_on_digits_the_order_of_strength_is_as_it_must_be():
    measured = ANALYZER.measure(digits_bench(), AdversarialParams(**QUICK))

    curve = measured.tables["curve"].to_pandas()
    assert curve["robust_accuracy"].is_monotonic_decreasing
    assert (curve["robust_accuracy"] <= curve["noise_accuracy"]).all()
    assert measured.estimates["checks_failed"].value == 0
    assert measured.estimates["gap_to_noise"].low > 0.1
    assert len(measured.tables["checks"]) == 7


def test_every_kept_picture_flips_and_keeps_to_the_budget():
    bench = digits_bench()
    measured = ANALYZER.measure(bench, AdversarialParams(**QUICK, examples=8))

    examples = measured.tables["image_examples"].to_pylist()
    assert examples
    for example in examples:
        shape = (1, example["height"], example["width"], example["channels"])
        original = np.array(example["original"], dtype=np.float32).reshape(shape)
        changed = np.array(example["adversarial"], dtype=np.float32).reshape(shape)
        assert np.array_equal(original, bench.data.images[[example["row"]]])
        assert str(bench.need_model().predict(changed)[0]) == example["after"] != example["true"]
        assert np.abs(changed - original).max() <= 0.1 + 1e-6
        np.testing.assert_allclose(
            np.array(example["difference"]).reshape(shape), changed - original, atol=1e-6
        )


def test_same_seed_same_pictures_and_row_order_does_not_matter():
    bench = digits_bench(n_rows=50)
    order = np.random.default_rng(1).permutation(50)
    shuffled = picture_bench(
        bench.model, bench.data.images[order], np.asarray(bench.data.labels)[order], n_classes=10
    )
    params = AdversarialParams(rows=30, steps=6, queries=40)

    first, again, other = (
        ANALYZER.measure(each, params) for each in (bench, digits_bench(n_rows=50), shuffled)
    )

    assert first.tables["image_examples"].equals(again.tables["image_examples"])
    for name, estimate in first.estimates.items():
        assert other.estimates[name].value == pytest.approx(estimate.value, abs=1e-6), name


def test_hidden_gradients_are_noticed_and_nothing_passes():
    bench = digits_bench(MaskedModel(digit_network()))
    generous = Policy(
        name="generous", version="1", title="Generous", as_of="2026-01-01",
        thresholds=(
            Threshold(indicator="adversarial.robust_accuracy", direction="at_least", warn=0.0),
        ),
    )  # fmt: skip

    measured = ANALYZER.measure(bench, AdversarialParams(rows=40, steps=4, queries=150))
    findings = {item.indicator: item for item in ANALYZER.judge(measured, generous)}

    assert measured.estimates["checks_failed"].value >= 2
    assert findings["adversarial.checks_failed"].verdict == Verdict.WARN
    assert findings["adversarial.robust_accuracy"].verdict == Verdict.INCONCLUSIVE
    assert any("not to be believed" in chart.title for chart in ANALYZER.draw(measured))


def test_without_gradients_random_squares_do_better_than_noise():
    bench = digits_bench(BlindModel(digit_network()))

    measured = ANALYZER.measure(bench, AdversarialParams(rows=30, queries=120))

    assert measured.facts["attack"] == "random squares"
    assert measured.estimates["gap_to_noise"].value > 0.05
    # There are no gradients to check; the scores must leave something to climb.
    assert measured.tables["checks"]["check"].to_pylist() == ["Scores leave something to climb"]
    assert measured.estimates["checks_failed"].value == 0


def test_scores_that_are_exactly_zero_are_not_taken_for_robustness():
    class Certain(BlindModel):
        """Scores without a trace of the other classes."""

        def predict_proba(self, inputs):
            return np.eye(10)[super().predict_proba(inputs).argmax(axis=1)]

    measured = ANALYZER.measure(
        digits_bench(Certain(digit_network())), AdversarialParams(rows=30, queries=60)
    )

    assert measured.estimates["checks_failed"].value == 1
    (check,) = measured.tables["checks"].to_pylist()
    assert "answers only" in check["explanation"]


def test_squares_on_a_network_are_not_blinded_by_certain_scores():
    model = TorchModel(digit_network())
    louder = TorchModel(Louder(digit_network()))
    pictures, codes = digits()
    right = np.flatnonzero(model.predict(pictures) == codes)[:60]
    pictures, aim = pictures[right], Aim(codes[right])

    def left(which):
        network = Network(which, pictures)
        return int((~random_squares(
            which, pictures, aim, 0.1, "L-inf", queries=200, rng=np.random.default_rng(0),
            network=network,
        ).is_broken).sum())  # fmt: skip

    assert left(louder) == left(model) < 60


class Louder(torch.nn.Module):
    """The same answers with logits a thousand times as large."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, given):
        return 1000 * self.network(given)


def test_random_changes_are_as_large_as_is_said():
    pictures, _ = digits()
    for size in (0.1, 0.3):
        drawn = random_pictures(pictures[:50], size, "L2", np.random.default_rng(0))

        assert size_of(drawn, pictures[:50], "L2") == pytest.approx(np.full(50, size), rel=1e-3)
        assert drawn.min() >= 0
        assert drawn.max() <= 1


def test_it_is_counted_how_many_survive_saving():
    bench = digits_bench()
    measured = ANALYZER.measure(bench, AdversarialParams(rows=40, corruptions=False, examples=500))

    examples = measured.tables["image_examples"].to_pylist()
    survives = measured.estimates["survives_saving"]
    assert survives.n == len(examples)
    assert survives.value == np.mean([row["survives_saving"] for row in examples])


def test_answers_alone_are_enough_to_attack():
    bench = digits_bench(AnsweringModel(digit_network()), n_rows=60)

    measured = ANALYZER.measure(bench, AdversarialParams(rows=20, epsilon=0.15))

    assert measured.facts["attack"] == "HopSkipJump, answers only"
    assert measured.estimates["gap_to_noise"].value > 0.2
    assert set(measured.tables["rows"]["found_by"].to_pylist()) <= {"HopSkipJump", "random change"}
    assert measured.tables["attack_steps"].num_rows
    statements = " ".join(measured.tables["threat_model"]["statement"].to_pylist())
    assert "nothing but the model's answers" in statements


def test_a_picture_of_one_pixel_is_attacked_like_any_other():
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(1, 2))
    with torch.no_grad():
        network[1].weight[:] = torch.tensor([[-1.0], [1.0]])
        network[1].bias[:] = torch.tensor([0.5, -0.5])
    pictures = np.linspace(0.41, 0.6, 20, dtype=np.float32).reshape(-1, 1, 1, 1)
    labels = (pictures.ravel() > 0.5).astype(np.int64)
    bench = picture_bench(TorchModel(network), pictures, labels, n_classes=2)

    measured = ANALYZER.measure(bench, AdversarialParams(rows=20, epsilon=0.12, queries=20))

    assert measured.estimates["robust_accuracy"].value == 0
