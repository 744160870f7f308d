"""Arrow tables from a process that may lie: the declared schema, no compression, fully validated.

The stream form of Arrow IPC is read message by message, so that a compressed body (which can hold
a thousand times its size) is refused before anything is unpacked.
"""

import struct
from typing import cast

import pyarrow as pa
from pyarrow import ipc

from analyzers.core.errors import ResultError
from analyzers.jobs.hostile_text import tame_array

MOST_ROWS = 50_000_000
_REMEDY = "Run the analysis again; if it happens again, do not trust the model file."
# Positions of the fields in Arrow's own Message.fbs.
_MESSAGE_HEADER, _BATCH_COMPRESSION = 2, 3


def table_bytes(table: pa.Table, schema: pa.Schema, *, name: str) -> bytes:
    """Write a table as one Arrow IPC stream in its declared schema.

    Raises:
        ResultError: the table does not have the declared columns and types.
    """
    if table.schema.names != schema.names:
        raise ResultError(
            f"Expected the columns {schema.names} in the table {name!r}, got {table.schema.names}.",
            remedy="This is a fault of the analyzer, not of your files; report it.",
        )
    try:
        table = table.cast(schema)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError) as error:
        raise ResultError(
            f"Expected the declared types in the table {name!r}, got others.",
            remedy="This is a fault of the analyzer, not of your files; report it.",
        ) from error
    sink = pa.BufferOutputStream()
    with ipc.new_stream(sink, schema.remove_metadata()) as writer:
        writer.write_table(table.replace_schema_metadata(None))
    return cast("bytes", sink.getvalue().to_pybytes())


def read_table(content: bytes, schema: pa.Schema, *, name: str) -> pa.Table:
    """Read a table that must have exactly the declared schema.

    Args:
        content: an Arrow IPC stream, its size already capped by the caller.
        schema: as the analyzer declares it.
        name: of the table, for errors.

    Returns:
        The table, validated to the last value; strings tamed, NaN turned into null.

    Raises:
        ResultError: another schema, compression, too many rows, or values that break the format.
    """
    try:
        _refuse_compression(content, name)
        with ipc.open_stream(pa.py_buffer(content)) as reader:
            if not _plain(reader.schema).equals(_plain(schema)):
                raise ResultError(
                    f"Expected the declared columns in the table {name!r}, got others.",
                    remedy=_REMEDY,
                )
            batches, n_rows = [], 0
            for batch in reader:
                n_rows += batch.num_rows
                if n_rows > MOST_ROWS:
                    raise ResultError(
                        f"Expected at most {MOST_ROWS:,} rows in the table {name!r}, got more.",
                        remedy=_REMEDY,
                    )
                batch.validate(full=True)
                batches.append(batch)
        table = pa.Table.from_batches(batches, schema=_plain(schema))
        table.validate(full=True)
        columns = [tame_array(column) for column in table.columns]
        tamed = pa.Table.from_arrays(columns, schema=_plain(schema))
        tamed.validate(full=True)
    except (pa.ArrowException, OSError, ValueError, struct.error, IndexError) as error:
        raise ResultError(
            f"Expected a well-formed Arrow stream for the table {name!r}, got a broken one.",
            remedy=_REMEDY,
        ) from error
    return tamed


def _plain(schema: pa.Schema) -> pa.Schema:
    return schema.remove_metadata()


def _refuse_compression(content: bytes, name: str) -> None:
    reader = ipc.MessageReader.open_stream(pa.py_buffer(content))
    while True:
        try:
            message = reader.read_next_message()
        except StopIteration:
            return
        kind = message.type
        if kind == "schema":
            continue
        if kind != "record batch" or _is_compressed(message.metadata.to_pybytes()):
            raise ResultError(
                f"Expected plain record batches in the table {name!r}, got {kind} or compression.",
                remedy=_REMEDY,
            )


def _is_compressed(metadata: bytes) -> bool:
    """Look into the FlatBuffers header of a record batch for its compression field."""
    (message,) = struct.unpack_from("<I", metadata, 0)
    header = _field(metadata, message, _MESSAGE_HEADER)
    if header is None:
        raise ValueError("a message without a header")
    batch = header + struct.unpack_from("<I", metadata, header)[0]
    return _field(metadata, batch, _BATCH_COMPRESSION) is not None


def _field(buffer: bytes, table: int, index: int) -> int | None:
    """Return where field `index` of the FlatBuffers table lies, or None where it is absent."""
    vtable = table - struct.unpack_from("<i", buffer, table)[0]
    if vtable < 0:
        raise ValueError("a table whose layout lies outside the message")
    (length,) = struct.unpack_from("<H", buffer, vtable)
    slot = 4 + 2 * index
    if slot + 2 > length:
        return None
    (offset,) = struct.unpack_from("<H", buffer, vtable + slot)
    return table + offset if offset else None
