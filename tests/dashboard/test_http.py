"""The running server, asked over HTTP as a browser or a stranger would."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    home = tmp_path_factory.mktemp("server")
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "dashboard", "--host", "127.0.0.1", "--port", str(port)],
            cwd=ROOT, env={**os.environ, "ASSAY_HOME": str(home)}, stdout=log, stderr=log,
        )  # fmt: skip
    base = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"{base}/_stcore/health", timeout=5).close()
                break
            except OSError:
                assert process.poll() is None, (home / "log").read_text()
                time.sleep(0.2)
        yield base
    finally:
        process.terminate()
        process.wait(30)


def ask(url: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str]]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, method=method, headers=named)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, {name.lower(): value for name, value in answer.headers.items()}
    except urllib.error.HTTPError as error:
        with error:
            return error.code, {name.lower(): value for name, value in error.headers.items()}


@pytest.mark.parametrize("path", ["/", "/_stcore/health", "/report-preview", "/no/such/page"])
def test_every_answer_carries_the_headers(address, path):
    _, headers = ask(address + path)

    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]


def test_another_site_is_not_let_in(address):
    _, headers = ask(address + "/_stcore/health", Origin="http://evil.example")

    assert headers.get("access-control-allow-origin") not in ("*", "http://evil.example")


def test_an_upload_without_the_sessions_token_is_refused(address):
    status, _ = ask(address + "/_stcore/upload_file/a/b", "PUT", Origin="http://evil.example")

    assert status in (400, 403)


def test_the_report_of_a_stranger_is_not_found(address):
    status, _ = ask(address + "/report-preview?workspace=../x&subject=y")

    assert status == 404


def test_counters_of_the_process_are_closed(address):
    status, _ = ask(address + "/_stcore/metrics")

    assert status == 404
