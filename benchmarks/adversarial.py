"""Attack timings: rows in step against row by row, TextAttack with our caches against plain.

The peer named "textbook" is HopSkipJump as its paper states it, written out here for one row at a
time, as the common libraries run it. The limit is the time the model itself needs for the
same number of rows in large calls: no attack that asks as often can be faster.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analyzers.adversarial import boundary
from analyzers.adversarial.found import Found
from analyzers.adversarial.target import ROWS_A_CALL, Target
from analyzers.core.model import Capability, Inputs
from analyzers.core.subject import Column, Role
from analyzers.toolkit.feasible import space_of

if TYPE_CHECKING:
    from sklearn.base import ClassifierMixin

Made = TypeVar("Made")
QUERIES = 600
TOLERANCE = 1.1


# TextAttack's own default.
TEXTATTACK_BATCH = 32


class Answers:
    """A scikit-learn classifier as the Model protocol wants it."""

    kind = "scikit-learn"
    capabilities = frozenset({Capability.PREDICT_PROBA})

    def __init__(self, native: object) -> None:
        self.native: Any = native

    def predict(self, inputs: Inputs) -> NDArray[np.int64]:
        """Return class codes."""
        return self.predict_proba(inputs).argmax(axis=1).astype(np.int64)

    def predict_proba(self, inputs: Inputs) -> NDArray[np.float64]:
        """Return probabilities."""
        return np.asarray(self.native.predict_proba(np.asarray(inputs)), dtype=np.float64)


def main() -> int:
    """Print one JSON line a comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.neural_network import MLPClassifier

    network = MLPClassifier((64, 32), max_iter=60, random_state=0)
    forest = RandomForestClassifier(100, max_depth=10, random_state=0)
    _compare_boundary("neural network", network, n_rows=20 if quick else 100)
    _compare_boundary("forest of 100 trees", forest, n_rows=6 if quick else 30)
    _compare_texts(n_texts=30 if quick else 300)
    return 0


def _compare_boundary(name: str, classifier: "ClassifierMixin", *, n_rows: int) -> None:
    import warnings

    from sklearn.datasets import load_breast_cancer

    data, labels = load_breast_cancer(return_X_y=True)
    data = (data - data.mean(axis=0)) / data.std(axis=0)
    with warnings.catch_warnings():
        # The network is stopped early on purpose; how good it is does not matter here.
        warnings.simplefilter("ignore")
        model = Answers(classifier.fit(data[:400], labels[:400]))
    names = [f"x{place}" for place in range(data.shape[1])]
    frame = pd.DataFrame(data, columns=names)
    columns = [Column(name=x, kind="number", role=Role.FEATURE, is_feature=True) for x in names]
    space = space_of(columns, frame)
    rows = frame.iloc[400 : 400 + n_rows].reset_index(drop=True)
    codes = model.predict(rows)
    pool, pool_codes = space.encode(frame[:400]), model.predict(frame[:400])

    def ours() -> Found:
        target = Target(model, space, rows, codes, sight="labels only")
        found = Found(target)
        rng = np.random.default_rng(0)
        boundary.start_from_data(target, found, pool, pool_codes, rng=rng)
        points, margins = boundary.approach(target, found.points[found.rows], found.rows)
        found.offer(points, found.rows, margins, source=boundary.SOURCE)
        boundary.walk(target, found, queries=QUERIES, rng=rng)
        asked.append(int(target.queries.sum()))
        return found

    asked: list[int] = []
    ours()  # the first call pays for imports that pandas and scikit-learn put off
    asked.clear()
    found, seconds = _timed(ours)
    start = time.perf_counter()
    sizes, n_asked = _textbook(model, data[400 : 400 + n_rows], codes, data[:400], pool_codes)
    peer_seconds = (time.perf_counter() - start) * asked[0] / n_asked
    block = np.resize(data, (asked[0], data.shape[1]))
    start = time.perf_counter()
    for first in range(0, len(block), ROWS_A_CALL):
        model.predict(block[first : first + ROWS_A_CALL])
    limit = time.perf_counter() - start
    _line(
        work=f"labels-only boundary attack, {name}", size=f"{n_rows} rows, {asked[0]:,} queries",
        ours=seconds, peer="textbook HopSkipJump, row by row, at equal queries",
        peer_s=peer_seconds, limit=limit,
        agree=bool(np.median(found.distances) <= TOLERANCE * np.median(sizes)),
    )  # fmt: skip


def _textbook(
    model: Answers,
    rows: NDArray[np.float64],
    codes: NDArray[np.int64],
    pool: NDArray[np.float64],
    pool_codes: NDArray[np.int64],
) -> tuple[NDArray[np.float64], int]:
    """HopSkipJump (L2) for one row after another; returns sizes and the number of questions."""
    rng = np.random.default_rng(0)
    sizes, asked = np.empty(len(rows)), 0

    def is_changed(points: NDArray[np.float64], code: int) -> NDArray[np.bool_]:
        nonlocal asked
        asked += len(points)
        return np.asarray(model.predict(points) != code)

    for at, (row, code) in enumerate(zip(rows, codes, strict=True)):
        others = pool[pool_codes != code]
        point = others[np.linalg.norm(others - row, axis=1).argmin()]
        spent = asked
        for step in range(1, 9):
            low, high = 0.0, 1.0
            for _ in range(8):
                middle = (low + high) / 2
                if is_changed((row + middle * (point - row))[None], code)[0]:
                    high = middle
                else:
                    low = middle
            point = row + high * (point - row)
            size = float(np.linalg.norm(point - row))
            left = (QUERIES - (asked - spent)) // (9 - step) - 14
            if left < 10:
                break
            drawn = rng.standard_normal((left, len(row)))
            drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
            signs = np.where(is_changed(point + 0.3 * size / np.sqrt(step) * drawn, code), 1, -1)
            mean = signs.mean()
            slope = ((signs - (mean if abs(mean) < 1 else 0))[:, None] * drawn).sum(axis=0)
            slope /= np.linalg.norm(slope)
            reach = size / np.sqrt(step)
            for _ in range(6):
                if is_changed((point + reach * slope)[None], code)[0]:
                    point = point + reach * slope
                    break
                reach /= 2
        sizes[at] = np.linalg.norm(point - row)
    return sizes, asked


