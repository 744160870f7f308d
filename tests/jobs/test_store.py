import json
import os
import subprocess
import sys
import time
from io import BytesIO
from pathlib import Path

import pyarrow as pa
import pytest

from analyzers.core.errors import ResultError, StoreError
from analyzers.core.job import Done, Failed, Job, Progress, Queued, Request, Running
from analyzers.core.result import Measurements, Provenance, Result
from analyzers.core.subject import Files
from analyzers.jobs import store as store_module
from analyzers.jobs.declared import declared_tables
from analyzers.jobs.owner import is_alive, own_mark
from analyzers.jobs.settings import Settings
from analyzers.jobs.store import Store
from analyzers.jobs.workspaces import (
    expire_workspaces,
    new_workspace,
    remove_workspace,
    workspace_exists,
)
from analyzers.predictions import PREDICTION_SCHEMA
from tests.benches import CREDIT_COLUMNS, subject_of

SUBJECT = subject_of(CREDIT_COLUMNS, n_rows=3)


def a_request(store: Store, *, seed: int = 0, analyzer: str = "predictions") -> Request:
    files = Files(data=store.add_file(b"a,b\n1,2\n", "data.csv"))
    subject = SUBJECT.model_copy(update={"files": files})
    store.save_subject(subject)
    job = Job(analyzer=analyzer, version=1, subject=subject.digest, seed=seed)
    return Request(job=job, files=files, subject=subject)


def finish(store: Store, request: Request) -> Result:
    table = pa.table(
        {"row": [0], "label": [1.0], "predicted": [1.0], "scores": [[0.25, 0.75]]},
        schema=PREDICTION_SCHEMA,
    )
    result = Result(
        job=request.job,
        measurements=Measurements(tables={"predictions": table}),
        provenance=Provenance(),
    )
    store.begin(request)
    store.save_result(result, declared_tables("predictions"))
    store.set_state(request.job.id, Done())
    return result


def reopened(store: Store) -> Store:
    return Store(store.root, workspace=store.workspace)


def test_files_are_kept_by_content_once(store):
    first = store.add_file(b"hello", "a.csv")
    second = store.add_file(BytesIO(b"hello"), "b.csv")

    assert first.sha256 == second.sha256
    assert (first.size, first.name, second.name) == (5, "a.csv", "b.csv")
    assert store.file_path(first).read_bytes() == b"hello"
    assert len(list((store.folder / "files").iterdir())) == 1


def test_the_same_upload_again_leaves_the_first_file_alone_for_who_is_reading_it(store):
    first = store.file_path(store.add_file(b"hello", "a.csv"))
    before = first.stat()
    os.utime(first, (0, 0))

    again = store.file_path(store.add_file(b"hello", "b.csv"))

    assert (again, again.stat().st_ino, again.stat().st_nlink) == (first, before.st_ino, 1)
    assert time.time() - again.stat().st_mtime < 60


@pytest.mark.parametrize(
    ("name", "shown"),
    [("../../etc/passwd", "passwd"), ("C:\\x\\y.csv", "y.csv"), ("a\x00\u202eb", "a\ufffd\ufffdb"),
     ("", "file"), ("n" * 500, "n" * 200 + "… (cut)")],
)  # fmt: skip
def test_names_are_for_display_and_never_paths(store, name, shown):
    ref = store.add_file(b"x", name)

    assert ref.name == shown
    assert store.file_path(ref).parent == store.folder / "files"


def test_a_file_larger_than_the_server_takes_is_refused_and_leaves_nothing(store, monkeypatch):
    monkeypatch.setattr(store_module, "settings", lambda: Settings(upload_bytes=10))

    with pytest.raises(StoreError, match="at most 10 bytes"):
        store.add_file(BytesIO(b"x" * 11), "big.csv")

    assert list((store.folder / "files").iterdir()) == []


@pytest.mark.parametrize(
    "token", ["", "..", "a/b", "short", "x" * 22 + "/", "x" * 22 + "\n", "é" * 22]
)
def test_a_malformed_token_opens_nothing(tmp_path, token):
    with pytest.raises(StoreError):
        Store(tmp_path, workspace=token)
    assert list(tmp_path.iterdir()) == []


