"""SHAP, LIME and counterfactuals: ours against the libraries as a user would call them.

The peer explains fewer rows where it would take minutes; its time is then scaled by the number of
rows, and the line says `extrapolated`. `agree` means equal values for trees; a mean error at most
half as large again as the peer's where both sample, for LIME besides a correlation above 0.9; and
for counterfactuals that all are valid and change no more columns than the peer's.

Where both sample, `our_error` and `peer_error` are mean absolute errors of a value: of SHAP from
sixty times as many orders, of LIME each from its own values with many more neighbours, because the
two draw them differently. `ratio_equal` is the ratio of the times at which both would err as much
as the peer does; an error falls with the square root of the time.
DiCE (`dice-ml`) comes with requirements-dev.txt and is left out where it is not installed.
"""

import argparse
import json
import sys
import time
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.datasets import make_classification
from sklearn.ensemble import (
    ExtraTreesClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from threadpoolctl import threadpool_limits

from analyzers.anatomy.encoding import Encoded, encode
from analyzers.core.subject import Column, Role
from analyzers.core.workbench import untracked
from analyzers.explanation.attribution import Attribution
from analyzers.explanation.boosters import explain_booster
from analyzers.explanation.coalitions import explain_by_coalitions
from analyzers.explanation.counterfactuals import find_counterfactuals
from analyzers.explanation.forests import explain_forest
from analyzers.explanation.local import shared_lime
from analyzers.explanation.tree_background import explain_against_background
from analyzers.toolkit.feasible import space_of

N_COLUMNS = 20
# Mean errors of two samplers this close count as one accuracy; `ratio_equal` makes them one.
_ALIKE = 1.5
_DICE_METHODS = ("random", "genetic", "kdtree")


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
    compare_boosters(frame, labels, n_rounds=50 if is_quick else 300)
    compare_background(n_rows=2_000 if is_quick else 10_000, n_peer=100 if is_quick else 400)
    network = MLPClassifier((64, 64), max_iter=80, random_state=0).fit(frame, labels)
    small = RandomForestClassifier(50, max_depth=6, random_state=0).fit(frame, labels)
    compare_coalitions(small, frame, n_peer=3 if is_quick else 10)
    compare_coalitions(network, frame, n_peer=3 if is_quick else 10)
    for model in (small, network):
        compare_lime(model, frame, n_peer=8 if is_quick else 40, n_long=4 if is_quick else 8)
    compare_counterfactuals(frame, labels, methods=("random",) if is_quick else _DICE_METHODS)


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


def compare_boosters(frame: pd.DataFrame, labels: NDArray[np.int64], *, n_rounds: int) -> None:
    """Exact path-dependent values of 2,000 rows by boosted trees against `shap.TreeExplainer`."""
    import lightgbm
    import shap
    import xgboost

    models = (
        xgboost.XGBClassifier(n_estimators=n_rounds, max_depth=6, random_state=0),
        lightgbm.LGBMClassifier(n_estimators=n_rounds, random_state=0, verbose=-1),
        HistGradientBoostingClassifier(max_iter=n_rounds, random_state=0),
    )
    for model in models:
        model.fit(frame, labels)
        is_ours = isinstance(model, HistGradientBoostingClassifier)
        explain = explain_forest if is_ours else explain_booster
        ours, ours_s = timed(partial(_booster_values, explain, model, frame))
        theirs, peer_s = timed(partial(_peer_tree_values, shap, model, frame))
        theirs = theirs[:, :, 1] if theirs.ndim == 3 else theirs
        report(
            work=f"TreeSHAP, {type(model).__name__}",
            size=f"{len(frame):,} rows, {n_rounds} trees",
            ours_s=ours_s,
            peer="shap.TreeExplainer",
            peer_s=peer_s,
            agree=bool(np.abs(ours.values - theirs).max() < 1e-4),
            extrapolated=False,
        )


def _booster_values(explain: Callable[..., Attribution], model: Any, frame: Any) -> Attribution:  # noqa: ANN401
    own = encode(model, frame)
    if explain is explain_forest:
        return explain(own, N_COLUMNS, 1, untracked)
    return explain(own, N_COLUMNS, 1)


def _peer_tree_values(shap: Any, model: Any, frame: Any) -> NDArray[np.float64]:  # noqa: ANN401
    values: NDArray[np.float64] = shap.TreeExplainer(model).shap_values(frame)
    return values


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
    """Model-agnostic values of 100 rows against shap's Kernel and Permutation explainers."""
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
    # The same question in as many rows, asked at once: no explainer can be faster.
    n_questions = 100 * 2 * N_COLUMNS * len(background)
    many = pd.concat([frame] * -(-min(n_questions, 100_000) // len(frame)))
    limit_s = timed(lambda: ask(many))[1] * n_questions / len(many)
    # Both sample: each is held to the same values from sixty times as many orders.
    few = rows.iloc[:n_peer]
    truth = explain_by_coalitions(
        ask, few, background, scale="probability", rng=np.random.default_rng(1), track=untracked,
        least_pairs=6000,
    ).values  # fmt: skip
    our_error = float(np.abs(ours.values[:n_peer] - truth).mean())

    def ask_array(array: NDArray[np.float64]) -> NDArray[np.float64]:
        return ask(pd.DataFrame(array, columns=frame.columns))

    kernel = shap.KernelExplainer(ask_array, background)
    masker = shap.maskers.Independent(background, max_samples=len(background))
    permutation = shap.PermutationExplainer(ask_array, masker, seed=0)
    peers: dict[str, Callable[[], Any]] = {
        "shap.KernelExplainer": lambda: kernel.shap_values(few, silent=True),
        "shap.PermutationExplainer": lambda: permutation(few, silent=True).values,
    }
    for name, explain in peers.items():
        np.random.seed(0)  # noqa: NPY002  the peer draws from the global generator
        theirs, peer_s = timed(explain)
        peer_error = float(np.abs(theirs - truth).mean())
        report(
            work=f"model-agnostic SHAP, {type(model).__name__}",
            size=f"100 rows, {N_COLUMNS} columns, 100 background rows",
            ours_s=ours_s,
            peer=name,
            peer_s=peer_s * 100 / n_peer,
            limit_s=limit_s,
            agree=bool(our_error <= _ALIKE * peer_error),
            extrapolated=True,
            errors=(our_error, peer_error),
        )


def compare_lime(model: Any, frame: pd.DataFrame, *, n_peer: int, n_long: int) -> None:  # noqa: ANN401
    """LIME of 100 rows with its 5,000 samples against the package."""
    from lime.lime_tabular import LimeTabularExplainer

    rows, training = frame.iloc[:100], frame.iloc[1000:]

    def ask(asked: pd.DataFrame) -> NDArray[np.float64]:
        answers: NDArray[np.float64] = model.predict_proba(asked)[:, 1]
        return answers

    def ours_of(n_rows: int, n_samples: int, seed: int) -> NDArray[np.float64]:
        rng = np.random.default_rng(seed)
        return shared_lime(ask, rows.iloc[:n_rows], training, n_samples, rng).weights

    def theirs_of(n_rows: int, n_samples: int, seed: int) -> NDArray[np.float64]:
        explainer = LimeTabularExplainer(training.to_numpy(), random_state=seed)
        found = np.zeros((n_rows, N_COLUMNS))
        for at in range(n_rows):
            answer = explainer.explain_instance(
                rows.iloc[at].to_numpy(),
                lambda array: model.predict_proba(pd.DataFrame(array, columns=frame.columns)),
                num_features=N_COLUMNS,
                num_samples=n_samples,
            )
            for place, weight in answer.local_exp[1]:
                found[at, place] = weight
        return found

    # Both, as in a run: small regressions on several threads wait for each other.
    with threadpool_limits(1, user_api="blas"):
        ours, ours_s = timed(lambda: ours_of(100, 5000, 0))
        theirs, peer_s = timed(lambda: theirs_of(n_peer, 5000, 0))
    likeness = [np.corrcoef(ours[place], theirs[place])[0, 1] for place in range(n_peer)]
    our_error = float(np.abs(ours[:n_long] - ours_of(n_long, 100_000, 1)).mean())
    peer_error = float(np.abs(theirs[:n_long] - theirs_of(n_long, 100_000, 1000)).mean())
    report(
        work=f"LIME, {type(model).__name__}",
        size=f"100 rows, {N_COLUMNS} columns, 5,000 samples",
        ours_s=ours_s,
        peer="lime.LimeTabularExplainer",
        peer_s=peer_s * 100 / n_peer,
        agree=bool(np.mean(likeness) > 0.9 and our_error <= _ALIKE * peer_error),
        extrapolated=True,
        errors=(our_error, peer_error),
    )


def compare_counterfactuals(
    frame: pd.DataFrame, labels: NDArray[np.int64], *, methods: tuple[str, ...]
) -> None:
    """Four changes for each of ten rows against DiCE's methods; nothing where it is missing."""
    try:
        import dice_ml
    except ImportError:
        print("counterfactuals left out: dice-ml is not installed", file=sys.stderr)
        return
    names = [*frame.columns[:8], "kind"]
    rng = np.random.default_rng(0)
    table = frame[names[:8]].round(3).assign(kind=rng.choice(list("abc"), len(frame)))
    words = ColumnTransformer([("words", OneHotEncoder(), ["kind"])], remainder="passthrough")
    model = make_pipeline(words, RandomForestClassifier(100, random_state=0)).fit(table, labels)
    space = space_of(
        [
            Column(
                name=name, kind="category" if name == "kind" else "number", role=Role.FEATURE,
                is_feature=True,
            )
            for name in names
        ],
        table,
    )  # fmt: skip
    rows, codes = table.iloc[:10], model.predict(table.iloc[:10])

    def ours_of(at: int) -> pd.DataFrame:
        def margins(asked: pd.DataFrame) -> NDArray[np.float64]:
            wanted: NDArray[np.float64] = model.predict_proba(asked)[:, 1 - codes[at]]
            # Scores lead the search; what counts is the class the model itself names.
            is_there: NDArray[np.bool_] = model.predict(asked) != codes[at]
            return np.where(is_there, wanted, wanted - 1.0)

        row = rows.iloc[[at]].reset_index(drop=True)
        return find_counterfactuals(margins, row, space, table, np.arange(len(names))).rows

    def judged(found: list[pd.DataFrame]) -> tuple[int, float, float]:
        valid, changed = [], []
        for at, changes in enumerate(found):
            if len(changes):
                points = space.encode(changes)
                steps = space.steps(
                    points, np.repeat(space.encode(rows.iloc[[at]]), len(points), 0)
                )
                changed += list((np.abs(steps) > 1e-9).sum(axis=1))
                valid += list(model.predict(changes) != codes[at])
        return len(valid), float(np.mean(valid)), float(np.mean(changed))

    ours, ours_s = timed(lambda: [ours_of(at) for at in range(len(rows))])
    n_ours, our_validity, our_changes = judged(ours)
    data = dice_ml.Data(
        dataframe=table.assign(y=labels), continuous_features=names[:8], outcome_name="y"
    )
    wrapped = dice_ml.Model(model=model, backend="sklearn")
    for method in methods:
        asked: dict[str, Any] = {"total_CFs": 4, "desired_class": "opposite", "verbose": False}
        if method == "random":
            asked["random_seed"] = 0
        explainer = dice_ml.Dice(data, wrapped, method=method)
        answer, peer_s = timed(partial(explainer.generate_counterfactuals, rows, **asked))
        theirs = [
            rows.iloc[:0] if one.final_cfs_df is None
            else one.final_cfs_df[names].astype(table.dtypes.to_dict())
            for one in answer.cf_examples_list
        ]  # fmt: skip
        n_peer, validity, changes = judged(theirs)
        report(
            work=f"counterfactuals: ours {n_ours} of which {our_validity:.0%} valid, "
            f"{our_changes:.1f} columns changed; DiCE {n_peer}, {validity:.0%}, {changes:.1f}",
            size="10 rows, 9 columns, 4 changes each, a forest of 100 trees",
            ours_s=ours_s,
            peer=f"dice_ml.Dice, {method}",
            peer_s=peer_s,
            agree=bool(our_validity == 1.0 and our_changes <= changes),
            extrapolated=False,
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
    errors: tuple[float, float] | None = None,
) -> None:
    """Print one comparison; `errors` are ours and the peer's."""
    ratio = peer_s / ours_s
    accuracy: dict[str, float] = {}
    if errors is not None:
        accuracy = {
            "our_error": errors[0], "peer_error": errors[1],
            "ratio_equal": ratio * (errors[1] / errors[0]) ** 2,
        }  # fmt: skip
    print(
        json.dumps(
            {
                "work": work, "size": size, "ours_s": ours_s, "peer": peer, "peer_s": peer_s,
                "limit_s": limit_s, "ratio": ratio, "agree": agree,
                "extrapolated": extrapolated, **accuracy,
            }
        ),
        flush=True,
    )  # fmt: skip


if __name__ == "__main__":
    main()
