"""The limits of a pack, one row for each indicator, to be read and changed."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

import pandas as pd
import streamlit as st

from analyzers.core.errors import AssayError
from analyzers.core.finding import Finding
from analyzers.core.policy import Policy
from analyzers.policies.own import Limit, own_policy
from analyzers.toolkit.markup import shown
from dashboard.components.words import as_text

_BETTER: Mapping[str, str] = {"at_least": "at least", "at_most": "at most"}
_DIRECTIONS: Mapping[str, Literal["at_least", "at_most"]] = {
    "at least": "at_least",
    "at most": "at_most",
}


def limits_editor(pack: Policy, measured: Mapping[str, Finding]) -> Policy | None:
    """Show a pack's limits beside what was measured; return the changed pack once it is saved.

    Args:
        pack: to begin from.
        measured: a finding for each indicator that was measured.
    """
    key = pack.digest[:12]
    indicators = [*(limit.indicator for limit in pack.thresholds)]
    indicators += [name for name in measured if name not in indicators]
    with st.form(f"limits-{key}"):
        first, second = st.columns(2)
        title = first.text_input("Name of these limits", value=pack.title, max_chars=120)
        decided = second.text_input(
            "Who decided on what you change, and where it is written",
            max_chars=300,
            placeholder="Risk committee, model risk policy 4.2",
        )
        table = st.data_editor(
            _frame(pack, indicators, measured),
            hide_index=True,
            disabled=["Indicator", "Measured here", "Status", "Source", "Holds for", "As of"],
            column_config=_config(),
            key=f"limits-table-{key}",
            alt="One row for each indicator: its limits, their source, and what was measured.",
        )
        pressed = st.form_submit_button("Save as my own limits", icon=":material/save:")
    if not pressed:
        return None
    try:
        limits = _limits(indicators, pd.DataFrame(table))
        today = datetime.now(UTC).strftime("%Y-%m-%d")
        return own_policy(pack, limits, title=title, decided=decided, as_of=today)
    except AssayError as error:
        st.error(as_text(error), icon=":material/error:")
        return None


def _frame(pack: Policy, indicators: list[str], measured: Mapping[str, Finding]) -> pd.DataFrame:
    rows = []
    for name in indicators:
        limit, finding = pack.threshold(name), measured.get(name)
        rows.append(
            {
                "Indicator": name,
                "Good is": None if limit is None else _BETTER[limit.direction],
                "Warn beyond": None if limit is None else limit.warn,
                "Fail beyond": None if limit is None else limit.fail,
                "Fewest rows": 1 if limit is None else limit.n_min,
                "Measured here": "" if finding is None else shown(finding.headline, longest=300),
                "Status": "no limit" if limit is None else limit.status,
                "Source": "" if limit is None else shown(limit.source, longest=500),
                "Holds for": "" if limit is None else shown(limit.holds, longest=500),
                "As of": "" if limit is None else limit.as_of,
            }
        )
    frame = pd.DataFrame(rows, columns=list(_config()))
    return frame.astype({"Warn beyond": float, "Fail beyond": float})


def _config() -> dict[str, Any]:
    return {
        "Indicator": st.column_config.TextColumn(pinned=True, width=280),
        "Good is": st.column_config.SelectboxColumn(
            options=list(_DIRECTIONS), help="At least: larger is better. At most: smaller is."
        ),
        "Warn beyond": st.column_config.NumberColumn(
            help="A pass needs the whole interval on the good side of this."
        ),
        "Fail beyond": st.column_config.NumberColumn(
            help="A fail needs the whole interval beyond this. Empty: it never fails."
        ),
        "Fewest rows": st.column_config.NumberColumn(
            min_value=0, step=1, required=True, help="Below this the indicator says nothing."
        ),
        "Measured here": st.column_config.TextColumn(width=330),
        "Status": st.column_config.TextColumn(help="What the limit is worth."),
        "Source": st.column_config.TextColumn(width=260),
        "Holds for": st.column_config.TextColumn(width=200),
        "As of": st.column_config.TextColumn(),
    }


def _limits(indicators: list[str], table: pd.DataFrame) -> list[Limit]:
    return [
        Limit(
            indicator=name,
            direction=_DIRECTIONS.get(str(row["Good is"])),
            warn=_number(row["Warn beyond"]),
            fail=_number(row["Fail beyond"]),
            n_min=int(row["Fewest rows"]),
        )
        for name, (_, row) in zip(indicators, table.iterrows(), strict=True)
    ]


def _number(cell: Any) -> float | None:  # noqa: ANN401  a cell of an edited table
    return None if pd.isna(cell) else float(cell)
