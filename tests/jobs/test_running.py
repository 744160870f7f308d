import os
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from analyzers.core.job import Failed, Limits, Running, Stopped
from analyzers.core.params import NoParams
from analyzers.core.subject import Files
from analyzers.inspection import InspectionParams
from analyzers.jobs.launcher import Worker, launcher
from analyzers.jobs.store import Store
from analyzers.jobs.supervisor import supervisor_of
from analyzers.performance import ANALYZER as PERFORMANCE
from analyzers.predictions import PREDICTIONS
from tests.jobs.uploads import (
    Halves,
    Hoarding,
    Looping,
    Printing,
    credit_subject,
    leftovers,
    program_files,
)

pytestmark = [pytest.mark.sandbox]
SMALL = Limits(wall_seconds=30, memory_bytes=500 * 2**20)
LOOK = InspectionParams(target="outcome")


def wait_running(runner, job_id):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        state = runner.state(job_id)
        if isinstance(state, Running) and state.progress.elapsed_seconds >= 0:
            workers = [w for w in launcher()._workers.values() if w.protection.layers]
            if workers:
                return workers[-1]
        time.sleep(0.01)
    raise AssertionError(runner.state(job_id))


def is_running(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state not in ("Z", "X")


def test_a_question_is_answered_and_the_answer_says_where_it_comes_from(runner, store):
    subject = credit_subject(runner, store, training=True)

    job_id = runner.submit(PERFORMANCE, subject, PERFORMANCE.params())

    assert runner.wait(job_id, timeout=60).state == "done"
    result = runner.result(job_id)
    assert result.job.id == job_id
    assert result.measurements.tables
    assert result.provenance.versions["numpy"]
    assert "only the system calls that computing needs" in result.provenance.protection
    assert result.provenance.started.startswith("20")
    assert leftovers(store) == []
    assert [record.analyzer for record in store.history()] == ["performance"]
    assert store.history()[0].subject_name == "credit"


def test_asking_again_finds_the_answer_without_a_worker(runner, store, monkeypatch):
    subject = credit_subject(runner, store)
    job_id = runner.submit(PREDICTIONS, subject, NoParams())
    assert runner.wait(job_id, timeout=60).state == "done"
    monkeypatch.setattr(launcher(), "launch", lambda *a, **k: pytest.fail("a worker was started"))

    assert runner.submit(PREDICTIONS, subject, NoParams()) == job_id
    assert runner.state(job_id).state == "done"


def test_two_who_ask_at_once_share_one_worker(runner, store, monkeypatch):
    subject = credit_subject(runner, store)
    started = []
    launch = launcher().launch

    def count(*arguments, **choices):
        started.append(1)
        return launch(*arguments, **choices)

    monkeypatch.setattr(launcher(), "launch", count)
    ids = []
    threads = [
        threading.Thread(target=lambda: ids.append(runner.submit(PREDICTIONS, subject, NoParams())))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(ids)) == 1
    assert runner.wait(ids[0], timeout=60).state == "done"
    assert len(started) == 1


def test_predictions_are_made_once_for_all_who_need_them(runner, store):
    subject = credit_subject(runner, store)

    first = runner.submit(PERFORMANCE, subject, PERFORMANCE.params(), seed=1)
    second = runner.submit(PERFORMANCE, subject, PERFORMANCE.params(), seed=2)

    assert runner.wait(first, timeout=60).state == "done"
    assert runner.wait(second, timeout=60).state == "done"
    asked = [store._request(job_id).job.analyzer for job_id in store._job_ids()]
    assert asked.count("predictions") == 1


def test_the_same_question_has_the_same_answer_in_another_workspace_and_is_not_shared(
    runner, store, tmp_path
):
    from analyzers.jobs.runner import Runner
    from analyzers.jobs.workspaces import new_workspace

    subject = credit_subject(runner, store)
    job_id = runner.submit(PREDICTIONS, subject, NoParams())
    assert runner.wait(job_id, timeout=60).state == "done"
    other = Store(store.root, workspace=new_workspace())

    assert other.state(job_id) is None
    second = Runner(other)
    assert credit_subject(second, other).digest == subject.digest
    assert second.submit(PREDICTIONS, subject, NoParams()) == job_id
    assert second.wait(job_id, timeout=60).state == "done"
    tables = [s.result(job_id).measurements.tables["predictions"] for s in (store, other)]
    assert tables[0].equals(tables[1])


@pytest.mark.parametrize(
    ("module", "limits", "kind", "words"),
    [
        (Looping(), Limits(wall_seconds=2), "timeout", "2 seconds"),
        (Looping(), Limits(cpu_seconds=2), "timeout", "processor time"),
        (Hoarding(), SMALL, "memory", "500 MB"),
        (Printing(), Limits(wall_seconds=30), "output", "printed"),
    ],
    ids=["hangs", "burns processor time", "hoards memory", "prints for ever"],
)
def test_a_model_that_misbehaves_ends_in_a_sentence(runner, store, module, limits, kind, words):
    job_id = runner.inspect(program_files(store, module), LOOK, limits=limits)

    state = runner.wait(job_id, timeout=60)

    assert isinstance(state, Failed), state
    assert state.kind == kind, state
    assert words in state.message
    assert state.remedy
    assert "Traceback" not in state.message
    assert leftovers(store) == []


@pytest.mark.parametrize(
    ("number", "kind", "words"),
    [(signal.SIGSEGV, "crashed", "SIGSEGV"), (signal.SIGKILL, "memory", "system ended")],
)
def test_a_worker_that_dies_mid_job_ends_in_a_sentence(runner, store, number, kind, words):
    job_id = runner.inspect(program_files(store, Looping()), LOOK)
    worker = wait_running(runner, job_id)

    os.kill(worker.process, number)
    state = runner.wait(job_id, timeout=30)

    assert isinstance(state, Failed)
    assert (state.kind, words in state.message) == (kind, True), state


def test_after_a_crash_the_next_question_is_answered(runner, store):
    job_id = runner.inspect(program_files(store, Looping()), LOOK)
    os.kill(wait_running(runner, job_id).process, signal.SIGSEGV)
    runner.wait(job_id, timeout=30)

    good = runner.inspect(program_files(store, Halves()), LOOK)

    assert runner.wait(good, timeout=60).state == "done", runner.state(good)


def test_a_running_question_is_cancelled_and_its_worker_with_it(runner, store):
    job_id = runner.inspect(program_files(store, Looping()), LOOK)
    worker = wait_running(runner, job_id)

    runner.cancel(job_id)
    state = runner.wait(job_id, timeout=30)

    assert isinstance(state, Stopped)
    assert not is_running(worker.process)
    assert isinstance(store.state(job_id), Stopped)
    assert leftovers(store) == []


def test_a_queued_question_is_cancelled_while_it_waits(runner, store):
    busy = [
        runner.inspect(program_files(store, Looping()), LOOK, limits=Limits(wall_seconds=60 + n))
        for n in range(2)
    ]
    for job_id in busy:
        wait_running(runner, job_id)
    queued = runner.inspect(program_files(store, Halves()), LOOK)
    assert runner.state(queued).state == "queued"

    runner.cancel(queued)

    assert isinstance(runner.wait(queued, timeout=30), Stopped)
    assert all(isinstance(runner.state(job_id), Running) for job_id in busy)
    for job_id in busy:
        runner.cancel(job_id)
        assert isinstance(runner.wait(job_id, timeout=30), Stopped)


def test_a_cancelled_question_can_be_asked_again(runner, store):
    files = program_files(store, Looping())
    job_id = runner.inspect(files, LOOK)
    wait_running(runner, job_id)
    runner.cancel(job_id)
    runner.wait(job_id, timeout=30)

    assert runner.inspect(files, LOOK) == job_id
    assert runner.state(job_id).state in ("queued", "running")
    runner.cancel(job_id)
    assert isinstance(runner.wait(job_id, timeout=30), Stopped)


def test_the_parent_of_workers_is_single_threaded_and_has_an_empty_environment(runner):
    process = launcher().process

    assert launcher().warmth.n_threads == 1
    environment = Path(f"/proc/{process}/environ").read_text()
    names = {pair.partition("=")[0] for pair in environment.split("\0") if pair}
    assert names.isdisjoint({"PATH", "USER", "LOGNAME", "SSH_AUTH_SOCK", "AWS_SECRET_ACCESS_KEY"})
    assert len(names) < 16


def test_the_parent_dying_fails_its_jobs_and_is_replaced(runner, store):
    job_id = runner.inspect(program_files(store, Looping()), LOOK)
    worker: Worker = wait_running(runner, job_id)
    parent = launcher().process

    os.kill(parent, signal.SIGKILL)
    state = runner.wait(job_id, timeout=30)

    assert isinstance(state, Failed)
    assert state.kind in ("lost", "memory")
    assert not is_running(worker.process)
    good = runner.inspect(program_files(store, Halves()), LOOK)
    assert runner.wait(good, timeout=120).state == "done"
    assert launcher().process != parent
    assert launcher().wait_warm(120)


def test_a_worker_that_is_lost_is_gone_before_it_counts_as_ended():
    with subprocess.Popen(["/bin/sleep", "600"], start_new_session=True) as process:
        worker = Worker("lost")
        worker.mark_started(process.pid, -1, os.pidfd_open(process.pid))

        worker.mark_lost()

        assert not is_running(process.pid)
        assert worker.wait(0)
        worker.close()


def test_a_table_of_a_thousand_columns_fits_into_a_worker(runner, store):
    names = [f"c{at}" for at in range(1000)]
    line = ",".join(["0.1234567890123456"] * 1000)
    text = "\n".join(
        [",".join([*names, "score", "paid"])] + [f"{line},0.4,1", f"{line},0.6,0"] * 250
    )
    files = Files(data=store.add_file(text.encode(), "wide.csv"))

    job_id = runner.inspect(files, InspectionParams(target="paid", score_column="score"))

    assert runner.wait(job_id, timeout=120).state == "done", runner.state(job_id)


def test_a_lost_file_is_said_before_anything_runs(runner, store):
    files = program_files(store, Halves())
    store.remove_file(files.model)

    with pytest.raises(Exception, match="upload it again"):
        runner.inspect(files, LOOK)


def test_removing_an_upload_stops_what_is_asked_about_it_and_nothing_else(runner, store):
    files, others = program_files(store, Looping()), program_files(store, Halves())
    going = runner.inspect(files, LOOK)
    wait_running(runner, going)
    answered = runner.inspect(others, LOOK)
    assert runner.wait(answered, timeout=120).state == "done"

    runner.remove_file(files.model)

    assert supervisor_of(store, going) is None
    assert files.model not in store.uploads()
    assert others.model in store.uploads()
    assert runner.result(answered).measurements.tables


def test_nothing_is_supervised_any_more_when_the_runner_is_closed(runner, store):
    job_id = runner.inspect(program_files(store, Looping()), LOOK)
    wait_running(runner, job_id)

    runner.close()

    assert supervisor_of(store, job_id) is None
    assert isinstance(store.state(job_id), Stopped)
