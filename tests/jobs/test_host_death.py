import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from analyzers.jobs.store import Store
from tests.jobs.test_running import is_running

pytestmark = pytest.mark.sandbox
ROOT = Path(__file__).parents[2]

HOST = """
import json, pathlib, sys, time
from analyzers.core.job import Running
from analyzers.jobs.launcher import launcher
from analyzers.jobs.runner import Runner
from analyzers.jobs.store import Store
from tests.jobs.test_running import LOOK, wait_running
from tests.jobs.uploads import Looping, program_files
store = Store(pathlib.Path(sys.argv[1]), workspace=sys.argv[2])
runner = Runner(store)
job_id = runner.inspect(program_files(store, Looping()), LOOK)
worker = wait_running(runner, job_id)
print(json.dumps([job_id, worker.process, launcher().process]), flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_host_that_dies_leaves_no_process_behind_and_its_job_is_lost(store, number):
    with subprocess.Popen(
        [sys.executable, "-c", HOST, str(store.root), store.workspace],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as host:
        job_id, worker, parent = json.loads(host.stdout.readline())
        assert is_running(worker)
        assert is_running(parent)

        host.send_signal(number)

    deadline = time.monotonic() + 15
    while (is_running(worker) or is_running(parent)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_running(worker)
    assert not is_running(parent)
    state = Store(store.root, workspace=store.workspace).state(job_id)
    assert (state.state, state.kind) == ("failed", "lost")
