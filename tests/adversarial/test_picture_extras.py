"""Few pixels, patches, damage, certificates, groups, and models that hide or hold nothing."""

import io
import json
import zipfile
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from analyzers.adversarial import ANALYZER, AdversarialParams
from analyzers.adversarial.aim import Aim
from analyzers.adversarial.bundle import bundle_pictures
from analyzers.adversarial.corruptions import CORRUPTIONS, SEVERITIES, corrupt
from analyzers.adversarial.few_pixels import each_pixel, is_small, some_pixels
from analyzers.adversarial.foresight import FORESIGHT
from analyzers.adversarial.network import Network
from analyzers.adversarial.patch import paint_by_chance, paint_by_gradient, side_of
from analyzers.adversarial.pictures import enlarged, magnified
from analyzers.adversarial.smoothing import ABSTAINS, certify, lowest_share
from analyzers.core.errors import InvalidParameter, UnsuitableSubject
from analyzers.core.finding import Verdict
from analyzers.core.policy import Policy
from analyzers.toolkit.intervals import clopper_pearson
from tests.adversarial.benches import (
    BlindModel,
    MaskedModel,
    SaturatedModel,
    TorchModel,
    WaveringModel,
    digit_network,
    digits,
    digits_bench,
    picture_bench,
)


def right_digits(n_rows: int = 40) -> tuple[BlindModel, np.ndarray, Aim]:
    model = BlindModel(digit_network())
    pictures, labels = (part[1000 : 1000 + n_rows] for part in digits())
    is_right = model.predict(pictures) == labels
    return model, pictures[is_right], Aim(labels[is_right])


def test_one_pixel_in_full_is_what_trying_them_by_hand_gives():
    model, pictures, aim = right_digits(12)

    reached = each_pixel(model, pictures, aim)

    by_hand = np.zeros(len(pictures), dtype=bool)
    for y, x, ink in product(range(8), range(8), (0.0, 1.0)):
        tried = pictures.copy()
        tried[:, y, x] = ink
        by_hand |= model.predict(tried) != aim.codes
    assert 0 < by_hand.sum() < len(by_hand)
    np.testing.assert_array_equal(reached.is_broken, by_hand)
    touched = (reached.pictures != pictures).any(axis=3).reshape(len(pictures), -1).sum(axis=1)
    assert (touched[by_hand] == 1).all()
    assert is_small((8, 8, 1), 128)
    assert not is_small((8, 8, 1), 127)


