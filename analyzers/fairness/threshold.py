"""What would change at another threshold: one slider moves every group at once.

A row is selected where its score is at least the threshold. The result holds the rows counted by
score, so any threshold is a sum over the upper part of that table: exact, and nothing is run again.
Where the fact `threshold_step` is not 0 the scores were kept on that grid, and thresholds at its
multiples are exact.
"""

from dataclasses import replace

import numpy as np
import pyarrow as pa

from analyzers.core.errors import UnsuitableSubject
from analyzers.core.result import Measurements
from analyzers.fairness.counting import Cells, Names, all_groupings
from analyzers.fairness.decisions import decision_tables, estimates_of
from analyzers.fairness.grouping import group_table
from analyzers.fairness.scoring import SCORE_METRICS, CellScores
from analyzers.fairness.tradeoffs import move_current
from analyzers.toolkit.rates import N_OUTCOMES

# Rows that rest on scores alone and stay as they are, by table and column.
_BY_SCORE = {
    "groups": ("metric", frozenset(SCORE_METRICS)),
    "disparities": ("metric", frozenset({"roc_auc_difference"})),
    "impact_ratios": ("kind", frozenset({"scoring rate"})),
}

# Tables that need the rows again: they speak of the model's own decisions and are left out.
_OF_ROWS = (
    "conditions", "slices", "classes", "mitigations", "mitigated_decisions", "saved_models",
)  # fmt: skip


def at_threshold(measurements: Measurements, threshold: float) -> pa.Table:
    """Rates of every group at another threshold, as rows of the table "groups".

    Args:
        measurements: a classifier's result with scores.
        threshold: in [0, 1].

    Raises:
        UnsuitableSubject: the result holds no scores.
    """
    cells = decided_cells(measurements, threshold)
    facts = measurements.facts
    groupings = all_groupings(cells, int(facts["depth"] or 1))
    return group_table(groupings, smallest=int(facts["smallest_group"] or 1))


def decide_at(measurements: Measurements, threshold: float) -> Measurements:
    """The result at another threshold, with intervals: judge and draw it like any other.

    What needs the rows (the tables "conditions", "slices" and "mitigations", the consistency of
    neighbours) is not in it.

    Args:
        measurements: a classifier's result with scores.
        threshold: in [0, 1].

    Raises:
        UnsuitableSubject: the result holds no scores.
    """
    cells = decided_cells(measurements, threshold)
    facts = {**measurements.facts, "threshold": float(threshold)}
    groupings = all_groupings(cells, int(facts["depth"] or 1))
    derived = decision_tables(cells, facts)
    for name, (column, values) in _BY_SCORE.items():
        stored = measurements.tables[name]
        is_kept = pa.array([value in values for value in stored[column].to_pylist()], pa.bool_())
        derived[name] = pa.concat_tables([derived[name], stored.filter(is_kept)])
    if "tradeoffs" in measurements.tables:
        derived["tradeoffs"] = move_current(measurements.tables["tradeoffs"], groupings)
    kept = {name: table for name, table in measurements.tables.items() if name not in _OF_ROWS}
    return replace(
        measurements,
        estimates={**measurements.estimates, **estimates_of(derived["disparities"])},
        facts=facts,
        tables={**kept, **derived},
    )


def decided_cells(measurements: Measurements, threshold: float) -> Cells:
    """Count the cells again with the decisions "score is at least `threshold`"."""
    cells, counted = stored_cells(measurements), cell_scores(measurements)
    start = int(np.searchsorted(counted.scores, threshold, side="left"))
    n_cells = len(cells.codes)
    key = counted.cells * 3 + counted.labels + 1
    everyone = cells.counts.reshape(n_cells, 3, 2).sum(axis=2)
    selected = np.bincount(
        key[start:], weights=counted.counts[start:], minlength=n_cells * 3
    ).astype(np.int64)
    selected = selected.reshape(n_cells, 3)
    counts = np.stack([everyone - selected, selected], axis=2).reshape(n_cells, N_OUTCOMES)
    return Cells(names=cells.names, codes=cells.codes, counts=counts)


def stored_cells(measurements: Measurements) -> Cells:
    """Read the counts back from the tables."""
    attributes = measurements.tables["attributes"].to_pandas()
    names = tuple(
        Names(str(levels["attribute"].iloc[0]), tuple(levels.sort_values("level")["name"]))
        for _, levels in attributes.groupby("position", sort=True)
    )
    table = measurements.tables["cells"]
    cell = table["cell"].to_numpy()
    n_cells = int(cell.max()) + 1
    counts = np.zeros((n_cells, N_OUTCOMES), dtype=np.int64)
    counts[cell, table["outcome"].to_numpy()] = table["count"].to_numpy()
    levels = np.stack(table["levels"].to_numpy()).astype(np.int64)
    codes = np.zeros((n_cells, len(names)), dtype=np.int64)
    codes[cell] = levels
    return Cells(names=names, codes=codes, counts=counts)


def cell_scores(measurements: Measurements) -> CellScores:
    """Read the scores back from the tables.

    Raises:
        UnsuitableSubject: the result holds none.
    """
    table = measurements.tables.get("scores")
    if table is None or table.num_rows == 0:
        raise UnsuitableSubject(
            "Expected a result with scores, got decisions only; there is no threshold to move.",
            remedy="Give a model that returns probabilities, or a table with a score column.",
        )
    return CellScores(
        table["score"].to_numpy(),
        table["cell"].to_numpy().astype(np.int64),
        table["label"].to_numpy().astype(np.int64),
        table["count"].to_numpy(),
        float(measurements.facts.get("threshold_step") or 0.0),
    )
