"""What a model and a table seem to be together: features, target, classes, roles."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from analyzers.core.errors import RefusedFile
from analyzers.core.result import Measurements
from analyzers.core.subject import Column, Files, Kind, Modality, Role, Subject, Task, Trust
from analyzers.inspection import INSPECTION_TABLES, InspectionParams
from analyzers.loaders import bounds, guesses
from analyzers.loaders.alignment import class_codes, find_columns
from analyzers.loaders.cells import Settled, settle
from analyzers.loaders.headers import clean, quoted
from analyzers.loaders.levels import level_name, match_levels
from analyzers.loaders.loaded_model import LoadedModel
from analyzers.loaders.raw_table import RawTable

NO_TRAINING = (
    "No training table was given. Whether the model gives away who it was trained on (membership "
    "inference) cannot be measured without the rows it was fitted on."
)
NO_MODEL = (
    "No model was given: the table's score column is judged as it stands. Explanations and attacks "
    "need the model itself."
)
NO_TARGET = (
    "No column holds the true outcome. Accuracy and error rates cannot be measured without it."
)
_IMAGE = "image"


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A subject with everything that was guessed, and why."""

    subject: Subject
    target_reason: str
    positive_reason: str
    class_counts: tuple[int, ...]
    changes: tuple[tuple[str, str], ...]

    def measurements(
        self,
        *,
        data_format: str,
        model_format: str,
        n_training_rows: int | None,
        more: Iterable[str],
    ) -> Measurements:
        """Put the proposal into the tables of `INSPECTION_TABLES`."""
        subject = self.subject
        rows = [
            column.model_dump(mode="python") | {"role": str(column.role)}
            for column in subject.columns
        ]
        classes = [
            {"code": code, "label": label, "n_rows": n_rows}
            for code, (label, n_rows) in enumerate(
                zip(subject.classes, self.class_counts, strict=True)
            )
        ]
        said = dict.fromkeys([*self.changes, *(("model", sentence) for sentence in more)])
        changes = [{"about": about, "sentence": clean_sentence(text)} for about, text in said]
        made = {"columns": rows, "classes": classes, "changes": changes}
        return Measurements(
            facts={
                "task": subject.task,
                "modality": subject.modality,
                "target": subject.target or "",
                "target_reason": self.target_reason,
                "positive_class": subject.positive_class or "",
                "positive_reason": self.positive_reason,
                "model_kind": subject.model_kind,
                "trust": str(subject.trust),
                "data_format": data_format,
                "model_format": model_format,
                "n_rows": subject.n_rows,
                "n_training_rows": n_training_rows,
            },
            tables={
                name: pa.Table.from_pylist(made[name], schema=schema)
                for name, schema in INSPECTION_TABLES.items()
            },
        )


def clean_sentence(text: str) -> str:
    """Take control characters out of a sentence with names from the file in it."""
    return "".join(char if char.isprintable() else " " for char in text)[:1000]


def propose(
    files: Files,
    table: RawTable,
    training: RawTable | None,
    loaded: LoadedModel | None,
    params: InspectionParams,
) -> Proposal:
    """Match model and table, and guess what was not said.

    Raises:
        RefusedFile: they do not fit; the names say where.
    """
    return _Matching(files, table, training, loaded, params).propose()


