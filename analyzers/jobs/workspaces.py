"""Workspaces: whose uploads and results are whose, and how long they are kept."""

import re
import secrets
import shutil
import time
from pathlib import Path

from analyzers.core.errors import StoreError

_TOKEN = re.compile(r"[A-Za-z0-9_-]{22,64}")


def new_workspace() -> str:
    """Return a token for a new workspace: 192 random bits, which nobody can guess."""
    return secrets.token_urlsafe(24)


def workspace_folder(root: Path, token: str) -> Path:
    """Return the folder of a workspace.

    Raises:
        StoreError: the token does not have the form of one.
    """
    if not _TOKEN.fullmatch(token):
        raise StoreError(
            "Expected the token of a workspace, got something else.",
            remedy="Open the address you were given, or start anew.",
        )
    return root / token


def workspace_exists(root: Path, token: str) -> bool:
    """Return whether a workspace with this token was ever used and not removed since."""
    folder = workspace_folder(root, token)
    return folder.is_dir() and not folder.is_symlink()


def remove_workspace(root: Path, token: str) -> None:
    """Remove everything a workspace holds; links are removed, never followed."""
    remove_tree(workspace_folder(root, token))


def expire_workspaces(root: Path, *, older_than: float) -> int:
    """Remove workspaces that nobody has opened or written to for a while.

    Args:
        root: the folder of all workspaces.
        older_than: seconds.

    Returns:
        How many were removed.
    """
    if not root.is_dir():
        return 0
    limit, removed = time.time() - older_than, 0
    for folder in root.iterdir():
        is_workspace = _TOKEN.fullmatch(folder.name) and not folder.is_symlink() and folder.is_dir()
        if is_workspace and folder.stat().st_mtime < limit:
            remove_tree(folder)
            removed += 1
    return removed


def remove_tree(path: Path) -> None:
    """Remove a file, a link or a folder with all in it; nothing where there is nothing."""
    if path.is_symlink() or path.is_file():
        path.unlink(missing_ok=True)
    elif path.is_dir():
        shutil.rmtree(path, ignore_errors=False)
