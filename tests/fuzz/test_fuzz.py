"""Every reader of strangers' bytes survives a short run of a coverage-guided fuzzer."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TARGETS = ("json", "result", "arrow", "csv", "parquet", "excel", "npz", "zip")


@pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None, reason="atheris has no wheel for this system"
)
@pytest.mark.parametrize("target", TARGETS)
def test_strange_bytes_end_in_a_value_or_a_sentence(target, tmp_path):
    options = ["-seed=1", "-runs=3000", "-max_total_time=10", "-rss_limit_mb=4096", "-timeout=10"]
    options += [f"-artifact_prefix={tmp_path}/", "-print_final_stats=0", "-verbosity=0"]

    run = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.targets", target, *options],
        cwd=ROOT, capture_output=True, text=True, timeout=120,
    )  # fmt: skip

    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-4000:]
