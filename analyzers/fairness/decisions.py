"""Group fairness of decisions: from rows to cells, and from cells to every table."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analyzers.core.dataset import Predictions
from analyzers.core.errors import InvalidParameter, UnsuitableSubject
from analyzers.core.result import Estimate, Fact, Measurements
from analyzers.core.subject import Subject
from analyzers.core.workbench import Tracker, Workbench, untracked
from analyzers.fairness.against_rest import impact_ratio_table, rest_table, selected_in
from analyzers.fairness.attribution import attribution_table
from analyzers.fairness.classes import class_table
from analyzers.fairness.comparing import disparity_table
from analyzers.fairness.counting import Cells, Groups, Names, all_groupings, count_cells
from analyzers.fairness.grouping import compound_table, group_table
from analyzers.fairness.mitigation import mitigate
from analyzers.fairness.neighbours import consistency_table
from analyzers.fairness.params import FairnessParams
from analyzers.fairness.scoring import (
    CellScores,
    above_median,
    area_disparities,
    count_cell_scores,
    curve_tables,
    score_metric_table,
    score_table,
)
from analyzers.fairness.searching import search
from analyzers.fairness.tables import TABLES
from analyzers.fairness.tradeoffs import tradeoff_table
from analyzers.toolkit.groups import Attribute, attribute_of, group_by, parse_edges
from analyzers.toolkit.rates import outcome_codes


def measure_decisions(bench: Workbench, params: FairnessParams) -> Measurements:
    """Measure a classifier: the favourable class against all others."""
    subject, predictions = bench.subject, bench.need_predictions()
    favourable = favourable_class(subject, params.outcome)
    attributes, left_out = attributes_of(bench, params)
    labels, decisions = as_binary(predictions, favourable)
    names = tuple(Names(item.name, item.levels) for item in attributes)
    codes = [item.codes for item in attributes]
    cells = count_cells(names, codes, outcome_codes(labels, decisions))
    seed = int(bench.rng.integers(2**31))
    facts: dict[str, Fact] = {
        "task": subject.task, "n": len(labels), "n_unlabelled": int((labels < 0).sum()),
        "favourable_class": subject.classes[favourable], "bootstrap_seed": seed,
        "draws": params.draws, "smallest_group": params.smallest_group, "depth": params.depth,
        "left_out": "; ".join(left_out),
    }  # fmt: skip
    counted = None
    tables: dict[str, pa.Table] = {"attributes": attribute_table(attributes)}
    sampling: tuple[str, ...] = ()
    member = group_by(np.stack(codes, axis=1), [len(name.levels) for name in names]).members
    if predictions.scores is not None:
        counted = count_cell_scores(predictions.scores[:, favourable], member, labels)
        facts["threshold_step"] = counted.step
        tables["scores"] = score_table(counted)
        if counted.step:
            sampling = (f"Threshold slider: exact at multiples of {counted.step}, not in between.",)
    derived = decision_tables(cells, facts, bench.track)
    if counted is not None:
        by_score = score_tables(counted, all_groupings(cells, params.depth), facts)
        derived = {
            name: pa.concat_tables(
                [part for part in (derived.get(name), by_score.get(name)) if part is not None]
            )
            for name in dict.fromkeys([*derived, *by_score])
        }
    if params.search:
        searched = search(bench, attributes, outcome_codes(labels, decisions), params)
        tables |= searched.tables
        sampling += searched.notes
    if params.search and subject.modality == "tabular":
        alike, notes = consistency_table(
            bench, all_groupings(cells, params.depth), member, decisions, bench.rng.spawn(1)[0],
            smallest=params.smallest_group,
        )  # fmt: skip
        derived["groups"] = pa.concat_tables([derived["groups"], alike])
        sampling += notes
    scores = None if predictions.scores is None else predictions.scores[:, favourable]
    if params.search and bench.model is not None:
        values = decisions.astype(np.float64) if scores is None else scores
        tables["attributions"] = attribution_table(
            bench, attributes, values, favourable, smallest=params.smallest_group
        )
    if len(subject.classes) > 2:
        known = None if predictions.labels is None else np.asarray(predictions.labels, np.int64)
        tables["classes"] = class_table(
            attributes, known, np.asarray(predictions.predicted, np.int64), subject.classes,
            bench.rng.spawn(1)[0], smallest=params.smallest_group, n_draws=params.draws,
            track=bench.track,
        )  # fmt: skip
    mitigated = mitigate(bench, attributes, labels, decisions, scores, params)
    tables |= mitigated.tables
    sampling += mitigated.notes
    return Measurements(
        estimates=estimates_of(derived["disparities"]),
        facts=facts,
        tables=tables | derived,
        sampling=sampling,
    )


def decision_tables(
    cells: Cells, facts: Mapping[str, Fact], track: Tracker = untracked
) -> dict[str, pa.Table]:
    """Every table that follows from the counts; the host calls it again for another threshold."""
    smallest, n_draws = int(facts["smallest_group"] or 1), int(facts["draws"] or 1000)
    seed = int(facts["bootstrap_seed"] or 0)
    groupings = all_groupings(cells, int(facts["depth"] or 1))
    compounds = compound_table(groupings, smallest=smallest, n_draws=n_draws, seed=seed)
    return {
        "cells": cell_table(cells),
        "groups": pa.concat_tables([group_table(groupings, smallest=smallest), compounds]),
        "disparities": disparity_table(
            groupings, smallest=smallest, n_draws=n_draws, seed=seed, track=track
        ),
        "against_rest": rest_table(groupings, smallest=smallest),
        "impact_ratios": impact_ratio_table(groupings, selected_in(groupings), "selection rate"),
    }


def score_tables(
    counted: CellScores, groupings: Sequence[Groups], facts: Mapping[str, Fact]
) -> dict[str, pa.Table]:
    """What follows from the scores and stays the same at every threshold; rows to be added."""
    smallest, n_draws = int(facts["smallest_group"] or 1), int(facts["draws"] or 1000)
    by_score = score_metric_table(counted, groupings, smallest=smallest)
    seed = int(facts["bootstrap_seed"] or 0)
    areas = area_disparities(by_score, n_draws=n_draws, seed=seed)
    above = above_median(counted, groupings)
    return {
        "groups": by_score,
        "disparities": pa.Table.from_pylist(areas, schema=TABLES["disparities"]),
        "impact_ratios": impact_ratio_table(groupings, above, "scoring rate"),
        "tradeoffs": tradeoff_table(counted, groupings, smallest=smallest),
        **curve_tables(counted, groupings, smallest=smallest),
    }


def favourable_class(subject: Subject, outcome: str) -> int:
    """Position of the class that counts as selected.

    Raises:
        InvalidParameter: `outcome` is not a class; the message lists those that are.
    """
    if not outcome:
        return subject.positive_index
    if outcome not in subject.classes:
        raise InvalidParameter(
            f"Expected the favourable class to be one of the model's classes, got {outcome!r}.",
            remedy=f"Choose one of: {', '.join(subject.classes)}.",
        )
    return subject.classes.index(outcome)


def attributes_of(
    bench: Workbench, params: FairnessParams
) -> tuple[list[Attribute], tuple[str, ...]]:
    """Turn the chosen columns into groups, and say of the others why they were left out.

    Raises:
        InvalidParameter: a chosen column does not exist.
        UnsuitableSubject: a chosen column, or every sensitive one, has too many levels.
    """
    frame = bench.data.frame
    chosen = params.attributes or tuple(column.name for column in bench.subject.sensitive)
    unknown = [name for name in chosen if name not in frame.columns]
    if unknown:
        raise InvalidParameter(
            f"Expected columns of the data, got {unknown[0]!r}.",
            remedy=f"Choose among: {', '.join(map(str, frame.columns))}.",
        )
    edges = parse_edges(params.cut_points)
    astray = [name for name in edges if name not in chosen]
    if astray:
        raise InvalidParameter(
            f"Expected cut points for the compared columns, got some for {astray[0]!r}.",
            remedy=f"Compare that column too, or name one of: {', '.join(chosen)}.",
        )
    attributes, left_out = [], []
    for name in dict.fromkeys(chosen):
        try:
            attributes.append(
                attribute_of(
                    frame[name], cutting=params.cutting, n_bins=params.n_bins,
                    edges=edges.get(name, ()),
                )
            )  # fmt: skip
        except UnsuitableSubject as error:
            if params.attributes:
                raise
            left_out.append(f"{name}: {error.message}")
    if not attributes:
        raise UnsuitableSubject(
            f"Expected a sensitive column with few groups, got none. {' '.join(left_out)}",
            remedy="Mark a column that names groups of people as sensitive.",
        )
    return attributes, tuple(left_out)


def as_binary(
    predictions: Predictions, favourable: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Labels -1, 0, 1 and decisions 0, 1 of one class against all others."""
    decisions = (np.asarray(predictions.predicted) == favourable).astype(np.int64)
    if predictions.labels is None:
        return np.full(len(decisions), -1, dtype=np.int64), decisions
    codes = np.asarray(predictions.labels)
    return np.where(codes < 0, -1, codes == favourable).astype(np.int64), decisions


