"""Labels-only attacks on tables and pictures: ours beside ART's and foolbox's HopSkipJump.

All three start from the same points, and ours may ask as many questions a row as the peer did.
`agree` means that ours succeeds as often and that its median size (L2) is no larger by more than
2 %; `our_error` and `peer_error` are those medians, and `ratio_equal` is the ratio of the times
until ours is as successful and as near as the peer in the end. The limit is the time the model
needs for as many rows in large calls.
"""

import argparse
import json
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analyzers.adversarial import boundary
from analyzers.adversarial.aim import Aim
from analyzers.adversarial.decision import walk_boundary
from analyzers.adversarial.found import Found
from analyzers.adversarial.robustness import median_estimate
from analyzers.adversarial.target import Target
from analyzers.core.model import Capability, Inputs
from analyzers.core.subject import Column, Role
from analyzers.toolkit.feasible import space_of
from benchmarks.peers.digits import fit_digits
from benchmarks.peers.hop_skip_jump import Rows, Walk, art_walk, foolbox_walk

PEERS = {"ART": art_walk, "foolbox": foolbox_walk}
TOLERANCE = 1.02
MOST_DIGITS = 1_797
CALL_ROWS = 1_000
# Of the size that an opened model makes, for all three.
CALL_PICTURES = 512
SHARES = (0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


class Answering:
    """Class codes of anything, as the Model protocol wants it."""

    kind, native = "any", None
    capabilities: frozenset[Capability] = frozenset()

    def __init__(self, answer: Callable[[Rows], NDArray[np.int64]]) -> None:
        self.answer = answer

    def predict(self, inputs: Inputs) -> NDArray[np.int64]:
        """Return class codes."""
        return self.answer(np.asarray(inputs, dtype=np.float32))

    def predict_proba(self, inputs: Inputs) -> NDArray[np.float64]:
        """Refuse: this attacker sees labels alone."""
        raise NotImplementedError


class Task(NamedTuple):
    """What is attacked.

    Attributes:
        name: for the eye.
        answer: the model.
        rows: `(n_rows, ...)` in [0, 1], to be attacked.
        pool: `(n_pool, ...)` rows to start from.
        n_classes: of the model.
        ours: from a number of questions a row to the points reached.
    """

    name: str
    answer: Callable[[Rows], NDArray[np.int64]]
    rows: Rows
    pool: Rows
    n_classes: int
    ours: Callable[[int], Walk]


def main() -> int:
    """Print one JSON line a comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    warnings.simplefilter("ignore")
    import torch
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.neural_network import MLPClassifier
    from threadpoolctl import threadpool_limits

    # One thread: the arithmetic is small, and waiting for another thread would be measured.
    torch.set_num_threads(1)
    threadpool_limits(1)
    network = MLPClassifier((64, 32), max_iter=60, random_state=0)
    forest = RandomForestClassifier(100, max_depth=10, random_state=0)
    _compare(_table("neural network", network, n_rows=20 if quick else 100))
    _compare(_table("forest of 100 trees", forest, n_rows=4 if quick else 20))
    _compare(_digits(n_rows=20 if quick else 100))
    return 0


def _compare(task: Task) -> None:
    codes, pool_codes = task.answer(task.rows), task.answer(task.pool)
    flat, flat_pool = (item.reshape(len(item), -1) for item in (task.rows, task.pool))
    starts = task.pool[
        [
            np.flatnonzero(pool_codes != code)[
                ((flat_pool[pool_codes != code] - row) ** 2).sum(axis=1).argmin()
            ]
            for row, code in zip(flat, codes, strict=True)
        ]
    ]
    task.ours(50)  # the first call pays for imports that libraries put off
    for name, walk in PEERS.items():
        theirs = walk(
            task.answer, task.rows, starts, n_classes=task.n_classes, rounds=8, most_probes=50
        )
        mine = task.ours(-(-theirs.asked // len(task.rows)))
        block = np.resize(task.rows, (theirs.asked, *task.rows.shape[1:]))
        start = time.perf_counter()
        for first in range(0, len(block), CALL_ROWS):
            task.answer(block[first : first + CALL_ROWS])
        limit = time.perf_counter() - start
        (success, size), (peer_success, peer_size) = (
            _reached(task, codes, item) for item in (mine, theirs)
        )
        equal = _until(task, codes, theirs, peer_success, peer_size)
        line = {
            "work": f"labels-only attack, {task.name}",
            "size": f"{len(task.rows)} rows, {mine.asked:,} and {theirs.asked:,} questions; found "
            f"{success:.0%} and {peer_success:.0%}, median size {_words(task, codes, mine)} "
            f"and {_words(task, codes, theirs)}"
            + ("" if equal is None else f"; {equal.asked:,} suffice for their size"),
            "ours_s": mine.seconds, "peer": f"{name}'s HopSkipJump", "peer_s": theirs.seconds,
            "limit_s": limit, "ratio": theirs.seconds / mine.seconds,
            "agree": bool(success >= peer_success and size <= TOLERANCE * peer_size),
            "extrapolated": False,
            "our_error": size, "peer_error": peer_size,
            "ratio_equal": None if equal is None else theirs.seconds / equal.seconds,
        }  # fmt: skip
        print(json.dumps(line), flush=True)


def _until(
    task: Task, codes: NDArray[np.int64], theirs: Walk, success: float, size: float
) -> Walk | None:
    """Return ours with the fewest questions that is as successful and as near as the peer."""
    for share in SHARES:
        mine = task.ours(int(share * theirs.asked / len(task.rows)))
        my_success, my_size = _reached(task, codes, mine)
        if my_success >= success and my_size <= size:
            return mine
    return None


def _reached(task: Task, codes: NDArray[np.int64], walk: Walk) -> tuple[float, float]:
    """Return the share of rows with another answer, and the median size of those."""
    is_changed = task.answer(walk.points.astype(np.float32)) != codes
    sizes = np.linalg.norm((walk.points - task.rows).reshape(len(codes), -1), axis=1)
    return float(is_changed.mean()), float(np.median(sizes[is_changed]))


def _words(task: Task, codes: NDArray[np.int64], walk: Walk) -> str:
    """Return the median size with its 95 % interval."""
    is_changed = task.answer(walk.points.astype(np.float32)) != codes
    sizes = np.linalg.norm((walk.points - task.rows).reshape(len(codes), -1), axis=1)
    median = median_estimate(sizes[is_changed], "nothing was found")
    if median.low is None or median.high is None:
        return "unknown" if median.value is None else f"{median.value:.4f}"
    return f"{median.value:.4f} [{median.low:.4f}, {median.high:.4f}]"


def _table(name: str, classifier: Any, *, n_rows: int) -> Task:  # noqa: ANN401  no types
    from sklearn.datasets import load_breast_cancer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    data, labels = load_breast_cancer(return_X_y=True)
    # Alike in all columns, so that one norm means the same to all three; foolbox clips to [0, 1].
    data = (0.5 + (data - data.mean(axis=0)) / data.std(axis=0) / 32).astype(np.float32)
    fitted = make_pipeline(StandardScaler(), classifier).fit(data[:400], labels[:400])

    def answer(rows: Rows) -> NDArray[np.int64]:
        return np.asarray(fitted.predict(rows), dtype=np.int64)

    names = [f"x{place}" for place in range(data.shape[1])]
    frame = pd.DataFrame(data.astype(np.float64), columns=names)
    columns = [Column(name=x, kind="number", role=Role.FEATURE, is_feature=True) for x in names]
    space = space_of(columns, frame)
    rows = frame.iloc[400 : 400 + n_rows].reset_index(drop=True)
    codes, pool, pool_codes = answer(rows), space.encode(frame[:400]), answer(data[:400])

    def ours(queries: int) -> Walk:
        target = Target(Answering(answer), space, rows, codes, sight="labels only")
        found = Found(target)
        rng = np.random.default_rng(0)
        start = time.perf_counter()
        boundary.start_from_data(target, found, pool, pool_codes, rng=rng)
        points, margins = boundary.approach(target, found.points[found.rows], found.rows)
        found.offer(points, found.rows, margins, source=boundary.SOURCE)
        boundary.walk(target, found, queries=queries, rng=rng)
        seconds = time.perf_counter() - start
        reached = rows.to_numpy(np.float32, copy=True)
        reached[found.rows] = found.points[found.rows]
        return Walk(reached, int(target.queries.sum()), seconds)

    return Task(name, answer, data[400 : 400 + n_rows], data[:400], 2, ours)


def _digits(*, n_rows: int) -> Task:
    import torch

    network, pictures, _ = fit_digits(MOST_DIGITS)

    def answer(rows: Rows) -> NDArray[np.int64]:
        given = torch.from_numpy(np.ascontiguousarray(rows.transpose(0, 3, 1, 2)))
        with torch.no_grad():
            parts = [network(part).argmax(dim=1) for part in given.split(CALL_PICTURES)]
        return np.asarray(torch.cat(parts).numpy())

    rows, pool = pictures[:n_rows], pictures[n_rows:]
    codes, pool_codes = answer(rows), answer(pool)

    def ours(queries: int) -> Walk:
        start = time.perf_counter()
        walked = walk_boundary(
            Answering(answer), rows, Aim(codes), "L2", pool=pool, pool_answers=pool_codes,
            queries=queries, rng=np.random.default_rng(0),
        )  # fmt: skip
        seconds = time.perf_counter() - start
        return Walk(walked.broken.pictures, int(walked.queries.sum()), seconds)

    return Task("digits network", answer, rows, pool, 10, ours)


if __name__ == "__main__":
    sys.exit(main())
