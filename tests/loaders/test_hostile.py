"""Hostile files: what carries code fires under a plain load, and never under ours."""

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from analyzers.core.errors import AssayError, RefusedFile
from analyzers.core.subject import FileRef
from analyzers.loaders import bounds
from analyzers.loaders.cells import settle
from analyzers.loaders.model_files import load_model
from analyzers.loaders.table_files import load_table
from tests.loaders.hostile import Hostile, corpus

ROOT = Path(__file__).parents[2]
CORPUS = corpus()
EVERY = {item.name: item for item in CORPUS}

# One process for all of them: each file is loaded the plain way in a fork of its own.
PLAIN = """
import json, os, sys, warnings
warnings.simplefilter("ignore")
import pickle, joblib, numpy, torch, torch.export
loads = {
    "pickle": lambda path: pickle.load(open(path, "rb")),
    "joblib": joblib.load,
    "numpy": lambda path: dict(numpy.load(path, allow_pickle=True)),
    "torch": lambda path: torch.load(path, weights_only=False),
    "torch.export": torch.export.load,
}
for plain, path in json.load(sys.stdin):
    child = os.fork()
    if child == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(1, 2)
        try:
            loads[plain](path)
        finally:
            os._exit(0)
    os.waitpid(child, 0)
"""


def marker_of(folder: Path, item: Hostile) -> Path:
    return folder / f"{item.name.replace(' ', '-')}.fired"


def make(folder: Path, item: Hostile) -> Path:
    path = folder / item.name.replace(" ", "-")
    path.mkdir(exist_ok=True)
    item.make(path / item.file, str(marker_of(folder, item)))
    return path / item.file


def open_hostile(path: Path, use: str) -> object:
    file = FileRef(sha256="0" * 64, size=path.stat().st_size, name=path.name)
    if use == "model":
        return load_model(path, file)[0]
    table, _ = load_table(path, file)
    for name, column in table.columns.items():
        settle(name, column)
    return table


def test_the_corpus_is_large_and_covers_every_format():
    assert len(CORPUS) >= 60
    assert len(EVERY) == len(CORPUS)
    assert {Path(item.file).suffix for item in CORPUS} >= {
        ".pkl", ".joblib", ".skops", ".json", ".txt", ".cbm", ".onnx", ".pt", ".pt2", ".csv",
        ".zip", ".npz", ".xlsx", ".parquet",
    }  # fmt: skip


@pytest.fixture(scope="module")
def fired(tmp_path_factory) -> dict[str, bool]:
    folder = tmp_path_factory.mktemp("plain")
    carriers = [item for item in CORPUS if item.plain]
    jobs = [[item.plain, str(make(folder, item))] for item in carriers]
    subprocess.run(
        [sys.executable, "-c", PLAIN],
        input=json.dumps(jobs), text=True, cwd=folder, check=True, timeout=200,
    )  # fmt: skip
    return {item.name: marker_of(folder, item).exists() for item in carriers}


@pytest.mark.parametrize("name", [item.name for item in CORPUS if item.plain])
def test_its_code_runs_under_a_plain_load(fired, name):
    assert fired[name]


@pytest.mark.parametrize("name", [item.name for item in CORPUS if item.outcome == "refused"])
def test_it_is_refused_with_a_sentence_and_its_code_never_runs(tmp_path, name):
    item = EVERY[name]
    path = make(tmp_path, item)

    with pytest.raises(RefusedFile) as refusal:
        open_hostile(path, item.use)

    assert not marker_of(tmp_path, item).exists()
    assert refusal.value.message.startswith("Expected ")
    assert refusal.value.message.endswith(".")
    assert "Traceback" not in str(refusal.value)


@pytest.mark.parametrize("name", [item.name for item in CORPUS if item.outcome == "tamed"])
def test_it_opens_as_plain_content_and_its_code_never_runs(tmp_path, name):
    item = EVERY[name]
    path = make(tmp_path, item)

    opened = open_hostile(path, item.use)

    assert not marker_of(tmp_path, item).exists()
    for column in getattr(opened, "columns", ()):
        assert 0 < len(column) <= bounds.NAME_LENGTH
        assert column.isprintable()


CONTAINED = """
import sys
from pathlib import Path
import numpy as np
from analyzers.loaders.torch_model import load_torchscript
load_torchscript(Path(sys.argv[1])).answer(np.zeros((2, 2), np.float32))
"""


@pytest.mark.parametrize("name", [item.name for item in CORPUS if item.outcome == "contained"])
def test_what_only_a_limit_can_stop_is_stopped_by_one(tmp_path, name):
    path = make(tmp_path, EVERY[name])

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (8, 8))
        resource.setrlimit(resource.RLIMIT_DATA, (6 * 2**30, 6 * 2**30))

    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CONTAINED, str(path)],
        cwd=ROOT, preexec_fn=limit, capture_output=True, timeout=120,
    )  # fmt: skip

    assert run.returncode != 0


def test_steps_are_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(bounds, "PICKLE_STEPS", 1000)
    path = tmp_path / "model.pkl"
    path.write_bytes(b"\x80\x04" + b"N0" * 1000 + b"N.")

    with pytest.raises(RefusedFile, match="more than 1,000 steps"):
        open_hostile(path, "model")


def test_unpacked_bytes_are_counted(tmp_path, monkeypatch):
    import gzip

    monkeypatch.setattr(bounds, "MODEL_BYTES", 1000)
    path = tmp_path / "model.pkl.gz"
    path.write_bytes(gzip.compress(b"\x80\x04" + bytes(100_000)))

    with pytest.raises(RefusedFile, match="unpacks to more"):
        open_hostile(path, "model")


def test_refusals_name_the_object_and_the_safe_way(tmp_path):
    path = make(tmp_path, EVERY["os.system"])

    with pytest.raises(AssayError, match=r"posix\.system.*skops\.io\.dump"):
        open_hostile(path, "model")
