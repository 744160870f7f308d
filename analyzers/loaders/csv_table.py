"""Text tables: any separator, any encoding, quoted line breaks; read by Arrow in one pass."""

import csv
import io
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
from pyarrow import csv as arrow_csv

from analyzers.core.errors import RefusedFile
from analyzers.loaders import bounds
from analyzers.loaders.encodings import to_utf8
from analyzers.loaders.headers import check_column_count, tame_names
from analyzers.loaders.raw_table import RawTable

_SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_SAMPLE = 256 * 1024
_RAGGED_SHARE = 0.05
_RAGGED_SHOWN = 3
_BLOCK = 8 * bounds.MEBIBYTE


class Layout(NamedTuple):
    """How a text table is laid out: its separator, its first record, whether that is a header."""

    separator: str
    first: tuple[str, ...]
    has_header: bool


def read_csv(path: Path) -> RawTable:
    """Read a text table; every cell comes back as the string it is.

    Raises:
        RefusedFile: too large, no table, or too many lines of another length than the first.
    """
    if path.stat().st_size > bounds.TABLE_BYTES:
        raise RefusedFile(
            f"Expected at most {bounds.TABLE_BYTES:,} bytes of table, got {path.stat().st_size:,}.",
            remedy="Upload a sample of the rows.",
        )
    content, changes = to_utf8(path.read_bytes())
    content, unified = _unify_line_ends(content)
    notes = [*changes, *unified]
    layout = layout_of(content)
    if layout.separator not in (",", "\0"):
        notes.append(f"Columns are separated by {_SEPARATORS[layout.separator]}.")
    if layout.has_header:
        names, renamed = tame_names(layout.first)
        notes.extend(renamed)
    else:
        names, _ = tame_names([""] * len(layout.first))
        notes.append("The first line holds values, so columns are called column_1, column_2, ...")
    table, ragged = _parse(content, layout, names)
    notes.extend(ragged)
    if table.num_rows == 0:
        raise RefusedFile(
            "Expected a table with rows, got one with a header only.",
            remedy="Upload the table with its rows.",
        )
    if table.num_rows * table.num_columns > bounds.CELLS:
        raise RefusedFile(
            f"Expected at most {bounds.CELLS:,} cells, got {table.num_rows * table.num_columns:,}.",
            remedy="Upload a sample of the rows.",
        )
    return RawTable(
        columns={name: table.column(at) for at, name in enumerate(names)}, changes=tuple(notes)
    )


def layout_of(content: bytes) -> Layout:
    """Find the separator that splits the first records into most columns of the same number.

    Raises:
        RefusedFile: the first record is too long, or there is no text.
    """
    end = content.find(b"\n")
    if (len(content) if end < 0 else end) > bounds.HEADER_BYTES:
        raise RefusedFile(
            f"Expected a first line of at most {bounds.HEADER_BYTES:,} bytes, got a longer one.",
            remedy="Check that the file is a table with one row per line.",
        )
    sample = content[: max(_SAMPLE, end + 1)]
    if len(sample) < len(content):
        sample = sample[: sample.rfind(b"\n") + 1]
    text = sample.decode("utf-8", "replace")
    if not text.strip():
        raise RefusedFile("Expected a table, got a file without text.")
    best: tuple[float, int, str] | None = None
    records: dict[str, list[list[str]]] = {}
    for separator in _SEPARATORS:
        records[separator] = _records(text, separator)
        widths = [len(record) for record in records[separator] if record]
        if not widths:
            continue
        width = widths[0]
        agreeing = sum(other == width for other in widths) / len(widths)
        score = (agreeing if width > 1 else 0.0, width, separator)
        if best is None or score[:2] > best[:2]:
            best = score
    if best is None:
        raise RefusedFile("Expected a table, got a file without text.")
    separator = best[2] if best[0] > 0 else ","
    rows = [record for record in records[separator] if record]
    first = rows[0] if rows else [""]
    check_column_count(len(first))
    return Layout(separator, tuple(first), _is_header(first, rows[1:200]))


