"""A first try of the model on some rows: does it answer, sensibly, and the same each time?"""

import numpy as np

from analyzers.core.dataset import Dataset
from analyzers.core.model import Capability, Model

_ROWS = 200


def try_model(model: Model, data: Dataset, *, is_raw: bool) -> tuple[str, ...]:
    """Ask the model about the first rows, twice.

    Args:
        model: matched to the data.
        data: the rows.
        is_raw: whether what its numbers are had to be told from its answers.

    Returns:
        Sentences about what the user should know: answers that change, one answer for all rows.

    Raises:
        ModelMisbehaved: it fails, or gives something no model should give.
    """
    rows = data.take(np.arange(min(_ROWS, len(data)), dtype=np.int64)).inputs
    notes: list[str] = []
    has_scores = Capability.PREDICT_PROBA in model.capabilities
    ask = model.predict_proba if has_scores else model.predict
    first, second = ask(rows), ask(rows)
    if not np.allclose(first, second, atol=1e-6):
        difference = float(np.abs(np.asarray(first) - np.asarray(second)).max())
        notes.append(
            f"CHECK THIS: asked twice about the same {len(first):,} rows, the model gave different "
            f"answers (by up to {difference:.3g}). Results will change from run to run."
        )
    model.predict(rows)
    if len(first) > 20 and np.ptp(np.asarray(first), axis=0).max() == 0:
        notes.append(
            f"CHECK THIS: the model gives the same answer for each of the first {len(first):,} "
            "rows. Check that the columns hold what it was fitted on."
        )
    outputs = getattr(model, "outputs", None)
    if is_raw and data.subject.task != "regression":
        notes.append(f"The model's outputs were read as {outputs}, judging by the first rows.")
    return tuple(notes)
