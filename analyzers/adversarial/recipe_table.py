"""Recipes side by side on the same texts, with one memory of the model's answers."""

import math
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analyzers.adversarial.attacked import Attacked
from analyzers.adversarial.downloads import is_there
from analyzers.adversarial.edits import n_words_changed
from analyzers.adversarial.params import AdversarialParams
from analyzers.adversarial.recipe_rules import sentence_similarity
from analyzers.adversarial.recipes import ABOUT
from analyzers.adversarial.tables import table_of
from analyzers.adversarial.text_attack import Memory, attack_texts
from analyzers.core.errors import InvalidParameter, UnsuitableSubject
from analyzers.core.result import Estimate
from analyzers.core.workbench import Workbench
from analyzers.toolkit.intervals import mean_estimate, rate_estimate

SLOW = ("genetic", "swarm")


class Compared(NamedTuple):
    """Recipes side by side.

    Attributes:
        table: a row for each recipe.
        left: share of all texts still answered rightly after every one of them.
        strongest: the recipe that alone leaves the least; empty where none ran.
        n_recipes: how many ran, the chosen one counted once.
    """

    table: pa.Table
    left: Estimate
    strongest: str
    n_recipes: int


def compare_recipes(
    bench: Workbench,
    attacked: Attacked,
    texts: list[str],
    open_: NDArray[np.int64],
    params: AdversarialParams,
    target: int | None,
    memory: Memory,
    seed: int,
    *,
    fallen: NDArray[np.bool_],
) -> Compared:
    """Run every quick recipe that changes answers; list those that lack what they need.

    Args:
        bench: the model.
        attacked: all rows.
        texts: their texts.
        open_: places of the texts that can be attacked.
        params: settings, of which the recipe is left aside.
        target: the answer wanted, or None.
        memory: the model's answers so far.
        seed: of the recipes' random choices.
        fallen: `(n_open,)` texts that the chosen recipe has flipped already.
    """
    by_any, ran = fallen.copy(), dict[str, int]()
    n, n_correct = len(texts), int(attacked.is_correct.sum())
    rows: list[dict[str, object]] = []
    held = [texts[at] for at in open_]
    quick = [
        name for name, about in ABOUT.items()
        if not about.is_reduction and not any(word in name for word in SLOW)
    ]  # fmt: skip
    for name in bench.track(quick, "Comparing recipes"):
        about = ABOUT[name]
        row: dict[str, object] = {
            "recipe": name, "paper": about.paper, "differs": about.differs.strip(),
            "needs": about.needs, "n": n, "n_correct": n_correct,
        }  # fmt: skip
        rows.append(row)
        if about.needs and not is_there(about.needs):
            continue
        try:
            found = attack_texts(
                bench.need_model(), held, attacked.codes[open_],
                params.model_copy(update={"recipe": name}), seed=seed, memory=memory, target=target,
            )  # fmt: skip
        except (UnsuitableSubject, InvalidParameter) as error:
            # A damaged download, or a model without gradients, must not cost the other recipes
            # their numbers.
            if not about.needs and not about.is_white_box:
                raise
            row["needs"] = f"{about.needs}. {error}".removeprefix(". ")
            continue
        by_any[: len(found)] |= np.array([new.is_broken for new in found], dtype=bool)
        pairs = [(old, new) for old, new in zip(held, found, strict=True) if new.is_broken]
        left = rate_estimate(n_correct - len(pairs), n)
        ran[name] = n_correct - len(pairs)
        row |= {"robust_accuracy": left.value, "low": left.low, "high": left.high}
        if n_correct:
            flipped = rate_estimate(len(pairs), n_correct)
            row |= {
                "success_rate": flipped.value, "success_low": flipped.low,
                "success_high": flipped.high,
            }  # fmt: skip
        shares = [n_words_changed(old, new.text) / len(old.split()) for old, new in pairs]
        meant = [sentence_similarity(old, new.text) for old, new in pairs]
        row |= {"n_flipped": len(pairs), "n_attacked": len(found)}
        row |= _mean(shares, "words_changed_share", "words_changed", most=1.0)
        row |= _mean(meant, "meaning", "meaning", most=1.0)
        row |= _mean([float(new.queries) for new in found], "queries", "queries")
    return Compared(
        table=table_of("recipes", rows),
        left=rate_estimate(n_correct - int(by_any.sum()), n),
        strongest=min(ran, key=lambda name: ran[name]) if ran else "",
        n_recipes=len({*ran, params.recipe}),
    )


def _mean(
    values: list[float], name: str, ends: str, *, most: float = math.inf
) -> dict[str, float | None]:
    """A mean with the ends of its interval, held to what can be; nothing where there are none."""
    if not values:
        return {}
    mean = mean_estimate(np.array(values))
    if mean.low is None or mean.high is None:
        return {name: mean.value}
    low = mean.low if name == "meaning" else max(mean.low, 0.0)
    return {name: mean.value, f"{ends}_low": low, f"{ends}_high": min(mean.high, most)}
