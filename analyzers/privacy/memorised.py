"""Single values the model remembers: exposure of what stands in one training record only.

A value that only one training record has (a name in a text, an exact amount) is put against other
such values: the model is asked how well each goes with the record's known outcome, and the true
value gets a rank. Exposure is log2 of the number of candidates minus log2 of the rank: 0 bits where
it comes last, all bits where it comes first. Records the model never saw go through the same, since
a true value can be likelier without any memory; only the difference counts.

References:
    Carlini et al. 2019, The Secret Sharer: Evaluating and Testing Unintended Memorization in Neural
    Networks (exposure).
"""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analyzers.core.errors import UnsuitableSubject
from analyzers.core.finding import Finding, judge_estimate
from analyzers.core.model import Capability, Model
from analyzers.core.policy import Policy
from analyzers.core.result import Estimate, Measurements
from analyzers.core.workbench import Tracker
from analyzers.privacy.evidence import Evidence, Side
from analyzers.privacy.parts import NOTHING, Part
from analyzers.privacy.tables import rated
from analyzers.privacy.wording import AREA, ends, finding_of
from analyzers.toolkit.intervals import difference_estimate, mean_estimate

N_CANDIDATES = 32
MOST_RECORDS = 200
FEWEST_RECORDS = 20
MOST_COLUMNS = 8
WORDS = "single words"
_WORD = re.compile(r"\w{3,}")
_LEAST = 1e-12


class Canary(NamedTuple):
    """A record with a value nobody else has.

    Attributes:
        position: of the record on its side.
        value: the value, or the word.
    """

    position: int
    value: Any


def measure_memorised(
    model: Model | None,
    evidence: Evidence,
    columns: Sequence[str],
    rng: np.random.Generator,
    track: Tracker,
) -> Part:
    """Measure the exposure of single values of members and of non-members.

    Args:
        model: the live model, with probabilities.
        evidence: both sides.
        columns: of a table, those whose values are tried; at most `MOST_COLUMNS` count.
        rng: chooses records and candidates.
        track: reports columns done.

    Raises:
        UnsuitableSubject: no model with probabilities, or pictures.
    """
    subject = evidence.members.data.subject
    can_score = model is not None and Capability.PREDICT_PROBA in model.capabilities
    if model is None or not can_score or subject.modality == "image":
        raise UnsuitableSubject(
            "Expected a model of texts or of rows of a table that gives probabilities."
        )
    names = [WORDS] if subject.modality == "text" else list(columns)[:MOST_COLUMNS]
    rows: list[dict[str, Any]] = []
    notes: list[str] = []
    if len(columns) > len(names) and names != [WORDS]:
        notes.append(f"Remembered values: the first {len(names)} of {len(columns)} columns.")
    rngs = rng.spawn(len(names))
    what = "Trying single values against others"
    for name, own_rng in zip(track(names, what, total=len(names)), rngs, strict=True):
        canaries = _canaries(evidence, name)
        n_fewest = min(map(len, canaries))
        if n_fewest < FEWEST_RECORDS:
            notes.append(
                f"Exposure of {name} is left out: {n_fewest:,} records on a side have a value of "
                f"their own; {FEWEST_RECORDS} are needed."
            )
            continue
        # One pool for both sides: candidates must not give away where they come from.
        pool = [canary.value for side in canaries for canary in side]
        bits = [
            _exposures(model, side, found, name, pool, own_rng)
            for side, found in zip((evidence.members, evidence.non_members), canaries, strict=True)
        ]
        rows += _rows(name, *(mean_estimate(side) for side in bits))
    return Part({}, {}, {"memorised_values": rows} if rows else {}, tuple(notes))


def memorised_part(
    model: Model | None,
    evidence: Evidence,
    columns: Sequence[str],
    rng: np.random.Generator,
    track: Tracker,
    *,
    is_wanted: bool,
) -> Part:
    """Measure where it is asked for, else or where it cannot be done nothing, with the reason."""
    if not is_wanted:
        return NOTHING
    try:
        return measure_memorised(model, evidence, columns, rng, track)
    except UnsuitableSubject as refusal:
        return NOTHING._replace(notes=(f"Remembered values are left out. {refusal.message}",))


