"""What became of every attacked row of a table, one line for each."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analyzers.adversarial.attacked import Attacked
from analyzers.adversarial.found import Found
from analyzers.adversarial.robustness import WITHIN
from analyzers.adversarial.tables import table_of
from analyzers.adversarial.target import Target
from analyzers.core.workbench import Workbench


def row_table(
    bench: Workbench,
    attacked: Attacked,
    target: Target,
    found: Found,
    correct: NDArray[np.int64],
    budget: float,
) -> pa.Table:
    """Say what was found for every row that was answered correctly.

    Args:
        bench: the classes and the model.
        attacked: which rows.
        target: those answered correctly.
        found: the confirmed changes of these.
        correct: `(n_correct,)` their places among the attacked rows.
        budget: stated size.
    """
    classes = bench.subject.classes
    after = np.full(len(correct), -1)
    if len(found.rows):
        frame = target.space.decode(found.points[found.rows], found.rows, target.frame)
        after[found.rows] = bench.need_model().predict(frame)
    steps = np.abs(target.space.steps(found.points, target.originals))
    rows: list[dict[str, object]] = []
    for place, at in enumerate(correct):
        known = np.isfinite(found.distances[place])
        size = float(found.distances[place]) if known else None
        rows.append(
            {
                "row": int(bench.data.rows[attacked.positions[at]]),
                "true": classes[attacked.codes[at]] if attacked.has_labels else None,
                "before": classes[attacked.codes[at]],
                "after": classes[after[place]] if known else None,
                "size": size,
                "n_changed": int((steps[place] > 0).sum()) if known else None,
                "largest_change": float(steps[place].max()) if known else None,
                "within_budget": bool(known and size is not None and size <= budget * WITHIN),
                "queries": int(target.queries[place]),
                "found_by": str(found.sources[place]) or None,
            }
        )
    return table_of("rows", rows)
