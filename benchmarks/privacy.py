"""Membership attacks, shadow models and the check for shared rows, against what a user would call.

Where two attacks are compared, the line has the area under each ROC and the share of members found
at one false accusation in a hundred beside the times; `agree` then means that our area is no
smaller than the peer's by more than 0.02.
"""

import argparse
import itertools
import json
import time
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.metrics import roc_auc_score, roc_curve
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

from analyzers.core.dataset import Dataset, Predictions
from analyzers.core.result import Estimate
from analyzers.core.subject import Column, FileRef, Files, Role, Subject
from analyzers.core.workbench import Workbench
from analyzers.privacy.calibration import attack_by_halves, roc_area
from analyzers.privacy.campaign import Plan, Trained, make_plan, train
from analyzers.privacy.evidence import Side, fingerprints
from analyzers.privacy.learned import answers_of, judge_rows
from analyzers.privacy.likelihood import lira_online, rmia_online
from analyzers.privacy.measuring import measure, operating_points
from analyzers.privacy.params import PrivacyParams
from analyzers.privacy.refitting import EstimatorRecipe, Pool, fit_anew
from analyzers.privacy.shadows import Shadows
from analyzers.privacy.signals import log_odds, signals_of
from analyzers.privacy.sklearn_perceptrons import perceptron_recipe
from analyzers.privacy.stacks import Training
from analyzers.privacy.torch_program import chain_of, read_program
from analyzers.privacy.torch_recipe import NetworkRecipe

QUICK_ROWS, FULL_ROWS = 100_000, 1_000_000


def main() -> None:
    """Print one JSON line for each comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    n_rows = QUICK_ROWS if parser.parse_args().quick else FULL_ROWS
    is_quick = n_rows == QUICK_ROWS
    warnings.simplefilter("ignore")
    import torch  # noqa: F401  its loading is no part of any work

    compare_attack(n_rows)
    compare_table(n_rows)
    compare_overlap(n_rows)
    for batch in (32, 200):
        compare_perceptrons(batch, n_epochs=20 if is_quick else 60)
    compare_torch(n_epochs=20 if is_quick else 60)
    compare_forests()
    compare_art_black_box()
    compare_art_shadows(n_epochs=20 if is_quick else 60)


def compare_attack(n_rows: int) -> None:
    """Six attacks with choice, thresholds and intervals, against scikit-learn's ROC and AUC."""
    members, non_members = _side(n_rows, 1.0, 0), _side(n_rows, 0.0, 1)

    def ours() -> float:
        signals = signals_of(members, non_members)
        attack = attack_by_halves(signals, None, None, np.random.default_rng(0))
        operating_points(attack, "loss")
        return attack.auc.value or 0.0

    def peer() -> float:
        is_member = np.repeat([1, 0], n_rows)
        areas = []
        for signal in signals_of(members, non_members):
            values = np.concatenate([signal.members, signal.non_members])
            roc_curve(is_member, values)
            areas.append(float(roc_auc_score(is_member, values)))
        return max(areas)

    def limit() -> int:
        values = np.concatenate([_loss(members), _loss(non_members)])
        return int(np.argsort(values)[0])

    _print(
        "6 membership attacks, choice, thresholds, intervals", f"2 x {n_rows:,} rows", ours,
        "scikit-learn: their ROC and AUC, no choice, no intervals", peer, limit,
        agree=lambda mine, theirs: abs(mine - theirs) < 0.01,
    )  # fmt: skip


def compare_table(n_rows: int) -> None:
    """The whole analysis of a table of predictions, half of it members, as a page runs it."""
    half = n_rows // 2
    members, others = _side(half, 1.0, 0), _side(half, 0.0, 1)
    subject = members.data.subject
    bench = Workbench(
        subject=subject, data=others.data, training_data=members.data,
        predictions=_predictions(others), training_predictions=_predictions(members),
        rng=np.random.default_rng(0),
    )  # fmt: skip
    values = np.concatenate([_loss(members), _loss(others)])

    def peer() -> float:
        return float(roc_auc_score(np.repeat([1, 0], half), values))

    _print(
        "a table of predictions: check, attacks, intervals, groups, records", f"{n_rows:,} rows",
        lambda: measure(bench, PrivacyParams()).estimates["attack_auc"].value,
        "scikit-learn: one AUC", peer, lambda: np.sort(values),
        agree=lambda mine, theirs: abs(mine - theirs) < 0.01,
    )  # fmt: skip


