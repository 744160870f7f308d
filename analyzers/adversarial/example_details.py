"""For every kept example of a table: how the search closed in on it, and how odd the row looks.

References:
    Liu, Ting and Zhou 2008 (isolation forest); Simonetto et al. 2024 (plausible changes).
"""

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analyzers.adversarial.found import Found
from analyzers.adversarial.plausibility import nearest_distances
from analyzers.adversarial.tables import table_of
from analyzers.adversarial.target import Target
from analyzers.adversarial.wording import changes_between
from analyzers.core.model import Capability
from analyzers.core.workbench import Workbench

MOST_STEPS = 12
FEWEST_ROWS = 20
_LARGEST_POOL = 1000


def example_details(
    bench: Workbench,
    target: Target,
    found: Found,
    positions: NDArray[np.int64],
    examples: pa.Table,
    pool: NDArray[np.float64],
) -> dict[str, pa.Table]:
    """Make the tables `example_steps` and `example_places`.

    Args:
        bench: the subject and its model.
        target: the attacked rows.
        found: the confirmed changes and the way there.
        positions: `(n_rows,)` where the target's rows stand in the data.
        examples: as `before_and_after` made them.
        pool: `(n_pool, n_features)` rows of the data.
    """
    kept = kept_rows(bench, positions, examples)
    steps = [
        line | {"example": example} for example, row in kept
        for line in _steps(bench, target, found, row)
    ]  # fmt: skip
    return {
        "example_steps": table_of("example_steps", steps),
        "example_places": place_table(target, found.points, kept, pool),
    }


def kept_rows(
    bench: Workbench, positions: NDArray[np.int64], examples: pa.Table
) -> list[tuple[int, int]]:
    """Number the examples and say which of the attacked rows each is.

    Args:
        bench: numbers the rows of the file.
        positions: `(n_rows,)` where the attacked rows stand in the data.
        examples: with the columns `example` and `row`.
    """
    by_file_row = {int(row): at for at, row in enumerate(bench.data.rows[positions])}
    return [(item["example"], by_file_row[item["row"]]) for item in examples.to_pylist()]


def place_table(
    target: Target,
    points: NDArray[np.float64],
    kept: list[tuple[int, int]],
    pool: NDArray[np.float64],
) -> pa.Table:
    """Say how odd each kept example looks beside the data.

    Args:
        target: the attacked rows.
        points: `(n_rows, n_features)` those rows as they were changed.
        kept: numbers of the examples and their rows among the target's.
        pool: `(n_pool, n_features)` rows of the data.
    """
    rows = np.array([row for _, row in kept], dtype=np.int64)
    places = _places(target, points[rows], target.originals[rows], pool)
    return table_of(
        "example_places",
        [line | {"example": example} for (example, _), line in zip(kept, places, strict=False)],
    )


def _steps(bench: Workbench, target: Target, found: Found, row: int) -> list[dict[str, Any]]:
    """The original, then each nearer change in the order in which it was found."""
    space, original = target.space, target.originals[row]
    way = found.way_to(row)
    # The first, the last, and the ones between that came nearest by the largest jumps.
    if len(way) > MOST_STEPS:
        sizes = np.array([step.size for step in way])
        jumps = np.argsort(np.diff(sizes), kind="stable")[: MOST_STEPS - 2] + 1
        chosen = sorted({0, len(way) - 1, *jumps.tolist()})
        way = [way[at] for at in chosen]
    points = np.array([original, *(step.point for step in way)])
    frame = space.decode(points, np.full(len(points), row), target.frame)
    model = bench.need_model()
    answers = model.predict(frame).astype(np.int64)
    has_scores = Capability.PREDICT_PROBA in model.capabilities and target.sight == "scores"
    scores = model.predict_proba(frame) if has_scores else None
    classes, code = bench.subject.classes, int(target.codes[row])
    lines: list[dict[str, Any]] = []
    for at, point in enumerate(points):
        changed = changes_between(space, original, point)
        lines.append(
            {
                "step": at,
                "questions": way[at - 1].questions if at else 0,
                "found_by": way[at - 1].source if at else "",
                "size": way[at - 1].size if at else 0.0,
                "n_changed": len(changed.places),
                "changes": changed.words,
                "answer": classes[answers[at]],
                "score_before": None if scores is None else float(scores[at, code]),
            }
        )
    return lines


def _places(
    target: Target,
    points: NDArray[np.float64],
    originals: NDArray[np.float64],
    pool: NDArray[np.float64],
) -> list[dict[str, Any]]:
    """How far each changed row is from the data, and how easily it is told apart."""
    pool = pool[:_LARGEST_POOL]
    if not len(points) or len(pool) < FEWEST_ROWS:
        return []
    space = target.space
    among = nearest_distances(space, pool, pool, is_pool=True)
    lonely = np.sort(among)
    isolation = _isolation(pool, np.r_[originals, points])
    usual = isolation[: len(pool)]
    lines = []
    for at, (point, original) in enumerate(zip(points, originals, strict=True)):
        # The row it came from is no evidence that such rows exist.
        far = space.distance(np.broadcast_to(original, pool.shape), pool)
        others = pool[far > 0]
        nearest = float(nearest_distances(space, point[None], others)[0]) if len(others) else None
        before, after = isolation[len(pool) + at], isolation[len(pool) + len(points) + at]
        lines.append(
            {
                "distance_to_data": nearest,
                "closer_than_share": None if nearest is None else float((lonely > nearest).mean()),
                "isolated_share_before": float((usual > before).mean()),
                "isolated_share": float((usual > after).mean()),
                "n": len(pool),
            }
        )
    return lines


def _isolation(pool: NDArray[np.float64], rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Normality of the pool's rows and of others by an isolation forest; smaller is odder."""
    from sklearn.ensemble import IsolationForest

    # What is missing counts as usual: it is missing before the change and after.
    is_unknown = np.isnan(pool).all(axis=0)
    usual = np.nanmedian(np.where(is_unknown, 0.0, pool), axis=0)
    filled = [np.where(np.isnan(part), usual, part) for part in (pool, rows)]
    forest = IsolationForest(n_estimators=100, random_state=0).fit(filled[0])
    return np.asarray(forest.score_samples(np.concatenate(filled)))
