"""The same figure on a light and on a dark page.

Figures are made once, in print colours. On a dark page each of those colours has a counterpart;
everything else in a figure stays as it is. Exported pictures go back to the print colours.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import streamlit as st

from analyzers.toolkit.plots import INK, LIMIT_COLOUR, PALETTE

DARK_PALETTE = (
    "#56B4E9", "#E69F00", "#2BC79A", "#E39BC4", "#F0E442",
    "#4C9BE8", "#A9B4C0", "#B99AE0", "#C9A66B", "#FFFFFF",
)  # fmt: skip
DARK_OF: Mapping[str, str] = {
    **dict(zip(PALETTE, DARK_PALETTE, strict=True)),
    INK: "#E8EDF3",
    LIMIT_COLOUR: "#FF9B6A",
    "#D3DAE3": "#334356",
    "#9AA5B1": "#6C7B8B",
    "#111827": "#E8EDF4",
}
MOST_COLOURS = 5000


def is_dark_page() -> bool:
    """Return whether the reader chose, or their system prefers, the dark theme."""
    return st.context.theme.type == "dark"


def in_dark(figure: Mapping[str, Any]) -> dict[str, Any]:
    """Copy a figure with every print colour replaced by its counterpart on a dark page."""
    replaced = _replaced(figure)
    return replaced if isinstance(replaced, dict) else {}


def _replaced(node: Any) -> Any:  # noqa: ANN401  a node of Plotly's open dictionary
    if isinstance(node, str):
        return DARK_OF.get(node, node)
    if isinstance(node, Mapping):
        return {key: _replaced(value) for key, value in node.items()}
    if isinstance(node, list | tuple) and len(node) <= MOST_COLOURS:
        return [_replaced(item) for item in node]
    if isinstance(node, np.ndarray) and node.dtype == object and node.size <= MOST_COLOURS:
        return [_replaced(item) for item in node.tolist()]
    return node
