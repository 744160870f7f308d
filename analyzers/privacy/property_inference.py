"""What the model's behaviour tells about its training set as a whole: the share of a group in it.

Models of the same recipe are fitted on rows the model has not seen, with shares of the group from
a tenth to nine tenths. How sure they are of rows they were not fitted on, group by group and
outcome by outcome, is regressed on the share; the model's own sureness is then read off the line.

References:
    Ateniese et al. 2015, Hacking Smart Machines with Smarter Ones. Ganju et al. 2018, Property
    Inference Attacks on Fully Connected Neural Networks Using Permutation Invariant
    Representations. Suri and Evans 2022, Formalizing and Estimating Distribution Inference Risks.
"""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from analyzers.core.errors import UnsuitableSubject
from analyzers.core.finding import Finding, Judgement, Verdict
from analyzers.core.model import Model
from analyzers.core.result import Estimate, Fact, Measurements
from analyzers.core.workbench import Tracker
from analyzers.privacy.campaign import Plan, train
from analyzers.privacy.evidence import Evidence
from analyzers.privacy.params import PrivacyParams
from analyzers.privacy.parts import NOTHING, Part
from analyzers.privacy.recipes import recipe_of
from analyzers.privacy.refitting import bounded_log_odds
from analyzers.privacy.shadows import pool_of
from analyzers.privacy.wording import finding_of
from analyzers.toolkit.groups import attribute_of

NAME = "property_share"
SHARES = (0.1, 0.9)
FEWEST_ROWS = 40
_RIDGE = 1e-2
# How much smaller the error with the model must be before it is said to tell something.
_CLEARLY = 0.8


class Line(NamedTuple):
    """A share read off models whose share is known.

    Attributes:
        share: of the group, as the model's behaviour tells.
        error: root mean square of the same reading for each known model, left out of the line.
        blind_error: the same for always guessing the mean share.
        n_models: known models.
        readings: `(n_models,)` of each known model's share, by the others.
    """

    share: float
    error: float
    blind_error: float
    n_models: int
    readings: NDArray[np.float64]


def property_part(
    model: Model | None,
    evidence: Evidence,
    columns: tuple[str, ...],
    params: PrivacyParams,
    rng: np.random.Generator,
    track: Tracker,
) -> Part:
    """Measure where it is asked for, else or where it cannot be done nothing, with the reason."""
    if params.property_models == "off":
        return NOTHING
    try:
        if not columns:
            raise UnsuitableSubject("Expected a column marked sensitive, got none.")
        recipe = recipe_of(model, params, evidence.members)
        members, others = evidence.members, evidence.non_members
        in_group, level = _group(evidence, columns[0])
        cut = len(members)
        fit_rows, probe = _dealt(len(others), rng)
        plan = _plan(in_group[cut:], fit_rows, cut, int(params.property_models), rng)
        trained = train(recipe, pool_of(_given(model), evidence), plan, track=track)
        cells = in_group[cut:].astype(np.int64) * 2 + (np.asarray(others.labels) > 0)
        known = np.stack([_behaviour(row[cut:], cells, probe) for row in trained.answers])
        scores = others.scores if others.scores is not None else np.empty((len(others), 0))
        target = bounded_log_odds(scores, np.asarray(others.labels, dtype=np.int64))
        shares = np.array([in_group[inside].mean() for inside in plan.inside])
        line = read_off(known, shares, _behaviour(target, cells, probe))
    except UnsuitableSubject as refusal:
        return NOTHING._replace(notes=(f"Property inference is left out. {refusal.message}",))
    half = float(stats.t.ppf(0.975, line.n_models - 2)) * line.error
    estimate = Estimate(
        value=line.share, low=max(0.0, line.share - half), high=min(1.0, line.share + half),
        n=line.n_models, method="ridge regression, leave-one-out error",
    )  # fmt: skip
    facts: dict[str, Fact] = {
        "property_group": f"{columns[0]}: {level}",
        "property_true_share": float(in_group[:cut].mean()),
        "property_error": line.error,
        "property_blind_error": line.blind_error,
        "property_rows_each": int(plan.inside[0].sum()),
    }  # fmt: skip
    rows = [_row(share, read) for share, read in zip(shares, line.readings, strict=True)]
    mine = _row(in_group[:cut].mean(), line.share) | {
        "is_target": True, "low": estimate.low, "high": estimate.high,
    }  # fmt: skip
    return Part({NAME: estimate}, facts, {"property_models": [mine, *rows]})


def _row(share: float, read: float) -> dict[str, Any]:
    return {"is_target": False, "share": float(share), "read_share": float(read),
            "low": None, "high": None}  # fmt: skip