def compare_perceptrons(batch: int, *, n_epochs: int) -> None:
    """LiRA with 32 scikit-learn perceptrons, trained together and one after another."""
    network = MLPClassifier(
        (128,), max_iter=n_epochs, n_iter_no_change=n_epochs, tol=0, batch_size=batch, alpha=0
    )
    pool, plan = _hard_task(4000)
    together = perceptron_recipe(network)
    assert together is not None

    def peer() -> "Found":
        with threadpool_limits(1):
            answers = [
                fit_anew(network, pool.rows, pool.codes, np.flatnonzero(part), pool.classes,
                         int(seed))
                for part, seed in zip(plan.inside, plan.seeds, strict=True)
            ]  # fmt: skip
        return _sequential_lira(np.stack([_log_odds(item, pool.codes) for item in answers]), plan)

    _print_attack(
        "LiRA, 32 shadow perceptrons and a target", f"4,000 x 40, batches of {batch}, {n_epochs} "
        "passes", lambda: _lira(train(together, pool, plan), plan),
        "the same networks one after another, plain loop over records", peer,
        lambda: _products(33 * n_epochs, 2000, (40, 128, 5)),
    )  # fmt: skip


def compare_torch(*, n_epochs: int) -> None:
    """LiRA with 32 torch perceptrons from a saved program, together and one after another."""
    import torch

    pool, plan = _hard_task(4000)
    rows = pool.rows.astype(np.float32)

    def network() -> Any:  # noqa: ANN401  a torch module
        return torch.nn.Sequential(
            torch.nn.Linear(40, 128), torch.nn.ReLU(), torch.nn.Linear(128, 5)
        )

    program = read_program(torch.jit.trace(network(), torch.from_numpy(rows[:2])))
    recipe = NetworkRecipe(
        program, chain_of(program), "logits", Training("adam", 0.001, 32, n_epochs), None
    )

    def peer() -> "Found":
        torch.set_num_threads(1)
        answers = []
        for part, seed in zip(plan.inside, plan.seeds, strict=True):
            torch.manual_seed(int(seed))
            own, chosen = network(), torch.from_numpy(np.flatnonzero(part))
            optimiser = torch.optim.Adam(own.parameters())
            mine, truth = torch.from_numpy(rows)[chosen], torch.from_numpy(pool.codes)[chosen]
            for _ in range(n_epochs):
                for batch in torch.randperm(len(chosen)).split(32):
                    optimiser.zero_grad()
                    torch.nn.functional.cross_entropy(own(mine[batch]), truth[batch]).backward()
                    optimiser.step()
            with torch.no_grad():
                scores = own(torch.from_numpy(rows)).softmax(dim=1).double().numpy()
            answers.append(_log_odds(scores, pool.codes))
        return _sequential_lira(np.stack(answers), plan)

    _print_attack(
        "LiRA, 32 torch perceptrons and a target", f"4,000 x 40, batches of 32, {n_epochs} passes",
        lambda: _lira(train(recipe, pool, plan), plan), "a plain torch loop over the models", peer,
        lambda: _products(33 * n_epochs, 2000, (40, 128, 5)),
    )  # fmt: skip


def compare_forests() -> None:
    """LiRA with 16 forests, over cores and one after another."""
    pool, plan = _hard_task(2000, n_models=17)
    recipe = EstimatorRecipe(RandomForestClassifier(100), "")
    _print_attack(
        "LiRA, 16 shadow forests and a target", "2,000 x 40, 100 trees",
        lambda: _lira(train(recipe, pool, plan), plan), "the same forests on one core",
        lambda: _lira(train(recipe, pool, plan, cores=1), plan), lambda: None,
    )  # fmt: skip


