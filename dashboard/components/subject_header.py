"""What is examined, in one line; and what to do where nothing is."""

import streamlit as st

from analyzers.core.subject import Subject
from dashboard.components.words import as_text, short

_TASKS = {
    "binary": "yes or no",
    "multiclass": "one of several classes",
    "regression": "a number",
}


def subject_header(examined: Subject) -> None:
    """Say what is examined."""
    parts = [short(examined.name)]
    if examined.target is not None:
        parts.append(f"predicts {short(examined.target)} ({_TASKS[examined.task]})")
    parts.append(f"{examined.n_rows:,} rows of {examined.modality} data")
    parts.append(as_text(examined.model_kind) or "predictions only, no model")
    st.caption(" · ".join(parts))


def no_subject() -> None:
    """Say that nothing is examined yet, and where to begin."""
    st.info(
        "Nothing to examine yet. Open a sample or upload a model with its data.",
        icon=":material/info:",
    )
    st.page_link("views/home.py", label="Go to Home", icon=":material/home:")
