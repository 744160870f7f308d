"""Random changes in texts: of the attack's own kind and size, within its rules, unasked."""

import random
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzers.adversarial import ANALYZER, AdversarialParams
from analyzers.adversarial.attacked import Attacked
from analyzers.adversarial.edits import n_words_changed
from analyzers.adversarial.function_words import FUNCTION_WORDS
from analyzers.adversarial.label_only_text import swaps_for
from analyzers.adversarial.lexicon.thesaurus import synonyms_of
from analyzers.adversarial.random_moves import moves_of
from analyzers.adversarial.recipe_rules import WORD, keeps_rules
from analyzers.adversarial.recipes import ABOUT
from analyzers.adversarial.text_attack import LABELS_ONLY
from analyzers.adversarial.text_noise import changed_at_random, try_noise
from analyzers.adversarial.text_tables import BY_CHANCE
from analyzers.core.model import Capability
from analyzers.core.subject import Column, Role
from analyzers.core.workbench import Workbench
from tests.adversarial.benches import reviews, reviews_bench
from tests.benches import dataset_of, predictions_of, subject_of

DEEP_WORD_BUG = "DeepWordBug (typing errors)"
PWWS = "PWWS (synonyms)"
CHECK_LIST = "CheckList (names, places, numbers, contractions)"
RECIPES = [
    name for name, about in ABOUT.items()
    if not (about.needs or about.is_reduction or about.is_white_box)
]  # fmt: skip
WORDS = (
    "the", "movie", "was", "terrible", "and", "Mary", "isn't", "well-made", "good/bad", "7",
    "(fine)", "London", "watched", "wonderful", "story", "of", "an", "old", "friend", "end.", "été",
)  # fmt: skip
sentences = st.lists(st.sampled_from(WORDS), min_size=1, max_size=14).map(" ".join)


class NeverAsked:
    """Has no answers to give."""

    kind, native, capabilities = "silent", None, frozenset({Capability.PREDICT_PROBA})

    def predict(self, texts):
        raise AssertionError("asked while choosing")

    predict_proba = predict


def settings_of(name):
    recipe = DEEP_WORD_BUG if name == LABELS_ONLY else name
    return {
        "params": AdversarialParams(recipe=recipe), "model": NeverAsked(),
        "labels_only": name == LABELS_ONLY,
    }  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", [*RECIPES, LABELS_ONLY])
@settings(max_examples=25, deadline=None)
@given(sentences, st.integers(0, 2**31))
def test_as_many_words_change_as_asked_and_within_the_rules(name, text, seed):
    most = len(text.split()) + 2
    counts = list(range(1, most + 1))

    with moves_of(**settings_of(name)) as moves:
        drawn = changed_at_random(moves, text, counts, seed=seed, draws=3)

    assert len(drawn) == 3
    for made in drawn:
        reached = n_words_changed(text, made[most])
        for count in counts:
            changed = n_words_changed(text, made[count])
            # Contractions and names of two words can change no single word.
            assert changed <= count if name == CHECK_LIST else changed == min(count, reached)
            assert keeps_rules(name, text, made[count])


@pytest.mark.slow
@pytest.mark.parametrize("name", [*RECIPES, LABELS_ONLY])
def test_each_attack_has_many_ways_to_change_a_word_by_chance(name):
    text = "In London Mary watched 7 movies about a wonderful old friend"

    with moves_of(**settings_of(name)) as moves:
        drawn = changed_at_random(moves, text, [1], seed=0)

    assert all(n_words_changed(text, made[1]) == 1 for made in drawn)
    assert len({made[1] for made in drawn}) > 3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "is_open"),
    [
        (PWWS, lambda word: word not in FUNCTION_WORDS and bool(synonyms_of(word))),
        ("Look-alike letters", lambda word: word not in FUNCTION_WORDS),
        (LABELS_ONLY, lambda word: bool(swaps_for(word))),
    ],
)
def test_no_word_that_could_change_is_left_where_more_are_asked_for(name, is_open):
    with moves_of(**settings_of(name)) as moves:
        for text in reviews()["text"][:20]:
            for made in changed_at_random(moves, text, [1, 50], seed=0):
                n_open = sum(is_open(word) for word in WORD.findall(text))
                assert n_words_changed(text, made[50]) == n_open > 2
                assert n_words_changed(text, made[1]) == 1


