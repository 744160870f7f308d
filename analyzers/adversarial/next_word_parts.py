# ruff: noqa: ANN401, D102  TextAttack's own interfaces, untyped and described there
"""What Kuleshov's recipe asks of a language model that was put into its folder.

Import this module only after `textattack_import.warm_up()`.
"""

from collections.abc import Callable
from typing import Any

from textattack.constraints import Constraint
from textattack.shared.validators import transformation_consists_of_word_swaps

from analyzers.adversarial.downloads import folder_of
from analyzers.adversarial.language_model import LanguageModel, NextWords, next_word_model


class LikelyWords(Constraint):
    """Lets a word stand for another that the model expects there not much less.

    In place of TextAttack's GPT-2 constraint, which runs the model anew for every candidate and
    sets the blank before a word apart from it, as GPT-2's own tokens do not.
    """

    def __init__(self, model: LanguageModel, *, max_log_prob_diff: float) -> None:
        super().__init__(compare_against_original=True)
        self._model, self.max_log_prob_diff = model, max_log_prob_diff

    def _check_constraint_many(self, transformed_texts: list[Any], reference_text: Any) -> Any:
        if not transformed_texts:
            return []
        expected = NextWords(self._model, reference_text.text)
        starts: dict[int, int] = {}

        def is_likely(text: Any, place: int) -> bool:
            if place not in starts:
                starts[place] = len(reference_text.text_until_word_index(place))
            gained = expected.advantage(starts[place], text.words[place])
            return gained is not None and gained > -self.max_log_prob_diff

        return [
            text
            for text in transformed_texts
            if all(is_likely(text, place) for place in text.attack_attrs["newly_modified_indices"])
        ]

    def _check_constraint(self, transformed_text: Any, reference_text: Any) -> bool:
        return bool(self._check_constraint_many([transformed_text], reference_text))

    def check_compatibility(self, transformation: object) -> bool:
        return bool(transformation_consists_of_word_swaps(transformation))

    def extra_repr_keys(self) -> list[str]:
        return ["max_log_prob_diff"]


def likely_by(name: str) -> Callable[..., LikelyWords]:
    """Return a maker of the constraint by the model called `name`, for a recipe's file."""

    def make(**options: Any) -> LikelyWords:
        return LikelyWords(next_word_model(folder_of(name)), **options)

    return make
