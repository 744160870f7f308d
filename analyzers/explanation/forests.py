"""scikit-learn's trees, forests and boosted trees: exact SHAP values, path by path."""

import numpy as np

from analyzers.anatomy.encoding import Encoded
from analyzers.anatomy.forests import take_forest_apart
from analyzers.core.workbench import Tracker
from analyzers.explanation.attribution import Attribution, margin_attribution
from analyzers.explanation.encoding import sum_by_owner
from analyzers.explanation.trees import tree_values

_NAME = "path-dependent TreeSHAP"


def explain_forest(
    encoded: Encoded, n_features: int, class_index: int | None, track: Tracker
) -> Attribution:
    """Exact SHAP values of a scikit-learn tree model, in the user's columns.

    Raises:
        DoesNotFit: the estimator is no tree model.
    """
    kind = type(encoded.estimator).__name__
    ensemble = take_forest_apart(encoded, class_index)
    outputs = len(ensemble.start)
    values = np.zeros((len(ensemble.columns), ensemble.columns.shape[1], outputs))
    start = ensemble.start.copy()
    for tree, output in track(ensemble.trees, "Walking the trees", total=len(ensemble.trees)):
        values[:, :, output] += tree_values(tree, ensemble.columns)
        start[output] += tree.base
    summed = sum_by_owner(values, encoded.owners, n_features)
    if ensemble.is_probability:
        return Attribution(
            values=summed[:, :, 0],
            base=float(start[0]),
            rebuilt=summed[:, :, 0].sum(axis=1) + start[0],
            scale="value" if class_index is None else "probability",
            explainer=f"exact {_NAME} of a {kind}",
            why=f"A {kind} is a mean of trees: its exact values cost one walk through each tree.",
        )
    return margin_attribution(
        summed,
        start,
        class_index,
        explainer=f"exact {_NAME} of a {kind}",
        why=f"A {kind} is a sum of trees on the log-odds scale, where its values are exact."
        if class_index is not None
        else f"A {kind} is a sum of trees: its exact values cost one walk through each tree.",
    )
