"""What can be chosen."""

from typing import Literal

from analyzers.core.params import Params, column_choice, parameter
from analyzers.toolkit.groups import Cutting

Mitigation = Literal["no", "thresholds", "thresholds and fitting again"]


class FairnessParams(Params):
    """Which groups are compared, and how finely."""

    attributes: tuple[str, ...] = column_choice(
        among="any",
        label="Columns that say who a person is",
        help="The columns whose groups are compared; all those marked sensitive where none is "
        "chosen.",
    )
    depth: int = parameter(
        2,
        minimum=1,
        maximum=3,
        label="Attributes combined at most",
        help="2 also compares women under 25 with men over 60; 3 goes one further.",
    )
    smallest_group: int = parameter(
        30,
        minimum=1,
        maximum=10000,
        label="Smallest group",
        help="A rate enters a comparison where it rests on at least this many rows; smaller "
        "groups are shown and called inconclusive.",
    )
    cutting: Cutting = parameter(
        "quantiles",
        label="How numbers are cut into groups",
        help="Groups of equal size, of equal width, or by tens (ages).",
    )
    n_bins: int = parameter(
        4,
        minimum=2,
        maximum=20,
        label="Groups per number",
        help="How many groups a number such as age is cut into.",
    )
    cut_points: str = parameter(
        "",
        label="Cut points of your own",
        help="For instance: age: 25, 40, 60; income: 30000. They replace the automatic ones.",
    )
    outcome: str = parameter(
        "",
        label="Favourable class",
        help="For models with more than two classes: the class that counts as selected. The "
        "last one where none is given.",
    )
    search: bool = parameter(
        True,
        label="Look for reasons",
        help="Also compare within strata of every feature (Simpson's paradox), look for features "
        "that give the attribute away, search for the rows the model serves worst, and ask "
        "the model which features carry a difference.",
    )
    mitigate: Mitigation = parameter(
        "thresholds",
        label="Other decisions to compare",
        help="Thresholds by group, and the model fitted again on reweighted training rows "
        "(slower; needs a scikit-learn model and its training data), each measured on rows it was "
        "not made from.",
    )
    rounds: int = parameter(
        10,
        minimum=2,
        maximum=50,
        label="Fits for each method",
        help="Fits of the model at most, where it is fitted again.",
    )
    draws: int = parameter(
        1000, minimum=200, maximum=10000, label="Bootstrap draws",
        help="Draws behind the intervals of differences and ratios; more make them steadier.",
    )  # fmt: skip
