"""Which rows are attacked, and what counts as a wrong answer for each."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzers.core.errors import InvalidParameter, UnsuitableSubject
from analyzers.core.workbench import Workbench
from analyzers.toolkit.sampling import sample_rows, sampling_note


class Attacked(NamedTuple):
    """The rows under attack.

    Attributes:
        positions: `(n_rows,)` positions in the data, in content order.
        codes: `(n_rows,)` the answer the attacker wants to change: the true class, or the model's
            own answer where the data has no outcome.
        is_correct: `(n_rows,)` whether the model gave that answer before the attack.
        has_labels: whether `codes` are true classes.
        sampling: a sentence where fewer than all rows are used.
    """

    positions: NDArray[np.int64]
    codes: NDArray[np.int64]
    is_correct: NDArray[np.bool_]
    has_labels: bool
    sampling: tuple[str, ...]

    def first(self, n_rows: int | None) -> "Attacked":
        """Return the first rows; all of them where there are no more, or for None."""
        return self._replace(
            positions=self.positions[:n_rows], codes=self.codes[:n_rows],
            is_correct=self.is_correct[:n_rows],
        )  # fmt: skip


def has_labels(bench: Workbench) -> bool:
    """Whether the true outcome of any row is known."""
    labels = bench.data.labels
    return labels is not None and bool((labels >= 0).any())


def choose_rows(bench: Workbench, most: int, *, wanted: int | None = None) -> Attacked:
    """Draw rows with a known outcome in proportion to the classes; any row where there is none.

    Args:
        bench: the data and the model's answers.
        most: rows to draw.
        wanted: the answer the attacker wants; rows that have it already are no target.

    Raises:
        UnsuitableSubject: no row, one class only, or a model that gives one answer only.
    """
    predicted = bench.need_predictions().predicted.astype(np.int64)
    labels = bench.data.labels
    is_known = has_labels(bench)
    codes = labels.astype(np.int64) if labels is not None and is_known else predicted
    usable = np.flatnonzero(codes >= 0)
    if not len(usable):
        raise UnsuitableSubject(
            "Expected rows to attack, got none.", remedy="Give a data file with at least one row."
        )
    if len(bench.subject.classes) < 2:
        raise UnsuitableSubject(
            f"Expected at least two classes, got {len(bench.subject.classes)}; with one class no "
            "answer can be wrong.",
            remedy="Check the target column and the classes on the subject page.",
        )
    n_usable = len(usable)
    if wanted is not None:
        name = bench.subject.classes[wanted]
        usable = usable[codes[usable] != wanted]
        if not len(usable):
            raise UnsuitableSubject(
                f"Expected rows of another class than {name!r} to attack, got none.",
                remedy="Choose another wanted answer, or give rows of other classes.",
            )
    data = bench.data.take(usable)
    chosen = sample_rows(data, most, bench.rng.spawn(1)[0], strata=codes[usable])
    positions = usable[chosen]
    note = sampling_note(
        len(positions), len(usable), "Rows to attack", strata=("the classes",) if is_known else ()
    )
    present = np.unique(codes[usable])
    only = ""
    if len(present) == 1 and wanted is None:
        name = bench.subject.classes[int(present[0])]
        has_it = "are of class" if is_known else "get the answer"
        only = f"All rows {has_it} {name!r}: nothing is measured of the others."
    left_out = ""
    if wanted is not None:
        whose = "right for them" if is_known else "theirs"
        left_out = (
            f"{n_usable - len(usable):,} of {n_usable:,} rows are left out, since the wanted "
            f"answer {bench.subject.classes[wanted]!r} is {whose} already."
        )
    return Attacked(
        positions=positions,
        codes=codes[positions],
        is_correct=predicted[positions] == codes[positions],
        has_labels=is_known,
        sampling=tuple(said for said in (note, left_out, only) if said),
    )


def count_open(bench: Workbench, wanted: str) -> str:
    """Say how many rows can be attacked where one answer is wanted; empty where none is.

    Raises:
        InvalidParameter: there is no such class.
    """
    code = wanted_code(bench, wanted)
    labels = bench.data.labels
    if code is None or labels is None or not has_labels(bench):
        return ""
    n_known, n_open = int((labels >= 0).sum()), int(((labels >= 0) & (labels != code)).sum())
    return f" {n_open:,} of {n_known:,} rows are of another class."


def wanted_code(bench: Workbench, wanted: str) -> int | None:
    """Return the code of the answer the attacker wants; None where any will do.

    Raises:
        InvalidParameter: there is no such class.
    """
    if not wanted:
        return None
    classes = bench.subject.classes
    if wanted not in classes:
        raise InvalidParameter(
            f"Expected the name of a class as the wanted answer, got {wanted[:80]!r}.",
            remedy=f"Choose one of: {', '.join(classes[:20])}.",
        )
    return classes.index(wanted)
