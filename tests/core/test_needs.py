import pytest

from analyzers.core.analyzer import Needs
from tests.benches import CREDIT_COLUMNS, subject_of


@pytest.mark.parametrize(
    ("needs", "modality", "model", "is_used"),
    [
        (Needs(), "tabular", True, False),
        (Needs(model="optional"), "text", True, True),
        (Needs(model="optional", model_for=("tabular",)), "tabular", True, True),
        (Needs(model="optional", model_for=("tabular",)), "text", True, False),
        (Needs(model="optional", model_for=("tabular",)), "image", True, False),
        (Needs(model="required"), "tabular", False, False),
    ],
)
def test_a_model_is_opened_only_where_the_question_uses_it(needs, modality, model, is_used):
    subject = subject_of(CREDIT_COLUMNS, modality=modality, model=model, n_rows=5)

    assert needs.uses_model(subject) is is_used
