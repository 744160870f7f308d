"""Boosters in their libraries' own files, grown anew from the settings those files keep.

LightGBM and CatBoost write down how they were trained. XGBoost's JSON keeps the trees only; a
pickled XGBoost booster keeps its settings too.
"""

import json
import warnings
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzers.core.errors import UnsuitableSubject
from analyzers.core.workbench import Tracker
from analyzers.privacy.fanning import Tick, over_cores
from analyzers.privacy.refitting import OFF, Answered, Pool, answered, refusal_of, take

# Gives probabilities of every row after growing trees on some, from `(rows, targets, chosen, seed)`
Grow = Callable[[Any, NDArray[np.int64], NDArray[np.int64], int], NDArray[np.float64]]

# What LightGBM writes down of the machine and of luck, and not of the way of training.
_LIGHTGBM_LEFT_OUT = (
    "num_threads", "seed", "data_random_seed", "objective_seed", "bagging_seed", "extra_seed",
    "feature_fraction_seed", "drop_seed", "verbosity", "num_iterations", "early_stopping_round",
    "device_type", "gpu_platform_id", "gpu_device_id", "num_gpu", "num_machines",
    "local_listen_port", "time_out", "machines", "machine_list_filename", "tree_learner",
)  # fmt: skip
# What CatBoost refuses to be given back, or derives from the rows.
_CATBOOST_LEFT_OUT = (
    "pool_metainfo_options", "class_names", "classes_count", "random_seed", "eval_fraction",
    "use_best_model", "task_type", "best_model_min_trees", "train_dir", "boost_from_average",
)  # fmt: skip
_XGBOOST_DEFAULTS = {
    "eta": 0.3, "max_depth": 6.0, "min_child_weight": 1.0, "gamma": 0.0, "lambda": 1.0,
    "alpha": 0.0, "subsample": 1.0, "colsample_bytree": 1.0, "colsample_bylevel": 1.0,
    "colsample_bynode": 1.0, "max_delta_step": 0.0, "max_leaves": 0.0,
}  # fmt: skip


class BoosterRecipe(NamedTuple):
    """A booster's settings, and how to grow trees by them."""

    grow: Grow
    name: str
    group: int = 1

    def fit(
        self,
        pool: Pool,
        inside: NDArray[np.bool_],
        seeds: NDArray[np.int64],
        track: Tracker,
        *,
        cores: int | None = None,
    ) -> list[Answered]:
        """Grow one booster for each row of `inside`; see `refitting.Recipe`."""
        places = _places(pool.classes)

        def task(place: int) -> Callable[[Tick], Answered]:
            def run(tick: Tick) -> Answered:
                chosen = np.flatnonzero(inside[place])
                try:
                    given = self.grow(pool.rows, places[pool.codes], chosen, int(seeds[place]))
                # A library's refusal, whatever it raises.
                except Exception as error:
                    raise refusal_of(error, len(chosen)) from error
                scores = given if given.ndim == 2 else np.stack([1 - given, given], axis=1)
                tick()
                return answered(scores[:, places], pool.codes)

            return run

        tasks = [task(place) for place in range(len(inside))]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return over_cores(
                tasks, track, "Growing shadow boosters", total=len(tasks), cores=cores
            )


def booster_recipe(native: Any) -> BoosterRecipe | None:  # noqa: ANN401  any library's object
    """Read how a booster was grown; None where it is no booster.

    Raises:
        UnsuitableSubject: its file does not say how it was grown.
    """
    library, kind = type(native).__module__.split(".")[0], type(native).__name__
    if library == "lightgbm" and kind == "Booster":
        return BoosterRecipe(_lightgbm(native), "LightGBM boosters grown from the file's settings")
    if library == "catboost":
        return BoosterRecipe(_catboost(native), "CatBoost models grown from the file's settings")
    if library == "xgboost" and kind == "Booster":
        return BoosterRecipe(_xgboost(native), "XGBoost boosters grown from the file's settings")
    return None


