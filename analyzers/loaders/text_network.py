"""Text classifiers of the transformers library: safetensors weights, a tokenizer and a config.

The layout is a zip of what `save_pretrained` writes: `config.json`, `model.safetensors` and
`tokenizer.json`. All three are data. The program is transformers' own class for one of the
architectures named here, built from numbers we checked; nothing in the file chooses code: no
`auto_map`, no attention kernel from a hub, no quantiser, no pickled weights.
"""

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analyzers.core.errors import ModelMisbehaved, RefusedFile
from analyzers.core.model import Capability, Inputs, Tokens
from analyzers.core.subject import Trust
from analyzers.loaders import bounds
from analyzers.loaders.formats import SAVE_ANY, SAVE_TEXT
from analyzers.loaders.headers import clean
from analyzers.loaders.loaded_model import Answer, LoadedModel
from analyzers.loaders.zip_entries import Archive

# model_type: (module, configuration, classifier), all in transformers.models.
_ARCHITECTURES = {
    "bert": ("bert", "BertConfig", "BertForSequenceClassification"),
    "distilbert": ("distilbert", "DistilBertConfig", "DistilBertForSequenceClassification"),
    "electra": ("electra", "ElectraConfig", "ElectraForSequenceClassification"),
    "roberta": ("roberta", "RobertaConfig", "RobertaForSequenceClassification"),
}
# Whole numbers of a configuration and the most each may be; other keys but these are not read.
_SIZES = {
    "vocab_size": 1_000_000, "hidden_size": 4096, "num_hidden_layers": 48,
    "num_attention_heads": 64, "intermediate_size": 16_384, "max_position_embeddings": 8192,
    "type_vocab_size": 16, "pad_token_id": 1_000_000, "embedding_size": 4096, "dim": 4096,
    "n_layers": 48, "n_heads": 64, "hidden_dim": 16_384,
}  # fmt: skip
_ACTIVATIONS = ("gelu", "gelu_new", "relu", "silu", "tanh")
_CODE_KEYS = ("auto_map", "custom_pipelines", "quantization_config", "pruned_heads")
_NUMBERS = ("F32", "F16", "BF16", "I64")
_CONFIG_BYTES = bounds.MEBIBYTE
_HEADER_BYTES = 8 * bounds.MEBIBYTE
_TOKENIZER_BYTES = 64 * bounds.MEBIBYTE
_MOST_TOKENS = 512
_BATCH = 32
# What may stand for a hidden word, first the mark networks are trained with for it.
_MARKS = ("[MASK]", "<mask>", "[UNK]", "<unk>", "[PAD]", "<pad>")


def load_text_network(path: Path) -> LoadedModel:
    """Open a zip of a text classifier.

    Raises:
        RefusedFile: other parts than the three, another architecture, weights that do not fit the
            configuration, or a damaged file.
    """
    archive = Archive(path, what="a text classifier", most_bytes=bounds.MODEL_BYTES)
    parts = _parts(archive)
    config = _json(_read(archive, parts["config.json"], _CONFIG_BYTES), "config.json")
    module, config_name, class_name = _architecture(config)
    settings, labels = _settings(config), _labels(config)
    import importlib

    import torch

    torch.set_num_threads(1)
    home = importlib.import_module(f"transformers.models.{module}")
    weights = archive.read(parts["model.safetensors"])
    try:
        made = getattr(home, config_name)(
            **settings, num_labels=len(labels), attn_implementation="eager"
        )
        # On the meta device nothing is set aside: the shapes are known before memory is used.
        with torch.device("meta"):
            outline = getattr(home, class_name)(made)
        _check_weights(weights, {name: tuple(part.shape) for name, part in
                                 outline.state_dict().items()})  # fmt: skip
        network = getattr(home, class_name)(made)
        from safetensors.torch import load

        network.load_state_dict(load(weights), strict=False)
        tokenizer = _tokenizer(_read(archive, parts["tokenizer.json"], _TOKENIZER_BYTES), made)
    except RefusedFile:
        raise
    # Whatever a forged part makes the libraries raise is a damaged file.
    except Exception as error:
        raise _refuse(f"parts that do not fit together ({type(error).__name__})") from None
    network = network.float().eval()
    are_named = any(name != f"LABEL_{at}" for at, name in enumerate(labels))
    return LoadedModel(
        kind=f"transformers {class_name}",
        native=network,
        trust=Trust.DATA,
        answer=TextAnswer(network, tokenizer),
        capabilities=frozenset({Capability.PREDICT_PROBA}),
        n_outputs=len(labels),
        classes=labels if are_named else None,
        is_classifier=True,
        modality="text",
    )


