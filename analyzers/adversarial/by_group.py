"""Who is easier to attack: accuracy before and after, for every class and every group.

References:
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
    made = _lines(CLASS if has_labels else ANSWER, classes, codes, outcome, budget)
    for column in bench.subject.sensitive:
        if column.name not in bench.data.frame:
            continue
        try:
            groups = attribute_of(bench.data.frame[column.name])
        except UnsuitableSubject:
            # A column of names or numbers of persons has no groups to compare.
            continue
        members = groups.codes[positions].astype(np.int64)
        made += _lines(column.name, groups.levels, members, outcome, budget)
    return table_of("by_group", made)


def _lines(
    attribute: str,
    levels: tuple[str, ...],
    members: NDArray[np.int64],
    outcome: Outcome,
    budget: float,
) -> list[dict[str, object]]:
    made: list[dict[str, object]] = []
    stands = outcome.is_correct & ~outcome.is_broken(budget)
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
                "success_high": fallen.high, "n_correct": n_correct,
            }
        )  # fmt: skip
    return made
