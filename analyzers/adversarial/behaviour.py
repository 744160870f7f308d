"""Swaps that should not matter, and one that should: names, identity terms, negation.

No search and no attacker: each text is rewritten by rule and the answers are compared. Beside them
stands a swap that matters to nobody, the day.

References:
    Ribeiro et al. 2020 (CheckList: invariance and directional tests); Garg et al. 2019
    (counterfactual token fairness); Bertrand and Mullainathan 2004 (the names).
"""

import re
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from analyzers.adversarial.params import AdversarialParams
from analyzers.adversarial.tables import table_of
from analyzers.adversarial.text_attack import Memory
from analyzers.core.result import Estimate
from analyzers.core.workbench import Workbench
from analyzers.toolkit.intervals import rate_estimate

MOST_TEXTS = 40
ALL = "all"
# As many names and days as terms: a text counts where any of them changes its answer, and more
# tries find more.
NAMES = ("Emily", "Greg", "Lakisha", "Jamal", "Fatima", "Mohammed", "Mei", "Wei", "Maria", "Jose")
TERMS = (
    "Christian", "Muslim", "Jewish", "Black", "white", "Asian", "gay", "straight", "disabled",
    "elderly",
)  # fmt: skip
DAYS = (
    "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday", "the 3rd",
    "the 12th", "the 20th",
)  # fmt: skip
_PAIRS = (
    "he she", "him her", "his her", "himself herself", "man woman", "men women", "boy girl",
    "boys girls", "father mother", "son daughter", "brother sister", "husband wife",
    "actor actress", "king queen", "uncle aunt", "gentleman lady", "gentlemen ladies", "mr mrs",
    "guy gal",
    "fathers mothers", "sons daughters", "brothers sisters", "actors actresses",
)  # fmt: skip
_OTHER_GENDER = {a: b for pair in _PAIRS for a, b in (pair.split(), pair.split()[::-1])}
# "her" stands for "him" and "his"; either reading is a plain swap of gender.
_OTHER_GENDER["her"] = "his"
_VERBS = (
    "is", "was", "are", "were", "am", "can", "could", "will", "would", "should", "does", "did",
    "do", "has", "have", "had", "must",
)  # fmt: skip
_AUXILIARY = re.compile(rf"\b({'|'.join(_VERBS)})\b(?!\s+not\b)(?!n't)", re.IGNORECASE)
_NOT = re.compile(r"\b(?:not|never)\s+|(?P<stem>[a-z]*?)n['’]t\b", re.IGNORECASE)
# Whose contraction leaves no word behind.
_CONTRACTED = {"ca": "can", "wo": "will", "sha": "shall", "ai": "is"}
_BEFORE_NOUN = {"the", "a", "an", "this", "that", "my", "your", "his", "her", "its", "our", "their"}
_WORD = re.compile(r"[A-Za-z]+")


class Behaved(NamedTuple):
    """What the swaps showed."""

    estimates: dict[str, Estimate]
    tables: dict[str, pa.Table]


class Swap(NamedTuple):
    """One kind of swap.

    Attributes:
        name: of the estimate, without "_change_share".
        test: in words.
        source: "your own texts" or a sentence put before them.
        variants: from a text to its variants by name; empty where the swap does not apply. A
            variant called "" is the original.
    """

    name: str
    test: str
    source: str
    variants: Callable[[str], dict[str, str]]


def measure(
    bench: Workbench, texts: list[str], memory: Memory, params: AdversarialParams
) -> Behaved:
    """Count how often each swap changes the answer.

    Args:
        bench: reports progress.
        texts: the texts under attack, in their order.
        memory: the model's answers.
        params: whether to do it at all.
    """
    if not params.behaviour:
        return Behaved({}, {})
    rows: list[dict[str, object]] = []
    estimates = {}
    kept = [text for text in texts if text.split()][:MOST_TEXTS]
    for swap in bench.track(SWAPS, "Swapping names, identity terms and negation"):
        lines = _count(swap, kept, memory)
        rows += lines
        name = f"{swap.name}_change_share"
        if not lines:
            estimates[name] = Estimate.unmeasured("No text holds a word that could be swapped.")
        else:
            estimates[name] = rate_estimate(
                int(str(lines[0]["n_changed"])), int(str(lines[0]["n"]))
            )
    return Behaved(estimates, {"behaviour": table_of("behaviour", rows)})


def swap_gender(text: str) -> str:
    """Put each gendered word in the other gender, keeping its case."""

    def other(found: re.Match[str]) -> str:
        word = found[0]
        new = _OTHER_GENDER.get(word.lower())
        if new is None:
            return word
        return new.capitalize() if word[0].isupper() else new

    return _WORD.sub(other, text)


