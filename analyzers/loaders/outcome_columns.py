"""The true outcome and the model's answers: which columns hold them, which task, which classes."""

from collections import Counter

from analyzers.core.errors import RefusedFile
from analyzers.core.subject import Modality, Task
from analyzers.loaders import bounds, guesses
from analyzers.loaders.alignment import class_codes
from analyzers.loaders.cells import Settled
from analyzers.loaders.headers import quoted
from analyzers.loaders.levels import level_name, match_levels
from analyzers.loaders.table_match import TableMatch


def score_columns(match: TableMatch, features: tuple[str, ...] | None) -> tuple[str, ...]:
    """Return the columns that hold a model's answers.

    Raises:
        RefusedFile: there is neither a model nor such a column.
    """
    if match.params.score_column:
        return (match.named(match.params.score_column, "score column"),)
    if match.loaded is not None:
        kinds = match.kinds()
        rest = [name for name in match.settled if name not in (features or ())]
        return tuple(guesses.guess_scores(rest, kinds)) if features is not None else ()
    found = [name for name in guesses.guess_scores(list(match.settled), match.kinds())
             if name != match.params.target]  # fmt: skip
    if not found:
        raise RefusedFile(
            "Expected a model, or a table with the model's scores in a column, got neither.",
            remedy="Upload the model file too, or name the column with the scores (such as "
            "'score' or 'prediction').",
        )
    return tuple(found)


def target_column(
    match: TableMatch, features: tuple[str, ...] | None, scores: tuple[str, ...], modality: Modality
) -> guesses.Guess:
    """Return the column of the true outcome; an empty one where none is found.

    Raises:
        RefusedFile: the user named a column that is not there, or that the model reads.
    """
    if match.params.target:
        name = match.named(match.params.target, "target")
        if features is not None and name in features:
            raise RefusedFile(
                f"Expected a target the model does not see, got {quoted(name)}, one of its "
                "features.",
                remedy="Choose another column.",
            )
        return guesses.Guess(name, "You said so.")
    kinds = match.kinds()
    taken = {*(features or ()), *scores, *match.params.ids}
    rest = [
        name
        for name, made in match.settled.items()
        if name not in taken
        and not guesses.guess_id(name, made.values, made.kind).value
        and not (modality == "text" and made.kind == "text")
    ]
    is_classifier = None if match.loaded is None else match.loaded.is_classifier
    counts = {name: int(match.settled[name].values.nunique()) for name in rest}
    if match.loaded is not None and match.loaded.classes:
        known = [level_name(item) for item in match.loaded.classes]
        fitting = [name for name in rest if not _strange_labels(match, name, known)]
        rest = fitting or rest
    elif match.loaded is not None and (match.loaded.n_outputs or 0) > 1:
        rest = [name for name in rest if counts[name] == match.loaded.n_outputs] or rest
    return guesses.guess_target(rest, kinds, n_levels=counts, is_classifier=is_classifier)


def _strange_labels(match: TableMatch, name: str, classes: list[str]) -> tuple[str, ...]:
    values = match.settled[name].values
    if values.nunique() > bounds.CLASSES:
        return ("too many",)
    return class_codes(values, classes)[2]


