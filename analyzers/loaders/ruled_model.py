"""A model with a decision recipe around it: its own scores, other decisions (see `recipes`)."""

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analyzers.core.errors import RefusedFile
from analyzers.core.model import Capability, Inputs
from analyzers.core.subject import FileRef, Trust
from analyzers.loaders import bounds
from analyzers.loaders.formats import Format, identify
from analyzers.loaders.levels import level_name
from analyzers.loaders.loaded_model import Answer, LoadedModel
from analyzers.loaders.zip_entries import Archive
from analyzers.toolkit.recipes import RECIPE_NAME, Recipe, read_recipe

MODEL_NAMES = ("model.skops", "model.ubj", "model.txt", "model.cbm")
_INNER = ("skops", "XGBoost UBJSON", "LightGBM", "CatBoost")
_RECIPE_BYTES = 4 * bounds.MEBIBYTE
_REMEDY = "Save it again from the fairness page of Assay."
Opener = Callable[[Path, FileRef], tuple[LoadedModel, Format]]


def load_ruled(path: Path, open_model: Opener) -> LoadedModel:
    """Open a zip of a model and the recipe that turns its scores into decisions.

    Args:
        path: the archive; it holds `recipe.json` and one model file, and nothing else.
        open_model: opens the model file inside; only formats that carry data alone are taken.

    Raises:
        RefusedFile: another content, or a recipe that does not fit the model.
    """
    archive = Archive(path, what="a model with a decision recipe", most_bytes=bounds.MODEL_BYTES)
    inside = [name for name in MODEL_NAMES if name in archive.names]
    if len(inside) != 1 or set(archive.names) != {RECIPE_NAME, *inside}:
        raise RefusedFile(
            f"Expected an archive of {RECIPE_NAME} and one of {', '.join(MODEL_NAMES)}, got other "
            "entries.",
            remedy=_REMEDY,
        )
    if archive.size(RECIPE_NAME) > _RECIPE_BYTES:
        raise RefusedFile(
            f"Expected a recipe of at most {_RECIPE_BYTES:,} bytes, got a longer one.",
            remedy=_REMEDY,
        )
    recipe = read_recipe(archive.read(RECIPE_NAME))
    content = archive.read(inside[0])
    with tempfile.TemporaryDirectory(prefix="ruled-") as folder:
        place = Path(folder) / inside[0]
        place.write_bytes(content)
        file = FileRef(sha256="0" * 64, size=len(content), name=inside[0])
        # Told before it is opened: no recipe around a recipe, and nothing that carries a program.
        inner = identify(place, inside[0], use="model")
        if inner.name not in _INNER:
            raise RefusedFile(
                f"Expected a model in one of {', '.join(_INNER)}, got {inner.name}.",
                remedy=_REMEDY,
            )
        model, _ = open_model(place, file)
    return _ruled(model, recipe)


def _ruled(model: LoadedModel, recipe: Recipe) -> LoadedModel:
    names = () if model.classes is None else tuple(level_name(item) for item in model.classes)
    if sorted(names) != sorted({recipe.selected, recipe.rejected}) or len(names) != 2:
        raise RefusedFile(
            f"Expected a model of the two classes of its recipe, {recipe.selected!r} and "
            f"{recipe.rejected!r}, got one of {', '.join(map(repr, names)) or 'no known classes'}.",
            remedy=_REMEDY,
        )
    if Capability.PREDICT_PROBA not in model.capabilities:
        raise RefusedFile(
            "Expected a model with scores, which its recipe is about, got one with labels only.",
            remedy=_REMEDY,
        )
    features = model.feature_names or recipe.features
    wanted = features if recipe.attribute in features else (*features, recipe.attribute)
    levels = dict(model.levels)
    if recipe.attribute not in features and not recipe.edges:
        named = recipe.groups[:-1] if recipe.has_missing else recipe.groups
        levels[recipe.attribute] = tuple(rule.group for rule in named)
    how = "decides by chance" if recipe.is_randomised else "decides"
    note = (
        f"A decision recipe {how} from the model's scores and the column {recipe.attribute!r}: "
        f"{recipe.name}."
    )
    if recipe.is_randomised:
        note += " The scores shown are chances of being selected."
    return replace(
        model,
        kind=f"{model.kind} with a decision recipe",
        native=None,
        trust=Trust.DATA,
        answer=_Ask(model, recipe, features, names.index(recipe.selected)),
        capabilities=frozenset({Capability.PREDICT_PROBA} if recipe.is_randomised else ()),
        feature_names=wanted,
        n_features=len(wanted),
        levels=levels,
        notes=(*model.notes, note),
    )


class _Ask:
    """Asks the model for scores, and the recipe for decisions."""

    def __init__(
        self, model: LoadedModel, recipe: Recipe, features: tuple[str, ...], selected: int
    ) -> None:
        self._model = model
        self._recipe = recipe
        self._features = list(features)
        self._selected = selected

    def __call__(self, inputs: Inputs) -> Answer:
        """Return labels, or chances of being selected where the recipe is randomised."""
        if not isinstance(inputs, pd.DataFrame):
            raise RefusedFile("Expected rows with named columns, got an array.", remedy=_REMEDY)
        scores = self._scores(self._model.answer(inputs[self._features]))
        chances = self._recipe.chances(inputs[self._recipe.attribute], scores)
        both = np.column_stack([1 - chances, chances])
        both = both if self._selected == 1 else both[:, ::-1]
        if self._recipe.is_randomised:
            return Answer(scores=both)
        classes = np.array(self._model.classes, dtype=object)
        return Answer(labels=classes[np.argmax(both, axis=1)])

    def _scores(self, answer: Answer) -> NDArray[np.float64]:
        given = np.asarray(answer.scores, dtype=np.float64)
        given = given.reshape(len(given), -1)
        if given.shape[1] == 1:
            given = np.hstack([1.0 - given, given])
        return np.clip(given[:, self._selected], 0.0, 1.0)
