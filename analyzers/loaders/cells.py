"""What the cells of one column are: numbers, whole numbers, booleans, times, categories or text."""

import re
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from analyzers.core.subject import Kind
from analyzers.loaders import bounds
from analyzers.loaders.headers import quoted

# What pandas reads as missing, since that is what most models were fitted after; and "?".
MISSING_WORDS = (
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN",
    "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null", "?",
)  # fmt: skip
_BOOLEAN = {"true": True, "false": False}
_COMMA_NUMBER = r"^[+-]?(\d+|\d{1,3}(\.\d{3})+)(,\d+)?$"
_GROUPED_NUMBER = r"^[+-]?\d{1,3}(,\d{3})+(\.\d+)?$"
_DAY_FIRST = r"^\d{1,2}\.\d{1,2}\.\d{4}( \d{1,2}:\d{2}(:\d{2})?)?$"
_SLASHED = r"^\d{1,2}/\d{1,2}/\d{4}$"
_LONGEST_CATEGORY = 100
_EXACT_INTEGERS = 2**53


class Settled(NamedTuple):
    """A column whose meaning is settled.

    Attributes:
        values: float64, int64, bool, str (missing is NaN) or datetime64, by `kind`.
        levels: different values of a category column in order; empty for other kinds.
    """

    values: pd.Series
    kind: Kind
    levels: tuple[str, ...]
    n_missing: int
    changes: tuple[str, ...]


def settle(
    name: str,
    column: pa.ChunkedArray,
    *,
    kind: Kind | None = None,
    keep: frozenset[str] = frozenset(),
) -> Settled:
    """Tell what a column holds and convert it.

    Args:
        name: for the sentences.
        column: strings as they stand in the file, or a typed column.
        kind: what it has to be, where that is already settled; None to find out. "category" and
            "text" keep the strings as they are.
        keep: words that are values here although they usually mean missing.

    Returns:
        The converted column. Where `kind` is given and cells do not fit, they are missing and a
        sentence says how many.
    """
    if pa.types.is_dictionary(column.type):
        column = pc.cast(column, column.type.value_type)
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return _settle_words(name, column, kind, keep)
    return _settle_typed(name, column, kind, keep)


def _settle_typed(
    name: str, column: pa.ChunkedArray, kind: Kind | None, keep: frozenset[str]
) -> Settled:
    kind_of = pa.types
    if kind in ("category", "text") and not kind_of.is_nested(column.type):
        return _settle_words(name, _as_words(column), kind, keep)
    if kind_of.is_boolean(column.type):
        return (
            _boolean(column)
            if kind in (None, "boolean")
            else _numbers(name, pc.cast(column, pa.int8()), kind)
        )
    if kind_of.is_integer(column.type) or kind_of.is_floating(column.type):
        return _numbers(name, column, kind)
    if kind_of.is_decimal(column.type):
        return _numbers(name, pc.cast(column, pa.float64()), kind)
    if kind_of.is_temporal(column.type):
        if kind_of.is_timestamp(column.type) or kind_of.is_date(column.type):
            return _times(pc.cast(column, pa.timestamp("us"), safe=False))
        return _settle_words(name, _as_words(column), "text", keep)
    if kind_of.is_null(column.type):
        return _numbers(name, pc.cast(column, pa.float64()), kind)
    changed = f"Column {quoted(name)} holds {column.type}, which is shown as text."
    words = pa.chunked_array([pa.array([str(item)[:1000] for item in column.to_pylist()])])
    settled = _settle_words(name, words, kind or "text", keep)
    return settled._replace(changes=(changed, *settled.changes))


