"""Questions to a model kept open and its answers: a kind, a length and that many bytes."""

import os
import select
import struct
import time
from typing import Literal, NamedTuple, cast

FrameKind = Literal["ready", "rows", "table", "error"]
_KINDS: tuple[FrameKind, ...] = ("ready", "rows", "table", "error")
_HEADER = struct.Struct(">BQ")


class Frame(NamedTuple):
    """One question or answer."""

    kind: FrameKind
    content: bytes


class FrameError(Exception):
    """The other side is gone, too slow, or says something else."""


def write_frame(
    descriptor: int, kind: FrameKind, content: bytes, *, deadline: float | None
) -> None:
    """Write one frame.

    Args:
        descriptor: of a connected stream.
        kind: what it is.
        content: all of it.
        deadline: on the monotonic clock; None to wait for ever.

    Raises:
        FrameError: the other side is gone or does not read in time.
    """
    left = memoryview(_HEADER.pack(_KINDS.index(kind), len(content)) + content)
    while left:
        _wait(descriptor, deadline, is_reading=False)
        try:
            left = left[os.write(descriptor, left[: 1 << 16]) :]
        except OSError as error:
            raise FrameError("gone") from error


def read_frame(descriptor: int, *, most: int, deadline: float | None) -> Frame:
    """Read one frame of at most `most` bytes.

    Raises:
        FrameError: the other side is gone, late, or the frame is too large or of no known kind.
    """
    code, length = _HEADER.unpack(_exactly(descriptor, _HEADER.size, deadline))
    if code >= len(_KINDS) or length > most:
        raise FrameError("oversized")
    return Frame(cast("FrameKind", _KINDS[code]), _exactly(descriptor, length, deadline))


def _exactly(descriptor: int, length: int, deadline: float | None) -> bytes:
    content = bytearray()
    while len(content) < length:
        _wait(descriptor, deadline, is_reading=True)
        try:
            piece = os.read(descriptor, min(length - len(content), 1 << 20))
        except OSError as error:
            raise FrameError("gone") from error
        if not piece:
            raise FrameError("gone")
        content += piece
    return bytes(content)


def _wait(descriptor: int, deadline: float | None, *, is_reading: bool) -> None:
    if deadline is None:
        return
    left = deadline - time.monotonic()
    reading, writing = ([descriptor], []) if is_reading else ([], [descriptor])
    if left <= 0 or not any(select.select(reading, writing, [], left)):
        raise FrameError("late")
