"""LIME of texts: beside SHAP, beside itself with other seeds and widths, and over several texts."""

import re
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analyzers.core.result import Estimate
from analyzers.core.workbench import Tracker
from analyzers.explanation.agreement import (
    Agreement,
    compare,
    compare_each,
    mean_known,
    stability_estimate,
)
from analyzers.explanation.owen import owen_of_text
from analyzers.explanation.tables import TABLES
from analyzers.explanation.word_values import Ask, WordValues
from analyzers.toolkit.intervals import mean_estimate

# The package's own; its distances between texts run from 0 to 100.
WIDTH = 25.0
RUNS = 5
# Texts explained; fewer where each question takes long.
TEXTS, TEXTS_OF_SLOW = 20, 10
WIDTH_TEXTS = 5
_FEW = "No text has two different words that count."


class Beside(NamedTuple):
    """SHAP and LIME of one text, by different word from the largest SHAP value.

    Attributes:
        words: in small letters.
        phi: `(n_words,)` SHAP values.
        weights: `(n_words,)` LIME's weights.
        r_squared: of LIME's line.
    """

    words: list[str]
    phi: NDArray[np.float64]
    weights: NDArray[np.float64]
    r_squared: float


class TextLime(NamedTuple):
    """LIME of some texts, the shown one first.

    Attributes:
        places: of the texts among those explained.
        compared: one run of each.
        agreement: of SHAP and LIME of each.
        runs: `(n_runs, n_words)` weights of the shown text with other seeds.
        widths: of the first texts, weights with half and with twice the kernel width.
        owen: `(n_words,)` Owen values of the shown text; None where it has no two words.
    """

    places: list[int]
    compared: list[Beside]
    agreement: Agreement
    runs: NDArray[np.float64]
    widths: list[tuple[NDArray[np.float64], NDArray[np.float64]]]
    owen: NDArray[np.float64] | None


def lime_of_texts(
    ask: Ask,
    texts: list[str],
    values: list[WordValues],
    shown: int,
    *,
    n_texts: int,
    n_samples: int,
    rng: np.random.Generator,
    track: Tracker,
) -> TextLime:
    """Run LIME on some texts, and again on the shown one.

    Args:
        ask: returns `(n,)` outputs for n texts.
        texts: those explained.
        values: their SHAP values.
        shown: place of the shown text.
        n_texts: how many to run it on.
        n_samples: texts with words left out, for each run.
        rng: gives the seeds.
        track: progress.
    """
    places = [shown, *[at for at in range(len(texts)) if at != shown]][:n_texts]
    seeds = [int(seed) for seed in rng.integers(0, 2**31, RUNS)]

    def run(place: int, seed: int, width: float = WIDTH) -> Beside:
        return beside_lime(ask, texts[place], values[place], n_samples, seed, width=width)

    compared = [
        run(place, seeds[0]) for place in track(places, "Running LIME on texts", total=len(places))
    ]
    runs = [run(shown, seed).weights for seed in track(seeds, "Repeating LIME", total=RUNS)]
    widths = [
        (run(place, seeds[0], WIDTH / 2).weights, run(place, seeds[0], WIDTH * 2).weights)
        for place in track(places[:WIDTH_TEXTS], "Changing LIME's width")
    ]
    owen = owen_of_text(ask, texts[shown])
    parts = {} if owen is None else sum_by_word(owen)
    beside = np.array([parts.get(word, 0.0) for word in compared[0].words])
    return TextLime(
        places=places,
        compared=compared,
        agreement=compare_each([(one.phi, one.weights) for one in compared]),
        runs=np.array(runs),
        widths=widths,
        owen=beside if parts else None,
    )


