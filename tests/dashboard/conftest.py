"""A workspace on disk as the runner would leave it, and the app above it; no worker is started."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from analyzers.catalog import analyzer_named
from analyzers.core.errors import SandboxUnavailable
from analyzers.core.job import Done, Job, JobState, Request
from analyzers.core.params import check_params
from analyzers.core.result import Measurements, Provenance, Result
from analyzers.core.subject import Column, Role, Subject
from analyzers.jobs.launcher import Launcher
from analyzers.jobs.store import Store
from analyzers.jobs.workspaces import new_workspace
from tests.benches import credit_bench
from tests.contracts.quick import QUICK

APP = Path(__file__).parents[2] / "dashboard" / "app.py"
HOSTILE = "<img src=x onerror=alert(1)> **bold** [x](http://evil.example) :smile: $x^2$"


@cache
def measured(name: str) -> Measurements:
    analyzer = analyzer_named(name)
    params = check_params(analyzer.params, QUICK.get(name, {}))
    return analyzer.measure(credit_bench(200), params)


class Workspace(NamedTuple):
    """A workspace with one subject; `subject` may be replaced before the app is opened."""

    store: Store
    subject: Subject

    def keep(self, subject: Subject) -> "Workspace":
        self.store.save_subject(subject)
        return Workspace(self.store, subject)

    def job(
        self,
        name: str,
        state: JobState,
        *,
        with_result: bool = False,
        params: dict[str, Any] | None = None,
    ) -> str:
        analyzer = analyzer_named(name)
        params = check_params(analyzer.params, QUICK.get(name, {}) if params is None else params)
        job = Job(
            analyzer=name,
            version=analyzer.version,
            subject=self.subject.digest,
            params=params.model_dump(mode="json"),
        )
        self.store.begin(Request(job=job, files=self.subject.files, subject=self.subject))
        if with_result:
            result = Result(job=job, measurements=measured(name), provenance=Provenance())
            self.store.save_result(result, analyzer.tables)
        self.store.set_state(job.id, state)
        return job.id

    def done(self, name: str) -> str:
        return self.job(name, Done(), with_result=True)

    def open(self, view: str = "home") -> AppTest:
        app = AppTest.from_file(str(APP), default_timeout=60)
        app.query_params["workspace"] = self.store.workspace
        app.query_params["subject"] = self.subject.digest
        app.run()
        return app if view == "home" else app.switch_page(f"views/{view}.py").run()


def _no_worker(*args: object, **kwargs: object) -> None:
    raise SandboxUnavailable("No worker is started in this test.")


@pytest.fixture(autouse=True)
def no_workers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(Launcher, "warm_up", lambda self: None)
    monkeypatch.setattr(Launcher, "launch", _no_worker)
    st.cache_resource.clear()


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    store = Store(tmp_path / "home", workspace=new_workspace())
    subject = credit_bench(200).subject
    kept: dict[str, Any] = {
        name: store.add_file(name.encode(), f"{name}.csv")
        for name in ("data", "model", "training_data")
    }
    return Workspace(store, subject).keep(
        subject.model_copy(update={"files": subject.files.model_copy(update=kept)})
    )


@pytest.fixture
def hostile(workspace: Workspace) -> Workspace:
    columns = tuple(
        column.model_copy(update={"reason": HOSTILE}) for column in workspace.subject.columns
    )
    extra = Column(name=HOSTILE[:200], kind="text", role=Role.IGNORED, reason=HOSTILE)
    return workspace.keep(
        workspace.subject.model_copy(
            update={"name": HOSTILE, "columns": (*columns, extra), "model_kind": HOSTILE}
        )
    )


@pytest.fixture
def empty_app() -> Callable[[str], AppTest]:
    def open_view(view: str) -> AppTest:
        app = AppTest.from_file(str(APP), default_timeout=60).run()
        return app if view == "home" else app.switch_page(f"views/{view}.py").run()

    return open_view


def words_of(app: AppTest) -> str:
    """Everything a reader sees as text, in one string."""
    kinds = ("title", "header", "subheader", "markdown", "caption", "info", "warning", "error")
    return "\n".join(str(item.value) for kind in kinds for item in getattr(app, kind))
