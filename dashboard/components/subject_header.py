"""What is examined, in one line; and what to do where nothing is."""

import streamlit as st

from analyzers.core.subject import Subject
from dashboard.components.words import as_text, short

_TASKS = {
    "binary": "yes or no",
    "multiclass": "one of several classes",
    "regression": "a number",
}


def subject_header(examined: Subject, *, is_named: bool = True) -> None:
    """Say what is examined, with its name unless the page has said it."""
    parts = [short(examined.name)] if is_named else []
    if examined.target is not None:
        verb = "predicts" if parts else "Predicts"
        parts.append(f"{verb} {short(examined.target)} ({_TASKS[examined.task]})")
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