def _records(text: str, separator: str) -> list[list[str]]:
    csv.field_size_limit(bounds.HEADER_BYTES)
    rows: list[list[str]] = []
    try:
        for record in csv.reader(io.StringIO(text), delimiter=separator):
            rows.append(record)
            if len(rows) >= 500:
                break
    except csv.Error:
        # A field without end: what was read up to it still tells the separator.
        pass
    return rows


def _is_header(first: list[str], others: list[list[str]]) -> bool:
    if any(_is_number(cell) for cell in first) and others:
        # A number among names is a name (a year, a code) unless its column holds numbers too.
        numbers = [
            at
            for at, cell in enumerate(first)
            if _is_number(cell) and any(at < len(row) and _is_number(row[at]) for row in others)
        ]
        words = [cell for cell in first if cell.strip() and not _is_number(cell)]
        return not numbers or len(words) > len(numbers)
    return True


def _is_number(cell: str) -> bool:
    try:
        float(cell.strip().replace(",", "."))
    except ValueError:
        return False
    return True


def _unify_line_ends(content: bytes) -> tuple[bytes, tuple[str, ...]]:
    if b"\n" not in content and b"\r" in content:
        return content.replace(b"\r", b"\n"), ()
    return content, ()


def _parse(
    content: bytes, layout: Layout, names: tuple[str, ...]
) -> tuple[pa.Table, tuple[str, ...]]:
    ragged: list[str] = []
    lines_left = [0]
    most = max(100, int(content.count(b"\n") * _RAGGED_SHARE))

    def on_ragged(row: arrow_csv.InvalidRow) -> str:
        lines_left[0] += 1
        if len(ragged) < _RAGGED_SHOWN:
            ragged.append(f"{row.actual_columns:,}")
        return "skip" if lines_left[0] <= most else "error"

    keys = [str(at) for at in range(len(names))]
    read = arrow_csv.ReadOptions(
        column_names=keys, skip_rows=0, block_size=_block_size(content), use_threads=False,
        skip_rows_after_names=1 if layout.has_header else 0,
    )  # fmt: skip
    parse = arrow_csv.ParseOptions(
        delimiter=layout.separator,
        newlines_in_values=b'"' in content,
        invalid_row_handler=on_ragged,
        ignore_empty_lines=True,
    )
    convert = arrow_csv.ConvertOptions(
        column_types=dict.fromkeys(keys, pa.string()),
        strings_can_be_null=False,
        quoted_strings_can_be_null=False,
        check_utf8=False,
    )
    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(content), read_options=read, parse_options=parse,
            convert_options=convert, memory_pool=_memory_pool(),
        )  # fmt: skip
    except (pa.ArrowInvalid, pa.ArrowCapacityError) as error:
        if lines_left[0] > most:
            raise RefusedFile(
                f"Expected lines of {len(names):,} cells as in the first one, got more than "
                f"{most:,} lines of another length (such as {', '.join(ragged)} cells).",
                remedy="Check the separator and that text with separators in it is quoted.",
            ) from error
        raise RefusedFile(
            "Expected a text table, got one that cannot be read: a quoted text that never ends, "
            "or a line longer than is taken.",
            remedy="Save the table again as CSV with quotes around text.",
        ) from error
    notes: tuple[str, ...] = ()
    if lines_left[0]:
        sentence = (
            f"{lines_left[0]:,} lines were left out: expected {len(names):,} cells as in the first "
            f"line, got {', '.join(ragged)}."
        )
        notes = (sentence,)
    return table, notes


def _memory_pool() -> pa.MemoryPool:
    """Return the pool that wide tables fit into.

    Arrow sets a block's size aside for every column and gives most of it back. The C library keeps
    the holes: a thousand columns of nine megabytes took eight gigabytes of a worker's four.
    """
    try:
        return pa.mimalloc_memory_pool()
    except NotImplementedError:  # pragma: no cover  an Arrow built without it
        return pa.default_memory_pool()


def _block_size(content: bytes) -> int:
    # A record must fit into a block; records are as long as the longest line or quoted text.
    return min(2**31 - 1, max(_BLOCK, bounds.HEADER_BYTES)) if len(content) else _BLOCK
