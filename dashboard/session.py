"""What one browser tab is looking at: every session key and every word of its address.

The address carries the workspace, the subject and, on an analysis page, the job, so that a reload,
a link and a second tab find the same things. All values are strings; nothing else is kept.
"""

import os
import re
from pathlib import Path
from typing import Literal

import streamlit as st

from analyzers.core.errors import StoreError
from analyzers.jobs.workspaces import new_workspace, workspace_exists, workspace_folder

HOME_VARIABLE = "ASSAY_HOME"
DEFAULT_HOME = ".assay"
DEFAULT_POLICY = "conventions"

Word = Literal["workspace", "subject", "job"]
Key = Literal["workspace", "subject", "job", "policy", "notice", "pending_upload", "upload_round"]

_DIGEST = re.compile(r"[0-9a-f]{64}")


def home() -> Path:
    """Return the folder of all workspaces, from the environment."""
    return Path(os.environ.get(HOME_VARIABLE) or DEFAULT_HOME).resolve()


def open_session() -> None:
    """Take over the workspace and subject of the address, or begin a workspace; then say so there.

    Called once at the start of every page.
    """
    asked = _address("workspace")
    if asked is not None and asked != _read("workspace"):
        _take_over(asked)
    if not _read("workspace"):
        _write("workspace", new_workspace())
    subject = _address("subject")
    if subject is not None and _DIGEST.fullmatch(subject):
        _write("subject", subject)
    st.query_params["workspace"] = workspace()
    if subject_digest():
        st.query_params["subject"] = subject_digest()


def workspace() -> str:
    """Return the token of this tab's workspace; nobody can guess one."""
    return _read("workspace")


def start_anew() -> None:
    """Leave the workspace for a new, empty one."""
    _forget_all()
    _write("workspace", new_workspace())
    st.query_params.clear()


def subject_digest() -> str:
    """Return the digest of the subject under examination; empty where there is none."""
    return _read("subject")


def choose_subject(digest: str) -> None:
    """Examine another subject."""
    if digest != subject_digest():
        forget_job()
    _write("subject", digest)
    st.query_params["subject"] = digest


def job_in_address() -> str:
    """Return the job this page's address names; empty where it names none."""
    job = _address("job") or ""
    return job if _DIGEST.fullmatch(job) else ""


def remember_job(job_id: str) -> None:
    """Put a job into the address."""
    st.query_params["job"] = job_id


def forget_job() -> None:
    """Take the job out of the address."""
    if "job" in st.query_params:
        del st.query_params["job"]


def policy_name() -> str:
    """Return the pack of limits that verdicts are held against."""
    return _read("policy") or DEFAULT_POLICY


def choose_policy(name: str) -> None:
    """Hold verdicts against another pack."""
    _write("policy", name)


def leave_notice(text: str) -> None:
    """Say something on the next page that is shown."""
    _write("notice", text)


def take_notice() -> str:
    """Return what is to be said, once."""
    text = _read("notice")
    _write("notice", "")
    return text


def pending_upload() -> str:
    """Return the upload being read, as JSON; empty where there is none."""
    return _read("pending_upload")


def set_pending_upload(text: str) -> None:
    """Remember the upload being read, or forget it with an empty text."""
    _write("pending_upload", text)


def upload_round() -> str:
    """Return a word that changes when the upload form is to be emptied."""
    return _read("upload_round") or "0"


def empty_upload_form() -> None:
    """Show an empty upload form from now on."""
    _write("upload_round", str(int(upload_round()) + 1))


def _take_over(token: str) -> None:
    _forget_all()
    try:
        workspace_folder(home(), token)
        is_known = workspace_exists(home(), token)
    except StoreError:
        is_known = False
    if is_known:
        _write("workspace", token)
        return
    st.query_params.clear()
    leave_notice(
        "The workspace of that address was deleted or has expired. This is a new, empty one."
    )


def _forget_all() -> None:
    for key in ("workspace", "subject", "job", "pending_upload"):
        st.session_state.pop(key, None)


def _address(word: Word) -> str | None:
    return st.query_params.get(word)


def _read(key: Key) -> str:
    return str(st.session_state.get(key, ""))


def _write(key: Key, value: str) -> None:
    st.session_state[key] = value
