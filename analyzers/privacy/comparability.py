"""Can members and non-members be told apart without the model? Then no attack result counts.

A classifier that never sees the model tries to tell the two tables apart from features and outcome
alone. Where it succeeds (another year, another hospital, another sampling), a membership attack
measures that difference and not what the model remembers.
"""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from analyzers.core.result import Estimate
from analyzers.core.workbench import Tracker
from analyzers.privacy.evidence import Side, describing_columns
from analyzers.toolkit.curves import count_scores, roc_auc

FOLDS = 5
FEWEST_ROWS = 25
TOLERATED_AUC = 0.55
MOST_TEXT_FEATURES = 2**14
PICTURE_SIDE = 16


class Comparison(NamedTuple):
    """How well the two tables are told apart.

    Attributes:
        auc: of the blind classifier, cross-validated; 0.5 means not at all.
        n_used: rows of both tables it was trained and tested on.
        columns: one row per column, the most different first.
    """

    auc: Estimate
    n_used: int
    columns: list[dict[str, Any]]


def compare_sides(
    members: Side, non_members: Side, *, most_rows: int, rng: np.random.Generator, track: Tracker
) -> Comparison:
    """Train and test the blind classifier and compare the columns one by one.

    Args:
        members: rows of one table.
        non_members: rows of the other.
        most_rows: of both tables together that are used, in equal parts.
        rng: draws the rows, the folds and the classifier's seed.
        track: reports each fold.

    References:
        Das, Zhang and Tramer 2024 (blind baselines); Meeus et al. 2024.
    """
    each = max(most_rows // 2, FEWEST_ROWS)
    inside, outside = _some(len(members), each, rng), _some(len(non_members), each, rng)
    columns = _column_differences(members, non_members)
    n_used = len(inside) + len(outside)
    if min(len(inside), len(outside)) < FEWEST_ROWS:
        reason = (
            f"The check needs at least {FEWEST_ROWS} rows on each side, got "
            f"{min(len(inside), len(outside))}."
        )
        return Comparison(Estimate.unmeasured(reason, n=n_used), n_used, columns)
    from threadpoolctl import threadpool_limits

    features = _features(members, non_members, inside, outside)
    is_member = np.concatenate([np.ones(len(inside)), np.zeros(len(outside))]).astype(np.int64)
    folds = np.concatenate(
        [rng.permutation(len(inside)) % FOLDS, rng.permutation(len(outside)) % FOLDS]
    )
    seed = int(rng.integers(2**31))
    guesses = np.zeros(len(is_member))
    what = "Checking that the two tables are comparable"
    # One thread: the fits are small, and threads that wait for each other cost more than they save.
    with threadpool_limits(1):
        for fold in track(range(FOLDS), what, total=FOLDS):
            classifier = _classifier(members.data.subject.modality, seed)
            train, test = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
            classifier.fit(features[train], is_member[train])
            guesses[test] = classifier.predict_proba(features[test])[:, 1]
    auc = roc_auc(count_scores(guesses, is_member))
    return Comparison(auc, n_used, columns)


def _some(n_rows: int, most: int, rng: np.random.Generator) -> NDArray[np.int64]:
    if n_rows <= most:
        return np.arange(n_rows)
    return np.sort(rng.choice(n_rows, most, replace=False))


def _classifier(modality: str, seed: int) -> Any:  # noqa: ANN401  scikit-learn ships no types
    if modality == "text":
        from sklearn.linear_model import LogisticRegression

        return LogisticRegression(max_iter=1000)
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(
        max_iter=60, max_leaf_nodes=15, min_samples_leaf=10, early_stopping=False,
        random_state=seed,
    )  # fmt: skip


def _features(
    members: Side, non_members: Side, inside: NDArray[np.int64], outside: NDArray[np.int64]
) -> Any:  # noqa: ANN401  a dense array, or a sparse matrix for text
    labels = np.concatenate([members.labels[inside], non_members.labels[outside]])
    outcome = labels.astype(np.float64)[:, None]
    modality = members.data.subject.modality
    if modality == "text":
        from scipy import sparse
        from sklearn.feature_extraction.text import HashingVectorizer

        first, second = members.data.take(inside).inputs, non_members.data.take(outside).inputs
        words = HashingVectorizer(n_features=MOST_TEXT_FEATURES).transform([*first, *second])
        return sparse.hstack([words, sparse.csr_matrix(outcome)]).tocsr()
    if members.data.images is not None and non_members.data.images is not None:
        pictures = np.concatenate([members.data.images[inside], non_members.data.images[outside]])
        return np.hstack([_shrink(pictures), outcome])
    parts = [outcome]
    for name in describing_columns(members.data.subject):
        both = pd.concat(
            [side.data.frame[name].iloc[chosen]
             for side, chosen in ((members, inside), (non_members, outside))],
            ignore_index=True,
        )  # fmt: skip
        parts.append(as_numbers(both)[:, None])
    return np.hstack(parts)


def _shrink(pictures: NDArray[np.float32]) -> NDArray[np.float64]:
    """Average pictures to at most 16 by 16 pixels and lay them flat."""
    step_y = -(-pictures.shape[1] // PICTURE_SIDE)
    step_x = -(-pictures.shape[2] // PICTURE_SIDE)
    height, width = pictures.shape[1] // step_y * step_y, pictures.shape[2] // step_x * step_x
    blocks = pictures[:, :height, :width].reshape(
        len(pictures), height // step_y, step_y, width // step_x, step_x, -1
    )
    return np.asarray(blocks.mean(axis=(2, 4)).reshape(len(pictures), -1), dtype=np.float64)


def as_numbers(values: pd.Series) -> NDArray[np.float64]:
    """Turn a column into numbers, NaN where missing; levels become codes in their sorted order."""
    if pd.api.types.is_numeric_dtype(values):
        return np.asarray(values.to_numpy(np.float64, na_value=np.nan))
    # Sorted levels, so that the code of a level does not depend on which row came first.
    codes, _ = pd.factorize(values.astype("string"), sort=True, use_na_sentinel=True)
    return np.where(codes < 0, np.nan, codes).astype(np.float64)


def _column_differences(members: Side, non_members: Side) -> list[dict[str, Any]]:
    names = list(describing_columns(members.data.subject))
    target = members.data.subject.target
    if members.data.subject.modality != "tabular":
        names = []
    if target is not None:
        names.append(target)
    rows = []
    for name in dict.fromkeys(names):
        if name not in members.data.frame or name not in non_members.data.frame:
            continue
        first, second = members.data.frame[name].dropna(), non_members.data.frame[name].dropna()
        if len(first) and len(second):
            rows.append({"column": name} | _difference(first, second))
    return sorted(rows, key=lambda row: (row["p_value"], row["column"]))


def _difference(first: pd.Series, second: pd.Series) -> dict[str, Any]:
    counted = {"n_members": len(first), "n_non_members": len(second)}
    if pd.api.types.is_numeric_dtype(first) and pd.api.types.is_numeric_dtype(second):
        inside, outside = (np.asarray(side, dtype=np.float64) for side in (first, second))
        test = stats.ks_2samp(inside, outside, method="asymp")
        return counted | {
            "measure": "Kolmogorov-Smirnov distance",
            "distance": float(test.statistic),
            "p_value": float(test.pvalue),
        }
    both = pd.concat([first.astype("string"), second.astype("string")], ignore_index=True)
    codes, levels = pd.factorize(both, sort=True)
    counts = np.stack(
        [
            np.bincount(codes[: len(first)], minlength=len(levels)),
            np.bincount(codes[len(first) :], minlength=len(levels)),
        ]
    )
    shares = counts / counts.sum(axis=1, keepdims=True)
    p_value = float(stats.chi2_contingency(counts).pvalue) if len(levels) > 1 else 1.0
    return counted | {
        "measure": "total variation distance",
        "distance": float(np.abs(shares[0] - shares[1]).sum() / 2),
        "p_value": p_value,
    }
