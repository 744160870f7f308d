"""Coverage-guided fuzzing of everything that reads bytes a stranger wrote (atheris, libFuzzer).

Run one target for longer with `.venv/bin/python -m tests.fuzz.targets csv -max_total_time=600`.
Whatever the bytes are, a reader returns a value or raises an AssayError; anything else ends the run
with the bytes that did it.
"""

import io
import json
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["analyzers"]):
    from analyzers.core.errors import AssayError
    from analyzers.core.result import Estimate, Measurements, Provenance
    from analyzers.jobs import arrow_stream, codec, strict_json
    from analyzers.loaders import (
        csv_table,
        excel_table,
        image_archive,
        npz_images,
        parquet_table,
    )

import numpy as np
import pandas as pd
import pyarrow as pa

SCHEMA = pa.schema([("row", pa.int64()), ("name", pa.string()), ("scores", pa.list_(pa.float64()))])
TABLE = pa.table({"row": [1, 2], "name": ["a", None], "scores": [[0.5], []]}, schema=SCHEMA)


def with_file(read: Callable[[Path], object]) -> Callable[[bytes], object]:
    folder = Path(tempfile.mkdtemp())

    def run(content: bytes) -> object:
        path = folder / "upload"
        path.write_bytes(content)
        return read(path)

    return run


def read_result(content: bytes) -> object:
    folder = Path(tempfile.mkdtemp())
    (folder / "result.json").write_bytes(content)
    return codec.read_output(folder, {}, most_bytes=2**20)


def seed_result() -> bytes:
    folder = Path(tempfile.mkdtemp())
    measured = Measurements(estimates={"x": Estimate(value=0.5, n=3)}, facts={"why": "a"})
    codec.write_output(folder, measured, Provenance(), {})
    return (folder / "result.json").read_bytes()


def seed_excel() -> bytes:
    sink = io.BytesIO()
    pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}).to_excel(sink, index=False)
    return sink.getvalue()


def seed_npz() -> bytes:
    sink = io.BytesIO()
    np.savez(sink, images=np.zeros((2, 3, 3), np.uint8), label=np.array([0, 1]))
    return sink.getvalue()


def seed_zip() -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("cat/1.png", b"\x89PNG\r\n\x1a\n")
        archive.writestr("labels.csv", "file,label\ncat/1.png,cat\n")
    return sink.getvalue()


def seed_parquet() -> bytes:
    sink = io.BytesIO()
    pd.DataFrame({"a": [1.5, None], "b": ["x", "y"]}).to_parquet(sink)
    return sink.getvalue()


TARGETS: dict[str, tuple[Callable[[bytes], object], Callable[[], bytes]]] = {
    "json": (
        lambda content: strict_json.parse_strict(content, what="the file"),
        lambda: json.dumps({"a": [1, 2.5, None, "x"], "b": {}}).encode(),
    ),
    "result": (read_result, seed_result),
    "arrow": (
        lambda content: arrow_stream.read_table(content, SCHEMA, name="t"),
        lambda: arrow_stream.table_bytes(TABLE, SCHEMA, name="t"),
    ),
    "csv": (with_file(csv_table.read_csv), lambda: 'a;b\n1,5;x\n2;"y\ny"\n'.encode("utf-16")),
    "parquet": (with_file(parquet_table.read_parquet), seed_parquet),
    "excel": (with_file(excel_table.read_excel), seed_excel),
    "npz": (with_file(npz_images.read_npz), seed_npz),
    "zip": (with_file(image_archive.read_image_archive), seed_zip),
}


def main() -> None:
    """Fuzz the target named first; the other arguments are libFuzzer's."""
    name, *options = sys.argv[1:]
    read, seed = TARGETS[name]
    corpus = Path(tempfile.mkdtemp())
    (corpus / "seed").write_bytes(seed())

    def one_input(content: bytes) -> None:
        try:
            read(content)
        except AssayError as error:
            if not error.message.endswith((".", "?", "!")):
                raise ValueError(f"not a sentence: {error.message}") from error

    one_input(seed())
    atheris.Setup([sys.argv[0], *options, str(corpus)], one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