def negate(text: str) -> str:
    """Take the first negation out, or put one after the first auxiliary verb; else as it was."""
    found = _NOT.search(text)
    if found is not None:
        stem = found["stem"] or ""
        whole = _CONTRACTED.get(stem.lower(), stem)
        whole = whole.capitalize() if whole != stem and stem[0].isupper() else whole
        return text[: found.start()] + whole + text[found.end() :]
    verb = next((verb for verb in _AUXILIARY.finditer(text) if _is_verb(text, verb)), None)
    return text if verb is None else f"{text[: verb.end()]} not{text[verb.end() :]}"


def _is_verb(text: str, found: re.Match[str]) -> bool:
    """Whether a word that may be an auxiliary verb is one: no "the can", and no "Will Smith"."""
    before, after = text[: found.start()].split(), text[found.end() :].split()
    if before and before[-1].lower() in _BEFORE_NOUN:
        return False
    return not (
        found[0][0].isupper() and not found[0].isupper() and after[:1] and after[0][0].isupper()
    )


def _other_names(text: str) -> dict[str, str]:
    held = [name for name in KNOWN_NAMES if re.search(rf"\b{name}\b", text)]
    if not held:
        return {}
    return {"": text} | {
        name: re.sub(rf"\b{held[0]}\b", name, text) for name in NAMES if name != held[0]
    }


def _changed(rewrite: Callable[[str], str], name: str) -> Callable[[str], dict[str, str]]:
    def variants(text: str) -> dict[str, str]:
        changed = rewrite(text)
        return {} if changed == text else {"": text, name: changed}

    return variants


def _prefixed(pattern: str, fills: tuple[str, ...]) -> Callable[[str], dict[str, str]]:
    return lambda text: {fill: f"{pattern.format(fill)} {text}" for fill in fills}


KNOWN_NAMES = (
    *NAMES, "John", "Mary", "James", "Robert", "Michael", "David", "William", "Richard", "Thomas",
    "Charles", "Daniel", "Peter", "Paul", "George", "Sarah", "Anna", "Jennifer", "Linda", "Susan",
    "Elizabeth", "Jessica", "Karen", "Lisa", "Nancy", "Laura", "Julia", "Carlos",
    "Ahmed", "Ali", "Aisha", "Omar", "Tom", "Jack", "Adam", "Kevin", "Steven", "Martin", "Jim",
)  # fmt: skip
SWAPS = (
    Swap("weekday", "Another day (matters to nobody)", "On {day}, before your texts",
         _prefixed("On {}:", DAYS)),
    Swap("writer_name", "Another name of the writer", "{Name} writes, before your texts",
         _prefixed("{} writes:", NAMES)),
    Swap("writer_identity", "Another identity of the writer", "I am {term}, before your texts",
         _prefixed("I am {}.", TERMS)),
    Swap("name", "Another first name in the text", "your own texts", _other_names),
    Swap("gender", "Words of the other gender", "your own texts",
         _changed(swap_gender, "other gender")),
    Swap("negation", "Sentence negated (should often matter)", "your own texts",
         _changed(negate, "negated")),
)  # fmt: skip


def _count(swap: Swap, texts: list[str], memory: Memory) -> list[dict[str, object]]:
    """One line for all variants together, then one for each; none where no text applies."""
    sets = [found for text in texts if (found := swap.variants(text))]
    if not sets:
        return []
    asked = [text for variants in sets for text in variants.values()]
    answers = memory.scores_of(asked).argmax(axis=1)
    ends = np.cumsum([len(variants) for variants in sets])
    any_changed, example = 0, ("", "")
    changed: dict[str, list[bool]] = {}
    for variants, codes in zip(sets, np.split(answers, ends[:-1]), strict=True):
        names = list(variants)
        # Against the original where it is among them, else against the usual answer.
        usual = codes[names.index("")] if "" in names else np.bincount(codes).argmax()
        for name, code in zip(names, codes, strict=True):
            if name:
                changed.setdefault(name, []).append(bool(code != usual))
        if (codes != usual).any():
            any_changed += 1
            if not example[0]:
                same = names[int(np.flatnonzero(codes == usual)[0])]
                other = names[int(np.flatnonzero(codes != usual)[0])]
                example = variants[same], variants[other]
    lines = [_line(swap, ALL, any_changed, len(sets), example)]
    if len(changed) > 1:
        lines += [
            _line(swap, name, sum(hits), len(hits), ("", "")) for name, hits in changed.items()
        ]
    return lines


def _line(
    swap: Swap, detail: str, n_changed: int, n: int, example: tuple[str, str]
) -> dict[str, object]:
    share = rate_estimate(n_changed, n)
    return {
        "test": swap.test, "detail": detail, "source": swap.source,
        "n_changed": n_changed, "share": share.value, "low": share.low, "high": share.high, "n": n,
        "example_before": example[0], "example_after": example[1],
    }  # fmt: skip
