"""The smallest change of a forest, proved: our branch and bound beside an integer program.

The peer is the program of Kantchelian, Tygar and Joseph 2016, solved by HiGHS: one binary variable
for every threshold, one variable for every leaf. Sizes are Euclidean, which the program can do too,
since a column's cost depends only on the cell it lands in. `agree` means that both proved every row
and found the same size; `our_error` and `peer_error` are the median sizes. There is no limit row:
no proof has a fixed number of questions.
"""

import argparse
import json
import sys
import time
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

from analyzers.adversarial.found import Found
from analyzers.adversarial.proof.rows import bound_rows
from analyzers.adversarial.target import Target
from analyzers.core.model import Capability, Inputs
from analyzers.core.subject import Column, Role
from analyzers.toolkit.feasible import FeasibleSpace, space_of

Floats = NDArray[np.float64]
# As the settings have it.
EFFORT = 1000
SAME = 1e-6
# What two probabilities must differ by for the program to call one larger.
_STRICTLY = 1e-7
_FOREST = {"min_samples_leaf": 3, "random_state": 0}


class Answers:
    """A forest as the Model protocol wants it."""

    kind = "scikit-learn RandomForestClassifier"
    capabilities = frozenset({Capability.PREDICT_PROBA, Capability.TREES})

    def __init__(self, native: object) -> None:
        self.native: Any = native

    def predict(self, inputs: Inputs) -> NDArray[np.int64]:
        """Return class codes."""
        return self.predict_proba(inputs).argmax(axis=1).astype(np.int64)

    def predict_proba(self, inputs: Inputs) -> Floats:
        """Return probabilities."""
        return np.asarray(self.native.predict_proba(inputs), dtype=np.float64)


