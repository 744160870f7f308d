"""Excel workbooks: values only, never formulas, macros or links."""

import re
import warnings
from datetime import date, datetime, time
from pathlib import Path

import pyarrow as pa

from analyzers.core.errors import RefusedFile
from analyzers.loaders import bounds
from analyzers.loaders.headers import check_column_count, quoted, tame_names
from analyzers.loaders.raw_table import RawTable
from analyzers.loaders.zip_entries import Archive

_XML_BYTES = 512 * bounds.MEBIBYTE
_ROWS = 1_048_576
_EMPTY_ROWS = 1_000
_REMEDY = "Save the sheet as CSV and upload that."


def read_excel(path: Path) -> RawTable:
    """Read the first sheet of a workbook that has rows.

    Raises:
        RefusedFile: entities in its XML, damaged, too large, or without rows.
    """
    archive = Archive(path, what="an Excel workbook", most_bytes=_XML_BYTES)
    for name in archive.names:
        # XML entities expand without end and can name files; no honest workbook has any.
        if name.endswith((".xml", ".rels")) and re.search(
            rb"<!(DOCTYPE|ENTITY)", archive.head(name, 65536), re.I
        ):
            raise RefusedFile(
                f"Expected plain sheets, got XML entities in {name[:60]!r}; it was not opened.",
                remedy=_REMEDY,
            )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            rows, notes = _rows(path)
    except RefusedFile:
        raise
    # openpyxl raises whatever the XML made it stumble over.
    except Exception as error:
        raise RefusedFile(
            f"Expected a whole workbook, got one that is damaged ({type(error).__name__}).",
            remedy=_REMEDY,
        ) from error
    if len(rows) < 2:
        raise RefusedFile("Expected a sheet with a header and rows, got none.", remedy=_REMEDY)
    width = max(len(row) for row in rows)
    names, changes = tame_names([*rows[0], *[""] * (width - len(rows[0]))])
    body = [[*row, *[None] * (width - len(row))] for row in rows[1:]]
    columns = {name: _column([row[at] for row in body]) for at, name in enumerate(names)}
    return RawTable(columns=columns, changes=(*notes, *changes))


def _rows(path: Path) -> tuple[list[list[object]], list[str]]:
    from openpyxl import load_workbook

    # `data_only` gives the values Excel last computed, so that no formula is ever seen.
    book = load_workbook(path, read_only=True, data_only=True, keep_links=False, keep_vba=False)
    notes: list[str] = []
    try:
        for sheet in book.worksheets:
            rows = _sheet_rows(sheet)
            if len(rows) >= 2:
                if len(book.worksheets) > 1:
                    notes.append(
                        f"Of {len(book.worksheets):,} sheets, {quoted(sheet.title)} was read."
                    )
                return rows, notes
    finally:
        book.close()
    return [], notes


def _sheet_rows(sheet: object) -> list[list[object]]:
    rows: list[list[object]] = []
    n_cells = n_empty = 0
    # The size a sheet states about itself may lie; rows are counted as they come.
    sheet.reset_dimensions()  # type: ignore[attr-defined]  # read-only sheets have it
    for given in sheet.iter_rows(values_only=True):  # type: ignore[attr-defined]  # see above
        row = list(given)
        while row and row[-1] is None:
            row.pop()
        check_column_count(len(row))
        if not row:
            n_empty += 1
            if n_empty > _EMPTY_ROWS:
                break
            continue
        n_empty = 0
        n_cells += len(row)
        rows.append(row)
        if len(rows) > _ROWS or n_cells > bounds.CELLS // 10:
            raise RefusedFile(
                f"Expected at most {bounds.CELLS // 10:,} cells in a workbook, got more.",
                remedy=_REMEDY,
            )
    return rows


def _column(cells: list[object]) -> pa.ChunkedArray:
    filled = [cell for cell in cells if cell is not None]
    if filled and all(isinstance(cell, bool) for cell in filled):
        return pa.chunked_array([pa.array(cells, pa.bool_())])
    if filled and all(type(cell) is int and abs(cell) < 2**63 for cell in filled):
        return pa.chunked_array([pa.array(cells, pa.int64())])
    if filled and all(isinstance(cell, int | float) and not isinstance(cell, bool)
                      for cell in filled):  # fmt: skip
        numbers = [None if cell is None else float(cell) for cell in cells]  # type: ignore[arg-type]
        return pa.chunked_array([pa.array(numbers, pa.float64())])
    if filled and all(isinstance(cell, datetime | date) for cell in filled):
        try:
            return pa.chunked_array([pa.array(cells, pa.timestamp("us"))])
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            pass
    return pa.chunked_array([pa.array([_word(cell) for cell in cells], pa.string())])


def _word(cell: object) -> str | None:
    if cell is None:
        return None
    if isinstance(cell, datetime | date | time):
        return cell.isoformat()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)[:100_000]
