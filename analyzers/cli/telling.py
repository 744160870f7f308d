"""What goes to the terminal. Words that come from data are tamed before they are shown."""

import sys
from collections.abc import Iterable, Sequence

from analyzers.core.finding import Verdict
from analyzers.core.job import Failed, JobState, Running
from analyzers.core.subject import Subject
from analyzers.jobs.hostile_text import tame
from analyzers.report.sections import Section, overall, severest_first
from analyzers.report.words import VERDICTS

WIDEST_LINE = 100


class Progress:
    """One line on standard error that is written over; silent where nobody watches."""

    def __init__(self) -> None:
        """Look whether standard error is a terminal."""
        self._is_watched = sys.stderr.isatty()

    def show(self, what: str, state: JobState) -> None:
        """Write what is being done, how much of it is done, and an estimate of what is left."""
        if not self._is_watched:
            return
        words = [what]
        if isinstance(state, Running):
            words.append(state.progress.what.lower())
            if state.progress.fraction is not None:
                words.append(f"{state.progress.fraction:.0%}")
            if state.progress.seconds_left is not None:
                words.append(f"about {state.progress.seconds_left:.0f} s left")
        else:
            words.append(state.state)
        line = tame(" · ".join(words).replace("\n", " "), most=WIDEST_LINE)
        sys.stderr.write(f"\r\x1b[K{line}")
        sys.stderr.flush()

    def clear(self) -> None:
        """Remove the line."""
        if self._is_watched:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def say(*lines: str) -> None:
    """Write lines to standard output."""
    for line in lines:
        sys.stdout.write(f"{tame(line)}\n")


def say_json(text: str) -> None:
    """Write a JSON document whole; it is in ASCII, so nothing in it acts on a terminal."""
    sys.stdout.write(text.rstrip("\n") + "\n")


def warn(line: str) -> None:
    """Write a sentence to standard error."""
    sys.stderr.write(f"assay: {tame(' '.join(line.split()))}\n")


def say_subject(subject: Subject, notes: Sequence[str]) -> None:
    """Write what the files seem to be, every column's use with its reason, and what was changed."""
    outcome = f"outcome {subject.target!r}" if subject.target else "no outcome column"
    positive = f", positive class {subject.positive_class!r}" if subject.positive_class else ""
    say(
        f"{subject.name}",
        f"  {subject.task}, {subject.modality}, {subject.n_rows:,} rows, {outcome}{positive}",
        f"  {subject.model_kind or 'predictions only'}; the model's format holds "
        f"{subject.trust.value}",
        f"  digest {subject.digest[:16]}",
        "",
    )
    shown = [
        (
            column.name,
            column.kind,
            ", ".join(
                [
                    column.role.value,
                    *["sensitive"] * (column.is_sensitive and column.role.value != "sensitive"),
                    *["immutable"] * column.is_immutable,
                ]
            ),
            column.reason,
        )
        for column in subject.columns
    ]
    say(*_aligned([("column", "kind", "used as", "because"), *shown]))
    for note in notes:
        say(f"- {note}")


def say_sections(sections: Sequence[Section]) -> None:
    """Write every area's verdict and its findings, the severest first."""
    for section in sections:
        rating = section.rating
        if section.result is None:
            say(f"{section.analyzer.title}: not tested. {_without_title(section)}")
            continue
        say(
            f"{section.analyzer.title}: {VERDICTS[rating.verdict].word.lower()} "
            f"({rating.n_tested} of {rating.n_applicable} indicators judged)"
        )
        for finding in severest_first(section.findings):
            if finding.verdict in (Verdict.FAIL, Verdict.WARN):
                say(f"  {VERDICTS[finding.verdict].word.upper()} {finding.headline}")
    rating = overall(sections)
    say(
        "",
        f"Verdict: {VERDICTS[rating.verdict].word.lower()}; {rating.n_tested} of "
        f"{rating.n_applicable} indicators judged. Indicators without a limit or with too few rows "
        "are not.",
    )


def tell_failure(title: str, state: JobState) -> None:
    """Write to standard error what broke; a question that does not apply is no failure."""
    if isinstance(state, Failed) and state.kind != "unsuitable":
        warn(f"{title}: {state.message} {state.remedy}")


def _without_title(section: Section) -> str:
    return section.obstacle.removeprefix(f"{section.analyzer.title} was not run. ")


def _aligned(rows: Iterable[tuple[str, ...]]) -> list[str]:
    rows = [tuple(tame(cell.replace("\n", " "), most=60) for cell in row) for row in rows]
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
