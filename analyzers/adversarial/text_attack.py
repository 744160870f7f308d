"""Texts under attack: TextAttack's searches in step, or labels only, each flip asked once more."""

import contextlib
import hashlib
from collections import OrderedDict
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzers.adversarial.label_only_text import search_labels_only
from analyzers.adversarial.lockstep import Ask, run_in_step
from analyzers.adversarial.params import AdversarialParams
from analyzers.adversarial.recipe_rules import keeps_rules
from analyzers.adversarial.recipes import ABOUT, build_recipe
from analyzers.adversarial.textattack_import import warm_up
from analyzers.adversarial.token_slopes import ASK_FOR_SCORES, TokenSlopes
from analyzers.core.errors import InvalidParameter, UnsuitableSubject
from analyzers.core.model import Model, TokenNetwork
from analyzers.core.workbench import SoFar, Tracker, untracked

WIDTH = 32
CONFIRMED_TOGETHER = 16
REMEMBERED = 100_000
LABELS_ONLY = "Labels only (synonyms, put back one by one)"


class Attempt(NamedTuple):
    """What became of one text.

    Attributes:
        text: the changed text; the original where nothing was found.
        is_broken: whether the model repeats that its answer is another one.
        queries: questions asked.
        steps: the texts on the way, from the original to the changed one.
        is_unconfirmed: whether something was found that the second look threw out.
        is_finished: whether the search came to its end; the work may have been ended before.
        by_chance: whether a random change of the same kind did it and the search did not.
    """

    text: str
    is_broken: bool
    queries: int
    steps: tuple[str, ...] = ()
    is_unconfirmed: bool = False
    is_finished: bool = True
    by_chance: bool = False


class _Find(NamedTuple):
    """What a search returned: the text, its questions, and the texts on the way."""

    text: str
    queries: int
    steps: tuple[str, ...]


class Memory:
    """The model's scores by text, the latest kept; shared by every recipe of a run."""

    def __init__(self, model: Model, *, labels_only: bool, n_classes: int) -> None:
        self._model, self._labels_only, self._n_classes = model, labels_only, n_classes
        self._held: OrderedDict[str, NDArray[np.float64]] = OrderedDict()
        self.n_asked = 0

    def scores_of(self, texts: list[str]) -> NDArray[np.float64]:
        """Probabilities `(n_texts, n_classes)`; ones and zeros where the model has labels only."""
        new = [text for text in dict.fromkeys(texts) if text not in self._held]
        if new:
            self._held.update(zip(new, self._ask(new), strict=True))
            self.n_asked += len(new)
        found = np.array([self._held[text] for text in texts])
        while len(self._held) > REMEMBERED:
            self._held.popitem(last=False)
        return found

    def _ask(self, texts: list[str]) -> NDArray[np.float64]:
        if self._labels_only:
            answers = self._model.predict(texts).astype(np.int64)
            return np.asarray(np.eye(self._n_classes)[answers])
        scores = self._model.predict_proba(texts)
        # TextAttack takes sums further from 1 than 1e-6 for raw scores.
        return np.asarray(scores / scores.sum(axis=1, keepdims=True))


def attack_texts(
    model: Model,
    texts: list[str],
    codes: NDArray[np.int64],
    params: AdversarialParams,
    *,
    seed: int,
    memory: Memory,
    labels_only: bool = False,
    target: int | None = None,
    track: Tracker = untracked,
) -> list[Attempt]:
    """Run the recipe on each text, many in step, and look at every find once more.

    Args:
        model: the original, asked once more for every find.
        texts: none of them empty.
        codes: `(n_texts,)` the answers to change.
        params: recipe, queries and how much meaning is kept.
        seed: together with the text it seeds the recipe's random choices.
        memory: scores so far; new ones are added.
        labels_only: whether to search with answers only.
        target: the answer wanted; None for any other.
        track: reports progress, and may end the work early.

    Returns:
        One attempt for each text that was begun, in order: all of them but where the work was
        ended early.

    Raises:
        UnsuitableSubject: the recipe lacks its model, or gradients to follow.
        InvalidParameter: the recipe follows gradients, which the attacker is not to know.
    """
    jobs = list(zip(texts, codes.tolist(), strict=True))
    attempts: list[Attempt] = []
    ended: dict[int, _Find] = {}
    n_broken = 0

    def so_far() -> SoFar:
        done = sum(attempt.is_finished for attempt in attempts)
        return SoFar(f"{n_broken:,} of {done:,} finished texts flipped")

    def look_again() -> None:
        """Put the finds of the searches that have ended to the model, all in one call."""
        nonlocal n_broken
        answers = model.predict([find.text for find in ended.values()])
        for (place, find), answer in zip(ended.items(), answers, strict=True):
            attempts[place] = _confirmed(
                int(answer), *jobs[place], find, params, labels_only=labels_only, target=target
            )
            n_broken += attempts[place].is_broken
        ended.clear()

    def counted(place: int, ask: Ask) -> Any:  # noqa: ANN401
        attempts.append(Attempt(texts[place], is_broken=False, queries=0, is_finished=False))

        def asking(asked: list[str]) -> NDArray[np.float64]:
            so_long = attempts[place].queries
            attempts[place] = attempts[place]._replace(queries=so_long + len(asked))
            return ask(asked)

        return search(jobs[place], asking)

    with contextlib.ExitStack() as stack:
        search = (
            _by_labels(params, target)
            if labels_only
            else _by_recipe(params, target, stack, network_for(model, params))
        )
        running = run_in_step(
            range(len(jobs)), counted, memory.scores_of,
            seed_of=lambda place: seed_for(seed, texts[place]), width=WIDTH,
        )  # fmt: skip
        stack.enter_context(contextlib.closing(running))
        for place, found in track(running, "Attacking texts", total=len(jobs), so_far=so_far):
            if found.text == texts[place]:
                attempts[place] = Attempt(texts[place], is_broken=False, queries=found.queries)
                continue
            ended[place] = found
            if len(ended) == CONFIRMED_TOGETHER:
                look_again()
    if ended:
        look_again()
    return attempts


