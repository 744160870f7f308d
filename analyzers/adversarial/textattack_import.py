"""TextAttack imported safely, once: without a network, a home folder or anything left behind.

It reads NLTK's stop words while it is imported, keeps a folder below the home directory and would
download what it lacks. Here it gets our own word list, a folder that is gone after the import, and
no way to a network.
"""

import importlib
import logging
import os
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

from analyzers.adversarial.function_words import FUNCTION_WORDS
from analyzers.core.errors import UnsuitableSubject

OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
_POST_INSTALL_MARK = "post_install_check_3"


class _FunctionWordCorpus:
    """Stands in for `nltk.corpus.stopwords`, which would be looked up on disk."""

    def words(self, *languages: str) -> list[str]:
        del languages
        return sorted(FUNCTION_WORDS)


def warm_up() -> None:
    """Import TextAttack and all it pulls in; a second call does nothing.

    Takes about 6 s with a warm disk cache and 0.6 GB of memory, starts no thread, opens no socket
    and writes only below the temporary directory, where it leaves nothing.
    """
    if "textattack" in sys.modules:
        return
    os.environ.update(OFFLINE)
    before = dict(os.environ)
    nltk: Any = importlib.import_module("nltk")
    nltk.corpus.stopwords = _FunctionWordCorpus()
    nltk.download = _refuse_nltk
    with tempfile.TemporaryDirectory(prefix="textattack-") as folder, warnings.catch_warnings():
        # The libraries announce their own deprecations; none concerns what is used here.
        warnings.simplefilter("ignore")
        # Says that TextAttack's downloads after installation have been done.
        (Path(folder) / _POST_INSTALL_MARK).touch()
        os.environ["TA_CACHE_DIR"] = folder
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = folder
        try:
            importlib.import_module("textattack")
        finally:
            # The import redirects other libraries' caches into the folder that is about to go.
            os.environ.clear()
            os.environ.update(before)
    install: Any = importlib.import_module("textattack.shared.utils.install")
    for name in ("http_get", "download_from_s3", "download_from_url"):
        _refuse_everywhere(name, getattr(install, name))
    # It says for every model that it does not know it.
    logging.getLogger("textattack.shared.utils.install").setLevel(logging.ERROR)


def _refuse_everywhere(name: str, function: object) -> None:
    """Put a refusal in place of `function` in every module of TextAttack that has it."""
    for path, module in list(sys.modules.items()):
        if path.startswith("textattack") and getattr(module, name, None) is function:
            setattr(module, name, _refuse_download)


def _refuse_nltk(*wanted: object, **options: object) -> bool:
    # NLTK itself says False where a download fails, and its callers go on.
    del wanted, options
    return False


def _refuse_download(*wanted: object, **options: object) -> Any:  # noqa: ANN401
    del options
    what = str(wanted[0])[:120] if wanted else "a file"
    raise UnsuitableSubject(
        f"This recipe needs {what}, which would have to be downloaded; Assay downloads nothing.",
        remedy="Choose a recipe that runs offline.",
    )
