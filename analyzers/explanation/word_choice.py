"""The right explainer for a model of texts, held to the model's own answers."""

from typing import NamedTuple

import numpy as np

from analyzers.anatomy.refusal import DoesNotFit
from analyzers.core.model import Model, TokenNetwork
from analyzers.core.workbench import Tracker
from analyzers.explanation.attribution import LARGEST_ERROR, Target
from analyzers.explanation.params import Method
from analyzers.explanation.token_gradients import integrate_tokens
from analyzers.explanation.word_values import Texts, mask_words, weigh_words

# Of texts that the model is asked, or its gradient followed, many times for.
MOST_MASKED_TEXTS = 30


class ExplainedTexts(NamedTuple):
    """Texts explained and how it came about.

    Attributes:
        found: the values.
        texts: those explained, the first of those given.
        refused: why what is made for the kind of model was not used; empty where it was.
    """

    found: Texts
    texts: list[str]
    refused: str


def explain_texts(
    model: Model,
    texts: list[str],
    target: Target,
    *,
    most_asked: int,
    method: Method,
    rng: np.random.Generator,
    track: Tracker,
) -> ExplainedTexts:
    """Explain texts by what fits the model.

    Args:
        model: the model.
        texts: what to explain, in the order of importance should only some be affordable.
        target: the explained output.
        most_asked: most texts where each takes many questions.
        method: "model-agnostic" leaves explainers for a kind of model out.
        rng: source of randomness.
        track: progress.
    """
    few = texts[: min(most_asked, MOST_MASKED_TEXTS)]
    try:
        if method == "model-agnostic":
            raise DoesNotFit("you asked for the model-agnostic one")
        given = few if isinstance(model, TokenNetwork) else texts
        return ExplainedTexts(explain_texts_exactly(model, given, target, track), given, "")
    except DoesNotFit as reason:
        masked = mask_words(
            lambda asked: target.outputs(model, asked), few, target.scale, rng, track
        )
        return ExplainedTexts(masked, few, str(reason))


def explain_texts_exactly(model: Model, texts: list[str], target: Target, track: Tracker) -> Texts:
    """Explain texts by what is made for the kind of model, held to the model's own answers.

    Args:
        model: the model.
        texts: what to explain.
        target: the explained output.
        track: progress.

    Raises:
        DoesNotFit: nothing fits the model, or the values do not add up to its answers.
    """
    if isinstance(model, TokenNetwork) and target.class_index is not None:
        found = integrate_tokens(model, texts, target.class_index, track)
    else:
        found = weigh_words(model, texts, target.class_index, track)
    missed = np.abs(found.rebuilt - target.outputs(model, texts))
    if missed.max(initial=0.0) > LARGEST_ERROR:
        raise DoesNotFit("its values did not add up to the model's own answers")
    return found
