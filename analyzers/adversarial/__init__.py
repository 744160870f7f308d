"""How little does it take to make the model answer wrongly?

Question
    What is the smallest change, of those an attacker could really make, that flips an answer?

Method
    Tables: searches with all rows in step: along the slope of the score, the cheapest sets of
    changes that should add up, along the decision boundary with labels only (HopSkipJump family),
    and exchanging one change for a cheaper one. They work on raw values
    and keep to ranges, whole numbers, decimals, categories and columns nobody can change; a missing
    value stays missing. Size is Euclidean, one standard deviation or another category counting 1.
    Where the whole model may be known, the smallest change of tree models is proved or bounded
    (branch and bound), and networks are attacked with gradients within the rules (CAPGD, CAA).
    Pictures: projected gradient descent or AutoAttack's ensemble, L-inf or L2; random squares or
    HopSkipJump where there are no gradients; few pixels, a patch, common damage and a certificate.
    Checks say when gradients were misled. Texts: TextAttack's recipes, offline.
    Predicted numbers: the largest change of the prediction within the budget.
    Every flip is put to the model once more before it is reported, and every result stands beside
    the worst of ten random changes of the same size. Rates have Wilson intervals, medians those of
    order statistics.

Limits
    An attack that finds nothing proves nothing: without a proof, the smallest change can only be
    smaller than the one found. Costs are in standard deviations, not in money. Relations between
    columns that the data do not show and the settings do not name may be broken. No pass mark
    exists in the literature; a verdict needs your own limit. Missing values and columns of dates
    or free text stay as they are.

References:
    Chen, Jordan and Wainwright 2020; Moosavi-Dezfooli et al. 2016; Madry et al. 2018;
    Andriushchenko et al. 2020; Croce and Hein 2020; Cohen et al. 2019; Morris et al. 2020; Gao et
    al. 2018; Simonetto et al. 2024; Kantchelian, Tygar and Joseph 2016; Devos, Meert and Davis
    2021; Carlini et al. 2019; NIST AI 100-2 E2025.
"""

from analyzers.adversarial import images, tabular, text
from analyzers.adversarial.drawing import draw
from analyzers.adversarial.judging import judge
from analyzers.adversarial.params import AdversarialParams
from analyzers.adversarial.tables import TABLES
from analyzers.core.analyzer import Analyzer, Needs
from analyzers.core.errors import UnsuitableSubject
from analyzers.core.result import Measurements
from analyzers.core.workbench import Workbench

__all__ = ["ANALYZER", "AdversarialParams"]


def measure(bench: Workbench, params: AdversarialParams) -> Measurements:
    """Attack with what fits the data.

    Raises:
        UnsuitableSubject: predicted numbers from pictures or texts, or nothing that could change.
    """
    modality = bench.subject.modality
    if bench.subject.task == "regression" and modality != "tabular":
        raise UnsuitableSubject(
            f"Expected classes, got predicted numbers from {modality} data; the attacks on such "
            "data need classes.",
            remedy="Attack a model with classes, or put the data into a table.",
        )
    measured = {"tabular": tabular.measure, "image": images.measure, "text": text.measure}
    return measured[modality](bench, params)


ANALYZER: Analyzer[AdversarialParams] = Analyzer(
    name="adversarial",
    version=5,
    title="Adversarial examples",
    question="How little does it take to make the model answer wrongly?",
    about=__doc__,
    params=AdversarialParams,
    needs=Needs(model="required", predictions=True),
    lead=("adversarial.robust_accuracy", "adversarial.moved_beyond_error"),
    tables=TABLES,
    measure=measure,
    judge=judge,
    draw=draw,
)
