"""A loaded model matched to a subject: inputs by name, outputs checked."""

import warnings
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analyzers.core.errors import AssayError, ModelMisbehaved, UnsuitableSubject
from analyzers.core.model import Capability, Inputs
from analyzers.core.subject import Subject
from analyzers.loaders import bounds
from analyzers.loaders.headers import clean, quoted
from analyzers.loaders.levels import level_name, match_levels
from analyzers.loaders.loaded_model import Answer, Level, LoadedModel
from analyzers.loaders.outputs import Outputs, tell_outputs, to_probabilities

_TOLERANCE = 1e-3


class MatchedModel:
    """Implements `core.model.Model` for one subject.

    Attributes:
        outputs: what the numbers of a network are, told from its answers to the first rows, since
            its file does not say; "probabilities" or "values" for every other model.
    """

    def __init__(self, loaded: LoadedModel, subject: Subject, probe: Inputs) -> None:
        self.kind = loaded.kind
        self.native = loaded.native
        self.capabilities = self._capabilities(loaded, subject)
        self._loaded = loaded
        self._subject = subject
        self._features = [column.name for column in subject.features]
        self._originals = _original_levels(loaded, subject)
        self._order = _class_order(loaded, subject)
        self.outputs: Outputs = "values" if subject.task == "regression" else "probabilities"
        if loaded.has_raw_outputs and subject.task != "regression":
            scores = self._ask(self._prepare(probe), 0).scores
            if scores is not None:
                self.outputs = tell_outputs(_as_numbers(scores).reshape(len(scores), -1))

    @staticmethod
    def _capabilities(loaded: LoadedModel, subject: Subject) -> frozenset[Capability]:
        if subject.task == "regression":
            return loaded.capabilities - {Capability.PREDICT_PROBA}
        return loaded.capabilities

    def predict(self, inputs: Inputs) -> NDArray[np.float64] | NDArray[np.int64]:
        """Return class codes `(n_rows,)` int64, or values `(n_rows,)` float64 for regression.

        Raises:
            ModelMisbehaved: wrong shape, NaN or infinity, or a failure inside the model.
        """
        answer = self._answer(inputs)
        if self._subject.task == "regression":
            return self._values(answer)
        if answer.labels is not None:
            return self._codes(answer.labels)
        return self._scores(answer).argmax(axis=1).astype(np.int64)

    def predict_proba(self, inputs: Inputs) -> NDArray[np.float64]:
        """Return probabilities `(n_rows, n_classes)` in [0, 1], rows summing to 1.

        Raises:
            ModelMisbehaved: wrong shape, NaN, infinity, or not probabilities.
            UnsuitableSubject: the model gives labels or values only.
        """
        if Capability.PREDICT_PROBA not in self.capabilities:
            raise UnsuitableSubject(
                f"Expected a model with probabilities; {self.kind} gives none.",
                remedy="Choose an analysis that needs labels only, or save a model that gives "
                "probabilities (for a support vector machine, `CalibratedClassifierCV`).",
            )
        return self._scores(self._answer(inputs))

    def native_inputs(self, inputs: Inputs) -> Any:  # noqa: ANN401  what a library takes
        """Return the inputs as `native` itself takes them: ordered, named, categories coded."""
        rows = self._prepare(inputs)
        prepare = getattr(self._loaded.answer, "prepare", None)
        return rows if prepare is None else prepare(rows)

    def _answer(self, inputs: Inputs) -> Answer:
        """Ask in batches, so that memory stays bounded, and check the number of answers."""
        rows = self._prepare(inputs)
        n_rows = len(rows)
        step = max(1, bounds.BATCH_CELLS // _cells_per_row(rows))
        if self._loaded.is_differentiable and self._subject.modality == "image":
            step = min(step, bounds.BATCH_PICTURES)
        parts = [self._ask(_slice(rows, start, start + step), start)
                 for start in range(0, max(n_rows, 1), step)]  # fmt: skip
        return Answer(*(_joined([part[at] for part in parts], n_rows) for at in range(3)))

    def _ask(self, rows: Inputs, start: int) -> Answer:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                answer = self._loaded.answer(rows)
        except AssayError:
            raise
        # A model is someone else's program: whatever it raises is its failure, not ours.
        except Exception as error:
            what = clean(_last_words(error))
            raise ModelMisbehaved(
                f"Expected predictions for rows from {start:,} on, got {type(error).__name__}: "
                f"{what[:300]}",
                remedy=_remedy(self._loaded),
            ) from error
        for part in answer:
            if part is not None and (np.ndim(part) == 0 or len(part) != len(rows)):
                got = 1 if np.ndim(part) == 0 else len(part)
                raise ModelMisbehaved(
                    f"Expected {len(rows):,} predictions, got {got:,}.",
                    remedy="Save a model that gives one answer per row.",
                )
        return answer

    def _prepare(self, inputs: Inputs) -> Inputs:
        if (
            isinstance(inputs, np.ndarray)
            and inputs.ndim == 2
            and self._subject.modality == ("tabular")
        ):
            inputs = pd.DataFrame(inputs, columns=self._features)
        if not isinstance(inputs, pd.DataFrame):
            return inputs
        absent = [name for name in self._features if name not in inputs.columns]
        if absent:
            names = ", ".join(quoted(name) for name in absent[:10])
            raise UnsuitableSubject(f"Expected all columns of the model, got none called {names}.")
        rows = inputs[self._features]
        for name, originals in self._originals.items():
            rows = rows.assign(**{name: _back_to_original(rows[name], originals)})
        return rows

    def _values(self, answer: Answer) -> NDArray[np.float64]:
        given = answer.values if answer.values is not None else answer.scores
        if given is None:
            raise ModelMisbehaved("Expected numbers, got class labels.")
        values = _as_numbers(given)
        if values.ndim == 2 and values.shape[1] == 1:
            values = values[:, 0]
        if values.ndim != 1:
            raise ModelMisbehaved(
                f"Expected one number per row, got an array of shape {values.shape}.",
                remedy="Save a model with one output, or set another target.",
            )
        _require_finite(values)
        return values

    def _scores(self, answer: Answer) -> NDArray[np.float64]:
        if answer.scores is None:
            raise ModelMisbehaved("Expected probabilities, got labels only.")
        scores = _as_numbers(answer.scores)
        n_classes = len(self._subject.classes)
        if scores.ndim == 1:
            scores = scores[:, None]
        if scores.ndim == 2 and np.isfinite(scores).all():
            scores = to_probabilities(scores, self.outputs)
        if scores.ndim == 2 and scores.shape[1] == 1 and n_classes == 2:
            scores = np.hstack([1.0 - scores, scores])
        if scores.ndim != 2 or scores.shape[1] != n_classes:
            raise ModelMisbehaved(
                f"Expected {n_classes:,} scores per row, one for each class, got an array of shape "
                f"{scores.shape}.",
                remedy="Check that the target column is the one the model predicts.",
            )
        _require_finite(scores)
        if scores.size:
            low, high = float(scores.min()), float(scores.max())
            if low < -_TOLERANCE or high > 1 + _TOLERANCE:
                raise ModelMisbehaved(
                    f"Expected probabilities between 0 and 1, got values from {low:.4g} to "
                    f"{high:.4g}."
                )
            sums = scores.sum(axis=1)
            if np.abs(sums - 1).max() > _TOLERANCE:
                raise ModelMisbehaved(
                    "Expected probabilities that sum to 1 in every row, got sums from "
                    f"{sums.min():.4g} to {sums.max():.4g}."
                )
            scores = np.clip(scores, 0.0, 1.0)
        return scores[:, self._order]

    def _codes(self, labels: NDArray[Any]) -> NDArray[np.int64]:
        flat = np.asarray(labels).reshape(-1) if np.ndim(labels) != 1 else np.asarray(labels)
        if len(flat) != len(labels):
            raise ModelMisbehaved(f"Expected one label per row, got shape {np.shape(labels)}.")
        names = [level_name(value.item() if isinstance(value, np.generic) else value)
                 for value in flat]  # fmt: skip
        known = match_levels(sorted(set(names)), self._subject.classes)
        strange = sorted(set(names) - set(known))
        if strange:
            shown = ", ".join(quoted(name) for name in strange[:5])
            raise ModelMisbehaved(
                f"Expected labels among the {len(self._subject.classes):,} known classes, got "
                f"{shown}."
            )
        code = {name: at for at, name in enumerate(self._subject.classes)}
        return np.array([code[known[name]] for name in names], dtype=np.int64)


def _last_words(error: Exception) -> str:
    """Return a message without the program listing TorchScript puts before it."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines and "Traceback of TorchScript" in str(error) else str(error)


def _remedy(loaded: LoadedModel) -> str:
    """Name the other version first, where the model was saved by one."""
    older = [note for note in loaded.notes if "saved by scikit-learn" in note]
    return " ".join([*older, "Check that the table's columns hold what the model was fitted on."])


def _original_levels(loaded: LoadedModel, subject: Subject) -> dict[str, dict[str, Level]]:
    """For categorical features: the model's own value by the name shown, where they differ."""
    originals: dict[str, dict[str, Level]] = {}
    for column in subject.features:
        values = loaded.levels.get(column.name)
        if values is not None and column.kind in ("category", "text"):
            named = {level_name(value): value for value in values}
            if any(not isinstance(value, str) or value != name for name, value in named.items()):
                originals[column.name] = named
    return originals


def _back_to_original(column: pd.Series, originals: dict[str, Level]) -> Any:  # noqa: ANN401
    values = list(originals.values())
    made = column.map(lambda name: originals.get(level_name(name), name), na_action="ignore")
    is_number = all(isinstance(value, int | float) and not isinstance(value, bool)
                    for value in values)  # fmt: skip
    if is_number:
        return pd.to_numeric(made, errors="coerce").to_numpy()
    if all(isinstance(value, bool) for value in values) and not made.isna().any():
        return made.to_numpy(dtype=bool)
    return made.to_numpy(dtype=object)


def _class_order(loaded: LoadedModel, subject: Subject) -> NDArray[np.int64]:
    """Positions of the subject's classes among the model's score columns."""
    if loaded.classes is None:
        return np.arange(len(subject.classes))
    names = [level_name(value) for value in loaded.classes]
    paired = match_levels(subject.classes, names)
    if len(paired) != len(subject.classes) or len(names) != len(subject.classes):
        if subject.task == "regression":
            return np.arange(0)
        raise UnsuitableSubject(
            "Expected the classes the model knows, got a subject with others.",
            remedy="Run the inspection again.",
        )
    return np.array([names.index(paired[name]) for name in subject.classes])


def _cells_per_row(rows: Inputs) -> int:
    if isinstance(rows, list):
        return 2_000
    return max(1, int(np.prod(rows.shape[1:])))


def _slice(rows: Inputs, start: int, stop: int) -> Inputs:
    return rows.iloc[start:stop] if isinstance(rows, pd.DataFrame) else rows[start:stop]


def _joined(parts: list[Any], n_rows: int) -> Any:  # noqa: ANN401  an array or None
    kept = [np.asarray(part) for part in parts if part is not None]
    if not kept:
        return None
    if len({part.shape[1:] for part in kept}) > 1 or sum(map(len, kept)) != n_rows:
        raise ModelMisbehaved("Expected answers of one shape, got different ones for some rows.")
    return np.concatenate(kept) if len(kept) > 1 else kept[0]


def _as_numbers(given: NDArray[Any]) -> NDArray[np.float64]:
    if np.iscomplexobj(given):
        raise ModelMisbehaved("Expected real numbers, got complex ones from the model.")
    try:
        return np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ModelMisbehaved(
            f"Expected numbers, got {np.asarray(given).dtype} from the model."
        ) from error


def _require_finite(values: NDArray[np.float64]) -> None:
    is_bad = ~np.isfinite(values)
    if is_bad.any():
        rows = int(is_bad.reshape(len(values), -1).any(axis=1).sum())
        raise ModelMisbehaved(
            f"Expected finite predictions, got NaN or infinity in {rows:,} of {len(values):,} "
            "rows.",
            remedy="Check for missing values in columns the model needs, and for very large ones.",
        )
