"""What can be chosen for the attack."""

from analyzers.core.params import Params, column_choice, parameter


class PrivacyParams(Params):
    """Parameters of the membership inference attack."""

    groups: tuple[str, ...] = column_choice(
        label="Groups",
        help="Columns whose groups are compared: who is easier to find. "
        "Empty means every column marked sensitive.",
        among="any",
    )
    smallest_group: int = parameter(
        20,
        label="Smallest group",
        help="Groups with fewer members of the training data are shown but not compared.",
        minimum=2,
        maximum=100_000,
    )
    by_class: bool = parameter(
        False,
        label="One threshold for each class",
        help="Compare a record only with non-members of its own class. Stronger where classes "
        "differ in difficulty; needs many non-members in every class.",
    )
    check_rows: int = parameter(
        4000,
        label="Rows for the comparability check",
        help="At most this many rows are used to see whether members and non-members can be told "
        "apart without the model.",
        minimum=100,
        maximum=100_000,
    )
    listed_records: int = parameter(
        50,
        label="Exposed records to list",
        help="How many of the most exposed members are listed, by row number only.",
        minimum=1,
        maximum=1000,
    )
    claimed_epsilon: float = parameter(
        0.0,
        label="Claimed epsilon",
        help="If the model is said to be differentially private, its epsilon: the attack can "
        "contradict the claim. 0 means no claim.",
        minimum=0.0,
        maximum=1000.0,
    )
    claimed_delta: float = parameter(
        0.00001,
        label="Claimed delta",
        help="The delta that goes with the epsilon.",
        minimum=0.0,
        maximum=0.1,
    )
