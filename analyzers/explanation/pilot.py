"""A few seconds' trial of the model, so that the time of a run is foretold from its own speed.

Question: how fast does this model answer, which explainer fits it, and how fast is that?
Method: the model is asked about one row and about growing numbers of rows; the explainer that a run
would take explains a few rows, held to the model's answers as in the run; LIME's regressions are
timed on answers that are already there. Each work grows until it takes long enough to be timed.
Limits: times are of this machine at this moment; under another load they are others, and no two
trials agree to the last digit. Nothing here enters a finding.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from analyzers.anatomy.compiled import compile_for
from analyzers.anatomy.refusal import DoesNotFit
from analyzers.core.analyzer import Analyzer, Needs, no_charts, no_findings
from analyzers.core.dataset import Dataset
from analyzers.core.model import Capability, DifferentiableModel, Model
from analyzers.core.params import Params
from analyzers.core.result import Fact, Measurements
from analyzers.core.workbench import Workbench, untracked
from analyzers.explanation.attribution import Attribution, Target, target_of
from analyzers.explanation.choice import explain_exactly, open_model_trees
from analyzers.explanation.interactions import COLUMNS_PAIRED, ROWS_EXACT, interaction_work
from analyzers.explanation.local import shared_lime
from analyzers.explanation.params import MOST_ASKED_BACKGROUND, ExplanationParams, Method
from analyzers.explanation.picture_values import Heat, heat_by_gradients
from analyzers.explanation.selection import choose_class, choose_rows
from analyzers.explanation.word_choice import explain_texts_exactly
from analyzers.explanation.word_values import Texts

# Seconds after which a work counts as timed, and the sizes it is tried at.
_LONG_ENOUGH_S = 0.15
_QUESTION_SIZES = (8, 64, 512, 4096)
_EXPLAINED_SIZES = (4, 32, 256)
_OTHER_SIZES = (4, 32)
_PICTURES_BEHIND = 10
_LIME_ROWS = 20
# A first call loads and compiles; it is made again unless it was long for another reason.
_WARM_S = 1.0
# What takes longer is not tried on more rows: it is taken for all start, as of large forests.
_LONGEST_S = 60.0
_LIME_SAMPLES = 500


Some = Callable[[int], Dataset]


class PilotParams(Params):
    """Which explainer the run is to take."""

    method: Method = "automatic"


class Cost(NamedTuple):
    """Seconds of a work: a start, and each unit of it."""

    start: float
    each: float


def measure(bench: Workbench, params: PilotParams) -> Measurements:
    """Time the model and its explainer."""
    began = time.perf_counter()
    model, subject = bench.need_model(), bench.subject
    class_index = choose_class(bench, ExplanationParams())
    target = target_of(model, class_index)
    # Rows and background come from where the run takes them: some explainers' time hangs on them.
    largest = _QUESTION_SIZES[-1]
    wanted = ExplanationParams(rows=largest, background_rows=MOST_ASKED_BACKGROUND)
    chosen = choose_rows(bench, wanted, largest, bench.rng)

    def some(n_rows: int) -> Dataset:
        # Rows come again where there are fewer: what is timed is their number.
        return bench.data.take(np.resize(chosen.positions, n_rows))

    def behind(n_rows: int) -> Dataset:
        return chosen.background.take(np.arange(n_rows) % len(chosen.background))

    source = bench.data if bench.training_data is None else bench.training_data
    found: dict[str, Fact] = {"n_source": len(source)}
    if subject.modality == "tabular":
        # The run asks the quicker of the two as well.
        model = compile_for(bench).model
    asked = [some(size) for size in _QUESTION_SIZES]
    found |= _named("question", _ask(model, target, some(1), asked))
    if subject.modality == "tabular":
        found |= _explain_tables(bench, model, target, params, some, behind)
        found |= _regressions(some, bench.rng)
    elif subject.modality == "text":
        found |= _explain_texts(model, target, params, some)
    else:
        found |= _explain_pictures(model, target, params, some, behind)
    found["pilot_seconds"] = time.perf_counter() - began
    return Measurements(facts=found)


def _ask(model: Model, target: Target, one: Dataset, larger: list[Dataset]) -> Cost:
    """Seconds for a question about nothing, and for each row of it."""
    _timed(lambda: target.outputs(model, one.inputs))
    start = min(_timed(lambda: target.outputs(model, one.inputs)) for _ in range(2))
    each = start
    for rows in larger:
        taken = _timed(partial(target.outputs, model, rows.inputs))
        each = max(0.0, taken - start) / (len(rows) - 1)
        if taken > _LONG_ENOUGH_S:
            break
    return Cost(max(0.0, start - each), each)


def _explain_tables(
    bench: Workbench,
    model: Model,
    target: Target,
    params: PilotParams,
    some: Some,
    behind: Some,
) -> dict[str, Fact]:
    found: dict[str, Fact] = {"explainer": "", "refused": "", "n_background": 0}
    is_gradient = Capability.GRADIENT in model.capabilities
    attributions: list[Attribution] = []

    def explain(size: int) -> None:
        others = behind(_EXPLAINED_SIZES[0] if is_gradient else size)
        attribution, refused = explain_exactly(
            model, some(size), others, target, method=params.method, track=bench.track
        )
        if attribution is None:
            raise DoesNotFit("; ".join(refused))
        attributions.append(attribution)

    try:
        cost = _growing(explain, _EXPLAINED_SIZES, row_by_row=is_gradient)
    except DoesNotFit as reason:
        return found | {"refused": str(reason)} | _named("explain", Cost(0.0, 0.0))
    if is_gradient:
        cost = Cost(cost.start, cost.each / _EXPLAINED_SIZES[0])
    attribution = attributions[-1]
    found |= {
        "explainer": attribution.explainer, "n_background": attribution.n_background,
        "follows_gradients": is_gradient,
    }  # fmt: skip
    return found | _named("explain", cost) | _pairs(model, target, some)


def _pairs(model: Model, target: Target, some: Some) -> dict[str, Fact]:
    """Seconds for exact interactions of a tree model; -1 where they are sampled."""
    few = some(_EXPLAINED_SIZES[1])
    began = time.perf_counter()
    opened = open_model_trees(model, few, few, target)
    taken = time.perf_counter() - began
    if opened is None:
        return {"pairs_seconds": -1.0}
    owners, counts = np.unique(opened.own.owners, return_counts=True)
    kept = owners[np.argsort(-counts, kind="stable")][:COLUMNS_PAIRED].astype(np.int64)
    work = interaction_work(opened, kept, ROWS_EXACT)
    return {"pairs_seconds": -1.0 if work is None else taken + work}


def _regressions(some: Some, rng: np.random.Generator) -> dict[str, Fact]:
    """Seconds of LIME for each row and neighbour at this number of columns."""
    rows, training = some(_LIME_ROWS).inputs, some(_QUESTION_SIZES[2]).inputs
    assert isinstance(rows, pd.DataFrame)  # noqa: S101  called for tables only
    assert isinstance(training, pd.DataFrame)  # noqa: S101  as above

    def answered(asked: pd.DataFrame) -> NDArray[np.float64]:
        return np.linspace(0.0, 1.0, len(asked))

    with threadpool_limits(1, user_api="blas"):
        _timed(lambda: shared_lime(answered, rows.iloc[:1], training, _LIME_SAMPLES, rng))
        times = [
            (n, _timed(partial(shared_lime, answered, rows[:n], training, _LIME_SAMPLES, rng)))
            for n in (2, _LIME_ROWS)
        ]
    return {"regression_each": _line(times).each / _LIME_SAMPLES}


def _explain_texts(
    model: Model, target: Target, params: PilotParams, some: Some
) -> dict[str, Fact]:
    texts = some(_OTHER_SIZES[-1]).inputs
    assert isinstance(texts, list)  # noqa: S101  called for texts only
    found: dict[str, Fact] = {
        "n_words": float(np.median([len(text.split()) for text in texts])),
        "explainer": "", "refused": "", "n_background": 0,
    }  # fmt: skip
    if params.method == "model-agnostic":
        return found | _named("explain", Cost(0.0, 0.0))
    explained: list[Texts] = []

    def explain(size: int) -> None:
        explained.append(explain_texts_exactly(model, texts[:size], target, untracked))

    try:
        cost = _growing(explain, _OTHER_SIZES, row_by_row=True)
    except DoesNotFit as reason:
        return found | {"refused": str(reason)} | _named("explain", Cost(0.0, 0.0))
    found |= {
        "explainer": explained[-1].explainer, "follows_gradients": not explained[-1].is_quick,
    }  # fmt: skip
    return found | _named("explain", cost)


def _explain_pictures(
    model: Model, target: Target, params: PilotParams, some: Some, behind: Some
) -> dict[str, Fact]:
    found: dict[str, Fact] = {"explainer": "", "refused": "", "n_background": 0}
    is_asked = params.method != "model-agnostic"
    if not (is_asked and isinstance(model, DifferentiableModel)):
        return found | _named("explain", Cost(0.0, 0.0))
    others = behind(_PICTURES_BEHIND).images
    heats: list[Heat] = []

    def explain(size: int) -> None:
        pictures = some(size).images
        assert pictures is not None  # noqa: S101  called for pictures only
        assert others is not None  # noqa: S101  as above
        heats.append(heat_by_gradients(model, pictures, others, target, untracked))

    try:
        cost = _growing(explain, _OTHER_SIZES, row_by_row=True)
    except DoesNotFit as reason:
        return found | {"refused": str(reason)} | _named("explain", Cost(0.0, 0.0))
    heat = heats[-1]
    found |= {"explainer": heat.explainer, "n_background": heat.n_background}
    return found | _named("explain", cost)


def _growing(
    work: Callable[[int], None], sizes: tuple[int, ...], *, row_by_row: bool = False
) -> Cost:
    """Do a work at growing sizes until it takes long enough to be timed.

    Args:
        work: takes the number of rows.
        sizes: to try.
        row_by_row: whether it has no start to speak of, and takes very different times for
            single rows, so that the mean of the most rows tells more than a slope.
    """
    first = _timed(partial(work, sizes[0]))
    if first < _WARM_S:
        first = _timed(partial(work, sizes[0]))
    times = [(sizes[0], first)]
    for size in sizes[1:]:
        # Two sizes at least, because many explainers take long to start and little for each row.
        is_timed = len(times) > 1 and times[-1][1] > _LONG_ENOUGH_S
        if is_timed or times[-1][1] > _LONGEST_S:
            break
        times.append((size, _timed(partial(work, size))))
    if row_by_row:
        return Cost(0.0, times[-1][1] / times[-1][0])
    return _line(times)


def _line(times: list[tuple[int, float]]) -> Cost:
    """Start and slope through the two largest sizes; all start where only one was tried."""
    if len(times) == 1:
        return Cost(times[0][1], 0.0)
    (fewer, first), (more, last) = times[-2:]
    each = max(0.0, last - first) / (more - fewer)
    return Cost(max(0.0, last - each * more), each)


def _timed(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _named(work: str, cost: Cost) -> dict[str, Fact]:
    return {f"{work}_start": cost.start, f"{work}_each": cost.each}


PILOT = Analyzer(
    name="explanation_pilot",
    version=2,
    title="Speed of the model",
    question="How fast does this model answer, and how fast is its explainer?",
    about=__doc__ or "",
    params=PilotParams,
    needs=Needs(model="required", predictions=True, training_data="optional"),
    tables={},
    measure=measure,
    judge=no_findings,
    draw=no_charts,
)
