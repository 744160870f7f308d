"""Black-box attack on pictures by random squares: scores are all it needs.

Every change uses the whole budget. L-inf: a square takes the original's colours, lighter or darker
by all that is allowed. L2: the budget sits in tiles; a square of a new pattern takes over the
budget of another one. A change stays where it brings another answer nearer.

References:
    Andriushchenko, Croce, Flammarion and Hein 2020 (Square Attack), algorithms 1 to 3; first share
    and schedule as in Croce and Hein 2020 (AutoAttack).
"""

import numpy as np
from numpy.typing import NDArray

from analyzers.adversarial.aim import Aim
from analyzers.adversarial.gradient import Broken, kept
from analyzers.adversarial.moves import reach_of, values_of
from analyzers.adversarial.network import Network, logits_of
from analyzers.adversarial.params import Norm
from analyzers.adversarial.pixels import Images
from analyzers.core.model import Capability, Model
from analyzers.core.workbench import Tracker, untracked

FIRST_SHARE = 0.8
# After these shares of the questions the squares get half their area.
SHRINK_AT = (0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)
# Below it a score is as good as zero, and two of them cannot be told apart.
LEAST_SCORE = 1e-300
Windows = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]


def random_squares(
    model: Model,
    originals: Images,
    aim: Aim,
    size: float,
    norm: Norm,
    *,
    queries: int,
    rng: np.random.Generator,
    track: Tracker = untracked,
    network: Network | None = None,
) -> Broken:
    """Keep random squares that bring the score of another class up, all pictures in step.

    Args:
        model: gives probabilities.
        originals: `(n_rows, height, width, channels)` in [0, 1].
        aim: the goal for every row.
        size: allowed change.
        norm: how it is measured.
        queries: questions per picture.
        rng: draws the squares.
        track: reports progress.
        network: gives logits in place of probabilities, which saturate.
    """
    reach = np.float32(reach_of(size, norm, values_of(originals)))
    n_pixels = originals.shape[1] * originals.shape[2]
    if norm == "L-inf":
        current, change = _stripes(originals, reach, rng), _recolour
    else:
        current, change = _tiles(originals, reach, rng), _move_budget
    current = current.astype(np.float32)
    margin = margins(model, current, aim, network)
    for asked in track(range(1, queries), "Changing squares of pixels"):
        rows = np.flatnonzero(margin <= 0)
        if not len(rows):
            break
        share = FIRST_SHARE / 2 ** sum(asked > queries * at for at in SHRINK_AT)
        tried = change(originals[rows], current[rows], reach, share * n_pixels, rng)
        tried_margin = margins(model, tried, aim.take(rows), network)
        better = tried_margin > margin[rows]
        current[rows[better]] = tried[better]
        margin[rows[better]] = tried_margin[better]
    return kept(originals, current, margin > 0)


def margins(
    model: Model, pictures: Images, aim: Aim, network: Network | None = None
) -> NDArray[np.float64]:
    """How far each picture is beyond the goal, `(n_rows,)`; above 0 it is reached.

    In logits where there is a network, else in logarithms of probabilities, which are the same but
    for a constant until they are too small to be told from zero; 1 or -1 where the model gives
    labels only.
    """
    if not len(pictures):
        return np.zeros(0)
    if network is not None:
        return aim.margins(logits_of(network, pictures))
    if Capability.PREDICT_PROBA not in model.capabilities:
        return np.where(aim.is_reached(model.predict(pictures)), 1.0, -1.0)
    return aim.margins(np.log(np.maximum(model.predict_proba(pictures), LEAST_SCORE)))


def windows_at(
    tops: NDArray[np.int64], lefts: NDArray[np.int64], height: int, width: int
) -> Windows:
    """Index one window of each picture: `pictures[windows]` is `(n_rows, height, width, c)`."""
    rows = np.arange(len(tops))[:, None, None]
    return (
        np.broadcast_to(rows, (len(tops), height, width)),
        np.broadcast_to(tops[:, None, None] + np.arange(height)[:, None],
                        (len(tops), height, width)),
        np.broadcast_to(lefts[:, None, None] + np.arange(width), (len(tops), height, width)),
    )  # fmt: skip


