"""The tables of a result, one at a time, each as CSV."""

from functools import partial

import streamlit as st

from analyzers.core.result import Measurements
from analyzers.toolkit.export import file_stem, table_csv, without_files

MOST_ROWS = 1000


def table_section(measurements: Measurements, *, area: str) -> None:
    """Show a chosen table, folded; nothing is sent to the browser before one is chosen."""
    tables = {name: table for name, table in measurements.tables.items() if table.num_rows}
    if not tables:
        return
    with st.expander(f"All numbers ({len(tables)} tables)", icon=":material/table_chart:"):
        name = st.selectbox(
            "Table",
            list(tables),
            index=None,
            placeholder="Choose a table",
            format_func=lambda item: f"{item.replace('_', ' ')} ({tables[item].num_rows:,} rows)",
            key=f"{area}-table",
        )
        if name is None:
            return
        table = without_files(tables[name])
        st.dataframe(table.slice(0, MOST_ROWS).to_pandas(), hide_index=True)
        if table.num_rows > MOST_ROWS:
            st.caption(f"The first {MOST_ROWS:,} of {table.num_rows:,} rows; the CSV has all.")
        st.download_button(
            "CSV",
            data=partial(table_csv, table),
            file_name=f"{file_stem('assay', area, name)}.csv",
            mime="text/csv",
            on_click="ignore",
            key=f"{area}-{name}-csv",
        )
