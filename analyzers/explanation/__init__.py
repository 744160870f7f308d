"""Question: What does the model's answer rest on, for all rows and for one? Can that be trusted?

Method: SHAP values of the model itself, never of a copy, by the explainer that fits: trees exactly
(our own walk for scikit-learn, the booster's own for XGBoost, LightGBM and CatBoost; on request
against thousands of background rows), linear models
in closed form, networks by integrated gradients, anything else by coalitions in large batches. A
pipeline is explained in the user's own columns. LIME explains the same rows; the two are compared.
Every explanation is held to the model's own answers, tested by replacing columns against a random
order, and shown with intervals over the explained rows.

Limits: an attribution says what moved the answer, not what would happen in the world if a value
were changed. Correlated columns share credit in ways that depend on the background. Boosted trees
and linear classifiers are explained on the log-odds scale. A model built to notice the questions of
an explainer can fool both methods.

References: Lundberg and Lee 2017; Lundberg et al. 2020; Ribeiro, Singh and Guestrin 2016;
Sundararajan, Taly and Yan 2017; Krishna et al. 2024; Agarwal et al. 2022; Slack et al. 2020.
"""

from dataclasses import replace

from analyzers.core.analyzer import Analyzer, Needs
from analyzers.core.errors import ModelMisbehaved
from analyzers.core.result import Measurements
from analyzers.core.workbench import Workbench
from analyzers.explanation.account import account_of
from analyzers.explanation.changing import Reach
from analyzers.explanation.constraints import Constraint, Direction
from analyzers.explanation.contrast import contrast_chart
from analyzers.explanation.counterfactual_charts import draw_counterfactuals
from analyzers.explanation.drawing import GROUPS, draw, explained_features, explained_row_numbers
from analyzers.explanation.effect_charts import effect_chart
from analyzers.explanation.global_charts import draw_groups, grouped_by
from analyzers.explanation.judging import judge
from analyzers.explanation.local_charts import (
    dependence_chart,
    draw_beside_lime,
    local_chart,
    rows_with_lime,
)
from analyzers.explanation.params import ExplanationParams
from analyzers.explanation.picture_charts import overlay_chart, picture_rows
from analyzers.explanation.pictures import measure_pictures
from analyzers.explanation.row_finder import ROW_ORDERS, rows_chart, rows_in_order
from analyzers.explanation.steadiness import unsteadiness_note
from analyzers.explanation.tables import TABLES
from analyzers.explanation.tabular import measure_tabular
from analyzers.explanation.telling_rows import near_rows_chart
from analyzers.explanation.text_edits import ask_about_text, editable_text
from analyzers.explanation.ways import answer_now, find_ways, kept_columns, middle_output, way_words
from analyzers.explanation.what_if import (
    MOST_EDITED,
    EditableField,
    Question,
    ask_about,
    editable_fields,
    editable_rows,
    edits_chart,
    read_answer,
)
from analyzers.explanation.word_charts import coloured_words_chart
from analyzers.explanation.words import measure_words

__all__ = [
    "ANALYZER",
    "GROUPS",
    "MOST_EDITED",
    "ROW_ORDERS",
    "Constraint",
    "Direction",
    "EditableField",
    "Question",
    "Reach",
    "account_of",
    "answer_now",
    "ask_about",
    "ask_about_text",
    "coloured_words_chart",
    "contrast_chart",
    "dependence_chart",
    "draw_beside_lime",
    "draw_counterfactuals",
    "draw_groups",
    "editable_fields",
    "editable_rows",
    "editable_text",
    "edits_chart",
    "effect_chart",
    "explained_features",
    "explained_row_numbers",
    "find_ways",
    "grouped_by",
    "kept_columns",
    "local_chart",
    "middle_output",
    "near_rows_chart",
    "overlay_chart",
    "picture_rows",
    "read_answer",
    "rows_chart",
    "rows_in_order",
    "rows_with_lime",
    "way_words",
]


def measure(bench: Workbench, params: ExplanationParams) -> Measurements:
    """Explain the model on the rows at hand.

    Raises:
        ModelMisbehaved: it answers its own rows, but not the mixed ones explaining asks about.
    """
    by_modality = {"tabular": measure_tabular, "text": measure_words, "image": measure_pictures}
    try:
        found = by_modality[bench.subject.modality](bench, params)
    except ModelMisbehaved as error:
        raise ModelMisbehaved(
            f"{error.message} It answered the rows of the data; explaining asks about mixtures of "
            "them besides.",
            remedy="Let the model answer every mixture of its columns' values, or look at "
            "Performance and Fairness, which ask about the rows of the data only.",
        ) from error
    note = unsteadiness_note(bench)
    return replace(found, sampling=(note, *found.sampling)) if note else found


ANALYZER = Analyzer(
    name="explanation",
    version=5,
    title="Explanation",
    question="What does the model's answer rest on, and can the explanation be trusted?",
    about=__doc__ or "",
    params=ExplanationParams,
    needs=Needs(model="required", predictions=True, training_data="optional"),
    lead=("explanation.faithfulness_gain",),
    tables=TABLES,
    measure=measure,
    judge=judge,
    draw=draw,
)
