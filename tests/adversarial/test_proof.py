"""Proofs on trees: equal to trying everything, on every kind of tree, under every rule."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.compose import make_column_transformer
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier
from threadpoolctl import threadpool_limits

from analyzers.adversarial.found import Found
from analyzers.adversarial.proof import reach as reach_module
from analyzers.adversarial.proof import rows as rows_module
from analyzers.adversarial.proof.largest import Largest
from analyzers.adversarial.proof.reach import reach_of_rows
from analyzers.adversarial.proof.rows import Bounds, bound_rows
from analyzers.adversarial.proof.search import Nearest
from analyzers.adversarial.target import Target
from analyzers.anatomy.refusal import DoesNotFit
from analyzers.core.model import Capability
from analyzers.core.subject import Column, Role
from analyzers.toolkit.feasible import FeasibleSpace, space_of
from tests.benches import EstimatorModel

COLUMNS = (
    Column(name="wage", kind="number", role=Role.FEATURE, is_feature=True),
    Column(name="years", kind="integer", role=Role.FEATURE, is_feature=True),
    Column(name="place", kind="category", role=Role.FEATURE, is_feature=True),
    Column(name="plan", kind="category", role=Role.FEATURE, is_feature=True),
)
CLASSES = ("a", "b", "c")
MANY = 20_000


def people(seed: int, n_rows: int = 80, *, has_gaps: bool = False) -> pd.DataFrame:
    """Numbers with one decimal, whole numbers and words; few enough values to try them all."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "wage": rng.integers(0, 21, n_rows) / 10,
            "years": rng.integers(0, 6, n_rows),
            "place": rng.choice(["east", "north", "west"], n_rows),
            "plan": rng.choice(["x", "y"], n_rows),
        }
    )
    if has_gaps:
        frame.loc[rng.random(n_rows) < 0.3, "wage"] = np.nan
    return frame


