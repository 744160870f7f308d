"""What gradient attacks on networks climb; each is larger the nearer the attacker's goal.

References:
    Croce and Hein 2020 (difference of logits ratio); Carlini and Wagner 2017 (margin of logits).
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

Loss = Callable[["Tensor", "Tensor", "Tensor | None"], "Tensor"]


def cross_entropy(logits: "Tensor", codes: "Tensor", wanted: "Tensor | None") -> "Tensor":
    """Cross-entropy of the present answer, or minus that of the wanted one, `(n_rows,)`."""
    from torch.nn import functional

    if wanted is None:
        return functional.cross_entropy(logits, codes, reduction="none")
    return -functional.cross_entropy(logits, wanted, reduction="none")


def margin(logits: "Tensor", codes: "Tensor", wanted: "Tensor | None") -> "Tensor":
    """Logit of the best other answer (or the wanted one) minus the present one's, `(n_rows,)`."""
    own = _pick(logits, codes)
    if wanted is not None:
        return _pick(logits, wanted) - own
    aside = logits.scatter(1, codes[:, None], float("-inf"))
    return aside.max(dim=1).values - own


def difference_ratio(logits: "Tensor", codes: "Tensor", wanted: "Tensor | None") -> "Tensor":
    """Margin over the spread of the largest logits: blind to shift and scale, `(n_rows,)`.

    A network that multiplies its logits to make cross-entropy flat gains nothing here. The spread
    needs three classes, and four with a wanted one; with fewer the margin stands alone.
    """
    top = logits.sort(dim=1, descending=True).values
    n_classes = logits.shape[1]
    if n_classes < 3:
        return margin(logits, codes, wanted)
    spread = top[:, 0] - top[:, 2]
    if wanted is not None and n_classes > 3:
        spread = top[:, 0] - (top[:, 2] + top[:, 3]) / 2
    return margin(logits, codes, wanted) / (spread + 1e-12)


def _pick(logits: "Tensor", codes: "Tensor") -> "Tensor":
    return logits.gather(1, codes[:, None])[:, 0]
