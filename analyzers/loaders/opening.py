"""Opening a subject's files, inside the worker: once to inspect them, then for every job."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from analyzers.core.dataset import Dataset
from analyzers.core.model import Inputs, Model
from analyzers.core.result import Measurements
from analyzers.core.subject import Files, Subject
from analyzers.inspection import InspectionParams
from analyzers.loaders.alignment import align
from analyzers.loaders.loaded_model import LoadedModel
from analyzers.loaders.matched_model import MatchedModel
from analyzers.loaders.matched_text_network import MatchedTextNetwork
from analyzers.loaders.model_files import load_model
from analyzers.loaders.proposal import propose
from analyzers.loaders.table_files import load_table
from analyzers.loaders.text_network import TextAnswer
from analyzers.loaders.trial import try_model

_PROBE_ROWS = 256


class OpenPaths(NamedTuple):
    """Where the files of one upload are, inside the sandbox."""

    data: Path
    model: Path | None
    training_data: Path | None


class Opened(NamedTuple):
    """A subject, opened: rows matched to the model, and what was changed on the way."""

    data: Dataset
    training_data: Dataset | None
    model: Model | None
    changes: tuple[str, ...]


def inspect_files(files: Files, paths: OpenPaths, params: InspectionParams) -> Measurements:
    """Read an upload and propose what is what.

    Args:
        files: the names the files were uploaded under.
        paths: where they are.
        params: what the user already said.

    Returns:
        Facts and the tables of `analyzers.inspection.INSPECTION_TABLES`.

    Raises:
        RefusedFile: a file was not opened, or model and table do not fit.
        ModelMisbehaved: the model fails on the first rows.
    """
    table, data_format = load_table(paths.data, files.data)
    loaded, model_format = None, ""
    if paths.model is not None and files.model is not None:
        loaded, found = load_model(paths.model, files.model)
        model_format = found.name
    training = None
    if paths.training_data is not None and files.training_data is not None:
        training, _ = load_table(paths.training_data, files.training_data)
    proposal = propose(files, table, training, loaded, params)
    # Whether the rest fits is known from the proposal; the model is tried on the first rows.
    data, _ = align(table.head(_PROBE_ROWS), proposal.subject)
    notes: list[str] = []
    if training is not None:
        _, training_changes = align(training, proposal.subject, about="The training table")
        notes.extend(training_changes)
    if loaded is not None:
        model = match_model(loaded, proposal.subject, data)
        notes.extend(try_model(model, data, is_raw=loaded.has_raw_outputs))
    return proposal.measurements(
        data_format=data_format.name,
        model_format=model_format,
        n_training_rows=None if training is None else training.n_rows,
        more=notes,
    )


def open_subject(subject: Subject, paths: OpenPaths, *, with_model: bool) -> Opened:
    """Open a subject's files exactly as its columns say.

    Args:
        subject: as the user confirmed it.
        paths: where its files are.
        with_model: whether the analysis needs the model.

    Raises:
        RefusedFile: a file was not opened, or does not hold what the subject says.
    """
    table, _ = load_table(paths.data, subject.files.data)
    data, changes = align(table, subject)
    training_data = None
    if paths.training_data is not None and subject.files.training_data is not None:
        training, _ = load_table(paths.training_data, subject.files.training_data)
        training_data, more = align(training, subject, about="The training table")
        changes = (*changes, *training.changes, *more)
    model = None
    if with_model and paths.model is not None and subject.files.model is not None:
        loaded, _ = load_model(paths.model, subject.files.model)
        model = match_model(loaded, subject, data)
        changes = (*changes, *loaded.notes)
    return Opened(data, training_data, model, (*table.changes, *changes))


def match_model(loaded: LoadedModel, subject: Subject, data: Dataset) -> Model:
    """Match a loaded model to a subject, telling from the first rows what its outputs mean."""
    if loaded.is_differentiable:
        from analyzers.loaders.matched_torch import MatchedTorchModel

        return MatchedTorchModel(loaded, subject, first_rows(data))
    if isinstance(loaded.answer, TextAnswer):
        return MatchedTextNetwork(loaded, subject, first_rows(data))
    return MatchedModel(loaded, subject, first_rows(data))


def first_rows(data: Dataset) -> Inputs:
    """Return the model's inputs for the first rows."""
    return data.take(np.arange(min(_PROBE_ROWS, len(data)), dtype=np.int64)).inputs
