"""Who can be found in the training data?

Question
    Can someone who may ask the model questions tell whose record it was trained on?

Method
    First a classifier that never sees the model tries to tell members (training rows) from
    non-members (held-out rows) by their features and outcome. Where it succeeds, the attack's
    result is void. Rows that stand in both tables are left out and counted. Then the attack: loss,
    margin, modified entropy, confidence, entropy and correctness (absolute error for regression)
    are computed from the model's answers. Where shadow models are asked for, the model's recipe is
    fitted anew on random parts of the pool and LiRA and RMIA (online and offline) join the attacks.
    Where records are given for it, one more training with them in or out by coin gives a lower
    bound of the recipe's epsilon (one-run audit). One half of the rows chooses the attack and its
    thresholds, the other half is counted, and the halves change places. Thresholds are conformal:
    a non-member is accused with at most the accepted probability. True positive rates at 1 % and
    0.1 % false positives have exact (Clopper-Pearson) intervals and are inconclusive below 300 and
    3,000 non-members; the AUC has DeLong's interval.

Limits
    Without shadow models the auditor has outputs on members and non-members only (grade 1 of 3):
    an attacker with reference models finds more, so every number is a lower bound of what leaks.
    Grade 2, shadow models, needs a model that can be fitted anew: an estimator, a booster whose
    file keeps its settings, a torch network whose way of training you state. Grade 3, a stand-in
    of another recipe where the model cannot be fitted anew, is run on request and called so. The
    lower bound of epsilon from the attack holds for one model whose members were drawn at random;
    it is an indication, not a proof; the one-run audit's is a proof about the recipe. Intervals do
    not include the luck of one training run. Low false positive rates pool many records: one
    person can be more exposed than any rate shows.

References:
    Yeom et al. 2018, Privacy Risk in Machine Learning. Song and Mittal 2021, Systematic Evaluation
    of Privacy Risks. Carlini et al. 2022, Membership Inference Attacks From First Principles.
    Zarifzadeh, Liu and Shokri 2024, Low-Cost High-Power Membership Inference. Das, Zhang and
    Tramer 2024, Blind Baselines Beat Membership Inference Attacks. Kulynych et al. 2022, Disparate
    Vulnerability to Membership Inference. Steinke, Nasr and Jagielski 2023, Privacy Auditing with
    One (1) Training Run.
"""

from analyzers.core.analyzer import Analyzer, Needs
from analyzers.privacy.drawing import draw
from analyzers.privacy.judging import judge
from analyzers.privacy.lowering import Measure, measures_for
from analyzers.privacy.measuring import measure
from analyzers.privacy.params import PrivacyParams
from analyzers.privacy.reading import Reach, reach_at
from analyzers.privacy.shadow_campaign import shadow_groundwork
from analyzers.privacy.tables import TABLES

__all__ = ["ANALYZER", "Measure", "PrivacyParams", "Reach", "measures_for", "reach_at"]

ANALYZER = Analyzer(
    name="privacy",
    version=4,
    title="Privacy",
    question="Can someone tell whose record the model was trained on?",
    about=__doc__ or "",
    params=PrivacyParams,
    needs=Needs(predictions=True, labels=True, training_data="required", model="optional"),
    groundwork=shadow_groundwork,
    lead=("privacy.tpr_at_fpr_1_percent",),
    tables=TABLES,
    measure=measure,
    judge=judge,
    draw=draw,
)
