"""Kuleshov's recipe, run in earnest with a tiny GPT-2 put where it is found."""

import math

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import GPT2Config, GPT2ForSequenceClassification, GPT2LMHeadModel, GPT2Model

from analyzers.adversarial import ANALYZER, AdversarialParams, downloads
from analyzers.adversarial.language_model import NextWords, next_word_model
from analyzers.adversarial.lexicon.vectors import word_vectors
from analyzers.adversarial.recipe_rules import keeps_rules
from analyzers.adversarial.recipes import ABOUT, build_recipe
from analyzers.adversarial.text_attack import Memory, attack_texts
from analyzers.adversarial.textattack_import import warm_up
from analyzers.core.errors import MissingDownload, UnsuitableSubject
from tests.adversarial.benches import review_model, reviews, reviews_bench

KULESHOV = "Kuleshov (near words, language model)"
TEXT = "The film was gripping and the music is superb."


def put(folder, network=GPT2LMHeadModel, *, most=64):
    """Save a network of random weights and a tokenizer by bytes, learned from the reviews."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=True)
    trainer = trainers.BpeTrainer(
        vocab_size=600, special_tokens=["<|endoftext|>"], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )  # fmt: skip
    tokenizer.train_from_iterator(reviews()["text"], trainer)
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=tokenizer.get_vocab_size(), n_embd=32, n_layer=2, n_head=2, n_positions=most,
        initializer_range=0.5, bos_token_id=0, eos_token_id=0, pad_token_id=0,
    )  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    network(config).save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(downloads, "FOLDER", tmp_path)
    next_word_model.cache_clear()
    yield tmp_path / "gpt2"
    next_word_model.cache_clear()


def by_hand(model, before, old, new):
    """The new word's log-probability less the old one's, from the text before run on its own."""

    def cut(text):
        return model.tokenizer(text)["input_ids"]

    with torch.no_grad():
        logits = model.network(input_ids=torch.tensor([cut(before)])).logits[0, -1]
    logs = torch.log_softmax(logits.double(), dim=0)
    return float(logs[cut(new)[0]] - logs[cut(old)[0]])


def test_the_next_word_is_weighed_as_by_hand(place):
    model = next_word_model(put(place))
    expected = NextWords(model, TEXT)

    for old, new in (("film", "movie"), ("gripping", "dull"), ("superb", "weak"), ("was", "is")):
        start = TEXT.index(old)
        weighed = expected.advantage(start, new)
        assert weighed == pytest.approx(by_hand(model, TEXT[: start - 1], f" {old}", f" {new}"),
                                        abs=1e-4)  # fmt: skip
        assert abs(weighed) > 0.01
        assert expected.advantage(start, old) == 0
    assert expected.advantage(0, "A") == 0, "nothing stands before the first word"
    bracket = "a (film"
    assert NextWords(model, bracket).advantage(3, "music") == pytest.approx(
        by_hand(model, "a (", "film", "music"), abs=1e-4
    )


def test_words_beyond_what_the_model_reads_are_not_weighed(place):
    expected = NextWords(next_word_model(put(place, most=4)), TEXT)

    assert expected.advantage(TEXT.index("film"), "movie") is not None
    assert expected.advantage(TEXT.index("superb"), "weak") is None
    assert NextWords(next_word_model(place), "").advantage(0, "weak") is None


def test_it_is_found_where_it_was_put_and_runs(place):
    assert not downloads.is_there("gpt2")
    assert ABOUT[KULESHOV].needs == "gpt2"
    put(place)
    assert downloads.is_there("gpt2")
    model = review_model()
    texts = reviews()["text"].tolist()[:12]
    codes = np.asarray(model.predict(texts))
    memory = Memory(model, labels_only=False, n_classes=2)

    found = attack_texts(
        model, texts, codes, AdversarialParams(recipe=KULESHOV, queries=300), seed=0, memory=memory
    )

    assert sum(attempt.queries for attempt in found) > len(texts), "candidates were asked about"
    assert all(attempt.queries <= 300 for attempt in found)
    assert any(attempt.is_broken for attempt in found)
    for text, code, attempt in zip(texts, codes, found, strict=True):
        if attempt.is_broken:
            assert keeps_rules(KULESHOV, text, attempt.text)
            assert model.predict([attempt.text])[0] != code
    assert next_word_model.cache_info().misses == 1, "read once for all searches"
    assert not any(attempt.is_unconfirmed for attempt in found), "the recipe keeps its own rules"


def test_candidates_are_near_words_that_the_model_expects(place):
    model = next_word_model(put(place))
    warm_up()
    from textattack.shared import AttackedText

    attack = build_recipe(KULESHOV, lambda texts: np.full((len(texts), 2), 0.5), queries=100)
    text, vectors = AttackedText(TEXT), word_vectors()
    everything = {other.text for other in attack.transformation(text)}

    kept = {other.text for other in attack.get_transformations(text, original_text=text)}

    assert kept < everything
    n_likely = n_near = 0
    for word in ("film", "gripping", "music", "superb"):
        before = TEXT[: TEXT.index(word) - 1]
        near = [vectors.words[at] for at in vectors.neighbours(vectors.place[word], 15).tolist()]
        likely = {TEXT.replace(word, other) for other in near
                  if by_hand(model, before, f" {word}", f" {other}") > -2}  # fmt: skip
        swapped = {TEXT.replace(word, other) for other in near}
        assert kept & swapped == likely
        n_likely, n_near = n_likely + len(likely), n_near + len(swapped)
    assert 0 < n_likely < n_near, "some are expected and some are not"


def test_a_text_without_a_known_word_has_a_mean():
    warm_up()
    from analyzers.adversarial.offline_parts import MeanOfWords

    vectors = word_vectors()
    means = MeanOfWords(threshold=0.2, metric="max_euclidean").encode(["zzzqx", "Good film"])

    assert not means[0].any()
    np.testing.assert_allclose(
        means[1], vectors.unit[[vectors.place["good"], vectors.place["film"]]].mean(axis=0)
    )


def test_rules_refuse_what_kuleshov_does_not_do():
    vectors = word_vectors()
    near = vectors.neighbours(vectors.place["film"], 16).tolist()
    before = "a good film about old friends and bad music"
    assert keeps_rules(KULESHOV, before, before.replace("film", vectors.words[near[0]]))
    assert keeps_rules(KULESHOV, before, before.replace("film", vectors.words[near[14]]))
    assert not keeps_rules(KULESHOV, before, before.replace("film", vectors.words[near[15]]))
    assert not keeps_rules(KULESHOV, before, before.replace("film", "filmy-not-a-word"))
    assert not keeps_rules(KULESHOV, before, before.replace("film", "film film"))
    assert not keeps_rules(KULESHOV, before, before.replace("about", "regarding"))

    def neighbour(word, at=0):
        return vectors.words[vectors.neighbours(vectors.place[word], 15)[at]]

    words = ["film", "music", "actor", "story", "room", "house"]
    half = [neighbour(word) if place < 3 else word for place, word in enumerate(words)]
    most = [neighbour(word) if place < 5 else word for place, word in enumerate(words)]
    assert keeps_rules(KULESHOV, " ".join(words), " ".join(half))
    assert not keeps_rules(KULESHOV, " ".join(words), " ".join(most))
    far = neighbour("actor", 14)
    apart = vectors.unit[vectors.place["actor"]] - vectors.unit[vectors.place[far]]
    assert math.fsum(apart**2) > 0.2
    assert not keeps_rules(KULESHOV, "actor", far), "alone in its text, the mean moves too far"


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda folder: (folder / "config.json").write_text("{"), "do not open"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"\0" * 40), "do not open"),
        (lambda folder: (folder / "tokenizer.json").unlink(), "expected tokenizer.json"),
    ],
    ids=["broken config", "broken weights", "half of the files"],
)
def test_what_is_wrong_with_the_files_is_said(place, damage, said):
    damage(put(place))

    with pytest.raises((UnsuitableSubject, MissingDownload), match=said):
        ANALYZER.measure(reviews_bench(), AdversarialParams(recipe=KULESHOV, rows=5, queries=20))


@pytest.mark.parametrize("network", [GPT2Model, GPT2ForSequenceClassification])
def test_weights_as_they_are_published_open(place, network):
    # The published file holds the trunk alone; its head is the vectors of the words.
    assert next_word_model(put(place, network)).max_length == 64
