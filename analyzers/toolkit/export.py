"""A chart as a page of its own, and a table as CSV; both work anywhere, with no network.

Pictures (PNG, SVG) need a browser and are in `analyzers.toolkit.pictures`.
"""

import base64
import hashlib
import io
import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from analyzers.core.chart import Chart
from analyzers.toolkit.markup import Html, element, trusted

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
# Plotly would offer to send the chart to its makers' cloud, and show their logo.
FIGURE_CONFIG = {"showSendToCloud": False, "displaylogo": False, "responsive": True}
BYTE_ORDER_MARK = "\ufeff".encode()

# A spreadsheet takes a cell that begins so for a formula; the wide forms count in some editions.
_FORMULA = re.compile(r"^\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_SOURCES = frozenset({"source", "src", "href", "url", "topojsonURL"})


def file_stem(*words: str) -> str:
    """Join words into a file name without an ending: letters, digits and hyphens only."""
    return re.sub(r"[^a-z0-9]+", "-", " ".join(words).lower()).strip("-")[:100] or "export"


def guarded(text: str) -> str:
    """Put an apostrophe before text that a spreadsheet would run as a formula; leave numbers."""
    if _FORMULA.match(text) and not _NUMBER.fullmatch(text):
        return f"'{text}"
    return text


def table_csv(table: pa.Table) -> bytes:
    """Write a table as CSV for people with spreadsheets.

    Args:
        table: any Arrow table; lists and structures become JSON, files are left out.

    Returns:
        UTF-8 with a byte-order mark (without one, Excel misreads accents); text quoted and guarded
        against formulas, numbers as they are, null as an empty cell.
    """
    from pyarrow import csv

    table = without_files(table)
    columns = [_plain_column(column) for column in table.columns]
    names = [guarded(name) for name in table.column_names]
    written = io.BytesIO()
    csv.write_csv(pa.table(columns, names=names), written)
    return BYTE_ORDER_MARK + written.getvalue()


def figure_json(figure: Mapping[str, Any]) -> str:
    """Serialise a figure so that it can stand inside a `<script>` element.

    Numpy arrays become lists, NaN becomes null, and what could end the element or fetch a picture
    from elsewhere does not survive. Points drawn by WebGL are drawn as vectors instead: they print
    sharply, a page may hold any number of them, and WebGL would need the right to compile code.
    """
    from plotly.io.json import to_json_plotly

    kept = _without_addresses(figure)
    if isinstance(kept, dict):
        kept["data"] = [
            trace | {"type": "scatter"} if trace.get("type") == "scattergl" else trace
            for trace in kept.get("data", [])
        ]
    text = to_json_plotly(kept, pretty=False)
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return str(text)


def chart_html(chart: Chart) -> str:
    """Write a chart as one HTML file that opens anywhere, with plotly.js inside and no network."""
    body = element(
        "main",
        element("h1", chart.title),
        element("p", chart.sentence) if chart.sentence else None,
        element(
            "figure",
            element("div", id="chart", aria_hidden="true"),
            element("figcaption", chart.caption),
            element("p", chart.alt, class_="alt"),
        ),
        element("noscript", element("p", "This chart needs JavaScript.")),
    )
    style = trusted(
        f"body{{font:16px/1.5 {FONT};color:#111827;max-width:60rem;margin:2rem auto;"
        "padding:0 1rem}"
        "h1{font-size:1.3rem}figure{margin:0}.alt{color:#374151;font-size:.9rem}"
    )
    draw = trusted(
        "const spec = JSON.parse(document.getElementById('figure').textContent);"
        f"Plotly.newPlot('chart', spec.data, spec.layout, {json.dumps(FIGURE_CONFIG)});"
    )
    data = element(
        "script", trusted(figure_json(chart.figure)), type="application/json", id="figure"
    )
    return page(chart.title, style=style, body=Html(body + data), scripts=(plotly_js(), draw))


def page(title: str, *, style: Html, body: Html, scripts: tuple[Html, ...]) -> str:
    """Put together a page that cannot reach the network and runs these scripts and no other.

    Args:
        title: plain text.
        style: the whole style sheet.
        body: what is inside the body.
        scripts: run in this order at the end; each is allowed by its digest, so that even markup
            that slipped through could not run anything.

    Returns:
        The HTML document.
    """
    digests = " ".join(f"'sha256-{_sha256(script)}'" for script in scripts)
    policy = (
        f"default-src 'none'; script-src {digests}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", title),
        element("style", style),
    )
    inside = Html(body + "".join(element("script", script) for script in scripts))
    return f"<!DOCTYPE html>\n{element('html', head, element('body', inside), lang='en')}\n"


@cache
def plotly_js() -> Html:
    """Return plotly.js as it ships with the installed package, about 5 MB."""
    from plotly.offline import get_plotlyjs

    return trusted(get_plotlyjs())


def _sha256(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def without_files(table: pa.Table) -> pa.Table:
    """Leave out the columns that hold whole files, which no reader can show."""
    kept = [
        field.name
        for field in table.schema
        if not (pa.types.is_binary(field.type) or pa.types.is_large_binary(field.type))
    ]
    return table.select(kept)


def _plain_column(column: pa.ChunkedArray) -> pa.Array:
    kind = column.type
    if pa.types.is_nested(kind):
        values = [None if value is None else json.dumps(value) for value in column.to_pylist()]
        return pa.array(values, pa.string())
    if pa.types.is_dictionary(kind):
        column = pc.cast(column, kind.value_type)
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        values = [None if value is None else guarded(value) for value in column.to_pylist()]
        return pa.array(values, pa.string())
    return column


def _without_addresses(node: object) -> object:
    """Copy a figure, leaving out every address that is not a picture inside the figure itself."""
    if isinstance(node, Mapping):
        return {
            key: _without_addresses(value)
            for key, value in node.items()
            if not (
                key in _SOURCES and isinstance(value, str) and not value.startswith("data:image/")
            )
        }
    if isinstance(node, list | tuple):
        return [_without_addresses(item) for item in node]
    return node