@given(pixels=st.integers(1, 70), seed=st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_no_more_pixels_change_than_allowed_and_only_to_corners_of_the_colours(pixels, seed):
    model, pictures, aim = right_digits(8)

    reached = some_pixels(
        model, pictures, aim, pixels=pixels, queries=12, rng=np.random.default_rng(seed)
    )

    changed = reached.pictures != pictures
    assert (changed.any(axis=3).reshape(len(pictures), -1).sum(axis=1) <= pixels).all()
    assert set(np.unique(reached.pictures[changed])) <= {0.0, 1.0}
    assert (aim.is_reached(model.predict(reached.pictures)) == reached.is_broken).all()


@pytest.mark.parametrize("way", ["gradient", "chance"])
def test_a_patch_stays_in_one_square_and_breaks_what_it_says(way):
    model, pictures, aim = right_digits()
    rng = np.random.default_rng(0)

    if way == "gradient":
        network = Network(TorchModel(digit_network()), pictures)
        reached = paint_by_gradient(network, pictures, aim, side=3, steps=20, rng=rng)
    else:
        reached = paint_by_chance(model, pictures, aim, side=3, queries=150, rng=rng)

    assert reached.is_broken.mean() > 0.4
    assert (aim.is_reached(model.predict(reached.pictures)) == reached.is_broken).all()
    for picture, original in zip(reached.pictures, pictures, strict=True):
        ys, xs = np.nonzero((picture != original).any(axis=2))
        if len(ys):
            assert np.ptp(ys) < 3
            assert np.ptp(xs) < 3


@given(share=st.floats(0.001, 0.5), height=st.integers(1, 300), width=st.integers(1, 300))
def test_a_patch_is_the_largest_square_that_is_allowed(share, height, width):
    allowed = share * height * width
    if allowed < 1 - 1e-9:
        with pytest.raises(InvalidParameter, match="at least one pixel"):
            side_of(share, height, width)
        return
    side = side_of(share, height, width)
    assert 1 <= side <= min(height, width)
    assert side**2 <= allowed + 1e-6
    assert (side + 1) ** 2 > allowed - 1e-6 or side == min(height, width)


@pytest.mark.parametrize("corruption", CORRUPTIONS, ids=lambda item: item.name)
def test_damage_keeps_shape_and_range_and_grows_with_severity(corruption):
    smooth = np.linspace(0.1, 0.9, 16)
    grey = np.broadcast_to((smooth[:, None] * smooth[None, :])[None, :, :, None], (12, 16, 16, 1))
    wave = 0.25 * np.sin(np.arange(16))[None, None, :, None]
    pictures = np.clip(grey + wave, 0, 1).astype(np.float32)

    far = [
        float(np.abs(corrupt(corruption, pictures, severity, np.random.default_rng(0)) - pictures)
              .mean())
        for severity in SEVERITIES
    ]  # fmt: skip

    assert far[0] > 0
    assert far[-1] > 1.3 * far[0]
    assert (np.diff(far) > -0.25 * far[-1]).all()
    for shape in ((2, 1, 1, 1), (2, 5, 9, 3), (1, 7, 4, 2)):
        odd = np.random.default_rng(1).random(shape, dtype=np.float32)
        damaged = corrupt(corruption, odd, 5, np.random.default_rng(0))
        assert damaged.shape == shape
        assert damaged.dtype == np.float32
        assert np.isfinite(damaged).all()
        assert damaged.min() >= 0
        assert damaged.max() <= 1


class HalfSpace:
    """A plane before pictures; its certified radius under Gaussian noise is its distance."""

    kind, native, capabilities = "a plane", None, frozenset()

    def __init__(self, weights: np.ndarray) -> None:
        self.weights = weights

    def distance(self, pictures: np.ndarray) -> np.ndarray:
        flat = np.asarray(pictures, dtype=np.float64).reshape(len(pictures), -1) - 0.5
        return flat @ self.weights / np.linalg.norm(self.weights)

    def predict(self, pictures: np.ndarray) -> np.ndarray:
        return (self.distance(pictures) > 0).astype(np.int64)


def test_the_certificate_of_a_plane_comes_near_its_distance_and_never_beyond():
    rng = np.random.default_rng(0)
    model = HalfSpace(rng.standard_normal(12))
    pictures = rng.random((40, 2, 3, 2), dtype=np.float32)
    distance = np.abs(model.distance(pictures))
    noise, n = 0.5, 20_000

    proven = certify(model, pictures, n_classes=2, noise=noise, n=n, level=0.001, rng=rng)

    # One in a thousand may be wrong; with this seed none is.
    assert (proven.radii <= distance).all()
    is_clear = distance > 0.2
    assert (proven.answers[is_clear] == model.predict(pictures)[is_clear]).all()
    expected = [
        noise * stats.norm.ppf(lowest_share(round(n * stats.norm.cdf(d / noise)), n, 0.001))
        for d in distance[is_clear]
    ]
    np.testing.assert_allclose(proven.radii[is_clear], expected, atol=0.02)


def test_a_picture_on_the_boundary_is_not_answered():
    model = HalfSpace(np.ones(4))
    middle = np.full((1, 2, 2, 1), 0.5, dtype=np.float32)

    proven = certify(
        model, middle, n_classes=2, noise=0.3, n=500, level=0.001, rng=np.random.default_rng(1)
    )

    assert proven.answers[0] == ABSTAINS
    assert proven.radii[0] == 0


@given(n=st.integers(1, 5000), share=st.floats(0, 1))
def test_the_one_sided_bound_is_the_lower_end_of_the_exact_interval(n, share):
    successes = round(share * n)
    # A two-sided interval at 1 - 2 alpha has the one-sided bound at alpha as its lower end.
    assert lowest_share(successes, n, 0.001) == pytest.approx(
        clopper_pearson(successes, n, confidence=1 - 0.002).low, abs=1e-12
    )


def test_everything_that_can_be_switched_on_is_in_the_result_and_drawn():
    bench = digits_bench(n_rows=60)
    params = AdversarialParams(
        rows=40, steps=6, queries=40, pixels=3, patch=0.1, certify=60, certify_noise=0.5,
        epsilon=0.05, nearest=True,
    )  # fmt: skip

    measured = ANALYZER.measure(bench, params)

    kinds = [row["budget"] for row in measured.tables["other_budgets"].to_pylist()]
    assert kinds == ["1 pixel", "2 pixels", "3 pixels", "square of 2 x 2 pixels"]
    left = measured.tables["other_budgets"]["robust_accuracy"].to_pylist()
    assert left[0] >= left[1] >= left[2]
    assert len(measured.tables["corruptions"]) == len(CORRUPTIONS) * len(SEVERITIES)
    certified = measured.tables["certified"]["certified_accuracy"].to_pylist()
    assert certified == sorted(certified, reverse=True)
    assert measured.estimates["certified_accuracy"].value is not None
    drawn = {chart.name for chart in ANALYZER.draw(measured)}
    assert drawn >= {
        "attacks", "by_group", "corruptions", "certified", "other_budgets", "attack_steps",
    }  # fmt: skip
    judged = {item.indicator for item in ANALYZER.judge(measured, _no_policy())}
    assert judged >= {"adversarial.corrupted_accuracy", "adversarial.smoothed_accuracy"}
    # The worst that pixels and a patch can do is a finding and not in a chart alone.
    said = {item.indicator: item for item in ANALYZER.judge(measured, _no_policy())}
    for name, last, words in (
        ("pixels_accuracy", 2, "When 3 pixels may take any colour"),
        ("patch_accuracy", 3, "When a square of 2 x 2 pixels (6.2% of a picture) may be painted"),
    ):
        found = said[f"adversarial.{name}"]
        assert found.estimate.value == left[last]
        assert found.estimate.low < found.estimate.value < found.estimate.high or left[last] == 0
        assert words in found.headline


_FEW = (
    "Square asks up to 300 queries a picture at each size. The paper asks 5,000: with fewer, more "
    "answers stand than would."
)
_PAINTED = (
    "up to 2 pixels of any colour, with 70 queries a picture for each number. Apart from that, a "
    "patch of any colours: a square of 2 x 2 pixels (6.2% of a picture)."
)
BUDGETS = {
    "few labels": (
        {"knowledge": "labels only", "queries": 300},
        "1,000 queries a picture (HopSkipJump needs at least 1,000; 300 were set).",
    ),
    "labels": ({"knowledge": "labels only", "queries": 2000}, "2,000 queries a picture."),
    "scores": ({"knowledge": "scores", "queries": 300}, _FEW),
    "ensemble": (
        {"image_attack": "AutoAttack (four attacks)", "queries": 5000},
        "Square asks up to 5,000 queries a picture, of what the gradients left.",
    ),
    "painted": ({"pixels": 2, "patch": 0.1, "queries": 70}, _PAINTED),
}


@pytest.mark.parametrize("case", BUDGETS)
def test_the_budget_names_its_questions(case):
    chosen, statement = BUDGETS[case]

    stated = FORESIGHT.measure(digits_bench(n_rows=20), AdversarialParams(**chosen))

    said = {line["aspect"]: line["statement"] for line in stated.tables["threat_model"].to_pylist()}
    assert said["Budget"].endswith(statement)
    # Gradients alone ask the model nothing.
    assert ("query access" in said["Attacker's capability"]) == (case != "painted")


def test_groups_add_up_to_the_whole():
    measured = ANALYZER.measure(digits_bench(), AdversarialParams(rows=60, corruptions=False))

    groups = measured.tables["by_group"].to_pandas()
    whole = measured.estimates["robust_accuracy"]
    assert groups["n"].sum() == whole.n
    assert (groups["robust_accuracy"] * groups["n"]).sum() == pytest.approx(whole.value * whole.n)
    assert (groups["low"] <= groups["robust_accuracy"]).all()
    assert (groups["robust_accuracy"] <= groups["high"]).all()


def test_the_steps_end_where_the_attack_went():
    measured = ANALYZER.measure(
        digits_bench(), AdversarialParams(rows=40, steps=8, corruptions=False, examples=5)
    )

    steps = measured.tables["attack_steps"].to_pandas()
    examples = measured.tables["image_examples"].to_pandas().set_index("example")
    assert set(steps["example"]) == set(examples.index)
    for example, part in steps.groupby("example"):
        assert part["step"].tolist() == list(range(9))
        np.testing.assert_array_equal(part["picture"].iloc[0], examples["original"][example])
        assert part["size"].iloc[0] == 0
        assert part["size"].max() <= 0.1 + 1e-9
        assert part["score_before"].iloc[-1] < part["score_before"].iloc[0]


def test_the_bundle_holds_exact_values_and_where_they_come_from():
    bench = digits_bench()
    params = AdversarialParams(rows=40, steps=8, corruptions=False, examples=4)
    measured = ANALYZER.measure(bench, params)

    made = [bundle_pictures(measured, bench.subject, params.model_dump()) for _ in range(2)]

    assert made[0] == made[1]
    archive = zipfile.ZipFile(io.BytesIO(made[0]))
    exact = np.load(io.BytesIO(archive.read("pictures.npz")))
    about = json.loads(archive.read("provenance.json"))
    answers = bench.need_model().predict(exact["adversarial"])
    assert [str(code) for code in answers] == [line["after"] for line in about["examples"]]
    assert about["data_sha256"] == bench.subject.files.data.sha256
    assert about["parameters"]["epsilon"] == 0.1
    assert sum(name.endswith(".png") for name in archive.namelist()) == 3 * len(answers)
    saved = (np.round(exact["adversarial"] * 255) / 255).astype(np.float32)
    survived = bench.need_model().predict(saved) != bench.data.labels[exact["row"]]
    assert survived.tolist() == [line["survives_saving"] for line in about["examples"]]


def test_shown_pictures_keep_every_pixel():
    for shape in ((2, 3, 1), (1, 1, 1), (2, 2, 3), (3, 2, 2)):
        values = list(np.linspace(0, 1, int(np.prod(shape))))
        made = enlarged(values, shape, 12)
        assert made.shape[:2] == (shape[0] * (12 // shape[1]), 12)
        assert made.ndim == (3 if shape[2] == 3 else 2)
    assert magnified([-0.1, 0.0, 0.05]) == pytest.approx([0.0, 0.5, 0.75])


@pytest.mark.parametrize(
    ("model", "noticed"),
    [
        (MaskedModel, "Gradients are not zero"),
        (SaturatedModel, "Gradients are not zero"),
        (WaveringModel, "The same picture gets the same answer"),
    ],
)
def test_models_that_mislead_gradients_are_caught(model, noticed):
    torch.manual_seed(0)
    measured = ANALYZER.measure(
        digits_bench(model(digit_network())),
        AdversarialParams(rows=40, steps=6, queries=150, corruptions=False),
    )

    checks = {row["check"]: row["holds"] for row in measured.tables["checks"].to_pylist()}
    assert not checks[noticed]
    finding = ANALYZER.judge(measured, _no_policy())[-1]
    assert finding.indicator == "adversarial.checks_failed"
    assert finding.verdict == Verdict.WARN
    titles = [chart.title for chart in ANALYZER.draw(measured)]
    assert any("not to be believed" in title for title in titles)


def test_the_ensemble_sees_through_a_temperature_that_fools_plain_descent():
    bench = digits_bench(SaturatedModel(digit_network()))
    kept = {"rows": 40, "steps": 6, "queries": 60, "corruptions": False}

    plain = ANALYZER.measure(bench, AdversarialParams(**kept)).tables["attacks"].to_pylist()
    whole = ANALYZER.measure(
        bench, AdversarialParams(**kept, image_attack="AutoAttack (four attacks)")
    ).tables["attacks"].to_pylist()  # fmt: skip

    assert whole[-1]["robust_accuracy"] < plain[-1]["robust_accuracy"] - 0.2


def test_one_class_one_answer_and_a_wrong_name_are_answered_with_a_sentence():
    pictures = digits()[0][:10]
    constant = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 3))
    with torch.no_grad():
        constant[1].weight[:] = 0
        constant[1].bias[:] = torch.tensor([0.0, 5.0, 0.0])
    model = TorchModel(constant)
    ones = np.ones(10, dtype=np.int64)

    with pytest.raises(UnsuitableSubject, match="answered '1' to all 10 rows"):
        ANALYZER.measure(picture_bench(model, pictures, ones, n_classes=3), AdversarialParams())
    with pytest.raises(InvalidParameter, match="name of a class"):
        ANALYZER.measure(digits_bench(), AdversarialParams(wanted="eleven"))
    only_threes = digits()[1] == 3
    threes, labels = (part[only_threes][:5] for part in digits())
    bench = picture_bench(TorchModel(digit_network()), threes, labels, n_classes=10)
    with pytest.raises(UnsuitableSubject, match="another class than '3'"):
        ANALYZER.measure(bench, AdversarialParams(wanted="3"))


def _no_policy() -> Policy:
    return Policy(name="none", version="1", title="None", as_of="2026-01-01")


def test_pictures_that_fell_to_few_pixels_or_a_patch_are_kept_and_really_fell():
    bench = digits_bench(n_rows=40)
    params = AdversarialParams(
        rows=40, pixels=2, patch=0.1, queries=60, steps=4, restarts=1, corruptions=False
    )

    measured = ANALYZER.measure(bench, params)

    painted = measured.tables["painted_examples"].to_pylist()
    assert {row["kind"] for row in painted} == {"pixels", "patch"}
    allowed = {"1 pixel": 1, "2 pixels": 2, "square of 2 x 2 pixels": 4}
    for row in painted:
        shape = (1, row["height"], row["width"], row["channels"])
        changed = np.array(row["adversarial"], dtype=np.float32).reshape(shape)
        answer = bench.subject.classes[int(bench.need_model().predict(changed)[0])]
        assert answer == row["after"] != row["before"]
        assert 0 < row["n_pixels"] <= allowed[row["budget"]]
    said = " ".join(measured.tables["threat_model"]["statement"].to_pylist())
    assert "Testing data control. Every pixel" in said
    assert "L0: up to 2 pixels of any colour" in said
