"""The text face: TextAttack's recipes, offline, against random changes of their own kind."""

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analyzers.adversarial import behaviour
from analyzers.adversarial.attacked import Attacked, choose_rows, wanted_code
from analyzers.adversarial.blocks import Extent
from analyzers.adversarial.by_group import by_group_table
from analyzers.adversarial.edits import n_words_changed, similarity
from analyzers.adversarial.noise import DRAWS
from analyzers.adversarial.params import AdversarialParams
from analyzers.adversarial.random_moves import moves_of
from analyzers.adversarial.recipe_rules import keeps_rules, sentence_similarity
from analyzers.adversarial.recipe_table import compare_recipes
from analyzers.adversarial.recipes import ABOUT, refuse_recipe
from analyzers.adversarial.robustness import (
    Outcome,
    curve_table,
    histogram_table,
    robustness_estimates,
)
from analyzers.adversarial.text_attack import (
    LABELS_ONLY,
    Attempt,
    Memory,
    attack_texts,
    network_for,
)
from analyzers.adversarial.text_noise import Noise, try_noise
from analyzers.adversarial.text_tables import example_table, row_table, step_table, weak_words
from analyzers.adversarial.textattack_import import warm_up
from analyzers.adversarial.threat_model import goal_words, threat_model_table
from analyzers.core.errors import UnsuitableSubject
from analyzers.core.model import Capability
from analyzers.core.result import Estimate, Measurements
from analyzers.core.workbench import Workbench
from analyzers.toolkit.intervals import mean_estimate, mean_share_estimate, rate_estimate

__all__ = ["measure", "warm_up"]

SHARES = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5)
# A recipe may change as many words as it likes, and put some in.
WHOLE_TEXT = 1e9
NOTHING = "No text was flipped."
NO_COMPARISON = "The comparison of recipes was left out."
NEEDS_SCORES = "Recipes are not compared: they need the model's scores."


class _Setting(NamedTuple):
    """What is attacked and how: the rows, their texts and the attacker."""

    attacked: Attacked
    texts: list[str]
    labels_only: bool
    target: int | None
    name: str
    seed: int


