"""What the sandbox costs: starting a worker, opening a model, predicting, cancelling.

The peer is the same work in a process that trusts the file: plain Python, scikit-learn and skops.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd
import skops.io
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder

from analyzers.core.job import Limits, Stopped
from analyzers.core.params import NoParams
from analyzers.core.subject import Files, Subject
from analyzers.inspection import InspectionParams, propose_subject
from analyzers.jobs.launcher import launcher
from analyzers.jobs.runner import Runner
from analyzers.jobs.store import Store
from analyzers.jobs.workspaces import new_workspace
from analyzers.predictions import PREDICTIONS, predictions_from
from tests.benches import credit_frame

Answer = TypeVar("Answer")
FEATURES = ["income", "age", "sex", "region"]
START_LIMIT, CANCEL_LIMIT, OVERHEAD_LIMIT = 0.3, 1.0, 1.10
COLD_IMPORTS = "numpy, pandas, pyarrow, sklearn.ensemble, skops.io, torch, shap, xgboost, lightgbm"


def main() -> None:
    """Print one JSON line per comparison."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sandbox", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repetitions, under 50 s")
    repeats = 5 if parser.parse_args().quick else 25
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "store", workspace=new_workspace())
        runner = Runner(store)
        try:
            measure(store, runner, repeats)
        finally:
            runner.close()
            launcher().close()


def measure(store: Store, runner: Runner, repeats: int) -> None:
    """Measure everything, in the order in which a user meets it."""
    model = fitted_forest()
    rows = credit_frame(10_000, 2)
    launcher().wait_warm(180)
    warmth = launcher().warmth
    assert warmth is not None
    cold, _ = timed(cold_start, 1)
    report("warm the workers' parent up, once", "all libraries", warmth.seconds, peer_s=None)
    started = statistics.median(start_worker(store) for _ in range(repeats))
    report("start a worker, locked down", "1", started, peer_s=cold, limit_s=START_LIMIT,
           peer="a cold Python with the same imports")  # fmt: skip

    subject = confirmed_subject(store, runner, model, rows)
    content = store.file_path(subject.files.model).read_bytes() if subject.files.model else b""
    path = Path(store.folder) / "model.skops"
    path.write_bytes(content)
    trusted = skops.io.get_untrusted_types(file=path)
    load, loaded = timed(lambda: skops.io.load(path, trusted=trusted), 3)
    csv = store.file_path(subject.files.data)
    table, _ = timed(lambda: pd.read_csv(csv), 3)
    opened, live = timed(lambda: runner.open_live(subject), 3)
    report("open a model and its table for questions", "10,000 rows", opened, peer_s=load + table,
           peer="skops.io.load and pandas.read_csv in-process")  # fmt: skip

    for size, count in ((1, repeats * 4), (10_000, repeats)):
        part = rows[FEATURES].head(size)
        ours, answer = timed(lambda part=part: live.predict(part), count)
        theirs, expected = timed(lambda part=part: loaded.predict_proba(part), count)
        report(
            "predict with a model kept open", f"{size:,} rows", ours, peer_s=theirs,
            peer="predict_proba in-process",
            limit_s=theirs * OVERHEAD_LIMIT if size > 1 else None,
            agree=bool(np.allclose(answer.scores, expected, rtol=0, atol=1e-12)),
        )  # fmt: skip

    job_s, job_id = timed(lambda: ask_predictions(runner, subject), 1)
    given = predictions_from(runner.result(job_id).measurements.tables["predictions"], subject)
    expected_scores = loaded.predict_proba(rows[FEATURES])

    def in_process() -> None:
        skops.io.load(path, trusted=trusted).predict_proba(pd.read_csv(csv)[FEATURES])

    whole, _ = timed(in_process, 3)
    report("a whole job: start, open, predict, keep", "10,000 rows", job_s, peer_s=whole,
           peer="load, read and predict in-process",
           agree=bool(np.allclose(given.scores, expected_scores, rtol=0, atol=1e-12)))  # fmt: skip
    again, _ = timed(lambda: ask_predictions(runner, subject), 3)
    report("the same question again", "10,000 rows", again, peer_s=whole,
           peer="load, read and predict in-process")  # fmt: skip
    report("cancel a running job", "1", cancel(runner, subject), peer_s=None, limit_s=CANCEL_LIMIT)


