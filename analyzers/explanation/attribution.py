"""SHAP values in the user's own columns, and what they are values of."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from analyzers.core.model import Capability, Inputs, Model

Scale = Literal["probability", "log-odds", "value", "decision"]

# Single-precision models add up to about 1e-6 of their output; anything beyond this bound means
# that something else than the model was explained.
LARGEST_ERROR = 1e-3


@dataclass(frozen=True, kw_only=True)
class Target:
    """The model's output that is explained.

    Attributes:
        class_index: position of the explained class, None for regression.
        has_probabilities: False where the model only names the class.
    """

    class_index: int | None
    has_probabilities: bool

    @property
    def scale(self) -> Scale:
        """What `outputs` returns."""
        if self.class_index is None:
            return "value"
        return "probability" if self.has_probabilities else "decision"

    def outputs(self, model: Model, inputs: Inputs) -> NDArray[np.float64]:
        """Ask the model: `(n_rows,)` probability, value, or 1 where it decides for the class."""
        if self.class_index is None:
            return np.asarray(model.predict(inputs), dtype=np.float64)
        if self.has_probabilities:
            return np.asarray(model.predict_proba(inputs)[:, self.class_index], dtype=np.float64)
        return (np.asarray(model.predict(inputs)) == self.class_index).astype(np.float64)


@dataclass(frozen=True, kw_only=True)
class Attribution:
    """How far each column moved the model's output for each row.

    Attributes:
        values: `(n_rows, n_features)` on `scale`.
        base: the output before any column is known, on `scale`.
        rebuilt: `(n_rows,)` base plus values, turned back to the scale of `Target.outputs`.
        scale: what the values are measured in.
        explainer: its name and source, for the page.
        why: one sentence on why this explainer.
        errors: `(n_rows, n_features)` standard error of each value where it was sampled.
        n_background: rows that stand for unknown values; 0 where the trees' own counts do.
        draws: how the sampling was done, where it was.
        from_shap: asks the shap library about a few rows and returns the largest difference, or
            None where it does not know the model; None where it is not asked.
    """

    values: NDArray[np.float64]
    base: float
    rebuilt: NDArray[np.float64]
    scale: Scale
    explainer: str
    why: str
    errors: NDArray[np.float64] | None = None
    n_background: int = 0
    draws: str = ""
    from_shap: Callable[[], float | None] | None = None


def target_of(model: Model, class_index: int | None) -> Target:
    """Settle what is explained: the probability where the model gives one."""
    return Target(
        class_index=class_index,
        has_probabilities=Capability.PREDICT_PROBA in model.capabilities,
    )


def from_margins(
    margins: NDArray[np.float64], class_index: int | None
) -> tuple[NDArray[np.float64], Scale]:
    """Turn a model's raw sums into probabilities of the explained class.

    Args:
        margins: `(n_rows,)` for one output, `(n_rows, n_classes)` for several.
        class_index: the explained class; None for regression.

    Returns:
        `(n_rows,)` on the scale of `Target.outputs`, and the scale of the raw sums.
    """
    from scipy.special import expit, softmax

    if class_index is None:
        return margins.reshape(len(margins), -1)[:, 0], "value"
    if margins.ndim == 1:
        return (expit(margins) if class_index == 1 else expit(-margins)), "log-odds"
    return softmax(margins, axis=1)[:, class_index], "log-odds"


def margin_attribution(
    contributions: NDArray[np.float64],
    base: NDArray[np.float64],
    class_index: int | None,
    **words: Any,  # noqa: ANN401  the remaining fields of Attribution
) -> Attribution:
    """Build an attribution from contributions to raw sums of one or several classes.

    With several classes a raw sum means something only against the others, so the mean over the
    classes is taken off: what remains is the logarithm of the probability against the geometric
    mean of all.

    Args:
        contributions: `(n_rows, n_features, n_outputs)`.
        base: `(n_outputs,)`.
        class_index: the explained class; None for regression.
        **words: `explainer`, `why` and the other fields.
    """
    margins = contributions.sum(axis=1) + base
    if class_index is not None and contributions.shape[2] > 1:
        rebuilt, scale = from_margins(margins, class_index)
        values = contributions[:, :, class_index] - contributions.mean(axis=2)
        start = float(base[class_index] - base.mean())
    else:
        rebuilt, scale = from_margins(margins[:, 0], class_index)
        sign = -1.0 if class_index == 0 else 1.0
        values, start = sign * contributions[:, :, 0], sign * float(base[0])
    return Attribution(values=values, base=start, rebuilt=rebuilt, scale=scale, **words)
