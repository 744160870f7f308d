"""Who attacks, with what and to what end: before a run from its settings, after it as it was."""

from collections.abc import Mapping

import pyarrow as pa
import streamlit as st

from analyzers.adversarial import AdversarialParams
from analyzers.adversarial.foresight import FORESIGHT, assumptions_of
from analyzers.core.params import Params
from analyzers.core.result import Result
from analyzers.core.subject import Subject
from dashboard import engine, session
from dashboard.components.foretold import foretold
from dashboard.components.job_panel import failure_words
from dashboard.components.words import as_text


def foretell_threat(subject: Subject, params: Params) -> bool:
    """State the threat model of a run with these settings, and the rules the data shows.

    Returns:
        Whether such a run would be refused.
    """
    chosen = assumptions_of(AdversarialParams.model_validate(params))
    refusal = foretold(
        lambda: _foresight(
            str(session.home()), session.workspace(), subject.digest, chosen.model_dump_json()
        ),
        say=_say,
        waiting="The rules that changes have to keep are being read from the data. You need not "
        "wait for that.",
        say_unknown=_say_unknown,
    )
    if refusal is not None:
        st.warning(failure_words(refusal), icon=":material/rule:")
    return refusal is not None


def threat_model(tables: Mapping[str, pa.Table]) -> None:
    """Show the statements, and for a table what may change column by column."""
    st.markdown(
        "\n".join(
            f"- **{as_text(row['aspect'])}.** {as_text(row['statement'])}"
            for row in tables["threat_model"].to_pylist()
        )
    )
    if "columns" in tables:
        with st.expander("What the attacker may change, column by column", icon=":material/rule:"):
            _rules(tables["columns"], tables["relations"])


def _rules(columns: pa.Table, relations: pa.Table) -> None:
    st.dataframe(
        columns.rename_columns(
            ["Column", "It", "Between", "In steps of", "What counts as 1", "Why not"]
        ),
        hide_index=True,
        column_config={
            "Column": st.column_config.TextColumn(width="medium"),
            "It": st.column_config.TextColumn(width="medium"),
            "Between": st.column_config.TextColumn(width="medium"),
            "Why not": st.column_config.TextColumn(width="large"),
        },
        alt="How each column may change, and how much of it counts as a change of size 1.",
    )
    st.caption(
        "Ranges, steps and categories are read from the data. Columns nobody can change, and "
        "numbers that go one way only, are named in the settings or marked on the page of the "
        "model and its data."
    )
    if relations.num_rows:
        st.markdown(
            "Relations between columns. A changed row keeps each one that its original keeps; "
            "those of the data can be left out in the settings:"
        )
        st.dataframe(
            relations.rename_columns(["Relation", "Known from", "Rows that keep it", "Of"]),
            hide_index=True,
            alt="Relations between columns and how many rows keep each.",
        )
    else:
        st.caption(
            "No relation between columns was found in the data or named in the settings, such as "
            "total = part + rest or least <= most."
        )


def _say(result: Result) -> None:
    st.markdown("**What a run with these settings assumes**")
    threat_model(result.measurements.tables)


def _say_unknown(reason: str) -> None:
    st.warning(
        f"**What these settings assume is not known.** {as_text(reason)}", icon=":material/rule:"
    )


@st.cache_resource(max_entries=64, show_spinner=False)
def _foresight(home: str, workspace: str, digest: str, chosen: str) -> str:
    del home, workspace  # they are there to be part of the key
    params = AdversarialParams.model_validate_json(chosen)
    return engine.runner().submit(FORESIGHT, engine.store().subject(digest), params)
