"""A chart with its words and everything it can be taken away as."""

from collections.abc import Callable
from functools import partial

import streamlit as st

from analyzers.core.chart import Chart
from analyzers.core.result import Measurements
from analyzers.toolkit.export import chart_html, file_stem, table_csv
from dashboard.components.colours import in_dark, is_dark_page
from dashboard.components.picture_buttons import picture_buttons
from dashboard.components.words import as_text

_CONFIG = {
    "displaylogo": False,
    "showSendToCloud": False,
    # In the page though unseen until pointed at: the picture buttons ask it for the file.
    "displayModeBar": "hover",
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
}


def chart_view(
    chart: Chart,
    measurements: Measurements,
    *,
    area: str,
    place: str = "",
    on_click: Callable[[str], None] | None = None,
) -> None:
    """Show a chart: title, picture, caption, downloads.

    Args:
        chart: what to show.
        measurements: hold the chart's table.
        area: name of the analyzer, for the file names.
        place: a word that tells two views of the same chart on one page apart.
        on_click: called with the key under which the session holds the points clicked on.
    """
    key = "-".join(word for word in ("chart", area, chart.name.replace("_", "-"), place) if word)
    stem = file_stem("assay", area, chart.name)
    figure = in_dark(chart.figure) if is_dark_page() else dict(chart.figure)
    # Charts of a grid stand side by side; one that was picked stands alone.
    with st.container(border=True, key=key, height="content" if place else "stretch"):
        st.subheader(as_text(chart.title), anchor=False)
        if chart.sentence:
            st.markdown(as_text(chart.sentence))
        st.plotly_chart(
            figure,
            theme="streamlit",
            config=_CONFIG,
            alt=chart.alt,
            key=f"{key}-figure",
            on_select="ignore" if on_click is None else partial(on_click, f"{key}-figure"),
            selection_mode="points",
        )
        st.caption(as_text(chart.caption))
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            picture_buttons(chart=key, title=chart.title, caption=chart.caption, file=stem)
            # Built on click and outside the script, so everything is bound here.
            st.download_button(
                "HTML",
                data=partial(chart_html, chart),
                file_name=f"{stem}.html",
                mime="text/html",
                on_click="ignore",
                key=f"{key}-html",
                help="A page of its own that opens anywhere, with no network.",
            )
            table = measurements.tables[chart.table]
            st.download_button(
                "CSV",
                data=partial(table_csv, table),
                file_name=f"{file_stem('assay', area, chart.table)}.csv",
                mime="text/csv",
                on_click="ignore",
                key=f"{key}-csv",
                help=f"The {table.num_rows:,} rows behind the chart.",
            )


def chart_grid(charts: tuple[Chart, ...], measurements: Measurements, *, area: str) -> None:
    """Show charts two in a row, those with several panels across the page."""
    for chart in charts:
        if is_wide(chart):
            chart_view(chart, measurements, area=area)
    narrow = [chart for chart in charts if not is_wide(chart)]
    for start in range(0, len(narrow), 2):
        for column, chart in zip(st.columns(2), narrow[start : start + 2], strict=False):
            with column:
                chart_view(chart, measurements, area=area)


def is_wide(chart: Chart) -> bool:
    """Return whether a chart holds several panels or a table, which half a page would crush."""
    has_panels = "xaxis2" in chart.figure.get("layout", {})
    return has_panels or any(trace.get("type") == "table" for trace in chart.figure["data"])
