"""What every test runs under."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from analyzers.jobs.launcher import launcher
from analyzers.jobs.runner import Runner
from analyzers.jobs.store import Store
from analyzers.jobs.workspaces import new_workspace

# The same examples each time, so that a change is judged by itself and not by luck; and no
# deadline, for a busy machine may take seconds over what takes none. `ASSAY_EXPLORE=1 make test`
# looks at new examples.
settings.register_profile(
    "gate", deadline=None, derandomize=not os.environ.get("ASSAY_EXPLORE"), print_blob=True
)
settings.load_profile("gate")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("store"), workspace=new_workspace())


@pytest.fixture(scope="module")
def runner(store: Store) -> Iterator[Runner]:
    runner = Runner(store)
    assert launcher().wait_warm(120)
    yield runner
    runner.close()
