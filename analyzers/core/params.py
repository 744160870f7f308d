"""Parameters declared once: the form, the CLI flag, the check and the report's table."""

from typing import Any, Literal, NamedTuple, TypeVar, get_args, get_origin

from pydantic import Field, JsonValue, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import to_json

from analyzers.core.errors import InvalidParameter
from analyzers.core.subject import Modality
from analyzers.core.value import Value

ColumnGroup = Literal["sensitive", "feature", "any"]
ParameterKind = Literal["integer", "number", "choice", "flag", "columns", "class", "text"]


class Params(Value):
    """Base of every analyzer's parameters; each field is made by `parameter` or `column_choice`."""


class NoParams(Params):
    """For analyzers without anything to choose."""


def parameter(
    default: float | str | bool | None,
    *,
    label: str,
    help: str,
    minimum: float | None = None,
    maximum: float | None = None,
    only: Modality | tuple[Modality, ...] = (),
) -> Any:  # noqa: ANN401  stands in for a field of any type, as pydantic's Field does
    """Declare a number, a choice (a Literal type), a flag or a short text.

    Args:
        default: where nothing is chosen; None for a whole number that may be left open.
        label: in a few words; of a parameter for one kind of data, the kind, a colon and the words.
        help: what it does and what it costs.
        minimum: smallest number allowed.
        maximum: largest number allowed.
        only: the kinds of data it means anything for, where not all; forms for others leave it out.
    """
    return Field(
        default=default, title=label, description=help, ge=minimum, le=maximum,
        json_schema_extra={"only": _kinds(only)},
    )  # fmt: skip


def _kinds(only: Modality | tuple[Modality, ...]) -> list[JsonValue]:
    return [only] if isinstance(only, str) else [*only]


def column_choice(
    *, label: str, help: str, among: ColumnGroup, only: Modality | tuple[Modality, ...] = ()
) -> Any:  # noqa: ANN401  see above
    """Declare a choice of columns, `tuple[str, ...]`; empty means the analyzer's own default."""
    return Field(
        default=(),
        title=label,
        description=help,
        json_schema_extra={"among": among, "only": _kinds(only)},
    )


def class_choice(
    *, label: str, help: str, none: str, only: Modality | tuple[Modality, ...] = ()
) -> Any:  # noqa: ANN401  see above
    """Declare a choice of one of the subject's classes, `str`; empty means none.

    Args:
        label: as for `parameter`.
        help: as for `parameter`.
        none: in a few words, what happens where none is chosen.
        only: as for `parameter`.
    """
    return Field(
        default="",
        title=label,
        description=help,
        json_schema_extra={"none": none, "only": _kinds(only)},
    )


class Parameter(NamedTuple):
    """One declared parameter, as a form or a command line needs it."""

    name: str
    kind: ParameterKind
    label: str
    help: str
    default: Any
    minimum: float | None
    maximum: float | None
    choices: tuple[str, ...]
    among: ColumnGroup | None
    only: tuple[Modality, ...] = ()
    none: str = ""

    @property
    def default_text(self) -> str:
        """The default as the command line takes it."""
        if self.kind == "columns":
            return ",".join(self.default)
        return "" if self.default is None else str(self.default)

    @property
    def short_label(self) -> str:
        """The label without the kind of data, for a form that shows one kind only."""
        words = self.label.partition(": ")[2] if self.only else ""
        return words[:1].upper() + words[1:] if words else self.label


def parameters_of(params: type[Params]) -> tuple[Parameter, ...]:
    """List the declared parameters in order."""
    return tuple(_describe(name, field) for name, field in params.model_fields.items())


def _describe(name: str, field: FieldInfo) -> Parameter:
    bounds = {type(item).__name__: item for item in field.metadata}
    annotation = field.annotation
    choices: tuple[str, ...] = ()
    kind: ParameterKind
    if get_origin(annotation) is Literal:
        kind, choices = "choice", tuple(str(item) for item in get_args(annotation))
    elif get_origin(annotation) is tuple:
        kind = "columns"
    elif annotation is bool:
        kind = "flag"
    elif annotation is int or get_args(annotation) == (int, type(None)):
        kind = "integer"
    elif annotation is float:
        kind = "number"
    else:
        kind = "text"
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    none = str(extra.get("none") or "")
    if none:
        kind = "class"
    among: Any = extra.get("among")
    only: Any = extra.get("only") or ()
    return Parameter(
        name=name,
        kind=kind,
        label=field.title or name,
        help=field.description or "",
        default=field.get_default(),
        minimum=getattr(bounds.get("Ge"), "ge", None),
        maximum=getattr(bounds.get("Le"), "le", None),
        choices=choices,
        among=among,
        only=tuple(only),
        none=none,
    )


def _range(described: Parameter) -> str:
    low, high = described.minimum, described.maximum
    if low is None or high is None:
        return f"at most {high:g}" if low is None else f"at least {low:g}"
    return f"from {low:,g} to {high:,g}"


P = TypeVar("P", bound=Params)


def check_params(params: type[P], values: dict[str, Any]) -> P:
    """Build parameters from plain values.

    Raises:
        InvalidParameter: an unknown name, a wrong type or a value out of bounds, in one sentence.
    """
    try:
        return params.model_validate_json(to_json(values))
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        described = next((item for item in parameters_of(params) if item.name == name), None)
        if described and first["type"] in ("less_than_equal", "greater_than_equal"):
            raise InvalidParameter(
                f"Expected {described.short_label!r} ({name!r}) to be {_range(described)}, got "
                f"{first['input']:g}.",
                remedy="Set it to a number within these bounds.",
            ) from error
        raise InvalidParameter(
            f"Parameter {name!r}: {first['msg'].lower()}, got {first['input']!r}.",
            remedy="Choose a value within the bounds shown beside the parameter.",
        ) from error
