"""The text face: TextAttack's recipes, offline, against random typing errors of the same size."""

import hashlib
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analyzers.adversarial.attacked import Attacked, choose_rows
from analyzers.adversarial.edits import (
    changed_words,
    n_words_changed,
    random_typing_errors,
    similarity,
)
from analyzers.adversarial.noise import DRAWS
from analyzers.adversarial.params import AdversarialParams
from analyzers.adversarial.recipes import build_recipe, remembered_words, warm_up
from analyzers.adversarial.robustness import (
    Outcome,
    curve_table,
    histogram_table,
    robustness_estimates,
)
from analyzers.adversarial.tables import table_of
from analyzers.adversarial.threat_model import threat_model_table
from analyzers.core.errors import UnsuitableSubject
from analyzers.core.model import Capability, Model
from analyzers.core.result import Estimate, Measurements
from analyzers.core.workbench import Tracker, Workbench, untracked
from analyzers.toolkit.intervals import mean_estimate, rate_estimate

__all__ = ["measure", "warm_up"]

SHARES = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5)
MOST_WEAK_WORDS = 30
# A recipe may change as many words as it likes, and put some in.
WHOLE_TEXT = 1e9
NOTHING = "No text was flipped."


class Attempt(NamedTuple):
    """What became of one text.

    Attributes:
        text: the changed text; the original where nothing was found.
        is_broken: whether the model repeats that its answer is another one.
        queries: questions asked.
    """

    text: str
    is_broken: bool
    queries: int


def measure(bench: Workbench, params: AdversarialParams) -> Measurements:
    """Attack a sample of texts and confirm every flip on the model."""
    model = bench.need_model()
    if Capability.PREDICT_PROBA not in model.capabilities:
        raise UnsuitableSubject(
            "The recipes for text need the model's scores, and this model gives labels only.",
            remedy="Export the model with its probabilities.",
        )
    attacked = choose_rows(bench, params.rows)
    inputs = bench.data.inputs
    texts = [str(inputs[position]) for position in attacked.positions]
    is_reduction = params.recipe.startswith("Input reduction")
    seed = int(bench.rng.spawn(1)[0].integers(2**31))
    # Empty texts offer nothing to change; they stay in the accuracy and in no attack.
    open_ = np.flatnonzero(attacked.is_correct & np.array([bool(t.split()) for t in texts]))
    attempts = {
        int(at): attempt
        for at, attempt in zip(
            open_,
            attack_texts(
                model, [texts[at] for at in open_], attacked.codes[open_], params,
                seed=seed, track=bench.track,
            ),
            strict=True,
        )
    }  # fmt: skip
    n = len(texts)
    words_changed = np.zeros(n, dtype=np.int64)
    sizes = np.full(n, np.inf)
    for at, attempt in attempts.items():
        if attempt.is_broken:
            words_changed[at] = n_words_changed(texts[at], attempt.text)
            sizes[at] = words_changed[at] / max(len(texts[at].split()), 1)
    if is_reduction:
        return _reduction(bench, attacked, texts, attempts, sizes, params)
    grid = np.array(SHARES)
    by_noise = _try_noise(bench, model, texts, attacked, grid, seed)
    outcome = Outcome(attacked.is_correct, sizes, grid, by_noise)
    same_size = _noise_of_same_size(bench, model, texts, attacked, words_changed, seed)
    broken = np.array([at for at, attempt in attempts.items() if attempt.is_broken], dtype=np.int64)
    alike = np.array([similarity(texts[at], attempts[int(at)].text) for at in broken])
    queries = np.array([attempt.queries for attempt in attempts.values()], dtype=np.float64)
    n_correct = int(attacked.is_correct.sum())
    return Measurements(
        estimates=robustness_estimates(outcome, WHOLE_TEXT)
        | _same_size_estimates(broken, same_size, n_correct, n)
        | {
            "words_changed_share": _mean(sizes[broken]),
            "similarity": _mean(alike),
            "queries": _mean(queries),
        },
        facts=_facts(bench, params),
        tables={
            "threat_model": _threat_model(params, attacked),
            "curve": curve_table(outcome),
            "rows": _row_table(bench, attacked, texts, attempts, sizes),
            "size_histogram": histogram_table(sizes[broken]),
            "weak_spots": _weak_words(texts, attempts),
            "text_examples": _examples(bench, attacked, texts, attempts, params.examples),
        },
        sampling=attacked.sampling,
    )


