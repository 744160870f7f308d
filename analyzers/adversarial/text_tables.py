"""Tables of what became of texts: every row, the examples, their steps and the weak words."""

from collections import Counter

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analyzers.adversarial.acting_marks import written_out
from analyzers.adversarial.attacked import Attacked
from analyzers.adversarial.edits import changed_words, n_words_changed, similarity
from analyzers.adversarial.recipe_rules import sentence_similarity
from analyzers.adversarial.tables import table_of
from analyzers.adversarial.text_attack import Attempt, Memory
from analyzers.core.workbench import Workbench
from analyzers.toolkit.intervals import rate_estimate

MOST_WEAK_WORDS = 30
MOST_STEPS = 40
BY_CHANCE = "random change"


def row_table(
    bench: Workbench,
    attacked: Attacked,
    texts: list[str],
    attempts: dict[int, Attempt],
    sizes: NDArray[np.float64],
    found_by: str,
) -> pa.Table:
    """Say of every text under attack what became of it."""
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
                "found_by": (BY_CHANCE if attempt.by_chance else found_by) if hit else None,
            }
        )
    return table_of("rows", rows)


def example_table(
    bench: Workbench,
    attacked: Attacked,
    texts: list[str],
    attempts: dict[int, Attempt],
    most: int,
    found_by: str,
) -> pa.Table:
    """Keep the texts with the smallest share of changed words; of shortened ones the largest."""
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
                    "adversarial_exact": written_out(attempt.text),
                    "changed_words": changed_words(texts[at], attempt.text),
                    "words_changed_share": n_words_changed(texts[at], attempt.text) / n_words,
                    "similarity": similarity(texts[at], attempt.text),
                    "meaning": sentence_similarity(texts[at], attempt.text),
                    "queries": attempt.queries,
                    "found_by": BY_CHANCE if attempt.by_chance else found_by,
                }
            )  # fmt: skip
    made.sort(
        key=lambda row: (
            float(str(row["words_changed_share"])) * (1 if row["before"] != row["after"] else -1),
            str(row["original"]),
        )
    )
    return table_of(
        "text_examples",
        [{"example": number, **row} for number, row in enumerate(made[:most], start=1)],
    )


def step_table(
    bench: Workbench,
    examples: pa.Table,
    attempts: dict[int, Attempt],
    memory: Memory,
    *,
    labels_only: bool,
) -> pa.Table:
    """Follow each kept example from the original to the changed text.

    Args:
        bench: the classes.
        examples: as `example_table` makes it.
        attempts: what became of each text.
        memory: asks the model.
        labels_only: whether the model has no scores to show.
    """
    classes = bench.subject.classes
    by_end = {
        (attempt.steps[0], attempt.text): attempt.steps
        for attempt in attempts.values() if attempt.is_broken and attempt.steps
    }  # fmt: skip
    made: list[dict[str, object]] = []
    for row in examples.to_pylist():
        steps = by_end.get((row["original"], row["adversarial"]), ())
        # A long way is shown by its first steps and its end.
        steps = steps if len(steps) <= MOST_STEPS else (*steps[: MOST_STEPS - 1], steps[-1])
        scores = memory.scores_of(list(steps)) if steps else np.zeros((0, len(classes)))
        code = classes.index(row["before"])
        for number, (text, score) in enumerate(zip(steps, scores, strict=True)):
            other = int(np.argmax(np.where(np.arange(len(score)) == code, -1.0, score)))
            made.append(
                {
                    "example": row["example"], "row": row["row"], "step": number, "text": text,
                    "changed_words": changed_words(row["original"], text),
                    "answer": classes[int(score.argmax())],
                    "score_before": None if labels_only else float(score[code]),
                    "score_other": None if labels_only else float(score[other]),
                    "other": classes[other],
                }
            )  # fmt: skip
    return table_of("text_steps", made)


def _answers(bench: Workbench, attempts: dict[int, Attempt]) -> dict[int, int]:
    if not attempts:
        return {}
    codes = bench.need_model().predict([attempt.text for attempt in attempts.values()])
    return {at: int(code) for at, code in zip(attempts, codes, strict=True)}


def weak_words(texts: list[str], attempts: dict[int, Attempt]) -> pa.Table:
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
