"""From files or a sample to a subject, through the sandboxed inspection.

Nothing here opens a model or a table: the bytes go into the store, and a worker reads them.
"""

import argparse
import os
from pathlib import Path
from typing import NamedTuple

from analyzers.cli.choices import words_of
from analyzers.cli.telling import Progress
from analyzers.core.errors import InvalidParameter, RefusedFile
from analyzers.core.job import Done, Failed
from analyzers.core.subject import FileRef, Files, Subject
from analyzers.inspection import InspectionParams, notes_of, propose_subject
from analyzers.jobs.runner import Runner
from analyzers.jobs.settings import settings
from analyzers.jobs.store import Store

# One workspace for the account whose folder it is, guarded by the folder's permissions. Its name
# can be guessed, so the store must not be one that a dashboard serves (ASSAY_HOME).
WORKSPACE = "command-line-of-this-account"
SECONDS_OF_A_DAY = 86_400.0


class Examined(NamedTuple):
    """What was given, as the inspection understood it.

    Attributes:
        subject: saved in the store.
        notes: what was changed or guessed, in sentences.
    """

    subject: Subject
    notes: tuple[str, ...]


class Given(NamedTuple):
    """The files and what was said about them."""

    name: str
    model: Path | None
    data: Path
    training_data: Path | None
    params: InspectionParams


def open_store(folder: Path | None) -> Store:
    """Open the store of the command line, and remove from it what was not used for long.

    Args:
        folder: where; None for `ASSAY_STORE`, or the account's cache folder.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    root = folder or Path(os.environ.get("ASSAY_STORE") or cache / "assay")
    store = Store(root, workspace=WORKSPACE)
    store.expire(older_than=settings().keep_days * SECONDS_OF_A_DAY)
    return store


def given_by(options: argparse.Namespace) -> Given:
    """Return which files the command line names.

    Raises:
        InvalidParameter: too few, too many, or an unknown sample.
        RefusedFile: a file is not there.
    """
    if options.sample:
        if options.files:
            raise InvalidParameter(
                "Expected files or a sample, got both.", remedy="Leave one of them out."
            )
        return given_sample(options.sample)
    if not 1 <= len(options.files) <= 2:
        raise InvalidParameter(
            f"Expected a model file and a table, got {len(options.files)} files.",
            remedy="Write `assay audit MODEL DATA`, `assay audit DATA --score-column NAME` or "
            "`assay audit --sample german_credit`.",
        )
    *models, data = options.files
    model = Path(models[0]) if models and models[0] != "-" else None
    if model is None and not options.score_column:
        raise InvalidParameter(
            "Expected a model file or the column that holds its predictions, got neither.",
            remedy="Name the model before the table, or give --score-column.",
        )
    params = InspectionParams(
        target=options.target,
        positive_class=options.positive,
        sensitive=words_of(options.sensitive),
        immutable=words_of(options.immutable),
        ids=words_of(options.ids),
        score_column=options.score_column,
    )
    return Given((model or Path(data)).stem, model, Path(data), options.training_data, params)


def given_sample(name: str) -> Given:
    """Return the files of a sample.

    Raises:
        InvalidParameter: no sample has that name.
        RefusedFile: it has not been built.
    """
    from sample_models import SAMPLES

    sample = next((sample for sample in SAMPLES if sample.name == name), None)
    if sample is None:
        raise InvalidParameter(
            f"Expected the name of a sample, got {name!r}.",
            remedy=f"Choose one of: {', '.join(sample.name for sample in SAMPLES)}.",
        )
    if not sample.is_built:
        raise RefusedFile(
            f"Expected the files of the sample {name!r}, got none.",
            remedy=f"Build them first: `make samples`, or `python -m sample_models.build {name}`.",
        )
    return Given(
        sample.title, sample.model_path, sample.data_path, sample.training_data_path, sample.params
    )


def examine(store: Store, runner: Runner, given: Given, progress: Progress) -> Examined:
    """Put the files into the store, have a worker inspect them, and save the subject.

    Raises:
        RefusedFile: a file is not there, or the inspection failed; says why.
    """
    model = None if given.model is None else _keep(store, given.model)
    training = None if given.training_data is None else _keep(store, given.training_data)
    files = Files(data=_keep(store, given.data), model=model, training_data=training)
    job = runner.inspect(files, given.params)
    try:
        state = runner.wait(job, timeout=0.2)
        while state.state in ("queued", "running"):
            progress.show("inspecting the files", state)
            state = runner.wait(job, timeout=0.2)
    except BaseException:
        runner.cancel(job)
        raise
    progress.clear()
    if isinstance(state, Failed):
        raise RefusedFile(state.message, remedy=state.remedy)
    if not isinstance(state, Done):
        raise RefusedFile("The inspection was cancelled.", remedy="Run the command again.")
    result = runner.result(job)
    subject = propose_subject(result, files, name=given.name)
    store.save_subject(subject)
    return Examined(subject, notes_of(result))


def _keep(store: Store, path: Path) -> FileRef:
    if not path.is_file():
        raise RefusedFile(
            f"Expected a file at {str(path)!r}, got {'a folder' if path.is_dir() else 'nothing'}.",
            remedy="Correct the path.",
        )
    with path.open("rb") as stream:
        return store.add_file(stream, path.name)
