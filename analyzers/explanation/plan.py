"""What a run is going to do and about how long it takes, from a trial of the model: before the run.

The questions of every part of a run are counted from the settings and the size of the data; what
one question and one explained row cost comes from the pilot, on this machine and at this moment.
"""

from collections.abc import Mapping
from math import isfinite
from typing import NamedTuple

from analyzers.core.result import Fact
from analyzers.core.subject import Subject
from analyzers.explanation.choice import affordable_explanations
from analyzers.explanation.coalitions import LEAST_PAIRS, MOST_EXACT_QUESTIONS
from analyzers.explanation.interactions import COLUMNS_PAIRED, DRAWS, ROWS_PAIRED
from analyzers.explanation.params import MOST_ASKED_BACKGROUND, ExplanationParams
from analyzers.explanation.plan_counts import (
    Counts,
    count_pictures,
    count_tests,
    count_texts,
)

# What needs no model: reasons, tables, and forests on every column that look for behaviour off the
# data; on one core of a 2020s server.
_OWN_WORK_S = 0.45
_OWN_COLUMN_S = 8e-3
_OWN_WORK_OF_OTHERS_S = 0.15
_OWN_CELL_S = 1e-6
# LIME on one text: words hidden and one regression for each sample.
_TEXT_SAMPLE_S = 1.5e-5
_PICTURE_SAMPLE_S = 3e-5
# Noise stability explains this many rows once more.
_EXPLAINED_AGAIN = 40
# Nothing in a trial takes a day; a worker that says so is not believed any further.
_LONGEST_S = 86_400.0


class Speed(NamedTuple):
    """What the pilot measured, all in seconds.

    Attributes:
        explainer: that fits the model; empty where it has to be asked.
        refused: why what is made for its kind does not fit, or empty.
        opening: until the model and the data are open.
        question_start: of a question, whatever it is about.
        question_each: of a row asked about.
        explain_start: of the explainer.
        explain_each: of a row explained; of a row and background row for networks.
        pairs_seconds: of exact interactions of trees; negative where they are sampled.
        regression_each: of LIME, of a row and neighbour.
        n_words: of the median text; 0 for others.
        has_background: whether the explainer needs background rows.
        n_source: rows that they can be drawn from.
        follows_gradients: whether the explainer does, which takes long for each row.
    """

    explainer: str
    refused: str
    opening: float
    question_start: float
    question_each: float
    explain_start: float
    explain_each: float
    pairs_seconds: float
    regression_each: float
    n_words: float
    has_background: bool
    n_source: int
    follows_gradients: bool


class Plan(NamedTuple):
    """What the chosen settings lead to.

    Attributes:
        explainer: in words.
        things: "rows", "texts" or "pictures".
        n_rows: how many of them it explains.
        n_background: rows that stand for unknown values; 0 where none do.
        n_questions: about how many rows the model is asked about in all.
        seconds: about how long it takes.
    """

    explainer: str
    things: str
    n_rows: int
    n_background: int
    n_questions: int
    seconds: float


def read_speed(facts: Mapping[str, Fact], *, job_seconds: float) -> Speed:
    """Take a pilot's answer, which comes from where uploads run and is held to be numbers.

    Args:
        facts: of the pilot.
        job_seconds: how long its whole job took; what the pilot did not spend was opening.
    """

    def number(name: str) -> float:
        value = facts.get(name)
        is_number = isinstance(value, int | float) and isfinite(value)
        return min(float(value), _LONGEST_S) if is_number and value is not None else 0.0

    return Speed(
        explainer=str(facts.get("explainer") or "")[:200],
        refused=str(facts.get("refused") or "")[:500],
        opening=max(0.0, job_seconds - number("pilot_seconds")),
        question_start=max(0.0, number("question_start")),
        question_each=max(0.0, number("question_each")),
        explain_start=max(0.0, number("explain_start")),
        explain_each=max(0.0, number("explain_each")),
        pairs_seconds=number("pairs_seconds"),
        regression_each=max(0.0, number("regression_each")),
        n_words=max(0.0, number("n_words")),
        has_background=number("n_background") > 0,
        n_source=max(1, round(number("n_source"))),
        follows_gradients=facts.get("follows_gradients") is True,
    )


