"""Inside the sandbox: a model kept open, answering one table of rows after the other."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import ipc

from analyzers.core.dataset import Dataset
from analyzers.core.errors import AssayError, RefusedFile
from analyzers.core.model import Model
from analyzers.jobs.arrow_stream import table_bytes
from analyzers.jobs.hostile_text import tame
from analyzers.jobs.live_frames import FrameError, read_frame, write_frame
from analyzers.predictions import PREDICTION_SCHEMA, predict, table_of

MOST_QUESTION_BYTES = 64 * 1024 * 1024


def answer_questions(data: Dataset, model: Model | None, connection: int) -> int:
    """Answer until the host closes its end; return the exit code.

    Args:
        data: the opened data; its columns' dtypes are what the model takes.
        model: matched to the subject.
        connection: descriptor of the socket.
    """
    if model is None:
        _say_error(connection, RefusedFile("Expected a model, got predictions only."))
        return 0
    about = {"kind": model.kind, "capabilities": sorted(model.capabilities)}
    write_frame(connection, "ready", json.dumps(about).encode(), deadline=None)
    while True:
        try:
            frame = read_frame(connection, most=MOST_QUESTION_BYTES, deadline=None)
        except FrameError:
            return 0
        try:
            with ipc.open_stream(pa.py_buffer(frame.content)) as reader:
                rows = reader.read_pandas()
            table = table_of(predict(model, like(data, rows)))
            content = table_bytes(table, PREDICTION_SCHEMA, name="predictions")
            write_frame(connection, "table", content, deadline=None)
        except AssayError as error:
            _say_error(connection, error)
        except Exception as error:
            sentence = f"The model stopped on {type(error).__name__}: {tame(str(error), most=300)}"
            _say_error(connection, AssayError(sentence, remedy="Change the values and ask again."))


def like(data: Dataset, rows: pd.DataFrame) -> Dataset:
    """Return rows as a dataset whose columns have the dtypes of `data`.

    Raises:
        RefusedFile: a feature is missing, or a value does not fit its column.
    """
    names = [column.name for column in data.subject.features]
    missing = [name for name in names if name not in rows.columns]
    if missing:
        raise RefusedFile(
            f"Expected a value for every feature, got none for {', '.join(missing[:5])}.",
            remedy="Give all the features the model was fitted on.",
        )
    columns: dict[str, Any] = {}
    for name in names:
        try:
            columns[name] = rows[name].astype(data.frame[name].dtype)
        except (TypeError, ValueError) as error:
            raise RefusedFile(
                f"Expected values of the kind {data.frame[name].dtype} in {name!r}, got others.",
                remedy="Give values like those in the data.",
            ) from error
    return Dataset(
        subject=data.subject,
        frame=pd.DataFrame(columns),
        labels=None,
        rows=np.arange(len(rows), dtype=np.int64),
    )


def _say_error(connection: int, error: AssayError) -> None:
    body = {"message": error.message, "remedy": error.remedy}
    write_frame(connection, "error", json.dumps(body).encode(), deadline=None)
