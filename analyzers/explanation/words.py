"""Explain a model of texts: what each word adds, exactly where words are weighed and added up."""

import re
from collections.abc import Callable
from importlib.metadata import version
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analyzers.core.model import Model
from analyzers.core.result import Estimate, Fact, Measurements
from analyzers.core.workbench import Tracker, Workbench
from analyzers.explanation.agreement import compare, mean_pairwise, top_of
from analyzers.explanation.attribution import (
    LARGEST_ERROR,
    CannotExplain,
    Scale,
    from_margins,
    target_of,
)
from analyzers.explanation.coalitions import gains_of, walks
from analyzers.explanation.linear import coefficients
from analyzers.explanation.params import ExplanationParams
from analyzers.explanation.records import explained_rows, importance_line
from analyzers.explanation.selection import choose_class, choose_rows, choose_shown
from analyzers.explanation.tables import TABLES
from analyzers.toolkit.intervals import mean_estimate
from analyzers.toolkit.sampling import sampling_note

MOST_MASKED_TEXTS = 30
MOST_WORDS_LISTED = 100
MOST_TEXTS_KEPT = 200
LIME_RUNS = 5
LIME_TEXTS = 10
_PAIRS = 32
_MOST_PLAYERS = 40
_RANDOM_ORDERS = 3
_DEEPEST = 8

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
    """All explained texts."""

    values: list[WordValues]
    base: float
    rebuilt: NDArray[np.float64]
    scale: Scale
    explainer: str
    why: str


def measure_words(bench: Workbench, params: ExplanationParams) -> Measurements:
    """Explain texts."""
    model = bench.need_model()
    choosing, masking, local, deleting = bench.rng.spawn(4)
    class_index = choose_class(bench, params)
    target = target_of(model, class_index)
    chosen = choose_rows(bench, params, params.rows, choosing)
    everything = bench.data.inputs
    assert isinstance(everything, list)  # noqa: S101  this function takes texts only

    def ask(texts: list[str]) -> NDArray[np.float64]:
        return target.outputs(model, texts)

    positions, refused = chosen.positions, ""
    try:
        if params.method == "model-agnostic":
            raise CannotExplain("you asked for the model-agnostic one")
        texts = [everything[at] for at in positions]
        found = _by_weights(model, texts, class_index, bench.track)
        if np.abs(found.rebuilt - ask(texts)).max() > LARGEST_ERROR:
            raise CannotExplain("its values did not add up to the model's own answers")
    except CannotExplain as reason:
        refused = str(reason)
        positions = positions[: min(params.sampled_rows, MOST_MASKED_TEXTS)]
        texts = [everything[at] for at in positions]
        found = _by_masking(ask, texts, target.scale, masking, bench.track)
    outputs = ask(texts)
    shown = choose_shown(bench.need_predictions(), positions, params.row, outputs, class_index)
    places = [shown.place, *[at for at in range(len(texts)) if at != shown.place]][:LIME_TEXTS]
    seeds = local.integers(0, 2**31, LIME_RUNS)
    compared = [
        _beside_lime(ask, texts[at], found.values[at], params.lime_samples, int(seeds[0]))
        for at in bench.track(places, "Running LIME on texts", total=len(places))
    ]
    reruns = [
        _beside_lime(ask, texts[shown.place], found.values[shown.place], params.lime_samples, seed)
        for seed in bench.track([int(s) for s in seeds], "Repeating LIME", total=LIME_RUNS)
    ]
    weights = np.array([run.weights for run in reruns])
    gains, steps = _delete_words(ask, texts[:100], found.values, deleting)
    agreement = [compare(one.phi[None], one.weights[None]) for one in compared]
    rank = np.array([item.spearman[0] for item in agreement])
    few = "No text has two different words that count."
    errors = np.array([value.error for value in found.values])
    row_numbers = bench.data.rows[positions]
    estimates = {
        "additivity_error": Estimate(
            value=float(np.abs(found.rebuilt - outputs).max()),
            n=len(texts),
            method="largest |base + values - model's own answer|, probability",
        ),
        "base_value": Estimate(value=found.base, n=len(texts), method=f"empty text, {found.scale}"),
        "shap_lime_correlation": mean_estimate(rank[~np.isnan(rank)])
        if not np.isnan(rank).all() else Estimate.unmeasured(few),
        "lime_r_squared": mean_estimate(np.array([one.r_squared for one in compared])),
        "lime_stability": _stability(weights, few),
        "faithfulness_gain": mean_estimate(gains) if len(gains) else Estimate.unmeasured(few),
    }  # fmt: skip
    if errors.any():
        estimates["sampling_error"] = Estimate(
            value=float(1.96 * np.median(errors)),
            n=len(texts),
            method="median over texts of the 95 % half-width of the least certain word",
        )
    tables = {
        "importance": _importance(found.values),
        "explained_rows": explained_rows(
            bench,
            positions[:MOST_TEXTS_KEPT],
            np.array([found.base + value.phi.sum() for value in found.values[:MOST_TEXTS_KEPT]]),
            np.full(min(len(texts), MOST_TEXTS_KEPT), found.base),
            shown.place,
        ),
        "tokens": _tokens(row_numbers, found.values, shown.place),
        "lime": _lime(int(row_numbers[shown.place]), reruns[0], weights),
        "agreement": _agreement(row_numbers[places], compared),
        "deletion": steps,
    }
    explained = "the value"
    if class_index is not None:
        explained = f"{found.scale} of {bench.subject.classes[class_index]!r}"
    facts: dict[str, Fact] = {
        "modality": "text",
        "explainer": found.explainer,
        "explainer_reason": found.why,
        "explainers_refused": refused,
        "explained_output": explained,
        "scale": found.scale,
        "class": None if class_index is None else bench.subject.classes[class_index],
        "n_explained": len(texts),
        "background": "the empty text: an unknown word is one that is not there",
        "n_background": 1,
        "shown_row": int(row_numbers[shown.place]),
        "shown_row_reason": shown.why,
        "n_top": top_of(len(compared[0].phi)),
        "n_features": len(compared[0].phi),
        "shap_version": version("shap"),
        "lime_version": version("lime"),
    }
    notes = (
        sampling_note(len(texts), len(bench.data), "Explained texts", strata=("predictions",)),
        sampling_note(len(places), len(texts), "Texts explained with LIME too"),
    )
    return Measurements(
        estimates=estimates, facts=facts, tables=tables, sampling=tuple(filter(None, notes))
    )


