"""What the explanations of all rows say together: cohorts, pairs of columns, losses, reasons."""

from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from analyzers.core.dataset import Dataset
from analyzers.core.result import Fact
from analyzers.core.workbench import Workbench
from analyzers.explanation.attribution import Target
from analyzers.explanation.choice import open_model_trees
from analyzers.explanation.cohorts import cohort_importance_table, cohorts_of
from analyzers.explanation.interactions import (
    COLUMNS_PAIRED,
    ROWS_EXACT,
    ROWS_PAIRED,
    Interactions,
    exact_interactions,
    interactions_table,
    on_log_odds,
    sampled_interactions,
)
from analyzers.explanation.params import ExplanationParams
from analyzers.explanation.permutation import (
    affordable_rows,
    loss_words,
    move_columns,
    permutation_table,
    sets_of,
)
from analyzers.explanation.reasons import find_reasons, parts_table, reasons_table
from analyzers.explanation.records import Scene
from analyzers.toolkit.sampling import sampling_note

_BACKGROUND = 200


class Overall(NamedTuple):
    """Tables, facts and notes of what is measured over all explained rows."""

    tables: dict[str, pa.Table]
    facts: dict[str, Fact]
    notes: tuple[str, ...]


def measure_overall(
    bench: Workbench,
    params: ExplanationParams,
    target: Target,
    scene: Scene,
    background: Dataset,
    selected: NDArray[np.int64],
    rng: np.random.Generator,
) -> Overall:
    """Measure it.

    Args:
        bench: the subject, opened.
        params: as chosen.
        target: the explained output.
        scene: the explained rows.
        background: rows that stand for unknown values.
        selected: positions of all rows drawn, of which `scene` may explain only the first.
        rng: source of randomness.
    """
    pairing, moving, gathering = rng.spawn(3)
    cohorts = cohorts_of(bench, scene.positions)
    tables = {"group_importance": cohort_importance_table(scene, cohorts)}
    facts: dict[str, Fact] = {}
    notes = []
    if scene.frame.shape[1] > 1:
        pairs = _pairs(bench, params, target, scene, background, pairing)
        tables["interactions"] = interactions_table(pairs, [str(name) for name in scene.frame])
        facts["interactions"] = pairs.how
        n_paired = pairs.squares.shape[1]
        notes.append(
            sampling_note(n_paired, len(scene.frame), "Rows whose pairs of columns were compared")
        )
    known = _with_labels(bench, selected)
    if len(known):
        frame = bench.data.take(known).inputs
        assert isinstance(frame, pd.DataFrame)  # noqa: S101  tables only
        sets = sets_of(frame, scene.order)
        used = known[: affordable_rows(len(sets), len(known))]
        labels = bench.data.labels
        assert labels is not None  # noqa: S101  rows with a label exist
        moved = move_columns(
            bench.need_model(), target, frame.iloc[: len(used)].reset_index(drop=True),
            labels[used], sets, rng=moving, track=bench.track,
        )  # fmt: skip
        tables["permutation"] = permutation_table(moved, cohorts_of(bench, used))
        facts["permutation_loss"] = loss_words(target)
        notes.append(sampling_note(len(used), len(bench.data), "Rows whose columns changed places"))
    reasons = find_reasons(scene.attribution.values, gathering)
    if reasons is not None:
        tables["reasons"] = reasons_table(scene, reasons)
        tables["reason_parts"] = parts_table(scene, reasons)
        facts["reasons_silhouette"] = round(reasons.silhouette, 6)
    return Overall(tables, facts, tuple(filter(None, notes)))


def _pairs(
    bench: Workbench,
    params: ExplanationParams,
    target: Target,
    scene: Scene,
    background: Dataset,
    rng: np.random.Generator,
) -> Interactions:
    model, kept = bench.need_model(), scene.order[:COLUMNS_PAIRED]
    behind = background.take(np.arange(min(_BACKGROUND, len(background))))
    if params.method != "model-agnostic":
        few = bench.data.take(scene.positions[:ROWS_EXACT])
        opened = open_model_trees(model, few, behind, target)
        found = opened and exact_interactions(opened, kept, target.class_index, track=bench.track)
        if found:
            return found
    others = behind.inputs
    assert isinstance(others, pd.DataFrame)  # noqa: S101  tables only
    if scene.attribution.scale == "log-odds" and target.class_index is not None:
        ask = on_log_odds(model.predict_proba, target.class_index)
    else:

        def ask(asked: pd.DataFrame) -> NDArray[np.float64]:
            return target.outputs(model, asked)

    return sampled_interactions(
        ask, scene.frame.iloc[:ROWS_PAIRED], others, kept, rng=rng, track=bench.track
    )


def _with_labels(bench: Workbench, positions: NDArray[np.int64]) -> NDArray[np.int64]:
    labels = bench.data.labels
    if labels is None:
        return positions[:0]
    own = labels[positions]
    return positions[~np.isnan(own) if own.dtype.kind == "f" else own >= 0]
