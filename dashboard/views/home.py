"""Home: what Assay is, five samples, and the upload."""

import streamlit as st

from analyzers.catalog import analyzer_named
from analyzers.core.errors import AssayError
from analyzers.core.job import Failed, Stopped
from analyzers.inspection import InspectionParams
from dashboard import engine, session
from dashboard.components.job_panel import job_panel
from dashboard.components.sample_card import sample_card
from dashboard.components.upload_form import upload_form
from dashboard.components.words import as_text
from dashboard.uploading import begin_sample, finish_upload, pending_upload
from sample_models import SAMPLES

st.title("See how a model can hurt people, before it does", anchor=False)
st.markdown(
    "Assay takes a model and its data and measures what drives its decisions, whom it treats "
    "differently, how little it takes to fool it, and who can be found in its training data. "
    "Every number comes with an interval, the count it rests on, and an honest verdict."
)
st.markdown(
    "**1.** Open a sample, or upload your own.  **2.** Look over what was understood of it.  "
    "**3.** Run every analysis.  **4.** Read the overview, and take the report with you."
)

pending = pending_upload()
if pending is not None:
    st.header(f"Opening {as_text(pending.name)}", anchor=False)
    state = engine.state_of(pending.job)
    if job_panel(pending.job, state, what="Reading the files"):
        try:
            finish_upload(pending)
        except AssayError as error:
            st.error(as_text(error), icon=":material/error:")
        else:
            session.empty_upload_form()
            st.switch_page("views/subject.py")
    elif isinstance(state, Failed | Stopped) and st.button(
        "Choose other files", icon=":material/arrow_back:", key="choose-other-files"
    ):
        session.set_pending_upload("")
        st.rerun()

st.header("Open a sample", anchor=False)
st.caption(
    "Real data and small models. Every analysis that applies can be run on each; the label names "
    "the risk it shows best. Opening one takes a few seconds."
)
for column, sample in zip(st.columns(len(SAMPLES)), SAMPLES, strict=True):
    with column, st.container(border=True, height="stretch", key=f"sample-{sample.name}"):
        st.badge(analyzer_named(sample.area).title, color="blue")
        st.markdown(f"**{sample.title}**")
        st.markdown(sample.shows)
        st.space("stretch")
        if st.button(
            "About it",
            key=f"about-{sample.name}",
            width="stretch",
            icon=":material/info:",
            type="tertiary",
        ):
            sample_card(sample)
        if st.button("Open this sample", key=f"open-{sample.name}", width="stretch"):
            try:
                begin_sample(sample)
            except AssayError as error:
                st.error(as_text(error), icon=":material/error:")
            else:
                st.rerun()

st.header("Or upload your own", anchor=False)
upload_form(InspectionParams())
