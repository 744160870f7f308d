"""Can what someone keeps to themselves be guessed with the model better than without it?

Guessing well proves nothing: a person's other columns may give the answer away to anybody. So an
imputer that never saw the model guesses first, and only the excess counts; and since a model may
honestly know how an attribute goes with the outcome, the excess on rows it never saw is taken off.
"""

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
from analyzers.privacy.comparability import as_numbers
from analyzers.privacy.evidence import Evidence
from analyzers.privacy.parts import NOTHING, Part
from analyzers.privacy.refitting import joined_inputs
from analyzers.privacy.tables import rated
from analyzers.privacy.wording import AREA, ends_in_points, finding_of, points
from analyzers.toolkit.groups import attribute_of
from analyzers.toolkit.intervals import percentile_interval

MOST_ROWS = 1000
MOST_LEVELS = 10
FEWEST_ROWS = 30
DRAWS = 2000
_LEAST = 1e-6


class Guesses(NamedTuple):
    """Which guesses were right, row by row: without the model, and with it."""

    without: NDArray[np.bool_]
    with_model: NDArray[np.bool_]


def measure_attribute_inference(
    model: Model | None,
    evidence: Evidence,
    columns: tuple[str, ...],
    rng: np.random.Generator,
    track: Tracker,
) -> Part:
    """Guess each column for members and non-members, with and without the model.

    References:
        Yeom et al. 2018, section 4; Jayaraman and Evans 2022.
    """
    subject = evidence.members.data.subject
    features = {column.name for column in subject.features}
    if model is None or subject.modality != "tabular":
        return NOTHING
    rows: list[dict[str, Any]] = []
    notes = []
    for name, own_rng in zip(columns, rng.spawn(len(columns)), strict=True):
        if name not in features:
            notes.append(f"Inference of {name} is left out: the model does not use that column.")
            continue
        try:
            inside, outside = guess_column(model, evidence, name, own_rng, track)
        except UnsuitableSubject as refusal:
            notes.append(f"Inference of {name} is left out. {refusal.message}")
            continue
        rows += _rows(name, inside, outside, own_rng)
    return Part({}, {}, {"attribute_inference": rows} if rows else {}, tuple(notes))


