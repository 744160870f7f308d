"""Does the model give the same answers when it is asked again?"""

import numpy as np

from analyzers.core.model import Capability
from analyzers.core.workbench import Workbench

ASKED_TWICE = 50
# Single precision rounds anew in batches of another size.
_ROUNDING = 1e-5


def unsteadiness_note(bench: Workbench) -> str:
    """Say how far two answers to the same rows lie apart; empty where they are the same."""
    model, few = bench.need_model(), bench.data.take(np.arange(min(ASKED_TWICE, len(bench.data))))
    ask = model.predict
    if Capability.PREDICT_PROBA in model.capabilities:
        ask = model.predict_proba
    first, second = (np.asarray(ask(few.inputs), dtype=np.float64) for _ in range(2))
    # Of regressions in their standard deviations.
    spread = float(first.std()) if bench.subject.task == "regression" else 1.0
    apart = float(np.abs(first - second).max() / (spread or 1.0))
    if apart <= _ROUNDING:
        return ""
    return (
        f"Asked twice about the same {ASKED_TWICE} rows or fewer, the model gave other answers, "
        f"{apart:.2g} apart at most: the explanation carries that chance in every number."
    )
