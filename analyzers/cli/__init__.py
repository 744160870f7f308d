"""The command line: the same engine as the dashboard, for terminals and pipelines.

parsing      the commands and their options
choices      --set, --analyzers and the columns, checked against what is declared
examining    files or a sample to a subject, through the sandboxed inspection
commands     list, inspect, audit, audit-samples, report
writing      the folder an audit leaves behind
telling      what goes to the terminal: findings, columns, one line of progress
"""

import sys
from collections.abc import Sequence

from analyzers.core.errors import AssayError

OK, FOUND, ERROR, INTERRUPTED = 0, 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return 0 for pass, 1 for findings at the chosen level, 2 for an error."""
    from analyzers.cli.parsing import parse

    try:
        options = parse(sys.argv[1:] if arguments is None else arguments)
        return int(options.command(options))
    except AssayError as error:
        return _fail(str(error))
    except KeyboardInterrupt:
        _fail("Interrupted; what was running has been stopped.")
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of a pipe has gone, as `head` does; nobody is left to tell.
        sys.stderr.close()
        return ERROR
    except OSError as error:
        where = f" {error.filename!r}" if error.filename else ""
        return _fail(f"Expected to read or write{where}, got: {error.strerror or error}.")


def _fail(sentence: str) -> int:
    from analyzers.jobs.hostile_text import tame

    sys.stderr.write(f"assay: {tame(' '.join(sentence.split()))}\n")
    return ERROR
