"""Black-box attack on pictures by random squares: scores are all it needs.

References:
    Andriushchenko, Croce, Flammarion and Hein 2020 (Square Attack).
"""

import numpy as np
from numpy.typing import NDArray

from analyzers.adversarial.gradient import Broken
from analyzers.adversarial.params import Norm
from analyzers.adversarial.pixels import Images, pull_back
from analyzers.core.model import Model
from analyzers.core.workbench import Tracker, untracked

FIRST_SHARE = 0.3
SHRINK_EVERY = (0.02, 0.1, 0.2, 0.4, 0.6, 0.8)


def random_squares(
    model: Model,
    originals: Images,
    codes: NDArray[np.int64],
    size: float,
    norm: Norm,
    *,
    queries: int,
    rng: np.random.Generator,
    track: Tracker = untracked,
) -> Broken:
    """Keep random squares that bring the score of another class up, all pictures in step.

    Args:
        model: gives probabilities.
        originals: `(n_rows, height, width, channels)` in [0, 1].
        codes: `(n_rows,)` true classes.
        size: allowed change.
        norm: how it is measured.
        queries: questions per picture.
        rng: draws the squares.
        track: reports progress.
    """
    n_rows, height, width, channels = originals.shape
    signs = np.array([-1.0, 1.0], dtype=np.float32)
    # Vertical stripes are the authors' start: networks react to them more than to noise.
    stripes = rng.choice(signs, size=(n_rows, 1, width, channels))
    current = pull_back(originals + np.float32(size) * stripes, originals, size, norm)
    margin = margins(model, current, codes)
    for asked in track(range(1, queries), "Changing squares of pixels"):
        rows = np.flatnonzero(margin <= 0)
        if not len(rows):
            break
        share = FIRST_SHARE / 2 ** sum(asked > queries * at for at in SHRINK_EVERY)
        side_y = max(1, min(height, round(np.sqrt(share) * height)))
        side_x = max(1, min(width, round(np.sqrt(share) * width)))
        tops = rng.integers(0, height - side_y + 1, size=len(rows))
        lefts = rng.integers(0, width - side_x + 1, size=len(rows))
        inks = rng.choice(signs, size=(len(rows), 1, 1, channels))
        tried = current[rows].copy()
        for place, (top, left) in enumerate(zip(tops, lefts, strict=True)):
            window = (place, slice(top, top + side_y), slice(left, left + side_x))
            tried[window] = originals[rows[place]][window[1:]] + np.float32(size) * inks[place]
        tried = pull_back(tried, originals[rows], size, norm)
        tried_margin = margins(model, tried, codes[rows])
        better = tried_margin > margin[rows]
        current[rows[better]] = tried[better]
        margin[rows[better]] = tried_margin[better]
    is_broken = margin > 0
    return Broken(is_broken, np.where(is_broken[:, None, None, None], current, originals))


def margins(model: Model, pictures: Images, codes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Score of the best other class minus that of the true one, `(n_rows,)` in [-1, 1]."""
    scores = model.predict_proba(pictures).copy()
    rows = np.arange(len(scores))
    own = scores[rows, codes]
    scores[rows, codes] = -np.inf
    return np.asarray(scores.max(axis=1) - own)
