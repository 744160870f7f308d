"""Where a sample's data come from, and what to look for."""

import streamlit as st

from sample_models import Sample


@st.dialog("About this sample", width="large")
def sample_card(sample: Sample) -> None:
    """Show the sample's card over the page."""
    lines = sample.card.read_text(encoding="utf-8").splitlines()
    # The card's own title opens it; in the dialog it stands below the dialog's.
    st.markdown("\n".join(f"##{line}" if line.startswith("#") else line for line in lines))
