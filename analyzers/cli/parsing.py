"""The commands and their options; an option that is wrong ends in one sentence."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from analyzers.cli import commands
from analyzers.core.errors import InvalidParameter

LEVELS = ("fail", "warn", "inconclusive")
CHART_FORMATS = ("html", "png", "svg")
EXIT_CODES = (
    "Exit code: 0 where nothing reaches the chosen level, 1 where a finding does, 2 for an error."
)


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are sentences like all others."""

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing the usage and leaving."""
        raise InvalidParameter(
            f"{message[:1].upper()}{message[1:]}.", remedy=f"See `{self.prog} --help`."
        )


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line.

    Raises:
        InvalidParameter: it makes no sense; says what was expected.
    """
    options = _parser().parse_args(list(arguments))
    if "command" not in options:
        raise InvalidParameter(
            "Expected a command, got none.",
            remedy="Say list, inspect, audit, audit-samples or report; `assay --help` explains.",
        )
    return options


def _parser() -> _Parser:
    parser = _Parser(
        prog="assay",
        description="See how a model can hurt people: explanations, fairness, attacks, privacy.",
        epilog=EXIT_CODES,
    )
    commanded = parser.add_subparsers(title="commands", metavar="COMMAND", parser_class=_Parser)

    listing = commanded.add_parser("list", help="the analyzers, their parameters, and the samples")
    listing.set_defaults(command=commands.list_all)
    _json(listing)

    inspecting = commanded.add_parser("inspect", help="what a model and a table seem to be")
    inspecting.set_defaults(command=commands.inspect)
    _files(inspecting)
    _json(inspecting)
    _store(inspecting)

    auditing = commanded.add_parser("audit", help="examine a model and its data", epilog=EXIT_CODES)
    auditing.set_defaults(command=commands.audit)
    _files(auditing)
    _audit(auditing)

    samples = commanded.add_parser(
        "audit-samples", help="examine every sample that comes with Assay", epilog=EXIT_CODES
    )
    samples.set_defaults(command=commands.audit_samples)
    _audit(samples)

    reporting = commanded.add_parser(
        "report", help="write a report anew from stored results, under another policy perhaps",
        epilog=EXIT_CODES,
    )  # fmt: skip
    reporting.set_defaults(command=commands.report)
    reporting.add_argument(
        "subject", nargs="?", default="", metavar="SUBJECT",
        help="the folder or findings.json of an earlier audit, the beginning of a subject's "
        "digest, or its name; without one, the stored subjects are listed",
    )  # fmt: skip
    _judging(reporting)
    _json(reporting)
    _store(reporting)
    return parser


def _files(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files", nargs="*", metavar="MODEL DATA",
        help="the model file and the table; only a table where --score-column is given",
    )  # fmt: skip
    parser.add_argument("--sample", default="", metavar="NAME", help="a sample instead of files")
    parser.add_argument(
        "--training-data", type=Path, metavar="FILE", help="the table the model was fitted on"
    )
    parser.add_argument("--target", default="", metavar="COLUMN", help="the true outcome")
    parser.add_argument(
        "--positive", default="", metavar="CLASS", help="the class that is the outcome of interest"
    )
    parser.add_argument("--score-column", default="", metavar="COLUMN", help="predictions so far")
    for name, text in (
        ("sensitive", "who a person is"),
        ("immutable", "what a person cannot change"),
        ("ids", "identifiers, kept away from every analysis"),
    ):
        parser.add_argument(
            f"--{name}", action="append", default=[], metavar="A,B",
            help=f"columns: {text}; may be repeated",
        )  # fmt: skip


def _audit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--analyzers", action="append", default=[], metavar="A,B", help="which ones; all by default"
    )
    parser.add_argument(
        "--set", action="append", default=[], dest="settings", metavar="ANALYZER.PARAMETER=VALUE",
        help="a parameter, such as fairness.smallest_group=30; `assay list` shows them",
    )  # fmt: skip
    parser.add_argument("--seed", type=_seed, default=0, help="for everything drawn at random (0)")
    _judging(parser)
    _json(parser)
    _store(parser)


def _judging(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--policy", default="conventions", metavar="NAME|FILE", help="the limits (conventions)"
    )
    parser.add_argument(
        "--fail-on", choices=LEVELS, default="fail", help="the least verdict for exit code 1 (fail)"
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="folder for report.html, findings and tables"
    )
    parser.add_argument(
        "--charts", default="", metavar="html,png,svg",
        help="also write every chart as a file (png and svg need a browser on this machine)",
    )  # fmt: skip


def _json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="JSON on standard output, no words")


def _store(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--store", type=Path, metavar="DIR",
        help="where files and results are kept, so that nothing is measured twice",
    )  # fmt: skip


def _seed(text: str) -> int:
    value = int(text)
    if not 0 <= value < 2**32:
        raise argparse.ArgumentTypeError(
            f"expected a whole number from 0 to 4294967295, got {text}"
        )
    return value
