"""The cost told before a run follows the model and the settings."""

import pytest

from analyzers.explanation.params import ExplanationParams
from analyzers.explanation.plan import plan_of, plan_words
from tests.benches import subject_of
from tests.explanation.benches import columns_of, number_frame

FRAME = number_frame(500, 10)


def plan(kind: str, **chosen):
    subject = subject_of(columns_of(FRAME, "y"), n_rows=5000).model_copy(
        update={"model_kind": kind}
    )
    found = plan_of(subject, ExplanationParams(**chosen))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("scikit-learn RandomForestClassifier in a Pipeline", "trees' own counts"),
        ("XGBoost booster (binary:logistic)", "trees' own counts"),
        ("scikit-learn LogisticRegression", "linear model"),
        ("a torch module", "integrated gradients"),
        ("scikit-learn SVC", "answers alone"),
        ("scikit-learn AdaBoostClassifier", "answers alone"),
    ],
)
def test_the_explainer_follows_the_kind_of_model(kind, words):
    assert words in plan(kind).explainer


def test_the_user_changes_explainer_rows_and_background():
    kind = "scikit-learn RandomForestClassifier"
    few, many = plan(kind, rows=100), plan(kind, rows=4000)
    against = plan(kind, method="interventional", background_rows=3000)
    asked = plan(kind, method="model-agnostic", background_rows=3000)

    assert few.n_rows == 100
    assert many.seconds > few.seconds
    assert (few.n_background, against.n_background, asked.n_background) == (0, 3000, 1000)
    assert asked.n_questions > 10 * against.n_questions


def test_the_words_name_rows_background_questions_and_time():
    words = plan_words(plan("scikit-learn SVC", sampled_rows=200))

    assert "200 rows against 100 background rows" in words
    assert "about" in words
    assert "minutes" in words or "seconds" in words


def test_texts_have_no_plan():
    subject = subject_of(columns_of(FRAME, "y"), n_rows=50, modality="text")

    assert plan_of(subject, ExplanationParams()) is None
