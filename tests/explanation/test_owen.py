"""Owen values beside our own: additive models give the same, and odd texts do not break it."""

import numpy as np
import pytest

from analyzers.explanation.owen import owen_of_picture, owen_of_text

WEIGHTS = {"good": 0.3, "bad": -0.2, "plot": 0.05}


def of_words(texts):
    return np.array([0.4 + sum(WEIGHTS.get(word, 0) for word in text.split()) for text in texts])


def test_a_sum_of_words_gives_each_its_weight():
    found = owen_of_text(of_words, "good  plot but\nbad")

    assert found.words == ["good", "plot", "but", "bad"]
    np.testing.assert_allclose(found.phi, [0.3, 0.05, 0, -0.2], atol=1e-12)


def test_words_that_only_act_together_share_equally():
    def both(texts):
        return np.array([float({"not", "bad"} <= set(text.split())) for text in texts])

    found = owen_of_text(both, "the film is not bad")

    np.testing.assert_allclose(found.phi, [0, 0, 0, 0.5, 0.5], atol=1e-12)


@pytest.mark.parametrize("text", ["", "  ", "one"])
def test_a_text_without_two_words_has_nothing_to_part(text):
    assert owen_of_text(of_words, text) is None


@pytest.mark.parametrize("text", ["好 影片", "a ... b", "\ttabs\n and lines ", "word " * 700])
def test_odd_texts_add_up(text):
    def by_length(texts):
        return np.array([len(one) / (100 + len(one)) for one in texts])

    found = owen_of_text(by_length, text)

    assert found.words == text.split()
    whole = by_length([" ".join(text.split())])[0]
    assert found.phi.sum() == pytest.approx(whole, abs=0.02)


def test_no_hidden_word_reaches_the_model():
    asked = []

    def listen(texts):
        asked.extend(texts)
        return np.zeros(len(texts))

    owen_of_text(listen, "three short words")

    assert len(asked) > 3
    assert all(set(text.split()) <= {"three", "short", "words"} for text in asked)


def test_a_sum_of_pixels_gives_each_its_own():
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(4, 3))
    picture, hidden = rng.random((2, 4, 3, 1)).astype(np.float32)

    found = owen_of_picture(
        lambda asked: (asked.mean(axis=3) * weights).sum(axis=(1, 2)), picture, hidden
    )

    expected = (picture - hidden).mean(axis=2) * weights
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_coloured_picture_of_any_size_adds_up():
    picture, hidden = np.random.default_rng(0).random((2, 33, 20, 3)).astype(np.float32)

    found = owen_of_picture(lambda asked: asked.mean(axis=(1, 2, 3)), picture, hidden)

    assert found.shape == (33, 20)
    assert found.sum() == pytest.approx(float(picture.mean() - hidden.mean()), abs=1e-5)
