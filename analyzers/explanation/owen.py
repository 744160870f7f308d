"""Owen values of one text or picture, by the shap package, to stand beside our own values.

Neighbouring words, and halves of the picture, are hidden together before they are taken apart, so
a thousand questions reach single words of most texts; larger pictures are left in groups. What is
shared inside a group differs from Shapley values where words of different groups act together;
large differences are a reason to look.

References: Owen 1977; Lundberg's `shap.PartitionExplainer`.
"""

import re
import warnings

import numpy as np
from numpy.typing import NDArray

from analyzers.explanation.picture_values import Ask as PictureAsk
from analyzers.explanation.picture_values import Pictures
from analyzers.explanation.word_values import Ask, WordValues

MOST_QUESTIONS = 1_000
# Stands for a hidden word until the model is asked: a letter that no text holds.
_HIDDEN = "\ue000"


def owen_of_text(ask: Ask, text: str) -> WordValues | None:
    """Explain one text with shap's partition explainer and text masker.

    Args:
        ask: returns `(n,)` outputs for n texts.
        text: what is explained; hidden words are left out.

    Returns:
        None where there are not two words to part.
    """
    if len(text.split()) < 2:
        return None
    import shap

    def answer(masked: NDArray[np.object_]) -> NDArray[np.float64]:
        return ask([re.sub(rf"\s*{_HIDDEN}\s*", " ", str(one)).strip() for one in masked])

    masker = shap.maskers.Text(r"\s+", mask_token=_HIDDEN)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = shap.PartitionExplainer(answer, masker)(
            [text], max_evals=MOST_QUESTIONS, silent=True
        )
    pairs = [
        (word.strip(), float(value))
        for word, value in zip(found.data[0], found.values[0], strict=True)
        if word.strip()
    ]
    return WordValues([word for word, _ in pairs], np.array([phi for _, phi in pairs]), 0.0)


def owen_of_picture(ask: PictureAsk, picture: Pictures, hidden: Pictures) -> NDArray[np.float64]:
    """Explain one picture with shap's partition explainer and image masker.

    Args:
        ask: returns `(n,)` outputs for n pictures.
        picture: `(height, width, n_channels)`.
        hidden: what a hidden part shows, shaped like the picture.

    Returns:
        `(height, width)`, channels added up.
    """
    import shap

    masker = shap.maskers.Image(hidden, picture.shape)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = shap.PartitionExplainer(
            lambda asked: ask(np.asarray(asked, dtype=np.float32)), masker
        )(picture[None], max_evals=MOST_QUESTIONS, silent=True, batch_size=256)
    values: NDArray[np.float64] = np.asarray(found.values[0], dtype=np.float64).sum(axis=2)
    return values


def warm_up() -> None:
    """Explain two words and four pixels: the package compiles its search when it is first used."""
    owen_of_text(lambda texts: np.array([float(len(text)) for text in texts]), "a b")
    pixels = np.arange(4, dtype=np.float32).reshape(2, 2, 1)
    owen_of_picture(lambda asked: asked.sum(axis=(1, 2, 3)), pixels, np.zeros_like(pixels))