def _by_weights(model: Model, texts: list[str], class_index: int | None, track: Tracker) -> Texts:
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
        raise CannotExplain("its words could not be counted apart from it") from error
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
        raise CannotExplain("its terms could not be found again in the texts")
    kind = type(estimator).__name__
    return Texts(
        values, float(sign * start[row]), rebuilt, scale,
        f"exact attribution to words of a {kind} on {type(vectorizer).__name__}",
        "Words are counted, weighed and added up, so each word's part is exact.",
    )  # fmt: skip


def _parts(native: Any) -> tuple[Any, list[Any], Any]:  # noqa: ANN401  scikit-learn's objects
    steps = [step for _, step in getattr(native, "steps", [])]
    names = [type(step).__name__ for step in steps]
    if (
        len(steps) < 2
        or names[0] not in ("TfidfVectorizer", "CountVectorizer")
        or any(name != "TfidfTransformer" for name in names[1:-1])
    ):
        raise CannotExplain("it is not a count of words followed by a linear model")
    if steps[0].analyzer != "word" or steps[0].vocabulary_ is None:
        raise CannotExplain("it does not read whole words")
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


def _by_masking(
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
        values, base, np.array(rebuilt), scale,
        "sampled Shapley values of words (antithetic orders)",
        f"Words are left out in {_PAIRS} random orders, forwards and backwards; texts of more than "
        f"{_MOST_PLAYERS} words are cut into that many runs of words.",
    )  # fmt: skip


class Beside(NamedTuple):
    """SHAP and LIME of one text, by different word."""

    words: list[str]
    phi: NDArray[np.float64]
    weights: NDArray[np.float64]
    r_squared: float


def _beside_lime(ask: Ask, text: str, shap: WordValues, n_samples: int, seed: int) -> Beside:
    from lime.lime_text import LimeTextExplainer

    explainer = LimeTextExplainer(class_names=["output"], random_state=seed)
    sums: dict[str, float] = {}
    for word, phi in zip(shap.words, shap.phi, strict=True):
        for piece in re.findall(r"\w+", word.lower()):
            sums[piece] = sums.get(piece, 0.0) + float(phi)
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