def network_for(model: Model, params: AdversarialParams) -> TokenNetwork | None:
    """Return the network whose gradients the chosen recipe follows; None for other recipes.

    Raises:
        UnsuitableSubject: the recipe needs gradients and the model gives none.
        InvalidParameter: the recipe needs gradients, which the attacker is not to know.
    """
    if not ABOUT[params.recipe].is_white_box:
        return None
    if not isinstance(model, TokenNetwork):
        raise UnsuitableSubject(
            f"The recipe {params.recipe!r} follows gradients to the words of a network of texts; "
            "this model gives none.",
            remedy=ASK_FOR_SCORES,
        )
    if params.knowledge == "scores":
        raise InvalidParameter(
            f"The recipe {params.recipe!r} follows gradients, but the attacker is to know the "
            "model's scores only.",
            remedy=f"Let the attacker know the whole model. {ASK_FOR_SCORES}",
        )
    return model


def seed_for(seed: int, text: str) -> int:
    """A seed for the searches' generators, by the text and not by its place."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{text}".encode()).digest()[:4], "big")


def build_attack(
    params: AdversarialParams,
    ask: Ask,
    *,
    target: int | None = None,
    slopes: TokenSlopes | None = None,
) -> Any:  # noqa: ANN401
    """Build the recipe with the settings' own limits, as a `textattack.Attack`.

    Args:
        params: recipe, queries and how much meaning is kept.
        ask: from texts to `(n_texts, n_classes)` probabilities.
        target: the answer wanted; None for any other.
        slopes: of the network under attack, for recipes that follow its gradients.
    """
    attack = build_recipe(params.recipe, ask, queries=params.queries, target=target, slopes=slopes)
    if params.meaning:
        from analyzers.adversarial.offline_parts import AverageSentence

        attack.constraints.append(
            AverageSentence(threshold=params.meaning, compare_against_original=True)
        )
    return attack


def _by_labels(params: AdversarialParams, target: int | None) -> Any:  # noqa: ANN401
    def search(job: tuple[str, int], ask: Ask) -> _Find:
        return _Find(*search_labels_only(*job, ask, queries=params.queries, target=target))

    return search


def _by_recipe(
    params: AdversarialParams,
    target: int | None,
    stack: contextlib.ExitStack,
    network: TokenNetwork | None,
) -> Any:  # noqa: ANN401
    """Run one TextAttack search a text, each with an attack of its own while it lasts."""
    warm_up()
    from analyzers.adversarial.offline_parts import local_parts
    from analyzers.adversarial.quick_texts import (
        keep_plain_numbers,
        old_objects_set_aside,
        quick_texts,
    )

    stack.enter_context(local_parts())
    stack.enter_context(quick_texts())
    stack.enter_context(old_objects_set_aside())
    slopes = None if network is None else TokenSlopes(network)
    free: list[tuple[Any, dict[str, Ask]]] = []

    def search(job: tuple[str, int], ask: Ask) -> _Find:
        if not free:
            line: dict[str, Ask] = {}
            attack = build_attack(
                params, lambda texts, line=line: line["ask"](texts),  # type: ignore[misc]
                target=target, slopes=slopes,
            )  # fmt: skip
            keep_plain_numbers(attack)
            free.append((attack, line))
        attack, line = free.pop()
        line["ask"] = ask
        text, code = job
        walked: list[str] = []
        plain_search = attack.search_method.perform_search
        attack.search_method.perform_search = lambda start: _walk(plain_search(start), walked)
        try:
            found = attack.attack(text, code).perturbed_result.attacked_text
        finally:
            attack.search_method.perform_search = plain_search
        queries = int(attack.goal_function.num_queries)
        free.append((attack, line))
        return _Find(str(found.text), queries, tuple(dict.fromkeys([text, *reversed(walked)])))

    return search


def _walk(result: Any, walked: list[str]) -> Any:  # noqa: ANN401
    """Note the texts that led to a result, the last first; TextAttack forgets them afterwards."""
    text: Any = result.attacked_text
    while text is not None:
        walked.append(str(text.text))
        text = text.attack_attrs.get("previous_attacked_text")
    return result


def _confirmed(
    answer: int,
    text: str,
    code: int,
    find: _Find,
    params: AdversarialParams,
    *,
    labels_only: bool,
    target: int | None,
) -> Attempt:
    changed, queries, steps = find
    if not labels_only and ABOUT[params.recipe].is_reduction:
        is_reached = answer == code
    else:
        is_reached = answer == target if target is not None else answer != code
    if not is_reached:
        return Attempt(text, is_broken=False, queries=queries)
    rules = LABELS_ONLY if labels_only else params.recipe
    if not keeps_rules(rules, text, changed, meaning=params.meaning):
        return Attempt(text, is_broken=False, queries=queries, is_unconfirmed=True)
    return Attempt(changed, is_broken=True, queries=queries, steps=steps)
