"""The table itself: who stands alone in it by what others may know of them."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analyzers.core.dataset import Dataset
from analyzers.core.errors import UnsuitableSubject
from analyzers.core.finding import Finding, Judgement, Verdict
from analyzers.core.result import Estimate, Fact, Measurements
from analyzers.privacy.data_intrusion import match_risk
from analyzers.privacy.evidence import fingerprints
from analyzers.privacy.parts import NOTHING, Part
from analyzers.privacy.population_uniques import population_uniques
from analyzers.privacy.wording import ends, finding_of
from analyzers.toolkit.groups import attribute_of

_WORDS = {
    "k_anonymity": "the size of the smallest group that shares them (k) is {value:.0f}",
    "unique_records": "{value:.1%} of the records stand alone with them",
    "population_uniques": "about {value:.1%} of all people stand alone with them (95 % interval "
    "{ends}; if the table is a random sample of {population:,} people and groups grow as Pitman's "
    "model says)",
    "match_risk": "where one record alone fits a person, it is that person's in {value:.1%} of "
    "cases (95 % interval {ends}; if the table is a random sample of {population:,} people)",
    "l_diversity": "the fewest different outcomes in a group (l) are {value:.0f}",
    "t_closeness": "in some group the outcomes lie {value:.2f} (of 1) away from those of all "
    "(outcomes dealt out at random: up to {by_chance:.2f})",
}
_NOT_ESTIMATED = {
    "population_uniques": "how many people stand alone among all was not estimated",
    "match_risk": "how often the only record that fits a person is that person's was not estimated",
}
MOST_DEALS, FEWEST_DEALS, DEALT_ROWS = 200, 20, 4_000_000


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
    n_levels = int(outcomes.max()) + 1
    cells = np.bincount(combinations * n_levels + outcomes, minlength=len(sizes) * n_levels)
    counts = cells.reshape(len(sizes), n_levels)
    gaps = counts / sizes[:, None] - counts.sum(axis=0) / len(outcomes)
    if is_ordered and gaps.shape[1] > 1:
        distance = np.abs(np.cumsum(gaps, axis=1)).sum(axis=1) / (gaps.shape[1] - 1)
    else:
        distance = np.abs(gaps).sum(axis=1) / 2
    return Anonymity(sizes, int((counts > 0).sum(axis=1).min()), float(distance.max()))


def measure_singling_out(
    training: Dataset, columns: tuple[str, ...], *, population: int, rng: np.random.Generator
) -> Part:
    """Measure who stands alone by the chosen columns, and what each column adds; else nothing.

    Args:
        training: the table.
        columns: what others may know of a person.
        population: people the table was drawn from; 0 where that is not known.
        rng: deals outcomes out anew, to see what chance alone would do.

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
    codes = _combinations(training, columns)
    outcomes = None
    if target is not None and target in training.frame:
        outcomes = attribute_of(training.frame[target].rename("outcome")).codes.astype(np.int64)
    is_ordered = training.subject.task == "regression"
    found = anonymity_of(codes, outcomes, is_ordered=is_ordered)
    n_rows = len(training)
    alone, pairs, triples = (int((found.sizes == size).sum()) for size in (1, 2, 3))
    estimates = {
        "k_anonymity": Estimate(value=float(found.sizes.min()), n=n_rows, method="counted"),
        "unique_records": Estimate(value=alone / n_rows, n=n_rows, method="counted, all rows"),
        "match_risk": match_risk(alone, pairs, triples, n_rows=n_rows, population=population),
    }
    facts: dict[str, Fact] = {
        "quasi_identifiers": ", ".join(columns),
        "n_combinations": len(found.sizes),
        "n_alone": alone,
        "population": population,
    }
    if population > 0:
        estimates["population_uniques"] = population_uniques(found.sizes, population=population)
    if outcomes is not None and found.l_diversity is not None and found.t_closeness is not None:
        estimates["l_diversity"] = Estimate(
            value=float(found.l_diversity), n=n_rows, method="distinct outcomes, counted"
        )
        estimates["t_closeness"] = Estimate(
            value=found.t_closeness, n=n_rows, method="largest distance, counted"
        )
        facts["t_closeness_by_chance"] = _by_chance(codes, outcomes, is_ordered, rng)
    rows = [_row_of(training, name, columns, alone) for name in columns]
    return Part(
        estimates, facts, {"combination_sizes": _rows(found.sizes), "identifying_columns": rows}
    )


def judge_singling_out(measurements: Measurements) -> list[Finding]:
    """Say who stands alone; measured, without a limit, since no number is accepted for a table."""
    facts, estimates = measurements.facts, measurements.estimates
    return [
        finding_of(
            name, estimates[name],
            _judgement(estimates[name]),
            None,
            f"By {facts.get('quasi_identifiers')}: "
            f"{_said(name, estimates[name], facts)} "
            f"(n = {estimates[name].n:,} training records, "
            f"{facts.get('n_combinations'):,} combinations).",
            "Coarsen the columns others may know (years into decades, districts into regions) or "
            "leave them out before training.",
            "Sweeney 2002; Machanavajjhala et al. 2007; Li, Li and Venkatasubramanian 2007; "
            "Skinner and Elliot 2002; Hoshino 2001",
        )
        for name in _WORDS
        if name in estimates
    ]  # fmt: skip


def _said(name: str, estimate: Estimate, facts: Mapping[str, Fact]) -> str:
    if estimate.value is None and name in _NOT_ESTIMATED:
        return _NOT_ESTIMATED[name]
    return _WORDS[name].format(
        value=estimate.value or 0.0,
        ends=ends(estimate, ".1%"),
        population=facts.get("population", 0),
        by_chance=facts.get("t_closeness_by_chance", 0),
    )


def _judgement(estimate: Estimate) -> Judgement:
    if estimate.value is None:
        return Judgement(Verdict.NOT_TESTED, estimate.reason)
    return Judgement(
        Verdict.INCONCLUSIVE,
        "It describes the training table and not the model; no limit is accepted.",
    )


def _combinations(training: Dataset, columns: tuple[str, ...]) -> NDArray[np.int64]:
    keys = fingerprints(training.frame[list(columns)], None)
    return np.unique(keys, return_inverse=True)[1].astype(np.int64)


def _row_of(training: Dataset, name: str, columns: tuple[str, ...], alone: int) -> dict[str, Any]:
    """Count who stands alone without one column, and by it only."""
    others = tuple(column for column in columns if column != name)
    without = np.bincount(_combinations(training, others)) if others else np.array([len(training)])
    by_it = np.bincount(_combinations(training, (name,)))
    return {
        "column": name,
        "alone_with_all": alone,
        "alone_without_it": int((without == 1).sum()),
        "alone_by_it_only": int((by_it == 1).sum()),
        "n_records": len(training),
    }


def _by_chance(
    combinations: NDArray[np.int64],
    outcomes: NDArray[np.int64],
    is_ordered: bool,
    rng: np.random.Generator,
) -> float:
    """Deal the outcomes out anew; return the distance that 95 % of the deals keep to."""
    # Sorted first: what is dealt must not depend on the order of the rows.
    combinations, outcomes = np.sort(combinations), np.sort(outcomes)
    n_deals = min(MOST_DEALS, max(FEWEST_DEALS, DEALT_ROWS // len(outcomes)))
    found = [
        anonymity_of(combinations, rng.permutation(outcomes), is_ordered=is_ordered).t_closeness
        for _ in range(n_deals)
    ]
    return float(np.quantile([0.0 if one is None else one for one in found], 0.95))


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
