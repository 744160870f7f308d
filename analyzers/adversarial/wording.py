"""Changes in the user's own units and words."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analyzers.adversarial.found import Found
from analyzers.adversarial.robustness import WITHIN
from analyzers.adversarial.tables import table_of
from analyzers.adversarial.target import Target
from analyzers.core.workbench import Workbench
from analyzers.toolkit.feasible import FeasibleSpace, Field

LONGEST_VALUE = 60
PROVED = " It is proved that no smaller change does."
BEYOND = " This change is larger than the stated size."
MOST_NAMED = 5


def value_text(field: Field, value: float) -> str:
    """Write one raw value as the data would."""
    if np.isnan(value):
        return "missing"
    if field.levels:
        text = str(field.levels[int(value)])
        return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"
    if field.rule == "integer" or field.decimals == 0:
        return f"{value:.0f}"
    if field.decimals is not None:
        return f"{value:.{field.decimals}f}"
    return f"{value:.6g}"


def change_text(field: Field, before: float, after: float) -> str:
    """Say one change as a phrase, such as "raising duration from 24 to 25"."""
    old, new = value_text(field, before), value_text(field, after)
    if field.levels:
        return f"changing {field.name} from {old!r} to {new!r}"
    verb = "raising" if after > before else "lowering"
    return f"{verb} {field.name} from {old} to {new}"


class Changes(NamedTuple):
    """What differs between a row and its changed copy, the largest change first.

    Attributes:
        places: of the columns that differ.
        phrases: one for each.
        lines: one for each, for the table `changes`.
    """

    places: list[int]
    phrases: list[str]
    lines: list[dict[str, object]]

    @property
    def words(self) -> str:
        """The phrases in one; empty where nothing differs."""
        return listed(self.phrases) if self.phrases else ""


def changes_between(
    space: FeasibleSpace, before: NDArray[np.float64], after: NDArray[np.float64]
) -> Changes:
    """Write out how two raw rows differ.

    Args:
        space: the columns.
        before: `(n_features,)`.
        after: `(n_features,)`.
    """
    steps = space.steps(after[None], before[None])[0]
    order = np.argsort(-np.abs(steps), kind="stable")
    places = [int(place) for place in order if steps[place] != 0]
    pairs = [(space.fields[at], before[at], after[at]) for at in places]
    return Changes(
        places,
        [change_text(*pair) for pair in pairs],
        [
            {
                "feature": field.name, "from": value_text(field, old), "to": value_text(field, new),
                "change": float(steps[at]),
            }
            for at, (field, old, new) in zip(places, pairs, strict=True)
        ],
    )  # fmt: skip


def listed(phrases: list[str]) -> str:
    """Join phrases, the first five in words and the rest as a count."""
    if len(phrases) > MOST_NAMED:
        n_more = len(phrases) - MOST_NAMED
        phrases = [*phrases[:MOST_NAMED], f"{n_more:,} smaller change{'s' * (n_more > 1)}"]
    return phrases[0] if len(phrases) == 1 else f"{', '.join(phrases[:-1])} and {phrases[-1]}"


def before_and_after(
    bench: Workbench,
    target: Target,
    found: Found,
    positions: NDArray[np.int64],
    *,
    most: int,
    budget: float,
    is_proved: NDArray[np.bool_] | None = None,
) -> tuple[pa.Table, pa.Table]:
    """Write out the smallest changes found: one sentence each, and one row for each feature.

    Args:
        bench: the subject and its model.
        target: the attacked rows.
        found: the confirmed changes.
        positions: `(n_rows,)` where the target's rows stand in the data.
        most: how many examples to keep; the smallest changes come first.
        budget: the stated size; larger changes are marked as such.
        is_proved: `(n_rows,)` whether it is proved that no smaller change flips the row.
    """
    rows = found.rows
    rows = rows[np.lexsort((rows, found.distances[rows]))][:most]
    if not len(rows):
        return table_of("examples", []), table_of("changes", [])
    space, classes = target.space, bench.subject.classes
    after = bench.need_model().predict(space.decode(found.points[rows], rows, target.frame))
    examples: list[dict[str, object]] = []
    changes: list[dict[str, object]] = []
    for number, row in enumerate(rows):
        changed = changes_between(space, target.originals[row], found.points[row])
        answers = classes[target.codes[row]], classes[int(after[number])]
        file_row = int(bench.data.rows[positions[row]])
        examples.append(
            {
                "example": number + 1, "row": file_row,
                "true": answers[0] if bench.data.labels is not None else None,
                "before": answers[0], "after": answers[1],
                "size": float(found.distances[row]),
                "within_budget": bool(found.distances[row] <= budget * WITHIN),
                "sentence": _sentence(changed.phrases, answers[0], answers[1], file_row)
                + (PROVED if is_proved is not None and is_proved[row] else "")
                + ("" if found.distances[row] <= budget * WITHIN else BEYOND),
            }
        )  # fmt: skip
        changes += [{"example": number + 1, "row": file_row} | line for line in changed.lines]
    return table_of("examples", examples), table_of("changes", changes)


def plainest(examples: pa.Table) -> str:
    """Return the sentence of the change in the fewest columns, within the stated size if any is."""
    rows = examples.to_pylist()
    if not rows:
        return ""
    best = min(
        rows,
        key=lambda row: (not row["within_budget"], row["sentence"].count(" from "), row["size"]),
    )
    return f"For example, at size {best['size']:.3g}: {best['sentence']}"


def _sentence(phrases: list[str], before: str, after: str, row: int) -> str:
    verb = "flips" if len(phrases) == 1 else "together flip"
    return f"Row {row}: {listed(phrases)} {verb} the answer from {before!r} to {after!r}."