def compare_art_black_box() -> None:
    """Our learned attack and ART's, each told about the same rows and judging the same others."""
    from art.attacks.inference.membership_inference import MembershipInferenceBlackBox
    from art.estimators.classification.scikitlearn import ScikitlearnClassifier

    pool, plan = _hard_task(4000, n_models=5)
    for name, classifier in (
        ("forest", RandomForestClassifier(100, random_state=0)),
        ("boosted model", HistGradientBoostingClassifier(max_iter=60, random_state=0)),
    ):
        targets = [
            (is_member, clone(classifier).fit(pool.rows[is_member], pool.codes[is_member]))
            for is_member in plan.inside[:4]
        ]

        def ours(targets: list[Any] = targets) -> "Found":
            found = []
            for is_member, fitted in targets:
                known, _ = _known_half(is_member)
                answers = answers_of(
                    *(_side_of(fitted, pool, side) for side in (is_member, ~is_member))
                )
                order = np.concatenate([np.flatnonzero(is_member), np.flatnonzero(~is_member)])
                told = np.flatnonzero(known[order])
                truth = is_member[order].astype(np.int64)
                with threadpool_limits(1):
                    values = judge_rows(answers, truth, told, told, ~known[order], 0)
                is_in = truth[~known[order]] == 1
                found.append(_found(values[is_in], values[~is_in]))
            return _mean(found)

        def peer(targets: list[Any] = targets) -> "Found":
            found = []
            for is_member, fitted in targets:
                known, asked = _known_half(is_member)
                attack = MembershipInferenceBlackBox(
                    ScikitlearnClassifier(fitted), attack_model_type="rf"
                )
                inside, outside = known & is_member, known & ~is_member
                attack.fit(
                    pool.rows[inside], pool.codes[inside], pool.rows[outside], pool.codes[outside]
                )
                values = attack.infer(pool.rows[asked], pool.codes[asked], probabilities=True)
                is_in = is_member[asked]
                found.append(_found(values.reshape(-1)[is_in], values.reshape(-1)[~is_in]))
            return _mean(found)

        _print_attack(
            f"learned attack on the answers of a {name}", "4 targets, told about 2,000 rows, "
            "judged on 2,000 others", ours, "ART's black-box attack, a forest", peer, lambda: None,
        )  # fmt: skip


def compare_art_shadows(*, n_epochs: int) -> None:
    """LiRA and RMIA with four shadow perceptrons, against ART's shadow models and attack."""
    from art.attacks.inference.membership_inference import (
        MembershipInferenceBlackBox,
        ShadowModels,
    )
    from art.estimators.classification.scikitlearn import ScikitlearnClassifier

    pool, plan = _hard_task(4000, n_models=5)
    is_member = plan.inside[0]
    network = MLPClassifier(
        (128,), max_iter=n_epochs, n_iter_no_change=n_epochs, tol=0, batch_size=32, alpha=0,
        random_state=0,
    )  # fmt: skip
    together = perceptron_recipe(network)
    assert together is not None
    fitted = clone(network).fit(pool.rows[is_member], pool.codes[is_member])
    target = _log_odds(fitted.predict_proba(pool.rows), pool.codes)

    def ours() -> "Found":
        others = Plan(plan.models[1:], plan.inside[1:], plan.seeds[1:])
        trained = train(together, pool, others)
        shadows = Shadows(
            target, trained.answers, others.inside, [], Estimate.unmeasured("not asked"), ""
        )
        values = rmia_online(shadows)
        return _found(values[is_member], values[~is_member])

    def peer() -> "Found":
        template = ScikitlearnClassifier(clone(network).fit(pool.rows[:50], pool.codes[:50]))
        models = ShadowModels(template, num_shadow_models=4, random_state=0)
        members, others = models.generate_shadow_dataset(pool.rows, np.eye(5)[pool.codes])
        attack = MembershipInferenceBlackBox(ScikitlearnClassifier(fitted), attack_model_type="rf")
        attack.fit(members[0], members[1], others[0], others[1], members[2], others[2])
        values = attack.infer(
            pool.rows, np.eye(5)[pool.codes], probabilities=True
        ).reshape(-1)  # fmt: skip
        return _found(values[is_member], values[~is_member])

    _print_attack("shadow-model attack, 4 perceptrons", f"4,000 x 40, {n_epochs} passes", ours,
                  "ART's shadow models and black-box attack, a forest", peer,
                  lambda: _products(4 * n_epochs, 2000, (40, 128, 5)))  # fmt: skip


