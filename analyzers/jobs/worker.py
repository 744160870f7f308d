"""What runs inside the sandbox: open the upload, measure, write the answer down.

Only the zygote starts it, after locking the process down. Everything it says leaves through files
that the host distrusts; it never talks to the host's code.
"""

import json
import os
import re
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from analyzers.core.dataset import Predictions
from analyzers.core.errors import AssayError, Cancelled, RefusedFile, SandboxUnavailable
from analyzers.core.extras import explain_missing
from analyzers.core.job import Limits, Request
from analyzers.core.params import check_params
from analyzers.core.result import Measurements, Provenance
from analyzers.core.subject import FileRef, Subject, Trust
from analyzers.core.value import Value
from analyzers.core.workbench import Workbench
from analyzers.jobs.codec import read_output, write_output
from analyzers.jobs.declared import INSPECTION, analyzer_for, declared_tables
from analyzers.jobs.hostile_text import tame
from analyzers.jobs.plain_files import write_whole
from analyzers.jobs.tracking import FileTracker
from analyzers.loaders import opening
from analyzers.loaders.formats import Use, identify
from analyzers.predictions import PREDICTIONS, predictions_from

_MOST_FRAMES = 12
_FAILED_ALLOCATION = re.compile(
    r"bad_alloc|can.t allocate memory|[Uu]nable to allocate|not enough memory|malloc of size"
)


class InputPaths(Value):
    """Where the host put what the request's digests stand for, and what was answered before."""

    data: str
    model: str | None = None
    training_data: str | None = None
    groundwork: str | None = None

    @property
    def to_open(self) -> opening.OpenPaths:
        """Return the uploads alone."""
        return opening.OpenPaths(
            data=Path(self.data),
            model=Path(self.model) if self.model else None,
            training_data=Path(self.training_data) if self.training_data else None,
        )


def work(
    task: str, *, folder: Path, limits: Limits, admits_programs: bool, connection: int | None
) -> int:
    """Do one task and return the exit code.

    Args:
        task: "job" or "live".
        folder: holds `inputs/` and `scratch/`.
        limits: what this process may use.
        admits_programs: whether a file that carries a program or code may be opened.
        connection: a socket for questions, for the live task.
    """
    tracker = FileTracker(folder / "scratch" / "progress.json")
    try:
        use_threads(limits.threads)
        inputs = folder / "inputs"
        request = Request.model_validate_json((inputs / "request.json").read_bytes())
        paths = InputPaths.model_validate_json((inputs / "paths.json").read_bytes())
        if not admits_programs:
            refuse_programs(request, paths)
        if task == "live" and connection is not None:
            from analyzers.jobs.live_worker import answer_questions

            bench, _ = open_bench(request, paths, tracker, {}, needs_model=True)
            return answer_questions(bench.data, bench.model, connection)
        output = folder / "scratch" / "output"
        output.mkdir()
        _run_job(request, paths, tracker, _read_groundwork(paths), output)
    except Cancelled:
        return 0
    except AssayError as error:
        if _ran_out_of_memory(error):
            _write_error(folder, "memory", *_too_much_memory(limits))
        else:
            _write_error(folder, error.kind, error.message, error.remedy)
    except ModuleNotFoundError as error:
        missing = explain_missing(error)
        _write_error(folder, missing.kind, missing.message, missing.remedy)
    except BaseException as error:
        if _ran_out_of_memory(error):
            _write_error(folder, "memory", *_too_much_memory(limits))
            return 0
        _write_error(
            folder,
            "error",
            f"The analysis stopped on an unexpected {type(error).__name__}: "
            f"{tame(_text_of(error), most=300)}",
            "Check that the data fit the model; if they do, report this with the analysis's name.",
            where=_where(error),
        )
    return 0


def use_threads(n_threads: int) -> None:
    """Let the libraries that are loaded use `n_threads`; the parent held them to one."""
    from threadpoolctl import threadpool_limits

    threadpool_limits(n_threads)
    os.environ["OMP_NUM_THREADS"] = str(n_threads)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(n_threads)


def refuse_programs(request: Request, paths: InputPaths) -> None:
    """Refuse files that carry a program where nothing contains one.

    Raises:
        SandboxUnavailable: names the format and the way out.
    """
    uploads: tuple[tuple[FileRef | None, str | None, Use], ...] = (
        (request.files.data, paths.data, "table"),
        (request.files.model, paths.model, "model"),
        (request.files.training_data, paths.training_data, "table"),
    )
    for ref, path, use in uploads:
        if ref is None or path is None:
            continue
        trust = identify(Path(path), ref.name, use=use).trust
        if trust != Trust.DATA:
            raise SandboxUnavailable(
                f"Expected a format that carries data only, because this system cannot lock a "
                f"worker down; got {ref.name!r}, whose format can carry {trust.value}.",
                remedy="Upload a table of predictions, or run Assay on Linux 5.13 or later; the "
                "person who runs the server can accept the risk (docs/security.md).",
            )