def main() -> int:
    """Print one JSON line a comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    _compare(n_trees=5, depth=4, n_rows=10 if quick else 40)
    _compare(n_trees=20, depth=5, n_rows=3 if quick else 20)
    return 0


def _compare(*, n_trees: int, depth: int, n_rows: int) -> None:
    from sklearn.datasets import load_breast_cancer
    from sklearn.ensemble import RandomForestClassifier

    data, labels = load_breast_cancer(return_X_y=True)
    names = [f"x{place}" for place in range(data.shape[1])]
    frame = pd.DataFrame(data, columns=names)
    forest = RandomForestClassifier(n_trees, max_depth=depth, **_FOREST)
    model = Answers(forest.fit(frame[:400], labels[:400]))
    columns = [Column(name=x, kind="number", role=Role.FEATURE, is_feature=True) for x in names]
    space = space_of(columns, frame)
    # The program knows no decimals: every value between two thresholds is open to both.
    space = FeasibleSpace(fields=tuple(field._replace(decimals=None) for field in space.fields))
    rows = frame[400 : 400 + n_rows].reset_index(drop=True)
    target = Target(model, space, rows, model.predict(rows), sight="scores")
    _prove(model, target)  # the first call pays for imports
    start = time.perf_counter()
    sizes, is_proved = _prove(model, target)
    seconds = time.perf_counter() - start
    start = time.perf_counter()
    theirs = np.array([_program(forest, space, *row) for row in
                       zip(target.originals, target.codes, strict=True)])  # fmt: skip
    peer_seconds = time.perf_counter() - start
    line = {
        "work": f"smallest change proved, forest of {n_trees} trees, depth {depth}",
        "size": f"{n_rows} rows, {data.shape[1]} columns; {is_proved.mean():.0%} proved",
        "ours_s": seconds, "peer": "integer program (HiGHS)", "peer_s": peer_seconds,
        "limit_s": None, "ratio": peer_seconds / seconds,
        "agree": bool(is_proved.all() and np.allclose(sizes, theirs, rtol=SAME)),
        "extrapolated": False, "our_error": float(np.median(sizes)),
        "peer_error": float(np.median(theirs)),
    }  # fmt: skip
    print(json.dumps(line), flush=True)


def _prove(model: Answers, target: Target) -> tuple[Floats, NDArray[np.bool_]]:
    found = Found(target)
    bounds = bound_rows(model, target, found, ("malignant", "benign"), effort=EFFORT)
    return bounds.upper, bounds.is_proved


class _Program(NamedTuple):
    """The rows of the constraints as they are gathered: `low <= coefficients <= high`."""

    places: list[tuple[int, int]]
    values: list[float]
    low: list[float]
    high: list[float]

    def add(self, terms: dict[int, float], low: float, high: float) -> None:
        """Add one constraint."""
        at = len(self.low)
        self.places.extend((at, place) for place in terms)
        self.values.extend(terms.values())
        self.low.append(low)
        self.high.append(high)

    def matrix(self, n_variables: int) -> sparse.csr_array:
        """Coefficients `(n_constraints, n_variables)`."""
        rows, columns = np.array(self.places).T
        shape = (len(self.low), n_variables)
        return sparse.csr_array((self.values, (rows, columns)), shape=shape)


def _program(forest: Any, space: FeasibleSpace, row: Floats, code: int) -> float:  # noqa: ANN401
    """Return the size of the smallest change by the program of Kantchelian et al."""
    trees = [one.tree_ for one in forest.estimators_]
    thresholds = [
        np.unique(np.concatenate([tree.threshold[tree.feature == at] for tree in trees]))
        for at in range(len(row))
    ]
    first = np.concatenate([[0], np.cumsum([len(each) for each in thresholds])])
    n_binary = int(first[-1])
    n_leaves = sum(int((tree.feature < 0).sum()) for tree in trees)
    program = _Program([], [], [], [])
    cost = np.zeros(n_binary + n_leaves)
    constant = 0.0
    for at, cuts in enumerate(thresholds):
        field = space.fields[at]
        # Cells between cuts; the nearest value of each decides what landing there costs.
        ends = np.r_[field.low, np.clip(cuts, field.low, field.high), field.high]
        nearest = np.clip(row[at], ends[:-1], ends[1:])
        paid = ((nearest - row[at]) / field.scale) ** 2
        # A cell outside the column's range cannot be landed in.
        is_out = np.r_[cuts < field.low, False] | np.r_[False, cuts >= field.high]
        paid[is_out] = 1e6
        constant += paid[-1]
        cost[first[at] : first[at + 1]] = paid[:-1] - paid[1:]
        for place in range(first[at], first[at + 1] - 1):
            program.add({place: 1.0, place + 1: -1.0}, -np.inf, 0.0)
    start, margin = n_binary, dict[int, float]()
    for tree in trees:
        start = _add_tree(program, tree, thresholds, first, start, margin, code)
    program.add(margin, -np.inf, -_STRICTLY)
    solved = milp(
        cost,
        constraints=LinearConstraint(
            program.matrix(len(cost)), np.array(program.low), np.array(program.high)
        ),
        integrality=np.r_[np.ones(n_binary), np.zeros(n_leaves)],
        bounds=Bounds(0, 1),
        options={"mip_rel_gap": 0.0},
    )
    return float(np.sqrt(max(solved.fun + constant, 0.0))) if solved.success else np.nan


def _add_tree(
    program: _Program,
    tree: Any,  # noqa: ANN401  scikit-learn's
    thresholds: list[Floats],
    first: NDArray[np.int64],
    start: int,
    margin: dict[int, float],
    code: int,
) -> int:
    """Add the leaves of a tree; return the place after them."""
    place = start

    def below(node: int) -> list[int]:
        nonlocal place
        if tree.feature[node] < 0:
            shares = tree.value[node][0] / tree.value[node][0].sum()
            margin[place] = float(2 * shares[code] - 1)
            place += 1
            return [place - 1]
        left, right = below(tree.children_left[node]), below(tree.children_right[node])
        at = int(tree.feature[node])
        cut = int(first[at] + np.searchsorted(thresholds[at], tree.threshold[node]))
        program.add(dict.fromkeys(left, 1.0) | {cut: -1.0}, -np.inf, 0.0)
        program.add(dict.fromkeys(right, 1.0) | {cut: 1.0}, -np.inf, 1.0)
        return left + right

    program.add(dict.fromkeys(below(0), 1.0), 1.0, 1.0)
    return place


if __name__ == "__main__":
    sys.exit(main())
