"""What other decisions would do: each proposal measured again on every metric, beside the model."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from analyzers.core.workbench import Workbench
from analyzers.fairness.comparing import disparity_table
from analyzers.fairness.counting import Names, all_groupings, count_cells
from analyzers.fairness.grouping import group_table
from analyzers.fairness.params import FairnessParams
from analyzers.fairness.retraining import obstacle_to_retraining, propose_retrained
from analyzers.fairness.saving import (
    SavedFile,
    carries_models,
    model_file,
    recipe_file,
    recipe_of,
    saved_table,
)
from analyzers.fairness.tables import TABLES
from analyzers.fairness.thresholding import Proposal, Rows, own_rule, propose_thresholds
from analyzers.fairness.tradeoffs import CURRENT
from analyzers.toolkit.groups import Attribute
from analyzers.toolkit.intervals import mean_estimate
from analyzers.toolkit.rates import outcome_codes
from analyzers.toolkit.recipes import Recipe
from analyzers.toolkit.sampling import sample_rows, sampling_note

MOST_ROWS = 20_000
BETWEEN = "between groups"
EVERYONE = "everyone"


class Mitigated(NamedTuple):
    """Tables, and a sentence for everything that was left out."""

    tables: dict[str, pa.Table]
    notes: tuple[str, ...]


def mitigate(
    bench: Workbench,
    attributes: Sequence[Attribute],
    labels: NDArray[np.int64],
    decisions: NDArray[np.int64],
    scores: NDArray[np.float64] | None,
    params: FairnessParams,
) -> Mitigated:
    """Propose other decisions for every attribute and measure them like the model's own.

    Nothing is chosen on the rows it is measured on: thresholds are chosen on the other half of the
    rows, models are fitted on the training data.

    Args:
        bench: the rows, and the model and its training data where they are there.
        attributes: the sensitive columns as groups.
        labels: `(n_rows,)` -1 for missing, 0, 1.
        decisions: `(n_rows,)` 0, 1.
        scores: `(n_rows,)` of the favourable class; None where the model gives decisions only.
        params: which proposals, and the smallest group.
    """
    if params.mitigate == "no" or not (labels >= 0).any():
        return Mitigated({}, ())
    rng = bench.rng.spawn(1)[0]
    positions = sample_rows(bench.data, MOST_ROWS, rng, strata=labels)
    note = sampling_note(len(positions), len(labels), "Other decisions", strata=("outcome",))
    notes = [note] if note else []
    retrains = params.mitigate == "thresholds and fitting again"
    if retrains and (obstacle := obstacle_to_retraining(bench)):
        notes.append(obstacle)
        retrains = False
    metrics: list[pa.Table] = []
    decided: list[pa.Table] = []
    numbers = bench.data.rows[positions]
    files: list[SavedFile] = []
    for attribute in bench.track(attributes, "Measuring other decisions"):
        rows = Rows(
            attribute.levels, attribute.codes[positions].astype(np.int64), labels[positions],
            decisions[positions], np.empty(0) if scores is None else scores[positions],
        )  # fmt: skip
        proposals = list(_proposals(bench, attribute, rows, positions, rng, params, retrains))
        if not proposals:
            continue
        now = Proposal(CURRENT, CURRENT, rows.decisions)
        for proposal in (now, *proposals):
            metrics.append(_measure(attribute, rows, proposal, params))
            saved = proposal.fixed
            if proposal.rules is not None:
                recipe = recipe_of(bench, attribute, proposal, own_rule(rows), params.outcome)
                files.append(recipe_file(attribute.name, recipe))
                saved = _decided_by(recipe, bench, positions, rows)
            elif proposal.native is not None:
                files.append(model_file(attribute.name, proposal.name, proposal.native))
            decided.append(_decisions(attribute.name, proposal, rows, numbers, saved))
    if not metrics:
        return Mitigated({}, tuple(notes))
    if files and carries_models(bench):
        files.insert(0, model_file("", CURRENT, bench.need_model().native))
    tables = {
        "mitigations": pa.concat_tables(metrics),
        "mitigated_decisions": pa.concat_tables(decided),
        "saved_models": saved_table(files),
    }
    return Mitigated(tables, tuple(notes))


def _proposals(
    bench: Workbench,
    attribute: Attribute,
    rows: Rows,
    positions: NDArray[np.int64],
    rng: np.random.Generator,
    params: FairnessParams,
    retrains: bool,
) -> Iterator[Proposal]:
    if len(rows.scores):
        yield from propose_thresholds(rows, rng, smallest=params.smallest_group)
    inputs = bench.data.take(positions).inputs if retrains else None
    if isinstance(inputs, pd.DataFrame):
        yield from propose_retrained(
            bench, attribute, inputs, rng, rounds=params.rounds, smallest=params.smallest_group,
            track=bench.track,
        )  # fmt: skip


def _measure(
    attribute: Attribute, rows: Rows, proposal: Proposal, params: FairnessParams
) -> pa.Table:
    codes = outcome_codes(rows.labels, proposal.decisions)
    names = (Names(attribute.name, attribute.levels),)
    groupings = all_groupings(count_cells(names, [rows.groups], codes), 1)
    smallest = params.smallest_group
    # The same draws for every proposal: what differs between them is then not chance of drawing.
    disparities = disparity_table(groupings, smallest=smallest, n_draws=params.draws, seed=0)
    found: list[dict[str, Any]] = [
        {**row, "group": row["group"] if row["depth"] else EVERYONE}
        for row in group_table(groupings, smallest=smallest).to_pylist()
    ]
    found += [{**row, "group": BETWEEN} for row in disparities.to_pylist()]
    found.append(_change(rows, proposal))
    columns = TABLES["mitigations"].names
    head = {"attribute": attribute.name, "kind": proposal.kind, "mitigation": proposal.name}
    return pa.Table.from_pylist(
        [{name: (head | row).get(name) for name in columns} for row in found],
        schema=TABLES["mitigations"],
    )


def _change(rows: Rows, proposal: Proposal) -> dict[str, Any]:
    """Accuracy minus the model's, on the same rows: closer than two separate intervals tell."""
    known = rows.labels >= 0
    gained = (proposal.decisions == rows.labels).astype(np.float64) - (
        rows.decisions == rows.labels
    )
    change = mean_estimate(gained[known])
    return {
        "group": EVERYONE, "metric": "accuracy_change", "value": change.value, "low": change.low,
        "high": change.high, "n": change.n, "method": "paired, Student's t",
        "reason": change.reason,
    }  # fmt: skip


def _decided_by(
    recipe: Recipe, bench: Workbench, positions: NDArray[np.int64], rows: Rows
) -> NDArray[np.int64] | None:
    """What the recipe decides of the columns as they are in the table; None if by chance."""
    if recipe.is_randomised:
        return None
    values = bench.data.frame[recipe.attribute].iloc[positions]
    return (recipe.chances(values, rows.scores) > 0.5).astype(np.int64)


def _decisions(
    attribute: str,
    proposal: Proposal,
    rows: Rows,
    numbers: NDArray[np.int64],
    saved: NDArray[np.int64] | None,
) -> pa.Table:
    n = len(numbers)
    order = np.argsort(numbers, kind="stable")
    again = [None] * n if saved is None else saved[order].astype(bool)
    columns = [
        pa.array([attribute] * n, pa.string()), pa.array([proposal.name] * n, pa.string()),
        pa.array(numbers[order]), pa.array(proposal.decisions[order].astype(bool)),
        pa.array(rows.decisions[order].astype(bool)), pa.array(again, pa.bool_()),
    ]  # fmt: skip
    return pa.Table.from_arrays(columns, schema=TABLES["mitigated_decisions"])
