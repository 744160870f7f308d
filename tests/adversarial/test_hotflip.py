"""HotFlip: the slope finds the swaps that hurt most, and only where there is a slope to follow."""

import re
from functools import cache

import numpy as np
import pandas as pd
import pytest
import torch

from analyzers.adversarial import ANALYZER, AdversarialParams
from analyzers.adversarial.foresight import FORESIGHT
from analyzers.adversarial.lexicon.vectors import word_vectors
from analyzers.adversarial.noise import DRAWS
from analyzers.adversarial.random_moves import moves_of
from analyzers.adversarial.recipe_rules import keeps_rules
from analyzers.adversarial.text_attack import Memory, attack_texts
from analyzers.adversarial.text_noise import changed_at_random
from analyzers.adversarial.textattack_import import warm_up
from analyzers.adversarial.token_slopes import Span, TokenSlopes
from analyzers.core.errors import InvalidParameter, UnsuitableSubject
from analyzers.core.model import Capability, TokenNetwork, Tokens
from analyzers.core.subject import Column, Role
from analyzers.core.workbench import Workbench
from tests.adversarial.benches import reviews_bench
from tests.benches import dataset_of, predictions_of, subject_of
from tests.loaders.test_text_network import WORDS, archive
from tests.loaders.uploads import Upload

HOTFLIP = "HotFlip (gradients)"
SUBJECTS = ["movie", "film", "story", "music", "actor", "room"]
KINDS = ["terrible", "horrible", "good", "better", "big", "huge", "quick", "rapid"]
TEXTS = [f"A {kind} {subject} and nothing more!" for subject in SUBJECTS for kind in KINDS]
PIECE = "##"


class Bag:
    """Two or more classes by the sum of the words' vectors, so that a slope holds everywhere."""

    kind, native = "a bag of vectors", None
    capabilities = frozenset({Capability.PREDICT_PROBA})

    def __init__(self, n_classes=2, *, scale=1.0, shown=20_000, in_pieces=()):
        known = word_vectors().words[:shown]
        names = ["[UNK]", PIECE, *sorted({word for word in known if word not in in_pieces})]
        self.number = {name: at for at, name in enumerate(names)}
        drawn = torch.Generator().manual_seed(0)
        self.vectors = torch.randn(len(names), 4, generator=drawn)
        self.weights = scale * torch.randn(4, n_classes, generator=drawn)
        self.n_slopes = 0

    def tokens_of(self, text):
        ids, spans = [1], [(0, 0)]
        for found in re.finditer(r"\w+|[^\w\s]", text):
            number = self.number.get(found[0].lower(), 0)
            cut = found.start() + 1
            is_whole = number or len(found[0]) == 1 or not found[0].isascii()
            ids += [number] if is_whole else [1, 1]
            spans += [found.span()] if is_whole else [(found.start(), cut), (cut, found.end())]
        return Tokens(np.array(ids), np.zeros(len(ids), dtype=np.int64), np.array(spans), "[UNK]")

    def vectors_of(self, ids):
        return self.vectors[torch.from_numpy(np.asarray(ids))]

    def scores_of(self, vectors):
        self.n_slopes += 1
        return torch.softmax((vectors.sum(dim=1) @ self.weights).double(), dim=1)

    def predict_proba(self, texts):
        with torch.no_grad():
            rows = [self.scores_of(self.vectors_of(self.tokens_of(t).ids)[None]) for t in texts]
        return torch.cat(rows).numpy()

    def predict(self, texts):
        return self.predict_proba(texts).argmax(axis=1)


class Flat(Bag):
    """Lets no gradient through."""

    def scores_of(self, vectors):
        return super().scores_of(vectors.detach())


@cache
def near_words():
    warm_up()
    from analyzers.adversarial.gradient_parts import near_words

    return near_words


def spans_of(text):
    return {at: Span(*found.span()) for at, found in enumerate(re.finditer(r"\w+", text))}


def swapped(text, span, word):
    return text[: span.start] + word + text[span.end :]


def loss_of(model, text, code, target):
    scores = model.predict_proba([text])[0]
    return -np.log(scores[code]) if target is None else np.log(scores[target])


@pytest.mark.slow
@pytest.mark.parametrize(("n_classes", "target"), [(2, None), (2, 1)])
@pytest.mark.parametrize("text", TEXTS[::7])
def test_the_first_of_the_ranking_is_the_best_of_all_single_swaps(text, n_classes, target):
    model = Bag(n_classes)
    code = 0 if target is not None else int(model.predict([text])[0])
    tried = [
        (loss_of(model, swapped(text, span, word), code, target), place, word)
        for place, span in spans_of(text).items()
        for word in near_words()(text[span.start : span.end])
    ]

    best = TokenSlopes(model).best_swaps(
        text, spans_of(text), near_words(), code=code, target=target, most=len(tried)
    )

    expected = [(place, word) for _, place, word in sorted(tried, reverse=True)]
    assert len(expected) > 1
    assert [(swap.place, swap.word) for swap in best] == expected


