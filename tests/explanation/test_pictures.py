"""Pictures: gradients that add up, patches where there are none, overlays of both."""

import numpy as np
import pytest
import torch

from analyzers.explanation import ANALYZER, overlay_chart, picture_rows, rows_in_order
from analyzers.explanation.params import ExplanationParams
from analyzers.explanation.picture_lime import lime_of_patches, shared_lime_of
from analyzers.explanation.picture_values import patches_of
from tests.adversarial.benches import digits_bench
from tests.explanation.benches import TorchModel, picture_bench

QUICK = ExplanationParams(lime_samples=200, rows=12, sampled_rows=6)


class Corner(torch.nn.Module):
    """Looks at the mean of the upper left quarter and at nothing else."""

    def forward(self, pictures):
        side = pictures.shape[2] // 2
        mean = pictures[:, :, :side, :side].mean(dim=(1, 2, 3))
        return torch.stack([-4 * (mean - 0.6), 4 * (mean - 0.6)], dim=1)


@pytest.fixture(scope="module")
def by_gradients():
    return ANALYZER.measure(picture_bench(TorchModel(Corner())), QUICK)


def cells_of(found, row):
    table = found.tables["cells"].to_pandas()
    part = table[table["row"] == row]
    return part["phi"].to_numpy().reshape(8, 8)


def test_gradients_add_up_to_the_answer(by_gradients):
    assert by_gradients.estimates["additivity_error"].value < 1e-3
    assert "integrated gradients" in str(by_gradients.facts["explainer"])


def test_only_the_quarter_the_network_looks_at_gets_anything(by_gradients):
    for row in by_gradients.tables["cells"]["row"].unique().to_pylist():
        heat = cells_of(by_gradients, row)
        assert np.abs(heat[:4, :4]).sum() > 0.01
        outside = heat.copy()
        outside[:4, :4] = 0
        np.testing.assert_allclose(outside, 0, atol=1e-12)


def test_hiding_patches_finds_the_same_quarter():
    bench = picture_bench(TorchModel(Corner()))

    found = ANALYZER.measure(bench, QUICK.model_copy(update={"method": "model-agnostic"}))

    heat = cells_of(found, found.facts["shown_row"])
    outside = np.abs(heat).sum() - np.abs(heat[:4, :4]).sum()
    assert outside == pytest.approx(0, abs=1e-9)
    assert found.estimates["additivity_error"].value == pytest.approx(0, abs=1e-6)
    assert found.estimates["sampling_error"].value >= 0


def test_lime_finds_the_quarter_too(by_gradients):
    table = by_gradients.tables["cells"].to_pandas()
    shown = table[table["row"] == by_gradients.facts["shown_row"]]
    inside = (shown["down"] < 4) & (shown["across"] < 4)

    assert shown.loc[inside, "lime"].abs().mean() > 3 * shown.loc[~inside, "lime"].abs().mean()


def test_one_draw_for_all_pictures_gives_what_the_package_gives():
    rng = np.random.default_rng(0)
    pictures = rng.random((3, 8, 8, 1)).astype(np.float32)
    hidden, patches = np.full((8, 8, 1), 0.5, dtype=np.float32), patches_of(8, 8)

    def ask(asked):
        return 1 / (1 + np.exp(-asked[:, :4, :4, 0].sum(axis=(1, 2)) + asked[:, 0, 7, 0]))

    for seed, picture in enumerate(pictures):
        theirs = lime_of_patches(ask, picture, hidden, patches, 300, seed)
        # The package draws a seed for its own cutting first, and replaces the first picture drawn
        # by the whole one.
        source = np.random.RandomState(seed)
        source.randint(0, high=1000)
        keeps = source.randint(0, 2, 300 * 64).reshape(300, 64)[1:]
        ours = shared_lime_of(ask, picture, hidden, patches, keeps)

        np.testing.assert_allclose(ours.weights, theirs.weights, atol=1e-7)
        assert ours.r_squared == pytest.approx(theirs.r_squared)


def test_the_pictures_to_look_at_first_are_picked_and_kept(by_gradients):
    table = by_gradients.tables["telling_rows"].to_pandas()

    assert set(table["kind"]) == {"representative"}
    assert table["covered"].is_monotonic_increasing
    kept = picture_rows(by_gradients)[:4]
    shown = by_gradients.facts["shown_row"]
    assert kept[0] == shown
    others = set(table["row"]) - {shown}
    assert len(others & set(kept)) == min(len(others), 3)
    names = {chart.name: chart.title for chart in ANALYZER.draw(by_gradients)}
    assert "pictures show" in names["representatives"] or "One picture" in names["representatives"]


