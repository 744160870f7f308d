"""Run the attack: gather, check, calibrate, count."""

import copy
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analyzers.core.errors import UnsuitableSubject
from analyzers.core.result import Estimate, Fact, Measurements
from analyzers.core.subject import Subject
from analyzers.core.workbench import Workbench
from analyzers.privacy.attribute_inference import measure_attribute_inference
from analyzers.privacy.auditor import refit_attacks
from analyzers.privacy.calibration import Calibrated, attack_by_halves
from analyzers.privacy.comparability import Comparison, compare_sides
from analyzers.privacy.epsilon import epsilon_lower_bound
from analyzers.privacy.evidence import Evidence, Side, gather
from analyzers.privacy.exposure import expose_groups, most_exposed
from analyzers.privacy.extraction import extraction_part
from analyzers.privacy.inversion import inversion_part
from analyzers.privacy.learned import learned_signal
from analyzers.privacy.memorised import memorised_part
from analyzers.privacy.more_signals import more_signals
from analyzers.privacy.one_run import audit_part
from analyzers.privacy.params import PrivacyParams
from analyzers.privacy.property_inference import property_part
from analyzers.privacy.signal_rows import attack_rows, histogram_rows, roc_rows
from analyzers.privacy.signals import Signal, signals_of
from analyzers.privacy.singling_out import measure_singling_out
from analyzers.privacy.structure import measure_structure
from analyzers.privacy.tables import table_of
from analyzers.toolkit.intervals import (
    clopper_pearson,
    difference_estimate,
    mean_estimate,
    rate_estimate,
)
from analyzers.toolkit.sampling import sampling_note

CHOSEN = "chosen"
ACCEPTED_RATES = (0.001, 0.01)
GROUP_RATE = 0.01