def attack_texts(
    model: Model,
    texts: list[str],
    codes: NDArray[np.int64],
    params: AdversarialParams,
    *,
    seed: int,
    track: Tracker = untracked,
) -> list[Attempt]:
    """Run the recipe on each text; the model's answers are kept while a text is under attack.

    Args:
        model: gives probabilities.
        texts: none of them empty.
        codes: `(n_texts,)` the answers to change.
        params: recipe and queries.
        seed: together with the text it seeds the recipe's random choices.
        track: reports progress.
    """
    seen: dict[str, NDArray[np.float64]] = {}

    def scores_of(asked: list[str]) -> NDArray[np.float64]:
        new = [text for text in dict.fromkeys(asked) if text not in seen]
        if new:
            seen.update(zip(new, _normalised(model.predict_proba(new)), strict=True))
        return np.array([seen[text] for text in asked])

    attack = build_recipe(params.recipe, scores_of, queries=params.queries)
    is_reduction = params.recipe.startswith("Input reduction")
    attempts = []
    for text, code in track(
        list(zip(texts, codes, strict=True)), "Attacking texts", total=len(texts)
    ):
        seen.clear()
        with seeded(seed, text), remembered_words():
            result = attack.attack(text, int(code))
        changed = str(result.perturbed_result.attacked_text.text)
        answer = int(model.predict([changed])[0])
        is_kept = answer == int(code)
        is_hit = is_kept and changed != text if is_reduction else not is_kept
        attempts.append(
            Attempt(changed if is_hit else text, is_hit, int(attack.goal_function.num_queries))
        )
    return attempts


@contextmanager
def seeded(seed: int, text: str) -> Iterator[None]:
    """Seed the global generators TextAttack draws from by the text, and put them back after."""
    digest = hashlib.sha256(f"{seed}:{text}".encode()).digest()
    own = int.from_bytes(digest[:4], "big")
    plain, arrays = random.getstate(), np.random.get_state()  # noqa: NPY002  TextAttack's own
    random.seed(own)
    np.random.seed(own)  # noqa: NPY002, TID251  TextAttack offers no generator
    try:
        yield
    finally:
        random.setstate(plain)
        np.random.set_state(arrays)  # noqa: NPY002