def _stability(weights: NDArray[np.float64], few: str) -> Estimate:
    pairs = mean_pairwise(weights)
    if np.isnan(pairs).all():
        return Estimate.unmeasured(few)
    return Estimate(
        value=float(np.nanmean(pairs)),
        n=len(weights),
        method=f"mean Spearman correlation of all pairs of {len(weights)} runs",
    )


def _delete_words(
    ask: Ask, texts: list[str], values: list[WordValues], rng: np.random.Generator
) -> tuple[NDArray[np.float64], pa.Table]:
    """Leave out the words named first, and random ones, and compare how far the answer moves."""
    own, asked, shape = ask(texts), [], []
    for place in range(len(texts)):
        words = values[place].words
        if len(words) < 2:
            continue
        orders = [np.argsort(-np.abs(values[place].phi), kind="stable")]
        orders += [rng.permutation(len(words)) for _ in range(_RANDOM_ORDERS)]
        for order in orders:
            for step in range(1, _DEEPEST + 1):
                gone = set(order[: min(step, len(words))].tolist())
                asked.append(" ".join(word for at, word in enumerate(words) if at not in gone))
        shape.append(place)
    if not shape:
        return np.zeros(0), TABLES["deletion"].empty_table()
    answers = ask(asked).reshape(len(shape), 1 + _RANDOM_ORDERS, _DEEPEST)
    changes = np.abs(answers - own[shape][:, None, None])
    lines = []
    for name, part in (("explanation", changes[:, 0]), ("random", changes[:, 1:].mean(axis=1))):
        for step in range(_DEEPEST):
            change = mean_estimate(part[:, step])
            lines.append(
                {
                    "order": name, "replaced": step + 1, "change": change.value,
                    "low": change.low, "high": change.high, "n": change.n,
                }
            )  # fmt: skip
    gains = (changes[:, 0] - changes[:, 1:].mean(axis=1)).mean(axis=1)
    return gains, pa.Table.from_pylist(lines, schema=TABLES["deletion"])


def _importance(values: list[WordValues]) -> pa.Table:
    found: dict[str, NDArray[np.float64]] = {}
    for place, text in enumerate(values):
        for word, phi in zip(text.words, text.phi, strict=True):
            key = word.lower()
            if key not in found:
                found[key] = np.zeros(len(values))
            found[key][place] += phi
    ranked = sorted(found, key=lambda word: (-float(np.abs(found[word]).sum()), word))
    lines = [importance_line(word[:200], found[word]) for word in ranked[:MOST_WORDS_LISTED]]
    return pa.Table.from_pylist(lines, schema=TABLES["importance"])


def _tokens(rows: NDArray[np.int64], values: list[WordValues], shown: int) -> pa.Table:
    kept = [shown, *[at for at in range(len(values)) if at != shown]][:MOST_TEXTS_KEPT]
    lines = [
        {"row": int(rows[at]), "position": position, "token": word[:200], "phi": float(phi)}
        for at in kept
        for position, (word, phi) in enumerate(zip(values[at].words, values[at].phi, strict=True))
    ]
    return pa.Table.from_pylist(lines, schema=TABLES["tokens"])


def _lime(row: int, first: Beside, weights: NDArray[np.float64]) -> pa.Table:
    lines = [
        {
            "row": row, "feature": word[:200], "value": "", "phi": float(first.phi[at]),
            "weight": float(weights[:, at].mean()), "low": float(weights[:, at].min()),
            "high": float(weights[:, at].max()), "n": len(weights),
        }
        for at, word in enumerate(first.words)
    ]  # fmt: skip
    return pa.Table.from_pylist(lines, schema=TABLES["lime"])


def _agreement(rows: NDArray[np.int64], compared: list[Beside]) -> pa.Table:
    lines = []
    for row, one in zip(rows, compared, strict=True):
        found = compare(one.phi[None], one.weights[None])
        lines.append(
            {
                "row": int(row),
                "spearman": None if np.isnan(found.spearman[0]) else float(found.spearman[0]),
                "kendall": None if np.isnan(found.kendall[0]) else float(found.kendall[0]),
                "overlap": float(found.overlap[0]),
                "conflicts": int(found.conflicts[0]),
                "lime_r_squared": one.r_squared,
            }
        )
    return pa.Table.from_pylist(lines, schema=TABLES["agreement"])
