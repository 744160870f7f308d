"""The upload: which files, which formats, what happens to them."""

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from analyzers.core.errors import AssayError
from analyzers.core.job import MEBIBYTE
from analyzers.inspection import InspectionParams
from analyzers.jobs.settings import settings
from dashboard import engine, session
from dashboard.components.words import as_text, duration
from dashboard.uploading import Upload, begin_upload

# The formats of `analyzers.loaders`, which only a worker may import; a test keeps both in step.
MODEL_ENDINGS = (
    "skops", "joblib", "pkl", "pickle", "json", "ubj", "txt", "lgb", "model", "cbm", "onnx",
    "pt", "pt2", "pth", "ts", "ckpt", "zip",
)  # fmt: skip
DATA_ENDINGS = (
    "csv", "tsv", "txt", "dat", "data", "parquet", "pq", "xlsx", "npz", "zip",
)  # fmt: skip


# The widget states its limit in rounded decimal gigabytes ("1GB" for 512 MB), so its line is
# hidden; `in_force` states the limit exactly, and the question marks name the formats.
_HIDE_ROUNDED_LIMIT = """<style>
[class*="st-key-upload-"] [data-testid="stFileUploaderDropzoneInstructions"] { display: none; }
</style>"""


def upload_form(params: InspectionParams) -> None:
    """Show the form; on upload, keep the files and begin reading them."""
    place = session.upload_round()
    most = settings().upload_bytes // MEBIBYTE
    in_force()
    st.html(_HIDE_ROUNDED_LIMIT)
    with st.form(f"upload-{place}"):
        left, middle, right = st.columns(3)
        model = left.file_uploader(
            "Model (optional)",
            type=list(MODEL_ENDINGS),
            max_upload_size=most,
            key=f"upload-model-{place}",
            help="skops; joblib or pickle of scikit-learn pipelines (an exact list of objects, "
            "never a plain load); XGBoost json or ubj; LightGBM txt; CatBoost cbm; ONNX; "
            "TorchScript or torch.export. Leave it out if the data have a column of predictions.",
        )
        data = middle.file_uploader(
            "Data",
            type=list(DATA_ENDINGS),
            max_upload_size=most,
            key=f"upload-data-{place}",
            help="Rows the model has not seen, with the true outcome in a column: CSV with any "
            "separator, Parquet, Excel, or a zip or npz of pictures.",
        )
        training = right.file_uploader(
            "Training data (optional)",
            type=list(DATA_ENDINGS),
            max_upload_size=most,
            key=f"upload-training-{place}",
            help="The rows the model was fitted on. Without them it cannot be measured who can "
            "be found in the training data.",
        )
        name = st.text_input(
            "Name", placeholder="What you call it; the file's name if empty", max_chars=200
        )
        pressed = st.form_submit_button(
            "Read the files", icon=":material/upload_file:", type="primary", key="upload-submit"
        )
    what_happens()
    if not pressed:
        return
    if data is None:
        st.error(
            "Choose a data file first. A model alone says nothing about people.",
            icon=":material/error:",
        )
        return
    first = model or data
    try:
        begin_upload(
            name.strip() or first.name,
            data=_upload(data),
            model=None if model is None else _upload(model),
            training_data=None if training is None else _upload(training),
            params=params,
        )
    except AssayError as error:
        st.error(as_text(error), icon=":material/error:")
    else:
        st.rerun()


def in_force() -> None:
    """Say in a line, before any file is chosen, which protection and which limits are in force."""
    found, limits = engine.protection(), settings().limits
    words = {
        "full": "Full protection is in force on this system.",
        "reduced": "Protection is reduced on this system; code is still contained.",
        "none": "This system offers too little protection: only formats that carry no code open.",
    }
    icon = ":material/shield:" if found.level == "full" else ":material/gpp_maybe:"
    st.markdown(
        f"{icon} {words[found.level]} One file may have {settings().upload_bytes // MEBIBYTE:,} "
        f"MiB; one analysis may take {duration(limits.wall_seconds)} and "
        f"{limits.memory_bytes // MEBIBYTE:,} MiB of memory."
    )
    st.caption(
        "Models: skops, joblib or pickle of scikit-learn, XGBoost, LightGBM, CatBoost, ONNX, "
        "TorchScript, torch.export. Data: CSV, Parquet, Excel, zip or npz of pictures. No model "
        "file? A column of predictions in the data is enough."
    )


def what_happens() -> None:
    """Say what happens to an upload, within which limits, behind which protection."""
    found, limits = engine.protection(), settings().limits
    with st.expander("What happens to an upload", icon=":material/lock:"):
        st.markdown(
            "- The dashboard never opens an uploaded file. A worker process without network, "
            "secrets or a way to write elsewhere opens it; only tables and plain numbers come "
            "back.\n"
            "- Files and results stay on this machine, in a workspace whose address nobody can "
            "guess. Whoever has the address can see it, so share it with care. You can delete "
            f"all of it under Runs; it expires after {settings().keep_days:g} days unused.\n"
            "- Nothing is sent anywhere, and nothing is reported.\n"
            f"- Limits of one job: {duration(limits.wall_seconds)}, "
            f"{limits.memory_bytes // MEBIBYTE:,} MiB of memory, {limits.threads} threads; one "
            f"file at most {settings().upload_bytes // MEBIBYTE:,} MiB."
        )
        if found.sentences:
            st.markdown("**In force:** " + as_text("; ".join(found.sentences)) + ".")
        if found.missing:
            st.markdown("**Missing here:** " + as_text("; ".join(found.missing)))


def _upload(file: UploadedFile) -> Upload:
    return Upload(content=file, name=file.name)
