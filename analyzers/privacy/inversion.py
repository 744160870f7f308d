"""What a class looks like to the model: typical records made from its answers alone.

Somebody who may ask for scores starts from an average person and changes one column at a time
towards the class, or a grey picture one region at a time, keeping what raises the score. Whether
the result resembles the real members of its class more than those of others is what counts; one
class in all would by guessing.

References:
    Fredrikson, Jha and Ristenpart 2015, Model Inversion Attacks that Exploit Confidence
    Information and Basic Countermeasures.
"""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analyzers.core.errors import UnsuitableSubject
from analyzers.core.finding import Finding, Judgement, Verdict
from analyzers.core.model import Capability, Model
from analyzers.core.result import Fact, Measurements
from analyzers.core.workbench import Tracker
from analyzers.privacy.comparability import as_numbers
from analyzers.privacy.evidence import Evidence
from analyzers.privacy.parts import NOTHING, Part
from analyzers.privacy.wording import ends, finding_of
from analyzers.toolkit.intervals import rate_estimate

MOST_CLASSES = 20
_VALUES = 12
_PASSES = 2
_PICTURE_STEPS = 400
_MOST_PIXELS = 4096
_COPIES = 20


class Prototype(NamedTuple):
    """A typical record of a class, made from answers, beside the real mean of its members.

    Attributes:
        made: `(n_features,)` in the units it is compared in.
        real: `(n_classes, n_features)` the means of every class.
        score: the model's probability of the class.
    """

    made: NDArray[np.float64]
    real: NDArray[np.float64]
    score: float


def inversion_part(
    model: Model | None,
    evidence: Evidence,
    rng: np.random.Generator,
    track: Tracker,
    *,
    is_wanted: bool,
) -> Part:
    """Measure where it is asked for, else or where it cannot be done nothing, with the reason."""
    if not is_wanted:
        return NOTHING
    try:
        return measure_inversion(model, evidence, rng, track)
    except UnsuitableSubject as refusal:
        return NOTHING._replace(notes=(f"Typical records are left out. {refusal.message}",))


def measure_inversion(
    model: Model | None, evidence: Evidence, rng: np.random.Generator, track: Tracker
) -> Part:
    """Make a typical record of every class from answers, and see whose members it resembles.

    Args:
        model: the live model, with probabilities.
        evidence: the ranges of columns come from non-members, the means from members.
        rng: draws what is tried.
        track: reports classes done.

    Raises:
        UnsuitableSubject: no probabilities, texts, a regression, large pictures, or many classes.
    """
    subject = evidence.members.data.subject
    if model is None or Capability.PREDICT_PROBA not in model.capabilities:
        raise UnsuitableSubject("Expected a model that gives probabilities.")
    n_classes = len(subject.classes)
    if subject.modality == "text" or subject.task == "regression" or n_classes > MOST_CLASSES:
        raise UnsuitableSubject(
            f"Expected rows of a table or pictures in at most {MOST_CLASSES} classes."
        )
    labels = np.asarray(evidence.members.labels, dtype=np.int64)
    present = [code for code in range(n_classes) if (labels == code).any()]
    is_picture = subject.modality == "image"
    rows: list[dict[str, Any]] = []
    n_right = 0
    rngs = rng.spawn(len(present))
    what = "Making typical records from answers"
    for code, own_rng in zip(track(present, what, total=len(present)), rngs, strict=True):
        make = _picture_of if is_picture else _record_of
        found = make(model, evidence, code, present, own_rng)
        distances = np.sqrt(((found.real - found.made) ** 2).mean(axis=1))
        nearest = present[int(distances.argmin())]
        n_right += nearest == code
        rows += _feature_rows(evidence, code, present, found, nearest)
    return Part(
        {"inverted_classes": rate_estimate(n_right, len(present), exact=True)},
        _shape(evidence),
        {"prototypes": rows},
    )


def _shape(evidence: Evidence) -> dict[str, Fact]:
    images = evidence.members.data.images
    if images is None:
        return {}
    names = ("prototype_height", "prototype_width", "prototype_channels")
    return dict(zip(names, map(int, images.shape[1:]), strict=True))


