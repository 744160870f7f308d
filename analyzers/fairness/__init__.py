"""Whom does the model treat differently, and how sure are we?

Question
    Do some groups of people get other decisions, or other errors, than the rest?

Method
    Rows are counted once by group, outcome and decision; every rate, difference, ratio and
    combination of attributes follows from the counts. Rates have Wilson intervals. Differences
    are largest minus smallest, ratios smallest over largest (fairlearn's definitions), with
    limits from a max-t bootstrap that hold for all pairs of groups at once; its draws of cell
    counts are multinomial, which is the row bootstrap. p-values are corrected for the number of
    comparisons (Benjamini-Hochberg), which is printed. n of a rate is its denominator; n of a
    disparity is the smallest denominator among the groups it compares. Numbers such as age are
    cut visibly; missing values are a group of their own; a rate that rests on fewer rows than
    the smallest group asked for is shown but not compared, and never hidden. Moving the
    threshold is a look-up in counts by score. Other decisions (thresholds by group, the model
    fitted again) are measured on rows they were not made from. Where the model is there, Shapley
    values split a difference in mean score among the features.

Limits
    Which rate should be equal is a decision about people, not about statistics, and several
    cannot be equal at once when base rates differ. Outcomes in the data can carry past
    discrimination. Nothing here says whether being selected is good for a person, or proves a
    cause. Every limit is a convention with a date (see the policy).

References:
    Hardt, Price and Srebro 2016; Chouldechova 2017; Kleinberg et al. 2017; Agarwal et al. 2018;
    Berk et al. 2018; Efron and Tibshirani 1993; Romano and Wolf 2005; Benjamini and Hochberg 1995;
    Zemel et al. 2013; Begley et al. 2020; Bird et al. 2020 (fairlearn).
"""

from analyzers.core.analyzer import Analyzer, Needs
from analyzers.core.result import Measurements
from analyzers.core.workbench import Workbench
from analyzers.fairness.decisions import measure_decisions
from analyzers.fairness.drawing import draw
from analyzers.fairness.judging import judge
from analyzers.fairness.params import FairnessParams
from analyzers.fairness.regression import measure_numbers
from analyzers.fairness.tables import TABLES
from analyzers.fairness.threshold import at_threshold, decide_at

__all__ = ["ANALYZER", "FairnessParams", "at_threshold", "decide_at"]


def measure(bench: Workbench, params: FairnessParams) -> Measurements:
    """Measure decisions, or numbers where the task is regression."""
    if bench.subject.task == "regression":
        return measure_numbers(bench, params)
    return measure_decisions(bench, params)


ANALYZER: Analyzer[FairnessParams] = Analyzer(
    name="fairness",
    version=3,
    title="Fairness",
    question="Whom does the model treat differently, and how sure are we?",
    about=__doc__,
    params=FairnessParams,
    needs=Needs(model="optional", model_for=("tabular",), predictions=True, sensitive=True),
    lead=("fairness.demographic_parity_difference", "fairness.kolmogorov_distance"),
    tables=TABLES,
    measure=measure,
    judge=judge,
    draw=draw,
)
