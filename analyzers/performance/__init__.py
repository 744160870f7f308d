"""How good is the model, and how sure can we be of it?

Question
    How often is the model right, on whom is it wrong, and do its scores mean what they say?

Method
    Every number comes with an interval and the count it rests on. Rates: Wilson. Area under the
    ROC curve: DeLong on the logit scale. Average precision: logit interval over the positives.
    Means (Brier score, log loss, mean errors): Student. F1, balanced accuracy and Matthews
    correlation: 1,000 multinomial draws of the confusion matrix, which is the row bootstrap.
    Calibration: bins of equal width, expected calibration error beside the value a perfectly
    calibrated model would show at the same n, slope and intercept by logistic regression.
    Moving the threshold is a look-up in counts by score: exact, and nothing is run again.

Limits
    Rows are taken as independent; repeated rows of one person make intervals too narrow. Rows
    without an outcome are left out and counted. Good numbers here say nothing about other data.

References:
    Wilson 1927; DeLong et al. 1988; Boyd, Eng and Page 2013; Van Calster et al. 2019; Broecker and
    Smith 2007; Saito and Rehmsmeier 2015 on precision-recall against ROC.
"""

from analyzers.core.analyzer import Analyzer, Needs
from analyzers.core.params import Params, parameter
from analyzers.core.result import Measurements
from analyzers.core.workbench import Workbench
from analyzers.performance import binary, multiclass, regression
from analyzers.performance.drawing import draw
from analyzers.performance.judging import judge
from analyzers.performance.tables import TABLES
from analyzers.performance.threshold import at_threshold, decide_at

__all__ = ["ANALYZER", "PerformanceParams", "at_threshold", "decide_at"]


class PerformanceParams(Params):
    """What can be chosen."""

    n_bins: int = parameter(
        10,
        minimum=4,
        maximum=50,
        label="Calibration bins",
        help="How many bins of equal width the scores are put into; more need more rows.",
    )
    draws: int = parameter(
        1000, minimum=200, maximum=10000, label="Bootstrap draws",
        help="Draws behind the intervals that have no formula; more make them steadier.",
    )  # fmt: skip


def measure(bench: Workbench, params: PerformanceParams) -> Measurements:
    """Measure the metrics of the subject's task."""
    measured = {
        "binary": binary.measure,
        "multiclass": multiclass.measure,
        "regression": regression.measure,
    }
    return measured[bench.subject.task](bench, n_bins=params.n_bins, n_draws=params.draws)


ANALYZER: Analyzer[PerformanceParams] = Analyzer(
    name="performance",
    version=1,
    title="Performance",
    question="How good is the model, and how sure can we be of it?",
    about=__doc__,
    params=PerformanceParams,
    needs=Needs(predictions=True, labels=True, training_data="optional"),
    lead=("performance.lift_over_majority", "performance.r_squared"),
    tables=TABLES,
    measure=measure,
    judge=judge,
    draw=draw,
)
