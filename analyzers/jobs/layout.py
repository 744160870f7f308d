"""The folder a worker starts with: what it may read, and an empty place to write."""

import json
from collections.abc import Sequence
from pathlib import Path

from analyzers.core.job import Request
from analyzers.core.result import Result
from analyzers.jobs.codec import write_output
from analyzers.jobs.declared import declared_tables
from analyzers.jobs.plain_files import write_whole
from analyzers.jobs.store import Store


def lay_out(
    store: Store,
    request: Request,
    folder: Path,
    *,
    groundwork: Sequence[Result] = (),
) -> tuple[Path, ...]:
    """Fill `inputs/` and make `scratch/`.

    Args:
        store: where the uploads are.
        request: what the worker is asked.
        folder: empty.
        groundwork: answers that the question builds on, each of another analyzer.

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
    answers = inputs / "groundwork"
    for result in groundwork:
        paths["groundwork"] = str(answers)
        path = answers / result.job.analyzer
        path.mkdir(mode=0o700, parents=True)
        schemas = declared_tables(result.job.analyzer)
        write_output(path, result.measurements, result.provenance, schemas)
    write_whole(inputs / "paths.json", json.dumps(paths).encode(), durable=False)
    write_whole(inputs / "request.json", request.model_dump_json().encode(), durable=False)
    return tuple(uploads)
