"""A visible square painted over a picture, at the place where it does most harm.

With gradients: a short climb at every place of a grid, then a full one at the worst places. With
scores only: place and colours are searched at random. The size of a patch is its area; its colours
are free.

References:
    Brown, Mané, Roy, Abadi and Gilmer 2017 (adversarial patch); Rao, Stutz and Schiele 2020
    (optimised location); Croce et al. 2022 (Sparse-RS, patches).
"""

import numpy as np
from numpy.typing import NDArray

from analyzers.adversarial.aim import Aim
from analyzers.adversarial.gradient import Broken, kept, tensors_of
from analyzers.adversarial.losses import difference_ratio
from analyzers.adversarial.moves import values_of
from analyzers.adversarial.network import Network, parts_of, to_pictures, to_tensor
from analyzers.adversarial.pixels import Images
from analyzers.adversarial.square import margins, random_windows, windows_at
from analyzers.core.errors import InvalidParameter
from analyzers.core.model import Model
from analyzers.core.workbench import Tracker, untracked

MOST_PLACES = 100
PROBE_STEPS = 5
BEST_PLACES = 3
STEP = 0.1
FIRST_SHARE = 0.4
MOVE_EVERY = 5


def side_of(share: float, height: int, width: int) -> int:
    """Side in pixels of the largest square that covers no more than `share` of the picture.

    Raises:
        InvalidParameter: not even one pixel does.
    """
    side = int(np.sqrt(share * height * width) + 1e-9)
    if not side:
        raise InvalidParameter(
            f"Expected a patch of at least one pixel, got {share:.3g} of a picture of {height} x "
            f"{width} pixels.",
            remedy=f"Allow at least {1 / (height * width):.3g}, or 0 to leave the patch out."
            if height * width > 1
            else "Set 0 to leave the patch out: these pictures are a single pixel.",
        )
    return min(side, height, width)


def patch_words(share: float, height: int, width: int) -> str:
    """Say how large the square is, and what share of the picture that is.

    Raises:
        InvalidParameter: as for `side_of`.
    """
    side = side_of(share, height, width)
    return f"a square of {side} x {side} pixels ({side * side / (height * width):.1%} of a picture)"


def paint_by_gradient(
    network: Network,
    originals: Images,
    aim: Aim,
    *,
    side: int,
    steps: int,
    rng: np.random.Generator,
    track: Tracker = untracked,
) -> Broken:
    """Probe every place of a grid with a short climb, then climb in earnest at the worst places.

    Args:
        network: with gradients.
        originals: `(n_rows, height, width, channels)` in [0, 1].
        aim: the goal for every row.
        side: of the square, in pixels.
        steps: of the full climb.
        rng: draws the colours each climb starts from.
        track: reports progress.
    """
    n_rows, height, width, _ = originals.shape
    tops, lefts = _grid(height - side, width - side)
    probe_rng, full_rng = rng.spawn(2)
    harm = np.full((n_rows, len(tops)), -np.inf)
    found, is_broken = originals.copy(), np.zeros(n_rows, dtype=bool)
    for place in track(range(len(tops)), "Trying places for a patch"):
        rows = np.flatnonzero(~is_broken)
        if not len(rows):
            break
        at = np.full(len(rows), place)
        made, value = _climb(network, originals[rows], aim.take(rows), tops[at], lefts[at], side,
                             PROBE_STEPS, probe_rng)  # fmt: skip
        harm[rows, place] = value
        hit = rows[made.is_broken]
        found[hit], is_broken[hit] = made.pictures[made.is_broken], True
    ranked = np.argsort(-harm, axis=1, kind="stable")
    for rank in range(min(BEST_PLACES, len(tops))):
        rows = np.flatnonzero(~is_broken)
        if not len(rows):
            break
        at = ranked[rows, rank]
        made, _ = _climb(network, originals[rows], aim.take(rows), tops[at], lefts[at], side, steps,
                         full_rng)  # fmt: skip
        hit = rows[made.is_broken]
        found[hit], is_broken[hit] = made.pictures[made.is_broken], True
    return Broken(is_broken, found)


