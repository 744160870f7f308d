"""Framed JSON over a Unix socket, with open files beside it, between the host and the zygote."""

import json
import socket
import struct
from typing import Any, NamedTuple

from analyzers.core.errors import ResultError
from analyzers.core.job import Limits
from analyzers.core.value import Value
from analyzers.jobs.strict_json import parse_strict

MOST_MESSAGE_BYTES = 1024 * 1024
_LENGTH = struct.Struct(">I")


class Message(NamedTuple):
    """A JSON object and the open files that came with it."""

    body: dict[str, Any]
    descriptors: tuple[int, ...]


class StartOrder(Value):
    """What the host asks of the zygote: one worker.

    Attributes:
        worker: a name for it, made by the host.
        task: "job" writes a result and ends; "live" answers predictions until told to stop.
        folder: holds `inputs/` and `scratch/`.
        readable: the uploads it may read.
        limits: what it may use.
        accepts_risk: the person who runs the server lets programs run without a sandbox.
    """

    worker: str
    task: str
    folder: str
    readable: tuple[str, ...]
    limits: Limits
    accepts_risk: bool


def send_message(
    connection: socket.socket, body: dict[str, Any] | Value, descriptors: tuple[int, ...] = ()
) -> None:
    """Send one message; the open files are duplicated for the receiver.

    Raises:
        OSError: the other side is gone.
    """
    text = body.model_dump_json() if isinstance(body, Value) else json.dumps(body, allow_nan=False)
    content = text.encode()
    frame = _LENGTH.pack(len(content)) + content
    sent = socket.send_fds(connection, [frame], list(descriptors)) if descriptors else 0
    connection.sendall(frame[sent:])


def receive_message(connection: socket.socket) -> Message | None:
    """Wait for one message; None where the other side is gone.

    Raises:
        ResultError: not a strict JSON object, or too large.
    """
    try:
        header, descriptors, _, _ = socket.recv_fds(connection, _LENGTH.size, 4)
        header = _rest(connection, header, _LENGTH.size)
        (length,) = _LENGTH.unpack(header)
        if length > MOST_MESSAGE_BYTES:
            raise ResultError(
                "Expected a short message from the worker's parent, got a long one.",
                remedy="Restart Assay.",
            )
        content = _rest(connection, b"", length)
    except (ConnectionError, EOFError):
        return None
    body = parse_strict(content, what="a message")
    if not isinstance(body, dict):
        raise ResultError("Expected an object in a message, got another value.", remedy="Restart.")
    return Message(body, tuple(descriptors))


def _rest(connection: socket.socket, start: bytes, length: int) -> bytes:
    content = bytearray(start)
    while len(content) < length:
        piece = connection.recv(length - len(content))
        if not piece:
            raise EOFError
        content += piece
    return bytes(content)