def random_windows(
    shape: tuple[int, ...], height: int, width: int, rng: np.random.Generator
) -> Windows:
    """Draw where a window of that size lies in each of `shape[0]` pictures."""
    tops = rng.integers(0, shape[1] - height + 1, size=shape[0])
    lefts = rng.integers(0, shape[2] - width + 1, size=shape[0])
    return windows_at(tops, lefts, height, width)


def _signs(shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float32]:
    return (2 * rng.integers(0, 2, size=shape) - 1).astype(np.float32)


def _stripes(originals: Images, reach: np.float32, rng: np.random.Generator) -> Images:
    """Vertical stripes are the authors' start: networks react to them more than to noise."""
    n_rows, _, width, channels = originals.shape
    moved = originals + reach * _signs((n_rows, 1, width, channels), rng)
    return np.asarray(np.clip(moved, 0, 1))


def _recolour(
    originals: Images, current: Images, reach: np.float32, area: float, rng: np.random.Generator
) -> Images:
    n_rows, height, width, channels = originals.shape
    side = int(np.clip(round(np.sqrt(area)), 1, min(height, width)))
    at = random_windows(originals.shape, side, side, rng)
    tried = current.copy()
    inks = _signs((n_rows, 1, 1, channels), rng)
    tried[at] = np.clip(originals[at] + reach * inks, 0, 1)
    return tried


def _tiles(originals: Images, reach: np.float32, rng: np.random.Generator) -> Images:
    n_rows, height, width, channels = originals.shape
    side = max(1, min(height, width) // 5)
    change = np.zeros_like(originals)
    for top in range(0, height, side):
        for left in range(0, width, side):
            tile = change[:, top : top + side, left : left + side]
            signs = _signs((n_rows, 1, 1, channels), rng)
            tile += bump(side)[: tile.shape[1], : tile.shape[2], None] * signs
    return _scaled(originals, change, reach)


def _move_budget(
    originals: Images, current: Images, reach: np.float32, area: float, rng: np.random.Generator
) -> Images:
    n_rows, height, width, channels = originals.shape
    side = max(3, round(np.sqrt(area)))
    side = max(1, min(side + (side + 1) % 2, height, width))
    to = random_windows(originals.shape, side, side, rng)
    source = random_windows(originals.shape, side, side, rng)
    change = (current - originals).astype(np.float64)
    both = np.zeros(originals.shape[:3], dtype=bool)
    both[to], both[source] = True, True
    unused = np.maximum(float(reach) ** 2 - (change**2).sum(axis=(1, 2, 3)), 0) / channels
    held = ((change * both[..., None]) ** 2).sum(axis=(1, 2))
    old = change[to]
    pattern = bump(side)[None, :, :, None] * _signs((n_rows, 1, 1, channels), rng)
    new = pattern + old / np.maximum(_norms(old), 1e-12)
    new *= np.sqrt(held + unused[:, None])[:, None, None, :] / np.maximum(_norms(new), 1e-12)
    change[source] = 0
    change[to] = new
    return _scaled(originals, change.astype(np.float32), reach)


def bump(side: int) -> NDArray[np.float32]:
    """Two mirrored heaps, one up, one down, of Euclidean length 1; turned by the paper's `h`."""
    made = np.zeros((side, side))
    half = side // 2
    made[:half] += _heap(half, side)
    made[half:] -= _heap(side - half, side)
    made /= max(float(np.linalg.norm(made)), 1e-12)
    return made.astype(np.float32)


def _heap(height: int, width: int) -> NDArray[np.float64]:
    """Boxes within boxes, each thinner in weight the further out, as in the paper's section 3.4."""
    made = np.zeros((height, width))
    if not height:
        return made
    ring = 0
    centre = (height // 2, width // 2)
    while ring <= max(centre[0], centre[1], height - centre[0], width - centre[1]):
        top, left = max(centre[0] - ring, 0), max(centre[1] - ring, 0)
        made[top : centre[0] + ring + 1, left : centre[1] + ring + 1] += 1.0 / (ring + 1) ** 2
        ring += 1
    return made


def _norms(windows: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.sqrt((windows**2).sum(axis=(1, 2), keepdims=True))


def _scaled(originals: Images, change: Images, reach: np.float32) -> Images:
    length = np.sqrt((change.reshape(len(change), -1).astype(np.float64) ** 2).sum(axis=1))
    scale = (float(reach) / np.maximum(length, 1e-12)).astype(np.float32)
    return np.asarray(np.clip(originals + scale[:, None, None, None] * change, 0, 1))