def _as_words(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_floating(column.type):
        # 3.0 in a column of codes is the code "3"; numbers read twice must give one name.
        text = [None if item is None else f"{item:g}" if item == item else None
                for item in column.to_pylist()]  # fmt: skip
        return pa.chunked_array([pa.array(text, pa.string())])
    return pc.cast(column, pa.string())


def _settle_words(
    name: str, column: pa.ChunkedArray, kind: Kind | None, keep: frozenset[str]
) -> Settled:
    trimmed = pc.utf8_trim_whitespace(column)
    words = pa.array([word for word in MISSING_WORDS if word not in keep])
    is_missing = pc.or_(pc.is_null(trimmed), pc.fill_null(pc.is_in(trimmed, words), False))
    kept = pc.if_else(is_missing, pa.scalar(None, trimmed.type), trimmed)
    changes = _missing_note(name, trimmed, is_missing)
    if kind in (None, "number", "integer"):
        number = _parse_numbers(kept, must=kind is not None)
        if number is not None:
            settled = _numbers(name, number.values, kind)
            lost = kept.null_count
            extra = number.values.null_count - lost
            if extra > 0:
                changes.append(
                    f"Column {quoted(name)}: {extra:,} cells that are no numbers count as missing."
                )
            if number.note:
                changes.append(f"Column {quoted(name)}: {number.note}")
            return settled._replace(changes=(*changes, *settled.changes))
    if kind in (None, "boolean"):
        boolean = _parse_booleans(kept)
        if boolean is not None and (kind == "boolean" or boolean.null_count < len(boolean)):
            return _boolean(boolean)._replace(changes=tuple(changes))
    if kind in (None, "time"):
        time = _parse_times(kept)
        if time is not None:
            settled = _times(time)
            return settled._replace(changes=(*changes, *settled.changes))
    return _words(name, column, kept, kind, changes)


def _words(
    name: str, raw: pa.ChunkedArray, kept: pa.ChunkedArray, kind: Kind | None, changes: list[str]
) -> Settled:
    counted = pc.unique(kept).drop_null()
    n_levels = len(counted)
    n_filled = len(kept) - kept.null_count
    if kind not in ("category", "text"):
        longest = pc.max(pc.utf8_length(counted)).as_py() or 0
        few = n_levels <= bounds.LEVELS and (n_levels <= 50 or n_levels <= n_filled * 0.5)
        kind = "category" if few and longest <= _LONGEST_CATEGORY else "text"
    if not pc.all(pc.equal(pc.fill_null(raw, ""), pc.fill_null(pc.utf8_trim_whitespace(raw), ""))
                  ).as_py():  # fmt: skip
        changes = [*changes, f"Column {quoted(name)}: spaces around values were taken off."]
    levels: tuple[str, ...] = ()
    if kind == "category" and n_levels <= bounds.LEVELS:
        levels = tuple(sorted(str(level) for level in counted.to_pylist()))
    values = pd.Series(kept.to_pandas(), dtype="str")
    return Settled(values, kind, levels, int(values.isna().sum()), tuple(changes))


class _Parsed(NamedTuple):
    values: pa.ChunkedArray
    note: str


def _parse_numbers(kept: pa.ChunkedArray, *, must: bool) -> _Parsed | None:
    """Read strings as numbers; None where a cell is none (or, with `must`, most are none)."""
    if kept.null_count == len(kept):
        return _Parsed(pc.cast(kept, pa.float64()), "")
    for target in (pa.int64(), pa.float64()):
        try:
            return _Parsed(pc.cast(kept, target), "")
        except pa.ArrowInvalid:
            continue
    sample = kept.slice(0, 1000)
    if _all_match(sample, _COMMA_NUMBER) and _all_match(kept, _COMMA_NUMBER):
        # "1,234" alone could be either; other lengths after the comma, or a dot before, decide.
        plain = pc.match_substring_regex(kept, r",\d{3}$")
        decided = pc.match_substring_regex(kept, r",(\d{1,2}|\d{4,})$|\.\d{3},")
        has_comma = pc.match_substring(kept, ",")
        if pc.any(decided).as_py() or not pc.any(has_comma).as_py():
            text = pc.replace_substring(pc.replace_substring(kept, ".", ""), ",", ".")
            return _Parsed(pc.cast(text, pa.float64()), "decimal commas were read as such.")
        del plain
    if _all_match(sample, rf"{_GROUPED_NUMBER}|^[+-]?\d+(\.\d+)?$") and _all_match(
        kept, rf"{_GROUPED_NUMBER}|^[+-]?\d+(\.\d+)?$"
    ):
        clear = pc.match_substring_regex(kept, r",\d{3}[.,]|^[+-]?\d{1,3}(\.\d+)?$|^[+-]?0")
        if pc.any(clear).as_py():
            text = pc.replace_substring(kept, ",", "")
            return _Parsed(pc.cast(text, pa.float64()), "commas between thousands were taken out.")
    if not must:
        return None
    loose = pd.to_numeric(kept.to_pandas(), errors="coerce").to_numpy(np.float64)
    return _Parsed(pa.chunked_array([pa.array(loose, from_pandas=True)]), "")


def _all_match(column: pa.ChunkedArray, pattern: str) -> bool:
    matched = pc.match_substring_regex(column, pattern).drop_null()
    return len(matched) > 0 and bool(pc.all(matched).as_py())


def _parse_booleans(kept: pa.ChunkedArray) -> pa.ChunkedArray | None:
    if kept.null_count == len(kept):
        return None
    lowered = pc.utf8_lower(kept)
    known = pc.is_in(lowered.drop_null(), pa.array(list(_BOOLEAN)))
    return pc.equal(lowered, "true") if pc.all(known).as_py() else None


def _parse_times(kept: pa.ChunkedArray) -> pa.ChunkedArray | None:
    filled = kept.drop_null()
    if not len(filled):
        return None
    first = str(filled[0].as_py())
    formats: list[str] = []
    if re.match(r"^\d{4}-\d{2}-\d{2}", first):
        try:
            return pc.cast(kept, pa.timestamp("us"))
        except pa.ArrowInvalid:
            formats = ["ISO8601"]
    elif re.match(_DAY_FIRST, first):
        formats = ["%d.%m.%Y", "%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M:%S"]
    elif re.match(_SLASHED, first) and _all_match(kept, _SLASHED):
        parts = filled.to_pandas().str.split("/", expand=True).astype(int)
        if (parts[0] > 12).any():
            formats = ["%d/%m/%Y"]
        elif (parts[1] > 12).any():
            formats = ["%m/%d/%Y"]
    for form in formats:
        try:
            parsed = pd.to_datetime(kept.to_pandas(), format=form, utc=form == "ISO8601")
        except (ValueError, OverflowError):
            continue
        if form == "ISO8601":
            parsed = parsed.dt.tz_localize(None)
        return pa.chunked_array([pa.array(parsed.astype("datetime64[us]"), from_pandas=True)])
    return None


def _numbers(name: str, column: pa.ChunkedArray, kind: Kind | None) -> Settled:
    changes: tuple[str, ...] = ()
    if pa.types.is_integer(column.type) and kind != "number":
        if not column.null_count:
            values = pd.Series(column.to_numpy().astype(np.int64))
            return Settled(values, "integer", (), 0, ())
        numbers = pc.cast(column, pa.float64(), safe=False).to_numpy()
        return Settled(pd.Series(numbers), "integer", (), int(column.null_count), ())
    numbers = pc.cast(column, pa.float64(), safe=False).to_numpy().astype(np.float64)
    is_infinite = np.isinf(numbers)
    if is_infinite.any():
        numbers = np.where(is_infinite, np.nan, numbers)
        changes = (
            f"Column {quoted(name)}: {int(is_infinite.sum()):,} infinite numbers count as missing.",
        )
    n_missing = int(np.isnan(numbers).sum())
    found: Kind = "number"
    filled = numbers[~np.isnan(numbers)]
    is_whole = len(filled) > 0 and bool(np.all(filled == np.floor(filled)))
    if kind == "integer" or (kind is None and n_missing and is_whole
                             and np.abs(filled).max() < _EXACT_INTEGERS):  # fmt: skip
        found = "integer"
        if not n_missing and is_whole:
            return Settled(pd.Series(numbers.astype(np.int64)), found, (), 0, changes)
    return Settled(pd.Series(numbers), found, (), n_missing, changes)


def _boolean(column: pa.ChunkedArray) -> Settled:
    n_missing = int(column.null_count)
    values = column.to_pandas()
    values = values.astype(bool) if not n_missing else values.astype(object)
    return Settled(values, "boolean", (), n_missing, ())


def _times(column: pa.ChunkedArray) -> Settled:
    values = pd.Series(column.to_pandas())
    return Settled(values, "time", (), int(values.isna().sum()), ())


def _missing_note(name: str, trimmed: pa.ChunkedArray, is_missing: pa.ChunkedArray) -> list[str]:
    # Empty cells are missing everywhere; only words that stand for missing deserve a sentence.
    spelled = pc.unique(trimmed.filter(is_missing)).drop_null().to_pylist()
    words = sorted(str(word) for word in spelled if word)
    if not words:
        return []
    shown = ", ".join(quoted(word) for word in words)
    return [f"Column {quoted(name)}: {shown} counts as missing."]
