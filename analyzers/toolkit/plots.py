"""One look for every chart: colours that pass contrast checks, escaped words, small figures."""

from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import Any, Literal

# Okabe-Ito, darkened where the original is below 3:1 on white. Ten entries: with fewer,
# Streamlit pads the list with "undefined" and plotly.js drops all of it.
PALETTE = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#7A5195",
    "#8C6D31", "#6B7280", "#2E8BC0", "#B57A00", "#000000",
)  # fmt: skip
DIVERGING = (
    "#7F3B08", "#B35806", "#E08214", "#FDB863", "#FEE0B6",
    "#D1E5F0", "#92C5DE", "#4393C3", "#2166AC", "#053061",
)  # fmt: skip
SEQUENTIAL = (
    "#F7FBFF", "#E3EEF9", "#CFE1F2", "#B0D2E8", "#85BCDC",
    "#5AA2CF", "#3787C0", "#1B69AF", "#084D96", "#08306B",
)  # fmt: skip
LIMIT_COLOUR = "#C2410C"
INK = "#374151"
LONGEST_WORD = 80
_LETTERS_OF_A_TITLE = 44


def plain(text: object, *, longest: int = LONGEST_WORD) -> str:
    """Make a string from data safe to show in a figure: no markup, no control characters, short.

    Plotly reads a subset of HTML in titles, ticks, names and hover text, and `$...$` as LaTeX.
    """
    kept = "".join(char if char.isprintable() else " " for char in str(text))
    if len(kept) > longest:
        kept = kept[: longest - 1] + "…"
    return (
        kept.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("$", "&#36;")
    )


def figure(
    traces: Sequence[Mapping[str, Any]],
    *,
    x: str,
    y: str,
    height: int = 380,
    **layout: Any,  # noqa: ANN401  Plotly's layout is an open dictionary
) -> dict[str, Any]:
    """Assemble a Plotly specification with the house layout.

    Args:
        traces: Plotly traces; numpy arrays are fine.
        x: axis title with its unit.
        y: axis title with its unit.
        height: pixels.
        layout: anything else for the layout; `xaxis` and `yaxis` are merged with the house axes.
    """
    return {
        "data": [dict(trace) for trace in traces],
        "layout": {
            "height": height,
            "margin": {"l": 60, "r": 20, "t": 20, "b": 50},
            "colorway": list(PALETTE),
            "font": {"color": INK},
            # Grows upwards and makes its own room: anchored at its top it would cover the data.
            "legend": {"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0},
            **{key: value for key, value in layout.items() if key not in ("xaxis", "yaxis")},
            "xaxis": _axis(x) | layout.get("xaxis", {}),
            "yaxis": _axis(y) | layout.get("yaxis", {}),
        },
    }


def limit_line(value: float, *, axis: Literal["x", "y"], label: str) -> dict[str, Any]:
    """A dashed line at a limit, as a layout shape; its label says whose limit it is."""
    ends = (
        {"x0": value, "x1": value, "y0": 0, "y1": 1, "yref": "paper"}
        if axis == "x"
        else {"y0": value, "y1": value, "x0": 0, "x1": 1, "xref": "paper"}
    )
    # Beside an upright line its label must lie flat and inside, or it is cut off above the chart.
    upright = {"textangle": 0, "xanchor": "left", "yanchor": "top"} if axis == "x" else {}
    return {
        "type": "line",
        "line": {"color": LIMIT_COLOUR, "dash": "dash", "width": 1.5},
        "label": {
            "text": plain(label),
            "textposition": "end",
            "font": {"color": LIMIT_COLOUR},
            **upright,
        },
        **ends,
    }


def _axis(title: str) -> dict[str, Any]:
    # Half a page holds about this many letters; what is longer would be cut off at both ends.
    lines = wrap(title, _LETTERS_OF_A_TITLE, break_long_words=False, break_on_hyphens=False)
    return {
        "title": {"text": "<br>".join(lines), "font": {"color": INK}},
        "tickfont": {"color": INK},
        "gridcolor": "#D3DAE3",
        "zerolinecolor": "#9AA5B1",
        "automargin": True,
    }
