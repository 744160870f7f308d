"""Packages that only some files and attacks need, and what to say where one is missing."""

from analyzers.core.errors import MissingPackage

# Module to the extra of pyproject.toml that brings it; `make run` installs all of them.
EXTRA_OF = {
    "xgboost": "boosters",
    "lightgbm": "boosters",
    "catboost": "boosters",
    "onnx": "onnx",
    "onnxruntime": "onnx",
    "torch": "torch",
    "textattack": "text",
    "lemminflect": "text",
    "flair": "text",
    "transformers": "text",
    "tokenizers": "text",
    "safetensors": "text",
    "datasets": "text",
    "nltk": "text",
    "kaleido": "pictures",
}


def explain_missing(error: ModuleNotFoundError) -> MissingPackage:
    """Turn a failed import into a sentence that names the package and how to get it.

    Args:
        error: as Python raised it; its `name` is the module that was not found.
    """
    module = (error.name or "").partition(".")[0]
    extra = EXTRA_OF.get(module)
    if extra is None:
        return MissingPackage(
            f"Expected the Python package {module or 'of an import'!r}, got none.",
            remedy="Install what requirements.txt lists, or run `make setup`.",
        )
    return MissingPackage(
        f"Expected the Python package {module!r}, which this file or analysis needs, got none.",
        remedy=f"Install the extra `assay[{extra}]`, or run `make setup`, which installs all.",
    )
