"""The language model of a recipe, read once from its folder and never from anywhere else."""

from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from analyzers.core.errors import UnsuitableSubject

_MOST_TOKENS = 512


class LanguageModel(NamedTuple):
    """What guesses hidden or next words.

    Attributes:
        network: of the transformers library.
        tokenizer: that cuts texts for it.
        max_length: most tokens it reads.
    """

    network: Any
    tokenizer: Any
    max_length: int


@lru_cache(maxsize=2)
def masked_model(folder: Path) -> LanguageModel:
    """Read the model in `folder` that guesses hidden words; searches in step share it.

    Raises:
        UnsuitableSubject: the files are damaged, lack weights, or hold another kind of model.
    """
    from transformers import AutoModelForMaskedLM

    model = _read(folder, AutoModelForMaskedLM, "a masked language model")
    if model.tokenizer.mask_token is None:
        found = "a tokenizer without a mark for hidden words"
        raise _refuse(folder, "a masked language model", found)
    return model


@lru_cache(maxsize=1)
def next_word_model(folder: Path) -> LanguageModel:
    """Read the model in `folder` that guesses the next word; searches in step share it.

    Raises:
        UnsuitableSubject: the files are damaged, lack weights, or hold another kind of model.
    """
    from transformers import AutoModelForCausalLM

    return _read(folder, AutoModelForCausalLM, "a language model that guesses the next word")


class NextWords:
    """What a language model expects at every place of one text."""

    def __init__(self, model: LanguageModel, text: str) -> None:
        import torch

        self._model, self._text = model, text
        self._ids = self._cut(text)
        with torch.no_grad():
            ids = torch.tensor([self._ids], dtype=torch.int64)
            self._logits = model.network(input_ids=ids).logits[0] if self._ids else None

    def advantage(self, start: int, word: str) -> float | None:
        """Log-probability of a word less that of the word now at `start`, in nats.

        Both by their first token behind the text until there.

        Returns:
            0 where no token stands before, so that nothing is expected; None where the model does
            not read that far, or reads no token that begins there.
        """
        # Models of next words take the blank before a word for part of it.
        begin = start - (self._text[:start][-1:] == " ")
        before = self._cut(self._text[:begin])
        first = self._cut(self._text[begin:start] + word)
        at = len(before)
        if self._logits is None or not first or at >= len(self._ids) or self._ids[:at] != before:
            return None
        if at == 0:
            return 0.0
        # Both come from one distribution, so its normaliser cancels.
        expected = self._logits[at - 1]
        return float(expected[first[0]] - expected[self._ids[at]])

    def _cut(self, text: str) -> list[int]:
        cut = self._model.tokenizer(
            text, truncation=True, add_special_tokens=False, max_length=self._model.max_length
        )
        return list(cut["input_ids"])


def _read(folder: Path, maker: Any, what: str) -> LanguageModel:  # noqa: ANN401  untyped library
    from transformers import AutoTokenizer

    try:
        network, loaded = maker.from_pretrained(
            str(folder), use_safetensors=True, local_files_only=True, output_loading_info=True
        )
        tokenizer = AutoTokenizer.from_pretrained(str(folder), use_fast=True, local_files_only=True)
        most = min(int(network.config.max_position_embeddings), _MOST_TOKENS)
    # Whatever a damaged file makes the libraries raise is a damaged file.
    except Exception as error:
        raise _refuse(folder, what, f"files that do not open ({type(error).__name__})") from error
    # The library fills what is missing with random numbers.
    missing = sorted(loaded["missing_keys"])
    if missing:
        raise _refuse(folder, what, f"one without the weights {missing[0][:60]!r}")
    return LanguageModel(network.eval(), tokenizer, most)


def _refuse(folder: Path, what: str, found: str) -> UnsuitableSubject:
    return UnsuitableSubject(
        f"Expected {what} as its publisher ships it in the folder {folder.name!r}, got {found}.",
        remedy="Copy config.json, model.safetensors and tokenizer.json anew, or choose a recipe "
        "that needs no download.",
    )
