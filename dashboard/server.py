"""The web application: the pages, the report's own address, and headers that keep both in."""

from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from analyzers.catalog import ANALYZERS
from analyzers.core.errors import AssayError
from dashboard import session
from dashboard.reporting import report_of

SCRIPT = Path(__file__).with_name("app.py")
REPORT_ADDRESS = "/report-preview"
# Streamlit's counters of sessions and memory: nobody's business but the operator's.
METRICS_ADDRESS = "/_stcore/metrics"

# Streamlit builds styles and a few functions in the page, hence the two unsafe words; nothing may
# be fetched from, sent to, or framed by another site.
PAGE_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
    "connect-src 'self' ws: wss: data: blob:; worker-src 'self' blob:; frame-src 'self'; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
# The report carries a stricter policy of its own; here it also loses its origin.
REPORT_POLICY = "sandbox allow-scripts allow-downloads allow-modals; frame-ancestors 'none'"
HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    # The address holds the workspace's token: it must not travel to other sites.
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
)


class SecurityHeaders:
    """Adds the headers to every answer, and closes the counters of the process."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and complete its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        policy = REPORT_POLICY if scope["path"] == REPORT_ADDRESS else PAGE_POLICY

        async def send_completed(message: Message) -> None:
            if message["type"] == "http.response.start":
                added = (*HEADERS, (b"content-security-policy", policy.encode()))
                names = {name for name, _ in added}
                kept = [pair for pair in message.get("headers", ()) if pair[0].lower() not in names]
                message = {**message, "headers": [*kept, *added]}
            await send(message)

        app: ASGIApp = self._app
        if scope["path"].rstrip("/").endswith(METRICS_ADDRESS):
            app = PlainTextResponse("Not found", status_code=404)
        await app(scope, receive, send_completed)


def report_preview(request: Request) -> Response:
    """Answer with the report of a subject; who knows the workspace's token may read it."""
    asked = request.query_params
    try:
        text = report_of(
            session.home(),
            asked.get("workspace", ""),
            asked.get("subject", ""),
            policy=asked.get("policy", session.DEFAULT_POLICY),
            areas=asked.getlist("area") or [analyzer.name for analyzer in ANALYZERS],
            cut="board" if asked.get("cut") == "board" else "whole",
        )
    except AssayError as error:
        return PlainTextResponse(str(error), status_code=404)
    return HTMLResponse(text)


app = st.App(
    SCRIPT,
    routes=[Route(REPORT_ADDRESS, report_preview)],
    middleware=[Middleware(SecurityHeaders)],
)
