"""Who is easier to attack: accuracy before and after, for every class and every group.

Whether groups differ by more than chance is asked by dealing the fallen answers out to them anew:
the share of deals whose shares differ as much (chi-square statistic) or more.

References:
    Good 2005, "Permutation, parametric and bootstrap tests of hypotheses", chapter 3;
    Nanda, Dooley, Singla, Feizi and Dickerson 2021, "Fairness through robustness: investigating
    robustness disparity in deep learning".
"""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analyzers.adversarial.robustness import Outcome
from analyzers.adversarial.tables import table_of
from analyzers.core.errors import UnsuitableSubject
from analyzers.core.workbench import Workbench
from analyzers.toolkit.groups import attribute_of
from analyzers.toolkit.intervals import rate_estimate

CLASS = "true class"
ANSWER = "answer"
MOST_GROUPS = 30
DEALS = 2000


def by_group_table(
    bench: Workbench,
    positions: NDArray[np.int64],
    codes: NDArray[np.int64],
    outcome: Outcome,
    budget: float,
    *,
    has_labels: bool,
) -> pa.Table:
    """Robust accuracy for every class and every level of the sensitive columns.

    Args:
        bench: the data.
        positions: `(n_rows,)` attacked rows in the data.
        codes: `(n_rows,)` their classes.
        outcome: what became of them.
        budget: stated size of the change.
        has_labels: whether `codes` are true classes or the model's own answers.
    """
    classes = bench.subject.classes
    rng = bench.rng.spawn(1)[0]
    made = _lines(CLASS if has_labels else ANSWER, classes, codes, outcome, budget, rng)
    for column in bench.subject.sensitive:
        if column.name not in bench.data.frame:
            continue
        try:
            groups = attribute_of(bench.data.frame[column.name])
        except UnsuitableSubject:
            # A column of names or numbers of persons has no groups to compare.
            continue
        members = groups.codes[positions].astype(np.int64)
        made += _lines(column.name, groups.levels, members, outcome, budget, rng)
    return table_of("by_group", made)


def _lines(
    attribute: str,
    levels: tuple[str, ...],
    members: NDArray[np.int64],
    outcome: Outcome,
    budget: float,
    rng: np.random.Generator,
) -> list[dict[str, object]]:
    made: list[dict[str, object]] = []
    stands = outcome.is_correct & ~outcome.is_broken(budget)
    right = outcome.is_correct & (members >= 0)
    chance = chance_of_difference(members[right], ~stands[right], rng)
    for code in np.unique(members)[:MOST_GROUPS]:
        inside = members == code
        n, n_correct = int(inside.sum()), int((inside & outcome.is_correct).sum())
        before = rate_estimate(n_correct, n)
        after = rate_estimate(int((inside & stands).sum()), n)
        fallen = rate_estimate(n_correct - int((inside & stands).sum()), n_correct)
        made.append(
            {
                "attribute": attribute, "group": str(levels[code]), "n": n,
                "accuracy": before.value, "accuracy_low": before.low, "accuracy_high": before.high,
                "robust_accuracy": after.value, "low": after.low, "high": after.high,
                "success_rate": fallen.value, "success_low": fallen.low,
                "success_high": fallen.high, "n_correct": n_correct, "chance": chance,
            }
        )  # fmt: skip
    return made


def chance_of_difference(
    members: NDArray[np.int64], has_fallen: NDArray[np.bool_], rng: np.random.Generator
) -> float | None:
    """How often chance makes groups differ as much as they do; None where it cannot be asked.

    Args:
        members: `(n_rows,)` the group of each answer that was right.
        has_fallen: `(n_rows,)` whether it fell to the attack.
        rng: deals the fallen answers out.

    Returns:
        A p-value in (0, 1], never below one in the number of deals.
    """
    groups, codes = np.unique(members, return_inverse=True)
    n_fallen = int(has_fallen.sum())
    if len(groups) < 2 or n_fallen in (0, len(members)):
        return None
    n = np.bincount(codes).astype(np.float64)
    overall = n_fallen / len(members)

    def difference(fallen: NDArray[np.float64]) -> NDArray[np.float64]:
        return ((fallen - n * overall) ** 2 / n).sum(axis=-1)

    # Fallen answers dealt to groups of these sizes.
    dealt = rng.multivariate_hypergeometric(n.astype(np.int64), n_fallen, size=DEALS)
    seen = difference(np.bincount(codes[has_fallen], minlength=len(n)).astype(np.float64))
    as_much = int((difference(dealt.astype(np.float64)) >= seen * (1 - 1e-12)).sum())
    return (1 + as_much) / (1 + DEALS)
