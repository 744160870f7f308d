"""An attack on texts that sees nothing but the answer.

Words are swapped for synonyms in random order until the answer changes; then as many as possible
are put back one by one, so that few stay changed.

References:
    Maheshwary, Maheshwary and Pudi 2021, "Generating natural language attacks in a hard label black
    box setting", from which the two phases are; their genetic search between them is left out.
"""

import random
import re
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from analyzers.adversarial.function_words import FUNCTION_WORDS
from analyzers.adversarial.lexicon.thesaurus import synonyms_of
from analyzers.adversarial.lexicon.vectors import word_vectors
from analyzers.adversarial.lockstep import Ask

WORD = re.compile(r"[A-Za-z]+(?:[-'][A-Za-z]+)*")
MOST_SWAPS = 12
NEAR_COSINE = 0.6
STARTS = 8
REMEMBERED = 50_000


@lru_cache(maxsize=REMEMBERED)
def swaps_for(word: str) -> tuple[str, ...]:
    """Words that may stand for `word`: its synonyms, and words near it in our vectors.

    Returns:
        Sorted, in the case of `word`; none for function words.
    """
    low = word.lower()
    if low in FUNCTION_WORDS:
        return ()
    found = set(synonyms_of(low)[:MOST_SWAPS])
    vectors = word_vectors()
    if low in vectors.place:
        at = vectors.place[low]
        near = vectors.neighbours(at, MOST_SWAPS)
        close = vectors.unit[near] @ vectors.unit[at] >= NEAR_COSINE
        found |= {vectors.words[place] for place in near[close]}
    found -= {low}
    return tuple(sorted(_in_case(other, word) for other in found))


def search_labels_only(
    text: str, code: int, ask: Ask, *, queries: int, target: int | None
) -> tuple[str, int, tuple[str, ...]]:
    """Look for a changed text with another answer, from answers alone.

    Draws from `random`, which the caller seeds.

    Args:
        text: the original.
        code: the answer to change.
        ask: from texts to `(n_texts, n_classes)`, of which only the largest entry is looked at.
        queries: questions after which the search stops.
        target: the answer wanted; None for any other.

    Returns:
        The changed text or the original, questions asked, and the texts on the way.
    """
    pieces = list(WORD.finditer(text))
    choices = {at: swaps for at, piece in enumerate(pieces) if (swaps := swaps_for(piece[0]))}
    n_asked = 0

    def reached(chosen: list[dict[int, str]]) -> NDArray[np.bool_]:
        nonlocal n_asked
        n_asked += len(chosen)
        answers = ask([written(text, pieces, swapped) for swapped in chosen]).argmax(axis=1)
        return np.asarray(answers == target if target is not None else answers != code)

    found = None
    for _ in range(STARTS if choices else 0):
        order = random.sample(sorted(choices), len(choices))
        swapped: dict[int, str] = {}
        path = []
        for at in order:
            swapped = swapped | {at: random.choice(choices[at])}
            path.append(swapped)
        # All lengths of the path go in one question; the shortest that works is taken.
        path = path[: max(0, queries - n_asked)]
        hits = np.flatnonzero(reached(path)) if path else np.zeros(0, dtype=np.int64)
        if len(hits):
            found = path[int(hits[0])]
            break
    if found is None:
        return text, n_asked, ()
    first = found
    while len(found) > 1 and n_asked + len(found) <= queries:
        # Each word put back alone; of those that keep the new answer one is taken at random.
        shorter = [{at: word for at, word in found.items() if at != back} for back in found]
        hits = np.flatnonzero(reached(shorter))
        if not len(hits):
            break
        found = shorter[int(random.choice(hits.tolist()))]
    steps = [{at: first[at] for at in list(first)[: n + 1]} for n in range(len(first))]
    on_the_way = [written(text, pieces, swapped) for swapped in ({}, *steps, found)]
    return on_the_way[-1], n_asked, tuple(dict.fromkeys(on_the_way))


def written(text: str, pieces: list[re.Match[str]], swapped: dict[int, str]) -> str:
    """Write the text with some of its pieces swapped, each by its place."""
    made, after = [], 0
    for at in sorted(swapped):
        made += [text[after : pieces[at].start()], swapped[at]]
        after = pieces[at].end()
    return "".join(made) + text[after:]


def _in_case(word: str, like: str) -> str:
    if like.isupper() and len(like) > 1:
        return word.upper()
    return word.capitalize() if like[:1].isupper() else word
