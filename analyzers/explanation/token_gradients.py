"""Networks of texts: integrated gradients from the text with all its words hidden to the text.

The straight line runs between the vectors of the tokens, from a mark that stands for no word to
the token's own, all places at once; the marks that a tokenizer adds stay. What a token adds is
summed over its vector, and a word has what its tokens have. Values add up to the answer less the
answer to the hidden text, up to the quadrature's error, which the additivity error shows.

References: Sundararajan, Taly and Yan 2017 (section 4.3 and appendix, texts).
"""

import re
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analyzers.anatomy.refusal import DoesNotFit
from analyzers.core.model import TokenNetwork
from analyzers.core.workbench import Tracker
from analyzers.explanation.quadrature import CLOSE_ENOUGH, settle
from analyzers.explanation.word_values import Texts, WordValues

_TOKENS_AT_ONCE = 4096
# A text has few words, so its values can be had exactly where a picture's pixels would take long.
_CLOSE_ENOUGH = CLOSE_ENOUGH / 2


def integrate_tokens(
    model: TokenNetwork, texts: list[str], class_index: int, track: Tracker
) -> Texts:
    """Integrate the gradients of a class's probability along the way from hidden texts to texts.

    Args:
        model: the network.
        texts: what to explain.
        class_index: the explained class.
        track: progress.

    Raises:
        DoesNotFit: no gradient reaches the tokens.
    """
    values, bases = [], np.empty(len(texts))
    mark = ""
    for place in track(range(len(texts)), "Integrating gradients", total=len(texts)):
        tokens = model.tokens_of(texts[place])
        mark = tokens.mark
        start, end = (model.vectors_of(ids)[None] for ids in (tokens.hidden, tokens.ids))
        base, own = (_score(model, vectors, class_index) for vectors in (start, end))
        phi = settle(
            partial(_integrate, model, start, end, class_index),
            np.array([own - base]),
            close_enough=_CLOSE_ENOUGH,
        )
        words, shares = _by_word(texts[place], tokens.spans, phi)
        values.append(WordValues(words, shares, 0.0))
        bases[place] = base
    return Texts(
        values, bases, bases + [value.phi.sum() for value in values], "probability",
        "integrated gradients of the words' vectors",
        "The model is a differentiable network: gradients reach the vector of every token.",
        f"the same text with {mark} in place of every token",
    )  # fmt: skip


def _score(model: TokenNetwork, vectors: Any, class_index: int) -> float:  # noqa: ANN401  a tensor
    import torch

    if not vectors.shape[1]:
        raise DoesNotFit("a text has no token that it reads")
    with torch.no_grad():
        return float(model.scores_of(vectors)[0, class_index])


def _integrate(
    model: TokenNetwork,
    start: Any,  # noqa: ANN401  a torch tensor
    end: Any,  # noqa: ANN401  a torch tensor
    class_index: int,
    lines: NDArray[np.int64],
    nodes: NDArray[np.float64],
    weights: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return integrals `(1, n_tokens)` between two `(1, n_tokens, n_dimensions)`."""
    import torch

    del lines  # there is one

    at = torch.tensor(nodes, dtype=end.dtype).reshape(-1, 1, 1)
    shares = torch.tensor(weights).reshape(-1, 1)
    size = max(1, _TOKENS_AT_ONCE // end.shape[1])
    total = torch.zeros(end.shape[1], dtype=torch.float64)
    for begin in range(0, len(nodes), size):
        part = slice(begin, begin + size)
        points = (start + at[part] * (end - start)).requires_grad_()
        scores = model.scores_of(points)[:, class_index].sum()
        if not scores.requires_grad:
            raise DoesNotFit("no gradient reaches its tokens")
        (slope,) = torch.autograd.grad(scores, points)
        total += ((slope * (end - start)).double().sum(dim=2) * shares[part]).sum(dim=0)
    found: NDArray[np.float64] = total.numpy()[None]
    return found


def _by_word(
    text: str, spans: NDArray[np.int64], phi: NDArray[np.float64]
) -> tuple[list[str], NDArray[np.float64]]:
    """Add tokens up by the word they stand in; marks of the tokenizer stand in none and have 0."""
    found = list(re.finditer(r"\S+", text))
    shares = np.zeros(len(found))
    starts = np.array([word.start() for word in found])
    inside = spans[:, 1] > spans[:, 0]
    # A token may begin with the space before its word.
    places = np.searchsorted(starts, np.maximum(spans[inside, 1] - 1, 0), side="right") - 1
    np.add.at(shares, np.maximum(places, 0), phi[inside])
    return [word.group() for word in found], shares
