"""One uploaded file, and its removal."""

import streamlit as st

from analyzers.core.subject import FileRef
from dashboard.components.words import file_size, short


def upload_row(ref: FileRef, *, number: int) -> bool:
    """Show a file with its size and digest; return whether it is to be deleted.

    Args:
        ref: the file.
        number: of the row, for names that do not depend on what is in the file.
    """
    with st.container(
        border=True, horizontal=True, vertical_alignment="center", key=f"upload-{number}"
    ):
        st.markdown(f"**{short(ref.name)}**", width="content")
        st.caption(f"{file_size(ref.size)} · SHA-256 {ref.sha256[:12]}…")
        st.space("stretch")
        with st.popover("Delete", icon=":material/delete:"):
            st.markdown("The file and every answer that came of it go at once and for good.")
            return st.button("Delete this file", key=f"delete-upload-{ref.sha256[:16]}")