def test_methods_are_compared_on_several_pictures(by_gradients):
    agreed = by_gradients.estimates["shap_lime_correlation"]

    assert agreed.n == QUICK.rows
    assert agreed.low < agreed.value < agreed.high
    assert by_gradients.estimates["owen_correlation"].value > 0.5


def test_limes_width_is_changed_on_the_shown_picture(by_gradients):
    width = by_gradients.estimates["lime_width_stability"]

    assert width.n == 64
    assert 0.3 < width.value < 1


def test_the_overlay_shows_each_kept_picture_and_lime_beside_the_first(by_gradients):
    charts = {chart.name: chart for chart in ANALYZER.draw(by_gradients)}

    titles = [note["text"] for note in charts["overlay"].figure["layout"]["annotations"]]

    assert sum("LIME" in title for title in titles) == 1
    assert sum("SHAP" in title for title in titles) == 4


@pytest.mark.parametrize(("height", "width", "n"), [(8, 8, 64), (28, 28, 64), (3, 100, 24)])
def test_patches_cover_the_picture_evenly(height, width, n):
    patches = patches_of(height, width)

    counts = np.bincount(patches.ravel())
    assert len(counts) == n
    assert counts.min() > 0
    assert counts.max() <= 4 * counts.min()


@pytest.mark.parametrize("method", ["automatic", "model-agnostic"])
@pytest.mark.parametrize("side", [1, 2])
def test_pictures_of_a_few_pixels_are_explained_and_drawn(side, method):
    class Mean(torch.nn.Module):
        def forward(self, pictures):
            mean = pictures.mean(dim=(1, 2, 3))
            return torch.stack([-4 * (mean - 0.6), 4 * (mean - 0.6)], dim=1)

    bench = picture_bench(TorchModel(Mean()), side=side)
    found = ANALYZER.measure(bench, QUICK.model_copy(update={"method": method}))

    assert found.estimates["additivity_error"].value == pytest.approx(0, abs=1e-3)
    assert found.facts["n_features"] == side**2
    assert "overlay" in {chart.name for chart in ANALYZER.draw(found)}


def test_any_kept_picture_is_drawn_beside_its_original(by_gradients):
    found = by_gradients
    kept = picture_rows(found)
    assert kept[0] == found.facts["shown_row"]
    assert len(kept) == found.facts["n_explained"]

    chart = overlay_chart(found, kept[-1])

    assert chart.title.startswith(f"Row {kept[-1]:,}: ")
    assert "The model reads" in chart.caption
    names = [note["text"] for note in chart.figure["layout"]["annotations"]]
    assert names == ["original", f"row {kept[-1]}, SHAP"]
    assert overlay_chart(found, 10**6) is None


@pytest.mark.parametrize("method", ["automatic", "model-agnostic"])
def test_of_many_classes_each_picture_is_explained_for_what_is_read_in_it(method):
    bench = digits_bench(n_rows=24)
    params = ExplanationParams(lime_samples=200, rows=12, sampled_rows=12, method=method)

    found = ANALYZER.measure(bench, params)

    rows = found.tables["explained_rows"].to_pandas()
    scores = bench.model.predict_proba(bench.data.images[rows["row"]])
    assert len(set(rows["predicted"])) > 3
    np.testing.assert_allclose(rows["output"], scores.max(axis=1), atol=2e-3)
    cells = found.tables["cells"].to_pandas().groupby("row")["phi"].sum()
    gaps = (rows["output"] - rows["base"]).to_numpy() - cells[rows["row"]].to_numpy()
    assert np.abs(gaps).max() < 2e-3
    assert found.facts["explained_output"] == "probability of the answer the model gives"
    chart = overlay_chart(found, int(rows["row"].iloc[1]))
    assert "probability of the answer the model gives" in chart.caption
    assert rows_in_order(found, "wrong answers, the surest first") is not None


def test_a_class_that_is_asked_for_is_explained_in_every_picture():
    bench = digits_bench(n_rows=24)
    params = ExplanationParams(lime_samples=200, rows=12, output_class="3")

    found = ANALYZER.measure(bench, params)

    rows = found.tables["explained_rows"].to_pandas()
    scores = bench.model.predict_proba(bench.data.images[rows["row"]])
    np.testing.assert_allclose(rows["output"], scores[:, 3], atol=2e-3)
    assert found.facts["explained_output"] == "probability of '3'"
