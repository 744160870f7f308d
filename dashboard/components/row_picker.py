"""Find an explained row: by what is special about it, by number or id, or by a click on a chart."""

from collections.abc import Collection
from typing import Any

import streamlit as st

from analyzers.explanation import (
    ROW_ORDERS,
    contrast_chart,
    editable_rows,
    near_rows_chart,
    rows_chart,
    rows_in_order,
)
from dashboard.analysis_page import Shown
from dashboard.components.chart_view import chart_view
from dashboard.components.what_if import not_at_hand

_PICKED = "explanation-picked-row"


def row_picker(shown: Shown, *, among: Collection[int] | None = None) -> int | None:
    """Show the ways to a row and return the number of the chosen one.

    Args:
        shown: the result.
        among: rows to choose from; None for every explained one.

    Returns:
        None where there is none.
    """
    if among is None:
        _rows_to_click(shown)
    order = st.selectbox(
        "Which rows", ROW_ORDERS, key="explanation-row-order", help="The order of the list below."
    )
    rows = rows_in_order(shown.measurements, order)
    if among is not None:
        rows = {number: words for number, words in rows.items() if number in among}
    if not rows:
        st.info("No explained row is like that.")
        return None
    if st.session_state.get(_PICKED) not in rows:
        st.session_state.pop(_PICKED, None)
    picked: int = st.selectbox(
        "Row of the file",
        list(rows),
        format_func=lambda row: rows.get(row, str(row)),
        key=_PICKED,
        help=f"{len(rows):,} rows. Type a row number, an id or a class to find one.",
    )
    return picked


def contrast(shown: Shown, row: int) -> None:
    """Choose a second row and see why the two answers differ."""
    rows = rows_in_order(shown.measurements, "as in the file")
    others = [number for number in rows if number != row]
    if not others:
        return
    other = st.selectbox(
        "Why this row and not",
        others,
        index=None,
        placeholder="choose another row",
        format_func=lambda number: rows.get(number, str(number)),
        key="explanation-contrast-row",
        help="The difference of the two answers is split over the columns, and nothing is left "
        "over.",
    )
    chart = None if other is None else contrast_chart(shown.measurements, row, other)
    if chart is not None:
        chart_view(chart, shown.measurements, area=shown.analyzer.name, place="contrast")


def _rows_to_click(shown: Shown) -> None:
    chart = rows_chart(shown.measurements)
    if chart is None:
        return
    chart_view(
        chart, shown.measurements, area=shown.analyzer.name, place="picked", on_click=_take_click
    )


def _take_click(key: str) -> None:
    event: Any = st.session_state.get(key)
    points = event.selection.points if event else []
    if not points:
        return
    clicked = points[0].get("customdata")
    row = clicked[0] if isinstance(clicked, list) else clicked
    if row is None:
        return
    # In this order every explained row is in the list, so the clicked one can be chosen.
    st.session_state["explanation-row-order"] = ROW_ORDERS[0]
    st.session_state[_PICKED] = int(row)


def near_rows(shown: Shown, row: int) -> None:
    """Show the nearest rows with the same and with another answer, where values were kept."""
    chart = near_rows_chart(shown.measurements, row)
    rows = editable_rows(shown.measurements)
    if rows and row not in rows:
        st.info(not_at_hand(row, len(rows)))
    if chart is not None:
        chart_view(chart, shown.measurements, area=shown.analyzer.name, place="picked")
