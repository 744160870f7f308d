"""Run every benchmark and write one table.

Each file in this folder takes `--quick` and prints one JSON line per comparison with the keys
`work`, `size`, `ours_s`, `peer`, `peer_s`, `limit_s`, `ratio`, `agree` and `extrapolated`; the
ratio is the peer's time over ours, so that more than 1 means faster than the peer. Where both
sample there are `our_error`, `peer_error` and `ratio_equal` besides, the ratio at the peer's error.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
KEYS = (
    "work", "size", "ours_s", "peer", "peer_s", "limit_s", "ratio", "agree", "extrapolated",
    "our_error", "peer_error", "ratio_equal",
)  # fmt: skip


def main() -> int:
    """Run all benchmarks, or those named; return 1 if one failed or disagreed with its peer."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "names", nargs="*", help="files to run, without .py; all where none is named"
    )
    parser.add_argument("--quick", action="store_true", help="under 50 s a file on two cores")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "table.md")
    arguments = parser.parse_args()
    files = sorted(path.stem for path in HERE.glob("[a-z]*.py"))
    rows: list[dict[str, Any]] = []
    failed = []
    for name in arguments.names or files:
        command = [sys.executable, "-m", f"benchmarks.{name}", *["--quick"] * arguments.quick]
        print(f"== {name}", file=sys.stderr)
        run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        rows += [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]
        if run.returncode:
            failed.append(name)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(table_of(rows))
    print(table_of(rows))
    disagree = [row["work"] for row in rows if row.get("agree") is False]
    for problem in [f"{name} failed" for name in failed] + [
        f"{work}: no match" for work in disagree
    ]:
        print(problem, file=sys.stderr)
    return 1 if failed or disagree else 0


def table_of(rows: list[dict[str, Any]]) -> str:
    """Format the comparisons as a Markdown table; a missing value is a dash."""
    lines = ["| " + " | ".join(KEYS) + " |", "|" + " --- |" * len(KEYS)]
    lines += ["| " + " | ".join(_cell(row.get(key)) for key in KEYS) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.3g}"
    return str(value).replace("|", "/")


if __name__ == "__main__":
    sys.exit(main())