def _compare_texts(*, n_texts: int) -> None:
    """TextAttack's recipes with the same parts, ours in step and TextAttack's one by one."""
    import random

    import pandas as pd
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    from analyzers.adversarial.params import AdversarialParams, Recipe
    from analyzers.adversarial.recipes import build_recipe
    from analyzers.adversarial.text_attack import Memory, attack_texts, seed_for
    from analyzers.adversarial.textattack_import import warm_up
    from sample_models import SAMPLES

    warm_up()
    # Imports TextAttack, which only `warm_up` does safely.
    from analyzers.adversarial.offline_parts import local_parts

    path = next(sample.data_path for sample in SAMPLES if sample.name == "reviews")
    frame = pd.read_csv(path)
    texts = frame["text"].astype(str).tolist()
    labels = (frame["sentiment"] == "positive").to_numpy(dtype=np.int64)
    n_fitted = len(texts) * 3 // 4
    classifier = make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression(C=5))
    classifier.fit(texts[:n_fitted], labels[:n_fitted])

    class Reader:
        kind, native = "scikit-learn", classifier
        capabilities = frozenset({Capability.PREDICT_PROBA})

        def predict(self, inputs: Inputs) -> NDArray[np.int64]:
            return self.predict_proba(inputs).argmax(axis=1)

        def predict_proba(self, inputs: Inputs) -> NDArray[np.float64]:
            return np.asarray(classifier.predict_proba(inputs))

    right = classifier.predict(texts[n_fitted:]) == labels[n_fitted:]
    held = [text for text, is_right in zip(texts[n_fitted:], right, strict=True) if is_right]
    held = held[:n_texts]
    codes = classifier.predict(held).astype(np.int64)
    recipes: tuple[Recipe, ...] = (
        "Pruthi (one typing error)", "DeepWordBug (typing errors)", "Look-alike letters",
        "PWWS (synonyms)", "TextFooler (near words)", "Morpheus (inflections)",
    )  # fmt: skip
    for recipe in recipes:
        params = AdversarialParams(recipe=recipe, queries=5000)

        def ours(params: AdversarialParams = params) -> list[tuple[str, int]]:
            memory = Memory(Reader(), labels_only=False, n_classes=2)
            found = attack_texts(Reader(), held, codes, params, seed=0, memory=memory)
            return [(attempt.text, attempt.queries) for attempt in found]

        def plain(params: AdversarialParams = params) -> list[tuple[str, int]]:
            attack = build_recipe(params.recipe, classifier.predict_proba, queries=params.queries)
            attack.goal_function.batch_size = TEXTATTACK_BATCH
            made = []
            for text, code in zip(held, codes.tolist(), strict=True):
                random.seed(seed_for(0, text))
                np.random.seed(seed_for(0, text))  # noqa: NPY002
                with local_parts():
                    result = attack.attack(text, code)
                changed = str(result.perturbed_result.attacked_text.text)
                hit = classifier.predict([changed])[0] != code
                made.append((changed if hit else text, int(attack.goal_function.num_queries)))
            return made

        # Both sides find the thesaurus and the vectors' neighbours already looked up.
        ours()
        # In turn, and the shortest of each: a burst of other work hits neither side alone.
        turns = [(_timed(ours), _timed(plain)) for _ in range(3)]
        (mine, seconds), (theirs, peer_seconds) = (
            min((turn[side] for turn in turns), key=lambda timed: timed[1]) for side in (0, 1)
        )
        n_queries = sum(queries for _, queries in mine)
        block = (held * (n_queries // len(held) + 1))[:n_queries]
        _, limit = _timed(lambda block=block: classifier.predict_proba(block))  # type: ignore[misc]
        _line(
            work=f"TextAttack, {recipe}, bag of words",
            size=f"{len(held)} texts, {n_queries:,} queries", ours=seconds,
            peer="the same recipe and parts, text by text", peer_s=peer_seconds, limit=limit,
            agree=mine == theirs,
        )  # fmt: skip


def _timed(work: Callable[[], Made]) -> tuple[Made, float]:
    start = time.perf_counter()
    made = work()
    return made, time.perf_counter() - start


def _line(
    *, work: str, size: str, ours: float, peer: str, peer_s: float, limit: float, agree: bool
) -> None:
    print(
        json.dumps(
            {
                "work": work, "size": size, "ours_s": ours, "peer": peer, "peer_s": peer_s,
                "limit_s": limit, "ratio": peer_s / ours, "agree": agree, "extrapolated": False,
            }
        ),
        flush=True,
    )  # fmt: skip


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "2")
    sys.exit(main())