def guess_column(
    model: Model, evidence: Evidence, name: str, rng: np.random.Generator, track: Tracker
) -> tuple[Guesses, Guesses]:
    """Guess one column of members and of non-members that the imputer was not fitted on.

    Raises:
        UnsuitableSubject: too many levels, or too few rows.
    """
    members, others = evidence.members, evidence.non_members
    n_members = len(members)
    frame = joined_inputs(members.data, others.data)
    if not isinstance(frame, pd.DataFrame):
        raise UnsuitableSubject("Expected rows of a table.")
    outcome = evidence.labels
    attribute = attribute_of(frame[name])
    codes = attribute.codes.astype(np.int64)
    if len(attribute.levels) > MOST_LEVELS or len(attribute.levels) < 2:
        raise UnsuitableSubject(f"Expected 2 to {MOST_LEVELS} levels, got {len(attribute.levels)}.")
    order = n_members + rng.permutation(len(others))
    known, unseen = order[: len(order) // 2], order[len(order) // 2 :][:MOST_ROWS]
    inside = rng.permutation(n_members)[:MOST_ROWS]
    if min(len(known), len(inside)) < FEWEST_ROWS or len(np.unique(codes[known])) < 2:
        raise UnsuitableSubject(
            f"Expected at least {2 * FEWEST_ROWS} non-members and {FEWEST_ROWS} members, got "
            f"{len(others)} and {n_members}, or they have one level only."
        )
    asked = np.concatenate([inside, unseen])
    belief = _impute(frame.drop(columns=name), outcome, codes, known, asked, rng)
    levels = sorted(belief)
    imputed = np.log(np.maximum(np.stack([belief[level] for level in levels], axis=1), _LEAST))
    said = np.empty_like(imputed)
    what = "Guessing attributes with the model"
    for place, level in enumerate(track(levels, what, total=len(levels))):
        mine = known[codes[known] == level]
        typical = frame[name].iloc[mine].sort_values(ignore_index=True).iloc[len(mine) // 2]
        supposed = frame.iloc[asked].reset_index(drop=True)
        supposed[name] = pd.Series([typical] * len(asked)).astype(frame[name].dtype)
        said[:, place] = _log_likelihood(model, supposed, outcome[asked])
    truth, named = codes[asked], np.array(levels)
    without = named[imputed.argmax(axis=1)] == truth
    with_model = named[(imputed + said).argmax(axis=1)] == truth
    cut = len(inside)
    return Guesses(without[:cut], with_model[:cut]), Guesses(without[cut:], with_model[cut:])


def _impute(
    rest: pd.DataFrame,
    outcome: NDArray[Any],
    codes: NDArray[np.int64],
    known: NDArray[np.int64],
    asked: NDArray[np.int64],
    rng: np.random.Generator,
) -> dict[int, NDArray[np.float64]]:
    """Probabilities of every level from the other columns and the outcome."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    columns = [as_numbers(rest[name]) for name in rest.columns]
    features = np.stack([*columns, outcome.astype(np.float64)], axis=1)
    imputer = HistGradientBoostingClassifier(
        max_iter=30, max_leaf_nodes=8, min_samples_leaf=10, early_stopping=False,
        random_state=int(rng.integers(2**31)),
    )  # fmt: skip
    with threadpool_limits(1):
        imputer.fit(features[known], codes[known])
        given = imputer.predict_proba(features[asked])
    return {int(level): given[:, place] for place, level in enumerate(imputer.classes_)}


def _log_likelihood(
    model: Model, inputs: pd.DataFrame, outcome: NDArray[Any]
) -> NDArray[np.float64]:
    """How well the model's answer to these inputs goes with the known outcome."""
    if np.issubdtype(outcome.dtype, np.floating):
        error = np.abs(model.predict(inputs) - outcome)
        return np.asarray(-error / max(float(np.mean(error)), _LEAST))
    if Capability.PREDICT_PROBA in model.capabilities:
        scores = model.predict_proba(inputs)
        return np.log(np.maximum(scores[np.arange(len(outcome)), outcome], _LEAST))
    # A model with labels only is right or wrong, and rarely quite surely.
    return np.log(np.where(model.predict(inputs) == outcome, 0.9, 0.1))


def excess_of(guesses: Guesses, rng: np.random.Generator) -> tuple[float, NDArray[np.float64]]:
    """Accuracy with the model minus accuracy without, and bootstrap draws of it (rows paired)."""
    gain = guesses.with_model.astype(np.int64) - guesses.without.astype(np.int64)
    counts = np.bincount(gain + 1, minlength=3)
    drawn = rng.multinomial(len(gain), counts / len(gain), size=DRAWS)
    return float(gain.mean()), (drawn[:, 2] - drawn[:, 0]) / len(gain)


def _rows(
    name: str, inside: Guesses, outside: Guesses, rng: np.random.Generator
) -> list[dict[str, Any]]:
    excess, other_excess = excess_of(inside, rng), excess_of(outside, rng)
    found = []
    for side, value, draws, guesses in (
        ("members", *excess, inside),
        ("non-members", *other_excess, outside),
        ("members minus non-members", excess[0] - other_excess[0], excess[1] - other_excess[1],
         None),
    ):  # fmt: skip
        interval = percentile_interval(draws)
        estimate = Estimate(
            value=value, n=min(len(inside.without), len(outside.without)),
            low=None if interval is None else interval.low,
            high=None if interval is None else interval.high,
        )  # fmt: skip
        found.append(
            {
                "attribute": name,
                "side": side,
                "imputed_rightly": None if guesses is None else float(guesses.without.mean()),
                "guessed_rightly": None if guesses is None else float(guesses.with_model.mean()),
                **rated(estimate),
                "n": estimate.n if guesses is None else len(guesses.without),
            }
        )
    return found


def judge_attribute_inference(measurements: Measurements, policy: Policy) -> list[Finding]:
    """Say by how much the model gives away each attribute of its members."""
    table = measurements.tables.get("attribute_inference")
    rows = [] if table is None else table.to_pylist()
    sides = {(row["attribute"], row["side"]): row for row in rows}
    findings = []
    for row in rows:
        if row["side"] != "members minus non-members":
            continue
        name, inside = row["attribute"], sides[row["attribute"], "members"]
        estimate = Estimate(
            value=row["value"], low=row["low"], high=row["high"], n=row["n"],
            method="paired bootstrap, percentile",
        )  # fmt: skip
        threshold = policy.threshold(f"{AREA}.attribute_inference")
        findings.append(
            finding_of(
                "attribute_inference", estimate, judge_estimate(estimate, threshold), threshold,
                f"{name}: guessed rightly for {inside['guessed_rightly']:.1%} of {inside['n']:,} "
                f"members with the model and {inside['imputed_rightly']:.1%} without it; the "
                f"model's part that only members feel is {points(row['value'])} percentage points "
                f"(95 % interval {ends_in_points(estimate)}; smaller n = {row['n']:,}).",
                "Leave the column out of the model, or make the model remember less.",
                "Jayaraman and Evans 2022; Yeom et al. 2018",
                about=name, concerns=f"{name} of the people in the training data",
            )
        )  # fmt: skip
    return findings
