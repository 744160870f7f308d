"""Explain a model of texts: what each word adds, exactly where words are weighed and added up."""

from importlib.metadata import version

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analyzers.core.result import Estimate, Fact, Measurements
from analyzers.core.workbench import Workbench
from analyzers.explanation.agreement import top_of
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
from analyzers.explanation.records import (
    agreement_table,
    explained_rows,
    importance_line,
)
from analyzers.explanation.selection import choose_class, choose_rows, choose_shown
from analyzers.explanation.tables import TABLES
from analyzers.explanation.telling_rows import representative_lines
from analyzers.explanation.word_choice import explain_texts
from analyzers.explanation.word_lime import (
    TEXTS,
    TEXTS_OF_SLOW,
    lime_estimates,
    lime_of_texts,
    lime_words_table,
    weights_by_word,
)
from analyzers.explanation.word_values import Ask, WordValues
from analyzers.toolkit.sampling import sampling_note

MOST_WORDS_LISTED = 100
MOST_TEXTS_KEPT = 200
MOST_DELETED = 100
# Longer ones are no text to edit in a field of a page.
MOST_LETTERS_EDITED = 20_000


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
    lime = lime_of_texts(
        ask,
        texts,
        found.values,
        shown.place,
        n_texts=TEXTS if found.is_quick else TEXTS_OF_SLOW,
        n_samples=params.lime_samples,
        rng=local,
        track=bench.track,
    )
    faithfulness = _leave_out(ask, texts[:MOST_DELETED], found.values, deleting)
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
    } | lime_estimates(lime)
    if faithfulness is None:
        unmeasured = Estimate.unmeasured("No text has two words.")
        estimates |= {"faithfulness_gain": unmeasured, "insertion_gain": unmeasured}
    else:
        estimates |= faithfulness_estimates(faithfulness)
    if errors.any():
        estimates["sampling_error"] = Estimate(
            value=float(1.96 * np.median(errors)),
            n=len(texts),
            method="median over texts of the 95 % half-width of the least certain word",
        )
    kept = [shown.place, *[at for at in range(len(texts)) if at != shown.place]][:MOST_TEXTS_KEPT]
    tables = {
        "importance": _importance(found.values),
        "explained_rows": explained_rows(
            bench, positions[kept], found.bases[kept] + sums[kept], found.bases[kept], 0
        ),
        "tokens": _tokens(row_numbers, found.values, kept),
        "texts": pa.Table.from_pylist(
            [
                {"row": int(row_numbers[at]), "text": texts[at]}
                for at in kept
                if len(texts[at]) <= MOST_LETTERS_EDITED
            ],
            schema=TABLES["texts"],
        ),
        "lime": lime_words_table(int(row_numbers[shown.place]), lime),
        "agreement": agreement_table(
            row_numbers[lime.places],
            lime.agreement,
            np.array([one.r_squared for one in lime.compared]),
        ),
        "telling_rows": pa.Table.from_pylist(
            representative_lines(
                bench, positions[lime.places], outputs[lime.places], *weights_by_word(lime)
            ),
            schema=TABLES["telling_rows"],
        ),
        "deletion": TABLES["deletion"].empty_table()
        if faithfulness is None
        else faithfulness_table(faithfulness),
    }
    explained = asked = "the value"
    if class_index is not None:
        explained, asked = (
            f"{scale} of {bench.subject.classes[class_index]!r}"
            for scale in (found.scale, target.scale)
        )
    facts: dict[str, Fact] = {
        "modality": "text",
        "explainer": found.explainer,
        "explainer_reason": found.why,
        "explainers_refused": refused,
        "explained_output": explained,
        "asked_output": asked,
        "scale": found.scale,
        "class": None if class_index is None else bench.subject.classes[class_index],
        "n_explained": len(texts),
        "background": found.background,
        "n_background": 1,
        "shown_row": int(row_numbers[shown.place]),
        "shown_row_reason": shown.why,
        "n_top": top_of(len(lime.compared[0].phi)),
        "n_features": len(lime.compared[0].phi),
        "shap_version": version("shap"),
        "lime_version": version("lime"),
    }
    n_empty = sum(not value.words for value in found.values)
    notes = (
        f"{n_empty:,} of {len(texts):,} explained texts have no words: there is nothing to explain "
        "in them."
        if n_empty
        else "",
        sampling_note(len(texts), len(bench.data), "Explained texts", strata=("predictions",)),
        sampling_note(len(lime.places), len(texts), "Texts explained with LIME too"),
    )
    return Measurements(
        estimates=estimates, facts=facts, tables=tables, sampling=tuple(filter(None, notes))
    )


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


def _tokens(rows: NDArray[np.int64], values: list[WordValues], kept: list[int]) -> pa.Table:
    lines = [
        {"row": int(rows[at]), "position": position, "token": word[:200], "phi": float(phi)}
        for at in kept
        for position, (word, phi) in enumerate(zip(values[at].words, values[at].phi, strict=True))
    ]
    return pa.Table.from_pylist(lines, schema=TABLES["tokens"])
