"""Every file of the hostile corpus, uploaded and inspected as a user would, in the real sandbox."""

from pathlib import Path
from typing import NamedTuple

import pytest

from analyzers.core.job import Failed, JobState, Limits
from analyzers.core.subject import Files
from analyzers.inspection import InspectionParams
from analyzers.jobs.launcher import launcher
from analyzers.jobs.runner import Runner
from analyzers.jobs.store import Store
from analyzers.jobs.workspaces import new_workspace
from tests.jobs.uploads import Halves, credit_files, leftovers, numeric_csv, program_files
from tests.loaders.hostile import Hostile, corpus

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]
CORPUS = corpus()
LIMITS = Limits(wall_seconds=20, cpu_seconds=8, memory_bytes=1500 * 2**20)
LOOK = InspectionParams(target="outcome")


class Ended(NamedTuple):
    """Where the question about one hostile file ended."""

    state: JobState
    has_fired: bool


def upload(store: Store, item: Hostile, folder: Path) -> tuple[Files, Path]:
    folder.mkdir()
    marker, path = folder / "fired", folder / item.file
    item.make(path, str(marker))
    ref = store.add_file(path.read_bytes(), item.file)
    if item.use == "table":
        return Files(data=ref), marker
    return Files(data=store.add_file(numeric_csv(), "data.csv"), model=ref), marker


@pytest.fixture(scope="module")
def ended(tmp_path_factory) -> dict[str, Ended]:
    """All are asked at once and wait in line; a benign model after them must still open."""
    root = tmp_path_factory.mktemp("hostile")
    store = Store(root / "store", workspace=new_workspace())
    runner = Runner(store)
    assert launcher().wait_warm(120)
    process = launcher().process
    asked: dict[str, tuple[str, Path]] = {}
    for at, item in enumerate(CORPUS):
        files, marker = upload(store, item, root / str(at))
        asked[item.name] = runner.inspect(files, LOOK, limits=LIMITS), marker
    states = {name: runner.wait(job_id, timeout=200) for name, (job_id, _) in asked.items()}
    made = {name: Ended(states[name], marker.exists()) for name, (_, marker) in asked.items()}

    for files, target in ((program_files(store, Halves()), "outcome"),
                          (credit_files(store), "granted")):  # fmt: skip
        control = runner.inspect(files, InspectionParams(target=target))
        assert runner.wait(control, timeout=60).state == "done", runner.state(control)
    assert launcher().process == process
    assert leftovers(store) == []
    runner.close()
    return made


@pytest.mark.timeout(280)
@pytest.mark.parametrize("name", [item.name for item in CORPUS if item.outcome != "tamed"])
def test_it_ends_in_a_sentence_and_its_code_never_runs(ended, name):
    outcome = {item.name: item.outcome for item in CORPUS}[name]
    state, has_fired = ended[name]

    assert not has_fired
    assert isinstance(state, Failed), state
    assert state.kind in (("refused",) if outcome == "refused" else ("timeout", "memory")), state
    assert state.message.startswith(("Expected ", "The work "))
    assert state.message.endswith(".")
    assert state.remedy
    assert "Traceback" not in state.message


@pytest.mark.timeout(280)
@pytest.mark.parametrize("name", [item.name for item in CORPUS if item.outcome == "tamed"])
def test_it_opens_as_plain_content_or_is_refused(ended, name):
    state, has_fired = ended[name]

    assert not has_fired
    assert state.state in ("done", "failed"), state
    if isinstance(state, Failed):
        assert state.kind in ("refused", "unsuitable", "model"), state
