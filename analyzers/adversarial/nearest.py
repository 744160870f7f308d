"""The smallest change found so far for every picture, fed by all attacks."""

import numpy as np
from numpy.typing import NDArray

from analyzers.adversarial.aim import Aim
from analyzers.adversarial.gradient import Broken
from analyzers.adversarial.params import Norm
from analyzers.adversarial.pixels import Images, per_picture, size_of
from analyzers.core.model import Model

BISECTIONS = 8


class Nearest:
    """Keeps, for every picture, the nearest one that reaches the attacker's goal.

    Attributes:
        originals: `(n_rows, height, width, channels)`.
        aim: the goal for every row.
        pictures: the nearest changed pictures; the original where none is known.
        sizes: `(n_rows,)` their sizes; infinite where none is known.
        sources: `(n_rows,)` the attack that found each; empty where none is known.
    """

    def __init__(self, model: Model, originals: Images, aim: Aim, norm: Norm) -> None:
        self.model, self.originals, self.aim, self.norm = model, originals, aim, norm
        self.pictures = originals.copy()
        self.sizes = np.full(len(originals), np.inf)
        self.sources = np.full(len(originals), "", dtype=object)

    def part(self, rows: slice) -> "Nearest":
        """Return what is known of some rows, as a copy."""
        places = np.arange(len(self.originals))[rows]
        part = Nearest(self.model, self.originals[rows], self.aim.take(places), self.norm)
        part.adopt(slice(None), self, rows)
        return part

    def adopt(self, rows: slice, other: "Nearest", others: slice = slice(None)) -> None:
        """Take over what another knows of its rows `others` for `rows`."""
        self.pictures[rows] = other.pictures[others]
        self.sizes[rows] = other.sizes[others]
        self.sources[rows] = other.sources[others]

    def offer(self, broken: Broken, rows: NDArray[np.int64], source: str) -> None:
        """Keep what is nearer, after walking back along the straight line to the original.

        Args:
            broken: what an attack reached on `rows`.
            rows: positions among the originals.
            source: the attack.
        """
        hit = np.flatnonzero(broken.is_broken)
        if not len(hit):
            return
        rows, far = rows[hit], broken.pictures[hit]
        home, aim = self.originals[rows], self.aim.take(rows)
        low, high = np.zeros(len(rows)), np.ones(len(rows))
        best = far.copy()
        for _ in range(BISECTIONS):
            share = (low + high) / 2
            way = per_picture(share.astype(np.float32))
            tried = (home + way * (far - home)).astype(np.float32)
            reached = aim.is_reached(self.model.predict(tried))
            best[reached] = tried[reached]
            high, low = np.where(reached, share, high), np.where(reached, low, share)
        sizes = size_of(best, home, self.norm)
        # The model is asked once more: only what it repeats is kept.
        nearer = (sizes < self.sizes[rows]) & aim.is_reached(self.model.predict(best))
        self.pictures[rows[nearer]] = best[nearer]
        self.sizes[rows[nearer]] = sizes[nearer]
        self.sources[rows[nearer]] = source

    def answers(self) -> NDArray[np.int64]:
        """What the model says of the pictures kept, `(n_rows,)`."""
        if not len(self.originals):
            return self.aim.codes
        return self.model.predict(self.pictures).astype(np.int64)
