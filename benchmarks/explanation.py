"""SHAP and LIME: ours against the libraries as a user would call them.

The peer explains fewer rows where it would take minutes; its time is then scaled by the number of
rows, and the line says `extrapolated`. `agree` means equal values for trees, a
mean error not above the peer's where both sample, and a correlation above 0.9 for LIME.
"""

import argparse
import json
import time
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.datasets import make_classification
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.neural_network import MLPClassifier

from analyzers.core.workbench import untracked
from analyzers.explanation.attribution import Attribution
from analyzers.explanation.coalitions import explain_by_coalitions
from analyzers.explanation.encoding import Encoded, encode
from analyzers.explanation.forests import explain_forest
from analyzers.explanation.local import package_lime, shared_lime
from analyzers.explanation.tree_background import explain_against_background

N_COLUMNS = 20


def main() -> None:
    """Print one JSON line for each comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under 50 s on two cores")
    is_quick = parser.parse_args().quick
    warnings.simplefilter("ignore")
    numbers, labels = make_classification(
        2000, N_COLUMNS, n_informative=10, flip_y=0.15, random_state=0
    )
    frame = pd.DataFrame(numbers, columns=[f"x{place}" for place in range(N_COLUMNS)])
    for kind in (RandomForestClassifier, ExtraTreesClassifier):
        forest = kind(50 if is_quick else 200, random_state=0).fit(frame, labels)
        compare_forest(forest, frame, n_peer=60 if is_quick else 300)
    compare_background(n_rows=2_000 if is_quick else 10_000, n_peer=100 if is_quick else 400)
    network = MLPClassifier((64, 64), max_iter=80, random_state=0).fit(frame, labels)
    small = RandomForestClassifier(50, max_depth=6, random_state=0).fit(frame, labels)
    compare_coalitions(small, frame, n_peer=3 if is_quick else 10)
    compare_coalitions(network, frame, n_peer=3 if is_quick else 10)
    for model in (small, network):
        compare_lime(model, frame, n_peer=8 if is_quick else 40)


def compare_forest(forest: Any, frame: pd.DataFrame, *, n_peer: int) -> None:  # noqa: ANN401
    """Exact path-dependent values of 1,000 rows against `shap.TreeExplainer`."""
    import shap

    rows = frame.iloc[:1000]
    ours, ours_s = timed(lambda: explain_forest(encode(forest, rows), N_COLUMNS, 1, untracked))
    theirs, peer_s = timed(lambda: shap.TreeExplainer(forest).shap_values(rows.iloc[:n_peer]))
    difference = np.abs(theirs[:, :, 1] - ours.values[:n_peer]).max()
    leaves = int(np.mean([tree.tree_.n_leaves for tree in forest.estimators_]))
    report(
        work=f"TreeSHAP, {type(forest).__name__}",
        size=f"1,000 rows, {len(forest.estimators_)} trees of {leaves} leaves",
        ours_s=ours_s,
        peer="shap.TreeExplainer",
        peer_s=peer_s * 1000 / n_peer,
        agree=bool(difference < 1e-9),
        extrapolated=True,
    )


def compare_background(*, n_rows: int, n_peer: int) -> None:
    """Interventional values against as many background rows as there are rows.

    The peer compares pairs, so its time grows with their number; it gets `n_peer` rows against 100
    background rows, and its values are held against ours of the same rows and background.
    """
    import shap
    import xgboost

    numbers, labels = make_classification(
        2 * n_rows, N_COLUMNS, n_informative=10, flip_y=0.15, random_state=0
    )
    numbers = numbers.astype(np.float32).astype(np.float64)
    booster = xgboost.XGBClassifier(n_estimators=100, max_depth=6, random_state=0)
    forest = RandomForestClassifier(100, max_depth=8, random_state=0)
    for model in (booster, forest):
        model.fit(numbers, labels)
        rows, background = numbers[:n_rows], numbers[n_rows:]
        _, ours_s = timed(partial(against, model, rows, background))
        few, behind = rows[:n_peer], background[:100]
        explainer = shap.TreeExplainer(
            model, shap.maskers.Independent(behind, max_samples=len(behind))
        )
        theirs, peer_s = timed(partial(explainer.shap_values, few, check_additivity=False))
        theirs = theirs[:, :, 1] if theirs.ndim == 3 else theirs
        difference = np.abs(against(model, few, behind).values - theirs).max()
        report(
            work=f"interventional TreeSHAP, {type(model).__name__}",
            size=f"{n_rows:,} rows against {n_rows:,} background rows, 100 trees",
            ours_s=ours_s,
            peer="shap.TreeExplainer",
            peer_s=peer_s * (n_rows / n_peer) * (n_rows / len(behind)),
            agree=bool(difference < 1e-5),
            extrapolated=True,
        )


def against(model: Any, rows: Any, background: Any) -> Attribution:  # noqa: ANN401
    """Our interventional values of the second class."""
    owners = np.arange(N_COLUMNS)
    own, others = Encoded(model, rows, owners), Encoded(model, background, owners)
    return explain_against_background(own, others, N_COLUMNS, 1, untracked)


def compare_coalitions(model: Any, frame: pd.DataFrame, *, n_peer: int) -> None:  # noqa: ANN401
    """Model-agnostic values of 100 rows against `shap.KernelExplainer` with its defaults."""
    import shap

    rows, background = frame.iloc[:100], frame.iloc[1000:1100]

    def ask(asked: pd.DataFrame) -> NDArray[np.float64]:
        answers: NDArray[np.float64] = model.predict_proba(asked)[:, 1]
        return answers

    ours, ours_s = timed(
        lambda: explain_by_coalitions(
            ask, rows, background, scale="probability", rng=np.random.default_rng(0),
            track=untracked,
        )
    )  # fmt: skip
    explainer = shap.KernelExplainer(
        lambda array: ask(pd.DataFrame(array, columns=frame.columns)), background
    )
    np.random.seed(0)  # noqa: NPY002  the peer draws from the global generator
    theirs, peer_s = timed(lambda: explainer.shap_values(rows.iloc[:n_peer], silent=True))
    # The same question in as many rows, asked at once: no explainer can be faster.
    n_questions = 100 * 2 * N_COLUMNS * len(background)
    many = pd.concat([frame] * -(-min(n_questions, 100_000) // len(frame)))
    limit_s = timed(lambda: ask(many))[1] * n_questions / len(many)
    # Both sample: each is held to the same values from sixty times as many orders.
    truth = explain_by_coalitions(
        ask, rows.iloc[:n_peer], background, scale="probability", rng=np.random.default_rng(1),
        track=untracked, least_pairs=6000,
    ).values  # fmt: skip
    our_error = np.abs(ours.values[:n_peer] - truth).mean()
    peer_error = np.abs(theirs - truth).mean()
    report(
        work=f"model-agnostic SHAP, {type(model).__name__}",
        size=f"100 rows, {N_COLUMNS} columns, 100 background rows",
        ours_s=ours_s,
        peer="shap.KernelExplainer",
        peer_s=peer_s * 100 / n_peer,
        limit_s=limit_s,
        agree=bool(our_error <= 1.1 * peer_error),
        extrapolated=True,
    )


def compare_lime(model: Any, frame: pd.DataFrame, *, n_peer: int) -> None:  # noqa: ANN401
    """LIME of 100 rows with its 5,000 samples against the package."""
    rows, training = frame.iloc[:100], frame.iloc[1000:]

    def ask(asked: pd.DataFrame) -> NDArray[np.float64]:
        answers: NDArray[np.float64] = model.predict_proba(asked)[:, 1]
        return answers

    ours, ours_s = timed(lambda: shared_lime(ask, rows, training, 5000, np.random.default_rng(0)))
    theirs, peer_s = timed(
        lambda: np.concatenate(
            [
                package_lime(ask, rows.iloc[[place]], training, 5000, np.array([place])).weights
                for place in range(n_peer)
            ]
        )
    )
    likeness = [np.corrcoef(ours.weights[place], theirs[place])[0, 1] for place in range(n_peer)]
    report(
        work=f"LIME, {type(model).__name__}",
        size=f"100 rows, {N_COLUMNS} columns, 5,000 samples",
        ours_s=ours_s,
        peer="lime.LimeTabularExplainer",
        peer_s=peer_s * 100 / n_peer,
        agree=bool(np.mean(likeness) > 0.9),
        extrapolated=True,
    )


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """Run once; return the answer and the seconds it took."""
    start = time.perf_counter()
    answer = work()
    return answer, time.perf_counter() - start


def report(
    *,
    work: str,
    size: str,
    ours_s: float,
    peer: str,
    peer_s: float,
    agree: bool,
    extrapolated: bool,
    limit_s: float | None = None,
) -> None:
    """Print one comparison."""
    print(
        json.dumps(
            {
                "work": work, "size": size, "ours_s": ours_s, "peer": peer, "peer_s": peer_s,
                "limit_s": limit_s, "ratio": peer_s / ours_s, "agree": agree,
                "extrapolated": extrapolated,
            }
        ),
        flush=True,
    )  # fmt: skip


if __name__ == "__main__":
    main()
