"""From files to a subject: keep them, have a worker look at them, and keep what it proposes."""

from typing import BinaryIO, NamedTuple

from analyzers.core.errors import StoreError
from analyzers.core.subject import Files, Role, Subject
from analyzers.core.value import Value
from analyzers.inspection import InspectionParams, propose_subject
from dashboard import engine, session
from sample_models import Sample


class PendingUpload(Value):
    """Files that a worker is looking at."""

    job: str
    name: str
    files: Files


class Upload(NamedTuple):
    """One file as the browser sent it; nothing in it has been parsed."""

    content: BinaryIO
    name: str


def begin_upload(
    name: str,
    *,
    data: Upload,
    model: Upload | None,
    training_data: Upload | None,
    params: InspectionParams,
) -> None:
    """Keep the files and have a worker look at them.

    Raises:
        AssayError: a file is too large, or the store cannot keep it.
    """
    store = engine.store()

    def kept(upload: Upload | None) -> object:
        return None if upload is None else store.add_file(upload.content, upload.name)

    files = Files.model_validate(
        {"data": kept(data), "model": kept(model), "training_data": kept(training_data)}
    )
    begin_inspection(name, files, params)


def begin_sample(sample: Sample) -> None:
    """Take a sample's files into the workspace and have a worker look at them.

    Raises:
        StoreError: the sample has not been built, or the store cannot keep it.
    """
    if not sample.is_built:
        raise StoreError(
            "Expected the sample's files, got none.",
            remedy="Run `make samples` once, then open it again.",
        )
    store = engine.store()
    training = sample.training_data_path
    files = Files(
        data=store.add_file(sample.data_path.read_bytes(), sample.data_path.name),
        model=store.add_file(sample.model_path.read_bytes(), sample.model_path.name),
        training_data=None
        if training is None
        else store.add_file(training.read_bytes(), training.name),
    )
    begin_inspection(sample.title, files, sample.params)


def begin_inspection(name: str, files: Files, params: InspectionParams) -> None:
    """Have a worker look at kept files."""
    job = engine.runner().inspect(files, params)
    pending = PendingUpload(job=job, name=name[:200], files=files)
    session.set_pending_upload(pending.model_dump_json())


def pending_upload() -> PendingUpload | None:
    """Return what a worker is looking at for this tab, or None."""
    text = session.pending_upload()
    return PendingUpload.model_validate_json(text) if text else None


def finish_upload(pending: PendingUpload) -> Subject:
    """Keep the subject that the worker proposed, and examine it from now on.

    Raises:
        AssayError: the result does not describe a subject.
    """
    result = engine.answer_to(pending.job)
    proposed = propose_subject(result, pending.files, name=pending.name)
    session.choose_subject(engine.store().save_subject(proposed))
    session.set_pending_upload("")
    return proposed


def answers_of(subject: Subject) -> InspectionParams:
    """Say of a settled subject what a user would say of its files: nothing is left to guess."""
    return InspectionParams(
        target=subject.target or "",
        positive_class=subject.positive_class or "",
        sensitive=_names(subject, "is_sensitive"),
        immutable=_names(subject, "is_immutable"),
        ids=tuple(column.name for column in subject.columns if column.role == Role.ID),
    )


def _names(subject: Subject, flag: str) -> tuple[str, ...]:
    return tuple(column.name for column in subject.columns if getattr(column, flag))