def _parts(archive: Archive) -> dict[str, str]:
    """Return the entries wanted, by their names without a folder around them."""
    found: dict[str, str] = {}
    for name in archive.names:
        inner = name.rsplit("/", 1)[-1]
        if inner.endswith((".json", ".txt", ".md")) or inner == "model.safetensors":
            if inner in found:
                raise _refuse(f"the part {inner[:60]!r} twice")
            found[inner] = name
        else:
            raise _refuse(f"the part {inner[:60]!r}, which may carry code and is not read")
    missing = {"config.json", "model.safetensors", "tokenizer.json"} - set(found)
    if missing:
        raise _refuse(f"no {' and no '.join(sorted(missing))}")
    return found


def _read(archive: Archive, name: str, most: int) -> bytes:
    if archive.size(name) > most:
        raise _refuse(f"the part {name[-60:]!r} of more than {most:,} bytes")
    return archive.read(name)


def _json(content: bytes, what: str) -> dict[str, Any]:
    try:
        made = json.loads(content)
    except (ValueError, RecursionError):
        raise _refuse(f"a {what} that is no JSON") from None
    if not isinstance(made, dict):
        raise _refuse(f"a {what} that is no object")
    return made


def _architecture(config: dict[str, Any]) -> tuple[str, str, str]:
    for key in _CODE_KEYS:
        if config.get(key):
            raise _refuse(f"the setting {key!r}, which chooses code")
    kind = config.get("model_type")
    known = _ARCHITECTURES.get(kind) if isinstance(kind, str) else None
    if known is None or config.get("architectures", [known[2]]) != [known[2]]:
        named = config.get("architectures") or kind
        raise _refuse(f"the architecture {str(named)[:80]!r}, which is none of "
                      f"{', '.join(names[2] for names in _ARCHITECTURES.values())}")  # fmt: skip
    if config.get("problem_type") not in (None, "single_label_classification"):
        raise _refuse("several labels or numbers per text; one class per text is read")
    return known


def _settings(config: dict[str, Any]) -> dict[str, Any]:
    taken: dict[str, Any] = {}
    for key, most in _SIZES.items():
        value = config.get(key)
        if value is None:
            continue
        if type(value) is not int or not 0 <= value <= most:
            raise _refuse(f"the setting {key!r} outside 0 to {most:,}")
        taken[key] = value
    for key in ("hidden_act", "activation", "summary_activation"):
        value = config.get(key)
        if value is not None and value not in _ACTIVATIONS:
            raise _refuse(f"the function {str(value)[:40]!r} in {key!r}")
        if value is not None:
            taken[key] = value
    epsilon = config.get("layer_norm_eps")
    if isinstance(epsilon, float) and 0 < epsilon < 1:
        taken["layer_norm_eps"] = epsilon
    return taken


def _labels(config: dict[str, Any]) -> tuple[str, ...]:
    given = config.get("id2label", {"0": "LABEL_0", "1": "LABEL_1"})
    if not isinstance(given, dict) or not 2 <= len(given) <= bounds.CLASSES:
        raise _refuse(f"no list of 2 to {bounds.CLASSES:,} classes")
    names = tuple(given.get(str(at)) for at in range(len(given)))
    if not all(isinstance(name, str) and 0 < len(name) <= bounds.NAME_LENGTH for name in names):
        raise _refuse("classes that are not numbered from 0 and named")
    if len(set(names)) != len(names):
        raise _refuse("two classes of one name")
    return tuple(str(name) for name in names)


def _check_weights(content: bytes, wanted: dict[str, tuple[int, ...]]) -> None:
    """Hold a safetensors header to the shapes the configuration needs, before it is read."""
    if len(content) < 8:
        raise _refuse("weights that are cut off")
    (size,) = struct.unpack("<Q", content[:8])
    if size > min(_HEADER_BYTES, len(content) - 8):
        raise _refuse("weights with a lying header")
    header = _json(content[8 : 8 + size], "header of weights")
    header.pop("__metadata__", None)
    missing = sorted(set(wanted) - set(header))
    missing = [name for name in missing if not name.endswith("position_ids")]
    strange = sorted(
        name for name in set(header) - set(wanted) if not name.endswith("position_ids")
    )
    if missing or strange:
        shown = ", ".join(repr(name[:60]) for name in (missing or strange)[:3])
        raise _refuse(f"weights {'without' if missing else 'with the unknown'} {shown}")
    for name, part in header.items():
        shape = part.get("shape") if isinstance(part, dict) else None
        if name in wanted and tuple(shape or ()) != wanted[name]:
            raise _refuse(f"weights {name[:60]!r} of a shape the configuration does not have")
        if name in wanted and part.get("dtype") not in _NUMBERS:
            raise _refuse(f"weights {name[:60]!r} of an unknown kind of number")


