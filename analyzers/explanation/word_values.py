"""What each word of a text adds, by SHAP."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzers.anatomy.refusal import DoesNotFit
from analyzers.core.model import Model
from analyzers.core.workbench import Tracker
from analyzers.explanation.attribution import LARGEST_ERROR, Scale, from_margins
from analyzers.explanation.coalitions import gains_of, walks
from analyzers.explanation.linear import coefficients

_PAIRS = 32
_MOST_PLAYERS = 40
Ask = Callable[[list[str]], NDArray[np.float64]]


class WordValues(NamedTuple):
    """SHAP values of one text.

    Attributes:
        words: in reading order, as the model reads them.
        phi: `(n_words,)` what each adds.
        error: largest standard error of a value, 0 where exact.
    """

    words: list[str]
    phi: NDArray[np.float64]
    error: float


class Texts(NamedTuple):
    """All explained texts.

    Attributes:
        values: of each.
        bases: `(n_texts,)` the output before any word is known, on `scale`.
        rebuilt: `(n_texts,)` base plus values, turned back to the scale of `Target.outputs`.
        scale: what the values are measured in.
        explainer: its name.
        why: why this one.
        background: what stands for an unknown word.
        is_quick: whether thousands of texts cost little, because no text is asked about again.
    """

    values: list[WordValues]
    bases: NDArray[np.float64]
    rebuilt: NDArray[np.float64]
    scale: Scale
    explainer: str
    why: str
    background: str = "the empty text: an unknown word is one that is not there"
    is_quick: bool = False


def weigh_words(model: Model, texts: list[str], class_index: int | None, track: Tracker) -> Texts:
    """Exact values where words are counted, weighed and added up."""
    vectorizer, rescale, estimator = _parts(model.native)
    weights, start = coefficients(estimator)
    sign, row = 1.0, 0
    if class_index is not None and len(weights) == 1:
        sign = -1.0 if class_index == 0 else 1.0
    elif class_index is not None:
        weights, start = weights - weights.mean(axis=0), start - start.mean()
        row = class_index
    try:
        matrix = vectorizer.transform(texts)
        for step in rescale:
            matrix = step.transform(matrix)
        matrix = matrix.tocsr()
    except (AttributeError, TypeError, ValueError) as error:
        raise DoesNotFit("its words could not be counted apart from it") from error
    reader = _Reader(vectorizer)
    values = []
    for place in track(range(len(texts)), "Weighing words", total=len(texts)):
        line = matrix[place]
        terms = dict(zip(line.indices, sign * weights[row, line.indices] * line.data, strict=True))
        values.append(reader.spread(texts[place], terms))
    margins = np.asarray(matrix @ weights.T + start)
    rebuilt, scale = from_margins(margins[:, 0] if margins.shape[1] == 1 else margins, class_index)
    lost = sign * (margins[:, row] - start[row]) - [value.phi.sum() for value in values]
    if np.abs(lost).max(initial=0.0) > LARGEST_ERROR:
        raise DoesNotFit("its terms could not be found again in the texts")
    kind = type(estimator).__name__
    return Texts(
        values, np.full(len(texts), sign * start[row]), rebuilt, scale,
        f"exact attribution to words of a {kind} on {type(vectorizer).__name__}",
        "Words are counted, weighed and added up, so each word's part is exact.",
        is_quick=True,
    )  # fmt: skip


def _parts(native: Any) -> tuple[Any, list[Any], Any]:  # noqa: ANN401  scikit-learn's objects
    steps = [step for _, step in getattr(native, "steps", [])]
    names = [type(step).__name__ for step in steps]
    if (
        len(steps) < 2
        or names[0] not in ("TfidfVectorizer", "CountVectorizer")
        or any(name != "TfidfTransformer" for name in names[1:-1])
    ):
        raise DoesNotFit("it is not a count of words followed by a linear model")
    if steps[0].analyzer != "word" or steps[0].vocabulary_ is None:
        raise DoesNotFit("it does not read whole words")
    return steps[0], steps[1:-1], steps[-1]


class _Reader:
    """Finds a vectorizer's terms again in a text, word by word."""

    def __init__(self, vectorizer: Any) -> None:  # noqa: ANN401  scikit-learn's object
        self.prepare = vectorizer.build_preprocessor()
        self.cut = vectorizer.build_tokenizer()
        self.stop_words = vectorizer.get_stop_words() or ()
        self.lengths = range(vectorizer.ngram_range[0], vectorizer.ngram_range[1] + 1)
        self.vocabulary = vectorizer.vocabulary_

    def spread(self, text: str, terms: dict[int, float]) -> WordValues:
        """Share what each term adds among its words; a term met twice shares among both."""
        words = list(self.cut(self.prepare(text)))
        kept = [at for at, word in enumerate(words) if word not in self.stop_words]
        met: dict[int, list[list[int]]] = {}
        for length in self.lengths:
            for begin in range(len(kept) - length + 1):
                places = kept[begin : begin + length]
                term = self.vocabulary.get(" ".join(words[at] for at in places))
                if term in terms:
                    met.setdefault(int(term), []).append(places)
        phi = np.zeros(len(words))
        for term, occurrences in met.items():
            for places in occurrences:
                phi[places] += terms[term] / len(occurrences) / len(places)
        return WordValues(words, phi, 0.0)


def mask_words(
    ask: Ask, texts: list[str], scale: Scale, rng: np.random.Generator, track: Tracker
) -> Texts:
    """Shapley values of words, or of runs of words where there are many, by leaving them out."""
    base = float(ask([""])[0])
    values, rebuilt = [], []
    for text in track(texts, "Leaving words out", total=len(texts)):
        words = text.split()
        size = -(-len(words) // _MOST_PLAYERS) if words else 1
        players = [words[begin : begin + size] for begin in range(0, len(words), size)]
        if not players:
            values.append(WordValues([], np.zeros(0), 0.0))
            rebuilt.append(base)
            continue
        n_players = len(players)
        orders = np.argsort(rng.random((_PAIRS, n_players)), axis=1)
        keeps = walks(orders)
        asked = [
            " ".join(" ".join(part) for part, kept in zip(players, keep, strict=True) if kept)
            for keep in keeps.reshape(-1, n_players)
        ]
        # Most short coalitions repeat; each text is asked about once.
        distinct = sorted(set(asked))
        answers = dict(zip(distinct, ask(distinct), strict=True))
        worth = np.array([answers[one] for one in asked]).reshape(1, *keeps.shape[:2])
        gains = gains_of(worth, orders)[0]
        phi = gains.mean(axis=0)
        error = float((gains.std(axis=0, ddof=1) / np.sqrt(_PAIRS)).max())
        shared = np.concatenate(
            [np.full(len(part), phi[at] / len(part)) for at, part in enumerate(players)]
        )
        values.append(WordValues(words, shared, error))
        rebuilt.append(base + float(phi.sum()))
    return Texts(
        values, np.full(len(texts), base), np.array(rebuilt), scale,
        "sampled Shapley values of words (antithetic orders)",
        f"Words are left out in {_PAIRS} random orders, forwards and backwards; texts of more than "
        f"{_MOST_PLAYERS} words are cut into that many runs of words.",
    )  # fmt: skip