def measure(bench: Workbench, params: AdversarialParams) -> Measurements:
    """Attack a sample of texts and confirm every flip on the model.

    Raises:
        UnsuitableSubject: one class or one answer only, no text with a word in it, or a recipe
            that lacks its model or gradients to follow.
        InvalidParameter: a wanted answer that is no class, or a recipe that follows gradients,
            which the attacker is not to know.
    """
    setting = _setting(bench, params)
    attacked, texts = setting.attacked, setting.texts
    model = bench.need_model()
    memory = Memory(model, labels_only=setting.labels_only, n_classes=len(bench.subject.classes))
    # Empty texts offer nothing to change; they stay in the accuracy and in no attack.
    is_open = attacked.is_correct & np.array([bool(text.split()) for text in texts])
    open_ = np.flatnonzero(is_open)
    found = attack_texts(
        model, [texts[at] for at in open_], attacked.codes[open_], params, seed=setting.seed,
        memory=memory, labels_only=setting.labels_only, target=setting.target, track=bench.track,
    )  # fmt: skip
    n_planned, n_begun = len(texts), int(open_[len(found)]) if len(found) < len(open_) else None
    # Texts never begun are in no number.
    attacked, texts, open_ = attacked.first(n_begun), texts[:n_begun], open_[: len(found)]
    setting = setting._replace(attacked=attacked, texts=texts)
    n_unfinished = sum(not attempt.is_finished for attempt in found)
    extent = Extent(n_planned, len(texts), len(texts) - n_unfinished)
    attempts = dict(zip(open_.tolist(), found, strict=True))
    by_search = np.array([at for at, one in attempts.items() if one.is_broken], dtype=np.int64)
    noise: Noise | None = None
    if setting.labels_only or not ABOUT[params.recipe].is_reduction:
        with moves_of(params, model, labels_only=setting.labels_only) as moves:
            noise = try_noise(
                bench, model, moves, texts, attacked, _sizes(texts, attempts)[1], np.array(SHARES),
                target=setting.target, seed=setting.seed,
            )  # fmt: skip
        attempts |= _by_chance(texts, attempts, noise, params, setting)
    sizes, _ = _sizes(texts, attempts)
    tables: dict[str, pa.Table] = {
        "threat_model": _threat_model(bench, params, setting.labels_only),
        "rows": row_table(bench, attacked, texts, attempts, sizes, setting.name),
        "text_examples": example_table(
            bench, attacked, texts, attempts, params.examples, setting.name
        ),
    }
    tables["text_steps"] = step_table(
        bench, tables["text_examples"], attempts, memory, labels_only=setting.labels_only
    )
    facts = _facts(bench, params, setting, attempts)
    behaved = behaviour.measure(bench, texts, memory, params)
    if noise is None:
        estimates = _reduction(attacked, texts, attempts)
        return Measurements(
            estimates=estimates | behaved.estimates, facts=facts,
            tables=tables | behaved.tables, sampling=(*attacked.sampling, *_empty(texts)),
            cut_short=extent.note,
        )  # fmt: skip
    outcome = Outcome(attacked.is_correct, sizes, np.array(SHARES), noise.by_share)
    broken = np.array([at for at, attempt in attempts.items() if attempt.is_broken], dtype=np.int64)
    n_correct, n = int(attacked.is_correct.sum()), len(texts)
    alike = np.array([similarity(texts[at], attempts[at].text) for at in broken.tolist()])
    meant = np.array([sentence_similarity(texts[at], attempts[at].text) for at in broken.tolist()])
    queries = np.array([attempt.queries for attempt in attempts.values()], dtype=np.float64)
    is_compared = params.compare_recipes and not setting.labels_only
    leaves_out = is_compared and bench.was_ended()
    by_all: dict[str, Estimate] = {}
    if is_compared and not leaves_out:
        compared = compare_recipes(
            bench, attacked, texts, open_, params, setting.target, memory, setting.seed,
            fallen=np.isin(open_, by_search),
        )  # fmt: skip
        tables["recipes"] = compared.table
        by_all = {"all_recipes_accuracy": compared.left}
        facts |= {"strongest": compared.strongest, "n_recipes": compared.n_recipes}
    return Measurements(
        estimates=robustness_estimates(outcome, WHOLE_TEXT)
        | _same_size_estimates(broken, noise.same_size, n_correct, n)
        | {
            "words_changed_share": _mean_share(sizes[broken]), "similarity": _mean_share(alike),
            "meaning": _mean_share(meant, least=-1.0), "queries": _mean(queries),
        }
        | by_all
        | behaved.estimates,
        facts=facts,
        tables=tables
        | {
            "curve": curve_table(outcome),
            "size_histogram": histogram_table(sizes[broken]),
            "weak_spots": weak_words(texts, attempts),
            "by_group": by_group_table(
                bench, attacked.positions, attacked.codes, outcome, WHOLE_TEXT,
                has_labels=attacked.has_labels,
            ),
        }
        | behaved.tables,
        sampling=(
            *attacked.sampling, *_empty(texts), *_spent(attempts, params),
            *((NEEDS_SCORES,) if params.compare_recipes and setting.labels_only else ()),
        ),
        cut_short=extent.note + (f" {NO_COMPARISON}" if leaves_out else ""),
    )  # fmt: skip


def _by_chance(
    texts: list[str],
    attempts: dict[int, Attempt],
    noise: Noise,
    params: AdversarialParams,
    setting: _Setting,
) -> dict[int, Attempt]:
    """Keep what random changes flip and the search did not, as on tables and pictures."""
    kept = {}
    for at, attempt in attempts.items():
        text = noise.texts[at]
        if attempt.is_broken or not text:
            continue
        if keeps_rules(setting.name, texts[at], text, meaning=params.meaning):
            kept[at] = attempt._replace(
                text=text, is_broken=True, steps=(texts[at], text), by_chance=True
            )
    return kept