def beside_lime(
    ask: Ask, text: str, shap: WordValues, n_samples: int, seed: int, *, width: float = WIDTH
) -> Beside:
    """Run the package on one text and add both explanations up by different word.

    Args:
        ask: returns `(n,)` outputs for n texts.
        text: what is explained.
        shap: its SHAP values.
        n_samples: texts with words left out that LIME asks about.
        seed: of LIME's choice of words; the same seed leaves the same words out.
        width: of the kernel; texts further away than about this count little.
    """
    from lime.lime_text import LimeTextExplainer

    explainer = LimeTextExplainer(kernel_width=width, class_names=["output"], random_state=seed)
    sums = sum_by_word(shap)
    if not sums:
        return Beside(["(no words)"], np.zeros(1), np.zeros(1), 0.0)
    answer = explainer.explain_instance(
        text,
        lambda asked: ask(list(asked))[:, None],
        labels=(0,),
        num_features=10_000,
        num_samples=n_samples,
    )
    lime: dict[str, float] = {}
    for place, weight in answer.local_exp[0]:
        word = str(answer.domain_mapper.indexed_string.word(place)).lower()
        lime[word] = lime.get(word, 0.0) + float(weight)
    words = sorted(sums, key=lambda word: (-abs(sums[word]), word))
    return Beside(
        words,
        np.array([sums[word] for word in words]),
        np.array([lime.get(word, 0.0) for word in words]),
        float(answer.score),
    )


def sum_by_word(values: WordValues) -> dict[str, float]:
    """Add values up by different word as LIME cuts them; parts of a word share its value."""
    sums: dict[str, float] = {}
    for word, phi in zip(values.words, values.phi, strict=True):
        pieces = re.findall(r"\w+", word.lower())
        for piece in pieces:
            sums[piece] = sums.get(piece, 0.0) + float(phi) / len(pieces)
    return sums


def lime_estimates(found: TextLime) -> dict[str, Estimate]:
    """How well LIME fits, how steady it is, and how far it agrees with SHAP."""
    shown = found.compared[0]
    estimates = {
        "shap_lime_correlation": _mean(found.agreement.spearman),
        "shap_lime_overlap": mean_estimate(found.agreement.overlap),
        "lime_r_squared": mean_estimate(np.array([one.r_squared for one in found.compared])),
        "lime_stability": stability_estimate(found.runs, _FEW),
        "lime_width_stability": _mean(compare_each(found.widths).spearman),
    }
    owen = np.nan
    if found.owen is not None:
        owen = compare(shown.phi[None], found.owen[None]).spearman[0]
    estimates["owen_correlation"] = (
        Estimate.unmeasured(_FEW)
        if np.isnan(owen)
        else Estimate(
            value=float(owen),
            n=len(shown.words),
            method="Spearman correlation over the different words of the shown text",
        )
    )
    return estimates


def _mean(found: NDArray[np.float64]) -> Estimate:
    made = mean_known(found, _FEW)
    if made.low is None or made.high is None:
        return made
    # A correlation ends at 1; Student's interval of a few does not know it.
    return made.model_copy(update={"low": max(made.low, -1.0), "high": min(made.high, 1.0)})


def lime_words_table(row: int, found: TextLime) -> pa.Table:
    """The shown text: SHAP beside LIME's runs and Owen values, by different word."""
    shown = found.compared[0]
    lines = [
        {
            "row": row, "feature": word[:200], "value": "", "phi": float(shown.phi[at]),
            "weight": float(found.runs[:, at].mean()), "low": float(found.runs[:, at].min()),
            "high": float(found.runs[:, at].max()),
            "owen": None if found.owen is None else float(found.owen[at]), "n": len(found.runs),
        }
        for at, word in enumerate(shown.words)
    ]  # fmt: skip
    return pa.Table.from_pylist(lines, schema=TABLES["lime"])


def weights_by_word(found: TextLime) -> tuple[NDArray[np.float64], list[str]]:
    """LIME's weights of the texts as `(n_texts, n_words)` over all their words, and the words."""
    words = sorted({word for one in found.compared for word in one.words})
    places = {word: at for at, word in enumerate(words)}
    weights = np.zeros((len(found.compared), len(words)))
    for line, one in zip(weights, found.compared, strict=True):
        line[[places[word] for word in one.words]] = one.weights
    return weights, [word[:60] for word in words]
