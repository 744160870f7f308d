"""Decisions by score and group as plain, open data: what a person could apply with a pencil.

A recipe says, for every group of one column, with which chance a row of a given score is selected.
It is written as JSON, holds no code and no model, and is applied here and nowhere else: the rows
that measure a recipe and the rows of a model file that carries one are decided by the same lines.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from analyzers.core.errors import RefusedFile
from analyzers.core.value import Value

FORM: Literal[1] = 1
MOST_GROUPS = 1_000
RECIPE_NAME = "recipe.json"


Side = Literal["at least", "above", "below"]


class Step(Value):
    """What is added to the chance of being selected where the score is beyond a threshold."""

    side: Side
    threshold: float
    chance: float = Field(ge=-1, le=1)


class GroupRule(Value):
    """The rule of one group: the chance is `always` plus that of every step that applies."""

    group: str = Field(max_length=500)
    always: float = Field(default=0.0, ge=0, le=1)
    steps: tuple[Step, ...] = Field(default=(), max_length=100)


class Recipe(Value):
    """Decisions by score and group.

    Attributes:
        assay_decision_recipe: version of this form.
        name: what the recipe makes equal, in words.
        attribute: the column whose groups have rules.
        edges: where a number is cut into groups; a row belongs to the upper side of an edge; empty
            where the column's values are the groups.
        has_missing: the last rule is for rows without a value.
        groups: the rules; with `edges` one for every bin in order.
        otherwise: for every other row; the model's own decision.
        selected: the favourable class.
        rejected: the other one.
        features: columns the scores are made from, in order.
    """

    assay_decision_recipe: Literal[1] = FORM
    name: str = Field(max_length=500)
    attribute: str = Field(min_length=1, max_length=200)
    edges: tuple[float, ...] = Field(default=(), max_length=MOST_GROUPS)
    has_missing: bool = False
    groups: tuple[GroupRule, ...] = Field(max_length=MOST_GROUPS)
    otherwise: GroupRule
    selected: str = Field(max_length=500)
    rejected: str = Field(max_length=500)
    features: tuple[str, ...] = Field(default=(), max_length=5_000)

    @property
    def is_randomised(self) -> bool:
        """Whether some score of some group leaves the decision to chance."""
        return any(not _is_certain(rule) for rule in (*self.groups, self.otherwise))

    def chances(self, values: pd.Series, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Chance of being selected, `(n_rows,)` in [0, 1].

        Args:
            values: `(n_rows,)` of the column `attribute`.
            scores: `(n_rows,)` of the favourable class.
        """
        group = self._group_of(values)
        found = np.empty(len(scores))
        for place, rule in enumerate((*self.groups, self.otherwise)):
            mine = group == place
            found[mine] = _chance(rule, scores[mine])
        return np.clip(found, 0.0, 1.0)

    def _group_of(self, values: pd.Series) -> NDArray[np.int64]:
        """Position of each row's rule; the number of groups where none is its own."""
        none = len(self.groups)
        named = self.groups[:-1] if self.has_missing else self.groups
        absent = none - 1 if self.has_missing else none
        if self.edges:
            numbers = pd.to_numeric(values, errors="coerce").to_numpy(np.float64, na_value=np.nan)
            cut = np.searchsorted(np.asarray(self.edges), numbers, side="right")
            return np.where(np.isnan(numbers), absent, cut).astype(np.int64)
        place = {_canonical(rule.group): number for number, rule in enumerate(named)}
        known = [
            absent if pd.isna(value) else place.get(_canonical(str(value)), none)
            for value in values
        ]
        return np.array(known, dtype=np.int64)


def read_recipe(content: bytes) -> Recipe:
    """Read a recipe, believing nothing.

    Raises:
        RefusedFile: it is no recipe of this form, in a sentence.
    """
    try:
        recipe = Recipe.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])[:100]
        raise RefusedFile(
            f"Expected a decision recipe of form {FORM}, got one that is wrong at {where!r}: "
            f"{first['msg'].lower()[:200]}.",
            remedy="Save it again from the fairness page, or correct it by hand.",
        ) from error
    if any(low >= high for low, high in pairwise(recipe.edges)):
        raise RefusedFile(
            "Expected a decision recipe whose cut points increase, got others.",
            remedy="Write them from the smallest to the largest.",
        )
    n_wanted = len(recipe.edges) + 1 + recipe.has_missing
    if recipe.edges and len(recipe.groups) != n_wanted:
        raise RefusedFile(
            f"Expected a decision recipe with {n_wanted:,} rules, one for each side of its cut "
            f"points, got {len(recipe.groups):,}.",
            remedy="Save it again from the fairness page, or correct it by hand.",
        )
    if not recipe.groups:
        raise RefusedFile("Expected a decision recipe with rules, got none.")
    return recipe


def steps_of(
    parts: Sequence[tuple[Side, float, float]],
    *,
    group: str,
    always: float = 0.0,
) -> GroupRule:
    """Make a rule; thresholds at infinity become part of `always` or nothing.

    Args:
        parts: side, threshold and what is added to the chance beyond it.
        group: whose rule it is.
        always: the chance at every score.
    """
    steps = []
    for side, threshold, chance in parts:
        if math.isfinite(threshold):
            steps += [Step(side=side, threshold=threshold, chance=chance)] if chance else []
        elif (threshold < 0) != (side == "below"):
            always += chance
    return GroupRule(group=group, always=min(max(always, 0.0), 1.0), steps=tuple(steps))


def _chance(rule: GroupRule, scores: NDArray[np.float64]) -> NDArray[np.float64]:
    total = np.full(len(scores), rule.always)
    for step in rule.steps:
        if step.side == "at least":
            applies = scores >= step.threshold
        else:
            applies = scores > step.threshold if step.side == "above" else scores < step.threshold
        total += step.chance * applies
    return total


def _is_certain(rule: GroupRule) -> bool:
    cuts = sorted({step.threshold for step in rule.steps})
    between = [(low + high) / 2 for low, high in pairwise(cuts)]
    ends = [cuts[0] - 1, cuts[-1] + 1] if cuts else [0.0]
    found = _chance(rule, np.array([*ends, *cuts, *between]))
    return bool(np.isclose(found, np.round(found), atol=1e-9).all())


def _canonical(name: str) -> str:
    """Bring names of the same number together: "1", "1.0"."""
    try:
        return repr(float(name))
    except ValueError:
        return name