def paint_by_chance(
    model: Model,
    originals: Images,
    aim: Aim,
    *,
    side: int,
    queries: int,
    rng: np.random.Generator,
    track: Tracker = untracked,
) -> Broken:
    """Repaint squares inside the patch, and now and then move it; keep what does more harm.

    Args:
        model: gives scores.
        originals: `(n_rows, height, width, channels)` in [0, 1].
        aim: the goal for every row.
        side: of the square, in pixels.
        queries: questions per picture.
        rng: draws places and colours.
        track: reports progress.
    """
    n_rows, height, width, channels = originals.shape
    tops = rng.integers(0, height - side + 1, size=n_rows)
    lefts = rng.integers(0, width - side + 1, size=n_rows)
    ink = rng.integers(0, 2, size=(n_rows, side, side, channels)).astype(np.float32)
    current = _pasted(originals, ink, tops, lefts)
    margin = margins(model, current, aim)
    for asked in track(range(1, queries), "Repainting a patch"):
        rows = np.flatnonzero(margin <= 0)
        if not len(rows):
            break
        tried_tops, tried_lefts, tried = tops[rows], lefts[rows], ink[rows]
        if asked % MOVE_EVERY == 0:
            far = max(1, round((1 - asked / queries) * max(height - side, width - side)))
            tried_tops = np.clip(tried_tops + rng.integers(-far, far + 1, len(rows)), 0,
                                 height - side)  # fmt: skip
            tried_lefts = np.clip(tried_lefts + rng.integers(-far, far + 1, len(rows)), 0,
                                  width - side)  # fmt: skip
        else:
            small = max(1, round(side * np.sqrt(FIRST_SHARE * (1 - asked / queries))))
            window = random_windows(tried.shape, small, small, rng)
            colours = rng.integers(0, 2, size=(len(rows), 1, 1, channels))
            tried[window] = np.broadcast_to(colours, (len(rows), small, small, channels))
        pictures = _pasted(originals[rows], tried, tried_tops, tried_lefts)
        tried_margin = margins(model, pictures, aim.take(rows))
        better = tried_margin >= margin[rows]
        hit = rows[better]
        tops[hit], lefts[hit], ink[hit] = tried_tops[better], tried_lefts[better], tried[better]
        current[hit], margin[hit] = pictures[better], tried_margin[better]
    return kept(originals, current, margin > 0)


def _grid(most_top: int, most_left: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Evenly spread places, every one where there are few."""
    stride = 1
    while (most_top // stride + 1) * (most_left // stride + 1) > MOST_PLACES:
        stride += 1
    tops, lefts = np.meshgrid(
        np.arange(0, most_top + 1, stride), np.arange(0, most_left + 1, stride), indexing="ij"
    )
    return tops.ravel(), lefts.ravel()


def _climb(
    network: Network,
    originals: Images,
    aim: Aim,
    tops: NDArray[np.int64],
    lefts: NDArray[np.int64],
    side: int,
    steps: int,
    rng: np.random.Generator,
) -> tuple[Broken, NDArray[np.float64]]:
    """Climb inside the square from random colours; the value is the best one reached."""
    import torch

    inside = np.zeros_like(originals)
    inside[windows_at(tops, lefts, side, side)] = 1
    ink = rng.random(originals.shape, dtype=np.float32)
    found, is_broken = originals.copy(), np.zeros(len(originals), dtype=bool)
    best = np.full(len(originals), -np.inf)
    for rows in parts_of(len(originals), values_of(originals)):
        codes, wanted = tensors_of(aim.take(rows))
        mask, home = to_tensor(inside[rows]), to_tensor(originals[rows])
        point = home + mask * (to_tensor(ink[rows]) - home)
        far, is_reached = home.clone(), torch.zeros(len(rows), dtype=torch.bool)
        value = torch.full((len(rows),), float("-inf"))
        for _ in range(steps + 1):
            logits, now, slope = network.climb(point, difference_ratio, codes, wanted)
            answers = logits.argmax(dim=1)
            hit = ((answers != codes) if wanted is None else (answers == wanted)) & ~is_reached
            far[hit], is_reached[hit] = point[hit], True
            value = torch.maximum(value, now)
            point = (point + STEP * mask * slope.sign()).clamp(0, 1)
        hits = is_reached.numpy()
        found[rows[hits]], is_broken[rows[hits]] = to_pictures(far)[hits], True
        best[rows] = value.double().numpy()
    return Broken(is_broken, found), best


def _pasted(
    originals: Images, ink: Images, tops: NDArray[np.int64], lefts: NDArray[np.int64]
) -> Images:
    made = originals.copy()
    made[windows_at(tops, lefts, ink.shape[1], ink.shape[2])] = ink
    return made
