"""Models that a recipe needs and Assay does not ship: where to put them, and what is there.

Assay downloads nothing. A model is found when its folder, as its publisher ships it, lies in
`analyzers/adversarial/lexicon/downloads/`: the one place that is both easy to copy to and open to
the locked-down process that runs the attack.
"""

from pathlib import Path

from analyzers.core.errors import MissingDownload

FOLDER = Path(__file__).parent / "lexicon" / "downloads"
_FILES = ("config.json", "model.safetensors", "tokenizer.json")
FILES = {"bert-base-uncased": _FILES, "distilroberta-base": _FILES, "gpt2": _FILES}


def is_there(model: str) -> bool:
    """Whether every file of `model` has been put into its folder."""
    return all((FOLDER / model / name).is_file() for name in FILES[model])


def folder_of(model: str) -> Path:
    """Return the folder of `model`.

    Raises:
        MissingDownload: a file of it is missing.
    """
    missing = [name for name in FILES[model] if not (FOLDER / model / name).is_file()]
    if missing:
        raise MissingDownload(
            f"This recipe needs the model published as {model!r}, which is not shipped; expected "
            f"{', '.join(missing)} in {FOLDER / model}.",
            remedy="Put the files there as they are published, or choose a recipe that needs no "
            "download.",
        )
    return FOLDER / model
