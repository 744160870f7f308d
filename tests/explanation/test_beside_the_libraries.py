"""Words and networks held to shap's own explainers, LIME on words to known coefficients."""

import numpy as np
import pytest
import shap
import torch
from sklearn.feature_extraction.text import CountVectorizer

from analyzers.core.workbench import untracked
from analyzers.explanation.gradients import integrate_gradients
from analyzers.explanation.word_lime import beside_lime
from analyzers.explanation.word_values import WordValues, mask_words
from tests.explanation.benches import TorchModel

WEIGHTS = {"good": 0.3, "bad": -0.2, "plot": 0.1, "dull": -0.05}


def of_words(texts):
    """A line in which words stand, plus one pair that acts together."""
    held = [set(str(text).lower().split()) for text in texts]
    return np.array(
        [
            0.4 + sum(WEIGHTS.get(word, 0.0) for word in words) + 0.12 * ({"not", "good"} <= words)
            for words in held
        ]
    )


def in_a_line(texts):
    """A line in which words stand, and nothing else."""
    counts = CountVectorizer(vocabulary=sorted(WEIGHTS), binary=True).transform(texts)
    return counts @ np.array([WEIGHTS[word] for word in sorted(WEIGHTS)])


@pytest.mark.parametrize("text", ["not good plot", "a dull bad good not plot"])
def test_words_left_out_give_what_shaps_text_masker_gives(text):
    def of_masked(texts):
        return of_words([str(one).replace("...", " ") for one in texts])

    # The masker cannot leave a word out without a sign in its place; the model skips the sign.
    # One order forwards and backwards is exact where no more than two words act together.
    masker = shap.maskers.Text(r"\s+", mask_token="...")
    theirs = shap.PermutationExplainer(of_masked, masker)([text])

    ours = mask_words(of_words, [text], "probability", np.random.default_rng(0), untracked)

    found = dict(zip(ours.values[0].words, ours.values[0].phi, strict=True))
    for word, value in zip(theirs.data[0], theirs.values[0], strict=True):
        assert found[word.strip()] == pytest.approx(value, abs=max(4 * ours.values[0].error, 1e-9))
    assert ours.bases[0] == pytest.approx(float(np.ravel(theirs.base_values)[0]))


@pytest.mark.parametrize("text", ["", "   ", "好", "جيد جدا", "word " * 3000])
def test_odd_texts_add_up(text):
    def by_length(texts):
        return np.array([len(one) / (100 + len(one)) for one in texts])

    found = mask_words(by_length, [text], "probability", np.random.default_rng(0), untracked)

    assert found.values[0].words == text.split()
    assert found.rebuilt[0] == pytest.approx(by_length([" ".join(text.split())])[0])


def test_lime_finds_the_coefficients_of_a_line_of_words():
    text = "good bad plot dull other words"
    words = text.split()
    own = WordValues(words, np.array([WEIGHTS.get(word, 0.0) for word in words]), 0.0)

    found = beside_lime(in_a_line, text, own, 2_000, 0)

    wanted = [WEIGHTS.get(word, 0.0) for word in found.words]
    np.testing.assert_allclose(found.weights, wanted, atol=0.01)
    assert found.r_squared > 0.99


def test_the_width_of_lime_does_not_matter_on_a_line_of_words():
    text = "good bad plot dull"
    own = WordValues(text.split(), np.array([WEIGHTS[word] for word in text.split()]), 0.0)

    narrow, wide = (beside_lime(in_a_line, text, own, 1_000, 0, width=w) for w in (12.5, 50.0))

    assert not np.array_equal(narrow.weights, wide.weights)
    assert (np.argsort(narrow.weights) == np.argsort(wide.weights)).all()


def test_a_networks_gradients_agree_with_shaps_gradient_explainer():
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Linear(3, 8), torch.nn.Tanh(), torch.nn.Linear(8, 2), torch.nn.Softmax(dim=1)
    ).eval()
    rng = np.random.default_rng(0)
    rows, background = (rng.normal(size=(size, 3)).astype(np.float32) for size in (3, 20))

    class OnArrays(TorchModel):
        def tensor_of(self, inputs):
            return torch.as_tensor(np.asarray(inputs))

        def predict_proba(self, inputs):
            with torch.no_grad():
                return self.native(self.tensor_of(inputs)).double().numpy()

    ours, base = integrate_gradients(OnArrays(network), rows, background, 1, untracked)
    explainer = shap.GradientExplainer(network, torch.as_tensor(background))
    theirs, variances = explainer.shap_values(
        torch.as_tensor(rows), nsamples=4_000, rseed=0, return_variances=True
    )
    theirs = np.asarray(theirs)[..., 1]
    # The package divides the draws' variance by the root of their number, not by their number.
    error = np.sqrt(np.asarray(variances)[1] / np.sqrt(4_000))

    assert (np.abs(ours - theirs) <= 5 * error + 1e-6).all()
    assert error.max() < 0.01
    own = OnArrays(network).predict_proba(rows)[:, 1]
    np.testing.assert_allclose(base + ours.sum(axis=1), own, atol=1e-3)