class _Matching:
    """The steps of `propose`; each one settles something the next one needs."""

    def __init__(
        self,
        files: Files,
        table: RawTable,
        training: RawTable | None,
        loaded: LoadedModel | None,
        params: InspectionParams,
    ) -> None:
        self.files = files
        self.table = table
        self.training = training
        self.loaded = loaded
        self.params = params
        self.changes: list[tuple[str, str]] = [("table", text) for text in table.changes]
        if training is not None:
            self.changes += [("training table", text) for text in training.changes]
        self.settled: dict[str, Settled] = {}
        self.names: dict[str, str] = {}

    def propose(self) -> Proposal:
        modality = self._modality()
        features = self._known_features() if modality == "tabular" else None
        self._settle_all(features or ())
        scores = self._score_columns(features)
        target, target_reason = self._target(features, scores, modality)
        if features is None:
            features = self._other_features(target, scores, modality)
        task, classes, counts, task_reason = self._task(target, scores)
        positive = self._positive(classes) if task == "binary" else guesses.Guess("", "")
        self._spell_answers(scores, classes)
        columns = self._columns(features, target, target_reason, scores, modality)
        self._say_what_is_missing(target)
        subject = Subject(
            name="upload",
            files=self.files,
            task=task,
            modality=modality,
            target=target or None,
            classes=classes,
            positive_class=positive.value or None,
            columns=columns,
            n_rows=self.table.n_rows,
            model_kind="" if self.loaded is None else clean(self.loaded.kind),
            trust=Trust.DATA if self.loaded is None else self.loaded.trust,
        )
        return Proposal(
            subject=subject,
            target_reason=f"{target_reason} {task_reason}".strip(),
            positive_reason=positive.reason,
            class_counts=counts,
            changes=tuple(self.changes),
        )

    def _modality(self) -> Modality:
        if self.table.images is not None:
            if self.loaded is not None and self.loaded.modality in ("text", "tabular"):
                raise RefusedFile(
                    f"Expected a table for {self.loaded.kind}, got pictures.",
                    remedy="Upload the table the model predicts on.",
                )
            return "image"
        if self.loaded is not None and self.loaded.modality == "image":
            raise RefusedFile(
                f"Expected pictures for {self.loaded.kind}, got a table.",
                remedy="Upload a zip of pictures or an npz with arrays X and y.",
            )
        return "text" if self.loaded is not None and self.loaded.modality == "text" else "tabular"

    def _known_features(self) -> tuple[str, ...] | None:
        """Return the model's own feature names, each paired with a column of the table."""
        if self.loaded is None or self.loaded.feature_names is None:
            return None
        wanted = self.loaded.feature_names
        found = find_columns(wanted, list(self.table.columns))
        absent = [name for name in wanted if name not in found]
        if absent:
            names = ", ".join(quoted(name) for name in absent[:10])
            more = f" and {len(absent) - 10:,} more" if len(absent) > 10 else ""
            there = ", ".join(quoted(name) for name in list(self.table.columns)[:10])
            raise RefusedFile(
                f"Expected the {len(wanted):,} columns the model was fitted on, got none called "
                f"{names}{more}. The table has {there}.",
                remedy="Upload a table with these columns under these names; the order does not "
                "matter.",
            )
        for name, place in found.items():
            if place != name:
                self._say(f"Column {quoted(place)} is used as the model's {quoted(name)}.")
        self.names = {place: name for name, place in found.items()}
        order = [self.names.get(place, place) for place in self.table.columns]
        if [name for name in order if name in set(wanted)] != list(wanted):
            self._say("The columns were put into the order the model was fitted on.")
        return wanted

    def _settle_all(self, features: Iterable[str]) -> None:
        levels = {} if self.loaded is None else self.loaded.levels
        keeps = {name: frozenset(level_name(level) for level in known)
                 for name, known in levels.items()}  # fmt: skip
        for place, column in self.table.columns.items():
            name = self.names.get(place, place)
            kind: Kind | None = "category" if name in levels else None
            made = settle(name, column, kind=kind, keep=keeps.get(name, frozenset()))
            if kind == "category":
                made = made._replace(levels=self._model_levels(name, made, levels[name]))
            self.settled[name] = made
            for sentence in made.changes:
                self._say(sentence)
        del features

    def _model_levels(self, name: str, made: Settled, known: Iterable[object]) -> tuple[str, ...]:
        names = [level_name(level) for level in known]
        found = [str(value) for value in made.values.dropna().unique()]
        matched = match_levels(found, names)
        strange = [value for value in found if value not in matched]
        if strange:
            shown = ", ".join(quoted(value) for value in strange[:5])
            self._say(
                f"Column {quoted(name)}: the model does not know {shown}; what it does with them "
                "is its own affair."
            )
        renamed = [f"{quoted(old)} as {quoted(new)}" for old, new in matched.items() if old != new]
        if renamed:
            self._say(f"Column {quoted(name)}: {', '.join(renamed[:5])} was read.")
        return tuple(dict.fromkeys([*names, *strange]))[: bounds.LEVELS]

    def _score_columns(self, features: tuple[str, ...] | None) -> tuple[str, ...]:
        if self.params.score_column:
            return (self._named(self.params.score_column, "score column"),)
        if self.loaded is not None:
            kinds = self._kinds()
            rest = [name for name in self.settled if name not in (features or ())]
            return tuple(guesses.guess_scores(rest, kinds)) if features is not None else ()
        found = [name for name in guesses.guess_scores(list(self.settled), self._kinds())
                 if name != self.params.target]  # fmt: skip
        if not found:
            raise RefusedFile(
                "Expected a model, or a table with the model's scores in a column, got neither.",
                remedy="Upload the model file too, or name the column with the scores (such as "
                "'score' or 'prediction').",
            )
        return tuple(found)

    def _target(
        self, features: tuple[str, ...] | None, scores: tuple[str, ...], modality: Modality
    ) -> guesses.Guess:
        if self.params.target:
            name = self._named(self.params.target, "target")
            if features is not None and name in features:
                raise RefusedFile(
                    f"Expected a target the model does not see, got {quoted(name)}, one of its "
                    "features.",
                    remedy="Choose another column.",
                )
            return guesses.Guess(name, "You said so.")
        kinds = self._kinds()
        taken = {*(features or ()), *scores, *self.params.ids}
        rest = [
            name
            for name, made in self.settled.items()
            if name not in taken
            and not guesses.guess_id(name, made.values, made.kind).value
            and not (modality == "text" and made.kind == "text")
        ]
        is_classifier = None if self.loaded is None else self.loaded.is_classifier
        counts = {name: int(self.settled[name].values.nunique()) for name in rest}
        if self.loaded is not None and self.loaded.classes:
            known = [level_name(item) for item in self.loaded.classes]
            fitting = [name for name in rest if not self._strange(name, known)]
            rest = fitting or rest
        elif self.loaded is not None and (self.loaded.n_outputs or 0) > 1:
            rest = [name for name in rest if counts[name] == self.loaded.n_outputs] or rest
        return guesses.guess_target(rest, kinds, n_levels=counts, is_classifier=is_classifier)

    def _strange(self, name: str, classes: list[str]) -> tuple[str, ...]:
        values = self.settled[name].values
        if values.nunique() > bounds.CLASSES:
            return ("too many",)
        return class_codes(values, classes)[2]

    def _other_features(
        self, target: str, scores: tuple[str, ...], modality: Modality
    ) -> tuple[str, ...]:
        """Choose the features of a model that does not know their names, by number and kind."""
        if modality == "image":
            return (_IMAGE,)
        if modality == "text":
            return (self._text_column(target),)
        rest = [
            name
            for name, made in self.settled.items()
            if name != target
            and name not in scores
            and name not in self.params.ids
            and made.kind != "time"
            and not guesses.guess_id(name, made.values, made.kind).value
        ]
        if self.loaded is None:
            return ()
        wanted = self.loaded.n_features
        if wanted is not None and len(rest) != wanted:
            numeric = [name for name in rest if self.settled[name].kind in
                       ("number", "integer", "boolean")]  # fmt: skip
            if len(numeric) == wanted:
                rest = numeric
            else:
                names = ", ".join(quoted(name) for name in rest[:20])
                raise RefusedFile(
                    f"Expected a table with the {wanted:,} columns the model takes, got "
                    f"{len(rest):,} beside the target {quoted(target)}: {names}. The model does "
                    "not know its columns' names.",
                    remedy="Upload only the model's columns, in its order, and the target; or say "
                    "which columns are ids.",
                )
        self._say(
            "The model does not know its columns' names: the table's columns are given to it in "
            f"their order, without the target: {', '.join(quoted(name) for name in rest[:10])}"
            f"{', ...' if len(rest) > 10 else ''}."
        )
        if self.loaded.is_differentiable:
            words = [name for name in rest if self.settled[name].kind in ("category", "text")]
            if words:
                raise RefusedFile(
                    "Expected numbers for a torch model, got words in "
                    f"{', '.join(quoted(name) for name in words[:10])}.",
                    remedy="Upload the table as numbers, encoded as in training.",
                )
        return tuple(rest)

    def _text_column(self, target: str) -> str:
        words = {
            name: made.values.dropna().astype("str").str.len().mean()
            for name, made in self.settled.items()
            if name != target and made.kind in ("text", "category")
        }
        if not words:
            raise RefusedFile(
                "Expected a column of texts for a text model, got none.",
                remedy="Upload a table with the texts in one column.",
            )
        return max(words, key=lambda name: words[name])

    def _task(
        self, target: str, scores: tuple[str, ...]
    ) -> tuple[Task, tuple[str, ...], tuple[int, ...], str]:
        loaded = self.loaded
        known = () if loaded is None or loaded.classes is None else loaded.classes
        names = tuple(level_name(item) for item in known)
        if not target:
            if names:
                task: Task = "binary" if len(names) == 2 else "multiclass"
                return task, names, (0,) * len(names), ""
            if loaded is None:
                made = self.settled[scores[0]]
                if made.values.dropna().between(0, 1).all() if made.kind == "number" else True:
                    return "binary", ("0", "1"), (0, 0), "The scores lie between 0 and 1."
            return "regression", (), (), ""
        made = self.settled[target]
        is_classifier = None if loaded is None else loaded.is_classifier
        if loaded is None and scores:
            is_classifier = self._scores_are_classes(scores, target)
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
            names = self._classes_of(target, made)
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
            self._say(f"Labels were matched to the model's classes: {', '.join(renamed[:5])}.")
        counts = Counter(codes.tolist())
        n_missing = counts.get(-1, 0)
        if n_missing:
            self._say(f"{n_missing:,} rows have no label; they count where none is needed.")
        return task, names, tuple(counts.get(at, 0) for at in range(len(names))), reason

    def _scores_are_classes(self, scores: tuple[str, ...], target: str) -> bool | None:
        made, labels = self.settled[scores[0]], self.settled[target]
        if made.kind in ("category", "boolean") or labels.kind in ("category", "boolean"):
            return True
        if made.kind == "number":
            within = bool(made.values.dropna().between(0, 1).all())
            return True if within and labels.values.nunique() <= 2 else None
        return None

    def _classes_of(self, target: str, made: Settled) -> tuple[str, ...]:
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
        if self.loaded is not None:
            shown = ", ".join(quoted(name) for name in names[:10])
            self._say(
                "The model does not know its classes' names; its score columns were taken to be, "
                f"in this order: {shown}."
            )
        return names

    def _spell_answers(self, scores: tuple[str, ...], classes: tuple[str, ...]) -> None:
        """Give columns of predicted class names the classes' own spelling."""
        for name in scores:
            made = self.settled[name]
            if made.kind == "category" and len(match_levels(made.levels, classes)) == len(
                made.levels
            ):
                self.settled[name] = made._replace(levels=classes)

    def _positive(self, classes: tuple[str, ...]) -> guesses.Guess:
        if self.params.positive_class:
            matched = match_levels([self.params.positive_class], classes)
            if not matched:
                raise RefusedFile(
                    f"Expected one of the classes {' and '.join(map(quoted, classes))} as the "
                    f"positive one, got {quoted(self.params.positive_class)}.",
                    remedy="Choose one of them.",
                )
            return guesses.Guess(matched[self.params.positive_class], "You said so.")
        return guesses.guess_positive(classes)

    def _columns(
        self,
        features: tuple[str, ...],
        target: str,
        target_reason: str,
        scores: tuple[str, ...],
        modality: Modality,
    ) -> tuple[Column, ...]:
        for group in (self.params.sensitive, self.params.immutable, self.params.ids):
            for name in group:
                self._named(name, "column")
        made: list[Column] = []
        if modality == "image":
            made.append(Column(name=_IMAGE, kind="image", role=Role.IMAGE, is_feature=True,
                               reason="The file holds pictures."))  # fmt: skip
        # The model's order first: `Subject.features` reads it from the columns.
        order = [*(name for name in features if name in self.settled),
                 *(name for name in self.settled if name not in features)]  # fmt: skip
        made.extend(
            self._column(
                name,
                is_feature=name in features,
                target=target,
                target_reason=target_reason,
                is_score=name in scores,
                modality=modality,
            )
            for name in order
        )
        return tuple(made)

    def _column(
        self,
        name: str,
        *,
        is_feature: bool,
        target: str,
        target_reason: str,
        is_score: bool,
        modality: Modality,
    ) -> Column:
        settled = self.settled[name]
        role, reason = Role.IGNORED, "Nothing says what it is for."
        sensitive = guesses.guess_sensitive(name)
        is_sensitive = bool(sensitive.value) and name != target and not is_score
        if self.params.sensitive:
            is_sensitive = name in self.params.sensitive
        is_immutable = bool(guesses.guess_immutable(name).value) and name != target
        if self.params.immutable:
            is_immutable = name in self.params.immutable
        identity = guesses.guess_id(name, settled.values, settled.kind)
        time = guesses.guess_time(name, settled.kind)
        if name == target:
            role, reason = Role.LABEL, target_reason
            is_sensitive = False
        elif is_score:
            role, reason = Role.PREDICTION, "It holds the model's answers, as its name says."
            if self.params.score_column:
                reason = "You said so."
        elif is_feature and modality == "text":
            role, reason = Role.TEXT, "It holds the longest texts."
        elif is_feature:
            role, reason = Role.FEATURE, "The model was fitted on it."
            if sensitive.value:
                reason = f"The model was fitted on it. {sensitive.reason}"
        elif name in self.params.ids:
            role, reason = Role.ID, "You said so."
        elif is_sensitive:
            role = Role.SENSITIVE
            reason = "You said so." if name in self.params.sensitive else sensitive.reason
        elif identity.value:
            role, reason = Role.ID, identity.reason
        elif time.value:
            role, reason = Role.TIME, time.reason
        low, high = _ends(settled)
        return Column(
            name=name,
            kind=settled.kind if role != Role.TEXT else "text",
            role=role,
            is_feature=is_feature,
            is_sensitive=is_sensitive,
            is_immutable=is_immutable,
            reason=reason,
            levels=tuple(level[:200] for level in settled.levels),
            minimum=low,
            maximum=high,
            n_missing=settled.n_missing,
        )

    def _say_what_is_missing(self, target: str) -> None:
        if self.loaded is None:
            self.changes.append(("missing", NO_MODEL))
        elif self.training is None:
            self.changes.append(("missing", NO_TRAINING))
        if not target:
            self.changes.append(("missing", NO_TARGET))
        if self.loaded is not None:
            self.changes += [("model", note) for note in self.loaded.notes]

    def _kinds(self) -> Mapping[str, Kind]:
        return {name: made.kind for name, made in self.settled.items()}

    def _named(self, name: str, what: str) -> str:
        found = find_columns([name], list(self.settled))
        if name not in found:
            names = ", ".join(quoted(other) for other in list(self.settled)[:20])
            raise RefusedFile(
                f"Expected a {what} among the table's columns, got {quoted(name)}. The table has "
                f"{names}.",
                remedy="Choose one of them.",
            )
        return found[name]

    def _say(self, sentence: str) -> None:
        self.changes.append(("table", sentence))


def _ends(settled: Settled) -> tuple[float | None, float | None]:
    if settled.kind not in ("number", "integer"):
        return None, None
    numbers = settled.values.to_numpy(np.float64)
    numbers = numbers[np.isfinite(numbers)]
    return (float(numbers.min()), float(numbers.max())) if len(numbers) else (None, None)
