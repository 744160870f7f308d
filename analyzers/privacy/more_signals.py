"""Attacks that ask the model, or another one, more than the answers at hand."""

from collections.abc import Callable

import numpy as np

from analyzers.core.errors import UnsuitableSubject
from analyzers.core.workbench import Workbench
from analyzers.privacy.auditor import Auditor
from analyzers.privacy.evidence import Evidence
from analyzers.privacy.label_only import label_only_signal
from analyzers.privacy.params import PrivacyParams
from analyzers.privacy.parts import Part
from analyzers.privacy.signals import Signal
from analyzers.privacy.stand_in import stand_in_signal


def more_signals(
    bench: Workbench,
    evidence: Evidence,
    params: PrivacyParams,
    noise_rng: np.random.Generator,
    fold_rng: np.random.Generator,
) -> Auditor:
    """Run the attacks that were asked for; where one cannot be run, say why."""

    def label_only() -> Signal:
        return label_only_signal(
            bench.model,
            evidence,
            n_copies=params.label_only_copies,
            rng=noise_rng,
            track=bench.track,
        )

    def stand_in() -> Signal:
        return stand_in_signal(evidence, fold_rng, bench.track)

    asked: list[tuple[str, Callable[[], Signal]]] = []
    if params.label_only_copies:
        asked.append(("Attack by labels alone", label_only))
    if params.stand_in:
        asked.append(("Comparison with a stand-in", stand_in))
    signals, notes = [], []
    for name, attack in asked:
        try:
            signals.append(attack())
        except UnsuitableSubject as refusal:
            notes.append(f"{name} is left out. {refusal.message}")
    facts = {
        "label_only_copies": params.label_only_copies,
        "stand_in": any(signal.name == "stand_in" for signal in signals),
    }
    return Auditor(signals, Part({}, facts, {}, tuple(notes)))
