"""Column names made usable: whole, different, short, without control characters."""

import json
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from analyzers.core.errors import RefusedFile
from analyzers.loaders import bounds


class TamedNames(NamedTuple):
    """Names as they will be used, and a sentence for each one that was changed."""

    names: tuple[str, ...]
    changes: tuple[str, ...]


def tame_names(raw: Sequence[object]) -> TamedNames:
    """Make column names unique, printable and at most 200 characters long.

    Raises:
        RefusedFile: more columns than are taken.
    """
    check_column_count(len(raw))
    names: list[str] = []
    changes: list[str] = []
    taken: set[str] = set()
    n_empty = 0
    for position, given in enumerate(raw, start=1):
        name = clean(given)
        if not name:
            name = f"column_{position}"
            n_empty += 1
        elif name != str(given):
            changes.append(f"Column {position} is called {quoted(name)}: spaces or signs that "
                           "cannot be shown were taken out of its name.")  # fmt: skip
        unique = name
        count = 1
        while unique in taken:
            count += 1
            unique = f"{name[: bounds.NAME_LENGTH - 6]}_{count}"
        if unique != name:
            changes.append(
                f"Column {position} is called {quoted(unique)}, because another column is already "
                f"called {quoted(name)}."
            )
        taken.add(unique)
        names.append(unique)
    if n_empty:
        changes.append(f"{n_empty:,} columns without a name are called column_1, column_2, ...")
    if len(changes) > 20:
        changes = [*changes[:20], f"{len(changes) - 20:,} more column names were changed likewise."]
    return TamedNames(tuple(names), tuple(changes))


def clean(given: object) -> str:
    """Return a name without control or invisible characters or outer spaces, cut to length."""
    text = "" if given is None else str(given)[: bounds.NAME_LENGTH * 4]
    # "Cf" holds the marks that turn text around or hide in it.
    kept = "".join(
        " " if char in "\r\n\t" else char
        for char in text
        if char in "\r\n\t" or unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co", "Cn")
    )
    return " ".join(kept.split(" ")).strip()[: bounds.NAME_LENGTH]


def check_column_count(n_columns: int) -> None:
    """Refuse a table with more columns than are taken."""
    if n_columns > bounds.COLUMNS:
        raise RefusedFile(
            f"Expected at most {bounds.COLUMNS:,} columns, got {n_columns:,}.",
            remedy="Upload only the columns the model and the analysis need.",
        )


def quoted(text: object, *, longest: int = 40) -> str:
    """Quote a string from the file for a message."""
    shown = clean(text)
    shown = shown if len(shown) <= longest else shown[: longest - 1] + "…"
    return json.dumps(shown, ensure_ascii=False)