def _normalised(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    # TextAttack takes sums further from 1 than 1e-6 for raw scores.
    return scores / scores.sum(axis=1, keepdims=True)


def _rng_of(seed: int, text: str, what: str) -> np.random.Generator:
    digest = hashlib.sha256(f"{seed}:{what}:{text}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))


def _errors(
    model: Model,
    texts: list[str],
    n_words: NDArray[np.int64],
    codes: NDArray[np.int64],
    seed: int,
    what: str,
) -> NDArray[np.bool_]:
    """Whether any of ten random sets of typing errors changes each answer."""
    drawn = []
    for text, count in zip(texts, n_words, strict=True):
        rng = _rng_of(seed, text, what)
        drawn += [random_typing_errors(text, int(count), rng) for _ in range(DRAWS)]
    if not drawn:
        return np.zeros(0, dtype=bool)
    changed = model.predict(drawn) != np.repeat(codes, DRAWS)
    return np.asarray(changed.reshape(len(texts), DRAWS).any(axis=1))


def _try_noise(
    bench: Workbench,
    model: Model,
    texts: list[str],
    attacked: Attacked,
    grid: NDArray[np.float64],
    seed: int,
) -> NDArray[np.bool_]:
    broken = np.zeros((len(grid), len(texts)), dtype=bool)
    rows = np.flatnonzero(attacked.is_correct)
    kept = [texts[at] for at in rows]
    lengths = np.array([len(text.split()) for text in kept], dtype=np.int64)
    for place, share in enumerate(bench.track(grid, "Making typing errors at random")):
        # Rounded down, so that a random change is never larger than the size it stands for.
        counts = np.floor(lengths * share + 1e-9).astype(np.int64)
        broken[place, rows] = _errors(model, kept, counts, attacked.codes[rows], seed, f"{share}")
    return broken


def _noise_of_same_size(
    bench: Workbench,
    model: Model,
    texts: list[str],
    attacked: Attacked,
    words_changed: NDArray[np.int64],
    seed: int,
) -> NDArray[np.bool_]:
    """Whether as many errors as the recipe made, put in at random, flip each text too.

    Texts the recipe did not flip get the usual number of those it did, and at least one.
    """
    rows = np.flatnonzero(attacked.is_correct)
    flipped = words_changed[words_changed > 0]
    usual = int(np.median(flipped)) if len(flipped) else 1
    counts = np.where(words_changed > 0, words_changed, usual)
    broken = np.zeros(len(texts), dtype=bool)
    for _ in bench.track(range(1), "Comparing with random errors of the same number"):
        broken[rows] = _errors(
            model, [texts[at] for at in rows], counts[rows], attacked.codes[rows], seed,
            "same",
        )  # fmt: skip
    return broken


def _same_size_estimates(
    broken: NDArray[np.int64], same_size: NDArray[np.bool_], n_correct: int, n: int
) -> dict[str, Estimate]:
    """Compare text by text: as many random errors as the attack needed, in the same text."""
    if not n_correct:
        return {}
    by_noise = int(same_size.sum())
    return {
        "noise_accuracy": rate_estimate(n_correct - by_noise, n),
        "noise_success_rate": rate_estimate(by_noise, n_correct),
        "gap_to_noise": rate_estimate(len(broken) - int(same_size[broken].sum()), n_correct),
    }


def _mean(values: NDArray[np.float64]) -> Estimate:
    return mean_estimate(values) if len(values) else Estimate.unmeasured(NOTHING)


def _facts(
    bench: Workbench, params: AdversarialParams
) -> dict[str, str | int | float | bool | None]:
    return {
        "modality": "text", "task": bench.subject.task, "attacker_sees": "scores",
        "attack": params.recipe, "budget": 1.0, "budget_unit": "share of the words",
        "noise_draws": DRAWS,
    }  # fmt: skip


def _threat_model(params: AdversarialParams, attacked: Attacked) -> pa.Table:
    goals = {
        True: "the same answer from as few words as possible.",
        False: "any wrong answer." if attacked.has_labels else "any other answer.",
    }
    return threat_model_table(
        knows="the model's scores.",
        access="black-box",
        may_change=f"Words may change as the recipe allows: {params.recipe}. Function words such "
        "as 'the' and 'not' stay as they are.",
        budget=f"No limit on the number of words; {params.queries:,} queries a text.",
        goal=goals[params.recipe.startswith("Input reduction")],
    )


def _reduction(
    bench: Workbench,
    attacked: Attacked,
    texts: list[str],
    attempts: dict[int, Attempt],
    sizes: NDArray[np.float64],
    params: AdversarialParams,
) -> Measurements:
    """Input reduction keeps the answer, so it measures what is left and not what is broken."""
    left = np.array(
        [len(attempt.text.split()) / len(texts[at].split()) for at, attempt in attempts.items()]
    )
    queries = np.array([attempt.queries for attempt in attempts.values()], dtype=np.float64)
    n = len(texts)
    return Measurements(
        estimates={
            "accuracy": rate_estimate(int(attacked.is_correct.sum()), n),
            "words_left_share": _mean(left),
            "queries": _mean(queries),
        },
        facts=_facts(bench, params),
        tables={
            "threat_model": _threat_model(params, attacked),
            "rows": _row_table(bench, attacked, texts, attempts, sizes),
            "text_examples": _examples(bench, attacked, texts, attempts, params.examples),
        },
        sampling=attacked.sampling,
    )


def _row_table(
    bench: Workbench,
    attacked: Attacked,
    texts: list[str],
    attempts: dict[int, Attempt],
    sizes: NDArray[np.float64],
) -> pa.Table:
    classes = bench.subject.classes
    answers = _answers(bench, attempts)
    rows: list[dict[str, object]] = []
    for at, attempt in attempts.items():
        hit = attempt.is_broken
        rows.append(
            {
                "row": int(bench.data.rows[attacked.positions[at]]),
                "true": classes[attacked.codes[at]] if attacked.has_labels else None,
                "before": classes[attacked.codes[at]],
                "after": classes[answers[at]] if hit else None,
                "size": float(sizes[at]) if np.isfinite(sizes[at]) else None,
                "n_changed": n_words_changed(texts[at], attempt.text) if hit else None,
                "largest_change": None,
                "within_budget": bool(np.isfinite(sizes[at])),
                "queries": attempt.queries,
                "found_by": "recipe" if hit else None,
            }
        )
    return table_of("rows", rows)


def _examples(
    bench: Workbench,
    attacked: Attacked,
    texts: list[str],
    attempts: dict[int, Attempt],
    most: int,
) -> pa.Table:
    """Keep the texts with the smallest share of changed words."""
    classes = bench.subject.classes
    answers = _answers(bench, attempts)
    made: list[dict[str, object]] = []
    for at, attempt in attempts.items():
        if attempt.is_broken:
            n_words = len(texts[at].split())
            made.append(
                {
                    "row": int(bench.data.rows[attacked.positions[at]]),
                    "true": classes[attacked.codes[at]] if attacked.has_labels else None,
                    "before": classes[attacked.codes[at]], "after": classes[answers[at]],
                    "original": texts[at], "adversarial": attempt.text,
                    "changed_words": changed_words(texts[at], attempt.text),
                    "words_changed_share": n_words_changed(texts[at], attempt.text) / n_words,
                    "similarity": similarity(texts[at], attempt.text),
                    "queries": attempt.queries,
                }
            )  # fmt: skip
    made.sort(key=lambda row: (float(str(row["words_changed_share"])), str(row["original"])))
    return table_of(
        "text_examples",
        [{"example": number, **row} for number, row in enumerate(made[:most], start=1)],
    )


def _answers(bench: Workbench, attempts: dict[int, Attempt]) -> dict[int, int]:
    if not attempts:
        return {}
    codes = bench.need_model().predict([attempt.text for attempt in attempts.values()])
    return {at: int(code) for at, code in zip(attempts, codes, strict=True)}


def _weak_words(texts: list[str], attempts: dict[int, Attempt]) -> pa.Table:
    """Which words were changed in the texts that flipped, by how many of those texts hold them."""
    times: Counter[str] = Counter()
    holds: Counter[str] = Counter()
    for at, attempt in attempts.items():
        if attempt.is_broken:
            old = [_bare(word) for word in texts[at].split()]
            holds.update(set(old))
            gone = changed_words(attempt.text, texts[at])
            times.update({old[place] for place in gone if old[place]})
    rows: list[dict[str, object]] = []
    for word, count in sorted(times.items(), key=lambda item: (-item[1], item[0])):
        share = rate_estimate(count, holds[word])
        rows.append(
            {
                "name": word, "times_changed": count, "share": share.value, "low": share.low,
                "high": share.high, "n": holds[word], "mean_change": None,
            }
        )  # fmt: skip
    return table_of("weak_spots", rows[:MOST_WEAK_WORDS])


def _bare(word: str) -> str:
    return word.lower().strip(".,;:!?\"'()")
