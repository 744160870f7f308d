"""Tables of single pictures: every attacked row, the examples kept, an attack step by step."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analyzers.adversarial.attacked import Attacked
from analyzers.adversarial.gradient import path_of
from analyzers.adversarial.image_extras import Painted
from analyzers.adversarial.nearest import Nearest
from analyzers.adversarial.network import Network
from analyzers.adversarial.params import AdversarialParams
from analyzers.adversarial.pixels import Images, size_of
from analyzers.adversarial.robustness import WITHIN
from analyzers.adversarial.tables import table_of
from analyzers.core.model import Capability
from analyzers.core.result import Estimate
from analyzers.core.workbench import Workbench
from analyzers.toolkit.intervals import rate_estimate

MOST_FRAMES = 21
MOST_VALUES = 4_000_000


def row_table(
    bench: Workbench,
    attacked: Attacked,
    nearest: Nearest,
    correct: NDArray[np.int64],
    budget: float,
) -> pa.Table:
    """One line for every picture that was read rightly before the attack.

    Args:
        bench: the data.
        attacked: which rows.
        nearest: what was found.
        correct: positions among the attacked rows, as `nearest` holds them.
        budget: stated size of the change.
    """
    classes = bench.subject.classes
    after = nearest.answers()
    changed = np.abs(nearest.pictures - nearest.originals)
    touched = (changed > 0).any(axis=3).reshape(len(correct), -1).sum(axis=1)
    rows: list[dict[str, object]] = []
    for place, at in enumerate(correct):
        is_known = bool(np.isfinite(nearest.sizes[place]))
        rows.append(
            {
                "row": int(bench.data.rows[attacked.positions[at]]),
                "true": classes[nearest.aim.codes[place]] if attacked.has_labels else None,
                "before": classes[nearest.aim.codes[place]],
                "after": classes[int(after[place])] if is_known else None,
                "size": float(nearest.sizes[place]) if is_known else None,
                "n_changed": int(touched[place]) if is_known else None,
                "largest_change": float(changed[place].max()) if is_known else None,
                "within_budget": bool(nearest.sizes[place] <= budget * WITHIN),
                "queries": None,
                "found_by": str(nearest.sources[place]) or None,
            }
        )
    return table_of("rows", rows)


def saved(pictures: Images) -> Images:
    """Round pictures to the 256 levels that a picture file holds."""
    return np.asarray(np.round(pictures * 255) / 255, dtype=np.float32)


def survival_estimate(nearest: Nearest, budget: float) -> Estimate:
    """Share of the pictures that fell within the budget and still do as a picture file."""
    rows = np.flatnonzero(nearest.sizes <= budget * WITHIN)
    if not len(rows):
        return Estimate.unmeasured("No change within the budget was found.")
    answers = nearest.model.predict(saved(nearest.pictures[rows]))
    return rate_estimate(int(nearest.aim.take(rows).is_reached(answers).sum()), len(rows))


def chosen_examples(nearest: Nearest, params: AdversarialParams) -> NDArray[np.int64]:
    """Pictures spread over the found sizes within the budget, the smallest first."""
    rows = np.flatnonzero(nearest.sizes <= params.epsilon * WITHIN)
    if not len(rows):
        return rows
    rows = rows[np.argsort(nearest.sizes[rows], kind="stable")]
    # Each is kept three times: before, after and their difference.
    most = min(params.examples, max(1, MOST_VALUES // (3 * nearest.originals[0].size)))
    if len(rows) > most:
        rows = rows[np.linspace(0, len(rows) - 1, most).round().astype(np.int64)]
    return rows


def example_table(
    bench: Workbench,
    attacked: Attacked,
    nearest: Nearest,
    correct: NDArray[np.int64],
    rows: NDArray[np.int64],
) -> pa.Table:
    """The pictures themselves, before and after.

    Args:
        bench: the data.
        attacked: which rows.
        nearest: what was found.
        correct: positions among the attacked rows, as `nearest` holds them.
        rows: which of them to keep.
    """
    if not len(rows):
        return table_of("image_examples", [])
    classes = bench.subject.classes
    after = nearest.model.predict(nearest.pictures[rows])
    # What must travel as a file has to survive that.
    as_files = saved(nearest.pictures[rows])
    survives = nearest.aim.take(rows).is_reached(nearest.model.predict(as_files))
    _, height, width, channels = nearest.originals.shape
    made: list[dict[str, object]] = []
    for number, row in enumerate(rows):
        original, changed = nearest.originals[row], nearest.pictures[row]
        made.append(
            {
                "example": number + 1,
                "row": int(bench.data.rows[attacked.positions[correct[row]]]),
                "true": classes[nearest.aim.codes[row]] if attacked.has_labels else None,
                "before": classes[nearest.aim.codes[row]], "after": classes[int(after[number])],
                "size": float(nearest.sizes[row]), "found_by": str(nearest.sources[row]),
                "survives_saving": bool(survives[number]),
                "height": height, "width": width, "channels": channels,
                "original": original.ravel().tolist(), "adversarial": changed.ravel().tolist(),
                "difference": (changed - original).ravel().tolist(),
            }
        )  # fmt: skip
    return table_of("image_examples", made)


def painted_table(
    bench: Workbench, attacked: Attacked, nearest: Nearest, painted: Sequence[Painted]
) -> pa.Table:
    """Pictures that a few pixels or a patch were enough for, before and after.

    Args:
        bench: the data.
        attacked: which rows.
        nearest: the pictures that were read rightly.
        painted: some of those that fell, by budget.
    """
    classes = bench.subject.classes
    correct = np.flatnonzero(attacked.is_correct)
    made: list[dict[str, object]] = []
    for some in painted:
        answers = nearest.model.predict(some.pictures)
        for row, picture, answer in zip(some.rows, some.pictures, answers, strict=True):
            original = nearest.originals[row]
            height, width, channels = original.shape
            made.append(
                {
                    "kind": some.kind, "budget": some.budget,
                    "row": int(bench.data.rows[attacked.positions[correct[row]]]),
                    "true": classes[nearest.aim.codes[row]] if attacked.has_labels else None,
                    "before": classes[nearest.aim.codes[row]], "after": classes[int(answer)],
                    "n_pixels": int((picture != original).any(axis=2).sum()),
                    "height": height, "width": width, "channels": channels,
                    "original": original.ravel().tolist(),
                    "adversarial": picture.ravel().tolist(),
                }
            )  # fmt: skip
    return table_of("painted_examples", made)


def step_table(
    bench: Workbench,
    attacked: Attacked,
    nearest: Nearest,
    correct: NDArray[np.int64],
    rows: NDArray[np.int64],
    params: AdversarialParams,
    network: Network | None,
) -> pa.Table:
    """How the answer tips, step by step: along PGD, or the straight line where there is none.

    Args:
        bench: the data.
        attacked: which rows.
        nearest: what was found.
        correct: positions among the attacked rows, as `nearest` holds them.
        rows: which of them to keep.
        params: steps and size.
        network: the model with gradients, where it has them.
    """
    if not len(rows):
        return table_of("attack_steps", [])
    originals, aim = nearest.originals[rows], nearest.aim.take(rows)
    most = min(MOST_FRAMES, max(2, MOST_VALUES // originals.size))
    if network is not None:
        frames = path_of(network, originals, aim, params.epsilon, params.norm, steps=params.steps)
        kept = np.unique(np.linspace(0, len(frames) - 1, most).round().astype(np.int64))
        frames = [frames[at] for at in kept]
    else:
        kept = np.arange(most)
        far = nearest.pictures[rows]
        frames = [originals + np.float32(at / (most - 1)) * (far - originals) for at in kept]
    lines = [line for at, frame in zip(kept, frames, strict=True)
             for line in _frame(bench, nearest, rows, frame, int(at))]  # fmt: skip
    lines.sort(key=lambda line: (int(str(line["example"])), int(str(line["step"]))))
    named = bench.data.rows[attacked.positions[correct[rows]]]
    for line in lines:
        line["row"] = int(named[int(str(line["example"])) - 1])
    return table_of("attack_steps", lines)


def _frame(
    bench: Workbench, nearest: Nearest, rows: NDArray[np.int64], frame: Images, step: int
) -> list[dict[str, object]]:
    classes, codes = bench.subject.classes, nearest.aim.codes[rows]
    answers = nearest.model.predict(frame).astype(np.int64)
    sizes = size_of(frame, nearest.originals[rows], nearest.norm)
    scores = None
    if Capability.PREDICT_PROBA in nearest.model.capabilities:
        scores = nearest.model.predict_proba(frame)
    made: list[dict[str, object]] = []
    for at in range(len(rows)):
        line: dict[str, object] = {
            "example": at + 1, "step": step, "answer": classes[answers[at]],
            "size": float(sizes[at]), "picture": frame[at].ravel().tolist(),
        }  # fmt: skip
        if scores is not None:
            others = scores[at].copy()
            others[codes[at]] = -1
            other = int(others.argmax())
            line |= {
                "score_before": float(scores[at, codes[at]]),
                "score_other": float(scores[at, other]), "other": classes[other],
            }  # fmt: skip
        made.append(line)
    return made
