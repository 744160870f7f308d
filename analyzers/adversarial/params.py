"""What can be chosen before the attack runs."""

from typing import Literal

from analyzers.core.params import Params, column_choice, parameter

Knowledge = Literal["scores", "labels only"]
Norm = Literal["L-inf", "L2"]
Recipe = Literal[
    "DeepWordBug (typing errors)",
    "Pruthi (one typing error)",
    "Look-alike letters",
    "Invisible characters",
    "Input reduction (words left out)",
]


class AdversarialParams(Params):
    """One declaration for the three faces; labels say which face a parameter belongs to."""

    rows: int = parameter(
        100, minimum=5, maximum=5000, label="Rows to attack",
        help="How many rows are attacked; more give narrower intervals and take longer.",
    )  # fmt: skip
    queries: int = parameter(
        600, minimum=20, maximum=50000, label="Queries per row",
        help="How often the attacker may ask the model about one row.",
    )  # fmt: skip
    knowledge: Knowledge = parameter(
        "scores", label="Tables: what the attacker sees",
        help="Tables: the model's scores, or nothing but its answer. Pictures are attacked with "
        "gradients where the model has them; pictures without and texts need scores.",
    )  # fmt: skip
    budget: float = parameter(
        1.0, minimum=0.01, maximum=20, label="Tables: size of the change",
        help="Largest total change of a row (Euclidean), where one standard deviation of a number "
        "counts 1 and another level of a category counts 1.",
    )  # fmt: skip
    frozen: tuple[str, ...] = column_choice(
        label="Tables: columns the attacker cannot change", among="feature",
        help="Beside the columns that are marked immutable; nobody can change these in a request.",
    )  # fmt: skip
    epsilon: float = parameter(
        0.1, minimum=0.001, maximum=1, label="Images: size of the change",
        help="Largest change of any pixel between 0 (black) and 1 (white); for L2, the root mean "
        "square change over all pixels.",
    )  # fmt: skip
    norm: Norm = parameter(
        "L-inf", label="Images: how the change is measured",
        help="L-inf bounds every pixel; L2 bounds the whole and lets a few pixels change much.",
    )  # fmt: skip
    steps: int = parameter(
        20, minimum=2, maximum=500, label="Images: gradient steps",
        help="Steps of the gradient attack from each start.",
    )  # fmt: skip
    restarts: int = parameter(
        2, minimum=1, maximum=20, label="Images: random starts",
        help="How often the gradient attack starts again from a random point.",
    )  # fmt: skip
    recipe: Recipe = parameter(
        "DeepWordBug (typing errors)", label="Text: recipe",
        help="How words are changed. All of these run without a network.",
    )  # fmt: skip
    examples: int = parameter(
        12, minimum=1, maximum=200, label="Examples to keep",
        help="How many before-and-after pairs are kept to look at and download.",
    )  # fmt: skip