@pytest.mark.slow
@pytest.mark.parametrize("name", [DEEP_WORD_BUG, "Pruthi (one typing error)", PWWS, LABELS_ONLY])
def test_a_text_is_changed_alike_in_any_company_and_differently_by_another_seed(name):
    texts = reviews()["text"].tolist()[:8]
    before = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002

    def run(order, seed):
        with moves_of(**settings_of(name)) as moves:
            return {text: changed_at_random(moves, text, [1, 2, 4], seed=seed) for text in order}

    assert run(texts, 0) == run(texts[::-1], 0) != run(texts, 1)
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before  # noqa: NPY002
    drawn = run(texts, 0)[texts[0]]
    assert len({made[1] for made in drawn}) > 1


@pytest.mark.slow
def test_larger_sets_hold_the_smaller_ones():
    text = "The wonderful story of an old friend moved us and the acting was superb"
    with moves_of(**settings_of(PWWS)) as moves:
        for made in changed_at_random(moves, text, [1, 2, 3], seed=0):
            old = text.split()
            new = [made[count].split() for count in (1, 2, 3)]
            for smaller, larger in pairwise(new):
                kept = [word == first for word, first in zip(smaller, old, strict=True)]
                assert all(
                    stays or there == here
                    for stays, here, there in zip(kept, smaller, larger, strict=True)
                )


@pytest.mark.slow
def test_a_word_of_two_parts_is_changed_once_and_one_written_as_two_counts_as_two():
    with moves_of(**settings_of(PWWS)) as moves:
        for made in changed_at_random(moves, "wonderful/terrible story", [2], seed=0):
            parts = made[2].split()[0].split("/")
            assert (parts[0] == "wonderful") != (parts[1] == "terrible")
    with moves_of(**settings_of(CHECK_LIST)) as moves:
        for made in changed_at_random(moves, "It isn't here", [1, 2], seed=0):
            assert made == {1: "It isn't here", 2: "It is not here"}


@pytest.mark.slow
def test_meaning_that_must_stay_stays_under_random_changes_too():
    text = "The wonderful story of an old friend moved us and the acting was superb"
    for labels_only in (True, False):
        params = AdversarialParams(recipe="TextFooler (near words)", meaning=0.9)
        with moves_of(params, NeverAsked(), labels_only=labels_only) as moves:
            drawn = changed_at_random(moves, text, [9], seed=0)
        name = LABELS_ONLY if labels_only else params.recipe
        assert all(made[9] != text for made in drawn)
        assert all(keeps_rules(name, text, made[9], meaning=0.9) for made in drawn)


class Reader:
    """Answers by a rule on the text, counts the calls, and is sure of itself."""

    kind, native = "a rule", None

    def __init__(self, rule, *, scores=True):
        self.rule, self.calls = rule, []
        self.capabilities = frozenset({Capability.PREDICT_PROBA} if scores else ())

    def predict(self, inputs):
        self.calls.append("labels")
        return np.array([self.rule(text) for text in inputs], dtype=np.int64)

    def predict_proba(self, inputs):
        self.calls.append("scores")
        return np.array([[0.9, 0.1][:: 1 - 2 * self.rule(text)] for text in inputs])


TEXTS = [
    f"The {thing} that {who} saw was {tone} and the acting superb"
    for thing in ("movie", "story", "picture") for who in ("he", "she")
    for tone in ("wonderful", "terrible", "old")
]  # fmt: skip


def by_pronoun(text):
    return int("she" in text.split())


def turned_by_any_change(text):
    return by_pronoun(text) ^ (text not in TEXTS)


