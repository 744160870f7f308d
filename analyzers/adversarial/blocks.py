"""Rows attacked one block after another, so that a long attack can end early with what it found.

All rows of a block advance in step, which keeps calls to the model large; between blocks, and
between two rounds within one, the work can be ended. Rows come in an order that has nothing to do
with what they hold (`toolkit.sampling`), so the blocks that were attacked are a fair sample of all.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzers.core.workbench import SoFar, Tracker, Workbench, searching

QUESTIONS_A_BLOCK = 120_000
FEWEST_ROWS, MOST_ROWS = 20, 500
_PARTS = 1000


class Extent(NamedTuple):
    """How far an attack got.

    Attributes:
        n_rows: rows that were to be attacked.
        n_begun: the first of them that were.
        n_finished: how many of those with all the effort that was asked for.
    """

    n_rows: int
    n_begun: int
    n_finished: int

    @property
    def note(self) -> str:
        """Say in a sentence what was left out; empty where nothing was."""
        if self.n_finished >= self.n_rows:
            return ""
        n_weak = self.n_begun - self.n_finished
        which = "all" if n_weak == self.n_begun else f"{n_weak:,}"
        weaker = f", {which} of them with less effort than was asked for" if n_weak else ""
        more = "; a full attack on them can only find more" if n_weak else ""
        return (
            f"{self.n_begun:,} of {self.n_rows:,} rows were attacked{weaker}. The numbers rest on "
            f"these rows{more}."
        )


def blocks_of(n_rows: int, questions: int) -> list[slice]:
    """Cut rows into blocks of about equal work.

    Args:
        n_rows: rows to attack.
        questions: asked about each, at most.
    """
    size = int(np.clip(QUESTIONS_A_BLOCK // max(questions, 1), FEWEST_ROWS, MOST_ROWS))
    return [slice(start, min(start + size, n_rows)) for start in range(0, n_rows, size)]


def attack_blocks(
    bench: Workbench,
    blocks: list[slice],
    attack: Callable[[slice, Tracker], None],
    *,
    found: Callable[[], str],
    share_of_block: Callable[[], float] = float,
) -> Extent:
    """Attack block by block until all are done or the work is ended early.

    Args:
        bench: tracks and may end the work.
        blocks: of the rows, in order.
        attack: attacks one block; the tracker it gets can end its loops.
        found: the best so far, in words.
        share_of_block: how much of the block at work is done, in [0, 1].
    """
    n_rows = blocks[-1].stop if blocks else 0
    at = slice(0, 0)

    def so_far() -> SoFar:
        within = (at.stop - at.start) * min(max(share_of_block(), 0.0), 1.0)
        words = f"{found()}; {at.start:,} of {n_rows:,} rows finished"
        return SoFar(words, int(_PARTS * (at.start + within)), _PARTS * n_rows)

    track = searching(bench.track, so_far)
    n_finished = 0
    for block in track(blocks, "Attacking rows"):
        at = block
        attack(block, track)
        if not bench.was_ended():
            n_finished = block.stop
    return Extent(n_rows, at.stop, n_finished)


def flips_in_words(
    sizes: NDArray[np.float64], n_right: int, unit: str, *, what: str = "right answers"
) -> str:
    """Say how many answers are flipped so far, and how small the changes are.

    Args:
        sizes: `(n_rows,)` smallest change found for each; infinite where none is known.
        n_right: answers that could be flipped, over all rows.
        unit: of the sizes.
        what: those answers in words.
    """
    known = sizes[np.isfinite(sizes)]
    said = f"{len(known):,} of {n_right:,} {what} flipped"
    if not len(known):
        return said
    return f"{said}, the least by {known.min():.2g} and half by {np.median(known):.2g} {unit}"
