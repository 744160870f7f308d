"""Explain a model of texts: what each word adds, exactly where words are weighed and added up."""

from importlib.metadata import version

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analyzers.core.result import Estimate, Fact, Measurements
from analyzers.core.workbench import Workbench
from analyzers.explanation.agreement import compare, mean_pairwise, top_of
from analyzers.explanation.attribution import target_of
from analyzers.explanation.faithfulness import (
    DEEPEST,
    RANDOM_ORDERS,
    Faithfulness,
    faithfulness_estimates,
    faithfulness_of,
    faithfulness_table,
    orders_of,
)
from analyzers.explanation.params import ExplanationParams
from analyzers.explanation.records import explained_rows, importance_line
from analyzers.explanation.selection import choose_class, choose_rows, choose_shown
from analyzers.explanation.tables import TABLES
from analyzers.explanation.word_choice import explain_texts
from analyzers.explanation.word_values import (
    LIME_WIDTH,
    Ask,
    Beside,
    WordValues,
    beside_lime,
)
from analyzers.toolkit.intervals import mean_estimate
from analyzers.toolkit.sampling import sampling_note

MOST_WORDS_LISTED = 100
MOST_TEXTS_KEPT = 200
LIME_RUNS = 5
LIME_TEXTS = 10
MOST_DELETED = 100
_WIDTH_TEXTS = 5


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

    found, texts, refused = explain_texts(
        model,
        [everything[at] for at in chosen.positions],
        target,
        most_asked=params.sampled_rows,
        method=params.method,
        rng=masking,
        track=bench.track,
    )
    positions = chosen.positions[: len(texts)]
    outputs = ask(texts)
    shown = choose_shown(bench.need_predictions(), positions, params.row, outputs, class_index)
    places = [shown.place, *[at for at in range(len(texts)) if at != shown.place]][:LIME_TEXTS]
    seeds = local.integers(0, 2**31, LIME_RUNS)
    compared = [
        beside_lime(ask, texts[at], found.values[at], params.lime_samples, int(seeds[0]))
        for at in bench.track(places, "Running LIME on texts", total=len(places))
    ]
    reruns = [
        beside_lime(ask, texts[shown.place], found.values[shown.place], params.lime_samples, seed)
        for seed in bench.track([int(s) for s in seeds], "Repeating LIME", total=LIME_RUNS)
    ]
    widths = [
        [
            beside_lime(
                ask, texts[at], found.values[at], params.lime_samples, int(seeds[0]), width=width
            ).weights
            for width in (LIME_WIDTH / 2, LIME_WIDTH * 2)
        ]
        for at in bench.track(places[:_WIDTH_TEXTS], "Changing LIME's width")
    ]
    weights = np.array([run.weights for run in reruns])
    faithfulness = _leave_out(ask, texts[:MOST_DELETED], found.values, deleting)
    agreement = [compare(one.phi[None], one.weights[None]) for one in compared]
    rank = np.array([item.spearman[0] for item in agreement])
    few = "No text has two different words that count."
    errors = np.array([value.error for value in found.values])
    row_numbers = bench.data.rows[positions]
    sums = np.array([value.phi.sum() for value in found.values])
    estimates = {
        "additivity_error": Estimate(
            value=float(np.abs(found.rebuilt - outputs).max()),
            n=len(texts),
            method="largest |base + values - model's own answer|, probability",
        ),
        "base_value": Estimate(
            value=float(found.bases.mean()), n=len(texts), method=f"mean, {found.scale}"
        ),
        "shap_lime_correlation": mean_estimate(rank[~np.isnan(rank)])
        if not np.isnan(rank).all() else Estimate.unmeasured(few),
        "lime_r_squared": mean_estimate(np.array([one.r_squared for one in compared])),
        "lime_stability": _stability(weights, few),
        "lime_width_stability": _width_stability(widths, few),
    }  # fmt: skip
    if faithfulness is None:
        unmeasured = Estimate.unmeasured(few)
        estimates |= {"faithfulness_gain": unmeasured, "insertion_gain": unmeasured}
    else:
        estimates |= faithfulness_estimates(faithfulness)
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
            found.bases[:MOST_TEXTS_KEPT] + sums[:MOST_TEXTS_KEPT],
            found.bases[:MOST_TEXTS_KEPT],
            shown.place,
        ),
        "tokens": _tokens(row_numbers, found.values, shown.place),
        "lime": _lime(int(row_numbers[shown.place]), reruns[0], weights),
        "agreement": _agreement(row_numbers[places], compared),
        "deletion": TABLES["deletion"].empty_table()
        if faithfulness is None
        else faithfulness_table(faithfulness),
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
        "background": found.background,
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


def _stability(weights: NDArray[np.float64], few: str) -> Estimate:
    pairs = mean_pairwise(weights)
    if np.isnan(pairs).all():
        return Estimate.unmeasured(few)
    return Estimate(
        value=float(np.nanmean(pairs)),
        n=len(weights),
        method=f"mean Spearman correlation of all pairs of {len(weights)} runs",
    )


def _width_stability(widths: list[list[NDArray[np.float64]]], few: str) -> Estimate:
    alike = np.array([compare(a[None], b[None]).spearman[0] for a, b in widths])
    if np.isnan(alike).all():
        return Estimate.unmeasured(few)
    found = mean_estimate(alike[~np.isnan(alike)])
    if found.low is None or found.high is None:
        return found
    # A correlation ends at 1; Student's interval of a few does not know it.
    return found.model_copy(update={"low": max(found.low, -1.0), "high": min(found.high, 1.0)})


def _leave_out(
    ask: Ask, texts: list[str], values: list[WordValues], rng: np.random.Generator
) -> Faithfulness | None:
    """Leave out the words named first, and all but those; None where no text has two words."""
    kept = [place for place in range(len(texts)) if len(values[place].words) > 1]
    if not kept:
        return None
    asked = []
    for place in kept:
        words = values[place].words
        for rank in orders_of(values[place].phi[None], rng):
            for step in range(DEEPEST):
                is_early = rank[0] <= step
                asked += [
                    " ".join(word for word, is_in in zip(words, part, strict=True) if is_in)
                    for part in (~is_early, is_early)
                ]
    answers = ask(asked).reshape(len(kept), 1 + RANDOM_ORDERS, DEEPEST, 2)
    far = np.abs(answers - ask(texts)[kept][:, None, None, None])
    deleted, inserted = (list(np.moveaxis(far[..., test], 1, 0)) for test in (0, 1))
    return faithfulness_of(deleted, inserted)


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
