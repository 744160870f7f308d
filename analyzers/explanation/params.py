"""What the user can choose before the run."""

from typing import Literal

from analyzers.core.params import Params, class_choice, column_choice, parameter

Method = Literal["automatic", "interventional", "model-agnostic"]
# More of them tell explainers that ask the model, or its gradient, for each little.
MOST_ASKED_BACKGROUND = 1_000


class ExplanationParams(Params):
    """How much to explain, against what, and for which class and row."""

    rows: int = parameter(
        1000,
        label="Rows to explain",
        help="Rows drawn with the seed, in proportion to the predicted classes, for explainers "
        "that are exact and fast.",
        minimum=10,
        maximum=20_000,
    )
    sampled_rows: int = parameter(
        200,
        label="Rows where the explainer has to ask the model",
        help="Used instead of the number above where no exact explainer fits and thousands of "
        "predictions are needed for each row.",
        minimum=5,
        maximum=2_000,
    )
    background_rows: int = parameter(
        100,
        label="Background rows",
        help="Rows that stand for a value being unknown. More of them make the explanation "
        "steadier and slower; beyond 1,000 only interventional trees use them all.",
        minimum=10,
        maximum=20_000,
    )
    method: Method = parameter(
        "automatic",
        label="Explainer",
        help="Automatic takes the exact explainer for the kind of model; where that is trees, "
        "their own counts stand for an unknown value. Interventional lets background rows stand "
        "for it, in trees as well. Model-agnostic only asks the model for predictions.",
    )
    swarm_points: int = parameter(
        5_000,
        label="Points of the beeswarm",
        help="One for each row and column, of the twenty columns that count most. 20,000 take a "
        "browser about a second to draw.",
        minimum=500,
        maximum=20_000,
    )
    output_class: str = class_choice(
        label="Class to explain",
        help="Whose probability is explained, for every row. Of several classes it is the one "
        "predicted most often where none is chosen, and for pictures the one the model reads in "
        "each.",
        none="chosen for you",
    )
    row: int | None = parameter(
        None,
        label="Row to show",
        help="Row number in the file, from 0. Left open, it is the most confidently wrong row.",
        minimum=0,
        maximum=100_000_000,
    )
    fixed_columns: tuple[str, ...] = column_choice(
        label="Columns counterfactuals leave alone",
        help="Besides those marked immutable: columns that a person cannot or should not change.",
        among="feature",
    )
    rising_columns: tuple[str, ...] = column_choice(
        label="Columns that may only rise in counterfactuals",
        help="Numbers that a person can raise and not lower, such as an age or years of work.",
        among="feature",
    )
    falling_columns: tuple[str, ...] = column_choice(
        label="Columns that may only fall in counterfactuals",
        help="Numbers that a person can lower and not raise, such as a debt that is to be paid.",
        among="feature",
    )
    lime_samples: int = parameter(
        2000,
        label="LIME samples",
        help="Changed copies of a row that LIME asks the model about, in each of five runs.",
        minimum=200,
        maximum=20_000,
    )