def read_off(
    known: NDArray[np.float64], shares: NDArray[np.float64], target: NDArray[np.float64]
) -> Line:
    """Read a share off known ones.

    Args:
        known: `(n_models, n_numbers)` behaviour of models whose share is known.
        shares: `(n_models,)` in [0, 1].
        target: `(n_numbers,)` behaviour of the model.
    """

    def reading(rows: NDArray[np.bool_], asked: NDArray[np.float64]) -> float:
        middle, spread = known[rows].mean(axis=0), known[rows].std(axis=0)
        spread = np.where(spread > 0, spread, 1.0)
        inputs, mean = (known[rows] - middle) / spread, shares[rows].mean()
        n_numbers = inputs.shape[1]
        weights = np.linalg.solve(
            inputs.T @ inputs + _RIDGE * rows.sum() * np.eye(n_numbers),
            inputs.T @ (shares[rows] - mean),
        )
        return float(np.clip(mean + ((asked - middle) / spread) @ weights, 0.0, 1.0))

    n_models = len(shares)
    everyone = np.ones(n_models, dtype=np.bool_)
    errors, blind = np.empty(n_models), np.empty(n_models)
    for place in range(n_models):
        rest = everyone.copy()
        rest[place] = False
        errors[place] = reading(rest, known[place]) - shares[place]
        blind[place] = shares[rest].mean() - shares[place]
    return Line(
        reading(everyone, target), float(np.sqrt((errors**2).mean())),
        float(np.sqrt((blind**2).mean())), n_models, shares + errors,
    )  # fmt: skip


def judge_property(measurements: Measurements) -> list[Finding]:
    """Say what can be told of the training set's make-up; there is no accepted limit."""
    estimate = measurements.estimates.get(NAME)
    if estimate is None or estimate.value is None:
        return []
    facts = measurements.facts
    true, error, blind = (
        float(facts[name] or 0.0)
        for name in ("property_true_share", "property_error", "property_blind_error")
    )
    tells = (
        "tells the share better than guessing"
        if error < _CLEARLY * blind
        else "hardly tells the share better than guessing"
    )
    return [
        finding_of(
            NAME, estimate,
            Judgement(Verdict.INCONCLUSIVE, "Whether a share is a secret depends on the use; no "
                      "limit exists."),
            None,
            f"{facts['property_group']}: from {estimate.n} models of the same recipe an attacker "
            f"reads a share of {estimate.value:.0%} in the training data (95 % interval "
            f"{estimate.low or 0:.0%} to {estimate.high or 0:.0%}); it is {true:.0%}. Behaviour "
            f"{tells}: off by {100 * error:.0f} percentage points on average, by {100 * blind:.0f} "
            f"without the model. Each of them was fitted on {facts['property_rows_each']:,} rows.",
            "Where the make-up of the training set is confidential, answer with labels only and "
            "train on balanced parts.",
            "Ateniese et al. 2015; Suri and Evans 2022",
            concerns="whoever the training data was collected from",
        )
    ]  # fmt: skip


def _given(model: Model | None) -> Model:
    if model is None:
        raise UnsuitableSubject("Expected a model, got predictions only.")
    return model


def _group(evidence: Evidence, name: str) -> tuple[NDArray[np.bool_], str]:
    """Whether each row, members first, is of the group that most members are of."""
    frames = [side.data.frame[name] for side in (evidence.members, evidence.non_members)]
    attribute = attribute_of(pd.concat(frames, ignore_index=True))
    codes = attribute.codes.astype(np.int64)
    common = int(np.bincount(codes[: len(frames[0])]).argmax())
    return codes == common, str(attribute.levels[common])


def _dealt(n_rows: int, rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    order = rng.permutation(n_rows)
    return order[n_rows // 2 :], order[: n_rows // 2]


def _plan(
    in_group: NDArray[np.bool_],
    rows: NDArray[np.int64],
    n_members: int,
    n_models: int,
    rng: np.random.Generator,
) -> Plan:
    """Models on as many rows each, with shares of the group spread evenly over `SHARES`."""
    inside_group, outside_group = rows[in_group[rows]], rows[~in_group[rows]]
    each = int(min(len(inside_group), len(outside_group)) / SHARES[1])
    if each < FEWEST_ROWS:
        raise UnsuitableSubject(
            f"Expected enough held-out rows of the group and of the others to fit models on "
            f"{FEWEST_ROWS} rows, got {len(inside_group):,} and {len(outside_group):,}."
        )
    inside = np.zeros((n_models, n_members + len(in_group)), dtype=np.bool_)
    for place, share in enumerate(np.linspace(*SHARES, n_models)):
        n_inside = round(share * each)
        chosen = [
            rng.choice(inside_group, n_inside, replace=False),
            rng.choice(outside_group, each - n_inside, replace=False),
        ]
        inside[place, n_members + np.concatenate(chosen)] = True
    return Plan(np.arange(n_models), inside, rng.integers(2**31, size=n_models))


def _behaviour(
    log_odds: NDArray[np.float64], cells: NDArray[np.int64], probe: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Mean log-odds of the truth over probe rows, by group and outcome, `(n_cells,)`."""
    mine = cells[probe]
    return np.array(
        [log_odds[probe][mine == cell].mean() if (mine == cell).any() else 0.0 for cell in range(4)]
    )
