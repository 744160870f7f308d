"""Strings that come out of a worker: cut, and free of characters that act instead of show."""

import re
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

MOST_CHARACTERS = 10_000
CUT_MARK = "… (cut)"
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

# Control characters but tab and line feed, and the marks that reverse the direction of text.
_ACTING = (
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u061c\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]"
)
_ACTING_IN_PYTHON = re.compile(_ACTING[:-1] + "\ud800-\udfff]")


def tame(text: str, *, most: int = MOST_CHARACTERS) -> str:
    """Cut a string with a visible mark and replace characters that act instead of show.

    Args:
        text: any string.
        most: characters kept, at least 1.
    """
    if len(text) > most:
        text = text[:most] + CUT_MARK
    return _ACTING_IN_PYTHON.sub(REPLACEMENT, text)


def tame_array(array: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Do the same to every string in an Arrow array, nested lists and structures included.

    A NaN becomes a null on the way: what was not measured is never a number.
    """
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
        if isinstance(array, pa.ChunkedArray):
            array = pa.concat_arrays(array.chunks)
    kind = array.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _tame_strings(array)
    if pa.types.is_floating(kind):
        return pc.if_else(pc.is_nan(array), pa.scalar(None, kind), array)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _tame_lists(array)
    if pa.types.is_struct(kind):
        fields: list[Any] = [tame_array(array.field(index)) for index in range(kind.num_fields)]
        return pa.StructArray.from_arrays(
            fields, fields=list(kind), mask=array.is_null() if array.null_count else None
        )
    return array


def _tame_strings(array: pa.Array) -> pa.Array:
    if len(array) == 0:
        return array
    longest = pc.max(pc.utf8_length(array)).as_py() or 0
    if longest > MOST_CHARACTERS:
        short = pc.utf8_slice_codeunits(array, 0, MOST_CHARACTERS)
        marked = pc.binary_join_element_wise(short, CUT_MARK, "").cast(array.type)
        array = pc.if_else(pc.greater(pc.utf8_length(array), MOST_CHARACTERS), marked, array)
    if pc.any(pc.match_substring_regex(array, _ACTING)).as_py():
        array = pc.replace_substring_regex(array, _ACTING, REPLACEMENT)
    return array


def _tame_lists(array: pa.Array) -> pa.Array:
    # `flatten` leaves out what null entries hide; offsets are made anew from the lengths.
    values = tame_array(array.flatten())
    lengths = pc.fill_null(pc.list_value_length(array), 0).cast(pa.int64())
    ends = pc.cumulative_sum(lengths)
    is_large = pa.types.is_large_list(array.type)
    offsets = pa.concat_arrays([pa.array([0], pa.int64()), ends])
    offsets = offsets if is_large else offsets.cast(pa.int32())
    make = pa.LargeListArray if is_large else pa.ListArray
    return make.from_arrays(
        offsets, values, type=array.type, mask=array.is_null() if array.null_count else None
    )
