"""The folder a worker starts with: what it may read, and an empty place to write."""

import json
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa

from analyzers.core.job import Request
from analyzers.jobs.arrow_stream import table_bytes
from analyzers.jobs.plain_files import write_whole
from analyzers.jobs.store import Store
from analyzers.predictions import PREDICTION_SCHEMA


def lay_out(
    store: Store,
    request: Request,
    folder: Path,
    *,
    predictions: Mapping[str, pa.Table] | None = None,
) -> tuple[Path, ...]:
    """Fill `inputs/` and make `scratch/`.

    Args:
        store: where the uploads are.
        request: what the worker is asked.
        folder: empty.
        predictions: the shared predictions by table name, where the question needs them.

    Returns:
        The uploads, which the worker reads where they are.
    """
    inputs = folder / "inputs"
    inputs.mkdir(mode=0o700)
    (folder / "scratch").mkdir(mode=0o700)
    paths: dict[str, str] = {}
    uploads = []
    for name in ("data", "model", "training_data"):
        ref = getattr(request.files, name)
        if ref is not None:
            uploads.append(store.file_path(ref))
            paths[name] = str(uploads[-1])
    for name, table in (predictions or {}).items():
        path = inputs / f"{name}.arrow"
        write_whole(path, table_bytes(table, PREDICTION_SCHEMA, name=name), durable=False)
        paths[name] = str(path)
    write_whole(inputs / "paths.json", json.dumps(paths).encode(), durable=False)
    write_whole(inputs / "request.json", request.model_dump_json().encode(), durable=False)
    return tuple(uploads)