class Found(NamedTuple):
    """How an attack did: area under its ROC, members found at 1 %, and members in all."""

    auc: float
    found: float
    n_members: int


def _found(members: NDArray[np.float64], others: NDArray[np.float64]) -> Found:
    cut = np.quantile(others, 0.99, method="higher")
    area = roc_area(members, others).value
    return Found(float(area or 0.0), float((members > cut).mean()), len(members))


def _mean(found: "list[Found]") -> "Found":
    return Found(
        float(np.mean([item.auc for item in found])),
        float(np.mean([item.found for item in found])),
        sum(item.n_members for item in found),
    )


def _hard_task(n_rows: int, n_models: int = 33) -> tuple[Pool, Plan]:
    rows, codes = make_classification(
        n_rows, 40, n_informative=10, n_redundant=0, n_classes=5, flip_y=0.1, random_state=0
    )
    pool = Pool(rows, codes.astype(np.int64), tuple("01234"))
    return pool, make_plan(n_rows, n_models, 0.5, np.random.default_rng(0))


def _lira(trained: Trained, plan: Plan) -> Found:
    """Online LiRA; the first model of the plan is the target."""
    shadows = Shadows(
        trained.answers[0], trained.answers[1:], plan.inside[1:], [],
        Estimate.unmeasured("not asked"), "",
    )  # fmt: skip
    values, is_member = lira_online(shadows), plan.inside[0]
    return _found(values[is_member], values[~is_member])


def _sequential_lira(answers: NDArray[np.float64], plan: Plan) -> Found:
    """The same as a plain loop over records: Carlini et al. 2022 with fixed variance."""
    target, others, inside = answers[0], answers[1:], plan.inside[1:]
    n_rows = len(target)
    means = np.array([[others[inside[:, row], row].mean(), others[~inside[:, row], row].mean()]
                      for row in range(n_rows)])  # fmt: skip
    spreads = []
    for side, chosen in enumerate((inside, ~inside)):
        away = np.concatenate(
            [others[chosen[:, row], row] - means[row, side] for row in range(n_rows)]
        )
        spreads.append(np.sqrt((away**2).sum() / (len(away) - n_rows)))
    values = np.array([
        stats.norm.logpdf(target[row], means[row, 0], spreads[0])
        - stats.norm.logpdf(target[row], means[row, 1], spreads[1])
        for row in range(n_rows)
    ])  # fmt: skip
    return _found(values[plan.inside[0]], values[~plan.inside[0]])


def _products(n_passes: int, n_rows: int, sizes: tuple[int, ...]) -> None:
    """The matrix products of training, each over all rows at once: what arithmetic costs."""
    rng = np.random.default_rng(0)
    layers = [rng.random(shape, dtype=np.float32) for shape in itertools.pairwise(sizes)]
    rows = [rng.random((n_rows, size), dtype=np.float32) for size in sizes]
    with threadpool_limits(1):
        for _ in range(n_passes):
            for at, layer in enumerate(layers):
                rows[at] @ layer
                rows[at].T @ rows[at + 1]
                if at:
                    rows[at + 1] @ layer.T