def _record_of(
    model: Model, evidence: Evidence, code: int, present: list[int], rng: np.random.Generator
) -> Prototype:
    """Climb the score of a class one column at a time, over values that occur among non-members."""
    frame: Any = evidence.non_members.data.inputs
    members: Any = evidence.members.data.inputs
    record = frame.iloc[[0]].copy()
    options = {}
    for name in frame.columns:
        values = frame[name].dropna().sort_values(ignore_index=True)
        if not len(values):
            values = frame[name].iloc[:1]
        if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
            places = np.linspace(0, len(values) - 1, _VALUES).astype(np.int64)
            options[name] = values.iloc[places].drop_duplicates()
            middle = values.iloc[len(values) // 2]
        else:
            options[name] = values.drop_duplicates()[:50]
            middle = values.mode().iloc[0]
        record[name] = pd.Series([middle], index=record.index).astype(frame[name].dtype)
    for _ in range(_PASSES):
        for name in rng.permutation(np.array(list(frame.columns), dtype=object)):
            tried = pd.concat([record] * len(options[name]), ignore_index=True)
            tried[name] = options[name].reset_index(drop=True).astype(frame[name].dtype)
            scores = model.predict_proba(tried)[:, code]
            record = tried.iloc[[int(scores.argmax())]].reset_index(drop=True)
    both = pd.concat([record, members], ignore_index=True)
    numbers = np.stack([as_numbers(both[name]) for name in both.columns], axis=1)
    spread = np.nanstd(numbers[1:], axis=0)
    numbers = np.nan_to_num(numbers / np.where(spread > 0, spread, 1.0))
    score = float(model.predict_proba(record)[0, code])
    return Prototype(numbers[0], _means(numbers[1:], evidence, present), score)


def _picture_of(
    model: Model, evidence: Evidence, code: int, present: list[int], rng: np.random.Generator
) -> Prototype:
    """Climb the score of a class from grey, by smooth random strokes kept where they help."""
    pictures = np.asarray(evidence.members.data.images, dtype=np.float64)
    if pictures[0].size > _MOST_PIXELS:
        raise UnsuitableSubject(
            f"Expected pictures of at most {_MOST_PIXELS:,} values, got {pictures[0].size:,}."
        )
    height, width, channels = pictures.shape[1:]
    made = np.full((height, width, channels), 0.5)
    best = float(model.predict_proba(made[None].astype(np.float32))[0, code])
    down, across = np.mgrid[0:height, 0:width]
    for _ in range(_PICTURE_STEPS):
        centres = rng.random((_COPIES, 2)) * (height, width)
        widths = rng.uniform(0.06, 0.25, _COPIES) * max(height, width)
        strokes = np.exp(
            -((down - centres[:, :1, None]) ** 2 + (across - centres[:, 1:, None]) ** 2)
            / (2 * widths[:, None, None] ** 2)
        )
        tones = rng.uniform(-0.5, 0.5, (_COPIES, 1, 1, channels))
        tried = np.clip(made + strokes[..., None] * tones, 0.0, 1.0)
        scores = model.predict_proba(tried.astype(np.float32))[:, code]
        if scores.max() > best:
            best, made = float(scores.max()), tried[int(scores.argmax())]
    return Prototype(
        made.ravel(), _means(pictures.reshape(len(pictures), -1), evidence, present), best
    )


def _means(
    numbers: NDArray[np.float64], evidence: Evidence, present: list[int]
) -> NDArray[np.float64]:
    labels = np.asarray(evidence.members.labels, dtype=np.int64)
    return np.stack([numbers[labels == code].mean(axis=0) for code in present])


def _feature_rows(
    evidence: Evidence, code: int, present: list[int], found: Prototype, nearest: int
) -> list[dict[str, Any]]:
    subject = evidence.members.data.subject
    named = [column.name for column in subject.features]
    is_table = subject.modality == "tabular"
    own = found.real[present.index(code)]
    size = int((np.asarray(evidence.members.labels) == code).sum())
    return [
        {
            "class": subject.classes[code],
            "place": place,
            "feature": named[place] if is_table else "",
            "made": float(found.made[place]),
            "real": float(own[place]),
            "score": found.score,
            "nearest_class": subject.classes[nearest],
            "n_members": size,
        }
        for place in range(len(own))
    ]


def judge_inversion(measurements: Measurements) -> list[Finding]:
    """Say how many classes can be recognised from answers alone; there is no accepted limit."""
    estimate = measurements.estimates.get("inverted_classes")
    if estimate is None or estimate.value is None:
        return []
    n = estimate.n
    return [
        finding_of(
            "inverted_classes", estimate,
            Judgement(
                Verdict.INCONCLUSIVE,
                "A typical record of a class is not a person's; whether it gives something away "
                "depends on what a class is. No limit exists.",
            ),
            None,
            f"Records made from the model's answers alone resemble the members of their own class "
            f"most in {estimate.value * n:.0f} of {n} classes (95 % interval "
            f"{ends(estimate, '.0%')}); guessing gives 1 in {n}.",
            "Where a class is one person (a face, a voice), answer with labels or rounded scores.",
            "Fredrikson, Jha and Ristenpart 2015",
            concerns="the people of small classes",
        )
    ]  # fmt: skip