def test_gains_are_the_slope_of_the_log_odds():
    model, text = Bag(3), TEXTS[0]
    spans = spans_of(text)

    (best,) = TokenSlopes(model).best_swaps(
        text, {1: spans[1]}, lambda _: ("horrible",), code=2, target=None, most=1
    )

    before, after = (
        model.vectors_of([model.number[word]])[0].double() for word in ("terrible", "horrible")
    )
    ids = model.tokens_of(text).ids
    step = 1e-6

    def odds(share):
        vectors = model.vectors_of(ids).double()
        vectors[model.tokens_of(text).ids.tolist().index(model.number["terrible"])] += share * (
            after - before
        )
        scores = torch.softmax(vectors.sum(dim=0) @ model.weights.double(), dim=0)
        return float(scores[[0, 1]].sum().log() - scores[2].log())

    assert best.gain == pytest.approx((odds(step) - odds(-step)) / (2 * step), rel=1e-4)


def test_a_sure_network_still_has_a_slope():
    model, text = Bag(scale=40.0), TEXTS[0]
    code = int(model.predict([text])[0])
    assert model.predict_proba([text])[0, code] == 1.0

    found = TokenSlopes(model).best_swaps(
        text, spans_of(text), near_words(), code=code, target=None, most=3
    )

    assert len({swap.gain for swap in found}) == len(found) > 1


def test_words_read_in_pieces_or_unknown_are_left_alone():
    def offered(model, word):
        slopes = TokenSlopes(model)
        return slopes.best_swaps(
            f"a {word}", {1: Span(2, 2 + len(word))}, lambda _: ("horrible",), code=0, target=None,
            most=9,
        )  # fmt: skip

    assert offered(Bag(), "terrible")
    assert not offered(Bag(in_pieces=("terrible",)), "terrible"), "the word is in pieces"
    assert not offered(Bag(in_pieces=("horrible",)), "terrible"), "the candidate is in pieces"

    class Blunt(Bag):
        """Reads every word it lacks as one unknown token."""

        def tokens_of(self, text):
            found = list(re.finditer(r"\w+", text))
            ids = [self.number.get(word[0], 0) for word in found]
            spans = np.array([word.span() for word in found]).reshape(-1, 2)
            return Tokens(np.array(ids, dtype=np.int64), np.zeros(len(ids)), spans, "[UNK]")

    assert offered(Blunt(), "terrible")
    assert not offered(Blunt(in_pieces=("horrible",)), "terrible")


@pytest.mark.parametrize("target", [None, 1])
def test_finds_are_real_and_keep_the_rules(target):
    model = Bag(scale=0.3)
    assert isinstance(model, TokenNetwork)
    codes = model.predict(TEXTS) if target is None else np.zeros(len(TEXTS), dtype=np.int64)
    texts = [text for text, code in zip(TEXTS, model.predict(TEXTS), strict=True)
             if target is None or code != target]  # fmt: skip
    memory = Memory(model, labels_only=False, n_classes=2)

    found = attack_texts(
        model, texts, codes[: len(texts)], AdversarialParams(recipe=HOTFLIP, queries=300), seed=0,
        memory=memory, target=target,
    )  # fmt: skip

    broken = [(text, new) for text, new in zip(texts, found, strict=True) if new.is_broken]
    assert broken
    assert not any(attempt.is_unconfirmed for attempt in found)
    for text, attempt in broken:
        assert keeps_rules(HOTFLIP, text, attempt.text)
        assert model.predict([attempt.text]) != model.predict([text])
        assert attempt.queries <= 1 + 10 + 100


def test_rules_refuse_what_hotflip_does_not_do():
    before = "a terrible movie and some movies and films"
    assert keeps_rules(HOTFLIP, before, "a horrible film and some movies and films")
    assert not keeps_rules(HOTFLIP, before, "a horrible film and some films and films")
    assert not keeps_rules(HOTFLIP, before, "a good movie and some movies and films")
    assert not keeps_rules(HOTFLIP, before, "a horribly movie and some movies and films")
    assert not keeps_rules(HOTFLIP, before, "a very terrible movie and some movies and films")
    assert not keeps_rules(HOTFLIP, "a movie and more", "a movie plus more")


@pytest.fixture
def bench():
    columns = (
        Column(name="text", kind="text", role=Role.TEXT, is_feature=True),
        Column(name="tone", kind="category", role=Role.LABEL, levels=("bad", "good")),
    )
    model = Bag(scale=0.3)
    frame = pd.DataFrame({"text": TEXTS})
    frame["tone"] = [("bad", "good")[code] for code in model.predict(TEXTS)]
    subject = subject_of(columns, modality="text", classes=("bad", "good"), n_rows=len(frame))
    data = dataset_of(subject, frame)
    return Workbench(
        subject=subject, data=data, model=model, predictions=predictions_of(model, data),
        rng=np.random.default_rng(0),
    )  # fmt: skip