def cold_start() -> None:
    """Start a Python and import what a worker finds imported."""
    subprocess.run([sys.executable, "-c", f"import {COLD_IMPORTS}"], check=True)


def fitted_forest() -> Pipeline:
    """Fit the forest under test: 200 trees in a pipeline with a one-hot encoder."""
    training = credit_frame(2000, 1)
    encoder = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["sex", "region"]), remainder="passthrough"
    )
    forest = RandomForestClassifier(n_estimators=200, max_depth=10, random_state=0)
    return make_pipeline(encoder, forest).fit(training[FEATURES], training["granted"])


def confirmed_subject(store: Store, runner: Runner, model: Pipeline, rows: pd.DataFrame) -> Subject:
    """Upload model and rows and take the proposal as it is."""
    files = Files(
        data=store.add_file(rows.to_csv(index=False).encode(), "rows.csv"),
        model=store.add_file(skops.io.dumps(model), "model.skops"),
    )
    params = InspectionParams(target="granted", positive_class="yes")
    job_id = runner.inspect(files, params)
    state = runner.wait(job_id, timeout=60)
    if state.state != "done":
        raise SystemExit(f"the upload was not opened: {state}")
    return propose_subject(runner.result(job_id), files, name="bench")


def start_worker(store: Store) -> float:
    """Return the seconds until a new worker is locked down; it then has nothing to do and ends."""
    with store.work_folder() as folder:
        (folder / "inputs").mkdir()
        (folder / "scratch").mkdir()
        started = time.perf_counter()
        worker = launcher().launch("job", folder, readable=(), limits=Limits())
        if not worker.wait_locked(threading.Event()):
            raise SystemExit("the worker did not lock itself down")
        seconds = time.perf_counter() - started
        worker.wait(5)
        worker.close()
    return seconds


def ask_predictions(runner: Runner, subject: Subject) -> str:
    """Ask for the predictions and wait."""
    job_id = runner.submit(PREDICTIONS, subject, NoParams())
    if runner.wait(job_id, timeout=120).state != "done":
        raise SystemExit(f"the predictions failed: {runner.state(job_id)}")
    return job_id


def cancel(runner: Runner, subject: Subject) -> float:
    """Return the seconds from asking to stop until the worker is dead and the state says so."""
    job_id = runner.submit(PREDICTIONS, subject, NoParams(), seed=1)
    while runner.state(job_id).state == "queued":
        time.sleep(0.001)
    time.sleep(0.1)
    started = time.perf_counter()
    runner.cancel(job_id)
    state = runner.wait(job_id, timeout=10)
    seconds = time.perf_counter() - started
    if not isinstance(state, Stopped):
        raise SystemExit(f"expected a cancelled job, got {state}")
    return seconds


def timed(work: Callable[[], Answer], repeats: int) -> tuple[float, Answer]:
    """Return the median seconds and the last answer."""
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        answer = work()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds), answer


def report(
    work: str,
    size: str,
    ours_s: float,
    *,
    peer_s: float | None,
    peer: str = "",
    limit_s: float | None = None,
    agree: bool | None = None,
) -> None:
    """Print one comparison."""
    line = {
        "work": work,
        "size": size,
        "ours_s": round(ours_s, 5),
        "peer": peer or None,
        "peer_s": None if peer_s is None else round(peer_s, 5),
        "limit_s": None if limit_s is None else round(limit_s, 5),
        "ratio": None if peer_s is None else round(peer_s / ours_s, 3),
        "agree": agree,
        "extrapolated": False,
    }
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