def open_bench(
    request: Request,
    paths: InputPaths,
    tracker: FileTracker,
    groundwork: Mapping[str, Measurements],
    *,
    needs_model: bool,
) -> tuple[Workbench, tuple[str, ...]]:
    """Open what a question needs, and return it with what was changed on the way."""
    subject = request.subject
    if subject is None:
        raise RefusedFile("Expected a subject, got none.", remedy="Set the columns first.")
    tracker.say("Opening the model and the data" if needs_model else "Opening the data")
    answers = groundwork.get(PREDICTIONS.name, Measurements()).tables
    opened = opening.open_subject(subject, paths.to_open, with_model=needs_model)
    bench = Workbench(
        subject=subject,
        data=opened.data,
        training_data=opened.training_data,
        predictions=_predictions(answers.get("predictions"), subject),
        training_predictions=_predictions(answers.get("training_predictions"), subject),
        model=opened.model,
        rng=np.random.default_rng(request.job.seed),
        track=tracker,
        was_ended=tracker.was_ended,
        groundwork=groundwork,
    )
    return bench, tuple(opened.changes)


def _run_job(
    request: Request,
    paths: InputPaths,
    tracker: FileTracker,
    groundwork: Mapping[str, Measurements],
    output: Path,
) -> None:
    job = request.job
    measurements: Measurements
    changes: tuple[str, ...] = ()
    if job.analyzer == INSPECTION:
        from analyzers.inspection import InspectionParams

        tracker.say("Looking at the files")
        params = check_params(InspectionParams, job.params)
        measurements = opening.inspect_files(request.files, paths.to_open, params)
    else:
        analyzer = analyzer_for(job.analyzer)
        subject = request.subject
        needs_model = subject is not None and (
            analyzer.needs.uses_model(subject)
            or (analyzer is PREDICTIONS and subject.files.model is not None)
        )
        bench, changes = open_bench(request, paths, tracker, groundwork, needs_model=needs_model)
        _seed_torch(job.seed)
        measurements = analyzer.measure(bench, check_params(analyzer.params, job.params))
    tracker.say("Writing the result")
    provenance = Provenance(
        seed=job.seed, changes=tuple(tame(change) for change in changes),
        sampling=tuple(measurements.sampling),
    )  # fmt: skip
    write_output(output, measurements, provenance, declared_tables(job.analyzer))


def _read_groundwork(paths: InputPaths) -> dict[str, Measurements]:
    """Read what the host laid beside the request, by the name of the analyzer that measured it."""
    if paths.groundwork is None:
        return {}
    found = {}
    for path in sorted(Path(paths.groundwork).iterdir()):
        n_bytes = sum(file.stat().st_size for file in path.iterdir())
        read = read_output(path, declared_tables(path.name), most_bytes=n_bytes)
        found[path.name] = read.measurements
    return found


def _predictions(table: pa.Table | None, subject: Subject) -> Predictions | None:
    return None if table is None else predictions_from(table, subject)


def _seed_torch(seed: int) -> None:
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)


def _too_much_memory(limits: Limits) -> tuple[str, str]:
    return (
        f"The work needed more memory than a worker has ({limits.memory_bytes // 2**20:,} MB).",
        "Use fewer rows, or ask the person who runs the server to raise ASSAY_MEMORY_MB.",
    )


def _ran_out_of_memory(error: BaseException | None) -> bool:
    """Look for a failed allocation in an error and what caused it; C++ has no class for it."""
    for _ in range(_MOST_FRAMES):
        if error is None:
            return False
        if isinstance(error, MemoryError) or _FAILED_ALLOCATION.search(_text_of(error)):
            return True
        error = error.__cause__ or error.__context__
    return False


def _text_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:
        return "(no message)"


def _where(error: BaseException) -> tuple[str, ...]:
    """File, line and function of the last frames; never a value or a message."""
    frames = traceback.extract_tb(error.__traceback__)[-_MOST_FRAMES:]
    return tuple(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames)


def _write_error(
    folder: Path, kind: str, message: str, remedy: str, where: tuple[str, ...] = ()
) -> None:
    body = {"kind": kind, "message": message, "remedy": remedy, "where": where}
    content = json.dumps(body).encode()
    write_whole(folder / "scratch" / "error.json", content, durable=False)
