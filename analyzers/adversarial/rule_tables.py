"""What an attacker could change, as tables: the rules of every column and the relations kept."""

import pandas as pd
import pyarrow as pa

from analyzers.adversarial.tables import table_of
from analyzers.adversarial.wording import value_text
from analyzers.toolkit.feasible import FeasibleSpace, Field

_DIRECTIONS = {"both": "may rise and fall", "rise": "may only rise", "fall": "may only fall"}
_SHOWN_LEVELS = 6


def rule_tables(space: FeasibleSpace, frame: pd.DataFrame) -> dict[str, pa.Table]:
    """Write out the rules of a space.

    Args:
        space: the rules.
        frame: the data they were read from.

    Returns:
        The tables `columns`, `fixed_columns` and `relations`.
    """
    names = [field.name for field in space.fields]
    values = space.encode(frame)
    return {
        "columns": table_of("columns", [_line(field) for field in space.fields]),
        "fixed_columns": table_of(
            "fixed_columns",
            [
                {"feature": field.name, "reason": field.reason}
                for field in space.fields
                if field.rule == "fixed"
            ],
        ),
        "relations": table_of(
            "relations",
            [
                {
                    "relation": relation.words(names),
                    "from": "the data" if relation.is_guessed else "the settings",
                    "rows_that_keep_it": int(relation.holds(values).sum()),
                    "n": len(values),
                }
                for relation in space.relations
            ],
        ),
    }  # fmt: skip


def _line(field: Field) -> dict[str, object]:
    line: dict[str, object] = {"feature": field.name}
    if field.rule == "fixed":
        return line | {"may_change": "stays as it is", "why": field.reason}
    if field.levels:
        shown = ", ".join(str(level) for level in field.levels[:_SHOWN_LEVELS])
        more = len(field.levels) - _SHOWN_LEVELS
        said = shown + (f" and {more:,} more" if more > 0 else "")
        return line | {
            "may_change": "may take another category", "between": said,
            "counts_one": "another category"
            if field.scale == 1
            else f"nothing; another category counts {1 / field.scale:.3g}",
        }  # fmt: skip
    digits = 0 if field.rule == "integer" else field.decimals
    return line | {
        "may_change": _DIRECTIONS[field.may],
        "between": f"{value_text(field, field.low)} to {value_text(field, field.high)}",
        "step": None if digits is None else f"{10.0**-digits:g}",
        "counts_one": f"{field.scale:.4g}",
    }
