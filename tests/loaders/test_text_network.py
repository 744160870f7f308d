"""Text classifiers as safetensors, tokenizer and config: right answers, and hostile variants."""

import io
import json
import struct
import zipfile
from functools import cache

import numpy as np
import pandas as pd
import pytest

from analyzers.core.errors import RefusedFile
from analyzers.core.subject import Trust
from analyzers.loaders.model_files import load_model
from tests.loaders.uploads import Upload, reference

WORDS = ["good", "bad", "quick", "slow", "meal", "service", "was", "and", "the", "very"]
TEXTS = [f"{a} {b} and {c}" for a in WORDS[:4] for b in WORDS[4:8] for c in WORDS[:4]]


@cache
def parts() -> dict[str, bytes]:
    """A tiny randomly initialised DistilBERT, saved as its library saves it."""
    import torch
    from safetensors.torch import save
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import DistilBertConfig, DistilBertForSequenceClassification

    vocabulary = {word: at for at, word in enumerate(["[PAD]", "[UNK]", *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    config = DistilBertConfig(
        vocab_size=len(vocabulary), dim=8, n_layers=1, n_heads=2, hidden_dim=16,
        max_position_embeddings=16, id2label={0: "no", 1: "yes"}, label2id={"no": 0, "yes": 1},
    )  # fmt: skip
    torch.manual_seed(0)
    network = DistilBertForSequenceClassification(config)
    config.architectures = ["DistilBertForSequenceClassification"]
    return {
        "config.json": config.to_json_string().encode(),
        "model.safetensors": save({k: v * 8 for k, v in network.state_dict().items()}),
        "tokenizer.json": tokenizer.to_str().encode(),
        "special_tokens_map.json": b"{}",
    }


def expected(texts: list[str]) -> np.ndarray:
    """The library's own answers, one text at a time and so without padding."""
    import torch
    from safetensors.torch import load
    from tokenizers import Tokenizer
    from transformers import DistilBertConfig, DistilBertForSequenceClassification

    network = DistilBertForSequenceClassification(
        DistilBertConfig.from_dict(json.loads(parts()["config.json"]))
    ).eval()
    network.load_state_dict(load(parts()["model.safetensors"]))
    tokenizer = Tokenizer.from_str(parts()["tokenizer.json"].decode())
    with torch.no_grad():
        rows = [network(torch.tensor([tokenizer.encode(text).ids])).logits for text in texts]
    return torch.softmax(torch.cat(rows), dim=1).numpy()


def archive(path, **changes):
    entries = {**parts(), **{name.replace("__", "."): made for name, made in changes.items()}}
    with zipfile.ZipFile(path, "w") as target:
        for name, content in entries.items():
            if content is not None:
                target.writestr(f"folder/{name}", content)
    return path


def config_with(**changes) -> bytes:
    return json.dumps({**json.loads(parts()["config.json"]), **changes}).encode()


def test_it_answers_as_the_library_does(tmp_path):
    scores = expected(TEXTS)
    assert np.ptp(scores[:, 1]) > 0.01
    table = tmp_path / "texts.csv"
    said = np.where(np.arange(len(TEXTS)) % 2, "yes", "no")
    pd.DataFrame({"remark": TEXTS, "granted": said}).to_csv(table, index=False)

    upload = Upload(table, archive(tmp_path / "model.zip"), target="granted")
    opened = upload.open()

    assert upload.subject.modality == "text"
    assert upload.subject.trust == Trust.DATA
    order = [["no", "yes"].index(name) for name in upload.subject.classes]
    found = opened.model.predict_proba(opened.data.inputs)
    np.testing.assert_allclose(found, scores[:, order], atol=1e-5)


def test_texts_longer_than_the_model_takes_are_cut_and_empty_ones_answered(tmp_path):
    model, _ = load_model(path := archive(tmp_path / "m.zip"), reference(path))

    answer = model.answer(["good " * 500, "", "unknown words"])

    assert np.isfinite(answer.scores).all()
    np.testing.assert_allclose(answer.scores.sum(axis=1), 1)
    # An empty text gets the same answer alone and beside others.
    np.testing.assert_allclose(model.answer([""]).scores[0], answer.scores[1], atol=1e-6)


def lying_header() -> bytes:
    return struct.pack("<Q", 2**60) + b"{}"


def other_shape() -> bytes:
    content = parts()["model.safetensors"]
    return content.replace(b'"shape":[2,8]', b'"shape":[8,2]')


HOSTILE = {
    "code of the file's own": {"config__json": lambda: config_with(auto_map={"AutoModel": "x.Y"})},
    "another architecture": {"config__json": lambda: config_with(model_type="evil/kernel")},
    "a task head of another kind": {"config__json": lambda: config_with(architectures=["GPT2"])},
    "a quantiser": {"config__json": lambda: config_with(quantization_config={"a": 1})},
    "a giant layer": {"config__json": lambda: config_with(dim=10**9)},
    "a truth for a number": {"config__json": lambda: config_with(n_layers=True)},
    "a strange activation": {"config__json": lambda: config_with(activation="os.system")},
    "a million classes": {
        "config__json": lambda: config_with(id2label={str(at): str(at) for at in range(10**5)})
    },
    "no JSON": {"config__json": lambda: b"[" * 50_000},
    "pickled weights": {"pytorch_model__bin": lambda: b"\x80\x04N."},
    "a program": {"modeling_evil__py": lambda: b"import os"},
    "no tokenizer": {"tokenizer__json": lambda: None},
    "a broken tokenizer": {"tokenizer__json": lambda: b'{"version": "1.0", "model": {}}'},
    "a lying header": {"model__safetensors": lying_header},
    "weights cut off": {"model__safetensors": lambda: parts()["model.safetensors"][:-50]},
    "weights of another shape": {"model__safetensors": other_shape},
    "a larger network than its weights": {"config__json": lambda: config_with(n_layers=40)},
    "more tokens than vectors": {"config__json": lambda: config_with(vocab_size=4)},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_variants_are_refused_with_what_to_do(tmp_path, name):
    changes = {part: make() for part, make in HOSTILE[name].items()}
    path = archive(tmp_path / "model.zip", **changes)

    with pytest.raises(RefusedFile) as refusal:
        load_model(path, reference(path))

    assert refusal.value.message.startswith("Expected ")
    assert "save_pretrained" in refusal.value.remedy


def test_a_file_never_chooses_where_attention_comes_from(tmp_path):
    changed = config_with(attn_implementation="evil/kernel", _attn_implementation="evil/kernel")

    model, _ = load_model(
        path := archive(tmp_path / "m.zip", config__json=changed), reference(path)
    )

    assert model.native.config._attn_implementation == "eager"


def test_weights_alone_are_refused_by_name(tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes(io.BytesIO(parts()["model.safetensors"]).getvalue())

    with pytest.raises(RefusedFile, match="without the configuration"):
        load_model(path, reference(path))