def _tokenizer(content: bytes, config: Any) -> Any:  # noqa: ANN401  untyped library
    from tokenizers import Tokenizer  # type: ignore[import-untyped]

    try:
        tokenizer = Tokenizer.from_str(content.decode())
    # The library raises plain Exception on a part it does not know.
    except Exception as error:
        raise _refuse(f"a tokenizer.json that cannot be read: {clean(error)[:120]}") from None
    highest = max(tokenizer.get_vocab(with_added_tokens=True).values(), default=-1)
    if not 0 <= highest < config.vocab_size:
        raise _refuse(f"a tokenizer of {highest + 1:,} tokens for {config.vocab_size:,} vectors")
    # RoBERTa counts positions from beyond the padding token.
    room = config.max_position_embeddings - (config.pad_token_id or 0) - 1
    room = room if config.model_type == "roberta" else config.max_position_embeddings
    if room < 3:
        raise _refuse("room for fewer than three tokens")
    tokenizer.enable_truncation(max_length=min(_MOST_TOKENS, room))
    tokenizer.enable_padding(pad_id=config.pad_token_id or 0)
    return tokenizer


class TextAnswer:
    """Gives texts to a network in small batches of like length, or as the vectors of one text."""

    def __init__(self, network: Any, tokenizer: Any) -> None:  # noqa: ANN401  untyped libraries
        self._network = network
        self._tokenizer = tokenizer

    def tokens_of(self, text: str) -> Tokens:
        """Cut a text as the network reads it."""
        found = self._tokenizer.encode(text)
        ids = np.array(found.ids, dtype=np.int64)
        spans = np.array(found.offsets, dtype=np.int64).reshape(-1, 2)
        mark, number = self._mark()
        is_own = np.array(found.special_tokens_mask) == 0
        return Tokens(ids, np.where(is_own, number, ids), spans, mark)

    def vectors_of(self, ids: NDArray[np.int64]) -> Any:  # noqa: ANN401  a torch.Tensor
        """Return the vectors of tokens, `(n_tokens, n_dimensions)`."""
        import torch

        with torch.no_grad():
            return self._network.get_input_embeddings()(torch.from_numpy(ids))

    def scores_of(self, vectors: Any) -> Any:  # noqa: ANN401  torch.Tensors
        """Return probabilities `(n, n_outputs)` with their graph."""
        import torch

        mask = torch.ones(vectors.shape[:2], dtype=torch.int64)
        logits = self._network(inputs_embeds=vectors, attention_mask=mask).logits
        return torch.softmax(logits.double(), dim=1)

    def _mark(self) -> tuple[str, int]:
        for mark in _MARKS:
            number = self._tokenizer.token_to_id(mark)
            if number is not None:
                return mark, int(number)
        return "the padding", int(self._network.config.pad_token_id or 0)

    def __call__(self, inputs: Inputs) -> Answer:
        """Return probabilities, `(n_texts, n_classes)`."""
        import torch

        if not isinstance(inputs, list):
            raise ModelMisbehaved("Expected texts for a text model, got a table of other columns.")
        texts = [str(text) for text in inputs]
        order = sorted(range(len(texts)), key=lambda at: (len(texts[at]), texts[at]))
        scores = np.empty((len(texts), self._network.config.num_labels))
        for start in range(0, len(order), _BATCH):
            rows = order[start : start + _BATCH]
            encoded = self._tokenizer.encode_batch([texts[row] for row in rows])
            length = max(1, len(encoded[0].ids))
            ids = torch.zeros((len(rows), length), dtype=torch.int64)
            mask = torch.zeros_like(ids)
            for at, item in enumerate(encoded):
                ids[at, : len(item.ids)] = torch.tensor(item.ids, dtype=torch.int64)
                mask[at, : len(item.ids)] = torch.tensor(item.attention_mask)
            # A text without a token is one unknown word, whatever stands beside it in the batch.
            is_empty = mask.sum(dim=1) == 0
            ids[is_empty, 0], mask[is_empty, 0] = self._mark()[1], 1
            with torch.no_grad():
                logits = self._network(input_ids=ids, attention_mask=mask).logits
            scores[rows] = torch.softmax(logits.double(), dim=1).numpy()
        return Answer(scores=scores)


def _refuse(found: str) -> RefusedFile:
    return RefusedFile(
        f"Expected a zip of a text classifier's data, got one with {found}; it was not opened.",
        remedy=f"{SAVE_TEXT} {SAVE_ANY}",
    )