def outcome(frame: pd.DataFrame, seed: int, n_classes: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    lean = (
        frame["wage"].fillna(1.0) * rng.normal() + frame["years"] * rng.normal() / 2
        + (frame["place"] == "west") * rng.normal() + (frame["plan"] == "x") * rng.normal()
        + rng.normal(0, 0.5, len(frame))
    )  # fmt: skip
    ranks = lean.rank(method="first").to_numpy()
    codes = np.minimum((ranks - 1) * n_classes // len(frame), n_classes - 1)
    return codes.astype(np.int64)


def one_hot(estimator: Any) -> Any:
    return make_pipeline(
        make_column_transformer(
            (OneHotEncoder(handle_unknown="ignore"), ["place", "plan"]),
            (StandardScaler(), ["wage", "years"]),
        ),
        estimator,
    )


def attacked(
    model: Any, frame: pd.DataFrame, space: FeasibleSpace, *, wanted: int | None = None
) -> tuple[Target, Found]:
    codes = model.predict(frame)
    rows = np.flatnonzero(codes != wanted)[:6] if wanted is not None else np.arange(6)
    target = Target(
        model, space, frame.iloc[rows].reset_index(drop=True), codes[rows], sight="scores",
        wanted=wanted,
    )  # fmt: skip
    return target, Found(target)


def every_point(space: FeasibleSpace, original: np.ndarray) -> np.ndarray:
    """All values of every column that may change, in all combinations."""
    choices = [
        [original[place]]
        if np.isnan(original[place]) or not space.is_free[place]
        else np.unique(
            np.r_[np.round(np.arange(field.low, field.high + 0.05, 0.1), 1), original[place]]
        )
        if field.rule == "number"
        else np.arange(field.low, field.high + 1)
        for place, field in enumerate(space.fields)
    ]
    return np.array(list(product(*choices)))


def nearest_by_trying(target: Target) -> np.ndarray:
    """The size of the nearest change of each row among all rows that keep the rules."""
    space, sizes = target.space, []
    for row, original in enumerate(target.originals):
        points = every_point(space, original)
        originals = np.repeat(original[None, :], len(points), axis=0)
        points = points[space.is_feasible(points, originals)]
        owners = np.full(len(points), row)
        flips = target.is_confirmed(points, owners)
        distances = space.distance(points, originals[: len(points)])
        sizes.append(distances[flips].min() if flips.any() else np.inf)
    return np.array(sizes)


def value_target(model: Any, frame: pd.DataFrame, space: FeasibleSpace) -> Target:
    rows = frame.iloc[:5].reset_index(drop=True)
    return Target(model, space, rows, np.zeros(5, dtype=np.int64), sight="values")


def hold(bounds: Bounds, target: Target, found: Found) -> None:
    """What is proved equals trying everything, and every found change is a change in earnest."""
    exact = nearest_by_trying(target)
    assert bounds.is_proved.all()
    assert bounds.upper == pytest.approx(exact)
    assert bounds.lower == pytest.approx(exact)
    rows = found.rows
    assert target.space.is_feasible(found.points[rows], target.originals[rows]).all()
    assert target.is_confirmed(found.points[rows], rows).all()


def proved(
    model: Any, target: Target, found: Found, n_classes: int, effort: int = MANY, way: str = "both"
) -> Bounds:
    with only(way):
        return bound_rows(model, target, found, CLASSES[:n_classes], effort=effort)


@contextmanager
def only(way: str) -> Iterator[None]:
    """Prove with boxes or with the integer program alone, and not with one after the other."""

    def no_boxes(row, margins, *, known, effort, ask):
        return Nearest(0.0, known, None, 0)

    def no_sums(row, margins, *, known, most, effort, check):
        return Largest(np.inf, known, 0)

    def no_program(*_):
        raise AssertionError("boxes were to be enough")

    with pytest.MonkeyPatch.context() as patched:
        if way == "program":
            patched.setattr(rows_module, "nearest_change", no_boxes)
            patched.setattr(reach_module, "largest_sum", no_sums)
        elif way == "boxes":
            patched.setattr(rows_module, "_by_program", lambda *_: 0.0)
            patched.setattr(reach_module, "Program", no_program)
        yield


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    seed=st.integers(0, 10_000),
    n_classes=st.integers(2, 3),
    kind=st.sampled_from(
        [
            lambda: DecisionTreeClassifier(max_depth=4, random_state=0),
            lambda: RandomForestClassifier(4, max_depth=4, random_state=0),
            lambda: ExtraTreesClassifier(4, max_depth=4, random_state=0),
            lambda: GradientBoostingClassifier(n_estimators=5, max_depth=2, random_state=0),
        ]
    ),
    frozen=st.sampled_from([(), ("years",), ("place", "wage")]),
    rising=st.sampled_from([(), ("wage",), ("years",)]),
    falling=st.sampled_from([(), ("years",)]),
    is_wanted=st.booleans(),
    way=st.sampled_from(["boxes", "program"]),
)
def test_it_equals_trying_everything(
    seed, n_classes, kind, frozen, rising, falling, is_wanted, way
):
    frame = people(seed)
    codes = outcome(frame, seed, n_classes)
    model = EstimatorModel(one_hot(kind()).fit(frame, codes), Capability.PREDICT_PROBA)
    space = space_of(COLUMNS, frame, frozen=frozen, rising=rising, falling=falling)
    target, found = attacked(model, frame, space, wanted=1 if is_wanted else None)

    bounds = proved(model, target, found, n_classes, way=way)

    hold(bounds, target, found)


class ByNumber(EstimatorModel):
    """Words go in as numbers, as a table of codes would hold them."""

    def native_inputs(self, inputs: pd.DataFrame) -> pd.DataFrame:
        return inputs.assign(
            place=inputs["place"].map({"east": 0, "north": 1, "west": 2}),
            plan=inputs["plan"].map({"x": 0, "y": 1}),
        )

    def predict_proba(self, inputs: Any) -> np.ndarray:
        return super().predict_proba(self.native_inputs(inputs))


class ByCategory(ByNumber):
    """Words go in as categories."""

    def native_inputs(self, inputs: pd.DataFrame) -> pd.DataFrame:
        return inputs.assign(
            place=pd.Categorical(inputs["place"], categories=["west", "east", "north"]),
            plan=pd.Categorical(inputs["plan"], categories=["x", "y"]),
        )


def booster(name: str) -> Any:
    if name == "xgboost":
        import xgboost

        return xgboost.XGBClassifier(n_estimators=6, max_depth=3, enable_categorical=True, n_jobs=1)
    if name == "lightgbm":
        import lightgbm

        return lightgbm.LGBMClassifier(
            n_estimators=6, num_leaves=6, min_child_samples=3, min_data_per_group=1, verbose=-1,
            n_jobs=1,
        )  # fmt: skip
    if name == "catboost":
        import catboost

        return catboost.CatBoostClassifier(
            iterations=6, depth=3, verbose=False, allow_writing_files=False, thread_count=1
        )
    return HistGradientBoostingClassifier(
        max_iter=6, max_leaf_nodes=6, min_samples_leaf=3, categorical_features="from_dtype"
    )


@pytest.mark.parametrize("way", ["boxes", "program"])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("xgboost", ByNumber), ("xgboost", ByCategory), ("lightgbm", ByNumber),
        ("lightgbm", ByCategory), ("catboost", ByNumber), ("sklearn", ByNumber),
        ("sklearn", ByCategory),
    ],
)  # fmt: skip
def test_it_equals_trying_everything_on_boosters_with_missing_values(name, form, n_classes, way):
    frame = people(3, has_gaps=True)
    codes = outcome(frame, 3, n_classes)
    model = form(booster(name), Capability.PREDICT_PROBA)
    model.native.fit(model.native_inputs(frame), codes)
    space = space_of(COLUMNS, frame)
    target, found = attacked(model, frame, space)
    assert np.isnan(target.originals).any()

    # Two cores shared with others make threads that wait for each other very slow.
    with threadpool_limits(1):
        bounds = proved(model, target, found, n_classes, way=way)
        hold(bounds, target, found)


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 10_000), effort=st.integers(1, 12))
def test_with_little_effort_the_truth_lies_between_the_bounds(seed, effort):
    frame = people(seed)
    codes = outcome(frame, seed, 2)
    forest = RandomForestClassifier(8, max_depth=5, random_state=0)
    model = EstimatorModel(one_hot(forest).fit(frame, codes), Capability.PREDICT_PROBA)
    target, found = attacked(model, frame, space_of(COLUMNS, frame))

    bounds = proved(model, target, found, 2, effort)

    exact = nearest_by_trying(target)
    assert (bounds.lower <= exact * (1 + 1e-9)).all()
    assert (bounds.upper >= exact * (1 - 1e-9)).all()
    assert (bounds.n_boxes <= effort).all()


