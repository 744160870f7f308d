"""Rules as a reader writes them: "total = part + rest; least <= most; age >= 18".

A rule between columns is a relation; one of a column against a number is an end of its range.
"""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from analyzers.core.errors import InvalidParameter
from analyzers.toolkit.relations import Relation

MOST_CHARACTERS = 2000
MOST_RELATIONS = 50
LARGEST_NUMBER = 1e15
_SIGN = re.compile(r"<=|>=|=")
_STRICT = re.compile(r"[<>]")
_NUMBER = r"\d+(?:\.\d+)?"
_LONE_NUMBER = re.compile(rf"\s*[+-]?\s*{_NUMBER}\s*")
_EXAMPLE = "total = part + rest; least <= most; year = 12 * month; age >= 18"


class Bound(NamedTuple):
    """One end of a column's range, in place of the one the data shows.

    Attributes:
        place: of the column.
        is_low: whether it is the smallest value; otherwise the largest.
        value: in the column's own unit.
    """

    place: int
    is_low: bool
    value: float


class Rules(NamedTuple):
    """What a reader wrote, taken apart."""

    relations: tuple[Relation, ...]
    bounds: tuple[Bound, ...]


def read_rules(text: str, names: Sequence[str], numbers: Sequence[bool]) -> Rules:
    """Read relations between columns and ends of ranges, separated by semicolons or line ends.

    Args:
        text: sums of columns, each with a factor where wanted, left and right of =, <= or >=; or
            one column against a number, with <= or >=.
        names: of all columns; the longest that fits is meant.
        numbers: whether each column is a number.

    Raises:
        InvalidParameter: what cannot be read, and how it should look.
    """
    if len(text) > MOST_CHARACTERS:
        raise _wrong(f"{len(text):,} characters", names)
    # A page may print the two signs as one, and so they come back when copied.
    text = text.replace("≤", "<=").replace("≥", ">=")
    parts = [part.strip() for part in re.split(r"[;\n]", text)]
    parts = [part for part in parts if part]
    if len(parts) > MOST_RELATIONS:
        raise _wrong(f"{len(parts):,} relations", names)
    read = [_rule(part, names, numbers) for part in parts]
    return Rules(
        tuple(rule for rule in read if isinstance(rule, Relation)),
        tuple(rule for rule in read if isinstance(rule, Bound)),
    )


def _rule(text: str, names: Sequence[str], numbers: Sequence[bool]) -> Relation | Bound:
    # A column's own name may hold a sign: those inside a name do not count.
    hidden = _term_pattern(names).sub(lambda match: " " * len(match[0]), text)
    signs = list(_SIGN.finditer(hidden))
    if not signs and _STRICT.search(hidden):
        raise _wrong(f"{text!r}", names, "< and > leave no nearest value to keep to, <= and >= do")
    if len(signs) != 1:
        many = "none" if not signs else "more than one"
        raise _wrong(f"{text!r}", names, f"it has {many} of the signs =, <= and >=")
    sign, (start, end) = signs[0][0], signs[0].span()
    sides = text[:start], text[end:]
    is_number = [bool(_LONE_NUMBER.fullmatch(side)) and side.strip() not in names for side in sides]
    if any(is_number):
        return _bound(sides, is_number, sign, text, names, numbers)
    left, right = (_side(side, text, names) for side in sides)
    twice = [names[place] for place in left if place in right]
    if twice:
        raise _wrong(f"{text!r}", names, f"{twice[0]!r} stands on both sides")
    if sign == ">=":
        left, right = right, left
    if sign == "=" and len(left) > 1 and len(right) == 1:
        left, right = right, left
    terms = left | {place: -weight for place, weight in right.items()}
    _refuse_words(terms, text, names, numbers)
    return _solved(terms, next(iter(left)), sign, text, names)


