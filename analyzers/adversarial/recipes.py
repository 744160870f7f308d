"""TextAttack without a network: imported safely, once, and its recipes by name.

TextAttack reads NLTK's stop words while it is imported, keeps a folder below the home directory and
would download what it lacks. Here it gets our own word list, a folder that is gone after the
import, and no way to a network.

References:
    Morris et al. 2020 (TextAttack); Gao et al. 2018 (DeepWordBug); Pruthi, Dhingra and Lipton 2019;
    Feng et al. 2018 (input reduction); Boucher et al. 2022 (Bad Characters).
"""

import importlib
import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analyzers.adversarial.function_words import FUNCTION_WORDS
from analyzers.adversarial.params import Recipe

OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
REMEMBERED = 100_000
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
    nltk.download = _refuse_download
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
    # It says for every model that it does not know it.
    logging.getLogger("textattack.shared.utils.install").setLevel(logging.ERROR)


def build_recipe(
    name: Recipe, scores_of: Callable[[list[str]], NDArray[np.float64]], *, queries: int
) -> Any:  # noqa: ANN401  a textattack.Attack, untyped
    """Build the attack called `name` against a function from texts to probabilities.

    Args:
        name: one of the recipes.
        scores_of: from a list of texts to `(n_texts, n_classes)` probabilities.
        queries: questions per text after which the search stops.
    """
    warm_up()
    import textattack
    from textattack.transformations import WordSwapHomoglyphSwap

    class Wrapper(textattack.models.wrappers.ModelWrapper):
        """Gives TextAttack the model's probabilities, many texts a call."""

        # TextAttack asks for the class of the model behind the wrapper.
        model = None

        def __call__(self, texts: list[str], **_: object) -> NDArray[np.float64]:
            return scores_of(list(texts))

    class LookAlikes(WordSwapHomoglyphSwap):
        """The package's own look-alike letters; the file its parent reads is not shipped."""

        def __init__(self) -> None:
            textattack.transformations.WordSwap.__init__(self)
            self.homos = dict(LOOK_ALIKES)
            self.homos_intentional = {key: [value] for key, value in LOOK_ALIKES.items()}
            self.random_one = False

    with warnings.catch_warnings():
        # TextAttack's own logging calls are of an old kind.
        warnings.simplefilter("ignore", DeprecationWarning)
        attack = _built(name, Wrapper(), LookAlikes)
    attack.goal_function.query_budget = queries
    return attack


def _built(name: Recipe, wrapper: Any, look_alikes: Callable[[], Any]) -> Any:  # noqa: ANN401
    import textattack
    from textattack.attack_recipes import DeepWordBugGao2018, InputReductionFeng2018, Pruthi2019
    from textattack.constraints.pre_transformation import RepeatModification, StopwordModification
    from textattack.goal_functions import UntargetedClassification
    from textattack.search_methods import GreedyWordSwapWIR
    from textattack.transformations import WordSwapInvisibleCharacters

    if name == "DeepWordBug (typing errors)":
        return DeepWordBugGao2018.build(wrapper)
    if name == "Pruthi (one typing error)":
        return Pruthi2019.build(wrapper)
    if name == "Input reduction (words left out)":
        return InputReductionFeng2018.build(wrapper)
    return textattack.Attack(
        UntargetedClassification(wrapper),
        [RepeatModification(), StopwordModification()],
        look_alikes() if name == "Look-alike letters" else WordSwapInvisibleCharacters(),
        GreedyWordSwapWIR(),
    )


@contextmanager
def remembered_words() -> Iterator[None]:
    """Let TextAttack split each string into words once.

    It splits every word of a text again for every candidate, which takes most of its time; the same
    string always gives the same words.
    """
    module: Any = importlib.import_module("textattack.shared.attacked_text")
    split = module.words_from_text
    remembered = lru_cache(maxsize=REMEMBERED)(lambda text: tuple(split(text)))
    module.words_from_text = lambda text: list(remembered(text))
    try:
        yield
    finally:
        module.words_from_text = split


def _refuse_download(*wanted: object, **options: object) -> bool:
    del wanted, options
    return False


# Latin letters and letters of other scripts that most typefaces draw the same.
LOOK_ALIKES = {
    "a": "а", "c": "с", "d": "ԁ", "e": "е", "g": "ɡ", "h": "һ", "i": "і", "j": "ј", "l": "ӏ",
    "m": "м", "n": "ո", "o": "о", "p": "р", "q": "ԛ", "s": "ѕ", "u": "ս", "v": "ѵ", "w": "ԝ",
    "x": "х", "y": "у",
    "A": "А", "B": "В", "C": "С", "E": "Е", "H": "Н", "I": "І", "K": "К", "M": "М", "O": "О",
    "P": "Р", "S": "Ѕ", "T": "Т", "X": "Х", "Y": "Ү",
}  # fmt: skip