def test_numbers_of_any_precision_are_cut_to_the_last_digit():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.standard_normal((60, 2)), columns=["u", "v"])
    columns = tuple(
        Column(name=name, kind="number", role=Role.FEATURE, is_feature=True) for name in "uv"
    )
    stump = make_pipeline(StandardScaler(), DecisionTreeClassifier(max_depth=1)).fit(
        frame, (frame["u"] > 0.1).astype(int)
    )
    model = EstimatorModel(stump, Capability.PREDICT_PROBA)
    target, found = attacked(model, frame, space_of(columns, frame))

    bounds = bound_rows(model, target, found, ("a", "b"), effort=100)

    assert bounds.is_proved.all()
    moved = found.points.copy()
    # One float back towards the start, and the answer is the old one.
    moved[:, 0] = np.nextafter(moved[:, 0], target.originals[:, 0])
    assert not target.is_confirmed(moved, np.arange(len(moved))).any()


@pytest.mark.parametrize("way", ["both", "program"])
def test_relations_between_whole_numbers_are_kept_and_the_proof_still_ends(way):
    rng = np.random.default_rng(1)
    low = rng.integers(0, 20, 150)
    frame = pd.DataFrame({"low": low, "high": low + rng.integers(0, 8, 150)})
    columns = tuple(
        Column(name=name, kind="integer", role=Role.FEATURE, is_feature=True) for name in frame
    )
    codes = ((frame["low"] > 12) & (frame["high"] < 18)).astype(int)
    forest = RandomForestClassifier(5, max_depth=6, random_state=0).fit(frame, codes)
    model = EstimatorModel(forest, Capability.PREDICT_PROBA)
    free = space_of(columns, frame)
    space = space_of(columns, frame, keeps_relations=True)
    assert space.relations
    target, found = attacked(model, frame, space)
    loose, loosely = attacked(model, frame, free)

    bounds = proved(model, target, found, 2, way=way)

    exact = nearest_by_trying(target)
    assert (nearest_by_trying(loose) < exact).any(), "the relation binds"
    assert (bounds.lower <= exact * (1 + 1e-9)).all()
    assert bounds.upper[bounds.is_proved] == pytest.approx(exact[bounds.is_proved])
    assert bounds.is_proved.mean() > 0.5
    rows = found.rows
    assert space.is_feasible(found.points[rows], target.originals[rows]).all()
    assert (bounds.lower >= proved(model, loose, loosely, 2).lower * (1 - 1e-9)).all()


