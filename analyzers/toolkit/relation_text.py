"""Relations as a reader writes them: "total = part + rest; least <= most; year = 12 * month"."""

import re
from collections.abc import Sequence

from analyzers.core.errors import InvalidParameter
from analyzers.toolkit.relations import Relation

MOST_CHARACTERS = 2000
MOST_RELATIONS = 50
_SIGN = re.compile(r"<=|>=|≤|≥|=")
_NUMBER = r"\d+(?:\.\d+)?"
_EXAMPLE = "total = part + rest; least <= most; year = 12 * month"


def read_relations(
    text: str, names: Sequence[str], numbers: Sequence[bool]
) -> tuple[Relation, ...]:
    """Read relations between columns, separated by semicolons or line ends.

    Args:
        text: sums of columns, each with a factor where wanted, left and right of =, <= or >=.
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
    return tuple(_relation(part, names, numbers) for part in parts)


def _relation(text: str, names: Sequence[str], numbers: Sequence[bool]) -> Relation:
    # A column's own name may hold a sign: those inside a name do not count.
    hidden = _term_pattern(names).sub(lambda match: " " * len(match[0]), text)
    signs = list(_SIGN.finditer(hidden))
    if len(signs) != 1:
        raise _wrong(f"{text!r}", names)
    sign, at = signs[0][0], signs[0].span()
    left, right = (_side(side, text, names) for side in (text[: at[0]], text[at[1] :]))
    if sign in (">=", "≥"):
        left, right = right, left
    if sign == "=" and len(left) > 1 and len(right) == 1:
        left, right = right, left
    terms = dict(left)
    for place, weight in right.items():
        terms[place] = terms.get(place, 0.0) - weight
    for place in terms:
        if not numbers[place]:
            raise InvalidParameter(
                f"Expected relations between numbers, got {names[place]!r}, which holds none, in "
                f"{text!r}.",
                remedy="Leave it out, or change what the column holds on the page of the model "
                "and its data.",
            )
    return _solved(terms, next(iter(left)), sign, text, names)


def _solved(
    terms: dict[int, float], place: int, sign: str, text: str, names: Sequence[str]
) -> Relation:
    """Bring a relation into the form: one column against a weighted sum of others."""
    terms = {at: weight for at, weight in terms.items() if weight != 0}
    kind = "equal" if sign == "=" else "at most"
    if len(terms) < 2:
        raise _wrong(f"{text!r}, which binds fewer than two columns", names)
    if terms.get(place, 0.0) <= 0:
        raise _wrong(f"{text!r}", names)
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
            raise _wrong(f"{whole!r}", names)
        place = names.index(match["name"])
        weight = float(match["before"] or 1) * float(match["after"] or 1)
        found[place] = found.get(place, 0.0) + (-weight if match["sign"] == "-" else weight)
        at = match.end()
    if not found:
        raise _wrong(f"{whole!r}", names)
    return found


def _wrong(got: str, names: Sequence[str]) -> InvalidParameter:
    shown = ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
    return InvalidParameter(
        f"Expected relations such as {_EXAMPLE!r}, got {got[:300]}.",
        remedy=f"Use the columns' own names ({shown}), one of =, <= or >=, and a semicolon between "
        "two relations.",
    )
