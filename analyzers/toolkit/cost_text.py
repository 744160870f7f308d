"""What a change of a column costs, as a reader writes it: "savings = 3; job = 0.5"."""

import re
from collections.abc import Sequence

from analyzers.core.errors import InvalidParameter

LEAST, MOST = 0.01, 100.0
MOST_CHARACTERS = 2000


def read_costs(text: str, names: Sequence[str]) -> dict[str, float]:
    """Read how many times as much a change of some columns counts.

    Args:
        text: columns and numbers from 0.01 to 100, separated by semicolons or line ends.
        names: of all columns.

    Returns:
        Cost by name, of the columns that were named.

    Raises:
        InvalidParameter: what cannot be read, and how it should look.
    """
    if len(text) > MOST_CHARACTERS:
        raise _wrong(f"{len(text):,} characters", names)
    costs: dict[str, float] = {}
    for part in filter(None, (part.strip() for part in re.split(r"[;\n]", text))):
        # A column's own name may hold the sign.
        name, _, number = (side.strip() for side in part.rpartition("="))
        if name not in names or name in costs or not re.fullmatch(r"\d+(\.\d+)?", number):
            raise _wrong(f"{part!r}", names)
        if not LEAST <= float(number) <= MOST:
            raise _wrong(f"{part!r}, a cost outside {LEAST:g} to {MOST:g}", names)
        costs[name] = float(number)
    return costs


def _wrong(got: str, names: Sequence[str]) -> InvalidParameter:
    shown = ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
    return InvalidParameter(
        f"Expected costs such as 'savings = 3; job = 0.5', got {got[:300]}.",
        remedy=f"Name each column once by its own name ({shown}) with a number from {LEAST:g} to "
        f"{MOST:g}.",
    )