@pytest.mark.parametrize("way", ["both", "program"])
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 10_000), n_classes=st.integers(2, 3), rule=st.sampled_from(
    ["relation", "outside"]
))  # fmt: skip
def test_no_bound_is_above_the_truth_under_relations_and_outside_ranges(seed, n_classes, rule, way):
    rng = np.random.default_rng(seed)
    a, c = rng.integers(0, 9, 120), rng.integers(0, 5, 120)
    frame = pd.DataFrame({"a": a, "b": np.minimum(8, a + rng.integers(0, 4, 120)), "c": c})
    ends = np.quantile(lean := a * frame.b - 3 * c + rng.normal(0, 6, 120), [0.4, 0.7])
    codes = np.digitize(lean, ends[: n_classes - 1])
    kind = RandomForestClassifier if seed % 2 else GradientBoostingClassifier
    forest = kind(n_estimators=5, max_depth=4, random_state=seed).fit(frame, codes)
    model = EstimatorModel(forest, Capability.PREDICT_PROBA)
    columns = tuple(
        Column(name=name, kind="integer", role=Role.FEATURE, is_feature=True,
               maximum=5 if rule == "outside" and name != "c" else None)
        for name in frame
    )  # fmt: skip
    space = space_of(columns, frame, said="a <= b" if rule == "relation" else "")
    target, found = attacked(model, frame, space)

    bounds = proved(model, target, found, n_classes, 2000, way)

    grid = np.array(list(product(range(9), range(9), range(5))), dtype=np.float64)
    answers = model.predict(pd.DataFrame(grid, columns=list(frame)).astype(int))
    for row, original in enumerate(target.originals):
        originals = np.repeat(original[None], len(grid), axis=0)
        flips = space.is_feasible(grid, originals) & (answers != target.codes[row])
        exact = space.distance(grid, originals)[flips].min(initial=np.inf)
        assert bounds.lower[row] <= exact * (1 + 1e-6)
        assert bounds.upper[row] >= exact * (1 - 1e-9)


@pytest.mark.parametrize("way", ["boxes", "both"])
def test_a_group_of_flags_of_which_one_is_set_stays_one(way):
    rng = np.random.default_rng(2)
    kinds = rng.integers(0, 3, 200)
    frame = pd.DataFrame({"size": rng.integers(0, 10, 200)})
    for kind in range(3):
        frame[f"kind_{kind}"] = (kinds == kind).astype(int)
    columns = tuple(
        Column(name=name, kind="integer", role=Role.FEATURE, is_feature=True) for name in frame
    )
    codes = ((kinds == 1) ^ (frame["size"] > 5)).astype(int)
    forest = RandomForestClassifier(6, max_depth=5, random_state=0).fit(frame, codes)
    model = EstimatorModel(forest, Capability.PREDICT_PROBA)
    space = space_of(columns, frame, keeps_relations=True)
    assert any(relation.kind == "one of" for relation in space.relations)
    target, found = attacked(model, frame, space)

    bounds = proved(model, target, found, 2, way=way)

    hold(bounds, target, found)
    flags = found.points[found.rows][:, 1:]
    assert (flags.sum(axis=1) == 1).all()


@pytest.mark.parametrize("way", ["boxes", "program"])
def test_a_row_that_nothing_can_flip_is_proved_so(way):
    frame = people(0)
    codes = (frame["plan"] == "x").astype(int).to_numpy()
    model = EstimatorModel(
        one_hot(DecisionTreeClassifier(max_depth=2)).fit(frame, codes), Capability.PREDICT_PROBA
    )
    target, found = attacked(model, frame, space_of(COLUMNS, frame, frozen=("plan",)))

    bounds = proved(model, target, found, 2, way=way)

    assert np.isinf(bounds.lower).all()
    assert bounds.is_proved.all()
    assert not len(found.rows)


