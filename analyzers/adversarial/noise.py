"""Random changes of a given size: what the attack must beat."""

import numpy as np
from numpy.typing import NDArray

from analyzers.toolkit.feasible import FeasibleSpace

DRAWS = 10


def random_changes(
    space: FeasibleSpace,
    originals: NDArray[np.float64],
    size: float,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Change every row at random by as near to `size` as the rules allow, never by more.

    A random number of categories changes, as many as the size allows; the numbers share the rest
    in a direction drawn evenly.

    Args:
        space: the rules.
        originals: `(n_rows, n_features)`.
        size: Euclidean size in standardised units, above 0.
        rng: source of randomness.

    Returns:
        `(n_rows, n_features)` points that obey the rules.
    """
    n_rows, n_features = originals.shape
    levels = np.flatnonzero(space.is_free & space.is_level)
    numbers = np.flatnonzero(space.is_free & ~space.is_level)
    points = originals.copy()
    prices = space.scales[levels] ** -2.0
    affordable = int(min(len(levels), size**2 / prices.min(initial=1.0)))
    # Where no number is free, nothing is lost by changing as many categories as the size allows.
    fewest = 0 if len(numbers) else affordable
    n_changed = rng.integers(fewest, affordable + 1, size=n_rows)
    if len(levels):
        order = rng.random((n_rows, len(levels))).argsort(axis=1)
        rank = order.argsort(axis=1)
        paid = prices[order].cumsum(axis=1)
        # The dearer the categories drawn, the fewer of them the size pays for.
        n_changed = np.minimum(n_changed, (paid <= size**2 * (1 + 1e-9)).sum(axis=1))
        for place, field_at in enumerate(levels):
            n_levels = len(space.fields[field_at].levels)
            shift = rng.integers(1, n_levels, size=n_rows)
            moved = (originals[:, field_at] + shift) % n_levels
            chosen = rank[:, place] < n_changed
            points[chosen, field_at] = moved[chosen]
    spent = (space.steps(points, originals) ** 2).sum(axis=1)
    rest = np.sqrt(np.maximum(size**2 - spent, 0.0))
    direction = np.zeros((n_rows, n_features))
    direction[:, numbers] = rng.standard_normal((n_rows, len(numbers)))
    length = np.linalg.norm(direction, axis=1, keepdims=True)
    direction = np.divide(direction, length, out=np.zeros_like(direction), where=length > 0)
    changed = points
    for reach in (1.0, 0.9, 0.7):
        wanted = points + direction * (reach * rest)[:, None] * space.scales
        tried = space.repair(wanted, originals)
        # Rounding to whole units can overshoot; such rows take a little less.
        fits = space.distance(tried, originals) <= size * (1 + 1e-9)
        untouched = (changed == points) | np.isnan(points)
        take = fits & untouched.all(axis=1)
        changed = np.where(take[:, None], tried, changed)
    return changed