def _lightgbm(native: Any) -> Grow:  # noqa: ANN401  untyped library
    known = {
        name: value for name, value in dict(native.params).items() if name not in _LIGHTGBM_LEFT_OUT
    }
    if "objective" not in known:
        raise _settings_lost("LightGBM", "Save it whole with save_model.")
    rounds = native.current_iteration()

    def grow(
        rows: Any,  # noqa: ANN401  a frame or an array
        targets: NDArray[np.int64],
        chosen: NDArray[np.int64],
        seed: int,
    ) -> NDArray[np.float64]:
        import lightgbm

        own = known | {
            "seed": seed, "num_threads": 1, "verbosity": -1, "deterministic": True,
            "force_row_wise": True, "force_col_wise": False,
        }  # fmt: skip
        data = lightgbm.Dataset(take(rows, chosen), targets[chosen], params=own)
        booster = lightgbm.train(own, data, num_boost_round=rounds)
        return np.asarray(booster.predict(rows, num_threads=1), dtype=np.float64)

    return grow


def _catboost(native: Any) -> Grow:  # noqa: ANN401  untyped library
    stored = native.get_all_params() or {}
    known = {name: value for name, value in stored.items() if name not in _CATBOOST_LEFT_OUT}
    if "loss_function" not in known or "iterations" not in known:
        raise _settings_lost("CatBoost", "Save it whole in CatBoost's own format.")
    categorical = sorted(native.get_cat_feature_indices())
    # Fewer trees than asked for stayed where the best round was kept.
    known["iterations"] = int(native.tree_count_)

    def grow(
        rows: Any,  # noqa: ANN401  a frame
        targets: NDArray[np.int64],
        chosen: NDArray[np.int64],
        seed: int,
    ) -> NDArray[np.float64]:
        import catboost

        model = catboost.CatBoost(
            known | {"random_seed": seed, "thread_count": 1, "logging_level": "Silent",
                     "allow_writing_files": False}
        )  # fmt: skip
        model.fit(catboost.Pool(take(rows, chosen), targets[chosen], cat_features=categorical))
        asked = catboost.Pool(rows, cat_features=categorical)
        given = model.predict(asked, prediction_type="Probability", thread_count=1)
        return np.asarray(given, dtype=np.float64)

    return grow


def _xgboost(native: Any) -> Grow:  # noqa: ANN401  untyped library
    learner = json.loads(native.save_config())["learner"]
    trained = learner["gradient_booster"].get("tree_train_param", {})
    known: dict[str, Any] = {
        name: float(trained[name]) for name in _XGBOOST_DEFAULTS if name in trained
    }
    if not known or all(
        np.isclose(value, _XGBOOST_DEFAULTS[name]) for name, value in known.items()
    ):
        raise _settings_lost(
            "XGBoost", "Give the fitted XGBClassifier by joblib or skops, or the pickled booster."
        )
    known |= {
        name: int(known[name]) for name in ("max_depth", "max_leaves") if name in known
    }  # fmt: skip
    known |= {"objective": learner["objective"]["name"], **_xgboost_objective(learner)}
    rounds = native.num_boosted_rounds()

    def grow(
        rows: Any,  # noqa: ANN401  a frame or an array
        targets: NDArray[np.int64],
        chosen: NDArray[np.int64],
        seed: int,
    ) -> NDArray[np.float64]:
        import xgboost

        own = known | {"seed": seed, "nthread": 1, "verbosity": 0}
        data = xgboost.DMatrix(
            take(rows, chosen), targets[chosen], enable_categorical=True, nthread=1
        )
        booster = xgboost.train(own, data, num_boost_round=rounds)
        asked = xgboost.DMatrix(rows, enable_categorical=True, nthread=1)
        return np.asarray(booster.predict(asked), dtype=np.float64)

    return grow


def _xgboost_objective(learner: Mapping[str, Any]) -> dict[str, Any]:
    objective, n_classes = learner["objective"], int(learner["learner_model_param"]["num_class"])
    if objective["name"] in ("multi:softprob", "multi:softmax"):
        return {"objective": "multi:softprob", "num_class": n_classes}
    weight = objective.get("reg_loss_param", {}).get("scale_pos_weight", 1)
    return {"objective": "binary:logistic", "scale_pos_weight": float(weight)}


def _places(classes: tuple[str, ...]) -> NDArray[np.int64]:
    """The booster's own number of every class: the name, where names are the numbers from 0."""
    if set(classes) == {str(place) for place in range(len(classes))}:
        return np.array([int(name) for name in classes])
    return np.arange(len(classes))


def _settings_lost(library: str, remedy: str) -> UnsuitableSubject:
    return UnsuitableSubject(
        f"Expected a model whose file says how it was trained, got a {library} file that keeps its "
        "trees and not its settings.",
        remedy=f"{remedy} {OFF}",
    )
