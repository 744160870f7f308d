"""How many questions does a thief need to rebuild the model?"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analyzers.core.errors import UnsuitableSubject
from analyzers.core.finding import Finding, judge_estimate
from analyzers.core.model import Model
from analyzers.core.policy import Policy
from analyzers.core.result import Estimate, Measurements
from analyzers.core.workbench import Tracker
from analyzers.privacy.comparability import as_numbers
from analyzers.privacy.evidence import Side
from analyzers.privacy.parts import NOTHING, Part
from analyzers.privacy.tables import rated
from analyzers.privacy.wording import AREA, ends, finding_of
from analyzers.toolkit.intervals import rate_estimate

BUDGETS = (30, 100, 300, 1000, 3000)
POOL = 6000
FEWEST_ROWS = 60
TREES = 60
STRATEGIES = {"random": "at random", "margin": "where the copy is least sure"}


def measure_extraction(
    model: Model | None, non_members: Side, rng: np.random.Generator, track: Tracker
) -> Part:
    """Train copies on the model's labels and compare their answers with the model's.

    The thief owns half of the held-out rows, whose columns are mixed anew to get more questions;
    the other half is what the copies are tested on. The copy is a forest, whatever the model is.

    Raises:
        UnsuitableSubject: no model, another kind of data or task, or too few rows.

    References:
        Tramer et al. 2016; Jagielski et al. 2020 (fidelity).
    """
    subject = non_members.data.subject
    if model is None or subject.modality != "tabular" or subject.task == "regression":
        raise UnsuitableSubject(
            "Expected a model that puts rows of a table into classes.",
            remedy="Switch model extraction off.",
        )
    if len(non_members) < FEWEST_ROWS:
        raise UnsuitableSubject(
            f"Expected at least {FEWEST_ROWS} held-out rows to rebuild the model with, got "
            f"{len(non_members)}."
        )
    deal_rng, mix_rng, *strategy_rngs = rng.spawn(2 + len(STRATEGIES))
    order = deal_rng.permutation(len(non_members))
    owned, tested = order[: len(order) // 2], order[len(order) // 2 :]
    inputs: Any = non_members.data.inputs
    pool = mixed_rows(inputs.iloc[owned], POOL, mix_rng)
    asked, wanted = model.predict(pool), np.asarray(non_members.predicted)[tested]
    both = pd.concat([pool, inputs.iloc[tested]], ignore_index=True)
    numbers = np.stack([as_numbers(both[name]) for name in both.columns], axis=1)
    # A forest takes no missing numbers in old releases; no value of ours is this low.
    numbers = np.where(np.isnan(numbers), -1e9, numbers)
    answers = np.asarray(asked, dtype=np.int64)
    rows: list[dict[str, Any]] = []
    for strategy, own_rng in zip(STRATEGIES, strategy_rngs, strict=True):
        copies = _copies(numbers[:POOL], answers, numbers[POOL:], strategy, own_rng, track)
        for budget, guessed in copies:
            agreed = rate_estimate(int((guessed == wanted).sum()), len(tested))
            rows.append(
                {"strategy": strategy, "queries": budget, **rated(agreed), "n": len(tested)}
            )
    usual = int(np.bincount(answers).argmax())
    constant = rate_estimate(int((wanted == usual).sum()), len(tested))
    return Part({"agreement_of_a_constant": constant}, {}, {"extraction": rows})


def mixed_rows(owned: pd.DataFrame, n_rows: int, rng: np.random.Generator) -> pd.DataFrame:
    """Make rows whose every column comes from another owned row; the owned rows come first."""
    missing = max(n_rows - len(owned), 0)
    mixed = {
        name: owned[name].iloc[rng.integers(len(owned), size=missing)].reset_index(drop=True)
        for name in owned.columns
    }
    return pd.concat([owned.iloc[:n_rows], pd.DataFrame(mixed)], ignore_index=True)


def _copies(
    pool: NDArray[np.float64],
    answers: NDArray[np.int64],
    tested: NDArray[np.float64],
    strategy: str,
    rng: np.random.Generator,
    track: Tracker,
) -> list[tuple[int, NDArray[np.int64]]]:
    """Fit a copy at every budget; each keeps the questions of the one before."""
    from sklearn.ensemble import RandomForestClassifier

    chosen = rng.permutation(len(pool))[: BUDGETS[0]]
    found = []
    for place, budget in enumerate(track(BUDGETS, "Rebuilding the model", total=len(BUDGETS))):
        copy = RandomForestClassifier(
            TREES, min_samples_leaf=1, random_state=int(rng.integers(2**31))
        ).fit(pool[chosen], answers[chosen])
        found.append((budget, np.asarray(copy.predict(tested), dtype=np.int64)))
        if place + 1 == len(BUDGETS):
            break
        left = np.setdiff1d(np.arange(len(pool)), chosen)
        more = BUDGETS[place + 1] - budget
        left = left[rng.permutation(len(left))]
        if strategy == "margin" and len(copy.classes_) > 1:
            sure = np.sort(copy.predict_proba(pool[left]), axis=1)
            left = left[np.argsort(sure[:, -1] - sure[:, -2], kind="stable")]
        chosen = np.concatenate([chosen, left[:more]])
    return found


def extraction_part(
    model: Model | None,
    non_members: Side,
    rng: np.random.Generator,
    track: Tracker,
    *,
    is_wanted: bool,
) -> Part:
    """Measure where it is asked for, else or where it cannot be done nothing, with the reason."""
    if not is_wanted:
        return NOTHING
    try:
        return measure_extraction(model, non_members, rng, track)
    except UnsuitableSubject as refusal:
        return NOTHING._replace(notes=(f"Model extraction is left out. {refusal.message}",))


def judge_extraction(measurements: Measurements, policy: Policy) -> list[Finding]:
    """Say what a thief gets for a thousand questions."""
    table = measurements.tables.get("extraction")
    rows = [row for row in ([] if table is None else table.to_pylist()) if row["queries"] == 1000]
    if not rows:
        return []
    best = max(rows, key=lambda row: row["value"])
    estimate = Estimate(
        value=best["value"], low=best["low"], high=best["high"], n=best["n"], method="Wilson"
    )
    threshold = policy.threshold(f"{AREA}.extraction")
    constant = measurements.estimates.get("agreement_of_a_constant")
    price = float(measurements.facts.get("question_price") or 0.0)
    cost = f" At the price given they cost {price:,.2f}." if price else ""
    beside = "" if constant is None or constant.value is None else (
        f"; always giving the usual answer agrees on {constant.value:.1%}"
    )  # fmt: skip
    return [
        finding_of(
            "extraction", estimate, judge_estimate(estimate, threshold), threshold,
            f"A copy made from 1,000 answers, asked for {STRATEGIES[best['strategy']]}, agrees "
            f"with the model on {best['value']:.1%} of other rows (95 % interval "
            f"{ends(estimate, '.1%')}; n = {best['n']:,}){beside}.{cost}",
            "Limit and watch who asks how much; a copy can be attacked at leisure.",
            "Tramer et al. 2016; Jagielski et al. 2020",
            concerns="the owner of the model, and those an attacker studies it for",
        )
    ]  # fmt: skip
