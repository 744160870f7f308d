"""Parquet tables: sizes are read from the footer before any column is."""

from pathlib import Path

import pyarrow as pa

from analyzers.core.errors import RefusedFile
from analyzers.loaders import bounds
from analyzers.loaders.headers import check_column_count, quoted, tame_names
from analyzers.loaders.raw_table import RawTable

_REMEDY = "Write the table again, or upload it as CSV."


def read_parquet(path: Path) -> RawTable:
    """Read a Parquet table of plain columns.

    Raises:
        RefusedFile: damaged, too large when unpacked, or a footer that contradicts the content.
    """
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(path, thrift_string_size_limit=64 * bounds.MEBIBYTE,
                                   thrift_container_size_limit=10_000_000)  # fmt: skip
        footer = file.metadata
        check_column_count(footer.num_columns)
        _check_size(footer)
        # Only what plain types need: an extension type registered by the file is read as storage.
        table = file.read(use_threads=False)
        table.validate(full=True)
    except RefusedFile:
        raise
    # Arrow's errors differ by what is damaged; some are OSError, some ArrowException.
    except Exception as error:
        raise RefusedFile(
            "Expected a whole Parquet table, got one that is damaged or cut off.", remedy=_REMEDY
        ) from error
    if table.num_rows != footer.num_rows:
        raise RefusedFile(
            f"Expected {footer.num_rows:,} rows as the file says, got {table.num_rows:,}.",
            remedy=_REMEDY,
        )
    if not table.num_rows:
        raise RefusedFile("Expected a table with rows, got an empty one.", remedy=_REMEDY)
    names, changes = tame_names(table.column_names)
    columns, more = {}, []
    for at, name in enumerate(names):
        column = table.column(at)
        if isinstance(column.type, pa.BaseExtensionType):
            column = pa.chunked_array([chunk.storage for chunk in column.chunks])
        if pa.types.is_nested(column.type) or pa.types.is_binary(column.type):
            more.append(f"Column {quoted(name)} is left out: it holds {str(column.type)[:60]}.")
            continue
        if name.startswith("__index_level_"):
            more.append(f"Column {quoted(name)}, a row index of pandas, is left out.")
            continue
        columns[name] = column
    if not columns:
        raise RefusedFile("Expected columns of numbers or text, got none.", remedy=_REMEDY)
    return RawTable(columns=columns, changes=(*changes, *more))


def _check_size(footer: object) -> None:
    n_rows = footer.num_rows  # type: ignore[attr-defined]  # pyarrow has no types
    n_columns = footer.num_columns  # type: ignore[attr-defined]  # see above
    n_bytes = sum(
        footer.row_group(at).total_byte_size  # type: ignore[attr-defined]  # see above
        for at in range(footer.num_row_groups)  # type: ignore[attr-defined]  # see above
    )
    if n_rows < 0 or n_bytes < 0 or n_rows * n_columns > bounds.CELLS:
        raise RefusedFile(
            f"Expected at most {bounds.CELLS:,} cells, got {n_rows:,} rows of {n_columns:,} "
            "columns.",
            remedy="Upload a sample of the rows.",
        )
    if n_bytes > bounds.TABLE_BYTES:
        raise RefusedFile(
            f"Expected at most {bounds.TABLE_BYTES:,} bytes of table, got {n_bytes:,} unpacked.",
            remedy="Upload a sample of the rows.",
        )
