"""Recipes that need a model of hidden words, run in earnest with a tiny one put in its place."""

import json

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertForMaskedLM, BertForSequenceClassification

from analyzers.adversarial import ANALYZER, downloads
from analyzers.adversarial.language_model import masked_model
from analyzers.adversarial.params import AdversarialParams
from analyzers.adversarial.random_moves import moves_of
from analyzers.adversarial.recipe_rules import keeps_rules
from analyzers.adversarial.recipes import ABOUT, build_recipe
from analyzers.adversarial.text_attack import Memory, attack_texts
from analyzers.adversarial.text_noise import changed_at_random
from analyzers.adversarial.textattack_import import warm_up
from analyzers.core.errors import MissingDownload, UnsuitableSubject
from tests.adversarial.benches import review_model, reviews, reviews_bench

BAE = "BAE (words from a language model)"
BERT_ATTACK = "BERT-Attack (words from a language model)"
CLARE = "CLARE (words put in, swapped and merged)"
MARKS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def put(folder, network=BertForMaskedLM):
    """Save a network of random weights and a tokenizer of the reviews' words."""
    words = sorted({word for text in reviews()["text"] for word in text.lower().split()})
    vocabulary = {word: at for at, word in enumerate([*MARKS, *words])}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(vocabulary), hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=64, max_position_embeddings=64,
    )  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    network(config).save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    marks = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]",
             "sep_token": "[SEP]", "mask_token": "[MASK]"}  # fmt: skip
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", **marks})
    )
    return folder


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(downloads, "FOLDER", tmp_path)
    masked_model.cache_clear()
    yield tmp_path / "bert-base-uncased"
    masked_model.cache_clear()


@pytest.mark.parametrize(
    ("recipe", "name"),
    [(BAE, "bert-base-uncased"), (BERT_ATTACK, "bert-base-uncased"), (CLARE, "distilroberta-base")],
)
def test_it_is_found_where_it_was_put_and_runs(place, recipe, name):
    assert not downloads.is_there(name)
    assert ABOUT[recipe].needs == name
    put(place.parent / name)
    assert downloads.is_there(name)
    model = review_model()
    texts = reviews()["text"].tolist()[:6]
    codes = np.asarray(model.predict(texts))
    params = AdversarialParams(recipe=recipe, queries=300)

    memory = Memory(model, labels_only=False, n_classes=2)
    found = attack_texts(model, texts, codes, params, seed=0, memory=memory)

    assert len(found) == len(texts)
    assert sum(attempt.queries for attempt in found) > len(texts), "candidates were asked about"
    broken = [at for at, attempt in enumerate(found) if attempt.is_broken]
    for at in broken:
        assert keeps_rules(recipe, texts[at], found[at].text)
        assert model.predict([found[at].text])[0] != codes[at]
    assert masked_model.cache_info().misses == 1, "read once for all searches"
    assert not any(attempt.is_unconfirmed for attempt in found), "the recipe keeps its own rules"


@pytest.mark.parametrize(
    ("recipe", "name", "lengths"),
    [
        (BAE, "bert-base-uncased", {0}),
        (BERT_ATTACK, "bert-base-uncased", {0}),
        (CLARE, "distilroberta-base", {-1, 0, 1}),
    ],
)
def test_random_changes_of_its_kind_ask_it_no_oftener_for_more_draws(
    place, monkeypatch, recipe, name, lengths
):
    put(place.parent / name)
    text = "The story was wonderful and the picture is moving"
    plain, asked = BertForMaskedLM.forward, []

    def counted(network, *inputs, **named):
        asked.append(network)
        return plain(network, *inputs, **named)

    monkeypatch.setattr(BertForMaskedLM, "forward", counted)

    def draw(draws):
        asked.clear()
        params = AdversarialParams(recipe=recipe)
        with moves_of(params, reviews_bench().model, labels_only=False) as moves:
            return changed_at_random(moves, text, [1, 2], seed=0, draws=draws), len(asked)

    _, n_for_one = draw(1)
    drawn, n_for_forty = draw(40)

    assert n_for_forty == n_for_one > 0
    changed = [made[count] for made in drawn for count in (1, 2)]
    assert {len(made[1].split()) - len(text.split()) for made in drawn} == lengths
    assert all(keeps_rules(recipe, text, other) for other in changed)
    assert text not in changed


def test_clare_puts_words_in_and_merges_them(place):
    put(place.parent / "distilroberta-base")
    warm_up()
    attack = build_recipe(CLARE, lambda texts: np.full((len(texts), 2), 0.5), queries=100)
    from textattack.shared import AttackedText

    text = AttackedText("a good film and a warm story about old friends")

    made = attack.transformation(text)

    lengths = {len(other.words) - len(text.words) for other in made}
    assert lengths == {-1, 0, 1}


def test_a_bert_attack_changes_at_most_four_words_in_ten():
    before = "one two three four five six seven eight nine ten"
    assert keeps_rules(BERT_ATTACK, before, before.replace("one two three four", "a b c d"))
    assert not keeps_rules(BERT_ATTACK, before, "a b c d e f g eight nine ten")


def test_a_swap_of_another_part_of_speech_breaks_the_rules():
    assert keeps_rules(BAE, "a good film", "a bad film")
    assert not keeps_rules(BAE, "a good actor", "a good terrible")
    assert not keeps_rules(BAE, "a good film", "a very good film")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda folder: (folder / "config.json").write_text("{"), "do not open"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"\0" * 40), "do not open"),
        (lambda folder: (folder / "tokenizer.json").unlink(), "expected tokenizer.json"),
        (lambda folder: put(folder, BertForSequenceClassification), "without the weights"),
    ],
    ids=["broken config", "broken weights", "half of the files", "another kind of model"],
)
def test_what_is_wrong_with_the_files_is_said(place, damage, said):
    damage(put(place))

    with pytest.raises((UnsuitableSubject, MissingDownload), match=said):
        ANALYZER.measure(reviews_bench(), AdversarialParams(recipe=BAE, rows=5, queries=20))


def test_a_damaged_model_does_not_cost_the_other_recipes_their_numbers(place):
    (put(place) / "config.json").write_text("{")
    params = AdversarialParams(rows=5, queries=20, compare_recipes=True)

    table = ANALYZER.measure(reviews_bench(), params).tables["recipes"].to_pandas()

    rows = table.set_index("recipe")
    for recipe in (BAE, BERT_ATTACK):
        assert "do not open" in rows.loc[recipe, "needs"]
    assert rows.loc[CLARE, "needs"] == "distilroberta-base"
    missing = [BAE, BERT_ATTACK, CLARE]
    assert rows.loc[missing, "robust_accuracy"].isna().all()
    others = ["HotFlip (gradients)", "Kuleshov (near words, language model)"]
    assert rows.drop(index=[*missing, *others])["robust_accuracy"].notna().all()
