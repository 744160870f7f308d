"""What is said before a run is what the run assumes."""

import pytest

from analyzers.adversarial import ANALYZER, AdversarialParams, downloads
from analyzers.adversarial.foresight import FORESIGHT, assumptions_of
from analyzers.adversarial.recipes import ABOUT
from analyzers.core.errors import InvalidParameter, MissingDownload, UnsuitableSubject
from tests.adversarial.benches import digits_bench, reviews_bench, value_bench
from tests.benches import credit_bench

ASPECTS = ("Attacker's goal", "Attacker's knowledge", "Attacker's capability", "Budget")


@pytest.mark.parametrize(
    ("bench", "params"),
    [
        (credit_bench(80), {"rising": ("age",), "costs": "income = 3"}),
        (credit_bench(80), {"knowledge": "labels only"}),
        (value_bench([1.0, 2.0]), {}),
        (digits_bench(n_rows=30), {"pixels": 2, "patch": 0.1, "corruptions": False}),
        (reviews_bench(), {"knowledge": "whole model"}),
    ],
    ids=["credit", "labels only", "numbers", "digits", "reviews"],
)
def test_the_statements_before_and_after_agree(bench, params):
    asked = AdversarialParams(rows=10, queries=40, **params)

    before = FORESIGHT.measure(bench, asked).tables
    after = ANALYZER.measure(bench, asked).tables

    first, second = (
        {line["aspect"]: line["statement"] for line in tables["threat_model"].to_pylist()}
        for tables in (before, after)
    )
    for aspect in ASPECTS:
        assert first[aspect] == second[aspect]
    for name in ("columns", "relations"):
        assert (name in before) == (name in after)
        if name in before:
            assert before[name].equals(after[name])


def test_what_a_run_would_refuse_is_refused_before_it():
    bench = credit_bench(80)

    with pytest.raises(InvalidParameter):
        FORESIGHT.measure(bench, AdversarialParams(kept="income <= nowhere"))
    with pytest.raises(UnsuitableSubject, match="at least one column"):
        FORESIGHT.measure(bench, AdversarialParams(frozen=("income", "age", "sex", "region")))
    with pytest.raises(InvalidParameter, match="none of 80 rows keeps"):
        FORESIGHT.measure(bench, AdversarialParams(kept="age >= 100 * income"))
    with pytest.raises(InvalidParameter, match="name of a class"):
        FORESIGHT.measure(bench, AdversarialParams(wanted="maybe"))
    with pytest.raises(InvalidParameter, match="at least one pixel"):
        FORESIGHT.measure(digits_bench(n_rows=20), AdversarialParams(patch=0.001))


@pytest.mark.parametrize("recipe", [name for name, about in ABOUT.items() if about.needs])
def test_a_recipe_without_its_model_is_refused_before_the_run(recipe, monkeypatch, tmp_path):
    monkeypatch.setattr(downloads, "FOLDER", tmp_path)
    asked = AdversarialParams(recipe=recipe)

    for analyzer in (FORESIGHT, ANALYZER):
        with pytest.raises(MissingDownload, match="needs the model"):
            analyzer.measure(reviews_bench(), asked)
    # Where scores are not to be seen, no recipe is used and none refused.
    labels = FORESIGHT.measure(
        reviews_bench(), asked.model_copy(update={"knowledge": "labels only"})
    )
    said = " ".join(labels.tables["threat_model"]["statement"].to_pylist())
    assert f"The recipe {recipe!r} cannot do with answers alone and is not used." in said


def test_a_recipe_that_keeps_the_answer_cannot_aim():
    asked = AdversarialParams(recipe="Input reduction (words left out)", wanted="bad")

    for analyzer in (FORESIGHT, ANALYZER):
        with pytest.raises(UnsuitableSubject, match="keeps the answer"):
            analyzer.measure(reviews_bench(), asked)


def test_a_proof_is_promised_only_where_it_is_possible():
    stated = FORESIGHT.measure(credit_bench(80), AdversarialParams(knowledge="whole model"))

    said = " ".join(stated.tables["threat_model"]["statement"].to_pylist())
    assert "White-box: the whole model where its trees or its gradients can be used" in said


def test_settings_without_a_part_in_it_ask_nothing_anew():
    one = assumptions_of(AdversarialParams(rows=7, steps=9, examples=3))

    assert one == assumptions_of(AdversarialParams(rows=70))
    assert one != assumptions_of(AdversarialParams(budget=2.0))
