"""A few typical reasons: rows whose explanations are alike, how many there are and what they say.

Each row's values are divided by the sum of their sizes, so that a faint and a strong answer for the
same reasons fall together, and put in clusters; the number of clusters is the one whose rows lie
closest to their own and farthest from the next (silhouette).

References: Lundberg et al. 2020 (supervised clustering); Rousseeuw 1987 (silhouette).
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from analyzers.explanation.local import is_number
from analyzers.explanation.records import Scene
from analyzers.explanation.tables import TABLES
from analyzers.toolkit.intervals import mean_estimate, rate_estimate

Floats = NDArray[np.float64]

MOST_REASONS = 6
LEAST_ROWS = 30
_ROWS_COMPARED = 500
_PARTS_NAMED = 3
_PARTS_KEPT = 10
# Less than this part of the largest mean is not worth a word.
_WORTH_NAMING = 0.2


class Reasons(NamedTuple):
    """Which row is explained by which reason.

    Attributes:
        codes: `(n_rows,)` 0 is the most frequent reason.
        silhouette: in [-1, 1]; 1 is well apart, near 0 the reasons run into each other.
    """

    codes: NDArray[np.int64]
    silhouette: float


def find_reasons(values: Floats, rng: np.random.Generator) -> Reasons | None:
    """Gather rows by the direction of their explanation.

    Args:
        values: `(n_rows, n_features)` SHAP values.
        rng: source of randomness.

    Returns:
        None where there are fewer than 30 rows or nothing to tell them apart by.
    """
    from sklearn.cluster import KMeans
    from sklearn.metrics import silhouette_score

    sizes = np.abs(values).sum(axis=1, keepdims=True)
    shares = np.divide(values, sizes, out=np.zeros_like(values), where=sizes > 0)
    n_distinct = len(np.unique(shares.round(9), axis=0))
    if len(values) < LEAST_ROWS or n_distinct < 2:
        return None
    seed = int(rng.integers(2**31))
    best: Reasons | None = None
    with threadpool_limits(1):
        for n in range(2, min(MOST_REASONS, n_distinct) + 1):
            codes = KMeans(n, n_init=5, random_state=seed).fit_predict(shares)
            few = slice(0, _ROWS_COMPARED)
            if len(np.unique(codes[few])) < 2:
                continue
            apart = float(silhouette_score(shares[few], codes[few]))
            if best is None or apart > best.silhouette:
                best = Reasons(codes.astype(np.int64), apart)
    if best is None:
        return None
    order = np.argsort(-np.bincount(best.codes), kind="stable")
    return Reasons(np.argsort(order)[best.codes], best.silhouette)


def reasons_table(scene: Scene, reasons: Reasons) -> pa.Table:
    """Size, share with Wilson's interval, mean output and a plain description of each reason."""
    values, n = scene.attribution.values, len(reasons.codes)
    outputs = scene.attribution.base + values.sum(axis=1)
    lines = []
    for code in range(int(reasons.codes.max()) + 1):
        members = reasons.codes == code
        share = rate_estimate(int(members.sum()), n)
        lines.append(
            {
                "reason": code + 1, "words": _describe(scene, members),
                "rows": int(members.sum()), "share": share.value, "low": share.low,
                "high": share.high, "output": float(outputs[members].mean()), "n": n,
            }
        )  # fmt: skip
    return pa.Table.from_pylist(lines, schema=TABLES["reasons"])


def parts_table(scene: Scene, reasons: Reasons) -> pa.Table:
    """Mean SHAP value of the most important columns for the rows of each reason."""
    lines = []
    for code in range(int(reasons.codes.max()) + 1):
        members = scene.attribution.values[reasons.codes == code]
        for at in scene.order[:_PARTS_KEPT]:
            mean = mean_estimate(members[:, at])
            lines.append(
                {
                    "reason": code + 1, "feature": str(scene.frame.columns[at]),
                    "mean": mean.value, "low": mean.low, "high": mean.high, "n": mean.n,
                }
            )  # fmt: skip
    return pa.Table.from_pylist(lines, schema=TABLES["reason_parts"])


def _describe(scene: Scene, members: NDArray[np.bool_]) -> str:
    means = scene.attribution.values[members].mean(axis=0)
    order = np.argsort(-np.abs(means), kind="stable")[:_PARTS_NAMED]
    named = [at for at in order if np.abs(means[at]) > _WORTH_NAMING * np.abs(means).max()]
    words = []
    for verb, sign in (("raised by", 1.0), ("lowered by", -1.0)):
        parts = [_typical(scene.frame.iloc[:, at], members) for at in named if sign * means[at] > 0]
        if parts:
            words.append(f"{verb} {' and '.join(parts)}")
    return "; ".join(words) or "no column moves these rows on average"


def _typical(column: pd.Series, members: NDArray[np.bool_]) -> str:
    """What a column typically holds in these rows, beside all rows."""
    name, own = str(column.name)[:60], column[members]
    if is_number(column) and own.notna().any():
        here, over = float(own.median()), float(column.median())
        relation = "as in all rows" if here == over else f"{over:.4g} in all rows"
        return f"{name} (median {here:.4g}, {relation})"
    levels = own.astype(object).where(own.notna(), "missing").map(str)
    top = sorted(levels.value_counts().items(), key=lambda item: (-item[1], item[0]))[0]
    return f"{name} ({str(top[0])[:40]} in {top[1] / len(levels):.0%})"
