"""What was examined: files by digest, the task, and what every column was taken for."""

from collections.abc import Iterable, Sequence

from analyzers.core.subject import Column, FileRef, Subject
from analyzers.report.sections import Section
from analyzers.report.tables import pair_list, simple_table
from analyzers.report.words import TRUST, number, plural
from analyzers.toolkit.markup import Html, element

MOST_COLUMNS = 60
MOST_LEVELS = 6


def subject_page(subject: Subject, sections: Sequence[Section]) -> Html:
    """Say what was examined, how far its format can be trusted, and what was changed or guessed."""
    return element(
        "section",
        element("h2", "What was examined", id="subject"),
        pair_list(_facts(subject)),
        _notes("Changes made to fit data and model", _changes(sections)),
        _notes("How the model was kept apart", _protection(sections)),
        element("h3", "Columns"),
        _columns(subject),
        aria_labelledby="subject",
    )


def _facts(subject: Subject) -> list[tuple[str, object]]:
    files = subject.files
    facts: list[tuple[str, object]] = [
        ("Name", subject.name),
        ("Model", _file(files.model, "none: predictions only")),
        ("Kind of model", subject.model_kind or "not known"),
        ("Data examined", _file(files.data, "none")),
        ("Rows examined", f"{subject.n_rows:,}"),
        ("Training data", _file(files.training_data, "none given")),
        ("Task", f"{subject.task}, {subject.modality} data"),
        ("Outcome", subject.target or "none"),
    ]
    if subject.classes:
        facts.append(("Classes", ", ".join(subject.classes)))
    if subject.positive_class is not None:
        facts.append(("Positive class", subject.positive_class))
    sensitive = ", ".join(column.name for column in subject.sensitive)
    facts += [
        ("Sensitive columns", sensitive or "none marked"),
        ("Trust", TRUST[subject.trust] if files.model is not None else "No model was opened."),
        ("Digest of this description", element("code", subject.digest)),
    ]
    return facts


def _file(file: FileRef | None, absent: str) -> Html | str:
    if file is None:
        return absent
    return element(
        "span",
        f"{file.name}, {plural(file.size, 'byte')}",
        element("br"),
        element("code", f"sha256 {file.sha256}"),
    )


def _changes(sections: Sequence[Section]) -> Iterable[str]:
    for section in sections:
        if section.result is not None:
            yield from section.result.provenance.changes


def _protection(sections: Sequence[Section]) -> Iterable[str]:
    for section in sections:
        if section.result is not None:
            yield from section.result.provenance.protection


def _notes(heading: str, notes: Iterable[str]) -> list[Html]:
    different = list(dict.fromkeys(notes))
    if not different:
        return []
    return [
        element("h3", heading),
        element("ul", (element("li", note) for note in different)),
    ]


def _columns(subject: Subject) -> Html:
    shown = subject.columns[:MOST_COLUMNS]
    extent = plural(len(subject.columns), "column")
    if len(subject.columns) > MOST_COLUMNS:
        extent = f"the first {MOST_COLUMNS} of {extent}"
    return simple_table(
        ["Column", "Used as", "Kind", "Values", "Missing", "Why"],
        (
            [
                column.name,
                _use(column),
                column.kind,
                _values(column),
                element("span", f"{column.n_missing:,}", class_="number"),
                column.reason,
            ]
            for column in shown
        ),
        caption=f"What every column was taken for: {extent}.",
    )


def _use(column: Column) -> str:
    flags = [
        ("feature", column.is_feature and column.role != "feature"),
        ("sensitive", column.is_sensitive and column.role != "sensitive"),
        ("immutable", column.is_immutable),
    ]
    return ", ".join([column.role.value, *(word for word, is_so in flags if is_so)])


def _values(column: Column) -> str:
    if column.levels:
        more = len(column.levels) - MOST_LEVELS
        return ", ".join(column.levels[:MOST_LEVELS]) + (f" and {more} more" if more > 0 else "")
    if column.minimum is not None and column.maximum is not None:
        return f"{number(column.minimum)} to {number(column.maximum)}"
    return ""