def turned_by_unknown_words(text):
    known = {word for line in TEXTS for word in line.split()}
    known |= {other for word in known for other in synonyms_of(word)}
    return by_pronoun(text) ^ (not set(text.split()) <= known)


def bench_of(model):
    frame = pd.DataFrame({"text": TEXTS, "who": ["she" if by_pronoun(t) else "he" for t in TEXTS]})
    columns = (
        Column(name="text", kind="text", role=Role.TEXT, is_feature=True),
        Column(name="who", kind="category", role=Role.LABEL, levels=("he", "she")),
    )
    subject = subject_of(columns, modality="text", classes=("he", "she"), n_rows=len(TEXTS))
    data = dataset_of(subject, frame)
    return Workbench(
        subject=subject, data=data, predictions=predictions_of(model, data), model=model,
        rng=np.random.default_rng(0),
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rule", "recipe", "knowledge", "by_attack", "by_chance"),
    [
        (by_pronoun, PWWS, "scores", 0.0, 0.0),
        (turned_by_any_change, PWWS, "scores", 1.0, 1.0),
        (turned_by_any_change, DEEP_WORD_BUG, "labels only", 1.0, 1.0),
        # Random typing errors would turn every answer; random synonyms turn none.
        (turned_by_unknown_words, PWWS, "scores", 0.0, 0.0),
        (turned_by_unknown_words, DEEP_WORD_BUG, "scores", 1.0, 1.0),
    ],
)
def test_chance_does_what_the_attack_does_where_only_the_kind_of_change_counts(
    rule, recipe, knowledge, by_attack, by_chance
):
    measured = ANALYZER.measure(
        bench_of(Reader(rule)), AdversarialParams(rows=30, recipe=recipe, knowledge=knowledge)
    )

    estimates = measured.estimates
    assert estimates["attack_success_rate"].value == by_attack
    assert estimates["noise_success_rate"].value == by_chance
    assert estimates["gap_to_noise"].value == 0.0
    curve = measured.tables["curve"].to_pylist()
    assert curve[-1]["noise_accuracy"] == 1 - by_chance


@pytest.mark.slow
@pytest.mark.parametrize(("target", "share"), [(None, 1.0), (0, 0.0), (2, 1.0)])
def test_the_model_is_asked_once_for_all_and_only_the_wanted_answer_counts(target, share):
    model = Reader(lambda text: 1 if text in TEXTS else 2)
    n = len(TEXTS)
    attacked = Attacked(
        positions=np.arange(n), codes=np.ones(n, dtype=np.int64),
        is_correct=np.ones(n, dtype=bool), has_labels=True, sampling=(),
    )  # fmt: skip

    with moves_of(**settings_of(PWWS)) as moves:
        noise = try_noise(
            bench_of(Reader(by_pronoun)), model, moves, TEXTS, attacked,
            np.full(n, 2), np.array([0.01, 0.5]), target=target, seed=0,
        )  # fmt: skip

    assert model.calls == ["labels"]
    assert not noise.by_share[0].any(), "a hundredth of eleven words is no word"
    assert noise.by_share[1].mean() == noise.same_size.mean() == share


@pytest.mark.slow
@pytest.mark.parametrize("queries", [20, 600])
def test_what_chance_finds_the_attack_has_found(queries):
    params = AdversarialParams(recipe=PWWS, rows=60, queries=queries, behaviour=False)

    measured = ANALYZER.measure(reviews_bench(80), params)

    by_chance = [row for row in measured.tables["rows"].to_pylist() if row["found_by"] == BY_CHANCE]
    assert len(by_chance) == measured.facts["n_found_by_random_only"]
    assert by_chance or queries > 20
    numbers = measured.estimates
    assert numbers["robust_accuracy"].value <= numbers["noise_accuracy"].value
    curve = measured.tables["curve"].to_pandas()
    assert (curve["robust_accuracy"] <= curve["noise_accuracy"] + 1e-12).all()
    assert curve["noise_accuracy"].is_monotonic_decreasing
    spent = "queries were spent" in " ".join(measured.sampling)
    assert spent == (queries == 20)
