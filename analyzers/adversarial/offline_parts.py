# ruff: noqa: D102  methods of TextAttack's own interfaces, described there
"""Parts that stand in for what TextAttack's recipes would download.

Each part says in its docstring what it replaces and how it differs. Import this module only after
`textattack_import.warm_up()`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from typing import Any, NamedTuple

import numpy as np
import textattack
from numpy.typing import NDArray
from textattack.constraints import Constraint
from textattack.constraints.semantics.sentence_encoders import SentenceEncoder
from textattack.shared import AttackedText, WordEmbedding
from textattack.shared.data import NAMED_ENTITIES, PERSON_NAMES
from textattack.shared.validators import transformation_consists_of_word_swaps
from textattack.transformations import WordSwap, WordSwapHomoglyphSwap, WordSwapInflections
from textattack.transformations.word_swaps.word_swap_embedding import recover_word_case

from analyzers.adversarial.lexicon.thesaurus import parts_of_speech, synonyms_of
from analyzers.adversarial.lexicon.vectors import word_vectors
from analyzers.adversarial.look_alikes import LOOK_ALIKES

REMEMBERED = 50_000
MOST_NEIGHBOURS = 50
SURE = 1.0


class OwnVectors(WordEmbedding):
    """Our 20,000 counter-fitted vectors instead of the papers' 65,713 (see the lexicon's notice).

    Neighbours are found when they are asked for and remembered. Everything its parent does is
    replaced; TextAttack's recipes take no other kind.
    """

    def __init__(self) -> None:
        self._vectors = word_vectors()
        self._near: dict[int, list[int]] = {}

    def __getitem__(self, index: str | int) -> NDArray[np.float32] | None:
        place = self._vectors.place.get(index) if isinstance(index, str) else index
        return None if place is None else self._vectors.unit[place]

    def word2index(self, word: str) -> int:
        return self._vectors.place[word]

    def index2word(self, index: int) -> str:
        return self._vectors.words[index]

    def nearest_neighbours(self, index: int, topn: int) -> list[int]:
        if index not in self._near:
            near = self._vectors.neighbours(index, MOST_NEIGHBOURS)
            self._near[index] = [int(place) for place in near]
        return self._near[index][:topn]

    def get_cos_sim(self, a: str | int, b: str | int) -> float:
        return float(self._unit(a) @ self._unit(b))

    def get_mse_dist(self, a: str | int, b: str | int) -> float:
        # TextAttack's "MSE" is the sum of squares.
        return float(((self._unit(a) - self._unit(b)) ** 2).sum())

    def _unit(self, word: str | int) -> NDArray[np.float32]:
        place = self._vectors.place[word] if isinstance(word, str) else word
        return self._vectors.unit[place]


class ThesaurusSwap(WordSwap):
    """Synonyms from our copy of WordNet, put into the word's own form ("movies" gives "films").

    TextAttack's `WordSwapWordNet` gives the base form ("film").
    """

    def __init__(self, language: str = "eng") -> None:
        super().__init__()
        self.language = language

    def _get_replacement_words(self, word: str) -> list[str]:
        return [recover_word_case(other, word) for other in synonyms_of(word)]


class Inflections(WordSwapInflections):
    """The other forms of a word in alphabetical order, which TextAttack's set of them has not.

    The order decides between forms that do equally well, and must not differ from run to run.
    """

    def _get_replacement_words(self, word: str, word_part_of_speech: str) -> list[str]:
        return sorted(super()._get_replacement_words(word, word_part_of_speech))


class LexiconPartOfSpeech(Constraint):
    """Lets a word stand for another where they can be the same part of speech in the dictionary.

    In place of TextAttack's tagger, which reads the sentence. Unknown words are let through.
    """

    def __init__(self, *, allow_verb_noun_swap: bool = True) -> None:
        super().__init__(compare_against_original=True)
        self.allow_verb_noun_swap = allow_verb_noun_swap

    def _check_constraint(self, transformed_text: Any, reference_text: Any) -> bool:  # noqa: ANN401
        pairs = [
            (reference_text.words[place], transformed_text.words[place])
            for place in transformed_text.attack_attrs["newly_modified_indices"]
        ]
        return all(self.is_alike(before, after) for before, after in pairs)

    def is_alike(self, before: str, after: str) -> bool:
        """Whether two words can be the same part of speech."""
        first, second = parts_of_speech(before.lower()), parts_of_speech(after.lower())
        if not first or not second or first & second:
            return True
        return self.allow_verb_noun_swap and {*first, *second} <= {"n", "v"}

    def check_compatibility(self, transformation: object) -> bool:
        return bool(transformation_consists_of_word_swaps(transformation))

    def extra_repr_keys(self) -> list[str]:
        return ["allow_verb_noun_swap"]


class AverageSentence(SentenceEncoder):
    """Compares means of word vectors weighted by rarity; not the papers' sentence encoders.

    In place of the Universal Sentence Encoder and Sentence-BERT. Words without a vector, misspelt
    ones for instance, count for nothing. The papers' thresholds were set for other encoders.

    References:
        Arora, Liang and Ma 2017, "A simple but tough-to-beat baseline for sentence embeddings".
    """

    def __init__(self, *, model_name: str = "", **options: Any) -> None:  # noqa: ANN401
        del model_name
        super().__init__(**options)

    def encode(self, sentences: list[str]) -> NDArray[np.float32]:
        return np.stack([_encoded(sentence) for sentence in sentences])


class MeanOfWords(SentenceEncoder):
    """Compares plain means of our word vectors; a text without a known word has the zero vector.

    In place of TextAttack's thought vectors, which cannot be compared where no word is known.
    """

    def encode(self, sentences: list[str]) -> NDArray[np.float32]:
        return np.stack([_mean(sentence) for sentence in sentences])


@lru_cache(maxsize=REMEMBERED)
def _mean(sentence: str) -> NDArray[np.float32]:
    vectors = word_vectors()
    words = textattack.shared.utils.words_from_text(sentence.lower())
    places = [vectors.place[word] for word in words if word in vectors.place]
    total = vectors.unit[places].sum(axis=0)
    return np.asarray(total / max(len(places), 1), dtype=np.float32)


@lru_cache(maxsize=REMEMBERED)
def _encoded(sentence: str) -> NDArray[np.float32]:
    words = textattack.shared.utils.words_from_text(sentence.lower())
    return word_vectors().sentence(words)


class LookAlikes(WordSwapHomoglyphSwap):
    """Our own look-alike letters; the file its parent reads is not shipped."""

    def __init__(self) -> None:
        WordSwap.__init__(self)
        self.homos = dict(LOOK_ALIKES)
        self.homos_intentional = {key: [value] for key, value in LOOK_ALIKES.items()}
        self.random_one = False


class _Entity(NamedTuple):
    """What TextAttack asks of a tagged entity."""

    value: str
    score: float


@cache
def _names() -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    places = {
        word for kind in ("country", "city") for name in NAMED_ENTITIES[kind]
        for word in name.split()
    }  # fmt: skip
    return frozenset(PERSON_NAMES["first"]), frozenset(PERSON_NAMES["last"]), frozenset(places)


def entity_of(words: list[str], at: int) -> _Entity:
    """Say whether a word is a person's or a place's name, by list and capital letter.

    A word that is also an ordinary English word is taken for a name only after the first word.
    """
    first, last, places = _names()
    word = words[at]
    is_capital = word[:1].isupper() and not word.isupper()
    if not is_capital or (at == 0 and parts_of_speech(word.lower())):
        return _Entity("O", SURE)
    if word in places:
        return _Entity("S-LOC", SURE)
    if word in first and not parts_of_speech(word.lower()):
        follows = at + 1 < len(words) and words[at + 1] in last
        return _Entity("B-PER" if follows else "S-PER", SURE)
    if word in last and at and words[at - 1] in first:
        return _Entity("E-PER", SURE)
    return _Entity("O", SURE)


@lru_cache(maxsize=REMEMBERED)
def _tag_of(word: str) -> str:
    import lemminflect

    return next(iter(lemminflect.getAllLemmas(word.lower())), "X")


@contextmanager
def local_parts() -> Iterator[None]:
    """Let TextAttack's texts be tagged by our lists, and its recipes find our vectors."""
    store = textattack.shared.utils.GLOBAL_OBJECTS
    key = "textattack_counterfitted_GLOVE_embedding"
    store.setdefault(key, OwnVectors())
    tags, entities = AttackedText.pos_of_word_index, AttackedText.ner_of_word_index
    AttackedText.pos_of_word_index = lambda text, at: _tag_of(text.words[at])
    AttackedText.ner_of_word_index = lambda text, at, *_: entity_of(text.words, at)
    try:
        yield
    finally:
        AttackedText.pos_of_word_index = tags
        AttackedText.ner_of_word_index = entities
