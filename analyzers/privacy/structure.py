"""Rules on the fitted model itself: what it holds of single records, before anyone attacks it."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzers.core.finding import Finding, Judgement, Threshold, Verdict
from analyzers.core.model import Model
from analyzers.core.result import Estimate, Measurements
from analyzers.privacy.evidence import Side
from analyzers.privacy.parts import NOTHING, Part
from analyzers.privacy.wording import AREA, finding_of

FEWEST_RECORDS = 10
FEWEST_FREEDOM = 10
_STORED = ("_fit_X", "support_", "X_train_")


class Rule(NamedTuple):
    """One rule: its name, its words, and whether the limit is a least or a most."""

    name: str
    title: str
    direction: str
    limit: float


RULES = {
    rule.name: rule
    for rule in (
        Rule("smallest_leaf", "Fewest training records in a leaf", "at_least", FEWEST_RECORDS),
        Rule("stored_records", "Training records inside the model file", "at_most", 0),
        Rule("residual_freedom", "Training records minus parameters", "at_least", FEWEST_FREEDOM),
        Rule("class_disclosure", "Records whose answer excludes a class for certain", "at_most", 0),
        Rule("small_groups", "Records with an answer fewer than ten share", "at_most", 0),
    )
}


def measure_structure(model: Model | None, members: Side) -> Part:
    """Check the rules that apply to this kind of model.

    Args:
        model: the live model, or None.
        members: rows of the training table.

    References:
        Preen and Smith 2025, A hierarchical approach for assessing the vulnerability of
        tree-based classification models to membership inference; SACRO-ML.
    """
    if model is None:
        return NOTHING
    estimator = _last_step(getattr(model.native, "best_estimator_", model.native))
    rows = []
    leaf = smallest_leaf(estimator)
    if leaf is not None:
        rows.append(_row("smallest_leaf", leaf, len(members)))
    stored = stored_records(estimator)
    if stored is not None:
        rows.append(_row("stored_records", stored, len(members)))
    parameters = count_parameters(estimator)
    if parameters is not None:
        rows.append(_row("residual_freedom", len(members) - parameters, len(members)))
    is_stepwise = leaf is not None or hasattr(estimator, "n_neighbors")
    if is_stepwise and members.scores is not None:
        sizes = group_sizes(members.scores)
        certain = (members.scores == 0).any(axis=1)
        rows.append(_row("class_disclosure", int(certain.sum()), len(members)))
        rows.append(_row("small_groups", int((sizes < FEWEST_RECORDS).sum()), len(members)))
    return Part({}, {}, {"structure": rows}) if rows else NOTHING


def smallest_leaf(estimator: Any) -> int | None:  # noqa: ANN401  any library's object
    """Return the fewest training records in a leaf of any tree; None where there are no trees.

    Boosters of other libraries keep weights and not counts; they are left out.
    """
    if hasattr(estimator, "tree_"):
        tree = estimator.tree_
        return int(tree.n_node_samples[tree.children_left < 0].min())
    parts = getattr(estimator, "estimators_", None)
    if parts is None:
        return None
    trees = [part for part in np.ravel(np.asarray(parts, dtype=object)) if hasattr(part, "tree_")]
    leaves = [smallest_leaf(tree) for tree in trees]
    return min((leaf for leaf in leaves if leaf is not None), default=None)


def stored_records(estimator: Any) -> int | None:  # noqa: ANN401  any library's object
    """Return how many training records the model keeps as they are; None where it keeps none."""
    for name in _STORED:
        kept = getattr(estimator, name, None)
        if kept is not None and hasattr(kept, "shape"):
            return int(kept.shape[0])
    return None


def count_parameters(estimator: Any) -> int | None:  # noqa: ANN401  any library's object
    """Count the numbers that training has chosen; None for a kind this does not know.

    A split counts two (which column, where), a leaf one for each class but the last.
    """
    if hasattr(estimator, "tree_"):
        tree = estimator.tree_
        n_leaves = int((tree.children_left < 0).sum())
        each = max(int(np.max(tree.n_classes)) - 1, 1)
        return 2 * (int(tree.node_count) - n_leaves) + each * n_leaves
    if hasattr(estimator, "estimators_"):
        parts = [count_parameters(part) for part in np.ravel(np.asarray(
            estimator.estimators_, dtype=object))]  # fmt: skip
        return None if None in parts else sum(part for part in parts if part is not None)
    if hasattr(estimator, "coefs_"):
        return int(sum(np.size(part) for part in (*estimator.coefs_, *estimator.intercepts_)))
    if hasattr(estimator, "coef_") and not hasattr(estimator, "support_"):
        return int(np.size(estimator.coef_) + np.size(getattr(estimator, "intercept_", 0)))
    return None


def group_sizes(scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """For every row, how many rows get the same answer.

    Args:
        scores: `(n_rows, n_classes)`.
    """
    _, group, sizes = np.unique(scores.round(12), axis=0, return_inverse=True, return_counts=True)
    return np.asarray(sizes[group.reshape(-1)], dtype=np.int64)


def judge_structure(measurements: Measurements) -> list[Finding]:
    """Say which rules are broken; a broken rule is a warning, since nobody was found by it yet."""
    table = measurements.tables.get("structure")
    findings = []
    for row in [] if table is None else table.to_pylist():
        rule = RULES[row["rule"]]
        estimate = Estimate(value=row["value"], n=row["n"], method="counted")
        judged = Judgement(
            Verdict.INCONCLUSIVE,
            "A convention of trusted research environments is "
            + ("not kept" if row["is_broken"] else "kept")
            + "; it says where leaks come from, and the attack says how large they are.",
        )
        bound = "at least" if rule.direction == "at_least" else "at most"
        findings.append(
            finding_of(
                rule.name, estimate, judged,
                Threshold(
                    indicator=f"{AREA}.{rule.name}",
                    direction="at_least" if rule.direction == "at_least" else "at_most",
                    fail=rule.limit, status="tool default",
                    source="SACRO-ML's structural attack, with its usual limit.",
                ),
                f"{rule.title}: {row['value']:,.0f}; the rule asks for {bound} {rule.limit:,.0f} "
                f"(n = {row['n']:,} training records).",
                _REMEDIES[rule.name],
                "SACRO-ML; Preen and Smith 2025",
            )
        )  # fmt: skip
    return findings


_REMEDIES = {
    "smallest_leaf": "Ask for at least ten records in a leaf (min_samples_leaf) and fit again.",
    "stored_records": "The file itself gives these records away: do not hand it out, or choose a "
    "kind of model that keeps no records.",
    "residual_freedom": "Use fewer or shallower trees, fewer units, or more records.",
    "class_disclosure": "Ask for larger leaves or more neighbours, so that no answer is certain.",
    "small_groups": "Ask for larger leaves or more neighbours, or round the answers.",
}


def _last_step(native: Any) -> Any:  # noqa: ANN401  any library's object
    steps = getattr(native, "steps", None)
    # An estimator of someone's own may call a number so.
    return _last_step(steps[-1][1]) if isinstance(steps, list) and steps else native


def _row(name: str, value: float, n: int) -> dict[str, Any]:
    rule = RULES[name]
    broken = value < rule.limit if rule.direction == "at_least" else value > rule.limit
    return {
        "rule": name, "title": rule.title, "value": float(value), "limit": rule.limit,
        "direction": rule.direction, "is_broken": bool(broken), "n": n,
    }  # fmt: skip
