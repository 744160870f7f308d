"""What can be chosen before the attack runs."""

from typing import Literal

from analyzers.core.params import Params, class_choice, column_choice, parameter

Knowledge = Literal["as fits the data", "scores", "labels only", "whole model"]
Norm = Literal["L-inf", "L2"]
PLAIN = "FGSM and PGD"
ImageAttack = Literal[
    "FGSM and PGD",
    "AutoAttack (four attacks)",
    "AutoAttack plus (all attacks)",
]
Recipe = Literal[
    "DeepWordBug (typing errors)",
    "Pruthi (one typing error)",
    "Look-alike letters",
    "Invisible characters",
    "Reordered letters",
    "Deleted letters",
    "TextBugger (typing errors and near words)",
    "TextFooler (near words)",
    "A2T (few near words)",
    "PWWS (synonyms)",
    "IGA (near words, genetic search)",
    "Alzantot (near words, genetic search)",
    "Particle swarm (synonyms)",
    "LEAP (synonyms, particle swarm)",
    "Morpheus (inflections)",
    "CheckList (names, places, numbers, contractions)",
    "HotFlip (gradients)",
    "Input reduction (words left out)",
    "Kuleshov (near words, language model)",
    "BAE (words from a language model)",
    "BERT-Attack (words from a language model)",
    "CLARE (words put in, swapped and merged)",
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
        "as fits the data", label="What the attacker knows",
        help="The model's scores, nothing but its answer, or the whole model. As fits the data: "
        "the whole model for pictures where it gives gradients, else the scores. In tables the "
        "whole model proves the smallest change of trees and attacks networks with gradients; it "
        "takes several times as long, and minutes for large forests. Answers alone take 1,000 or "
        "more queries a picture "
        "(HopSkipJump).",
    )  # fmt: skip
    effort: int = parameter(
        1000, minimum=10, maximum=100000, label="Tables: effort of a proof, per row",
        only="tabular",
        help="How many boxes of possible changes are looked at where the whole model is known and "
        "is made of trees. Where no more leaves than that are within reach, an integer program is "
        "solved first. A thousand take a tenth of a second to two seconds a "
        "row; what is still open then is said with a lower bound.",
    )  # fmt: skip
    budget: float = parameter(
        1.0, minimum=0.01, maximum=20, label="Tables: size of the change", only="tabular",
        help="Largest total change of a row (Euclidean), where one standard deviation of a number "
        "counts 1 and another level of a category counts 1.",
    )  # fmt: skip
    frozen: tuple[str, ...] = column_choice(
        label="Tables: columns the attacker cannot change", only="tabular", among="feature",
        help="Beside the columns that are marked immutable; nobody can change these in a request.",
    )  # fmt: skip
    rising: tuple[str, ...] = column_choice(
        label="Tables: numbers that may only rise", only="tabular", among="feature",
        help="Such as age, or years with the firm.",
    )  # fmt: skip
    falling: tuple[str, ...] = column_choice(
        label="Tables: numbers that may only fall", only="tabular", among="feature",
        help="Such as the time left of a contract.",
    )  # fmt: skip
    relations: bool = parameter(
        True, label="Tables: keep relations the data shows", only="tabular",
        help="A number that is at most another one, a multiple of it or the sum of up to four "
        "others, and columns of which exactly one is 1, in every row of the data stay so in every "
        "changed row; the result lists them.",
    )  # fmt: skip
    kept: str = parameter(
        "", label="Tables: further relations and ranges to keep", only="tabular",
        help="In the columns' own names, with a semicolon between two: total = part + rest; "
        "least <= most; year = 12 * month; age >= 18. A row that breaks one already is not held "
        "to it. A range named here stands in place of the one the data shows.",
    )  # fmt: skip
    dropped: str = parameter(
        "", label="Tables: relations to leave out", only="tabular",
        help="Relations the data show that an attacker need not keep, in the words of the list of "
        "what may change, with a semicolon between two.",
    )  # fmt: skip
    costs: str = parameter(
        "", label="Tables: what changes cost", only="tabular",
        help="How many times as much a change of some columns counts, with a semicolon between "
        "two: savings = 3; job = 0.5. All others count 1.",
    )  # fmt: skip
    epsilon: float = parameter(
        0.1, minimum=0.001, maximum=1, label="Images: size of the change", only="image",
        help="Largest change of any pixel between 0 (black) and 1 (white); for L2, the root mean "
        "square change over all pixels.",
    )  # fmt: skip
    norm: Norm = parameter(
        "L-inf", label="Images: how the change is measured", only="image",
        help="L-inf bounds every pixel; L2 bounds the whole and lets a few pixels change much.",
    )  # fmt: skip
    steps: int = parameter(
        20, minimum=2, maximum=500, label="Images and networks on tables: gradient steps",
        only=("image", "tabular"),
        help="Steps of the gradient attack from each start.",
    )  # fmt: skip
    restarts: int = parameter(
        2, minimum=1, maximum=20, label="Images and networks on tables: random starts",
        only=("image", "tabular"),
        help="How often the gradient attack starts again from a random point.",
    )  # fmt: skip
    image_attack: ImageAttack = parameter(
        "FGSM and PGD", label="Images: attack with gradients", only="image",
        help="AutoAttack runs four attacks of different kinds at the stated size, each on what the "
        "others left, with at least 100 steps: some twenty times as long, and hard to mislead. "
        "Without gradients, random squares or HopSkipJump attack instead.",
    )  # fmt: skip
    wanted: str = class_choice(
        label="Answer the attacker wants", none="any wrong answer",
        help="Where a class is chosen, only changes that lead to it count, and rows of that class "
        "are left out.",
    )  # fmt: skip
    nearest: bool = parameter(
        False, label="Images: look closer for the smallest change", only="image",
        help="Adds searches made for it (DDN for L2, FAB); about as long again as AutoAttack.",
    )  # fmt: skip
    pixels: int = parameter(
        0, minimum=0, maximum=64, label="Images: change a few pixels", only="image",
        help="Accuracy left when up to this many pixels may take any colour (1, 2, 4 and so on); 0 "
        "leaves it out. Costs the stated queries for each number.",
    )  # fmt: skip
    patch: float = parameter(
        0.0, minimum=0.0, maximum=0.5, label="Images: visible patch", only="image",
        help="Accuracy left when a square of this share of the picture may be painted over, at the "
        "worst place; 0 leaves it out. Costs a gradient attack for each place.",
    )  # fmt: skip
    corruptions: bool = parameter(
        True, label="Images: common corruptions", only="image",
        help="Noise, blur, weather, brightness, turning and the like, in five severities: what "
        "happens without any attacker.",
    )  # fmt: skip
    certify: int = parameter(
        0, minimum=0, maximum=100000, label="Images: certificate, noisy copies", only="image",
        help="Copies with noise per picture, from which it is proven how far no attack can reach "
        "(randomised smoothing); 0 leaves it out, 1,000 is a quick look, 100,000 the papers' own.",
    )  # fmt: skip
    certify_noise: float = parameter(
        0.25, minimum=0.01, maximum=2, label="Images: certificate, noise", only="image",
        help="Standard deviation of the noise; more proves further and reads worse.",
    )  # fmt: skip
    certify_level: float = parameter(
        0.001, minimum=0.00001, maximum=0.1, label="Images: certificate, error level", only="image",
        help="Chance that the certificate of one picture is wrong.",
    )  # fmt: skip
    recipe: Recipe = parameter(
        "DeepWordBug (typing errors)", label="Text: recipe", only="text",
        help="How words are changed. All run offline; HotFlip follows the gradients of a neural "
        "network; the last four need a model that you put into a folder first. Genetic and swarm "
        "searches take the most queries. A model without scores is attacked with synonyms and "
        "labels only, whatever is chosen here.",
    )  # fmt: skip
    meaning: float = parameter(
        0.0, minimum=0.0, maximum=1.0, label="Text: meaning kept, at least", only="text",
        help="Only changed texts whose averaged word vectors agree this much (cosine) with the "
        "original's count; 0 leaves the recipe's own rules, 0.98 is strict.",
    )  # fmt: skip
    compare_recipes: bool = parameter(
        False, label="Text: compare the recipes", only="text",
        help="Runs every recipe that needs no download but the genetic and swarm searches on the "
        "same texts; some ten times as long.",
    )  # fmt: skip
    behaviour: bool = parameter(
        True, label="Text: negation, names and identity terms", only="text",
        help="Swaps names and identity terms, negates sentences, and fills short templates; counts "
        "how often the answer changes.",
    )  # fmt: skip
    examples: int = parameter(
        100, minimum=1, maximum=500, label="Examples to keep",
        help="How many before-and-after pairs are kept to look at and download.",
    )  # fmt: skip
