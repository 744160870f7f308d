"""A real server on a free port with its own home, and a real browser that is watched."""

import os
import re
import runpy
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
FINDER = runpy.run_path(str(ROOT / "tests" / "find_browser"))
START_SECONDS = 180
# Milliseconds for what a person would see at once: enough on two cores that do six things more.
PATIENCE = 120_000


class Server(NamedTuple):
    """A running dashboard."""

    address: str
    log: Path


class Watched(NamedTuple):
    """A page, and everything that must not happen on it."""

    page: Any
    faults: list[str]


@pytest.fixture(scope="session")
def browser_path() -> str:
    path = FINDER["find_browser"]()
    if path is None and os.environ.get("ASSAY_REQUIRE_BROWSER"):
        pytest.fail(FINDER["MISSING"])
    if path is None:
        pytest.skip(FINDER["MISSING"])
    return str(path)


@pytest.fixture(scope="session")
def server(browser_path: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("home")
    log = home / "server.log"
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "dashboard", "--port", str(port)],
            cwd=ROOT,
            env={**os.environ, "ASSAY_HOME": str(home / "assay")},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    address = f"http://localhost:{port}"
    try:
        _wait_healthy(address, process, log)
        yield Server(address, log)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture(scope="session")
def chromium(browser_path: str) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=arguments)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def context(chromium: Any) -> Iterator[Any]:
    """One for all tests, so that 10 MB of scripts are fetched and compiled once.

    Nothing is carried over: a page that is opened without a workspace in its address gets one of
    its own, and no test uses cookies or the browser's storage.
    """
    context = chromium.new_context(
        viewport={"width": 1360, "height": 900},
        reduced_motion="reduce",
        locale="en-GB",
        timezone_id="UTC",
        accept_downloads=True,
    )
    context.set_default_timeout(PATIENCE)
    yield context
    context.close()


@pytest.fixture
def tab(context: Any, server: Server) -> Iterator[Watched]:
    faults: list[str] = []
    said = server.log.stat().st_size
    page = context.new_page()
    watch(page, faults, server.address)
    yield Watched(page, faults)
    exceptions = sum(
        opened.locator('[data-testid="stException"]').count() for opened in context.pages
    )
    for opened in context.pages:
        opened.close()
    assert faults == []
    assert exceptions == 0
    _assert_no_trace(server.log.read_bytes()[said:].decode(errors="replace"))


def watch(page: Any, faults: list[str], address: str) -> None:
    """Note every script error, and every request that leaves this machine's server."""
    page.on("pageerror", lambda error: faults.append(f"pageerror: {error}"))
    ours = (address, address.replace("http", "ws"), "data:", "blob:", "file:", "about:")
    page.on(
        "request",
        lambda request: None if request.url.startswith(ours) else faults.append(request.url),
    )


def _assert_no_trace(log: str) -> None:
    plain = re.sub(r"\x1b\[[0-9;]*m", "", log)
    _, found, after = plain.partition("Traceback")
    assert not found, f"the server's log holds a traceback:\n{after[-3000:]}"


def _wait_healthy(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(f"{address}/_stcore/health", timeout=1).close()
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"the server did not start:\n{log.read_text(errors='replace')}")
