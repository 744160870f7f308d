"""Attacks that change a few pixels to any colour: scores are all they need.

One pixel of a small picture is tried in full, every place and every corner of the colours; more
pixels, and large pictures, are searched at random: part of the set is drawn anew, and what brings
another answer nearer is kept.

References:
    Su, Vargas and Sakurai 2019 (one pixel); Croce, Andriushchenko, Singh, Flammarion and Hein 2022
    (Sparse-RS).
"""

from itertools import product

import numpy as np
from numpy.typing import NDArray

from analyzers.adversarial.aim import Aim
from analyzers.adversarial.gradient import Broken, kept
from analyzers.adversarial.moves import values_of
from analyzers.adversarial.network import PIXELS_A_CALL
from analyzers.adversarial.pixels import Images
from analyzers.adversarial.square import margins
from analyzers.core.model import Model
from analyzers.core.workbench import Tracker, untracked

FIRST_SHARE = 0.8
# Share of the set that is drawn anew, after these shares of the questions (the paper's schedule).
SHARES = ((0.0, 1 / 2), (0.005, 1 / 4), (0.02, 1 / 5), (0.05, 1 / 6), (0.1, 1 / 8),
          (0.2, 1 / 10), (0.4, 1 / 12), (0.6, 1 / 15), (0.8, 1 / 20))  # fmt: skip


def is_small(shape: tuple[int, ...], queries: int) -> bool:
    """Whether every single pixel of a picture `(height, width, channels)` can be tried."""
    height, width, channels = shape
    return height * width * 2**channels <= queries and channels <= 4


def each_pixel(model: Model, originals: Images, aim: Aim, *, track: Tracker = untracked) -> Broken:
    """Try every place and every corner of the colours, one pixel at a time.

    Args:
        model: anything that answers; with scores the most harmful pixel is kept.
        originals: `(n_rows, height, width, channels)` in [0, 1].
        aim: the goal for every row.
        track: reports progress.
    """
    n_rows, height, width, channels = originals.shape
    inks = np.array(list(product((0.0, 1.0), repeat=channels)), dtype=np.float32)
    worst = np.full(n_rows, -np.inf)
    best = originals.copy()
    at_a_time = max(1, PIXELS_A_CALL // max(1, n_rows * values_of(originals)))
    tries = [(y, x, ink) for y in range(height) for x in range(width) for ink in range(len(inks))]
    blocks = [tries[start : start + at_a_time] for start in range(0, len(tries), at_a_time)]
    for block in track(blocks, "Changing one pixel at a time"):
        tried = np.repeat(originals[None], len(block), axis=0)
        ys, xs, colours = (np.array(part) for part in zip(*block, strict=True))
        tried[np.arange(len(block)), :, ys, xs] = inks[colours][:, None]
        asked = np.tile(np.arange(n_rows), len(block))
        margin = margins(model, tried.reshape(-1, height, width, channels), aim.take(asked))
        margin = margin.reshape(len(block), n_rows)
        place = margin.argmax(axis=0)
        top = margin[place, np.arange(n_rows)]
        better = np.flatnonzero(top > worst)
        worst[better] = top[better]
        best[better] = tried[place[better], better]
    return kept(originals, best, worst > 0)


def some_pixels(
    model: Model,
    originals: Images,
    aim: Aim,
    *,
    pixels: int,
    queries: int,
    rng: np.random.Generator,
    track: Tracker = untracked,
) -> Broken:
    """Search a set of pixels and their colours at random, all pictures in step.

    Args:
        model: gives scores.
        originals: `(n_rows, height, width, channels)` in [0, 1].
        aim: the goal for every row.
        pixels: how many may change, at least 1; no more than there are.
        queries: questions per picture.
        rng: draws places and colours.
        track: reports progress.
    """
    n_rows, height, width, channels = originals.shape
    n_places = height * width
    pixels = min(pixels, n_places)
    first, later = rng.spawn(2)
    places = first.random((n_rows, n_places)).argsort(axis=1)[:, :pixels]
    inks = _inks((n_rows, pixels, channels), first)
    current = _painted(originals, places, inks)
    margin = margins(model, current, aim)
    for asked in track(range(1, queries), f"Changing {pixels} pixels"):
        rows = np.flatnonzero(margin <= 0)
        if not len(rows):
            break
        share = FIRST_SHARE * next(s for at, s in reversed(SHARES) if asked >= at * queries)
        n_new = max(1, round(share * pixels))
        tried_places, tried_inks = _redrawn(places[rows], inks[rows], n_new, n_places, later)
        tried = _painted(originals[rows], tried_places, tried_inks)
        tried_margin = margins(model, tried, aim.take(rows))
        better = tried_margin > margin[rows]
        hit = rows[better]
        places[hit], inks[hit] = tried_places[better], tried_inks[better]
        current[hit], margin[hit] = tried[better], tried_margin[better]
    return kept(originals, current, margin > 0)


def _redrawn(
    places: NDArray[np.int64],
    inks: NDArray[np.float32],
    n_new: int,
    n_places: int,
    rng: np.random.Generator,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Replace `n_new` of each set by other places outside it, with other colours."""
    n_rows, pixels = places.shape
    leaving = rng.random((n_rows, pixels)).argsort(axis=1)[:, :n_new]
    # A place of the set may come back only where nothing else is left.
    rank = rng.random((n_rows, n_places))
    np.put_along_axis(rank, places, 2.0, axis=1)
    entering = rank.argsort(axis=1)[:, :n_new]
    free = n_places - pixels
    entering = np.where(
        np.arange(n_new) < free, entering, np.take_along_axis(places, leaving, axis=1)
    )
    new_places, new_inks = places.copy(), inks.copy()
    np.put_along_axis(new_places, leaving, entering, axis=1)
    rows = np.arange(n_rows)[:, None]
    new_inks[rows, leaving] = _inks((n_rows, n_new, inks.shape[2]), rng)
    return new_places, new_inks


def _inks(shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float32]:
    return rng.integers(0, 2, size=shape).astype(np.float32)


def _painted(originals: Images, places: NDArray[np.int64], inks: NDArray[np.float32]) -> Images:
    n_rows, height, width, channels = originals.shape
    flat = originals.reshape(n_rows, height * width, channels).copy()
    flat[np.arange(n_rows)[:, None], places] = inks
    return flat.reshape(originals.shape)
