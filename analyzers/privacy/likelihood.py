"""Attacks that compare the model's answer with what shadow models say of the same record."""

import numpy as np
from numpy.typing import NDArray

from analyzers.privacy.shadows import Shadows
from analyzers.privacy.signals import Signal

# Share of the gap between in and out that offline RMIA assumes; 0.3 from our own table of attacks
# on networks (between 0.2 and 0.4 nothing changes much).
RMIA_OFFSET = 0.3
# Below this many models on a side, a record's own spread is mostly noise.
FEWEST_FOR_OWN_SPREAD = 8


def shadow_signals(shadows: Shadows, n_members: int) -> list[Signal]:
    """Turn shadow models into more attacks.

    Args:
        shadows: answers on members and then non-members.
        n_members: how many rows come first.
    """
    attacks = {
        "lira_online": ("LiRA, online", lira_online(shadows)),
        "lira_offline": ("LiRA, offline", lira_offline(shadows)),
        "rmia_online": ("RMIA, online", rmia_online(shadows)),
        "rmia_offline": ("RMIA, offline", rmia_offline(shadows)),
    }
    fewest = min(int(shadows.inside.sum(axis=0).min()), int((~shadows.inside).sum(axis=0).min()))
    if fewest >= FEWEST_FOR_OWN_SPREAD:
        attacks |= {
            "lira_online_own": ("LiRA, online, own spread", lira_online(shadows, is_own=True)),
            "lira_offline_own": ("LiRA, offline, own spread", lira_offline(shadows, is_own=True)),
        }
    return [
        Signal(name, title, values[:n_members], values[n_members:])
        for name, (title, values) in attacks.items()
    ]


def lira_online(shadows: Shadows, *, is_own: bool = False) -> NDArray[np.float64]:
    """Log-likelihood ratio of the answer under models with and without the record.

    A normal distribution for each record and side; the means are the record's own. The two spreads
    are shared by all records, because a handful of models cannot tell a record's own.

    Args:
        shadows: answers on all records.
        is_own: every record has spreads of its own.

    References:
        Carlini et al. 2022, algorithm 1; with shared spreads, its fixed variance.
    """
    with_it, without = _mean(shadows, shadows.inside), _mean(shadows, ~shadows.inside)
    spread_in = _spread(shadows, shadows.inside, with_it, is_own=is_own)
    spread_out = _spread(shadows, ~shadows.inside, without, is_own=is_own)
    ratio = -(((shadows.target - with_it) / spread_in) ** 2) / 2 - np.log(spread_in)
    return np.asarray(
        ratio + ((shadows.target - without) / spread_out) ** 2 / 2 + np.log(spread_out)
    )


def lira_offline(shadows: Shadows, *, is_own: bool = False) -> NDArray[np.float64]:
    """Standard deviations above what models without the record say.

    Args:
        shadows: answers on all records.
        is_own: every record has a spread of its own.

    References:
        Carlini et al. 2022, section VI-C.
    """
    without = _mean(shadows, ~shadows.inside)
    spread = _spread(shadows, ~shadows.inside, without, is_own=is_own)
    return np.asarray((shadows.target - without) / spread)


def rmia_online(shadows: Shadows) -> NDArray[np.float64]:
    """Log of the record's probability over its average one, from models with and without it.

    References:
        Zarifzadeh, Liu and Shokri 2024.
    """
    probability = 1 / (1 + np.exp(-shadows.answers))
    with_it = np.where(shadows.inside, probability, 0.0).sum(axis=0) / shadows.inside.sum(axis=0)
    without = np.where(shadows.inside, 0.0, probability).sum(axis=0) / (~shadows.inside).sum(axis=0)
    average = np.maximum((with_it + without) / 2, 1e-300)
    return np.asarray(-np.logaddexp(0.0, -shadows.target) - np.log(average))


def rmia_offline(shadows: Shadows) -> NDArray[np.float64]:
    """Log of the record's probability over its probability without this training run.

    RMIA counts the population records whose ratio is smaller. That count rises with the ratio, so
    the ratio itself ranks records alike and has no ties.

    References:
        Zarifzadeh, Liu and Shokri 2024, equation 10.
    """
    probability = 1 / (1 + np.exp(-shadows.answers))
    without = np.where(shadows.inside, 0.0, probability).sum(axis=0) / (~shadows.inside).sum(axis=0)
    average = ((1 + RMIA_OFFSET) * without + (1 - RMIA_OFFSET)) / 2
    # log p = -log(1 + e^-x), without the loss of digits near p = 1.
    return np.asarray(-np.logaddexp(0.0, -shadows.target) - np.log(average))


def _mean(shadows: Shadows, chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.asarray(np.where(chosen, shadows.answers, 0.0).sum(axis=0) / chosen.sum(axis=0))


def _spread(
    shadows: Shadows, chosen: NDArray[np.bool_], mean: NDArray[np.float64], *, is_own: bool
) -> NDArray[np.float64]:
    """One standard deviation around every record's own mean: `()` shared, or `(n_rows,)`."""
    squares = (np.where(chosen, shadows.answers - mean, 0.0) ** 2).sum(axis=0)
    freedom = chosen.sum(axis=0) - 1
    if not is_own:
        squares, freedom = squares.sum(), freedom.sum()
    return np.maximum(np.sqrt(squares / np.maximum(freedom, 1)), 1e-9)
