"""Which features give a sensitive attribute away?

Leaving a column out does not hide it from the model where other columns tell the same.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from analyzers.core.dataset import Dataset
from analyzers.core.workbench import Tracker
from analyzers.fairness.tables import TABLES
from analyzers.toolkit.association import what_tells
from analyzers.toolkit.curves import count_scores, roc_auc
from analyzers.toolkit.groups import Attribute
from analyzers.toolkit.sampling import content_order

ALL_FEATURES = "all features together"
MOST_ROWS = 4_000
_FOLDS = 3


def proxy_table(
    attributes: Sequence[Attribute],
    features: Sequence[Attribute],
    data: Dataset,
    rng: np.random.Generator,
    *,
    n_draws: int,
    track: Tracker,
) -> pa.Table:
    """How much each feature, and all of them together, tell of each attribute.

    One feature: the share of the attribute's entropy that it removes (uncertainty coefficient,
    0 to 1), from counts, corrected for the chance level (Miller and Madow). All features: the area
    under the ROC curve of a forest that predicts the attribute's largest group, on rows it was not
    fitted on.

    Args:
        attributes: the sensitive columns.
        features: the model's features as groups; the attribute itself is passed over.
        data: the rows.
        rng: source of randomness.
        n_draws: bootstrap draws of the counts.
        track: reports progress.

    References:
        Theil 1970; Miller 1955; Feldman et al. 2015 (predictability of the attribute).
    """
    rows: list[dict[str, Any]] = []
    for attribute in track(attributes, "Looking for proxies"):
        others = [feature for feature in features if feature.name != attribute.name]
        if len(attribute.levels) < 2 or not others:
            continue
        for feature in others:
            told = what_tells(attribute, feature, n_draws=n_draws, rng=rng)
            rows.append(
                {
                    "attribute": attribute.name, "feature": feature.name,
                    "measure": "uncertainty coefficient", "value": told.value,
                    "low": told.low, "high": told.high, "n": len(data),
                    "method": "multinomial draws of the counts",
                }
            )  # fmt: skip
        together = _predictability(attribute, others, data, rng)
        if together is not None:
            rows.append(together)
    rows.sort(key=lambda row: (row["attribute"], row["measure"], -row["value"], row["feature"]))
    return pa.Table.from_pylist(rows, schema=TABLES["proxies"])


def _predictability(
    attribute: Attribute, others: Sequence[Attribute], data: Dataset, rng: np.random.Generator
) -> dict[str, Any] | None:
    from sklearn.ensemble import ExtraTreesClassifier

    order = content_order(data)
    chosen = order[rng.permutation(len(order))[:MOST_ROWS]]
    inputs = np.stack([feature.codes for feature in others], axis=1)[chosen]
    largest = int(np.bincount(attribute.codes).argmax())
    target = (attribute.codes[chosen] == largest).astype(np.int64)
    scores = np.zeros(len(chosen))
    for fold in range(_FOLDS):
        held_out = np.arange(len(chosen)) % _FOLDS == fold
        if len(np.unique(target[~held_out])) < 2:
            continue
        forest = ExtraTreesClassifier(
            n_estimators=30, min_samples_leaf=5, n_jobs=1, random_state=int(rng.integers(2**31))
        )
        forest.fit(inputs[~held_out], target[~held_out])
        scores[held_out] = forest.predict_proba(inputs[held_out])[:, 1]
    area = roc_auc(count_scores(scores, target))
    if area.value is None:
        return None
    return {
        "attribute": attribute.name, "feature": ALL_FEATURES,
        "measure": "area under the ROC curve", "value": area.value,
        "low": area.low, "high": area.high, "n": len(chosen),
        "method": f"extremely randomised trees, {_FOLDS} folds, for {attribute.levels[largest]!r} "
        f"against the rest; {area.method}",
    }  # fmt: skip