def test_tokens_cannot_be_guessed():
    tokens = {new_workspace() for _ in range(1000)}

    assert len(tokens) == 1000
    assert min(map(len, tokens)) >= 32


def test_a_workspace_sees_nothing_of_another(store):
    request = a_request(store)
    finish(store, request)
    other = Store(store.root, workspace=new_workspace())

    assert other.subjects() == []
    assert other.history() == []
    assert other.state(request.job.id) is None
    for ask in (
        lambda: other.subject(request.job.subject),
        lambda: other.result(request.job.id),
        lambda: other.file_path(request.files.data),
    ):
        with pytest.raises(StoreError):
            ask()


@pytest.mark.parametrize("identifier", ["../../x", "", "A" * 64, "0" * 63])
def test_identifiers_are_never_paths(store, identifier):
    for ask in (store.subject, store.result, store.state):
        with pytest.raises(StoreError):
            ask(identifier)


def test_subjects_are_listed_newest_first_and_a_damaged_one_is_left_out(store):
    first = SUBJECT.model_copy(update={"name": "first"})
    second = SUBJECT.model_copy(update={"name": "second"})
    for age, subject in ((20, first), (10, second)):
        digest = store.save_subject(subject)
        path = store.folder / "subjects" / f"{digest}.json"
        os.utime(path, (time.time() - age, time.time() - age))
    (store.folder / "subjects" / ("f" * 64 + ".json")).write_text('{"name": ')

    assert [subject.name for subject in store.subjects()] == ["second", "first"]
    assert store.subject(first.digest) == first
    with pytest.raises(StoreError, match="damaged"):
        store.subject("f" * 64)


def test_a_result_survives_a_restart(store):
    request = a_request(store)
    result = finish(store, request)

    again = reopened(store)

    assert again.state(request.job.id) == Done()
    read = again.result(request.job.id)
    assert read.job == request.job
    assert read.measurements.tables["predictions"].equals(result.measurements.tables["predictions"])


@pytest.mark.parametrize("state", [Queued(), Running(progress=Progress(what="Halfway"))])
def test_what_was_at_work_when_the_server_died_is_said_to_be_lost(store, state):
    request = a_request(store)
    store.begin(request)
    store.set_state(request.job.id, state)
    assert reopened(store).state(request.job.id) == state

    path = store.folder / "jobs" / request.job.id / "state.json"
    record = json.loads(path.read_text())
    gone = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True
    )
    record["owner"] = own_mark().replace(str(os.getpid()), gone.stdout.decode().strip(), 1)
    path.write_text(json.dumps(record))

    lost = reopened(store).state(request.job.id)
    assert isinstance(lost, Failed)
    assert lost.kind == "lost"
    assert "restarted" in lost.message


def test_a_process_number_used_again_is_not_mistaken_for_the_old_process():
    number, started, boot = own_mark().split(":")

    assert is_alive(own_mark())
    assert not is_alive(f"{number}:{int(started) - 1}:{boot}")
    assert not is_alive("")


def test_a_result_that_is_gone_is_said_to_be_lost(store):
    request = a_request(store)
    finish(store, request)
    for path in (store.folder / "jobs" / request.job.id / "result").iterdir():
        path.unlink()
    (store.folder / "jobs" / request.job.id / "result").rmdir()

    assert reopened(store).state(request.job.id).kind == "lost"
    assert not store.has_result(request.job.id)


def test_a_damaged_result_is_a_sentence_and_is_made_again(store):
    request = a_request(store)
    finish(store, request)
    path = store.folder / "jobs" / request.job.id / "result" / "predictions.arrow"
    path.write_bytes(path.read_bytes()[:100])

    with pytest.raises(ResultError):
        store.result(request.job.id)
    assert not store.has_result(request.job.id)
    finish(store, request)
    assert store.has_result(request.job.id)


def test_history_lists_questions_and_leaves_out_the_engines_own_and_damaged_ones(store):
    asked = a_request(store, analyzer="performance")
    store.begin(asked)
    store.begin(a_request(store, analyzer="predictions"))
    (store.folder / "jobs" / "not-a-job").mkdir()
    broken = store.folder / "jobs" / ("0" * 64)
    broken.mkdir()
    (broken / "request.json").write_text("[]")
    (broken / "state.json").write_bytes(b"\xff")

    (record,) = store.history()

    assert (record.analyzer, record.subject_name, record.job) == ("performance", "bench", asked.job)
    assert isinstance(record.state, Queued)