def _bound(
    sides: tuple[str, str],
    is_number: Sequence[bool],
    sign: str,
    text: str,
    names: Sequence[str],
    numbers: Sequence[bool],
) -> Bound:
    """Read one column against a number."""
    if all(is_number):
        raise _wrong(f"{text!r}", names, "it names no column")
    side, value = sides if is_number[1] else sides[::-1]
    terms = _side(side, text, names)
    if len(terms) != 1:
        raise _wrong(f"{text!r}", names, "only a single column can be held against a number")
    if sign == "=":
        raise _wrong(
            f"{text!r}", names, "a column that must stay as it is belongs to the columns the "
            "attacker cannot change",
        )  # fmt: skip
    _refuse_words(terms, text, names, numbers)
    ((place, weight),) = terms.items()
    if weight == 0:
        raise _wrong(f"{text!r}", names, f"{names[place]!r} is multiplied by 0")
    end = float("".join(value.split())) / weight
    if abs(end) > LARGEST_NUMBER:
        raise _wrong(f"{text!r}", names, f"its number is beyond {LARGEST_NUMBER:g}")
    is_low = (sign == ">=") == is_number[1]
    return Bound(place, is_low if weight > 0 else not is_low, end)


def _refuse_words(
    places: Iterable[int], text: str, names: Sequence[str], numbers: Sequence[bool]
) -> None:
    """Refuse columns that hold no numbers.

    Raises:
        InvalidParameter: one of the columns does.
    """
    for place in places:
        if not numbers[place]:
            raise InvalidParameter(
                f"Expected relations between numbers, got {names[place]!r}, which holds none, in "
                f"{text!r}.",
                remedy="Leave it out, or change what the column holds on the page of the model "
                "and its data.",
            )


def _solved(
    terms: dict[int, float], place: int, sign: str, text: str, names: Sequence[str]
) -> Relation:
    """Bring a relation into the form: one column against a weighted sum of others."""
    terms = {at: weight for at, weight in terms.items() if weight != 0}
    kind = "equal" if sign == "=" else "at most"
    if len(terms) < 2:
        raise _wrong(f"{text!r}", names, "it binds fewer than two columns")
    if terms.get(place, 0.0) <= 0:
        raise _wrong(f"{text!r}", names, f"{names[place]!r} has to be added, not taken away")
    scale = terms.pop(place)
    weights = tuple(-weight / scale for weight in terms.values())
    plain = all(weight == 1 for weight in weights)
    return Relation(
        place, tuple(terms), "equal" if kind == "equal" else "at most", () if plain else weights
    )


def _term_pattern(names: Sequence[str]) -> re.Pattern[str]:
    longest_first = sorted(names, key=len, reverse=True)
    return re.compile("|".join(re.escape(name) for name in longest_first) or r"(?!)")


def _side(side: str, whole: str, names: Sequence[str]) -> dict[int, float]:
    name = f"(?P<name>{_term_pattern(names).pattern})"
    before, after = (
        rf"(?:(?P<before>{_NUMBER})\s*[*x×]?\s*)?",
        rf"(?:\s*[*×]\s*(?P<after>{_NUMBER}))?",
    )
    term = re.compile(rf"\s*(?P<sign>[+-])?\s*{before}{name}{after}\s*")
    found: dict[int, float] = {}
    at = 0
    while at < len(side):
        match = term.match(side, at)
        if match is None or (at > 0 and match["sign"] is None):
            rest = side[at:].strip()
            why = f"{rest[:60]!r} is no column" if rest else "a side of it is empty"
            raise _wrong(f"{whole!r}", names, why)
        place = names.index(match["name"])
        weight = float(match["before"] or 1) * float(match["after"] or 1)
        found[place] = found.get(place, 0.0) + (-weight if match["sign"] == "-" else weight)
        at = match.end()
    if not found:
        raise _wrong(f"{whole!r}", names, "a side of it is empty")
    return found


def _wrong(got: str, names: Sequence[str], why: str = "") -> InvalidParameter:
    shown = ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
    reason = f"; {why}" if why else ""
    return InvalidParameter(
        f"Expected relations such as {_EXAMPLE!r}, got {got[:300]}{reason}.",
        remedy=f"Use the columns' own names ({shown}), one of =, <= or >=, and a semicolon between "
        "two relations.",
    )
