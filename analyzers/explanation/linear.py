"""Linear models: exact SHAP values in closed form."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from analyzers.anatomy.encoding import Encoded, dense
from analyzers.anatomy.refusal import DoesNotFit
from analyzers.explanation.attribution import Attribution, margin_attribution
from analyzers.explanation.encoding import sum_by_owner


def explain_linear(
    encoded: Encoded, background: Encoded, n_features: int, class_index: int | None
) -> Attribution:
    """Weight times distance from the background's mean, in the user's columns.

    With columns replaced independently (interventional values) this is exact, and adding up the
    columns made from one column of the user's is exact too.

    Raises:
        DoesNotFit: the estimator has no coefficients, or not one set for each output.

    References:
        Lundberg and Lee 2017, corollary 1.
    """
    weights, start = coefficients(encoded.estimator)
    rows, others = dense(encoded.matrix), dense(background.matrix)
    if weights.shape[1] != rows.shape[1]:
        raise DoesNotFit("its coefficients do not match the encoded columns")
    centre = others.mean(axis=0)
    contributions = (rows - centre)[:, :, None] * weights.T[None, :, :]
    kind = type(encoded.estimator).__name__
    return margin_attribution(
        sum_by_owner(contributions, encoded.owners, n_features),
        start + weights @ centre,
        class_index,
        explainer=f"exact linear SHAP of a {kind}",
        why=f"A {kind} adds up weighted columns, so its values have a closed form"
        + (" on the log-odds scale." if class_index is not None else "."),
        n_background=len(others),
    )


def coefficients(estimator: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:  # noqa: ANN401
    """Return weights `(n_outputs, n_encoded)` and intercepts `(n_outputs,)`.

    Raises:
        DoesNotFit: there are none.
    """
    if not hasattr(estimator, "coef_") or not hasattr(estimator, "intercept_"):
        raise DoesNotFit(f"{type(estimator).__name__} has no coefficients")
    weights = estimator.coef_
    weights = weights.toarray() if hasattr(weights, "toarray") else np.asarray(weights, np.float64)
    weights = np.atleast_2d(weights)
    start = np.atleast_1d(np.asarray(estimator.intercept_, dtype=np.float64)).ravel()
    return weights, np.broadcast_to(start, (len(weights),)).copy()
