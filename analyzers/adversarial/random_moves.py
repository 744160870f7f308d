"""Single changes of the kind that a text attack makes, drawn at random; the model is not asked."""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol, TypeVar

from analyzers.adversarial.edits import common_ends
from analyzers.adversarial.label_only_text import WORD, swaps_for, written
from analyzers.adversarial.params import AdversarialParams
from analyzers.adversarial.recipe_rules import sentence_similarity
from analyzers.adversarial.text_attack import build_attack, network_for
from analyzers.adversarial.textattack_import import warm_up
from analyzers.adversarial.token_slopes import TokenSlopes
from analyzers.core.model import Model

Item = TypeVar("Item")

# A word whose changes the rest of the text no longer allows is given up after so many of them.
MOST_REFUSED = 8


class Reached(NamedTuple):
    """A text on the way and what its moves go on from."""

    text: str
    held: Any


class Moves(Protocol):
    """What one attack can do to a text, one word after another."""

    def begin(self, text: str) -> tuple[Reached, list[int]]:
        """Take up a text; return it with the places where a change may begin."""
        ...

    def from_place(self, reached: Reached, place: int) -> Iterator[Reached]:
        """Yield the text with one more change at `place`, each possible one, in random order.

        Draws from `random` and NumPy's own generator, which the caller seeds.
        """
        ...


@contextmanager
def moves_of(params: AdversarialParams, model: Model, *, labels_only: bool) -> Iterator[Moves]:
    """Return the moves of the attack that the settings name, while the block runs.

    Args:
        params: the recipe and how much meaning is kept.
        model: under attack; its words alone are asked for, and only where gradients are followed.
        labels_only: whether synonyms are swapped instead of running a recipe.
    """
    if labels_only:
        yield SynonymMoves(params.meaning)
        return
    warm_up()
    from analyzers.adversarial.offline_parts import local_parts
    from analyzers.adversarial.quick_texts import old_objects_set_aside, quick_texts

    def refuse(_: list[str]) -> Any:  # noqa: ANN401
        raise AssertionError("Random changes are made without asking the model.")

    network = network_for(model, params)
    slopes = None if network is None else TokenSlopes(network)
    with local_parts(), quick_texts(), old_objects_set_aside():
        yield RecipeMoves(build_attack(params, refuse, slopes=slopes))


class SynonymMoves:
    """The swaps of the attack that sees labels only."""

    def __init__(self, meaning: float) -> None:
        self._meaning = meaning
        self._text, self._pieces = "", list(WORD.finditer(""))

    def begin(self, text: str) -> tuple[Reached, list[int]]:
        """Take up a text; return it with the places of its words that have synonyms."""
        self._text, self._pieces = text, list(WORD.finditer(text))
        places = [at for at, piece in enumerate(self._pieces) if swaps_for(piece[0])]
        return Reached(text, {}), places

    def from_place(self, reached: Reached, place: int) -> Iterator[Reached]:
        """Yield the text with each synonym of one word, in random order."""
        for word in _in_random_order(swaps_for(self._pieces[place][0])):
            swapped = {**reached.held, place: word}
            text = written(self._text, self._pieces, swapped)
            if not self._meaning or sentence_similarity(self._text, text) >= self._meaning:
                yield Reached(text, swapped)


class _Splice(NamedTuple):
    """What stands in place of the words from `first` to before `end`."""

    first: int
    end: int
    new: str