def _spent(attempts: dict[int, Attempt], params: AdversarialParams) -> tuple[str, ...]:
    """Say how many searches had no questions left before they found anything."""
    n = sum(
        one.queries >= params.queries and (one.by_chance or not one.is_broken)
        for one in attempts.values()
    )
    said = (
        f"{n:,} of {len(attempts):,} searches found nothing before their {params.queries:,} "
        "queries were spent: more queries can only find more."
    )
    return (said,) if n else ()


def _empty(texts: list[str]) -> tuple[str, ...]:
    """Say how many texts hold nothing to change; nothing where all do."""
    n_empty = sum(not text.split() for text in texts)
    said = (
        f"{n_empty:,} of {len(texts):,} texts have no words: they count in the accuracy and cannot "
        "be attacked."
    )
    return (said,) if n_empty else ()


def foresee(bench: Workbench, params: AdversarialParams) -> dict[str, pa.Table]:
    """State the threat model of a run before it is made.

    Raises:
        UnsuitableSubject: the recipe cannot aim at one answer, or follows gradients and the model
            gives none.
        MissingDownload: the recipe needs a model that is not there.
        InvalidParameter: a wanted answer that is no class, or a recipe that follows gradients,
            which the attacker is not to know.
    """
    labels_only = _is_labels_only(bench, params)
    _refuse_recipe(bench, params, labels_only=labels_only)
    return {"threat_model": _threat_model(bench, params, labels_only)}


def _refuse_recipe(bench: Workbench, params: AdversarialParams, *, labels_only: bool) -> None:
    """Refuse a recipe that cannot run here; with labels only none is used."""
    if not labels_only:
        refuse_recipe(params.recipe, is_targeted=bool(params.wanted))
        network_for(bench.need_model(), params)


def _is_labels_only(bench: Workbench, params: AdversarialParams) -> bool:
    gives_scores = Capability.PREDICT_PROBA in bench.need_model().capabilities
    return not gives_scores or params.knowledge == "labels only"


def _knows(params: AdversarialParams, *, labels_only: bool) -> str:
    if labels_only:
        return "labels only"
    return "gradients" if ABOUT[params.recipe].is_white_box else "scores"


def _name(params: AdversarialParams, *, labels_only: bool) -> str:
    return LABELS_ONLY if labels_only else params.recipe


def _setting(bench: Workbench, params: AdversarialParams) -> _Setting:
    labels_only = _is_labels_only(bench, params)
    _refuse_recipe(bench, params, labels_only=labels_only)
    target = wanted_code(bench, params.wanted)
    attacked = choose_rows(bench, params.rows, wanted=target)
    if not any(str(text).split() for text in bench.data.inputs):
        raise UnsuitableSubject(
            f"Expected texts with at least one word, got {len(bench.data):,} without any.",
            remedy="Choose the column that holds the text.",
        )
    predictions = bench.need_predictions()
    said = predictions.predicted if predictions.scores is None else predictions.scores
    if len(bench.data) > 1 and not np.ptp(said, axis=0).any():
        only = bench.subject.classes[int(predictions.predicted[0])]
        raise UnsuitableSubject(
            f"Expected a model whose answer depends on the text, got the same answer, {only!r}, "
            f"for each of {len(bench.data):,} texts; an attack on a constant says nothing.",
            remedy="Check that the model and the data belong together.",
        )
    inputs = bench.data.inputs
    texts = [str(inputs[position]) for position in attacked.positions]
    return _Setting(
        attacked, texts, labels_only, target, _name(params, labels_only=labels_only),
        int(bench.rng.spawn(1)[0].integers(2**31)),
    )  # fmt: skip


