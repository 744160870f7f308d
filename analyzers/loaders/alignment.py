"""A table brought into the form its subject says: columns by name, kinds, levels, class codes."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analyzers.core.dataset import MISSING_CODE, Dataset
from analyzers.core.errors import RefusedFile, UnsuitableSubject
from analyzers.core.subject import Column, Role, Subject
from analyzers.loaders.cells import Settled, settle
from analyzers.loaders.headers import quoted
from analyzers.loaders.levels import level_name, match_levels, match_truth
from analyzers.loaders.raw_table import RawTable


class Aligned(NamedTuple):
    """Rows matched to the subject, and what had to be changed."""

    data: Dataset
    changes: tuple[str, ...]


def align(table: RawTable, subject: Subject, *, about: str = "The table") -> Aligned:
    """Bring a table into the form its subject says.

    Args:
        table: as its file gave it.
        subject: says which column is what.
        about: which table, for the sentences.

    Raises:
        RefusedFile: columns of the model or labels are missing, or hold something else; by name.
    """
    wanted = [column for column in subject.columns if column.role != Role.IMAGE]
    places = find_columns([column.name for column in wanted], list(table.columns))
    _require(wanted, places, subject, about)
    changes: list[str] = []
    made: dict[str, Any] = {}
    for column in wanted:
        place = places.get(column.name)
        if place is None:
            made[column.name] = np.full(table.n_rows, np.nan)
            continue
        if place != column.name:
            changes.append(f"{about}: column {quoted(place)} is used as {quoted(column.name)}.")
        settled = settle(
            column.name, table.columns[place], kind=column.kind, keep=frozenset(column.levels)
        )
        values, renamed = _as_levels(settled, column)
        changes.extend((*settled.changes, *renamed))
        made[column.name] = values
    frame = pd.DataFrame(made, index=pd.RangeIndex(table.n_rows))
    labels, renamed = _labels(frame, subject, about)
    changes.extend(renamed)
    data = Dataset(
        subject=subject,
        frame=frame,
        labels=labels,
        images=table.images,
        rows=np.arange(table.n_rows, dtype=np.int64),
    )
    return Aligned(data, tuple(changes))


def find_columns(wanted: Sequence[str], available: Sequence[str]) -> dict[str, str]:
    """Pair wanted names with a table's: the same, or the same but for case, spaces and signs."""
    there = set(available)
    folded: dict[str, list[str]] = {}
    for name in available:
        folded.setdefault(_folded(name), []).append(name)
    found: dict[str, str] = {}
    taken = {name for name in wanted if name in there}
    for name in wanted:
        if name in there:
            found[name] = name
            continue
        near = [other for other in folded.get(_folded(name), []) if other not in taken]
        if len(near) == 1:
            found[name] = near[0]
            taken.add(near[0])
    return found


def class_codes(
    values: pd.Series, classes: Sequence[str]
) -> tuple[NDArray[np.int64], Mapping[str, str], tuple[str, ...]]:
    """Turn labels into codes.

    Returns:
        `(n_rows,)` codes with -1 for missing; the class by label; labels that are no class.
    """
    is_filled = values.notna().to_numpy()
    codes, different = pd.factorize(values[is_filled])
    names = [level_name(value.item() if isinstance(value, np.generic) else value)
             for value in different]  # fmt: skip
    matched = match_levels(names, classes)
    if len(matched) < len(names):
        matched = match_truth(names, classes) or matched
    place = {name: at for at, name in enumerate(classes)}
    by_code = np.array([place.get(matched.get(name, ""), MISSING_CODE) for name in names] or [0])
    made = np.full(len(values), MISSING_CODE, dtype=np.int64)
    if len(codes):
        made[is_filled] = by_code[codes]
    return made, matched, tuple(name for name in names if name not in matched)


def _folded(name: str) -> str:
    return "".join(char for char in name.casefold() if char.isalnum())


def _require(
    wanted: Sequence[Column], places: Mapping[str, str], subject: Subject, about: str
) -> None:
    needed = [
        column.name for column in wanted if column.is_feature or column.name == subject.target
    ]
    absent = [name for name in needed if name not in places]
    if absent:
        names = ", ".join(quoted(name) for name in absent[:10])
        more = f" and {len(absent) - 10:,} more" if len(absent) > 10 else ""
        raise RefusedFile(
            f"{about}: expected the columns the model was fitted on, got none called {names}"
            f"{more}.",
            remedy="Upload a table with these columns; the order does not matter.",
        )


def _as_levels(settled: Settled, column: Column) -> tuple[Any, tuple[str, ...]]:
    """Spell categories as the subject does."""
    if column.kind != "category" or not column.levels:
        return settled.values, ()
    different = [str(value) for value in settled.values.dropna().unique()]
    matched = match_levels(different, column.levels)
    renamed = {value: name for value, name in matched.items() if value != name}
    if not renamed:
        return settled.values, ()
    shown = ", ".join(f"{quoted(old)} as {quoted(new)}" for old, new in list(renamed.items())[:5])
    values = settled.values.map(lambda value: renamed.get(value, value), na_action="ignore")
    return values.astype("str"), (f"Column {quoted(column.name)}: {shown} was read.",)


def _labels(frame: pd.DataFrame, subject: Subject, about: str) -> tuple[Any, tuple[str, ...]]:
    if subject.target is None:
        return None, ()
    values = frame[subject.target]
    if subject.task == "regression":
        if not pd.api.types.is_numeric_dtype(values):
            raise UnsuitableSubject(
                f"Expected numbers in the target {quoted(subject.target)}, got text.",
                remedy="Choose another target.",
            )
        return values.to_numpy(np.float64), ()
    codes, matched, strange = class_codes(values, subject.classes)
    if strange:
        shown = ", ".join(quoted(name) for name in strange[:5])
        known = ", ".join(quoted(name) for name in subject.classes[:5])
        raise RefusedFile(
            f"{about}: expected the classes {known} in column {quoted(subject.target)}, got "
            f"{shown}.",
            remedy="Use the same names as the model, or choose another target.",
        )
    renamed = [f"{quoted(old)} as {quoted(new)}" for old, new in matched.items() if old != new]
    note = f"{about}: labels were matched to the model's classes: {', '.join(renamed[:5])}."
    return codes, (note,) if renamed else ()