class RecipeMoves:
    """The moves of a TextAttack recipe within its rules.

    What a move puts in depends on the word, or is found once in the unchanged text (language
    models, names and numbers). Rules on single words are looked up once a pair of words; rules on
    whole texts hold after every move. One kind of rule is left out: windows of a sentence compared
    with the text just before the move, which near words hardly ever break.

    Args:
        attack: a `textattack.Attack`.
    """

    def __init__(self, attack: Any) -> None:  # noqa: ANN401
        from textattack.constraints import pre_transformation as before
        from textattack.constraints.semantics import WordEmbeddingDistance
        from textattack.constraints.semantics.sentence_encoders import SentenceEncoder
        from textattack.transformations import WordSwap

        from analyzers.adversarial.offline_parts import LexiconPartOfSpeech

        self._whole: Any = attack.transformation
        self._kinds: list[Any] = list(getattr(self._whole, "transformations", [self._whole]))
        # A kind that follows gradients looks at the whole text only to choose among its swaps.
        self._is_plain = [
            getattr(type(kind), "_get_transformations", None) is WordSwap._get_transformations
            or not getattr(kind, "is_black_box", True)
            for kind in self._kinds
        ]
        words = (LexiconPartOfSpeech, WordEmbeddingDistance)
        self._word_rules = [rule for rule in attack.constraints if isinstance(rule, words)]
        self._text_rules = [
            rule for rule in attack.constraints
            if not isinstance(rule, words)
            and (rule.compare_against_original or not isinstance(rule, SentenceEncoder))
        ]  # fmt: skip
        self._first_rules: list[Any] = attack.pre_transformation_constraints
        fixed = (
            before.RepeatModification, before.StopwordModification, before.MinWordLength,
            before.InputColumnModification,
        )  # fmt: skip
        self._limits = [rule for rule in self._first_rules if not isinstance(rule, fixed)]
        # Of one text only: some kinds draw what they offer, and no text may depend on another.
        self._words: dict[tuple[int, str], Sequence[str]] = {}
        self._allowed: dict[tuple[int, str, str], bool] = {}
        self._original: Any = None
        self._open: list[set[int]] = []
        self._listed: list[dict[int, list[_Splice]]] = []

    def begin(self, text: str) -> tuple[Reached, list[int]]:
        """Take up a text; return it with the places where the recipe may begin a change."""
        from textattack.shared import AttackedText

        self._original = AttackedText(text)
        self._open, self._listed = [], []
        self._words.clear()
        for kind, is_plain in zip(self._kinds, self._is_plain, strict=True):
            found: dict[int, list[_Splice]] = {}
            if is_plain:
                rules = self._first_rules
                self._open.append(
                    kind(self._original, pre_transformation_constraints=rules, return_indices=True)
                )
            else:
                for splice in self._listed_by(kind):
                    found.setdefault(splice.first, []).append(splice)
                self._open.append(set(found))
            self._listed.append(found)
        return Reached(text, self._original), sorted(set().union(*self._open))

    def from_place(self, reached: Reached, place: int) -> Iterator[Reached]:
        """Yield the text with each allowed change at one word: a random kind, then a random one."""
        current, n_refused = reached.held, 0
        at = int(current.attack_attrs["original_index_map"][place])
        if at < 0 or any(at not in limit(current, self._whole) for limit in self._limits):
            return
        for number in _in_random_order(range(len(self._kinds))):
            if place not in self._open[number]:
                continue
            offered = self._swaps if self._is_plain[number] else self._splices
            for moved in offered(number, current, place):
                moved.attack_attrs["last_transformation"] = self._kinds[number]
                if self._keeps_rules(moved, current):
                    yield Reached(moved.text, moved)
                    continue
                n_refused += 1
                if n_refused == MOST_REFUSED:
                    return

    def _swaps(self, number: int, current: Any, place: int) -> Iterator[Any]:  # noqa: ANN401
        at = int(current.attack_attrs["original_index_map"][place])
        word = current.words[at]
        for new in _in_random_order(self._words_for(number, word)):
            if new != word and self._is_allowed(number, place, word, new):
                yield current.replace_word_at_index(at, new)

    def _words_for(self, number: int, word: str) -> Sequence[str]:
        kind = self._kinds[number]
        if not kind.deterministic:
            found: Sequence[str] = kind._get_replacement_words(word)
            return found
        if (number, word) not in self._words:
            self._words[number, word] = kind._get_replacement_words(word)
        return self._words[number, word]

    def _is_allowed(self, number: int, place: int, word: str, new: str) -> bool:
        if not self._word_rules:
            return True
        key = (number, word, new)
        if key not in self._allowed:
            tried = self._original.replace_word_at_index(place, new)
            self._allowed[key] = self._keeps_word_rules(tried, self._kinds[number])
        return self._allowed[key]

    def _keeps_word_rules(self, tried: Any, kind: Any) -> bool:  # noqa: ANN401
        tried.attack_attrs["last_transformation"] = kind
        return all(rule(tried, self._original) for rule in self._word_rules)

    def _keeps_rules(self, moved: Any, current: Any) -> bool:  # noqa: ANN401
        return all(
            len(rule.call_many(
                [moved], self._original if rule.compare_against_original else current
            ))
            for rule in self._text_rules
        )  # fmt: skip

    def _listed_by(self, kind: Any) -> Iterator[_Splice]:  # noqa: ANN401
        """All that a kind which looks at the whole text would do to the unchanged one."""
        before = self._original.words
        for text in kind(self._original, pre_transformation_constraints=self._first_rules):
            if not self._keeps_word_rules(text, kind):
                continue
            after = text.words
            first, alike = common_ends(before, after)
            first = min(first, len(before) - 1)
            # What is put in between two words goes with the word behind it.
            end = max(len(before) - alike, first + 1)
            new = " ".join(after[first : len(after) - (len(before) - end)])
            yield _Splice(first, end, new)

    def _splices(self, number: int, current: Any, place: int) -> Iterator[Any]:  # noqa: ANN401
        places = current.attack_attrs["original_index_map"]
        at = int(places[place])
        for first, end, new in _in_random_order(self._listed[number][place]):
            if [int(there) for there in places[first:end]] != list(range(at, at + end - first)):
                continue
            moved = current
            for _ in range(first + 1, end):
                moved = moved.delete_word_at_index(at + 1)
            moved = moved.replace_word_at_index(at, new)
            if not moved.words:
                continue
            # Rules on sentences look around the changed word, also where one was left out.
            if not moved.attack_attrs["newly_modified_indices"]:
                beside = min(at, len(moved.words) - 1)
                moved.attack_attrs["newly_modified_indices"] = {beside}
            yield moved


def _in_random_order(items: Sequence[Item]) -> Iterator[Item]:
    """Yield items one by one at random, drawing only as many as are taken."""
    left = list(items)
    while left:
        at = int(random.random() * len(left))
        left[at], left[-1] = left[-1], left[at]
        yield left.pop()
