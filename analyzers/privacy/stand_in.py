"""The loss of a record, less what another model finds it hard to say.

A record that any model gets right says little about this one's memory. A stand-in, fitted on rows
the model has not seen, says how hard a record is; it is no shadow model, since it does not follow
the model's recipe, and what is found with it is called so.

References:
    Watson et al. 2022, On the Importance of Difficulty Calibration in Membership Inference Attacks.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analyzers.core.dataset import Dataset
from analyzers.core.errors import UnsuitableSubject
from analyzers.core.workbench import Tracker
from analyzers.privacy.comparability import as_numbers
from analyzers.privacy.evidence import Evidence, describing_columns
from analyzers.privacy.refitting import joined_inputs
from analyzers.privacy.signals import Signal, log_odds

NAME, TITLE = "stand_in", "Loss beyond a stand-in's"
FOLDS = 5
FEWEST_ROWS = 60
_LEAST = 1e-4


def stand_in_signal(evidence: Evidence, rng: np.random.Generator, track: Tracker) -> Signal:
    """Compare the model's log-odds of the truth with those of models fitted on non-members.

    Every record, member or not, is held against one stand-in that was not fitted on it and is of
    the same size as any other, so that by themselves the stand-ins favour neither side.

    Args:
        evidence: members and non-members with scores.
        rng: deals rows into folds and seeds the stand-ins.
        track: reports stand-ins fitted.

    Raises:
        UnsuitableSubject: no scores, texts, a regression, or too few non-members.
    """
    members, others = evidence.members, evidence.non_members
    if members.scores is None or others.scores is None:
        raise UnsuitableSubject("Expected probabilities from the model, got labels or values.")
    if len(others) < FEWEST_ROWS:
        raise UnsuitableSubject(
            f"Expected at least {FEWEST_ROWS} non-members to fit a stand-in on, got {len(others)}."
        )
    features = _features(members.data, others.data)
    labels = evidence.labels.astype(np.int64)
    scores = np.concatenate([members.scores, others.scores])
    cut = len(members)
    fold = rng.permutation(len(labels)) % FOLDS
    is_other = np.arange(len(labels)) >= cut
    expected = np.zeros(len(labels))
    seeds = rng.integers(2**31, size=FOLDS)
    for number in track(range(FOLDS), "Fitting stand-ins on rows the model has not seen"):
        mine = fold == number
        known = is_other & ~mine
        expected[mine] = _expected(
            features[known], labels[known], features[mine], labels[mine],
            n_classes=scores.shape[1], seed=int(seeds[number]),
        )  # fmt: skip
    value = np.clip(log_odds(scores, labels), *np.log((_LEAST, 1 / _LEAST))) - expected
    return Signal(NAME, TITLE, value[:cut], value[cut:])


def _features(inside: Dataset, outside: Dataset) -> NDArray[np.float64]:
    """What the model takes, or what describes the records where there is no model."""
    if inside.images is not None:
        pictures = np.asarray(joined_inputs(inside, outside), dtype=np.float64)
        return pictures.reshape(len(pictures), -1)
    if inside.subject.modality == "text":
        raise UnsuitableSubject("Expected rows of a table or pictures; the stand-in reads no text.")
    names = list(describing_columns(inside.subject))
    if not names:
        raise UnsuitableSubject("Expected columns that describe the records, got answers only.")
    frame = pd.concat([inside.frame[names], outside.frame[names]], ignore_index=True)
    return np.stack([as_numbers(frame[name]) for name in names], axis=1)


def _expected(
    features: NDArray[np.float64],
    labels: NDArray[np.int64],
    asked: NDArray[np.float64],
    truth: NDArray[np.int64],
    *,
    n_classes: int,
    seed: int,
) -> NDArray[np.float64]:
    """Log-odds that a stand-in gives the true class; a class it never saw gets the least."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    given = np.full((len(asked), n_classes), _LEAST)
    known = np.unique(labels)
    if len(known) == 1:
        given[:, known[0]] = 1.0
    else:
        stand_in = HistGradientBoostingClassifier(
            max_iter=60, max_leaf_nodes=15, min_samples_leaf=10, early_stopping=False,
            random_state=seed,
        )  # fmt: skip
        with threadpool_limits(1):
            stand_in.fit(features, labels)
            given[:, stand_in.classes_] = stand_in.predict_proba(asked)
    given = np.clip(given, _LEAST, None)
    return log_odds(given / given.sum(axis=1, keepdims=True), truth)
