"""Where a sample's data come from, and what to look for."""

import re

import streamlit as st

from sample_models import Sample


@st.dialog("About this sample", width="large")
def sample_card(sample: Sample) -> None:
    """Show the sample's card over the page, its headings below the dialog's own."""
    card = sample.card.read_text(encoding="utf-8")
    card = re.sub(r"^## (.*)$", r"**\1**\n", card, flags=re.MULTILINE)
    st.markdown(re.sub(r"^# ", "#### ", card))
