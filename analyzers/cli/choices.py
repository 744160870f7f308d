"""Words from the command line as checked values."""

from collections.abc import Sequence
from typing import Any

from analyzers.catalog import ANALYZERS, analyzer_named
from analyzers.core.analyzer import Analyzer
from analyzers.core.errors import InvalidParameter
from analyzers.core.params import Parameter, Params, check_params, parameters_of

_YES, _NO = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


def words_of(texts: Sequence[str]) -> tuple[str, ...]:
    """Split "a,b" and repeated options into single words."""
    return tuple(word.strip() for text in texts for word in text.split(",") if word.strip())


def chosen_analyzers(texts: Sequence[str]) -> tuple[Analyzer[Any], ...]:
    """Return the named analyzers in the catalog's order, all where none is named.

    Raises:
        InvalidParameter: no analyzer has that name.
    """
    names = words_of(texts)
    wanted = {analyzer_named(name).name for name in names}
    return tuple(item for item in ANALYZERS if not names or item.name in wanted)


def chosen_params(settings: Sequence[str]) -> dict[str, Params]:
    """Read "fairness.smallest_group=30" and the like against the declared parameters.

    Raises:
        InvalidParameter: an unknown analyzer or parameter, or a value that does not fit.
    """
    values: dict[str, dict[str, Any]] = {}
    for setting in settings:
        place, equals, text = setting.partition("=")
        name, dot, parameter = place.strip().partition(".")
        if not (equals and dot and name and parameter):
            raise InvalidParameter(
                f"Expected ANALYZER.PARAMETER=VALUE, got {setting!r}.",
                remedy="Write for example --set fairness.smallest_group=30.",
            )
        declared = _declared(analyzer_named(name), parameter)
        values.setdefault(name, {})[parameter] = _value(declared, text.strip(), setting)
    return {
        name: check_params(analyzer_named(name).params, given) for name, given in values.items()
    }


def _declared(analyzer: Analyzer[Any], name: str) -> Parameter:
    declared = {item.name: item for item in parameters_of(analyzer.params)}
    if name not in declared:
        raise InvalidParameter(
            f"Expected a parameter of {analyzer.name}, got {name!r}.",
            remedy=f"Choose one of: {', '.join(declared) or 'none; it has no parameters'}.",
        )
    return declared[name]


def _value(declared: Parameter, text: str, setting: str) -> Any:  # noqa: ANN401  as declared
    try:
        match declared.kind:
            case "integer":
                return None if not text and declared.default is None else int(text)
            case "number":
                return float(text)
            case "columns":
                return list(words_of([text]))
            case "flag":
                if text.lower() not in (*_YES, *_NO):
                    raise ValueError(text)
                return text.lower() in _YES
            case "choice":
                if text not in declared.choices:
                    raise ValueError(text)
                return text
            case _:
                return text
    except ValueError as error:
        wanted = {
            "integer": "a whole number",
            "number": "a number",
            "flag": "yes or no",
            "choice": f"one of {', '.join(declared.choices)}",
        }[declared.kind]
        raise InvalidParameter(
            f"Expected {wanted} in {setting!r}, got {text!r}.", remedy=f"{declared.help}"
        ) from error
