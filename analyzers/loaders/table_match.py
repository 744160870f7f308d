"""The table's columns as they were settled, under the model's names, and what was said of them."""

from collections.abc import Iterable, Mapping

from analyzers.core.errors import RefusedFile
from analyzers.core.subject import Kind
from analyzers.inspection import InspectionParams
from analyzers.loaders import bounds
from analyzers.loaders.alignment import find_columns
from analyzers.loaders.cells import Settled, settle
from analyzers.loaders.headers import quoted
from analyzers.loaders.levels import level_name, match_levels
from analyzers.loaders.loaded_model import LoadedModel
from analyzers.loaders.raw_table import RawTable


class TableMatch:
    """A table and a model being matched: what is settled so far, and the sentences about it.

    Attributes:
        table: the rows as they were read.
        loaded: the model, or None where the table holds its answers.
        params: what the user said.
        settled: every column with its kind, under the name the model gives it.
        said: what was changed or guessed, as pairs of a subject and a sentence.
    """

    def __init__(
        self,
        table: RawTable,
        training: RawTable | None,
        loaded: LoadedModel | None,
        params: InspectionParams,
    ) -> None:
        self.table = table
        self.loaded = loaded
        self.params = params
        self.settled: dict[str, Settled] = {}
        self.said: list[tuple[str, str]] = [("table", text) for text in table.changes]
        if training is not None:
            self.said += [("training table", text) for text in training.changes]

    def settle(self, renamed: Mapping[str, str]) -> None:
        """Settle the kind of every column.

        Args:
            renamed: the model's name of each column of the table that it calls otherwise.
        """
        levels = {} if self.loaded is None else self.loaded.levels
        keeps = {
            name: frozenset(level_name(level) for level in known) for name, known in levels.items()
        }
        for place, column in self.table.columns.items():
            name = renamed.get(place, place)
            kind: Kind | None = "category" if name in levels else None
            made = settle(name, column, kind=kind, keep=keeps.get(name, frozenset()))
            if kind == "category":
                made = made._replace(levels=self._model_levels(name, made, levels[name]))
            self.settled[name] = made
            for sentence in made.changes:
                self.say(sentence)

    def kinds(self) -> Mapping[str, Kind]:
        """Return the kind of every settled column."""
        return {name: made.kind for name, made in self.settled.items()}

    def named(self, name: str, what: str) -> str:
        """Return the settled column the user means by `name`.

        Raises:
            RefusedFile: there is none.
        """
        found = find_columns([name], list(self.settled))
        if name not in found:
            names = ", ".join(quoted(other) for other in list(self.settled)[:20])
            raise RefusedFile(
                f"Expected a {what} among the table's columns, got {quoted(name)}. The table has "
                f"{names}.",
                remedy="Choose one of them.",
            )
        return found[name]

    def say(self, sentence: str, *, about: str = "table") -> None:
        """Remember a sentence the user is to read."""
        self.said.append((about, sentence))

    def _model_levels(self, name: str, made: Settled, known: Iterable[object]) -> tuple[str, ...]:
        names = [level_name(level) for level in known]
        found = [str(value) for value in made.values.dropna().unique()]
        matched = match_levels(found, names)
        strange = [value for value in found if value not in matched]
        if strange:
            shown = ", ".join(quoted(value) for value in strange[:5])
            self.say(
                f"Column {quoted(name)}: the model does not know {shown}; what it does with them "
                "is its own affair."
            )
        renamed = [f"{quoted(old)} as {quoted(new)}" for old, new in matched.items() if old != new]
        if renamed:
            self.say(f"Column {quoted(name)}: {', '.join(renamed[:5])} was read.")
        return tuple(dict.fromkeys([*names, *strange]))[: bounds.LEVELS]
