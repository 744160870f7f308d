"""What is examined: a model and its data, by digest."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from analyzers.core.value import Value

Task = Literal["binary", "multiclass", "regression"]
Modality = Literal["tabular", "text", "image"]
Kind = Literal["number", "integer", "category", "boolean", "text", "image", "time"]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]

TASKS: tuple[Task, ...] = ("binary", "multiclass", "regression")
MODALITIES: tuple[Modality, ...] = ("tabular", "text", "image")


class Role(StrEnum):
    """What a column is used for."""

    FEATURE = "feature"
    LABEL = "label"
    SENSITIVE = "sensitive"
    ID = "id"
    TIME = "time"
    TEXT = "text"
    IMAGE = "image"
    PREDICTION = "prediction"
    IGNORED = "ignored"


class Trust(StrEnum):
    """What a file format can carry, from harmless to arbitrary code."""

    DATA = "data only"
    PROGRAM = "a restricted program"
    CODE = "code"


class FileRef(Value):
    """An uploaded file, known by its content; the name is for display only."""

    sha256: Sha256
    size: int = Field(ge=0)
    name: str = Field(max_length=255)


class Files(Value):
    """The files of one upload. Nothing in them has been parsed yet."""

    data: FileRef
    model: FileRef | None = None
    training_data: FileRef | None = None

    @property
    def refs(self) -> tuple[FileRef, ...]:
        """The files that were given."""
        return tuple(ref for ref in (self.data, self.model, self.training_data) if ref is not None)

    def has(self, ref: FileRef) -> bool:
        """Whether a file with the same content is among them."""
        return any(own.sha256 == ref.sha256 for own in self.refs)


class Column(Value):
    """One column of the data and how it is used.

    `role` says what the column is for; a column may be a model feature and sensitive at once, so
    `is_feature`, `is_sensitive` and `is_immutable` are flags beside it.
    """

    name: str = Field(max_length=200)
    kind: Kind
    role: Role
    is_feature: bool = False
    is_sensitive: bool = False
    is_immutable: bool = False
    reason: str = ""
    levels: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    n_missing: int = 0


class Subject(Value):
    """A model and its data, with every column's meaning settled.

    `classes` are in the order of the model's score columns; `positive_class` is set for binary
    tasks. A subject without a model is a table of predictions and a full citizen.
    """

    name: str = Field(max_length=200)
    files: Files
    task: Task
    modality: Modality
    target: str | None
    classes: tuple[str, ...] = ()
    positive_class: str | None = None
    columns: tuple[Column, ...]
    n_rows: int = Field(ge=0)
    model_kind: str = ""
    trust: Trust = Trust.DATA

    @property
    def features(self) -> tuple[Column, ...]:
        """Columns the model sees, in the model's order."""
        return tuple(column for column in self.columns if column.is_feature)

    @property
    def sensitive(self) -> tuple[Column, ...]:
        """Columns that say who a person is."""
        return tuple(column for column in self.columns if column.is_sensitive)

    @property
    def positive_index(self) -> int:
        """Position of the positive class among `classes`; the last class where none is named."""
        if self.positive_class in self.classes:
            return self.classes.index(self.positive_class)
        return len(self.classes) - 1

    def column(self, name: str) -> Column:
        """Return the column called `name`.

        Raises:
            KeyError: no such column.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)
