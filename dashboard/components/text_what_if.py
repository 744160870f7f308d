"""Edit a text and see at once what the model answers and which edit did how much."""

import streamlit as st

from analyzers.core.errors import AssayError
from analyzers.explanation import ask_about_text, editable_text
from dashboard.analysis_page import Shown
from dashboard.components.what_if import open_model, show_answers
from dashboard.components.words import as_text


@st.fragment
def text_what_if(shown: Shown, row: int) -> None:
    """Show the text in a field and the answers; nothing without a model to ask."""
    if shown.subject.files.model is None:
        return
    st.header("What if it said something else?", anchor=False)
    text = editable_text(shown.measurements, row)
    if text is None:
        st.info("This text is too long to be edited here.")
        return
    is_open = st.toggle(
        "Edit the text and ask the model",
        key="explanation-text-what-if",
        help="Opens the model in a sandbox of its own. It closes by itself when it is not asked "
        "for a few minutes.",
    )
    if not is_open:
        return
    edited = st.text_area(
        "Text",
        value=text,
        key=f"explanation-text-what-if-{row}",
        help="Up to eight places may differ; press Ctrl and Enter to ask.",
    )
    try:
        question = ask_about_text(shown.subject, text, edited)
        answers = open_model(shown).predict(question.rows)
    except AssayError as error:
        st.error(f"**The model gave no answer.** {as_text(error)}", icon=":material/error:")
        return
    show_answers(shown, question, answers, hint="Change a word above.")