@pytest.mark.parametrize(
    ("estimator", "why"),
    [
        (LogisticRegression(), "neither a tree model"),
        (RandomForestClassifier(3, max_depth=3, random_state=0), "do not lead to its scores"),
    ],
)
def test_a_model_that_is_not_its_trees_is_refused(estimator, why):
    frame = people(0)
    codes = outcome(frame, 0, 2)

    class Bent(EstimatorModel):
        def predict_proba(self, inputs: Any) -> np.ndarray:
            scores = super().predict_proba(inputs) ** 2
            return scores / scores.sum(axis=1, keepdims=True)

    model = Bent(one_hot(estimator).fit(frame, codes), Capability.PREDICT_PROBA)
    target, found = attacked(model, frame, space_of(COLUMNS, frame))

    with pytest.raises(DoesNotFit, match=why):
        proved(model, target, found, 2)


def farthest_by_trying(target: Target, budget: float) -> np.ndarray:
    """The largest movement of each prediction among all rows within the budget and the rules."""
    space, most = target.space, []
    for row, original in enumerate(target.originals):
        points = every_point(space, original)
        originals = np.repeat(original[None, :], len(points), axis=0)
        fits = space.is_feasible(points, originals)
        fits &= space.distance(points, originals) <= budget * (1 + 1e-9)
        owners = np.full(int(fits.sum()), row)
        start = target.values(original[None, :], np.array([row]))[0]
        most.append(np.abs(target.values(points[fits], owners) - start).max())
    return np.array(most)


REGRESSORS = {
    "forest": lambda: RandomForestRegressor(4, max_depth=4, random_state=0),
    "boosting": lambda: GradientBoostingRegressor(n_estimators=5, max_depth=3, random_state=0),
    "histogram": lambda: HistGradientBoostingRegressor(max_iter=5, min_samples_leaf=3),
}


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    seed=st.integers(0, 10_000),
    kind=st.sampled_from(sorted(REGRESSORS)),
    budget=st.sampled_from([0.4, 1.0, 1.7]),
    frozen=st.sampled_from([(), ("years",), ("place", "wage")]),
    rising=st.sampled_from([(), ("wage",)]),
    way=st.sampled_from(["boxes", "program"]),
)
def test_the_largest_movement_equals_trying_everything(seed, kind, budget, frozen, rising, way):
    frame = people(seed)
    rng = np.random.default_rng(seed)
    worth = frame["wage"] * rng.normal() + frame["years"] * rng.normal() + 2 * (frame.plan == "x")
    model = EstimatorModel(one_hot(REGRESSORS[kind]()).fit(frame, worth))
    target = value_target(model, frame, space_of(COLUMNS, frame, frozen=frozen, rising=rising))
    with threadpool_limits(1):
        with only(way):
            reach = reach_of_rows(model, target, target.originals, budget=budget, effort=MANY)
        exact = farthest_by_trying(target, budget)
        few = reach_of_rows(model, target, target.originals, budget=budget, effort=6)

    assert reach.is_proved.all()
    assert reach.reached == pytest.approx(exact)
    assert reach.at_most == pytest.approx(exact, abs=1e-3)
    space = target.space
    assert space.is_feasible(reach.points, target.originals).all()
    assert (space.distance(reach.points, target.originals) <= budget * (1 + 1e-9)).all()
    # With little effort the truth lies between what is reached and the ceiling.
    assert (few.reached <= exact + 1e-9).all()
    assert (few.at_most >= exact - 1e-9).all()


def test_a_prediction_behind_a_link_is_refused():
    frame = people(0)
    model = EstimatorModel(
        one_hot(HistGradientBoostingRegressor(loss="poisson", max_iter=5)).fit(
            frame, frame["years"] + 1
        )
    )
    target = value_target(model, frame, space_of(COLUMNS, frame))

    with pytest.raises(DoesNotFit, match="do not lead to its answers"):
        reach_of_rows(model, target, target.originals, budget=1.0, effort=10)
