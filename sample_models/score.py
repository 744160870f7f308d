"""How good a sample's model is on rows it has seen and on rows it has not."""

from typing import NamedTuple


class Score(NamedTuple):
    """One metric on both tables; `metric` is "accuracy" or "R squared"."""

    metric: str
    training: float
    held_out: float
    n_training: int
    n_held_out: int
