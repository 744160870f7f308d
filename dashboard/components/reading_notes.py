"""What was changed on reading, what is missing, and the files themselves."""

import streamlit as st

from analyzers.catalog import ANALYZERS
from analyzers.core.errors import AssayError
from analyzers.core.subject import FileRef, Subject
from analyzers.inspection import notes_of
from analyzers.report.words import TRUST
from dashboard import engine
from dashboard.components.job_panel import job_panel
from dashboard.components.words import as_text, file_size
from dashboard.uploading import answers_of


def notes_section(subject: Subject) -> None:
    """Say what was changed or guessed, and which questions cannot be asked."""
    st.header("What was changed or guessed", anchor=False)
    try:
        # Asked with nothing left to guess; the answer is there already or comes in a second.
        job_id = engine.runner().inspect(subject.files, answers_of(subject))
    except AssayError as error:
        st.error(as_text(error), icon=":material/error:")
        return
    if job_panel(job_id, engine.state_of(job_id), what="Reading the files"):
        notes = notes_of(engine.answer_to(job_id))
        st.markdown(
            "\n".join(f"- {as_text(note)}" for note in notes)
            or "Nothing: the data fit as they are."
        )
    closed = [
        f"- **{analyzer.title}.** {as_text(obstacle)}"
        for analyzer in ANALYZERS
        if (obstacle := analyzer.needs.obstacle(subject)) is not None
    ]
    if closed:
        st.header("What cannot be asked, and why", anchor=False)
        st.markdown("\n".join(closed))


def files_section(subject: Subject) -> None:
    """Show the files by name, size and digest, and how far they can be trusted."""
    st.header("Files", anchor=False)
    files = subject.files
    rows = [
        _row(use, file)
        for use, file in (
            ("Model", files.model),
            ("Data", files.data),
            ("Training data", files.training_data),
        )
        if file is not None
    ]
    st.dataframe(rows, hide_index=True)
    trust = TRUST[subject.trust] if files.model is not None else "There is no model file."
    protection = engine.protection()
    st.caption(f"{as_text(trust)} Protection on this system: {protection.level}.")


def _row(use: str, file: FileRef) -> dict[str, str]:
    return {"File": use, "Name": file.name, "Size": file_size(file.size), "SHA-256": file.sha256}