def _sizes(
    texts: list[str], attempts: dict[int, Attempt]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Share and number of words changed; infinite and 0 where nothing was found."""
    words_changed = np.zeros(len(texts), dtype=np.int64)
    sizes = np.full(len(texts), np.inf)
    for at, attempt in attempts.items():
        if attempt.is_broken:
            words_changed[at] = n_words_changed(texts[at], attempt.text)
            sizes[at] = words_changed[at] / max(len(texts[at].split()), 1)
    return sizes, words_changed


def _same_size_estimates(
    broken: NDArray[np.int64], same_size: NDArray[np.bool_], n_correct: int, n: int
) -> dict[str, Estimate]:
    """Compare text by text: as many random changes as the attack needed."""
    if not n_correct:
        return {}
    by_noise = int(same_size.sum())
    return {
        "noise_accuracy": rate_estimate(n_correct - by_noise, n),
        "noise_success_rate": rate_estimate(by_noise, n_correct),
        "gap_to_noise": rate_estimate(len(broken) - int(same_size[broken].sum()), n_correct),
    }


def _mean(values: NDArray[np.float64]) -> Estimate:
    return mean_estimate(values) if len(values) else Estimate.unmeasured(NOTHING)


def _mean_share(values: NDArray[np.float64], *, least: float = 0.0) -> Estimate:
    return mean_share_estimate(values, least=least) if len(values) else _mean(values)


def _facts(
    bench: Workbench, params: AdversarialParams, setting: _Setting, attempts: dict[int, Attempt]
) -> dict[str, Any]:
    return {
        "modality": "text", "task": bench.subject.task,
        "attacker_sees": _knows(params, labels_only=setting.labels_only),
        "attack": setting.name, "budget": 1.0, "budget_unit": "share of the words",
        "differs": "" if setting.labels_only else ABOUT[params.recipe].differs.strip(),
        "wanted": params.wanted or None, "noise_draws": DRAWS,
        "noise_kind": _noise_kind(params, labels_only=setting.labels_only),
        "n_unconfirmed": sum(attempt.is_unconfirmed for attempt in attempts.values()),
        "n_found_by_random_only": sum(attempt.by_chance for attempt in attempts.values()),
    }  # fmt: skip


def _noise_kind(params: AdversarialParams, *, labels_only: bool) -> str:
    """Say what the random changes are that stand beside the attack."""
    said = "random words changed in the same way, within the same rules, without asking the model"
    if not labels_only and ABOUT[params.recipe].needs:
        said += "; the language model proposes its words once, for the unchanged text"
    return said


def _threat_model(bench: Workbench, params: AdversarialParams, labels_only: bool) -> pa.Table:
    goal = goal_words(bench, params.wanted)
    differs = "" if labels_only else ABOUT[params.recipe].differs.strip()
    is_test = not labels_only and ABOUT[params.recipe].is_reduction
    if is_test:
        goal = "the same answer from as few words as possible."
    name = _name(params, labels_only=labels_only)
    sight = _knows(params, labels_only=labels_only)
    knows = {
        "gradients": "the model and its gradients.",
        "scores": "the model's scores.",
        "labels only": "the model's answers.",
    }[sight]
    if params.knowledge == "whole model" and sight != "gradients":
        knows += " The whole model was to be known; of the recipes for texts only HotFlip uses it."
    unused = (
        f" The recipe {params.recipe!r} cannot do with answers alone and is not used."
        if labels_only
        else ""
    )
    meaning = f" Averaged word vectors must agree by {params.meaning:g}." if params.meaning else ""
    return threat_model_table(
        knows=knows,
        access="white-box" if sight == "gradients" else "black-box",
        may_change=f"Words may change as the recipe allows: {name}. Most function "
        f"words stay as they are.{meaning}{unused} {differs}".strip(),
        budget=f"No limit on the number of words beyond the recipe's own; {params.queries:,} "
        "queries a text.",
        goal=goal,
        is_targeted=bool(params.wanted),
        is_test=is_test,
    )


def _reduction(
    attacked: Attacked, texts: list[str], attempts: dict[int, Attempt]
) -> dict[str, Estimate]:
    """Input reduction keeps the answer, so it measures what is left and not what is broken."""
    left = np.array(
        [len(attempt.text.split()) / len(texts[at].split()) for at, attempt in attempts.items()]
    )
    queries = np.array([attempt.queries for attempt in attempts.values()], dtype=np.float64)
    return {
        "accuracy": rate_estimate(int(attacked.is_correct.sum()), len(texts)),
        "words_left_share": _mean_share(left),
        "queries": _mean(queries),
    }
