"""Random changes of the attack's own kind and size in texts: what a text attack must beat."""

import hashlib
import random
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzers.adversarial.attacked import Attacked
from analyzers.adversarial.edits import common_ends
from analyzers.adversarial.lockstep import seeded_generators
from analyzers.adversarial.noise import DRAWS
from analyzers.adversarial.random_moves import Moves, Reached
from analyzers.core.model import Model
from analyzers.core.workbench import Workbench

TEXTS_A_CALL = 64


class Noise(NamedTuple):
    """Whether any of ten random sets of changes reaches what the attack is after.

    Attributes:
        by_share: `(n_shares, n_texts)` with up to each share of the words changed.
        same_size: `(n_texts,)` with as many words changed as the attack changed.
        texts: `(n_texts,)` the least changed text that did; empty where none did.
    """

    by_share: NDArray[np.bool_]
    same_size: NDArray[np.bool_]
    texts: list[str]


def try_noise(
    bench: Workbench,
    model: Model,
    moves: Moves,
    texts: list[str],
    attacked: Attacked,
    words_changed: NDArray[np.int64],
    grid: NDArray[np.float64],
    *,
    target: int | None,
    seed: int,
) -> Noise:
    """Change random words as the attack would, without asking the model, and look at its answers.

    Texts that the attack did not flip get the usual number of changed words of those it did, and at
    least one. A larger set of changes holds the smaller ones of the same draw.

    Args:
        bench: reports progress.
        model: is asked about the changed texts, many in one call.
        moves: what the attack can do.
        texts: the originals.
        attacked: which of them were answered rightly, and how.
        words_changed: `(n_texts,)` by the attack, 0 where it failed.
        grid: shares of the words.
        target: the answer wanted; None for any other.
        seed: together with the text it seeds the draws.
    """
    flipped = words_changed[words_changed > 0]
    usual = int(np.median(flipped)) if len(flipped) else 1
    noise = Noise(
        np.zeros((len(grid), len(texts)), dtype=bool), np.zeros(len(texts), dtype=bool),
        [""] * len(texts),
    )  # fmt: skip
    rows = np.flatnonzero(attacked.is_correct)
    blocks = [rows[at : at + TEXTS_A_CALL] for at in range(0, len(rows), TEXTS_A_CALL)]
    for block in bench.track(blocks, "Changing words at random"):
        # Rounded down, so that a random change is never larger than the size it stands for.
        counts = [
            [*(int(len(texts[at].split()) * share + 1e-9) for share in grid),
             int(words_changed[at]) or usual]
            for at in block
        ]  # fmt: skip
        drawn = [
            changed_at_random(moves, texts[at], sorted({*wanted} - {0}), seed=seed)
            for at, wanted in zip(block, counts, strict=True)
        ]
        asked = sorted({text for by_draw in drawn for made in by_draw for text in made.values()})
        answers = dict(zip(asked, model.predict(asked).tolist(), strict=True)) if asked else {}
        for at, wanted, by_draw in zip(block, counts, drawn, strict=True):
            code = int(attacked.codes[at])
            reached = [
                {
                    count for count, text in made.items()
                    if (answers[text] == target if target is not None else answers[text] != code)
                }
                for made in by_draw
            ]  # fmt: skip
            hits = [any(count in each for each in reached) for count in wanted]
            # Who may change more words may stop at fewer.
            noise.by_share[:, at] = np.logical_or.accumulate(hits[:-1])
            noise.same_size[at] = hits[-1]
            least = min((count for each in reached for count in each), default=None)
            if least is not None:
                noise.texts[at] = next(
                    made[least] for made, each in zip(by_draw, reached, strict=True)
                    if least in each
                )  # fmt: skip
    return noise


def changed_at_random(
    moves: Moves, text: str, counts: list[int], *, seed: int, draws: int = DRAWS
) -> list[dict[int, str]]:
    """Change as many random words of a text as each count says; fewer where no more can be.

    Args:
        moves: what may be done to a word.
        text: the original.
        counts: ascending, each at least 1.
        seed: together with the text it seeds the draws.
        draws: how many sets.

    Returns:
        For each draw the changed texts by count.
    """
    digest = hashlib.sha256(f"{seed}:at random:{text}".encode()).digest()
    with seeded_generators(int.from_bytes(digest[:4], "big")):
        start, places = moves.begin(text)
        return [_grown(moves, start, places, counts) for _ in range(draws)]


class _Words(NamedTuple):
    """What stands between white space, and which of it is as it was at first."""

    words: list[str]
    is_old: list[bool]
    n_at_first: int

    @property
    def n_changed(self) -> int:
        """How many words were changed, put in or left out."""
        return max(self.n_at_first, len(self.words)) - sum(self.is_old)

    def become(self, text: str) -> "_Words | None":
        """Follow one change; None where it touches a word that was changed before."""
        before, after = self.words, text.split()
        first, alike = common_ends(before, after)
        end = len(before) - alike
        if not all(self.is_old[first:end]):
            return None
        is_new = [False] * (len(after) - first - alike)
        return self._replace(words=after, is_old=self.is_old[:first] + is_new + self.is_old[end:])


def _grown(moves: Moves, start: Reached, places: list[int], counts: list[int]) -> dict[int, str]:
    """Change one random word after another, and note the text at each count."""
    words = start.text.split()
    reached, now = start, _Words(words, [True] * len(words), len(words))
    waiting = random.sample(places, len(places))
    made = {}
    for count in counts:
        larger = []
        while waiting and now.n_changed < count:
            place, is_larger = waiting.pop(), False
            for moved in moves.from_place(reached, place):
                then = now.become(moved.text)
                if then is not None and then.n_changed <= count:
                    reached, now, is_larger = moved, then, False
                    break
                is_larger = is_larger or then is not None
            if is_larger:
                # One word written as two counts as two, and may fit the next count.
                larger.append(place)
        waiting += reversed(larger)
        made[count] = reached.text
    return made
