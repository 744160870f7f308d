"""JSON from a process that may lie: no duplicate keys, no NaN, no depth, no surprise."""

import json
import math
from typing import Any

from analyzers.core.errors import ResultError

MOST_DEPTH = 24
_REMEDY = "Run the analysis again; if it happens again, do not trust the model file."


def parse_strict(content: bytes, *, what: str) -> Any:  # noqa: ANN401  any JSON value
    """Parse JSON and refuse what a well-meaning writer never writes.

    Args:
        content: UTF-8, its size already capped by the caller.
        what: names the document in the error.

    Raises:
        ResultError: not UTF-8, not JSON, nested too deeply, a key twice, or NaN or an infinity.
    """
    try:
        text = content.decode("utf-8")
        _check_depth(text)
        return json.loads(
            text,
            object_pairs_hook=_without_duplicates,
            parse_constant=_refuse_constant,
            parse_float=_finite,
        )
    except (ValueError, RecursionError) as error:
        raise ResultError(
            f"Expected strict JSON in {what}, got {_reason(error)}.", remedy=_REMEDY
        ) from error


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "bytes that are not UTF-8"
    if isinstance(error, json.JSONDecodeError):
        return f"a syntax error at character {error.pos}"
    return str(error)[:200] if isinstance(error, _Refusal) else "a value out of range"


class _Refusal(ValueError):
    """A document that is JSON to others and not to us."""


def _check_depth(text: str) -> None:
    depth = 0
    inside = escaped = False
    if text.count("[") + text.count("{") <= MOST_DEPTH:
        return
    for character in text:
        if escaped:
            escaped = False
        elif inside:
            escaped = character == "\\"
            inside = character != '"'
        elif character == '"':
            inside = True
        elif character in "[{":
            depth += 1
            if depth > MOST_DEPTH:
                raise _Refusal(f"values nested deeper than {MOST_DEPTH} levels")
        elif character in "]}":
            depth -= 1


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise _Refusal("the same key twice in one object")
    return made


def _refuse_constant(name: str) -> None:
    raise _Refusal(f"the constant {name}")


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise _Refusal("a number too large for a double")
    return value
