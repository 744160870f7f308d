"""How a number was made: the analyzer's own description, and where the result comes from."""

import re
from typing import Any

import streamlit as st

from analyzers.core.analyzer import Analyzer
from analyzers.core.params import parameters_of
from analyzers.core.result import Result
from analyzers.report.words import TRUST
from dashboard.components.words import as_text, duration

_HEADING = re.compile(r"^(Question|Method|Limits|References)\b:?[ \t]*\n?", re.MULTILINE)


def method_section(analyzer: Analyzer[Any]) -> None:
    """Show the analyzer's description, folded."""
    with st.expander("How this is measured, and where it stops", icon=":material/menu_book:"):
        pieces = _HEADING.split(analyzer.about)
        for heading, text in zip(pieces[1::2], pieces[2::2], strict=True):
            st.markdown(f"**{heading}**")
            st.markdown(as_text(text))


def provenance_section(analyzer: Analyzer[Any], result: Result) -> None:
    """Show where the result comes from, folded."""
    found = result.provenance
    with st.expander("Where this result comes from", icon=":material/fingerprint:"):
        st.markdown(as_text(TRUST[found.trust]))
        facts = {
            "Job": result.job.id,
            "Subject": result.job.subject,
            "Analyzer": f"{analyzer.name}, version {analyzer.version}",
            "Seed": str(found.seed),
            "Started": found.started,
            "Took": duration(found.seconds),
        }
        chosen = {
            parameter.label: _setting(result.job.params.get(parameter.name))
            for parameter in parameters_of(analyzer.params)
        }
        versions = dict(sorted(found.versions.items()))
        for title, pairs in (("Run", facts), ("Settings", chosen), ("Versions", versions)):
            if pairs:
                st.markdown(f"**{title}**")
                st.dataframe(
                    [{"Name": name, "Value": value} for name, value in pairs.items()],
                    hide_index=True,
                )
        for title, sentences in (
            ("Rows used", (*found.sampling, *result.measurements.sampling)),
            ("Changed to fit the model", found.changes),
            ("Protection while it ran", found.protection),
        ):
            if sentences:
                st.markdown(f"**{title}**")
                st.markdown("\n".join(f"- {as_text(text)}" for text in dict.fromkeys(sentences)))


def _setting(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "as marked"
    return str(value) if value not in ("", None) else "automatic"