def test_removing_a_file_removes_what_was_made_from_it(store):
    request = a_request(store)
    finish(store, request)
    kept = store.add_file(b"other", "other.csv")

    store.remove_file(request.files.data)

    assert store.subjects() == []
    assert store.state(request.job.id) is None
    with pytest.raises(StoreError, match="upload it again"):
        store.file_path(request.files.data)
    assert store.file_path(kept).exists()


def test_expiry_removes_the_old_and_keeps_the_new_and_never_follows_a_link(store, tmp_path):
    outside = tmp_path / "precious"
    outside.mkdir()
    (outside / "file").write_text("keep me")
    old, new = store.add_file(b"old", "old"), store.add_file(b"new", "new")
    link = store.folder / "work" / "link"
    link.symlink_to(outside)
    past = time.time() - 1000
    os.utime(store.file_path(old), (past, past))
    os.utime(link, (past, past), follow_symlinks=False)

    assert store.expire(older_than=500) == 2

    assert store.file_path(new).exists()
    assert not link.is_symlink()
    assert (outside / "file").read_text() == "keep me"


def test_whole_workspaces_expire_and_are_removed_on_request(store, tmp_path):
    stranger = store.root / "not a workspace"
    stranger.mkdir()
    other = Store(store.root, workspace=new_workspace())
    past = time.time() - 1000
    os.utime(other.folder, (past, past))

    assert expire_workspaces(store.root, older_than=500) == 1

    assert not workspace_exists(store.root, other.workspace)
    assert workspace_exists(store.root, store.workspace)
    assert stranger.exists()
    remove_workspace(store.root, store.workspace)
    assert not store.folder.exists()


def test_folders_are_closed_to_other_users(store):
    for path in (store.root, store.folder, store.folder / "files"):
        assert Path(path).stat().st_mode & 0o077 == 0


def test_killing_the_server_at_any_moment_loses_no_finished_result(store):
    request = a_request(store)
    script = f"""
import pathlib, pyarrow as pa
from analyzers.core.result import *
from analyzers.jobs.store import Store
from analyzers.jobs.declared import declared_tables
from analyzers.core.job import Done, Request
from analyzers.predictions import PREDICTION_SCHEMA
store = Store(pathlib.Path({str(store.root)!r}), workspace={store.workspace!r})
first = Request.model_validate_json({request.model_dump_json()!r})
table = pa.table({{"row": range(5000), "label": [1.0] * 5000, "predicted": [1.0] * 5000,
                  "scores": [[0.25, 0.75]] * 5000}}, schema=PREDICTION_SCHEMA)
seed = len(store._job_ids())
while True:
    seed += 1
    request = first.model_copy(update={{"job": first.job.model_copy(update={{"seed": seed}})}})
    store.begin(request)
    store.save_result(
        Result(job=request.job, measurements=Measurements(tables={{"predictions": table}}),
               provenance=Provenance()),
        declared_tables("predictions"),
    )
    store.set_state(request.job.id, Done())
    print(request.job.id, flush=True)
"""
    finished = []
    for pause in (0.001, 0.005, 0.013, 0.021, 0.034):
        with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as writer:
            finished.append(writer.stdout.readline().decode().strip())
            time.sleep(pause)
            writer.kill()
            finished += writer.stdout.read().decode().split()
    assert len(finished) >= 5
    for job_id in finished:
        assert store.has_result(job_id)
        assert len(store.result(job_id).measurements.tables["predictions"]) == 5000
    for job_id in set(store._job_ids()) - set(finished):
        assert store.state(job_id) is None or store.state(job_id).state in ("failed", "done")
        if (store.folder / "jobs" / job_id / "result").exists():
            assert len(store.result(job_id).measurements.tables["predictions"]) == 5000


def test_what_a_killed_servers_worker_left_is_swept_away_and_a_living_ones_is_not(store):
    dead = store.folder / "work" / "0123~999999999:1:boot"
    (dead / "scratch").mkdir(parents=True)
    (dead / "scratch" / "big").write_text("left")
    with store.work_folder() as living:
        store.sweep()

        assert living.exists()
    assert list((store.folder / "work").iterdir()) == []
