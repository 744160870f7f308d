"""An upload as the worker sees it: files on disk, inspected, then opened."""

import hashlib
from pathlib import Path
from typing import Any

from analyzers.core.job import Job
from analyzers.core.result import Provenance, Result
from analyzers.core.subject import FileRef, Files, Subject
from analyzers.inspection import InspectionParams, notes_of, propose_subject
from analyzers.loaders.opening import Opened, OpenPaths, inspect_files, open_subject


class Upload:
    """Inspects on creation; `open` reads the files again as the subject says."""

    def __init__(
        self, data: Path, model: Path | None = None, training: Path | None = None, **params: Any
    ) -> None:
        self.files = Files(
            data=reference(data),
            model=reference(model) if model else None,
            training_data=reference(training) if training else None,
        )
        self.paths = OpenPaths(data, model, training)
        measured = inspect_files(self.files, self.paths, InspectionParams(**params))
        job = Job(analyzer="inspection", version=1, subject="0" * 64)
        self.result = Result(job=job, measurements=measured, provenance=Provenance())
        self.subject: Subject = propose_subject(self.result, self.files, name="upload")
        self.notes = notes_of(self.result)

    def open(self, subject: Subject | None = None) -> Opened:
        return open_subject(subject or self.subject, self.paths, with_model=True)

    def said(self, part: str) -> bool:
        return any(part in note for note in self.notes)


def reference(path: Path) -> FileRef:
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    return FileRef(sha256=digest, size=len(content), name=path.name)