def _canaries(evidence: Evidence, name: str) -> tuple[list[Canary], list[Canary]]:
    """Records of each side with a value that no other record of either side has."""
    sides = (evidence.members, evidence.non_members)
    if name == WORDS:
        held = [[sorted(set(_WORD.findall(text.lower()))) for text in _texts(s)] for s in sides]
        counts = Counter(word for side in held for words in side for word in words)
        found = [
            [
                Canary(position, single[0])
                for position, words in enumerate(side)
                if (single := [word for word in words if counts[word] == 1])
            ]
            for side in held
        ]
        return found[0], found[1]
    values = [side.data.frame[name] for side in sides]
    both = pd.concat(values, ignore_index=True)
    is_single = ~both.duplicated(keep=False).to_numpy() & both.notna().to_numpy()
    cut = len(sides[0])
    positions = np.flatnonzero(is_single)
    singles = [Canary(int(at), both.iloc[at]) for at in positions]
    return (
        [item for item in singles if item.position < cut],
        [item._replace(position=item.position - cut) for item in singles if item.position >= cut],
    )


def _texts(side: Side) -> list[str]:
    return [str(text) for text in side.data.inputs]


def _exposures(
    model: Model,
    side: Side,
    canaries: list[Canary],
    name: str,
    pool: list[Any],
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Bits of exposure of each chosen record, `(n_records,)`; equals share their mean rank."""
    chosen = [canaries[at] for at in np.sort(rng.permutation(len(canaries))[:MOST_RECORDS])]
    positions = np.array([canary.position for canary in chosen])
    truth = np.asarray(side.labels, dtype=np.int64)[positions]
    picks = rng.integers(len(pool), size=(N_CANDIDATES - 1, len(chosen)))
    said = np.empty((N_CANDIDATES, len(chosen)))
    for place in range(N_CANDIDATES):
        values = [
            canary.value if place == 0 else pool[picks[place - 1, at]]
            for at, canary in enumerate(chosen)
        ]
        scores = model.predict_proba(_with_values(side, positions, chosen, name, values))
        said[place] = np.log(np.maximum(scores[np.arange(len(chosen)), truth], _LEAST))
    above = (said[1:] > said[0]).sum(axis=0)
    equal = (said[1:] == said[0]).sum(axis=0)
    return np.log2(N_CANDIDATES) - np.log2(1 + above + equal / 2)


def _with_values(
    side: Side, positions: NDArray[np.int64], chosen: list[Canary], name: str, values: list[Any]
) -> Any:  # noqa: ANN401  what the model takes
    if name == WORDS:
        texts = _texts(side)
        return [
            re.sub(
                rf"\b{re.escape(canary.value)}\b", str(value), texts[canary.position], flags=re.I
            )
            for canary, value in zip(chosen, values, strict=True)
        ]
    inputs: pd.DataFrame = side.data.inputs  # type: ignore[assignment]  # rows of a table
    frame = inputs.iloc[positions].reset_index(drop=True)
    frame[name] = pd.Series(values).astype(frame[name].dtype)
    return frame


def _rows(name: str, inside: Estimate, outside: Estimate) -> list[dict[str, Any]]:
    return [
        {"attribute": name, "side": side, **rated(estimate), "n": estimate.n}
        for side, estimate in (
            ("members", inside),
            ("non-members", outside),
            ("members minus non-members", difference_estimate(inside, outside)),
        )
    ]


def judge_memorised(measurements: Measurements, policy: Policy) -> list[Finding]:
    """Say by how many bits single values of members stand out."""
    table = measurements.tables.get("memorised_values")
    threshold = policy.threshold(f"{AREA}.memorised_values")
    findings = []
    for row in [] if table is None else table.to_pylist():
        if row["side"] != "members minus non-members":
            continue
        estimate = Estimate(
            value=row["value"], low=row["low"], high=row["high"], n=row["n"],
            method="Student's t on each side, MOVER",
        )  # fmt: skip
        findings.append(
            finding_of(
                "memorised_values", estimate, judge_estimate(estimate, threshold), threshold,
                f"{row['attribute']}: a value that one training record alone has stands out from "
                f"{N_CANDIDATES - 1} others by {row['value']:.2f} bits more than in records the "
                f"model never saw (95 % interval {ends(estimate)}; smaller n = {row['n']:,}); "
                f"{np.log2(N_CANDIDATES):.0f} bits would be certainty, 0 no memory.",
                "Take single values out before training: round amounts, replace names; or make the "
                "model remember less.",
                "Carlini et al. 2019 (exposure)",
                about=row["attribute"],
            )
        )  # fmt: skip
    return findings
