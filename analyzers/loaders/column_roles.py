"""What every column is for: feature, outcome, answer, id, time, sensitive or nothing."""

import numpy as np

from analyzers.core.subject import Column, Modality, Role
from analyzers.loaders import guesses
from analyzers.loaders.cells import Settled
from analyzers.loaders.feature_columns import IMAGE
from analyzers.loaders.table_match import TableMatch

_LONGEST_LEVEL = 200
_SAID = "You said so."


def columns_of(
    match: TableMatch,
    *,
    features: tuple[str, ...],
    target: guesses.Guess,
    scores: tuple[str, ...],
    modality: Modality,
) -> tuple[Column, ...]:
    """Return every column with its role and the reason for it, the model's features first.

    Raises:
        RefusedFile: the user named a column that is not there.
    """
    for group in (match.params.sensitive, match.params.immutable, match.params.ids):
        for name in group:
            match.named(name, "column")
    made: list[Column] = []
    if modality == "image":
        made.append(
            Column(
                name=IMAGE,
                kind="image",
                role=Role.IMAGE,
                is_feature=True,
                reason="The file holds pictures.",
            )
        )
    # The model's order first: `Subject.features` reads it from the columns.
    order = [
        *(name for name in features if name in match.settled),
        *(name for name in match.settled if name not in features),
    ]
    for name in order:
        is_feature, is_score = name in features, name in scores
        role, reason = _role(match, name, is_feature, is_score, target, modality)
        made.append(_column(match, name, role=role, reason=reason, is_feature=is_feature))
    return tuple(made)


def _role(
    match: TableMatch,
    name: str,
    is_feature: bool,
    is_score: bool,
    target: guesses.Guess,
    modality: Modality,
) -> tuple[Role, str]:
    settled, params = match.settled[name], match.params
    if name == target.value:
        return Role.LABEL, target.reason
    if is_score:
        said = "It holds the model's answers, as its name says."
        return Role.PREDICTION, _SAID if params.score_column else said
    if is_feature and modality == "text":
        return Role.TEXT, "It holds the longest texts."
    if is_feature:
        return Role.FEATURE, _sentence(
            "The model was fitted on it.", guesses.guess_sensitive(name).reason
        )
    if name in params.ids:
        return Role.ID, _SAID
    if _is_sensitive(match, name):
        said = guesses.guess_sensitive(name).reason
        return Role.SENSITIVE, _SAID if name in params.sensitive else said
    for role, guess in (
        (Role.ID, guesses.guess_id(name, settled.values, settled.kind)),
        (Role.TIME, guesses.guess_time(name, settled.kind)),
    ):
        if guess.value:
            return role, guess.reason
    return Role.IGNORED, "Nothing says what it is for."


def _column(match: TableMatch, name: str, *, role: Role, reason: str, is_feature: bool) -> Column:
    settled, params = match.settled[name], match.params
    is_immutable = bool(guesses.guess_immutable(name).value) and role != Role.LABEL
    if params.immutable:
        is_immutable = name in params.immutable
    low, high = _ends(settled)
    return Column(
        name=name,
        kind=settled.kind if role != Role.TEXT else "text",
        role=role,
        is_feature=is_feature,
        is_sensitive=role != Role.LABEL
        and _is_sensitive(match, name, is_score=role == Role.PREDICTION),
        is_immutable=is_immutable,
        reason=reason,
        levels=tuple(level[:_LONGEST_LEVEL] for level in settled.levels),
        minimum=low,
        maximum=high,
        n_missing=settled.n_missing,
    )


def _is_sensitive(match: TableMatch, name: str, *, is_score: bool = False) -> bool:
    if match.params.sensitive:
        return name in match.params.sensitive
    return bool(guesses.guess_sensitive(name).value) and not is_score


def _sentence(*parts: str) -> str:
    return " ".join(part for part in parts if part)


def _ends(settled: Settled) -> tuple[float | None, float | None]:
    if settled.kind not in ("number", "integer"):
        return None, None
    numbers = settled.values.to_numpy(np.float64)
    numbers = numbers[np.isfinite(numbers)]
    return (float(numbers.min()), float(numbers.max())) if len(numbers) else (None, None)
