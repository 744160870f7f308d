"""The masked language model of a recipe, read once from its folder and never from anywhere else."""

from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from analyzers.core.errors import UnsuitableSubject


class MaskedModel(NamedTuple):
    """What guesses hidden words.

    Attributes:
        network: of the transformers library.
        tokenizer: that cuts texts for it.
        max_length: most tokens it reads.
    """

    network: Any
    tokenizer: Any
    max_length: int


@lru_cache(maxsize=2)
def masked_model(folder: Path) -> MaskedModel:
    """Read the model in `folder`; searches in step share it.

    Raises:
        UnsuitableSubject: the files are damaged, lack weights, or hold another kind of model.
    """
    from transformers import AutoModelForMaskedLM, AutoTokenizer

    try:
        network, loaded = AutoModelForMaskedLM.from_pretrained(
            str(folder), use_safetensors=True, local_files_only=True, output_loading_info=True
        )
        tokenizer = AutoTokenizer.from_pretrained(str(folder), use_fast=True, local_files_only=True)
        most = min(int(network.config.max_position_embeddings), 512)
    # Whatever a damaged file makes the libraries raise is a damaged file.
    except Exception as error:
        raise _refuse(folder, f"files that do not open ({type(error).__name__})") from error
    # The library fills what is missing with random numbers.
    missing = sorted(loaded["missing_keys"])
    if missing:
        raise _refuse(folder, f"one without the weights {missing[0][:60]!r}")
    if tokenizer.mask_token is None:
        raise _refuse(folder, "a tokenizer without a mark for hidden words")
    return MaskedModel(network, tokenizer, most)


def _refuse(folder: Path, found: str) -> UnsuitableSubject:
    return UnsuitableSubject(
        f"Expected a masked language model as its publisher ships it in the folder "
        f"{folder.name!r}, got {found}.",
        remedy="Copy config.json, model.safetensors and tokenizer.json anew, or choose a recipe "
        "that needs no download.",
    )
