"""Our values for trees against those of the shap library, on a few rows of every run."""

import warnings

import numpy as np

from analyzers.anatomy.encoding import Encoded, dense
from analyzers.explanation.attribution import Attribution
from analyzers.explanation.encoding import sum_by_owner

ROWS_CHECKED = 5


def difference_from_shap(
    encoded: Encoded, attribution: Attribution, class_index: int | None
) -> float | None:
    """Return the largest difference from `shap.TreeExplainer` on the first rows.

    Args:
        encoded: the rows as the trees see them.
        attribution: our values of these rows.
        class_index: the explained class; None for regression.

    Returns:
        The difference on the scale of the values; None where the shap library cannot explain this
        kind of model, such as boosting with categories.
    """
    with warnings.catch_warnings():
        # The library's import and its own advice are not about this model.
        warnings.simplefilter("ignore")
        import shap

        try:
            few = dense(encoded.matrix[:ROWS_CHECKED])
            raw = np.asarray(
                shap.TreeExplainer(encoded.estimator).shap_values(few, check_additivity=False)
            )
        # It raises errors of many kinds for models it does not know.
        except Exception:
            return None
    ours = attribution.values[:ROWS_CHECKED]
    raw = raw if raw.ndim == 3 else raw[:, :, None]
    theirs = sum_by_owner(raw, encoded.owners, ours.shape[1])
    if theirs.shape[2] == 1:
        values = -theirs[:, :, 0] if class_index == 0 else theirs[:, :, 0]
    else:
        values = theirs[:, :, class_index or 0]
        if attribution.scale == "log-odds":
            values = values - theirs.mean(axis=2)
    return float(np.abs(values - ours).max(initial=0.0))
