"""Start the dashboard: `python -m dashboard [--host localhost] [--port 8501]`."""

import argparse
import gc
import os
import sys
import threading
from pathlib import Path

from analyzers.core.errors import AssayError

ROOT = Path(__file__).parents[1]


def main() -> int:
    """Serve until interrupted; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m dashboard", description=__doc__)
    parser.add_argument("--host", default="localhost", help="address to listen on")
    parser.add_argument("--port", type=int, default=8501, help="port to listen on")
    wanted = parser.parse_args()
    from dashboard import session

    # Settled before the folder changes: the default is beside where the command was typed.
    os.environ[session.HOME_VARIABLE] = str(session.home())
    os.chdir(ROOT)  # Streamlit reads .streamlit/config.toml from here
    try:
        _prepare(session.home())
    except AssayError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    from dashboard.server import app

    threading.Thread(target=_settle, name="assay-settle", daemon=True).start()
    sys.stdout.write(f"Assay: http://{wanted.host}:{wanted.port}\n")
    sys.stdout.flush()
    app.run(config={"server.address": wanted.host, "server.port": wanted.port})
    return 0


def _prepare(home: Path) -> None:
    """Start the workers' parent, so that it is warm before the first job; remove what expired."""
    from analyzers.jobs.launcher import launcher
    from analyzers.jobs.settings import settings
    from analyzers.jobs.workspaces import expire_workspaces

    keep_seconds = settings().keep_days * 24 * 3600
    expire_workspaces(home, older_than=keep_seconds)
    launcher().warm_up()


def _settle() -> None:
    """Import what the first page needs, then take it out of the collector's rounds for good."""
    import plotly.graph_objects  # noqa: F401

    import dashboard.analysis_page  # noqa: F401

    gc.collect()
    gc.freeze()


if __name__ == "__main__":
    sys.exit(main())
