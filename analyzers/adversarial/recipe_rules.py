"""What each recipe may do to a text, checked on the result by code the recipe does not share.

A find that breaks its recipe's rules is thrown out and counted; none of it is reported.
"""

import re
import unicodedata
from functools import lru_cache

from analyzers.adversarial.edits import edit_distance, n_words_changed
from analyzers.adversarial.function_words import FUNCTION_WORDS
from analyzers.adversarial.label_only_text import swaps_for
from analyzers.adversarial.lexicon.thesaurus import parts_of_speech, synonyms_of
from analyzers.adversarial.lexicon.vectors import cosine, word_vectors
from analyzers.adversarial.look_alikes import LOOK_ALIKES
from analyzers.adversarial.shown_text import after_backspaces, as_displayed

WORD = re.compile(r"[^\W_]+(?:['_*@-]+[^\W_]+)*")
INVISIBLE = {"Cf", "Cc", "Mn"}
LARGEST_TYPO = 2
NEIGHBOURS, MOST_APART = 15, 0.2
REMEMBERED = 50_000
_TOLERANCE = 1e-3
_LEAST_COSINE = {
    "TextFooler (near words)": 0.5, "A2T (few near words)": 0.8, "HotFlip (gradients)": 0.8,
}  # fmt: skip
_MOST_WORDS = {"HotFlip (gradients)": 2}
_LARGEST_SHARE = {
    "A2T (few near words)": 0.1, "LEAP (synonyms, particle swarm)": 0.16,
    "IGA (near words, genetic search)": 0.2, "Alzantot (near words, genetic search)": 0.2,
    "BERT-Attack (words from a language model)": 0.4,
    "Kuleshov (near words, language model)": 0.5,
}  # fmt: skip
_LEAST_WORDS = {"A2T (few near words)": 4}
# The others leave them alone too, but count or split words in ways of their own; TextFooler has a
# list of its own, without many of these.
_KEEPS_FUNCTION_WORDS = (
    "PWWS (synonyms)", "Particle swarm (synonyms)", "Alzantot (near words, genetic search)",
    "HotFlip (gradients)", "Kuleshov (near words, language model)",
)  # fmt: skip
_SYNONYMS = ("PWWS (synonyms)", "Particle swarm (synonyms)", "LEAP (synonyms, particle swarm)")


def keeps_rules(recipe: str, original: str, changed: str, *, meaning: float = 0.0) -> bool:
    """Whether a changed text is one that the recipe and the settings allow.

    Args:
        recipe: its name, or that of the labels-only attack.
        original: before.
        changed: after.
        meaning: least agreement of the averaged word vectors, 0 for no limit.
    """
    if meaning and sentence_similarity(original, changed) < meaning - _TOLERANCE:
        return False
    if recipe.startswith("Input reduction"):
        return _is_part_of(WORD.findall(changed), WORD.findall(original))
    if recipe == "Invisible characters":
        return _visible(changed) == _visible(original)
    if recipe == "Reordered letters":
        return as_displayed(changed) == as_displayed(original) is not None
    if recipe == "Deleted letters":
        return after_backspaces(changed) == after_backspaces(original)
    if recipe == "Look-alike letters":
        return len(changed) == len(original) and all(
            old == new or LOOK_ALIKES.get(old) == new
            for old, new in zip(original, changed, strict=True)
        )
    if recipe.startswith("Pruthi"):
        return n_words_changed(original, changed) <= 1
    swapped = _swapped_words(original, changed)
    if recipe.startswith("DeepWordBug"):
        return edit_distance(original, changed) <= LARGEST_TYPO * max(len(original.split()), 1)
    if swapped is None:
        # Recipes that may change the number of words have no rule on single ones.
        return recipe.startswith(("TextBugger", "CheckList", "Morpheus", "CLARE"))
    if recipe in _KEEPS_FUNCTION_WORDS and any(word in FUNCTION_WORDS for word, _ in swapped):
        return False
    if len(swapped) > _MOST_WORDS.get(recipe, len(swapped)):
        return False
    if recipe.startswith("HotFlip") and not all(_share_a_kind(*pair) for pair in swapped):
        return False
    share = len(swapped) / max(len(WORD.findall(original)), 1)
    if recipe in _LARGEST_SHARE and len(swapped) > _LEAST_WORDS.get(recipe, 1):
        # The recipes round the number of words they may change up.
        spare = 1 / max(len(WORD.findall(original)), 1)
        if share > _LARGEST_SHARE[recipe] + spare:
            return False
    if recipe in _SYNONYMS:
        return all(after.lower() in synonyms_of(before) for before, after in swapped)
    if recipe in _LEAST_COSINE:
        least = _LEAST_COSINE[recipe] - _TOLERANCE
        return all(_word_cosine(before, after) >= least for before, after in swapped)
    if recipe.startswith("Kuleshov"):
        is_near = _squared_distance(original, changed) <= MOST_APART + _TOLERANCE
        return is_near and all(_is_neighbour(before, after) for before, after in swapped)
    if recipe.startswith("BAE"):
        return all(_may_stand_for(before, after) for before, after in swapped)
    if recipe.startswith("Labels only"):
        return all(after in swaps_for(before) for before, after in swapped)
    return True