def plan_of(subject: Subject, params: ExplanationParams, speed: Speed) -> Plan:
    """Say what a run would do.

    Args:
        subject: its number of rows and columns.
        params: as chosen.
        speed: of a pilot with the same `method`.
    """
    if subject.modality == "text":
        return _text_plan(subject, params, speed)
    if subject.modality == "image":
        return _picture_plan(subject, params, speed)
    n_columns = len(subject.features)
    drawn = min(params.rows, subject.n_rows)
    is_asking = not speed.explainer
    n_background = min(params.background_rows, speed.n_source)
    if params.method != "interventional" or is_asking:
        n_background = min(n_background, MOST_ASKED_BACKGROUND)
    if not is_asking and not speed.has_background:
        n_background = 0
    rows = drawn
    if is_asking:
        rows = affordable_explanations(min(params.sampled_rows, drawn), n_columns, n_background)
    counts = count_tests(n_columns, explained=rows, drawn=drawn, lime_samples=params.lime_samples)
    explaining = 0.0
    if is_asking:
        again = _EXPLAINED_AGAIN if rows >= 1 else 0
        counts = counts.plus((rows + again) * _coalitions(n_columns, n_background))
        explainer = "Shapley values from the model's answers alone"
    else:
        explainer = speed.explainer
        units = rows + _EXPLAINED_AGAIN
        if params.method == "interventional" and n_background:
            # Rows and background rows are walked down the trees alike.
            units += 2 * n_background
        elif speed.follows_gradients:
            units *= n_background
        explaining = 2 * speed.explain_start + units * speed.explain_each
    if speed.pairs_seconds < 0 or (is_asking and params.method == "model-agnostic"):
        pairs = min(n_columns, COLUMNS_PAIRED)
        counts = counts.plus(min(rows, ROWS_PAIRED) * DRAWS * (pairs * (pairs + 1) // 2 + 1))
    else:
        explaining += speed.pairs_seconds
    own = _OWN_WORK_S + n_columns * (_OWN_COLUMN_S + _OWN_CELL_S * subject.n_rows)
    own += speed.regression_each * counts.neighbours
    seconds = speed.opening + own + explaining + _asking(counts, speed)
    return Plan(explainer, "rows", rows, n_background, counts.rows, seconds)


def _text_plan(subject: Subject, params: ExplanationParams, speed: Speed) -> Plan:
    drawn = min(params.rows, subject.n_rows)
    counts = count_texts(
        drawn, params.sampled_rows, params.lime_samples, speed.n_words,
        is_asking=not speed.explainer, is_slow=speed.follows_gradients,
    )  # fmt: skip
    own = _OWN_WORK_OF_OTHERS_S + counts.neighbours * _TEXT_SAMPLE_S * max(1.0, speed.n_words / 20)
    explaining = speed.explain_start + counts.explained * speed.explain_each
    seconds = speed.opening + own + explaining + _asking(counts, speed)
    name = speed.explainer or "Shapley values of words left out in random orders"
    return Plan(name, "texts", counts.explained, 0, counts.rows, seconds)


def _picture_plan(subject: Subject, params: ExplanationParams, speed: Speed) -> Plan:
    counts = count_pictures(
        min(params.rows, subject.n_rows), params.sampled_rows, params.lime_samples,
        is_asking=not speed.explainer,
    )  # fmt: skip
    own = _OWN_WORK_OF_OTHERS_S + counts.neighbours * _PICTURE_SAMPLE_S
    explaining = speed.explain_start + counts.explained * speed.explain_each
    seconds = speed.opening + own + explaining + _asking(counts, speed)
    name = speed.explainer or "Shapley values of patches hidden in random orders"
    n_background = 10 if speed.explainer else 1
    return Plan(name, "pictures", counts.explained, n_background, counts.rows, seconds)


def _asking(counts: Counts, speed: Speed) -> float:
    return counts.calls * speed.question_start + counts.rows * speed.question_each


def _coalitions(n_columns: int, n_background: int) -> int:
    """Rows asked about for each row explained from answers alone."""
    every = 2**n_columns * n_background if n_columns <= 20 else MOST_EXACT_QUESTIONS + 1
    if every <= MOST_EXACT_QUESTIONS:
        return every
    # The ends of each walk are shared by all walks.
    return 2 * max(1, n_columns - 1) * n_background * -(-LEAST_PAIRS // n_background)


def plan_words(plan: Plan, *, longest: float) -> str:
    """Two or three sentences for the page.

    Args:
        plan: what a run would do.
        longest: seconds after which the server ends a run.
    """
    behind = ""
    if plan.n_background:
        behind = f" against {plan.n_background:,} background {plan.things}"
    words = (
        f"This run explains about {plan.n_rows:,} {plan.things}{behind} by {plan.explainer} and "
        f"asks the model about some {_rounded(plan.n_questions):,} {plan.things} in all. It takes "
        f"about {_time_words(plan.seconds)}, as far as a trial on a few {plan.things} tells: the "
        "model and its explainer were timed on this server. A busier machine takes longer."
    )
    if plan.seconds > longest:
        words += (
            f" This server ends a run after {_time_words(longest)}: choose fewer rows, fewer LIME "
            "samples or fewer background rows."
        )
    return words


def _rounded(number: int) -> int:
    return round(number, -(len(str(number)) - 2)) if number > 99 else number


def _time_words(seconds: float) -> str:
    if seconds < 10:
        return "1 second" if seconds < 1.5 else f"{round(seconds)} seconds"
    if seconds < 90:
        return f"{5 * round(seconds / 5)} seconds"
    if seconds < 5400:
        return f"{round(seconds / 60):,} minutes"
    return f"{round(seconds / 3600):,} hours" if seconds < 172_800 else "more than two days"
