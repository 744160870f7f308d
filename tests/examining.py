"""An upload, looked at and examined through the real runner, as a user would."""

from typing import Any

import pandas as pd
import skops.io

from analyzers.core.analyzer import Analyzer
from analyzers.core.job import Done, JobState, Limits
from analyzers.core.result import Measurements
from analyzers.core.subject import FileRef, Files
from analyzers.inspection import InspectionParams, propose_subject
from analyzers.jobs.runner import Runner
from analyzers.jobs.store import Store

# Content and name, as they are uploaded.
Upload = tuple[bytes, str]


def table(rows: pd.DataFrame, name: str = "data.csv") -> Upload:
    return rows.to_csv(index=False).encode(), name


def estimator(model: object) -> Upload:
    return skops.io.dumps(model), "model.skops"


def examine(
    runner: Runner,
    store: Store,
    analyzer: Analyzer[Any],
    *,
    data: Upload,
    model: Upload | None = None,
    training: Upload | None = None,
    looking: InspectionParams | None = None,
    limits: Limits | None = None,
    **chosen: object,
) -> JobState | Measurements:
    """Look at the upload, examine it, and return what came of it.

    Args:
        runner: the real one.
        store: the runner's.
        analyzer: what to ask.
        data: the table to examine.
        model: the model, if any.
        training: the rows it was fitted on, if given.
        looking: how to look at the files; the column "out" is the outcome where nothing is said.
        limits: of the run itself.
        **chosen: parameters of the analyzer.
    """

    def kept(upload: Upload | None) -> FileRef | None:
        return None if upload is None else store.add_file(*upload)

    files = Files(data=store.add_file(*data), model=kept(model), training_data=kept(training))
    looked = runner.inspect(files, looking or InspectionParams(target="out"))
    state = runner.wait(looked, timeout=60)
    if not isinstance(state, Done):
        return state
    subject = propose_subject(runner.result(looked), files, name="Bad input")
    job_id = runner.submit(analyzer, subject, analyzer.params(**chosen), limits=limits)
    state = runner.wait(job_id, timeout=60)
    return runner.result(job_id).measurements if isinstance(state, Done) else state
