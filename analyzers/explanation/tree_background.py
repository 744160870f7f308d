"""Tree models explained against background rows, exactly and in the user's columns.

Path-dependent values let the trees' own counts of training rows stand for an unknown value, and so
give credit to a column that the model reads only where another one goes along with it. These let
real rows stand for it (interventional values): the game that Kernel SHAP samples, exactly.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzers.anatomy.boosters import (
    BOOSTER_LIBRARIES,
    booster_columns,
    library_of,
    own_sums,
    take_booster_apart,
)
from analyzers.anatomy.encoding import Encoded
from analyzers.anatomy.forests import take_forest_apart
from analyzers.anatomy.refusal import DoesNotFit
from analyzers.anatomy.tree import Ensemble
from analyzers.core.workbench import Tracker
from analyzers.explanation.attribution import Attribution, margin_attribution
from analyzers.explanation.encoding import sum_by_owner
from analyzers.explanation.interventional import (
    interventional_values,
    pair_seconds,
    table_seconds,
    widths_of,
)

Floats = NDArray[np.float64]

# Seconds for one row and column at a leaf, measured on one core of a 2020s server.
_ROW_S = 6e-9
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


def open_trees(own: Encoded, others: Encoded, class_index: int | None) -> Opened:
    """Take the model apart and put the rows and the background in one table.

    Raises:
        DoesNotFit: it is no tree model whose trees can be read.
    """
    is_booster = library_of(own.estimator) in BOOSTER_LIBRARIES

    if is_booster:
        ensemble, behind = take_booster_apart(own), booster_columns(others)
    else:
        ensemble = take_forest_apart(own, class_index)
        # Whether its first guess is one number, as it has to be, shows in these rows too.
        behind = take_forest_apart(others, class_index).columns
    columns = np.concatenate([ensemble.columns, behind])
    return Opened(ensemble._replace(columns=columns), own, others, is_booster)


def seconds_of(opened: Opened) -> float:
    """Estimate the work of one core from the number of rows and the widths of the leaves."""
    n_rows, n_all = opened.n_rows, len(opened.ensemble.columns)
    each_pair = pair_seconds(n_rows, n_all - n_rows)
    return sum(
        min(table_seconds(width), each_pair) + (width * n_rows + 2 * n_all) * _ROW_S
        for tree, _ in opened.ensemble.trees
        for width in widths_of(tree)
    )


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
        DoesNotFit: its trees cannot be read, do not add up to the model, or would take longer
            than twenty minutes.
    """
    opened = open_trees(own, others, class_index)
    kind, n = type(own.estimator).__name__, int(others.matrix.shape[0])
    if seconds_of(opened) > _LONGEST_S:
        raise DoesNotFit(
            f"its trees are too many and too deep for {opened.n_rows:,} rows against {n:,} "
            "background rows"
        )
    raw, base = _by_patterns(opened, track)
    values = sum_by_owner(raw, own.owners, n_features)
    name = f"exact interventional TreeSHAP of a {kind}, by patterns of rows"
    why = (
        f"A {kind} is a sum of trees: rows and background rows are each read once, where "
        f"comparing all of them means {opened.n_rows * n:,} pairs."
    )
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
        try:
            found, start = interventional_values(tree, ensemble.columns, n_rows)
        except OverflowError as error:
            raise DoesNotFit(f"in its trees {error}") from error
        values[:, :, output] += found
        base[output] += start
    if opened.is_booster:
        beside = own_sums(opened.own) - (values.sum(axis=1) + base)
        if np.ptp(beside, axis=0).max(initial=0.0) > _NOT_CONSTANT * max(1.0, np.abs(base).max()):
            raise DoesNotFit("its trees as written do not add up to its own sums")
        base += beside.mean(axis=0)
    return values, base
