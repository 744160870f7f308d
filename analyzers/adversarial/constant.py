"""Models that answer the same whatever they are asked: an attack on one says nothing."""

import numpy as np

from analyzers.adversarial.noise import random_changes
from analyzers.core.errors import UnsuitableSubject
from analyzers.core.workbench import Workbench
from analyzers.toolkit.feasible import FeasibleSpace

MOST_PROBED = 200
FAR = 5.0


def refuse_constant_tables(bench: Workbench, space: FeasibleSpace) -> None:
    """Stop where nothing can be moved: one answer to all of the data and to rows far from it.

    Args:
        bench: the data, the model and its predictions.
        space: how rows may be changed.

    Raises:
        UnsuitableSubject: the model's answer and its scores never vary.
    """
    predictions = bench.need_predictions()
    said = predictions.predicted if predictions.scores is None else predictions.scores
    if len(said) < 2 or np.ptp(said, axis=0).any():
        return
    frame = bench.data.frame.iloc[:MOST_PROBED].reset_index(drop=True)
    originals = space.encode(frame)
    changed = random_changes(space, originals, FAR, np.random.default_rng(0))
    rows = space.decode(changed, np.arange(len(changed)), frame)
    model = bench.need_model()
    answers = model.predict(rows) if predictions.scores is None else model.predict_proba(rows)
    if (answers == said[0]).all():
        only = predictions.predicted[0]
        classes = bench.subject.classes
        answer = repr(classes[int(only)]) if classes else f"{only:.6g}"
        same = "" if predictions.scores is None else " with the same scores"
        raise UnsuitableSubject(
            f"Expected a model whose answer depends on the row, got {answer}{same} for all "
            f"{len(said):,} rows and for {len(changed):,} changed ones; an attack on a constant "
            "says nothing.",
            remedy="Check that the model was trained and that its columns are those of the data.",
        )
