"""Reading and writing files where a hostile process may have put something else in their place."""

import os
import secrets
import stat
from pathlib import Path

from analyzers.core.errors import ResultError


def read_plain(path: Path, *, most: int, what: str) -> bytes:
    """Read a regular file that is not a link, if it is not larger than `most` bytes.

    Raises:
        ResultError: missing, a link, not a regular file, too large, or changing while read.
    """
    remedy = "Run the analysis again."
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise ResultError(
            f"Expected the file of {what}, got {str(error.strerror).lower()}.", remedy=remedy
        ) from error
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
        os.close(descriptor)
        raise ResultError(
            f"Expected an ordinary file for {what}, got something else.", remedy=remedy
        )
    with os.fdopen(descriptor, "rb") as stream:
        if status.st_size > most:
            raise ResultError(
                f"Expected at most {most:,} bytes of {what}, got {status.st_size:,}.",
                remedy="Use fewer rows or columns, or ask the person who runs the server to raise "
                "the output limit.",
            )
        content = stream.read(most + 1)
    if len(content) > most:
        raise ResultError(f"Expected at most {most:,} bytes of {what}, got more.", remedy=remedy)
    return content


def write_whole(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Write beside and rename, so that a crash leaves the old file or the new and never a half.

    Args:
        path: where; its folder exists.
        content: everything.
        durable: wait until it is on the disk.
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            if durable:
                stream.flush()
                os.fsync(stream.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    if durable:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
