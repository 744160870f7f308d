"""Thresholds by group, chosen on one half of the rows and applied to the other, and back."""

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzers.fairness.tradeoffs import CRITERIA, best_thresholds
from analyzers.toolkit.curves import count_scores, threshold_curve
from analyzers.toolkit.recipes import GroupRule, steps_of

FIXED = "one threshold for each group"
RANDOMISED = "randomised thresholds (fairlearn)"
# The criterion, and what fairlearn calls it.
_CONSTRAINTS = (
    ("demographic parity", "demographic_parity"),
    ("equal opportunity", "true_positive_rate_parity"),
    ("equalised odds", "equalized_odds"),
    ("predictive equality", "false_positive_rate_parity"),
)


class Rows(NamedTuple):
    """What thresholds are chosen on and applied to.

    Attributes:
        levels: names of the groups.
        groups: `(n_rows,)` codes of one attribute.
        labels: `(n_rows,)` -1 for missing, 0, 1.
        decisions: `(n_rows,)` the model's own, 0, 1.
        scores: `(n_rows,)` of the favourable class.
    """

    levels: tuple[str, ...]
    groups: NDArray[np.int64]
    labels: NDArray[np.int64]
    decisions: NDArray[np.int64]
    scores: NDArray[np.float64]


class Proposal(NamedTuple):
    """Decisions that could be taken instead of the model's.

    Attributes:
        kind: how they were made.
        name: the same with what they make equal.
        decisions: `(n_rows,)` 0, 1.
        rules: one for each group, chosen on all rows; None where no thresholds were.
        native: a fitted model that decides so; None where there is none.
        fixed: `(n_rows,)` what `native` decides.
    """

    kind: str
    name: str
    decisions: NDArray[np.int64]
    rules: tuple[GroupRule, ...] | None = None
    native: Any = None
    fixed: NDArray[np.int64] | None = None


def propose_thresholds(
    rows: Rows, rng: np.random.Generator, *, smallest: int
) -> Iterator[Proposal]:
    """Yield decisions by thresholds that differ by group.

    Every row is decided by thresholds chosen on the half it is not in. Groups with fewer than
    `smallest` rows of either outcome keep the model's decisions.

    Args:
        rows: scores and outcomes, in an order that does not depend on the file.
        rng: splits the rows and draws randomised decisions.
        smallest: rows of each outcome a group needs.

    References:
        Hardt, Price and Srebro 2016; Bird et al. 2020 (fairlearn's ThresholdOptimizer).
    """
    half = split_halves(rows.groups, rows.labels, rng)
    able = groups_with_both(rows.groups, rows.labels, smallest)
    if len(able) < 2:
        return
    taken = np.isin(rows.groups, able)
    own = own_rule(rows)
    for criterion, rate in CRITERIA:
        decisions = rows.decisions.copy()
        for chosen_on in (0, 1):
            cuts = _cuts(rows, able, (half == chosen_on), rate)
            for group, cut in zip(able, cuts, strict=True):
                mine = (rows.groups == group) & (half != chosen_on)
                decisions[mine] = rows.scores[mine] >= cut
        final = dict(zip(able.tolist(), _cuts(rows, able, half >= 0, rate), strict=True))
        rules = tuple(
            steps_of([("at least", final[place], 1.0)], group=name)
            if place in final
            else own.model_copy(update={"group": name})
            for place, name in enumerate(rows.levels)
        )
        yield Proposal(FIXED, f"{FIXED}: {criterion}", decisions, rules)
    for criterion, constraint in _CONSTRAINTS:
        decisions = rows.decisions.copy()
        for chosen_on in (0, 1):
            fit = taken & (half == chosen_on) & (rows.labels >= 0)
            apply = taken & (half != chosen_on)
            decided = _optimizer(rows, fit, constraint).predict(
                rows.scores[apply, None], sensitive_features=rows.groups[apply],
                random_state=int(rng.integers(2**31)),
            )  # fmt: skip
            decisions[apply] = np.asarray(decided, dtype=np.int64)
        final = _optimizer(rows, taken & (rows.labels >= 0), constraint)
        interpolated = final.interpolated_thresholder_.interpolation_dict
        rules = tuple(
            _rule(interpolated[place], name)
            if place in interpolated
            else own.model_copy(update={"group": name})
            for place, name in enumerate(rows.levels)
        )
        yield Proposal(RANDOMISED, f"{RANDOMISED}: {criterion}", decisions, rules)


