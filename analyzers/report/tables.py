"""Tables as HTML: capped, and saying how much of them is shown."""

from collections.abc import Iterable, Sequence

import pyarrow as pa

from analyzers.report.words import number, plural
from analyzers.toolkit.export import without_files
from analyzers.toolkit.markup import Html, element, shown

MOST_ROWS = 40
MOST_COLUMNS = 12
LONGEST_CELL = 120


def simple_table(
    headings: Sequence[str], rows: Iterable[Sequence[object]], *, caption: str, class_: str = ""
) -> Html:
    """Make a table whose first column names each row.

    Args:
        headings: one for each column.
        rows: cells as text, numbers or markup.
        caption: what the table shows.
        class_: style class.
    """
    return element(
        "div",
        element(
            "table",
            element("caption", caption),
            element(
                "thead", element("tr", (element("th", name, scope="col") for name in headings))
            ),
            element("tbody", (_row(cells) for cells in rows)),
            class_=class_ or None,
        ),
        class_="scroll",
        tabindex=0,
        role="region",
        aria_label=caption,
    )


def pair_list(pairs: Iterable[tuple[str, object]]) -> Html:
    """Make a list of names and what they stand for."""
    return element(
        "dl", (element("div", element("dt", name), element("dd", what)) for name, what in pairs)
    )


def arrow_table(name: str, table: pa.Table) -> Html:
    """Show the first rows and columns of a measured table and say how many there are."""
    table = without_files(table)
    part = table.slice(0, MOST_ROWS).select(table.column_names[:MOST_COLUMNS])
    rows = zip(*(part[column].to_pylist() for column in part.column_names), strict=True)
    return simple_table(
        [column.replace("_", " ") for column in part.column_names],
        ([cell(value) for value in row] for row in rows),
        caption=f"{name.replace('_', ' ')}: {_extent(table)}",
        class_="data",
    )


def cell(value: object) -> object:
    """Write one value: numbers aligned and short, null as a dash that says so."""
    if value is None:
        return element("span", "–", title="not measured")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return element("span", f"{value:,}", class_="number")
    if isinstance(value, float):
        return element("span", number(value), class_="number")
    if isinstance(value, list):
        values = ", ".join(number(item) if isinstance(item, float) else str(item) for item in value)
        return shown(values, longest=LONGEST_CELL)
    return shown(value, longest=LONGEST_CELL)


def _extent(table: pa.Table) -> str:
    parts = [plural(table.num_rows, "row")]
    if table.num_rows > MOST_ROWS:
        parts = [f"the first {MOST_ROWS} of {plural(table.num_rows, 'row')}"]
    if table.num_columns > MOST_COLUMNS:
        parts.append(f"{MOST_COLUMNS} of {table.num_columns} columns")
    return ", ".join(parts)


def _row(cells: Sequence[object]) -> Html:
    first, *others = cells
    return element(
        "tr", element("th", first, scope="row"), (element("td", item) for item in others)
    )