def measure(bench: Workbench, params: PrivacyParams) -> Measurements:
    """Attack the model's answers on members and non-members.

    Raises:
        UnsuitableSubject: no predictions on the training data, or too few rows on a side.
    """
    data, training = bench.data, bench.need_training_data()
    if bench.training_predictions is None:
        # The shared predictions say why they have none for the training table.
        shared = bench.groundwork.get("predictions", Measurements())
        why = shared.facts.get("training_obstacle") or ""
        raise UnsuitableSubject(
            "This analysis needs the model's answers on the training data, and none were given. "
            f"{why}".strip(),
            remedy="Upload the model, or a training table that has the score column too.",
        )
    evidence = gather(training, bench.training_predictions, data, bench.need_predictions())
    # The first stream is the shadow models', whether they are fitted here or were before.
    shadow_rng, halves_rng, check_rng, group_rng, guess_rng, thief_rng = bench.rng.spawn(6)
    (coin_rng,) = bench.rng.spawn(1)
    members, non_members = evidence.members, evidence.non_members
    comparison = compare_sides(
        members, non_members, most_rows=params.check_rows, rng=check_rng, track=bench.track
    )
    auditor = refit_attacks(bench, evidence, params, shadow_rng)
    more = more_signals(bench, evidence, params, *bench.rng.spawn(2))
    (learn_rng,) = check_rng.spawn(1)
    learned = (
        learned_signal(members, non_members, rng=learn_rng, track=bench.track)
        if params.learned
        else []
    )
    signals = [*signals_of(members, non_members), *learned, *more.signals, *auditor.signals]
    strata = _strata(evidence, by_class=params.by_class)
    # A copy for each, so that every attack meets the same halves.
    attack = attack_by_halves(signals, *strata, copy.deepcopy(halves_rng))
    points = operating_points(attack, CHOSEN)
    for signal in signals:
        alone = attack_by_halves([signal], *strata, copy.deepcopy(halves_rng))
        points += operating_points(alone, signal.name)
    value_rng, climb_rng, share_rng, deal_rng = bench.rng.spawn(4)
    guessed = params.inferred or _sensitive_features(bench.subject)
    parts = [
        auditor.part,
        more.part,
        audit_part(bench.model, evidence, params, coin_rng, bench.track),
        measure_structure(bench.model, members),
        measure_singling_out(
            training, params.quasi_identifiers, population=params.population, rng=deal_rng
        ),
        measure_attribute_inference(
            bench.model,
            evidence,
            guessed,
            guess_rng,
            bench.track,
        ),
        memorised_part(
            bench.model,
            evidence,
            guessed or tuple(column.name for column in bench.subject.features),
            value_rng,
            bench.track,
            is_wanted=params.memorised_values,
        ),
        property_part(
            bench.model,
            evidence,
            params.groups or tuple(column.name for column in bench.subject.sensitive),
            params,
            share_rng,
            bench.track,
        ),
        inversion_part(bench.model, evidence, climb_rng, bench.track, is_wanted=params.inversion),
        extraction_part(
            bench.model, non_members, thief_rng, bench.track, is_wanted=params.extraction
        ),
    ]
    columns = params.groups or tuple(column.name for column in bench.subject.sensitive)
    exposure = expose_groups(
        members, non_members,
        attack.members <= _reachable(GROUP_RATE, attack),
        attack.non_members <= _reachable(GROUP_RATE, attack),
        columns=columns, smallest=params.smallest_group, rng=group_rng,
    )  # fmt: skip
    sharpest = _titles(signals, attack.sharpest)
    check_note = sampling_note(
        comparison.n_used, len(members) + len(non_members), "Comparability check"
    )
    return Measurements(
        estimates=_estimates(evidence, attack, comparison, params)
        | {name: item for part in parts for name, item in part.estimates.items()},
        facts=_facts(evidence, attack, signals, params)
        | {name: item for part in parts for name, item in part.facts.items()},
        tables={
            "operating_points": table_of("operating_points", points),
            "attacks": table_of("attacks", attack_rows(signals, attack)),
            "roc": table_of("roc", [row for signal in signals for row in roc_rows(signal)]),
            "score_histogram": table_of("score_histogram", histogram_rows(signals, attack)),
            "groups": table_of("groups", exposure.groups),
            "group_gaps": table_of("group_gaps", exposure.gaps),
            "exposed_records": table_of(
                "exposed_records",
                most_exposed(
                    members, attack.members, attack.member_values, sharpest,
                    most=params.listed_records,
                ),
            ),
            "column_differences": table_of("column_differences", comparison.columns),
        }
        | {name: table_of(name, rows) for part in parts for name, rows in part.tables.items()},
        sampling=tuple(
            note
            for note in (
                check_note, _one_class(evidence), *exposure.left_out,
                *(note for part in parts for note in part.notes),
            )
            if note
        ),
    )  # fmt: skip


def operating_points(attack: Calibrated, name: str) -> list[dict[str, Any]]:
    """Count members found and non-members accused at each accepted rate of false accusations.

    Args:
        attack: as calibrated.
        name: of the attack, or `CHOSEN` for the one that each half chose.
    """
    rows = []
    n_members, n_non_members = len(attack.members), len(attack.non_members)
    for rate in ACCEPTED_RATES:
        reachable = _reachable(rate, attack)
        found = int((attack.members <= reachable).sum())
        accused = int((attack.non_members <= reachable).sum())
        true = clopper_pearson(found, n_members)
        false = clopper_pearson(accused, n_non_members)
        # With no false accusation in n, the rate can still be 3/n (at 95 % confidence).
        needed = math.ceil(3 / rate)
        rows.append(
            {
                "attack": name,
                "accepted_rate": rate,
                "false_positives": accused,
                "n_non_members": n_non_members,
                "false_positive_rate": accused / n_non_members,
                "false_positive_low": false.low,
                "false_positive_high": false.high,
                "true_positives": found,
                "n_members": n_members,
                "true_positive_rate": found / n_members,
                "true_positive_low": true.low,
                "true_positive_high": true.high,
                "n_needed": needed,
                "n_comfortable": math.ceil(10 / rate),
                "is_enough": n_non_members >= needed,
            }
        )
    return rows


def _one_class(evidence: Evidence) -> str:
    """Say where nothing can be learned of the other classes, because no row has them."""
    labels = evidence.labels
    classes = evidence.members.data.subject.classes
    if not classes or len(np.unique(labels)) > 1:
        return ""
    return (
        f"All members and non-members are of class {classes[int(labels[0])]!r}: nothing is "
        "measured of the others."
    )


