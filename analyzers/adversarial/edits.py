"""How alike two texts are, and which words differ."""

from collections.abc import Sequence

import numpy as np


def edit_distance(first: str, second: str) -> int:
    """Fewest insertions, deletions and substitutions of characters between two texts.

    References:
        Levenshtein 1966; Wagner and Fischer 1974.
    """
    # What both begin and end with costs nothing, and most edited texts share nearly all.
    first, second = _without_common_start(first, second)
    first, second = _without_common_start(first[::-1], second[::-1])
    if not first or not second:
        return max(len(first), len(second))
    letters = np.array([ord(char) for char in second], dtype=np.int64)
    places = np.arange(len(second) + 1)
    row = places.copy()
    for char in first:
        substituted = row[:-1] + (letters != ord(char))
        best = np.r_[row[0] + 1, np.minimum(row[1:] + 1, substituted)]
        # An insertion costs one more than the entry to its left: a running minimum.
        row = np.minimum.accumulate(best - places) + places
    return int(row[-1])


def _without_common_start(first: str, second: str) -> tuple[str, str]:
    pairs = enumerate(zip(first, second, strict=False))
    shorter = min(len(first), len(second))
    start = next((at for at, (one, other) in pairs if one != other), shorter)
    return first[start:], second[start:]


def common_ends(before: Sequence[str], after: Sequence[str]) -> tuple[int, int]:
    """Count the words that two texts have alike before the first difference and after the last."""
    shorter = min(len(before), len(after))
    first = next((at for at in range(shorter) if before[at] != after[at]), shorter)
    rest = shorter - first
    return first, next((n for n in range(rest) if before[~n] != after[~n]), rest)


def similarity(first: str, second: str) -> float:
    """One minus the edit distance over the longer length, in [0, 1]; 1 for equal texts."""
    longest = max(len(first), len(second))
    return 1.0 if longest == 0 else 1.0 - edit_distance(first, second) / longest


def changed_words(original: str, changed: str) -> list[int]:
    """Places of words in `changed` that are not in line with a word of `original`.

    Words are what stands between white space; a longest common subsequence lines them up.
    """
    old, new = original.split(), changed.split()
    if len(old) == len(new):
        return [place for place, word in enumerate(new) if word != old[place]]
    lengths = np.zeros((len(old) + 1, len(new) + 1), dtype=np.int64)
    for i in range(len(old) - 1, -1, -1):
        for j in range(len(new) - 1, -1, -1):
            if old[i] == new[j]:
                lengths[i, j] = lengths[i + 1, j + 1] + 1
            else:
                lengths[i, j] = max(lengths[i + 1, j], lengths[i, j + 1])
    places, i, j = [], 0, 0
    while j < len(new):
        if i < len(old) and old[i] == new[j]:
            i, j = i + 1, j + 1
        elif i < len(old) and lengths[i + 1, j] >= lengths[i, j + 1]:
            i += 1
        else:
            places.append(j)
            j += 1
    return places


def n_words_changed(original: str, changed: str) -> int:
    """How many words were changed, put in or left out."""
    n_old, n_new = len(original.split()), len(changed.split())
    n_same = n_new - len(changed_words(original, changed))
    return max(n_old, n_new) - n_same