def stated(measured):
    return " ".join(measured.tables["threat_model"]["statement"].to_pylist())


def test_the_threat_model_says_that_the_attacker_has_the_gradients(bench):
    params = AdversarialParams(recipe=HOTFLIP, rows=20, queries=200)

    before, after = FORESIGHT.measure(bench, params), ANALYZER.measure(bench, params)

    for each in (before, after):
        assert "White-box: the model and its gradients." in stated(each)
        # Ten swaps of each beam are asked about, and counted.
        assert "query access" in stated(each)
    assert after.facts["attacker_sees"] == "gradients"
    assert after.estimates["attack_success_rate"].value > 0
    other = FORESIGHT.measure(bench, AdversarialParams(knowledge="whole model"))
    assert "Black-box: the model's scores. The whole model was to be known" in stated(other)


def test_random_swaps_of_its_kind_follow_no_slope():
    bag, params = Bag(), AdversarialParams(recipe=HOTFLIP)
    n_before = bag.n_slopes

    with moves_of(params, bag, labels_only=False) as moves:
        drawn = [
            made for text in TEXTS[:12] for made in changed_at_random(moves, text, [1, 2], seed=0)
        ]

    assert bag.n_slopes == n_before
    assert len({made[1] for made in drawn}) > 12
    for text, made in zip(np.repeat(TEXTS[:12], DRAWS), drawn, strict=True):
        assert keeps_rules(HOTFLIP, text, made[1])
        assert keeps_rules(HOTFLIP, text, made[2])


def test_labels_only_comes_first(bench):
    params = AdversarialParams(recipe=HOTFLIP, rows=10, knowledge="labels only")

    assert "Black-box: the model's answers." in stated(FORESIGHT.measure(bench, params))
    assert ANALYZER.measure(bench, params).facts["attacker_sees"] == "labels only"


def test_without_gradients_it_is_refused_before_the_run_and_in_it(bench):
    flat = Workbench(**{**vars(bench), "model": Flat()})
    params = AdversarialParams(recipe=HOTFLIP, rows=10)

    for analyzer in (FORESIGHT, ANALYZER):
        with pytest.raises(UnsuitableSubject, match="this model gives none"):
            analyzer.measure(reviews_bench(), params)
        with pytest.raises(InvalidParameter, match="to know the model's scores only"):
            analyzer.measure(bench, params.model_copy(update={"knowledge": "scores"}))
    with pytest.raises(UnsuitableSubject, match="No gradient reaches") as caught:
        ANALYZER.measure(flat, params)
    assert "TextFooler" in caught.value.remedy


@pytest.mark.slow
def test_a_comparison_leaves_it_out_with_the_reason():
    params = AdversarialParams(rows=5, queries=20, compare_recipes=True)

    table = ANALYZER.measure(reviews_bench(), params).tables["recipes"].to_pandas()

    row = table.set_index("recipe").loc[HOTFLIP]
    assert "this model gives none" in row["needs"]
    assert np.isnan(row["robust_accuracy"])


@pytest.mark.slow
def test_a_comparison_runs_it_where_gradients_may_be_known(bench):
    params = AdversarialParams(rows=10, queries=60, compare_recipes=True)

    rows = ANALYZER.measure(bench, params).tables["recipes"].to_pandas().set_index("recipe")
    told = ANALYZER.measure(bench, params.model_copy(update={"knowledge": "scores"}))

    assert rows.loc[HOTFLIP, "robust_accuracy"] < 1
    assert rows.loc[HOTFLIP, "needs"] == ""
    left_out = told.tables["recipes"].to_pandas().set_index("recipe").loc[HOTFLIP]
    assert "scores only" in left_out["needs"]


def test_an_uploaded_network_is_followed_to_its_words(tmp_path):
    texts = [f"{a} {b} and the {c}" for a in WORDS[:4] for b in WORDS[4:8] for c in WORDS[:4]]
    table = tmp_path / "texts.csv"
    said = np.where(np.arange(len(texts)) % 2, "yes", "no")
    pd.DataFrame({"remark": texts, "granted": said}).to_csv(table, index=False)
    model = Upload(table, archive(tmp_path / "model.zip"), target="granted").open().model
    code = int(model.predict(texts[:1])[0])

    found = TokenSlopes(model).best_swaps(
        texts[0], spans_of(texts[0]), lambda word: ("slow", "bad", "elsewhere"), code=code,
        target=None, most=99,
    )  # fmt: skip

    tried = {swap.word for swap in found}
    assert tried == {"slow", "bad"}, "what the tokenizer lacks is not offered"
    assert {swap.place for swap in found} == set(range(5))
    # The network is not linear, so the ranking is near the truth and not equal to it.
    odds = []
    for swap in found:
        scores = model.predict_proba([swapped(texts[0], spans_of(texts[0])[swap.place], swap.word)])
        odds.append(np.log(scores[0, 1 - code] / scores[0, code]))
    assert np.corrcoef([swap.gain for swap in found], odds)[0, 1] > 0.5
