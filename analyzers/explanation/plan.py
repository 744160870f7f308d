"""What a run is going to do and about how long it takes, from the subject alone: before the run."""

from typing import NamedTuple

from analyzers.core.subject import Subject
from analyzers.explanation.interactions import COLUMNS_PAIRED, DRAWS, ROWS_PAIRED
from analyzers.explanation.params import MOST_ASKED_BACKGROUND, ExplanationParams
from analyzers.explanation.permutation import MOST_QUESTIONS as MOST_MOVES

_TREES = ("forest", "tree", "boost", "lightgbm", "catboost")
_BOOSTERS = ("boost", "lightgbm", "catboost")
_LINEAR = ("logistic", "linear", "ridge", "lasso", "sgd", "elasticnet")
_NETWORKS = ("torch",)
# Background rows each asked row meets at least, and the walks of an order: see coalitions.
_LEAST_PAIRS = 64
_LIME_RUNS = 6
_EFFECT_QUESTIONS = 12_000
_CHANGE_QUESTIONS = 20_000
_COMPARED = 200
# Seconds on one core of a 2020s server: a start, a question to the model, a row explained.
_START_S = 4.0
_QUESTION_S = {"booster": 4e-6, "trees": 2e-5, "linear": 2e-6, "network": 4e-6, "other": 4e-5}
_ROW_S = {"booster": 2e-4, "trees": 3e-3, "linear": 1e-6, "network": 2e-2, "other": 0.0}


class Plan(NamedTuple):
    """What the chosen settings lead to.

    Attributes:
        explainer: in words; a run takes another one where the model turns out not to fit.
        n_rows: rows it explains.
        n_background: rows that stand for unknown values; 0 where the trees' own counts do.
        n_questions: about how many rows the model is asked about in all.
        seconds: about how long it takes, from the usual speed of such a model.
    """

    explainer: str
    n_rows: int
    n_background: int
    n_questions: int
    seconds: float


def plan_of(subject: Subject, params: ExplanationParams) -> Plan | None:
    """Say what a run would do.

    Args:
        subject: its kind of model, number of rows and columns.
        params: as chosen.

    Returns:
        None for texts and pictures, whose work hangs on their length.
    """
    if subject.modality != "tabular":
        return None
    kind, n_columns = _kind_of(subject.model_kind), len(subject.features)
    n_background = min(params.background_rows, max(1, subject.n_rows))
    asked = min(n_background, MOST_ASKED_BACKGROUND)
    questions = _LIME_RUNS * params.lime_samples + _EFFECT_QUESTIONS + _CHANGE_QUESTIONS
    questions += 2 * _COMPARED * n_columns + min(MOST_MOVES, 5 * subject.n_rows * n_columns)
    rows = min(params.rows, subject.n_rows)
    seconds = _START_S + rows * _ROW_S[kind]
    if params.method == "model-agnostic" or kind == "other":
        rows = min(params.sampled_rows, subject.n_rows)
        n_background = asked
        questions += rows * 2 * n_columns * max(asked, _LEAST_PAIRS)
        explainer = "Shapley values from the model's answers alone"
        seconds = _START_S
    elif kind in ("trees", "booster") and params.method == "interventional":
        explainer = "exact TreeSHAP against background rows"
    elif kind in ("trees", "booster"):
        explainer, n_background = "exact TreeSHAP with the trees' own counts", 0
    elif kind == "linear":
        explainer, n_background = "exact values of a linear model", asked
    else:
        explainer, n_background = "integrated gradients from every background row", asked
        seconds = _START_S + rows * asked * _ROW_S[kind] / 100
    if kind not in ("trees", "booster"):
        pairs = COLUMNS_PAIRED * (COLUMNS_PAIRED + 1) // 2 + 1
        questions += ROWS_PAIRED * DRAWS * pairs
    seconds += questions * _QUESTION_S[kind]
    return Plan(explainer, rows, n_background, questions, seconds)


def plan_words(plan: Plan) -> str:
    """One or two sentences for the page."""
    behind = f" against {plan.n_background:,} background rows" if plan.n_background else ""
    return (
        f"This run explains about {plan.n_rows:,} rows{behind} by {plan.explainer} and asks the "
        f"model about some {_rounded(plan.n_questions):,} rows in all. It takes about "
        f"{_time_words(plan.seconds)} at the usual speed of such a model; a slow model or a busy "
        "machine takes several times as long."
    )


def _kind_of(words: str) -> str:
    words = words.lower()
    if "adaboost" in words or "isolation" in words:
        return "other"
    if any(part in words for part in _BOOSTERS):
        return "booster"
    if any(part in words for part in _TREES):
        return "trees"
    if any(part in words for part in _LINEAR):
        return "linear"
    return "network" if any(part in words for part in _NETWORKS) else "other"


def _rounded(number: int) -> int:
    return round(number, -(len(str(number)) - 2)) if number > 99 else number


def _time_words(seconds: float) -> str:
    if seconds < 90:
        return f"{max(5, 5 * round(seconds / 5))} seconds"
    return f"{round(seconds / 60):,} minutes"
