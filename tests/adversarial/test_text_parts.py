"""The parts of the text attack: lexicon, searches in step, quick texts, swaps and rules."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzers.adversarial import ANALYZER, AdversarialParams
from analyzers.adversarial.behaviour import SWAPS, negate, swap_gender
from analyzers.adversarial.label_only_text import search_labels_only
from analyzers.adversarial.lexicon.thesaurus import antonyms_of, synonyms_of
from analyzers.adversarial.lexicon.vectors import word_vectors
from analyzers.adversarial.lockstep import run_in_step
from analyzers.adversarial.recipe_rules import keeps_rules
from analyzers.adversarial.shown_text import after_backspaces, as_displayed
from analyzers.core.errors import AssayError
from analyzers.core.model import Capability
from analyzers.core.workbench import Workbench
from tests.adversarial.benches import reviews_bench
from tests.benches import dataset_of, predictions_of


def test_synonyms_come_in_the_form_of_the_word():
    assert "films" in synonyms_of("movies")
    assert "film" not in synonyms_of("movies")
    assert "watched" not in synonyms_of("watched")
    assert "viewed" in synonyms_of("Watched")
    assert "bad" in antonyms_of("good")
    assert "bad" not in synonyms_of("good")
    assert synonyms_of("zzzqx") == ()


def test_vectors_keep_synonyms_near_and_antonyms_apart():
    vectors = word_vectors()

    def cosine(first, second):
        return float(vectors.unit[vectors.place[first]] @ vectors.unit[vectors.place[second]])

    assert cosine("terrible", "horrible") > 0.6
    assert cosine("good", "bad") < 0.2
    near = vectors.neighbours(vectors.place["movie"], 5)
    assert vectors.words[near[0]] == "film"
    assert vectors.place["movie"] not in near


def test_searches_in_step_give_what_one_after_another_gives():
    def search(item, ask):
        total = random.random() + np.random.rand()  # noqa: NPY002  what TextAttack draws from
        for _ in range(item % 4):
            total += float(ask([f"{item}-{random.randrange(9)}"] * (item % 3 + 1)).sum())
        return total

    def scores_of(texts):
        random.random()
        return np.array([[len(text), int(text[-1])] for text in texts], dtype=float)

    def run(width):
        state = random.getstate()
        found = dict(
            run_in_step(list(range(12)), search, scores_of, seed_of=lambda n: n, width=width)
        )
        random.setstate(state)
        return found

    assert run(1) == run(5) == run(50)


def test_an_error_in_one_search_ends_all_and_reaches_the_caller():
    def search(item, ask):
        ask(["a"])
        if item == 2:
            raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        list(run_in_step([1, 2, 3], search, lambda texts: np.zeros((len(texts), 2)),
                         seed_of=int, width=3))  # fmt: skip


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.sampled_from(["ab", "the", "isn't", "Rock-n", "'quoted'", "x,y", "end.", "été"]),
        min_size=1, max_size=6,
    ),
    st.integers(0, 5), st.sampled_from(["new", "", "[UNK]", "b\u0430d", "two words", "-"]),
)  # fmt: skip
def test_quick_texts_are_those_of_textattack(words, at, new):
    from analyzers.adversarial.textattack_import import warm_up

    warm_up()
    from textattack.shared import AttackedText

    from analyzers.adversarial.quick_texts import quick_texts

    def walk():
        first = AttackedText(" ".join(words))
        if at >= len(first.words):
            return None
        second = first.replace_word_at_index(at, new)
        third = second.replace_word_at_index(0, "last") if second.words else second
        attributes = third.attack_attrs
        return (second.text, third.text, third.words, attributes["modified_indices"],
                attributes["original_index_map"].tolist())  # fmt: skip

    plain = walk()
    with quick_texts():
        assert walk() == plain


def test_gender_and_negation_are_swapped_by_rule():
    assert swap_gender("He saw the actress, Mr Bean.") == "She saw the actor, Mrs Bean."
    assert negate("It is good") == "It is not good"
    assert negate("It is not good") == "It is good"
    assert negate("Good film") == "Good film"
    assert negate("I can't wait and won't go") == "I can wait and won't go"
    assert negate("It won’t do. Won't it?") == "It will do. Won't it?"
    assert negate("It isn't, it ain't") == "It is, it ain't"
    assert negate("The can was full") == "The can was not full"
    assert negate("Will Smith is here") == "Will Smith is not here"
    assert negate("Will he come") == "Will not he come"


def test_what_is_compared_with_the_day_has_as_many_tries_as_the_day():
    tries = {swap.name: len(swap.variants("Some text")) for swap in SWAPS}

    assert tries["weekday"] == tries["writer_name"] == tries["writer_identity"]


def test_rules_refuse_what_a_recipe_does_not_do():
    assert keeps_rules("PWWS (synonyms)", "the movies end", "the films end")
    assert not keeps_rules("PWWS (synonyms)", "the movies end", "the oranges end")
    assert not keeps_rules("Pruthi (one typing error)", "one two", "oxne txwo")
    assert keeps_rules("Invisible characters", "word", "wo\u200brd")
    assert not keeps_rules("Invisible characters", "word", "ward")
    assert not keeps_rules("TextFooler (near words)", "good", "bad")
    assert keeps_rules("Look-alike letters", "word", "wоrd")
    assert not keeps_rules("Look-alike letters", "word", "ward")
    assert not keeps_rules("PWWS (synonyms)", "movies of old", "films off old")
    few = "Alzantot (near words, genetic search)"
    assert not keeps_rules(few, "one two three four five", "six seven eight four five")


LRI, PDI, LRO, RLO, PDF = "\u2066", "\u2069", "\u202d", "\u202e", "\u202c"


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("plain", "plain"),
        (f"w{RLO}ro{PDF}d", "word"),
        (f"{RLO}drow", "word"),
        (f"{RLO}dr\nwo", "rd\nwo"),
        (f"{RLO}{LRI}wo{PDI}x{PDF}", "xwo"),
        (f"{RLO}{LRO}a{PDF}{LRO}b{PDF}c{PDF}", "cab"),
        (f"{LRI}{RLO}ab{PDI}cd", "bacd"),
        (f"{PDI}a{PDF}b", "ab"),
        (f"{RLO}a{PDF} {RLO}b{PDF}", None),
        (f"{RLO}a {PDF}", None),
        (f"{RLO}\u05d0{PDF}", None),
        ("\u202babc\u202c", None),
        ("\u05d0\u05d1", "\u05d0\u05d1"),
    ],
)
def test_controls_show_letters_as_the_unicode_standard_says(stored, shown):
    assert as_displayed(stored) == shown


@pytest.mark.parametrize(
    ("typed", "shown"), [("wox\brd", "word"), ("\bword", "word"), ("ab\b\bword", "word"), ("", "")]
)
def test_a_backspace_takes_the_character_before_it(typed, shown):
    assert after_backspaces(typed) == shown


def test_hidden_changes_must_read_as_the_original():
    turned = f"w{LRO}{LRI}{RLO}{LRI}r{PDI}{LRI}o{PDI}{PDF}{PDI}{PDF}d"
    assert keeps_rules("Reordered letters", "a word", f"a {turned}")
    assert not keeps_rules("Reordered letters", "a word", f"a {turned.replace('r', 'x')}")
    assert not keeps_rules("Reordered letters", "a word", "a owrd")
    assert not keeps_rules("Reordered letters", "a word", f"a {RLO}word")
    assert not keeps_rules("Reordered letters", f"{RLO}\u05d0", f"{RLO}\u05d0")
    assert keeps_rules("Deleted letters", "a word", "a wox\brd")
    assert not keeps_rules("Deleted letters", "a word", "a woxrd")
    assert not keeps_rules("Deleted letters", "a word", "a wo\brd")


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.text("abcäßа'-9 ", min_size=1, max_size=12))
def test_every_hidden_change_reads_as_the_original(text):
    from analyzers.adversarial.textattack_import import warm_up

    warm_up()
    from textattack.shared import AttackedText

    from analyzers.adversarial import hidden_parts

    for recipe, kind in (
        ("Reordered letters", hidden_parts.ReorderedLetters),
        ("Deleted letters", hidden_parts.DeletedLetters),
        ("Invisible characters", hidden_parts.InvisibleCharacters),
    ):
        made = kind()(AttackedText(text))
        again = [other for first in made[:3] for other in kind()(first)]
        for changed in (*made, *again):
            assert changed.text != text
            assert keeps_rules(recipe, text, changed.text), (recipe, changed.text)


@pytest.mark.slow
def test_letters_read_from_right_to_left_are_not_turned():
    from analyzers.adversarial.textattack_import import warm_up

    warm_up()
    from textattack.shared import AttackedText

    from analyzers.adversarial.hidden_parts import ReorderedLetters

    assert not ReorderedLetters()(AttackedText("\u05d0\u05d1\u05d2"))


@pytest.mark.slow
def test_words_behind_a_split_one_are_found_again():
    from analyzers.adversarial.textattack_import import warm_up

    warm_up()
    from textattack.shared import AttackedText

    from analyzers.adversarial.hidden_parts import InvisibleCharacters

    swap = InvisibleCharacters()
    first = swap(AttackedText("one two three"), indices_to_modify=[0])[0]
    second = swap(first, indices_to_modify=[2])[0]

    assert second.text.startswith(first.text[:-5])
    assert second.text != first.text


def test_labels_only_changes_as_few_words_as_it_can():
    def ask(texts):
        return np.array([[float("movie" not in text), float("movie" in text)] for text in texts])

    random.seed(0)
    text, queries, steps = search_labels_only(
        "This movie has excellent acting", 1, ask, queries=500, target=None
    )

    assert "movie" not in text
    assert text.replace(text.split()[1], "movie") == steps[0]
    assert 0 < queries <= 500


def test_swaps_are_counted_beside_a_neutral_one():
    measured = ANALYZER.measure(reviews_bench(), AdversarialParams(rows=12))

    table = measured.tables["behaviour"].to_pylist()
    assert {row["detail"] for row in table} >= {"all", "Jamal", "Muslim"}
    for row in table:
        assert 0 <= row["low"] <= row["share"] <= row["high"] <= 1
        assert row["n"] > 0
    assert measured.estimates["weekday_change_share"].n == 12
    assert measured.estimates["name_change_share"].value is None
    assert set(measured.tables["by_group"]["group"].to_pylist()) == {"bad", "good"}


def test_a_wanted_answer_that_is_no_class_is_refused_in_a_sentence():
    with pytest.raises(AssayError, match="Expected the name of a class"):
        ANALYZER.measure(reviews_bench(), AdversarialParams(rows=12, wanted="purple"))


class Constant:
    """Says the same of every text."""

    kind, native = "constant", None
    capabilities = frozenset({Capability.PREDICT_PROBA})

    def predict(self, inputs):
        return np.zeros(len(inputs), dtype=np.int64)

    def predict_proba(self, inputs):
        return np.tile([0.9, 0.1], (len(inputs), 1))


@pytest.mark.parametrize(
    ("text", "model", "sentence"),
    [("", None, "at least one word"), (None, Constant(), "depends on the text")],
)
def test_input_that_cannot_be_attacked_is_refused_in_a_sentence(text, model, sentence):
    bench = reviews_bench()
    frame = bench.data.frame if text is None else bench.data.frame.assign(text=text)
    data = dataset_of(bench.subject, frame)
    model = model or bench.model
    spoilt = Workbench(
        subject=bench.subject, data=data, model=model, rng=np.random.default_rng(0),
        predictions=predictions_of(model, data),
    )  # fmt: skip

    with pytest.raises(AssayError, match=sentence):
        ANALYZER.measure(spoilt, AdversarialParams(rows=12))


@pytest.mark.slow
def test_only_changes_to_the_wanted_answer_count():
    measured = ANALYZER.measure(reviews_bench(), AdversarialParams(rows=20, wanted="bad"))

    examples = measured.tables["text_examples"].to_pylist()
    assert examples
    assert {row["after"] for row in examples} == {"bad"}
    assert {row["before"] for row in examples} == {"good"}
    for row in examples:
        steps = [step for step in measured.tables["text_steps"].to_pylist()
                 if step["example"] == row["example"]]  # fmt: skip
        assert steps[0]["text"] == row["original"]
        assert steps[-1]["text"] == row["adversarial"]
