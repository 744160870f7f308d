"""TextAttack's recipes in step with our caches, beside TextAttack as it stands, text by text.

The limit is the time the model itself needs for as many texts in large calls: no attack that asks
as often can be faster.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from analyzers.core.model import Capability, Inputs

Made = TypeVar("Made")
# TextAttack's own default.
TEXTATTACK_BATCH = 32


def main() -> int:
    """Print one JSON line a comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    _compare_texts(n_texts=30 if quick else 300)
    return 0


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