def _known_half(is_member: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    known = np.random.default_rng(1).random(len(is_member)) < 0.5
    return known, ~known


def _log_odds(scores: NDArray[np.float64], codes: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.clip(log_odds(scores, codes), -27, 27)


def _print_attack(
    work: str,
    size: str,
    ours: Callable[[], Found],
    peer_name: str,
    peer: Callable[[], Found],
    limit: Callable[[], Any],
) -> None:
    mine, ours_s = _timed(ours)
    theirs, peer_s = _timed(peer)
    _, limit_s = _timed(limit)
    line = {
        "work": work, "size": size, "ours_s": round(ours_s, 3), "peer": peer_name,
        "peer_s": round(peer_s, 3), "limit_s": round(limit_s, 4) if limit_s > 0.001 else None,
        "ratio": round(peer_s / ours_s, 2),
        "agree": bool(mine.auc > theirs.auc - 0.02),
        "extrapolated": False, "ours_auc": round(mine.auc, 3), "peer_auc": round(theirs.auc, 3),
        "ours_found": round(mine.found, 3), "peer_found": round(theirs.found, 3),
    }  # fmt: skip
    print(json.dumps(line), flush=True)


def compare_overlap(n_rows: int) -> None:
    """Rows that stand in both of two tables of eight columns."""
    rng = np.random.default_rng(0)
    first = pd.DataFrame({f"c{place}": rng.normal(size=n_rows) for place in range(6)})
    first["region"] = rng.choice(["north", "south", "east"], n_rows)
    first["sex"] = rng.choice(["female", "male"], n_rows)
    second = first.sample(frac=1.0, random_state=0).reset_index(drop=True)
    second.loc[: n_rows // 2, "c0"] += 1.0

    def ours() -> int:
        return int(np.isin(fingerprints(first, None), fingerprints(second, None)).sum())

    def peer() -> int:
        return len(first.merge(second, how="inner", on=list(first.columns)))

    def limit() -> int:
        return int(np.isin(first["c0"], second["c0"]).sum())

    _print(
        "rows shared by two tables", f"{n_rows:,} x 8", ours, "pandas merge on all columns", peer,
        limit, agree=lambda mine, theirs: mine == theirs,
    )  # fmt: skip


def _print(
    work: str,
    size: str,
    ours: Callable[[], Any],
    peer_name: str,
    peer: Callable[[], Any],
    limit: Callable[[], Any],
    *,
    agree: Callable[[Any, Any], bool],
) -> None:
    mine, ours_s = _timed(ours)
    theirs, peer_s = _timed(peer)
    _, limit_s = _timed(limit)
    line = {
        "work": work, "size": size, "ours_s": round(ours_s, 4), "peer": peer_name,
        "peer_s": round(peer_s, 4), "limit_s": round(limit_s, 4),
        "ratio": round(peer_s / ours_s, 2), "agree": bool(agree(mine, theirs)),
        "extrapolated": False,
    }  # fmt: skip
    print(json.dumps(line), flush=True)


def _timed(call: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    found = call()
    return found, time.perf_counter() - start


def _loss(side: Side) -> NDArray[np.float64]:
    assert side.scores is not None
    return log_odds(side.scores, np.asarray(side.labels, dtype=np.int64))


def _side_of(fitted: Any, pool: Pool, chosen: NDArray[np.bool_]) -> Side:  # noqa: ANN401
    """One side of a fitted estimator's answers."""
    scores = np.asarray(fitted.predict_proba(pool.rows[chosen]), dtype=np.float64)
    side = _side(int(chosen.sum()), 0.0, 0)
    return Side(data=side.data, labels=pool.codes[chosen], predicted=scores.argmax(axis=1),
                scores=scores)  # fmt: skip


def _predictions(side: Side) -> Predictions:
    return Predictions(
        rows=side.data.rows, labels=side.labels, predicted=side.predicted, scores=side.scores
    )


def _side(n_rows: int, distance: float, seed: int) -> Side:
    rng = np.random.default_rng(seed)
    true = 1 / (1 + np.exp(-rng.normal(distance, 1, n_rows)))
    labels = rng.integers(0, 2, n_rows)
    scores = np.stack([1 - true, true], axis=1)
    scores[labels == 0] = scores[labels == 0][:, ::-1]
    columns = (
        Column(name="x", kind="number", role=Role.FEATURE, is_feature=True),
        Column(name="z", kind="number", role=Role.FEATURE, is_feature=True),
        Column(name="y", kind="integer", role=Role.LABEL),
    )
    data = FileRef(sha256="d" * 64, size=1, name="data.csv")
    subject = Subject(
        name="benchmark", files=Files(data=data), task="binary", modality="tabular", target="y",
        classes=("0", "1"), positive_class="1", columns=columns, n_rows=n_rows,
    )  # fmt: skip
    frame = pd.DataFrame({"x": rng.normal(size=n_rows), "z": rng.normal(size=n_rows), "y": labels})
    rows = Dataset(subject=subject, frame=frame, labels=labels, rows=np.arange(n_rows))
    return Side(data=rows, labels=labels, predicted=scores.argmax(axis=1), scores=scores)


if __name__ == "__main__":
    main()
