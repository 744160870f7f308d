"""Synonyms and antonyms of English words, in the form in which the word stands.

The synonym sets are WordNet's; inflection is lemminflect's. "movies" gives "films", not "film".

References:
    Fellbaum 1998 (WordNet); Ren et al. 2019 (PWWS), who swap words for WordNet's synonyms.
"""

import lzma
from collections import defaultdict
from functools import cache, lru_cache
from pathlib import Path

PACKED = Path(__file__).parent / "thesaurus.txt.xz"
PARTS = {"NOUN": "n", "PROPN": "n", "VERB": "v", "AUX": "v", "ADJ": "a", "ADV": "r"}
REMEMBERED = 50_000
_OPPOSITE = "!"

Meanings = dict[tuple[str, str], tuple[str, ...]]


@cache
def _pages() -> tuple[Meanings, Meanings]:
    """Read synonyms and antonyms by word and part of speech."""
    synonyms: dict[tuple[str, str], dict[str, None]] = defaultdict(dict)
    antonyms: dict[tuple[str, str], dict[str, None]] = defaultdict(dict)
    for line in lzma.decompress(PACKED.read_bytes()).decode().splitlines():
        first, *words = line.split(" ")
        pages, part = synonyms, first
        if first == _OPPOSITE:
            pages, part = antonyms, words.pop(0)
        for word in words:
            for other in words:
                if other != word:
                    pages[word, part][other] = None
    return (
        {key: tuple(others) for key, others in synonyms.items()},
        {key: tuple(others) for key, others in antonyms.items()},
    )


def synonyms_of(word: str) -> tuple[str, ...]:
    """Words that can mean the same, of every sense and part of speech, sorted.

    Args:
        word: one word; case does not matter.

    Returns:
        Lower case, without the word itself.
    """
    return _in_form(word.lower(), opposite=False)


def antonyms_of(word: str) -> tuple[str, ...]:
    """Words that mean the opposite, sorted, in the word's own form."""
    return _in_form(word.lower(), opposite=True)


@lru_cache(maxsize=REMEMBERED)
def parts_of_speech(word: str) -> frozenset[str]:
    """Every part of speech a word can have (n, v, a, r); empty where the word is not known."""
    return frozenset(part for part, _, _ in _readings(word.lower()))


@lru_cache(maxsize=REMEMBERED)
def _in_form(word: str, *, opposite: bool) -> tuple[str, ...]:
    pages = _pages()[opposite]
    found = set()
    for part, lemma, tag in _readings(word):
        for other in pages.get((lemma, part), ()):
            found.add(other if tag is None else _inflected(other, tag))
    return tuple(sorted(found - {word, ""}))


@lru_cache(maxsize=REMEMBERED)
def _readings(word: str) -> tuple[tuple[str, str, str | None], ...]:
    """Part of speech, base form and inflection (None for the base form) a word can be read as."""
    import lemminflect

    synonyms, antonyms = _pages()
    read: dict[tuple[str, str, str | None], None] = {}
    for part in "nvar":
        if (word, part) in synonyms or (word, part) in antonyms:
            read[part, word, None] = None
    for kind, lemmas in lemminflect.getAllLemmas(word).items():
        part = PARTS.get(kind, "")
        for lemma in lemmas:
            if not part or lemma == word:
                read |= {(part, lemma, None): None} if part else {}
                continue
            tags = [
                tag for tag, forms in lemminflect.getAllInflections(lemma, upos=kind).items()
                if word in forms
            ]  # fmt: skip
            # Past tense and participle look the same; one of them is enough.
            read |= {(part, lemma, tag): None for tag in tags[:1]}
    return tuple(read)


@lru_cache(maxsize=REMEMBERED)
def _inflected(lemma: str, tag: str) -> str:
    import lemminflect

    # Only forms in its dictionary: guessed ones read like "comfortablier".
    forms = lemminflect.getInflection(lemma, tag=tag, inflect_oov=False)
    return str(forms[0]) if forms else ""
