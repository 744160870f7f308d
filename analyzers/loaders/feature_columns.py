"""Which columns the model reads: by its own names for them, or by their number and kind."""

from collections.abc import Mapping

from analyzers.core.errors import RefusedFile
from analyzers.core.subject import Modality
from analyzers.loaders import guesses
from analyzers.loaders.alignment import find_columns
from analyzers.loaders.headers import quoted
from analyzers.loaders.table_match import TableMatch

IMAGE = "image"


def modality_of(match: TableMatch) -> Modality:
    """Return what the model reads: rows of a table, texts or pictures.

    Raises:
        RefusedFile: the model reads something else than was given.
    """
    if match.table.images is not None:
        if match.loaded is not None and match.loaded.modality in ("text", "tabular"):
            raise RefusedFile(
                f"Expected a table for {match.loaded.kind}, got pictures.",
                remedy="Upload the table the model predicts on.",
            )
        return "image"
    if match.loaded is not None and match.loaded.modality == "image":
        raise RefusedFile(
            f"Expected pictures for {match.loaded.kind}, got a table.",
            remedy="Upload a zip of pictures or an npz with arrays X and y.",
        )
    return "text" if match.loaded is not None and match.loaded.modality == "text" else "tabular"


def known_features(match: TableMatch) -> Mapping[str, str] | None:
    """Return the model's own feature names in its order, each with the table's column for it.

    Raises:
        RefusedFile: the table lacks one of them.
    """
    if match.loaded is None or match.loaded.feature_names is None:
        return None
    wanted = match.loaded.feature_names
    found = find_columns(wanted, list(match.table.columns))
    absent = [name for name in wanted if name not in found]
    if absent:
        names = ", ".join(quoted(name) for name in absent[:10])
        more = f" and {len(absent) - 10:,} more" if len(absent) > 10 else ""
        there = ", ".join(quoted(name) for name in list(match.table.columns)[:10])
        raise RefusedFile(
            f"Expected the {len(wanted):,} columns the model was fitted on, got none called "
            f"{names}{more}. The table has {there}.",
            remedy="Upload a table with these columns under these names; the order does not "
            "matter.",
        )
    for name, place in found.items():
        if place != name:
            match.say(f"Column {quoted(place)} is used as the model's {quoted(name)}.")
    names_of = {place: name for name, place in found.items()}
    order = [names_of.get(place, place) for place in match.table.columns]
    if [name for name in order if name in set(wanted)] != list(wanted):
        match.say("The columns were put into the order the model was fitted on.")
    return {name: found[name] for name in wanted}


def chosen_features(
    match: TableMatch, target: str, scores: tuple[str, ...], modality: Modality
) -> tuple[str, ...]:
    """Choose the features of a model that does not know their names, by number and kind.

    Raises:
        RefusedFile: the table's columns do not fit what the model takes.
    """
    if modality == "image":
        return (IMAGE,)
    if modality == "text":
        return (_text_column(match, target),)
    rest = [
        name
        for name, made in match.settled.items()
        if name != target
        and name not in scores
        and name not in match.params.ids
        and made.kind != "time"
        and not guesses.guess_id(name, made.values, made.kind).value
    ]
    if match.loaded is None:
        return ()
    wanted = match.loaded.n_features
    if wanted is not None and len(rest) != wanted:
        numeric = [name for name in rest if match.settled[name].kind in
                   ("number", "integer", "boolean")]  # fmt: skip
        if len(numeric) == wanted:
            rest = numeric
        else:
            names = ", ".join(quoted(name) for name in rest[:20])
            raise RefusedFile(
                f"Expected a table with the {wanted:,} columns the model takes, got "
                f"{len(rest):,} beside the target {quoted(target)}: {names}. The model does "
                "not know its columns' names.",
                remedy="Upload only the model's columns, in its order, and the target; or say "
                "which columns are ids.",
            )
    match.say(
        "The model does not know its columns' names: the table's columns are given to it in "
        f"their order, without the target: {', '.join(quoted(name) for name in rest[:10])}"
        f"{', ...' if len(rest) > 10 else ''}."
    )
    if match.loaded.is_differentiable:
        words = [name for name in rest if match.settled[name].kind in ("category", "text")]
        if words:
            raise RefusedFile(
                "Expected numbers for a torch model, got words in "
                f"{', '.join(quoted(name) for name in words[:10])}.",
                remedy="Upload the table as numbers, encoded as in training.",
            )
    return tuple(rest)


def _text_column(match: TableMatch, target: str) -> str:
    words = {
        name: made.values.dropna().astype("str").str.len().mean()
        for name, made in match.settled.items()
        if name != target and made.kind in ("text", "category")
    }
    if not words:
        raise RefusedFile(
            "Expected a column of texts for a text model, got none.",
            remedy="Upload a table with the texts in one column.",
        )
    return max(words, key=lambda name: words[name])