def task_of(
    match: TableMatch, target: str, scores: tuple[str, ...]
) -> tuple[Task, tuple[str, ...], tuple[int, ...], str]:
    """Return the task, the classes in the model's order, how many rows each has, and the reason.

    Raises:
        RefusedFile: the target's labels are not the model's.
    """
    loaded = match.loaded
    known = () if loaded is None or loaded.classes is None else loaded.classes
    names = tuple(level_name(item) for item in known)
    if not target:
        if names:
            task: Task = "binary" if len(names) == 2 else "multiclass"
            return task, names, (0,) * len(names), ""
        if loaded is None:
            made = match.settled[scores[0]]
            if made.values.dropna().between(0, 1).all() if made.kind == "number" else True:
                return "binary", ("0", "1"), (0, 0), "The scores lie between 0 and 1."
        return "regression", (), (), ""
    made = match.settled[target]
    is_classifier = None if loaded is None else loaded.is_classifier
    if loaded is None and scores:
        is_classifier = _scores_are_classes(match, scores, target)
    task, reason = guesses.guess_task(made.values, made.kind, is_classifier=is_classifier)
    if names:
        task = "binary" if len(names) == 2 else "multiclass"
    if task == "regression":
        if made.kind not in ("number", "integer"):
            raise RefusedFile(
                f"Expected numbers in the target {quoted(target)}, because the model gives "
                "numbers, got text.",
                remedy="Choose another target.",
            )
        return task, (), (), reason
    if not names:
        names = _classes_of(match, target, made)
    codes, matched, strange = class_codes(made.values, names)
    if strange:
        shown = ", ".join(quoted(name) for name in strange[:5])
        raise RefusedFile(
            f"Expected the model's classes {', '.join(quoted(name) for name in names[:5])} in "
            f"the target {quoted(target)}, got {shown}.",
            remedy="Choose another target, or use the names the model was fitted on.",
        )
    renamed = [f"{quoted(old)} is {quoted(new)}" for old, new in matched.items() if old != new]
    if renamed:
        match.say(f"Labels were matched to the model's classes: {', '.join(renamed[:5])}.")
    counts = Counter(codes.tolist())
    n_missing = counts.get(-1, 0)
    if n_missing:
        match.say(f"{n_missing:,} rows have no label; they count where none is needed.")
    return task, names, tuple(counts.get(at, 0) for at in range(len(names))), reason


def _scores_are_classes(match: TableMatch, scores: tuple[str, ...], target: str) -> bool | None:
    made, labels = match.settled[scores[0]], match.settled[target]
    if made.kind in ("category", "boolean") or labels.kind in ("category", "boolean"):
        return True
    if made.kind == "number":
        within = bool(made.values.dropna().between(0, 1).all())
        return True if within and labels.values.nunique() <= 2 else None
    return None


def _classes_of(match: TableMatch, target: str, made: Settled) -> tuple[str, ...]:
    different = made.values.dropna().unique()
    if len(different) > bounds.CLASSES:
        raise RefusedFile(
            f"Expected at most {bounds.CLASSES:,} classes in {quoted(target)}, got "
            f"{len(different):,}.",
            remedy="Choose another target.",
        )
    # Numbers by size, words by name: the order that score columns have in every library.
    ordered = sorted(different.tolist())
    names = tuple(level_name(value) for value in ordered)
    if len(names) == 1:
        raise RefusedFile(
            f"Expected at least two classes in {quoted(target)}, got only {quoted(names[0])}.",
            remedy="Choose another target, or upload rows of every class.",
        )
    if match.loaded is not None:
        shown = ", ".join(quoted(name) for name in names[:10])
        match.say(
            "The model does not know its classes' names; its score columns were taken to be, "
            f"in this order: {shown}."
        )
    return names


def spell_answers(match: TableMatch, scores: tuple[str, ...], classes: tuple[str, ...]) -> None:
    """Give columns of predicted class names the classes' own spelling."""
    for name in scores:
        made = match.settled[name]
        if made.kind == "category" and len(match_levels(made.levels, classes)) == len(made.levels):
            match.settled[name] = made._replace(levels=classes)


def positive_class(match: TableMatch, classes: tuple[str, ...]) -> guesses.Guess:
    """Return the class that counts as positive.

    Raises:
        RefusedFile: the user named one that is not there.
    """
    if match.params.positive_class:
        matched = match_levels([match.params.positive_class], classes)
        if not matched:
            raise RefusedFile(
                f"Expected one of the classes {' and '.join(map(quoted, classes))} as the "
                f"positive one, got {quoted(match.params.positive_class)}.",
                remedy="Choose one of them.",
            )
        return guesses.Guess(matched[match.params.positive_class], "You said so.")
    return guesses.guess_positive(classes)
