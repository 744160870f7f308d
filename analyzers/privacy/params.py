"""What can be chosen for the attack."""

from typing import Literal

from analyzers.core.params import Params, column_choice, parameter


class ShadowParams(Params):
    """How many shadow models there are."""

    shadow_models: Literal["off", "4", "8", "16", "32", "64"] = parameter(
        "off",
        label="Shadow models (LiRA and RMIA)",
        help="Fit the model's recipe anew on this many random parts of the rows and compare with "
        "what those say: the strongest attack known. It takes as many times as long as training "
        "did (perceptrons are trained together and take far less). 16 for a finding, 64 for a "
        "report; only for models that can be fitted anew.",
    )

    @property
    def n_shadow_models(self) -> int:
        """How many, 0 for none."""
        return 0 if self.shadow_models == "off" else int(self.shadow_models)


class AttackParams(ShadowParams):
    """Who is attacked and how, and what else is looked for."""

    quasi_identifiers: tuple[str, ...] = column_choice(
        label="What others may know of a person",
        help="Columns that together can single someone out (age, postcode, sex): who stands alone "
        "by them in the training table. Empty means this is not counted.",
        among="any",
    )
    population: int = parameter(
        0,
        label="People the training table was drawn from",
        help="Where the table is a random sample of more people: then it is estimated how often "
        "the only record that fits a person is that person's. 0 where that is not known; the "
        "number of records where everybody is in the table.",
        minimum=0,
        maximum=10_000_000_000,
    )
    groups: tuple[str, ...] = column_choice(
        label="Groups",
        help="Columns whose groups are compared: who is easier to find. "
        "Empty means every column marked sensitive.",
        among="any",
    )
    inferred: tuple[str, ...] = column_choice(
        label="Attributes to guess",
        help="Columns the model uses that an attacker would like to learn of a person. Empty means "
        "every such column marked sensitive.",
        among="feature",
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
    audited_records: int = parameter(
        0,
        label="Records for the one-run audit",
        help="Train once more with this many random records of the training data in or out by "
        "coin, half of all at most, and guess which: a lower bound of the recipe's epsilon that "
        "is a proof and not an indication. 0 for none; 500 takes as long as training once.",
        minimum=0,
        maximum=100_000,
    )
    audit_labels: Literal["true", "wrong"] = parameter(
        "wrong",
        label="Outcomes of the audited records",
        help="Records with a wrong outcome are remembered most and give the sharpest bound; with "
        "their true outcome the bound is about ordinary records.",
    )
    extraction: bool = parameter(
        False,
        label="Rebuild the model from its answers",
        help="Count how many questions a thief needs for a copy. Takes about a second and "
        "6,000 questions.",
    )
    question_price: float = parameter(
        0.0,
        label="Price of a thousand questions",
        help="What somebody pays for a thousand answers, in your currency: the copy then has a "
        "price. 0 where answers cost nothing or the price is not known.",
        minimum=0.0,
        maximum=1_000_000.0,
    )
    label_only_copies: int = parameter(
        0,
        label="Noisy copies of each record (labels alone)",
        help="Ask for the label of this many noisy copies of each record: the attack that works "
        "where no score is given out. 0 for none; 50 asks 50 questions about each record.",
        minimum=0,
        maximum=1000,
    )
    stand_in: bool = parameter(
        False,
        label="Compare with a stand-in",
        help="Fit other models on rows the model has not seen, and count only what they do not "
        "know. For models that cannot be fitted anew; weaker than shadow models. Takes seconds.",
    )
    memorised_values: bool = parameter(
        False,
        label="Look for remembered single values",
        help="Put values that one training record alone has against others like them. Asks about "
        "13,000 questions for each column to guess (or for the texts).",
    )
    property_models: Literal["off", "16", "32", "64"] = parameter(
        "off",
        label="Models to tell a group's share from",
        help="Fit the model's recipe on this many parts with different shares of the first "
        "sensitive column's largest group, and read the share in the training data off the "
        "model's behaviour. Takes as many trainings; only for models that can be fitted anew.",
    )
    inversion: bool = parameter(
        False,
        label="Make typical records from answers",
        help="Climb the score of each class and see whether the result resembles its members. "
        "Asks a few thousand questions for each class.",
    )
    smallest_group: int = parameter(
        20,
        label="Smallest group",
        help="Groups with fewer members of the training data are shown but not compared.",
        minimum=2,
        maximum=100_000,
    )
    learned: bool = parameter(
        True,
        label="Learn an attack from the answers",
        help="Fit a classifier that tells members by the whole answer and the true outcome; every "
        "record is judged by one that was not told about it. Takes about a second.",
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


class NetworkParams(Params):
    """How a torch network was trained, which its file does not say."""

    network_optimiser: Literal["adam", "sgd"] = parameter(
        "adam",
        label="Optimiser of a torch network",
        help="A torch file does not say how the network was trained: say it here for its shadow "
        "models and the audit. Gradient descent (sgd) has momentum 0.9. Other models ignore this.",
    )
    network_rate: float = parameter(
        0.001,
        label="Learning rate of a torch network",
        help="As the network was trained with. Other models ignore this.",
        minimum=0.000001,
        maximum=10.0,
    )
    network_batch: int = parameter(
        32,
        label="Rows in a training step of a torch network",
        help="As the network was trained with. Other models ignore this.",
        minimum=1,
        maximum=10_000,
    )
    network_epochs: int = parameter(
        0,
        label="Passes over the rows of a torch network",
        help="As the network was trained for. 0 trains until the network fits its own rows as "
        "well as yours fits its members, 200 passes at most. Other models ignore this.",
        minimum=0,
        maximum=10_000,
    )


class RefitParams(NetworkParams, ShadowParams):
    """How the model's training is repeated, and how often for shadow models."""


class PrivacyParams(RefitParams, AttackParams):
    """Parameters of the privacy analysis; what few need comes last."""