def _sensitive_features(subject: Subject) -> tuple[str, ...]:
    return tuple(column.name for column in subject.sensitive if column.is_feature)


def _reachable(rate: float, attack: Calibrated) -> float:
    """The accepted rate, or the finest that so few non-members can express."""
    return max(rate, attack.finest) + 1e-12


def _strata(
    evidence: Evidence, *, by_class: bool
) -> tuple[NDArray[np.int64] | None, NDArray[np.int64] | None]:
    labels = evidence.members.labels
    if not by_class or np.issubdtype(labels.dtype, np.floating):
        return None, None
    return (
        np.asarray(labels, dtype=np.int64),
        np.asarray(evidence.non_members.labels, dtype=np.int64),
    )


def _estimates(
    evidence: Evidence, attack: Calibrated, comparison: Comparison, params: PrivacyParams
) -> dict[str, Estimate]:
    found = rate_estimate(int(attack.accused_members.sum()), len(attack.members), exact=True)
    accused = rate_estimate(
        int(attack.accused_non_members.sum()), len(attack.non_members), exact=True
    )
    advantage = difference_estimate(found, accused)
    estimates = {
        "distribution_auc": comparison.auc,
        "attack_auc": attack.auc,
        "advantage": advantage,
        "balanced_accuracy": _halfway(advantage),
        "generalisation_gap": _gap(evidence.members, evidence.non_members),
        "epsilon_lower_bound": epsilon_lower_bound(
            attack.members, attack.non_members, delta=params.claimed_delta
        ),
    }
    for row in operating_points(attack, ""):
        name = "tpr_at_fpr_1_percent" if row["accepted_rate"] == 0.01 else "tpr_at_fpr_01_percent"
        estimates[name] = rate_estimate(row["true_positives"], row["n_members"], exact=True)
    return estimates


def _halfway(advantage: Estimate) -> Estimate:
    """Balanced accuracy is one half plus half the advantage, ends included."""
    ends = {
        name: None if end is None else 0.5 + end / 2
        for name, end in (("value", advantage.value), ("low", advantage.low),
                          ("high", advantage.high))
    }  # fmt: skip
    return advantage.model_copy(update=ends)


def _gap(members: Side, non_members: Side) -> Estimate:
    """How much better the model does on what it was fitted on: accuracy, or mean absolute error."""
    if np.issubdtype(members.labels.dtype, np.floating):
        errors = [mean_estimate(np.abs(side.predicted - side.labels).astype(np.float64))
                  for side in (non_members, members)]  # fmt: skip
        return difference_estimate(*errors)
    rights = [rate_estimate(int((side.predicted == side.labels).sum()), len(side))
              for side in (members, non_members)]  # fmt: skip
    return difference_estimate(*rights)


def _facts(
    evidence: Evidence, attack: Calibrated, signals: list[Signal], params: PrivacyParams
) -> dict[str, Fact]:
    return {
        "attack": _titles(signals, attack.strongest),
        "low_rate_attack": _titles(signals, attack.sharpest),
        "by_class": params.by_class,
        "n_members": len(evidence.members),
        "n_non_members": len(evidence.non_members),
        "n_overlapping_members": evidence.n_overlapping_members,
        "n_overlapping_non_members": evidence.n_overlapping_non_members,
        "n_without_outcome": evidence.n_without_outcome,
        "finest_false_positive_rate": attack.finest,
        "has_scores": evidence.members.scores is not None,
        "task": evidence.members.data.subject.task,
        "claimed_epsilon": params.claimed_epsilon,
        "claimed_delta": params.claimed_delta,
        "question_price": params.question_price,
    }


def _titles(signals: list[Signal], names: tuple[str, ...]) -> str:
    """Name the attacks that the two halves chose, once where they agree."""
    titles = {signal.name: signal.title for signal in signals}
    # LiRA and RMIA are names and stay as they are.
    return " or ".join(
        title if any(char.isupper() for char in title[1:]) else title.lower()
        for title in (titles[name] for name in dict.fromkeys(names))
    )
