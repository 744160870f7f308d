import pytest

from analyzers.core.errors import SandboxUnavailable, StoreError
from analyzers.core.job import MEBIBYTE, Job, Limits, Request
from analyzers.core.subject import Trust
from analyzers.jobs.sandbox import LAYERS, Protection
from analyzers.jobs.settings import RISK_SENTENCE, settings
from analyzers.jobs.worker import InputPaths, refuse_programs
from tests.jobs.uploads import Halves, credit_files, program_files


@pytest.fixture(autouse=True)
def read_anew():
    settings.cache_clear()
    yield
    settings.cache_clear()


def test_the_defaults_are_those_of_the_core():
    assert settings().limits == Limits()
    assert settings().accepts_risk is False


def test_the_environment_raises_limits(monkeypatch):
    monkeypatch.setenv("ASSAY_MEMORY_MB", "8192")
    monkeypatch.setenv("ASSAY_WALL_SECONDS", "60.5")
    monkeypatch.setenv("ASSAY_WORKERS", "7")

    assert settings().limits.memory_bytes == 8192 * MEBIBYTE
    assert settings().limits.wall_seconds == 60.5
    assert settings().workers == 7


@pytest.mark.parametrize(
    ("name", "value"),
    [("ASSAY_WORKERS", "many"), ("ASSAY_WORKERS", "0"), ("ASSAY_MEMORY_MB", "-1")],
)
def test_a_setting_that_makes_no_sense_is_said(monkeypatch, name, value):
    monkeypatch.setenv(name, value)

    with pytest.raises(StoreError) as caught:
        settings()
    assert "docs/security.md" in caught.value.remedy


@pytest.mark.parametrize("value", ["1", "yes", "true", ""])
def test_the_risk_is_accepted_only_in_full_words(monkeypatch, value):
    monkeypatch.setenv("ASSAY_ACCEPT_RISK", value)
    assert settings().accepts_risk is False

    settings.cache_clear()
    monkeypatch.setenv("ASSAY_ACCEPT_RISK", RISK_SENTENCE)
    assert settings().accepts_risk is True


@pytest.mark.parametrize(
    ("lost", "level"),
    [
        ((), "full"),
        (("namespaces",), "reduced"),
        (("landlock network", "landlock scopes"), "reduced"),
        (("landlock files",), "none"),
        (("seccomp",), "none"),
        (("limits",), "none"),
    ],
)
def test_the_level_follows_from_the_layers(lost, level):
    protection = Protection(layers=tuple(name for name in LAYERS if name not in lost))

    assert protection.level == level
    assert protection.admits(Trust.DATA)
    for trust in (Trust.PROGRAM, Trust.CODE):
        assert protection.admits(trust) == (level != "none")


def request_and_paths(store, files):
    job = Job(analyzer="inspection", version=1, subject=files.digest)
    paths = InputPaths(
        data=str(store.file_path(files.data)), model=str(store.file_path(files.model))
    )
    return Request(job=job, files=files), paths


def test_without_a_sandbox_a_program_is_refused_by_its_content_not_its_name(store):
    files = program_files(store, Halves())
    renamed = files.model_copy(update={"model": files.model.model_copy(update={"name": "m.skops"})})

    for each in (files, renamed):
        with pytest.raises(SandboxUnavailable, match="restricted program") as caught:
            refuse_programs(*request_and_paths(store, each))
        assert "docs/security.md" in caught.value.remedy


def test_without_a_sandbox_data_are_still_opened(store):
    refuse_programs(*request_and_paths(store, credit_files(store)))
