import sys

import pytest

from tests.contracts.any_sandbox import AnySandbox

pytestmark = [
    pytest.mark.sandbox,
    pytest.mark.skipif(sys.platform != "linux", reason="this sandbox is made of Linux calls"),
]


class TestLinuxSandbox(AnySandbox):
    sandbox_name = "analyzers.jobs.sandbox.linux:LinuxSandbox"
