"""The table itself: who stands alone in it by what others may know of them."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analyzers.core.dataset import Dataset
from analyzers.core.errors import UnsuitableSubject
from analyzers.core.finding import Finding, Judgement, Verdict
from analyzers.core.result import Estimate, Fact, Measurements
from analyzers.privacy.evidence import fingerprints
from analyzers.privacy.parts import NOTHING, Part
from analyzers.privacy.wording import finding_of
from analyzers.toolkit.groups import attribute_of

_NAMES = ("k_anonymity", "unique_records", "l_diversity", "t_closeness")


class Anonymity(NamedTuple):
    """What the combinations of the quasi-identifiers give away.

    Attributes:
        sizes: `(n_combinations,)` records of each.
        l_diversity: fewest different outcomes in a combination.
        t_closeness: largest distance in [0, 1] between the outcomes of a combination and of all.
    """

    sizes: NDArray[np.int64]
    l_diversity: int | None
    t_closeness: float | None


def anonymity_of(
    combinations: NDArray[np.int64], outcomes: NDArray[np.int64] | None, *, is_ordered: bool
) -> Anonymity:
    """Count the combinations and compare the outcomes inside them with those of all.

    Args:
        combinations: `(n_rows,)` code of each row's combination, from 0, none unused.
        outcomes: `(n_rows,)` level codes from 0, or None.
        is_ordered: whether levels have an order, which gives the earth mover's distance along it;
            else it is the total variation distance.

    References:
        Sweeney 2002; Machanavajjhala et al. 2007; Li, Li and Venkatasubramanian 2007.
    """
    sizes = np.bincount(combinations)
    if outcomes is None:
        return Anonymity(sizes, None, None)
    counts = np.zeros((len(sizes), int(outcomes.max()) + 1))
    np.add.at(counts, (combinations, outcomes), 1)
    gaps = counts / sizes[:, None] - counts.sum(axis=0) / len(outcomes)
    if is_ordered and gaps.shape[1] > 1:
        distance = np.abs(np.cumsum(gaps, axis=1)).sum(axis=1) / (gaps.shape[1] - 1)
    else:
        distance = np.abs(gaps).sum(axis=1) / 2
    return Anonymity(sizes, int((counts > 0).sum(axis=1).min()), float(distance.max()))


def measure_singling_out(training: Dataset, columns: tuple[str, ...]) -> Part:
    """Measure k-anonymity, l-diversity and t-closeness by the chosen columns; nothing where none.

    Raises:
        UnsuitableSubject: a chosen column is not in the training table.
    """
    if not columns:
        return NOTHING
    absent = [name for name in columns if name not in training.frame]
    if absent:
        raise UnsuitableSubject(
            f"Expected quasi-identifiers among the training table's columns, got {absent[0]!r}.",
            remedy="Choose columns that both tables have.",
        )
    target = training.subject.target
    columns = tuple(name for name in columns if name != target)
    if not columns:
        return NOTHING
    _, codes = np.unique(fingerprints(training.frame[list(columns)], None), return_inverse=True)
    outcomes = None
    if target is not None and target in training.frame:
        outcomes = attribute_of(training.frame[target].rename("outcome")).codes.astype(np.int64)
    found = anonymity_of(codes, outcomes, is_ordered=training.subject.task == "regression")
    n_rows = len(training)
    alone = int((found.sizes == 1).sum())
    estimates = {
        "k_anonymity": Estimate(value=float(found.sizes.min()), n=n_rows, method="counted"),
        "unique_records": Estimate(value=alone / n_rows, n=n_rows, method="counted, all rows"),
    }
    if found.l_diversity is not None and found.t_closeness is not None:
        estimates["l_diversity"] = Estimate(
            value=float(found.l_diversity), n=n_rows, method="distinct outcomes, counted"
        )
        estimates["t_closeness"] = Estimate(
            value=found.t_closeness, n=n_rows, method="largest distance, counted"
        )
    facts: dict[str, Fact] = {
        "quasi_identifiers": ", ".join(columns),
        "n_combinations": len(found.sizes),
        "n_alone": alone,
    }
    return Part(estimates, facts, {"combination_sizes": _rows(found.sizes)})


def judge_singling_out(measurements: Measurements) -> list[Finding]:
    """Say who stands alone; measured, without a limit, since no number is accepted for a table."""
    facts, estimates = measurements.facts, measurements.estimates
    words = {
        "k_anonymity": "the smallest group that shares them has {value:.0f} records",
        "unique_records": "{value:.1%} of the records stand alone with them",
        "l_diversity": "in some group there are only {value:.0f} different outcomes",
        "t_closeness": "in some group the outcomes lie {value:.2f} (of 1) away from those of all",
    }
    return [
        finding_of(
            name, estimates[name],
            Judgement(
                Verdict.INCONCLUSIVE,
                "It describes the training table and not the model; no limit is accepted.",
            ),
            None,
            f"By {facts.get('quasi_identifiers')}: "
            f"{words[name].format(value=_value(estimates[name]))} "
            f"(n = {estimates[name].n:,} training records, "
            f"{facts.get('n_combinations'):,} combinations).",
            "Coarsen the columns others may know (years into decades, districts into regions) or "
            "leave them out before training.",
            "Sweeney 2002; Machanavajjhala et al. 2007; Li, Li and Venkatasubramanian 2007",
        )
        for name in _NAMES
        if name in estimates
    ]  # fmt: skip


def _value(estimate: Estimate) -> float:
    return 0.0 if estimate.value is None else estimate.value


def _rows(sizes: NDArray[np.int64]) -> list[dict[str, Any]]:
    edges = pd.Index([1, 2, 5, 10, 50])
    names = ["1", "2 to 4", "5 to 9", "10 to 49", "50 or more"]
    places = edges.searchsorted(sizes, side="right") - 1
    return [
        {
            "size": name,
            "combinations": int((places == place).sum()),
            "records": int(sizes[places == place].sum()),
            "n_records": int(sizes.sum()),
        }
        for place, name in enumerate(names)
    ]