def sentence_similarity(first: str, second: str) -> float:
    """Cosine of the mean word vectors weighted by rarity, in [-1, 1]; unknown words are left out.

    References:
        Arora, Liang and Ma 2017.
    """
    vectors = word_vectors()
    return cosine(*(vectors.sentence(WORD.findall(text.lower())) for text in (first, second)))


def _swapped_words(original: str, changed: str) -> list[tuple[str, str]] | None:
    """The words that differ, in pairs; None where the numbers of words differ."""
    before, after = WORD.findall(original), WORD.findall(changed)
    if len(before) != len(after):
        return None
    return [(old, new) for old, new in zip(before, after, strict=True) if old != new]


@lru_cache(maxsize=REMEMBERED)
def _word_cosine(first: str, second: str) -> float:
    vectors = word_vectors()
    places = [vectors.place.get(word.lower()) for word in (first, second)]
    if places[0] is None or places[1] is None:
        return -1.0
    return float(vectors.unit[places[0]] @ vectors.unit[places[1]])


@lru_cache(maxsize=REMEMBERED)
def _is_neighbour(word: str, other: str) -> bool:
    """Whether fewer than 15 further words are nearer to `word` than `other` is."""
    vectors = word_vectors()
    place = vectors.place.get(word.lower())
    if place is None or other.lower() not in vectors.place:
        return False
    cosines = vectors.unit @ vectors.unit[place]
    nearer = cosines > cosines[vectors.place[other.lower()]] + _TOLERANCE / 10
    nearer[place] = False
    return int(nearer.sum()) < NEIGHBOURS


def _squared_distance(first: str, second: str) -> float:
    """Squared Euclidean distance of the mean word vectors; unknown words are left out."""
    vectors = word_vectors()
    means = []
    for text in (first, second):
        places = [vectors.place.get(word) for word in WORD.findall(text.lower())]
        known = vectors.unit[[place for place in places if place is not None]]
        means.append(known.sum(axis=0) / max(len(known), 1))
    return float(((means[0] - means[1]) ** 2).sum())


def _may_stand_for(first: str, second: str) -> bool:
    """Whether two words share a part of speech; nouns and verbs count as one, as in the paper."""
    kinds = [
        {"v" if kind == "n" else kind for kind in parts_of_speech(word.lower())}
        for word in (first, second)
    ]
    return not kinds[0] or not kinds[1] or bool(kinds[0] & kinds[1])


def _share_a_kind(first: str, second: str) -> bool:
    """Whether two words share a part of speech; a word the dictionary lacks may be any."""
    kinds = [parts_of_speech(word.lower()) for word in (first, second)]
    return not all(kinds) or bool(kinds[0] & kinds[1])


def _visible(text: str) -> str:
    return "".join(char for char in text if unicodedata.category(char) not in INVISIBLE)


def _is_part_of(words: list[str], of: list[str]) -> bool:
    left = iter(of)
    return all(any(word == other for other in left) for word in words)
