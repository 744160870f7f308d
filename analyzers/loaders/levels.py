"""One name for one value: matching what a table says with what a model knows."""

from collections.abc import Mapping, Sequence

_TRUE = frozenset(["1", "true", "yes", "y", "t", "positive", "pos", "ja", "si", "oui", "sí", "是"])
_FALSE = frozenset(["0", "false", "no", "n", "f", "negative", "neg", "nein", "non", "否"])


def level_name(value: object) -> str:
    """Name a value as it is shown: whole numbers without a point, booleans as words."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return str(value)


def match_levels(found: Sequence[str], known: Sequence[str]) -> dict[str, str]:
    """Pair values of a table with the names known.

    Args:
        found: different values of the table.
        known: the names they should have.

    Returns:
        Name by value, for those that fit: the same; the same but for case and outer spaces; the
        same number. Values that fit nothing are left out.
    """
    exact = set(known)
    folded = _unambiguous({name: name.strip().casefold() for name in known})
    numbers = _unambiguous({name: number for name in known if (number := _number(name))})
    matched: dict[str, str] = {}
    for value in found:
        if value in exact:
            matched[value] = value
        elif (fold := value.strip().casefold()) in folded:
            matched[value] = folded[fold]
        elif (number := _number(value)) in numbers:
            matched[value] = numbers[number]
    return matched


def match_truth(found: Sequence[str], known: Sequence[str]) -> dict[str, str]:
    """Pair two values with two names by what they mean: yes, true and 1; no, false and 0."""
    if len(found) > 2 or len(known) != 2:
        return {}
    names = {_truth(name): name for name in known}
    if set(names) != {True, False}:
        return {}
    matched = {value: names[truth] for value in found if (truth := _truth(value)) is not None}
    return matched if len(matched) == len(found) else {}


def truth_of(name: str) -> bool | None:
    """Say whether a word means yes or no; None where it means neither."""
    return _truth(name)


def _truth(name: str) -> bool | None:
    word = name.strip().casefold()
    if word in _TRUE:
        return True
    return False if word in _FALSE else None


def _number(name: str) -> str:
    try:
        return repr(float(name))
    except ValueError:
        return ""


def _unambiguous(names: Mapping[str, str]) -> dict[str, str]:
    seen = list(names.values())
    return {key: name for name, key in names.items() if seen.count(key) == 1}
