"""What would lower the risk: the measures that this result calls for, each with its reason."""

from typing import Any, NamedTuple

from analyzers.core.result import Measurements
from analyzers.privacy.comparability import TOLERATED_AUC
from analyzers.privacy.wording import gap_in_words

_LABELS_ALONE = "correctness"
_RULES = {
    "smallest_leaf": "larger_leaves",
    "class_disclosure": "larger_leaves",
    "small_groups": "larger_leaves",
    "stored_records": "no_records",
    "residual_freedom": "smaller",
}
_MEASURES = {
    "larger_leaves": (
        "Ask for larger leaves, or prune",
        (
            "min_samples_leaf or ccp_alpha in scikit-learn, min_child_samples in LightGBM, "
            "min_data_in_leaf in CatBoost, min_child_weight in XGBoost; or ask more neighbours."
        ),
    ),
    "no_records": (
        "Do not hand the file out",
        "Answer questions from a server, or choose a kind of model that keeps no records.",
    ),
    "smaller": (
        "Fit a smaller model",
        "Fewer or shallower trees, fewer units, fewer columns; or more records.",
    ),
}


class Measure(NamedTuple):
    """One thing to do.

    Attributes:
        what: to do.
        because: the numbers of this result that call for it.
        how: settings and ways.
    """

    what: str
    because: str
    how: str


def measures_for(measurements: Measurements) -> list[Measure]:
    """List what would lower the risk that was measured, the surest first; maybe nothing.

    What rests on the attack is left out where the attack's result is void.
    """
    found = _by_rules(_rows(measurements, "structure"))
    comparable = measurements.estimates.get("distribution_auc")
    is_void = comparable is not None and (comparable.low or 0.0) > TOLERATED_AUC
    if not is_void:
        found += [*_memory(measurements), *_scores(measurements), *_groups(measurements)]
    return found + _table(measurements)


def _by_rules(rows: list[dict[str, Any]]) -> list[Measure]:
    reasons: dict[str, list[str]] = {}
    for row in rows:
        if row["is_broken"]:
            bound = "at least" if row["direction"] == "at_least" else "at most"
            said = f"{row['title']}: {row['value']:,.0f}, and the rule asks for {bound} "
            reasons.setdefault(_RULES[row["rule"]], []).append(f"{said}{row['limit']:,.0f}")
    return [
        Measure(_MEASURES[name][0], "; ".join(because) + ".", _MEASURES[name][1])
        for name, because in reasons.items()
    ]


def _memory(measurements: Measurements) -> list[Measure]:
    gap = measurements.estimates.get("generalisation_gap")
    auc = measurements.estimates.get("attack_auc")
    found = []
    if gap is not None and gap.value is not None and (gap.low or 0.0) > 0:
        is_regression = measurements.facts.get("task") == "regression"
        size = gap_in_words(gap.value, is_regression=is_regression)
        found.append(
            Measure(
                "Regularise, or stop training earlier",
                f"The model's {size} on the rows it was fitted on (n = {gap.n:,}).",
                "A larger penalty (C, alpha, weight decay), early stopping, a lower learning rate, "
                "fewer rounds, dropout, more or varied records.",
            )
        )
    if auc is not None and auc.value is not None and (auc.low or 0.0) > 0.5:
        found.append(
            Measure(
                "Train with differential privacy",
                f"The attack ranks a member above a non-member in {auc.value:.1%} of cases "
                f"(n = {auc.n:,}). Nothing else bounds what other attacks can find.",
                "DP-SGD for networks (Opacus), noisy objectives and leaves for linear models and "
                "trees (diffprivlib); it costs accuracy, and rare groups most. State epsilon and "
                "delta above, and the attack tests the claim.",
            )
        )
    return found


def _scores(measurements: Measurements) -> list[Measure]:
    rows = {row["attack"]: row for row in _rows(measurements, "attacks")}
    labels = rows.pop(_LABELS_ALONE, None)
    others = [row for row in rows.values() if row["value"] is not None]
    if labels is None or labels["high"] is None or not others:
        return []
    best = max(others, key=lambda row: row["value"])
    if best["low"] is None or best["low"] <= max(labels["high"], 0.5):
        return []
    return [
        Measure(
            "Answer with labels, or with rounded scores",
            f"Whether the answer is right tells members in {labels['value']:.1%} of pairs, the "
            f"scores tell them in {best['value']:.1%}.",
            "It slows an attacker down and stops nobody who may ask often: see the attack by "
            "labels alone among the settings.",
        )
    ]


def _groups(measurements: Measurements) -> list[Measure]:
    return [
        Measure(
            f"Collect more records like those in {row['highest']}, or leave rare values out",
            f"The attack finds {row['highest_value']:.1%} of the members there and "
            f"{row['lowest_value']:.1%} in {row['lowest']} ({row['attribute']}).",
            "Few or unusual records leave the clearest traces in a model.",
        )
        for row in _rows(measurements, "group_gaps")
        if (row["low"] or 0.0) > 0 and row["value"]
    ]


def _table(measurements: Measurements) -> list[Measure]:
    rows = _rows(measurements, "identifying_columns")
    if not rows or not rows[0]["alone_with_all"]:
        return []
    best = min(rows, key=lambda row: row["alone_without_it"])
    alone, n_rows = best["alone_with_all"], best["n_records"]
    said = f"{alone:,} of {n_rows:,} records stand alone by what others may know, and"
    how = "Years into decades, districts into regions, rare levels into one."
    if best["alone_without_it"] == alone:
        what = "Coarsen several of the columns others may know in the training table"
        return [Measure(what, f"{said} as many without any one of the columns.", how)]
    what = f"Coarsen {best['column']} in the training table, or leave it out"
    return [Measure(what, f"{said} {best['alone_without_it']:,} without it.", how)]


def _rows(measurements: Measurements, name: str) -> list[dict[str, Any]]:
    table = measurements.tables.get(name)
    return [] if table is None else table.to_pylist()
