"""What the server process holds and says: no model library, headers on every answer, the report."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode

import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from analyzers.catalog import ANALYZERS
from analyzers.jobs.workspaces import new_workspace
from dashboard import server
from dashboard.components.colours import DARK_OF, in_dark
from dashboard.components.upload_form import DATA_ENDINGS, MODEL_ENDINGS

ROOT = Path(__file__).parents[2]
HEAVY = "torch shap lime textattack sklearn xgboost lightgbm catboost onnxruntime joblib skops"


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    text: str


def get(path: str, asked: dict[str, str]) -> Answer:
    """Ask the application directly, as a server would."""
    inner = Starlette(routes=[Route(server.REPORT_ADDRESS, server.report_preview)])
    scope = {
        "type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "headers": [],
        "query_string": urlencode(asked).encode(), "root_path": "", "scheme": "http",
        "http_version": "1.1", "server": ("localhost", 1), "client": ("localhost", 2),
    }  # fmt: skip
    sent = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    asyncio.run(server.SecurityHeaders(inner)(scope, receive, send))
    headers = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
    body = b"".join(message.get("body", b"") for message in sent[1:])
    return Answer(sent[0]["status"], headers, body.decode())


def test_the_dashboard_imports_no_model_library():
    code = (
        "import sys, dashboard.server, dashboard.analysis_page, dashboard.uploading;"
        "import dashboard.components.threshold_slider, dashboard.components.columns_editor;"
        f"print([name for name in {HEAVY.split()!r} if name in sys.modules])"
    )

    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)

    assert run.stdout.strip() == "[]", run.stderr


def test_every_analyzer_has_a_view_and_every_view_a_place():
    views = {path.stem for path in (ROOT / "dashboard" / "views").glob("*.py")}

    own = {"__init__", "home", "subject", "overview", "report", "limits", "runs"}
    assert views - own == {analyzer.name for analyzer in ANALYZERS}


def test_the_report_has_an_address_that_needs_the_token(workspace):
    workspace.done("performance")
    asked = {"workspace": workspace.store.workspace, "subject": workspace.subject.digest}

    good = get(server.REPORT_ADDRESS, asked)
    stranger = get(server.REPORT_ADDRESS, {**asked, "workspace": new_workspace()})
    nonsense = get(server.REPORT_ADDRESS, {**asked, "workspace": "../x"})

    assert good.status == 200
    assert "Verdict" in good.text
    assert good.headers["content-security-policy"].startswith("sandbox")
    assert (stranger.status, nonsense.status) == (404, 404)
    assert "Traceback" not in stranger.text


def test_headers_forbid_other_sites(workspace):
    answer = get("/nothing", {})

    assert "connect-src 'self'" in answer.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_looking_at_a_strangers_workspace_creates_nothing(workspace, tmp_path):
    stranger = new_workspace()

    get(server.REPORT_ADDRESS, {"workspace": stranger, "subject": "a" * 64})

    assert not (tmp_path / "home" / stranger).exists()


def test_the_form_takes_exactly_the_formats_the_worker_opens():
    from analyzers.loaders.formats import FORMATS

    by_use = {
        use: {
            ending.lstrip(".") for item in FORMATS if item.use == use for ending in item.extensions
        }
        for use in ("model", "table")
    }

    assert set(MODEL_ENDINGS) == by_use["model"]
    assert set(DATA_ENDINGS) == by_use["table"]


@pytest.mark.parametrize("light", DARK_OF)
def test_every_print_colour_has_its_own_counterpart_in_the_dark(light):
    figure = {"data": [{"line": {"color": light}, "x": [1, 2]}], "layout": {"colorway": [light]}}

    dark = in_dark(figure)

    assert dark["data"][0]["line"]["color"] == DARK_OF[light]
    assert dark["layout"]["colorway"] == [DARK_OF[light]]
    assert dark["data"][0]["x"] == [1, 2]
    assert len(set(DARK_OF.values())) == len(DARK_OF)