def attribute_table(attributes: Sequence[Attribute]) -> pa.Table:
    """How each column became groups, and how many rows each has."""
    rows = []
    for position, attribute in enumerate(attributes):
        n = np.bincount(attribute.codes, minlength=len(attribute.levels))
        rows += [
            {
                "attribute": attribute.name, "position": position, "level": level, "name": name,
                "n": int(n[level]), "made_by": attribute.made_by,
                "starts_at": attribute.edges[level - 1]
                if 1 <= level <= len(attribute.edges)
                else None,
            }
            for level, name in enumerate(attribute.levels)
        ]  # fmt: skip
    return pa.Table.from_pylist(rows, schema=TABLES["attributes"])


def cell_table(cells: Cells) -> pa.Table:
    """Write the counts, leaving out zeros."""
    cell, outcome = np.nonzero(cells.counts)
    columns = [
        pa.array(cell.astype(np.int32)),
        pa.array(list(cells.codes[cell].astype(np.int32)), pa.list_(pa.int32())),
        pa.array(outcome.astype(np.int8)),
        pa.array(cells.counts[cell, outcome]),
    ]
    return pa.Table.from_arrays(columns, schema=TABLES["cells"])


def estimates_of(disparities: pa.Table) -> dict[str, Estimate]:
    """The disparities as named estimates, such as "demographic_parity_ratio.sex"."""
    return {
        f"{row['metric']}.{row['attributes']}": estimate_of(row) for row in disparities.to_pylist()
    }


def estimate_of(row: dict[str, object]) -> Estimate:
    """A row of the table "disparities" as an estimate; n is the smallest group's denominator."""
    return Estimate.model_validate(
        {name: row[name] for name in ("value", "low", "high", "n", "method", "reason")}
    )
