"""Tree models explained against background rows: by patterns where that is cheaper, else by shap.

Path-dependent values let the trees' own counts of training rows stand for an unknown value, and so
give credit to a column that the model reads only where another one goes along with it. These let
real rows stand for it (interventional values): the game that Kernel SHAP samples, exactly.
"""

import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzers.core.workbench import Tracker
from analyzers.explanation.attribution import Attribution, CannotExplain, margin_attribution
from analyzers.explanation.booster_trees import own_sums, take_booster_apart
from analyzers.explanation.encoding import Encoded, dense, sum_by_owner
from analyzers.explanation.forests import Ensemble, take_forest_apart
from analyzers.explanation.interventional import (
    MOST_ON_A_PATH,
    interventional_values,
    widths_of,
)

Floats = NDArray[np.float64]

# Seconds, measured on one core of a 2020s server (benchmarks/explanation.py): a number of a
# leaf's table, a row at a leaf, and a pair of rows at a leaf of shap's TreeExplainer.
_TABLE_S, _ROW_S, _PAIR_S = 3.2e-9, 6e-9, 9e-9
# shap rounds leaves to single precision and takes a while to import: not for little.
_PAIRS_START_S = 0.2
_LONGEST_S = 1200.0
_NOT_CONSTANT = 1e-3


class Opened(NamedTuple):
    """A tree model and the rows as its trees compare them.

    Attributes:
        ensemble: its trees; `columns` holds the rows, then the background.
        own: the encoded rows.
        others: the encoded background.
        is_booster: it comes from one of the three boosting libraries.
    """

    ensemble: Ensemble
    own: Encoded
    others: Encoded
    is_booster: bool

    @property
    def n_rows(self) -> int:
        """How many rows are explained."""
        return len(self.ensemble.columns) - int(self.others.matrix.shape[0])


class Cost(NamedTuple):
    """About how many seconds the two ways take on one core; infinite where one is impossible."""

    patterns: float
    pairs: float


def open_trees(own: Encoded, others: Encoded, class_index: int | None) -> Opened:
    """Take the model apart and put the rows and the background in one table.

    Raises:
        CannotExplain: it is no tree model whose trees can be read.
    """
    library = type(own.estimator).__module__.partition(".")[0]
    is_booster = library in {"xgboost", "lightgbm", "catboost"}

    def apart(encoded: Encoded) -> Ensemble:
        if is_booster:
            return take_booster_apart(encoded)
        return take_forest_apart(encoded, class_index)

    ensemble = apart(own)
    columns = np.concatenate([ensemble.columns, apart(others).columns])
    return Opened(ensemble._replace(columns=columns), own, others, is_booster)


def cost_of(opened: Opened) -> Cost:
    """Estimate both ways from the number of rows and the widths of the leaves."""
    n_rows = opened.n_rows
    n_all = len(opened.ensemble.columns)
    widths = np.array([width for tree, _ in opened.ensemble.trees for width in widths_of(tree)])
    tables = float((widths.astype(np.float64) ** 2 * 2.0**widths).sum()) * _TABLE_S
    rows = float((widths * n_rows + 2.0 * n_all).sum()) * _ROW_S
    pairs = n_rows * (n_all - n_rows) * len(widths) * _PAIR_S + _PAIRS_START_S
    is_wide = bool(len(widths)) and int(widths.max()) > MOST_ON_A_PATH
    return Cost(float("inf") if is_wide else tables + rows, pairs)


def explain_against_background(
    own: Encoded, others: Encoded, n_features: int, class_index: int | None, track: Tracker
) -> Attribution:
    """Exact interventional SHAP values of a tree model in the user's columns.

    Args:
        own: the rows, encoded.
        others: the background rows, encoded.
        n_features: number of the user's columns.
        class_index: the explained class; None for regression.
        track: progress.

    Raises:
        CannotExplain: its trees cannot be read, do not add up to the model, or would take longer
            than twenty minutes either way.
    """
    opened = open_trees(own, others, class_index)
    cost = cost_of(opened)
    if min(cost) > _LONGEST_S:
        raise CannotExplain(
            f"its trees ask about too many columns on one path for {opened.n_rows:,} rows against "
            f"{others.matrix.shape[0]:,} background rows"
        )
    is_ours = cost.patterns <= cost.pairs
    raw, base = _by_patterns(opened, track) if is_ours else _by_pairs(opened, class_index)
    values = sum_by_owner(raw, own.owners, n_features)
    kind, n = type(own.estimator).__name__, int(others.matrix.shape[0])
    if is_ours:
        name = f"exact interventional TreeSHAP of a {kind}, by patterns of rows"
        why = (
            f"Reading each row once is about {cost.pairs / max(cost.patterns, 1e-9):,.0f} times "
            "less work here than comparing every row with every background row."
        )
    else:
        name = f"exact interventional TreeSHAP of a {kind}, by shap.TreeExplainer"
        why = "Its trees are deep and the rows few, so comparing pairs of rows is less work."
    if opened.ensemble.is_probability:
        return Attribution(
            values=values[:, :, 0],
            base=float(base[0]),
            rebuilt=values[:, :, 0].sum(axis=1) + base[0],
            scale="value" if class_index is None else "probability",
            explainer=name,
            why=why,
            n_background=n,
        )
    return margin_attribution(values, base, class_index, explainer=name, why=why, n_background=n)


def _by_patterns(opened: Opened, track: Tracker) -> tuple[Floats, Floats]:
    ensemble, n_rows = opened.ensemble, opened.n_rows
    values = np.zeros((n_rows, ensemble.columns.shape[1], len(ensemble.start)))
    base = ensemble.start.copy()
    for tree, output in track(
        ensemble.trees, "Reading background rows into the trees", total=len(ensemble.trees)
    ):
        found, start = interventional_values(tree, ensemble.columns, n_rows)
        values[:, :, output] += found
        base[output] += start
    if opened.is_booster:
        beside = own_sums(opened.own) - (values.sum(axis=1) + base)
        if np.ptp(beside, axis=0).max(initial=0.0) > _NOT_CONSTANT * max(1.0, np.abs(base).max()):
            raise CannotExplain("its trees as written do not add up to its own sums")
        base += beside.mean(axis=0)
    return values, base


def _by_pairs(opened: Opened, class_index: int | None) -> tuple[Floats, Floats]:
    if len(opened.ensemble.start) > 1 and opened.is_booster:
        # shap 0.51 reads beyond its arrays for CatBoost with several classes and ends the process.
        raise CannotExplain("its paths ask about too many columns")
    with warnings.catch_warnings():
        # The library's import and its own advice are not about this model.
        warnings.simplefilter("ignore")
        import shap

        background = dense(opened.others.matrix)
        try:
            explainer: Any = shap.TreeExplainer(
                opened.own.estimator,
                shap.maskers.Independent(background, max_samples=len(background)),
                feature_perturbation="interventional",
            )
            raw = np.asarray(
                explainer.shap_values(dense(opened.own.matrix), check_additivity=False)
            )
        # It raises errors of many kinds for models it does not know.
        except Exception as error:
            raise CannotExplain(f"shap.TreeExplainer refused it: {error}") from error
    base = np.atleast_1d(np.asarray(explainer.expected_value, dtype=np.float64))
    raw = raw if raw.ndim == 3 else raw[:, :, None]
    if opened.ensemble.is_probability:
        output = 0 if class_index is None else class_index
        return raw[:, :, [output]], base[[output]]
    return raw, base
