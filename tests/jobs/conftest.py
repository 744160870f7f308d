from collections.abc import Iterator
from pathlib import Path

import pytest

from analyzers.jobs.launcher import launcher
from analyzers.jobs.runner import Runner
from analyzers.jobs.store import Store
from analyzers.jobs.workspaces import new_workspace


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store", workspace=new_workspace())


@pytest.fixture
def runner(store: Store) -> Iterator[Runner]:
    runner = Runner(store)
    assert launcher().wait_warm(120)
    yield runner
    runner.close()
