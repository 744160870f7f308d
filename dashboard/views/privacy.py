"""Privacy, with any attack's reach at the false positive rate an attacker accepts."""

import pyarrow.compute as pc
import streamlit as st

from analyzers.privacy import ANALYZER, measures_for, reach_at
from dashboard.analysis_page import Shown, show_analysis
from dashboard.components.words import as_text

RATES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
COLUMNS = {
    "accepted_rate": "False positive rate accepted",
    "true_positive_rate": "Members found",
    "true_positive_low": "Low",
    "true_positive_high": "High",
    "n_members": "n members",
    "n_non_members": "n non-members",
    "is_enough": "Enough rows",
}


def advise(shown: Shown) -> None:
    """List what would lower the risk, with the numbers that call for it."""
    found = measures_for(shown.measurements)
    if not found:
        return
    st.header("What would lower it", anchor=False)
    for item in found:
        st.markdown(f"**{as_text(item.what)}.** {as_text(item.because)} {as_text(item.how)}")
    st.caption("Do one of them, fit the model again and run this page again: only that shows it.")


def live(shown: Shown) -> None:
    """Answer at once from a finished result."""
    compare(shown)
    advise(shown)


@st.fragment
def compare(shown: Shown) -> None:
    """Choose an attack and see whom it finds at each accepted rate."""
    tables = shown.measurements.tables
    points, attacks = tables.get("operating_points"), tables.get("attacks")
    if points is None or attacks is None or not points.num_rows:
        return
    st.header("Whom each attack finds", anchor=False)
    rows = attacks.to_pylist()
    titles = {row["attack"]: row["title"] for row in rows}
    # Those that did best first; each is counted alone, on rows it did not learn from.
    known = [row["attack"] for row in sorted(rows, key=lambda row: not row["is_chosen"])]
    name = st.selectbox(
        "Attack", known, format_func=lambda item: titles[item], key="privacy-attack"
    )
    chosen = points.filter(pc.equal(points["attack"], name))
    st.dataframe(
        chosen.select(list(COLUMNS)).rename_columns(list(COLUMNS.values())),
        hide_index=True,
        column_config={
            "False positive rate accepted": st.column_config.NumberColumn(format="percent"),
            "Members found": st.column_config.NumberColumn(format="percent"),
            "Low": st.column_config.NumberColumn(format="percent"),
            "High": st.column_config.NumberColumn(format="percent"),
        },
        alt="Share of members found, with its interval, at each accepted false positive rate.",
    )
    st.caption(
        "Low and High are the 95 % interval of the share of members found. Where there are not "
        "enough non-members for a rate, its line says so and gets no verdict."
    )
    accepted = st.select_slider(
        "False accusations the attacker accepts",
        RATES,
        value=0.01,
        format_func=lambda rate: f"{rate:.1%}",
        key="privacy-accepted",
        help="Read off the stored curve; moving it runs nothing again.",
    )
    reach = reach_at(shown.measurements, name, float(accepted))
    if reach is None:
        return
    st.markdown(as_text(reach.sentence()))
    st.caption(
        "The threshold is chosen on the rows it is counted on, which flatters the attack, and much "
        "where only a few non-members are accused. The table above and the findings count on rows "
        "that chose nothing: go by those."
    )


show_analysis(ANALYZER, live=live)
