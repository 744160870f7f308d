"""What each number means, when it is the right one, and when it misleads."""

from typing import NamedTuple


class Definition(NamedTuple):
    """One metric for someone who decides, and for someone who checks.

    Attributes:
        name: as in the tables; differences and ratios are described under the rate they compare.
        title: for the eye.
        formula: how it is computed, with what it is divided by.
        right_when: when it is the number to look at.
        misleads_when: when it is not.
    """

    name: str
    title: str
    formula: str
    right_when: str
    misleads_when: str


DEFINITIONS = (
    Definition(
        "selection_rate", "Selection rate",
        "Rows given the favourable class, divided by all rows of the group.",
        "the recorded outcome cannot be trusted, or a law or policy speaks of shares.",
        "groups differ for reasons that should count; equal shares can then be reached by deciding "
        "worse for everyone.",
    ),
    Definition(
        "base_rate", "Base rate of the outcome",
        "Rows with the favourable outcome, divided by rows with a known outcome.",
        "you ask whether the data differ before the model does anything.",
        "outcomes were recorded by people who treated the groups differently.",
    ),
    Definition(
        "accuracy", "Accuracy",
        "Rows decided as the outcome says, divided by rows with a known outcome.",
        "a wrong yes and a wrong no cost the same.",
        "one outcome is rare: never selecting anyone is then accurate.",
    ),
    Definition(
        "true_positive_rate", "True positive rate",
        "Selected rows among those with the favourable outcome.",
        "turning away someone who deserves a yes is the harm.",
        "the favourable outcome was itself given unequally, so the deserving are counted wrongly.",
    ),
    Definition(
        "false_positive_rate", "False positive rate",
        "Selected rows among those without the favourable outcome.",
        "being selected wrongly is the harm, as with an alarm or an arrest.",
        "few rows lack the favourable outcome, or outcomes were recorded unequally.",
    ),
    Definition(
        "true_negative_rate", "True negative rate",
        "Rejected rows among those without the favourable outcome; 1 minus the false positive "
        "rate.",
        "you report how reliably a no is given where it is due.",
        "it is read beside the false positive rate as if it were a second finding.",
    ),
    Definition(
        "false_negative_rate", "False negative rate",
        "Rejected rows among those with the favourable outcome; 1 minus the true positive rate.",
        "missed cases are the harm, as with a disease.",
        "it is read beside the true positive rate as if it were a second finding, or as a ratio: "
        "small rates give large ratios.",
    ),
    Definition(
        "positive_predictive_value", "Positive predictive value",
        "Rows with the favourable outcome among those selected.",
        "someone acts on a yes and must be able to trust it alike for all groups.",
        "base rates differ: it then cannot be equal together with both error rates.",
    ),
    Definition(
        "negative_predictive_value", "Negative predictive value",
        "Rows without the favourable outcome among those rejected.",
        "someone acts on a no and must be able to trust it alike for all groups.",
        "base rates differ: it then cannot be equal together with both error rates.",
    ),
    Definition(
        "balanced_accuracy", "Balanced accuracy",
        "Mean of the true positive and the true negative rate.",
        "one outcome is rare and both matter.",
        "the two errors do not weigh the same: it hides which of them a group suffers.",
    ),
    Definition(
        "f1", "F1",
        "2 TP / (2 TP + FP + FN).",
        "favourable outcomes are rare and true negatives do not matter.",
        "base rates differ: it rises with the base rate, so groups are not comparable.",
    ),
    Definition(
        "treatment_ratio", "Treatment ratio",
        "False negatives divided by false positives of the group.",
        "you ask in whose favour the model errs.",
        "there are few errors: a ratio of two small counts is wild.",
    ),
    Definition(
        "generalized_entropy", "Generalised entropy",
        "Half the squared coefficient of variation of benefit = decision minus outcome plus 1.",
        "harm to individuals within a group counts, not only the gap between groups.",
        "being wrongly selected is no benefit: the formula takes it as one.",
    ),
    Definition(
        "theil_index", "Theil index",
        "Mean of r log r, where r is a row's benefit (decision minus outcome plus 1) over the "
        "mean benefit.",
        "as generalised entropy, with more weight on those who get least.",
        "being wrongly selected is no benefit: the formula takes it as one.",
    ),
    Definition(
        "consistency", "Consistency of neighbours",
        "1 minus the mean distance between a row's decision and the share of its 5 nearest rows "
        "that are selected; near means alike in the features that are not sensitive.",
        "people who are alike should be treated alike, whatever group they are in.",
        "nearly everyone gets the same decision (it is then near 1), or a proxy makes two people "
        "look unlike.",
    ),
    Definition(
        "mean_score", "Mean score",
        "Mean of the scores for the favourable class.",
        "decisions are made elsewhere from the score.",
        "equal means hide where along the scale the groups differ: look at the distributions.",
    ),
    Definition(
        "score_rate", "Score rate",
        "Rows with a score above the median of all rows, divided by all rows of the group.",
        "a law asks for it where there is a score and no decision (New York City Local Law 144).",
        "people are cut off far from the median, where the groups may differ more or less.",
    ),
    Definition(
        "roc_auc", "Area under the ROC curve",
        "Chance that a row with the favourable outcome scores above one without, within the "
        "group.",
        "you ask whether the score knows equally much about every group, whatever the threshold.",
        "the groups are compared with each other: a group can be ranked well and still be scored "
        "too low as a whole.",
    ),
    Definition(
        "calibration_gap", "Calibration gap",
        "Mean score minus the share with the favourable outcome.",
        "a score is read as a chance.",
        "too high here and too low there cancel out: look at the calibration chart.",
    ),
    Definition(
        "mean_prediction", "Mean prediction",
        "Mean of the predicted numbers.",
        "the level of what is predicted is the benefit, such as a salary.",
        "the true numbers differ between the groups.",
    ),
    Definition(
        "mean_outcome", "Mean outcome",
        "Mean of the true numbers.",
        "you ask whether the data differ before the model does anything.",
        "outcomes were recorded unequally.",
    ),
    Definition(
        "mean_error", "Mean error",
        "Mean of prediction minus outcome.",
        "over- or underestimating a group is the harm.",
        "large errors in both directions cancel out.",
    ),
    Definition(
        "mean_absolute_error", "Mean absolute error (group loss)",
        "Mean distance between prediction and outcome.",
        "being far off is the harm, in either direction; the largest is the bounded group loss.",
        "a group's outcomes vary more, so that no model could come as near.",
    ),
    Definition(
        "kolmogorov_distance", "Kolmogorov distance",
        "Largest distance between the distribution of a group's predictions and everyone else's.",
        "predictions should not depend on the group at all (statistical parity of numbers).",
        "the groups' true numbers differ for reasons that should count.",
    ),
    Definition(
        "demographic_parity", "Demographic parity",
        "Largest minus smallest selection rate; as a ratio, smallest over largest.",
        "the recorded outcome cannot be trusted, or a law or policy speaks of shares.",
        "groups differ for reasons that should count. The ratio misleads where rates are small: "
        "2 % against 1 % is a ratio of 0.5.",
    ),
    Definition(
        "equal_opportunity", "Equal opportunity",
        "Largest minus smallest true positive rate; as a ratio, smallest over largest.",
        "the deserving of every group should have the same chance.",
        "who is deserving was recorded unequally; wrongly selected people do not count.",
    ),
    Definition(
        "equalized_odds", "Equalised odds",
        "The worse of the differences (or ratios) in true and in false positive rates.",
        "both errors harm, and outcomes can be trusted.",
        "base rates differ and predictive values matter too: all cannot be equal at once.",
    ),
    Definition(
        "predictive_parity", "Predictive parity",
        "Largest minus smallest positive predictive value; as a ratio, smallest over largest.",
        "a yes should mean the same for every group.",
        "base rates differ: it can hold while the errors fall on one group.",
    ),
)  # fmt: skip
_BY_NAME = {item.name: item for item in DEFINITIONS}


def definition_of(metric: str) -> Definition:
    """Return what describes a metric; a difference or ratio is described under what it compares.

    Raises:
        KeyError: nothing describes it.
    """
    for ending in ("_difference", "_ratio"):
        base = metric.removesuffix(ending)
        if metric not in _BY_NAME and base in _BY_NAME:
            return _BY_NAME[base]
    return _BY_NAME[metric]