def own_rule(rows: Rows) -> GroupRule:
    """The model's own decisions as a threshold: one half, or the lowest score it selects."""
    selected = rows.decisions == 1
    above = steps_of([("above", 0.5, 1.0)], group="")
    if (selected == (rows.scores > 0.5)).all() or not selected.any():
        return above
    lowest = 0.5 if (selected == (rows.scores >= 0.5)).all() else rows.scores[selected].min()
    return steps_of([("at least", float(lowest), 1.0)], group="")


def _cuts(
    rows: Rows, able: NDArray[np.int64], chosen_on: NDArray[np.bool_], rate: str
) -> tuple[float, ...]:
    curves = []
    for group in able:
        mine = (rows.groups == group) & chosen_on & (rows.labels >= 0)
        curves.append(threshold_curve(count_scores(rows.scores[mine], rows.labels[mine])))
    return best_thresholds(curves, rate)


def split_halves(
    groups: NDArray[np.int64], labels: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Put rows into two halves, each with half of every group's rows of every outcome.

    Returns:
        `(n_rows,)` 0 or 1.
    """
    shuffled = rng.permutation(len(groups))
    order = shuffled[np.lexsort((labels[shuffled], groups[shuffled]))]
    half = np.empty(len(groups), dtype=np.int64)
    half[order] = np.arange(len(groups)) % 2
    return half


def groups_with_both(
    groups: NDArray[np.int64], labels: NDArray[np.int64], smallest: int
) -> NDArray[np.int64]:
    """Codes of the groups with at least `smallest` rows of either outcome, and never under four."""
    n_groups = int(groups.max(initial=0)) + 1
    n = np.stack([np.bincount(groups[labels == label], minlength=n_groups) for label in (0, 1)])
    # Four, so that both halves have both outcomes however the alternation falls.
    return np.flatnonzero(n.min(axis=0) >= max(smallest, 4))


def _stand_in() -> Any:  # noqa: ANN401  a scikit-learn estimator
    """The model as fairlearn asks it: its scores are already there, as the only feature."""
    from sklearn.base import BaseEstimator, ClassifierMixin

    class Scores(ClassifierMixin, BaseEstimator):
        classes_ = np.array([0, 1])

        def fit(self, inputs: Any, outcomes: Any) -> "Scores":  # noqa: ANN401
            del inputs, outcomes
            return self

        def __sklearn_is_fitted__(self) -> bool:
            return True

        def predict_proba(self, inputs: Any) -> NDArray[np.float64]:  # noqa: ANN401
            score = np.asarray(inputs, dtype=np.float64)[:, 0]
            return np.column_stack([1 - score, score])

    return Scores()


def _optimizer(rows: Rows, fit: NDArray[np.bool_], constraint: str) -> Any:  # noqa: ANN401
    from fairlearn.postprocessing import ThresholdOptimizer

    optimizer = ThresholdOptimizer(
        estimator=_stand_in(), constraints=constraint, prefit=True, predict_method="predict_proba"
    )
    optimizer.fit(rows.scores[fit, None], rows.labels[fit], sensitive_features=rows.groups[fit])
    return optimizer


def _rule(interpolation: Any, name: str) -> GroupRule:  # noqa: ANN401  fairlearn's own record
    """Write fairlearn's mixture of two thresholds and a constant as steps."""
    ignored = float(interpolation.get("p_ignore", 0.0))
    sides: dict[str, Literal["above", "below"]] = {">": "above", "<": "below"}
    parts = [
        (sides[operation.operator], float(operation.threshold), (1 - ignored) * float(chance))
        for operation, chance in (
            (interpolation.operation0, interpolation.p0),
            (interpolation.operation1, interpolation.p1),
        )
    ]
    constant = ignored * float(interpolation.get("prediction_constant", 0.0))
    return steps_of(parts, group=name, always=constant)
