"""A quicker copy of a model that gives the same answers to the last bit, or none.

Asked about a few rows, a scikit-learn forest behind a ColumnTransformer spends nearly all its time
on checking its input, on data frames and on handing out work. The copy encodes by table
(`quick_columns`) and sums the library's own fitted trees directly, in the library's order; any
other last step is asked itself. Nothing is approximated: no single precision, no thresholds moved.
The copy is compared on rows of the data and on mixtures of them, and refused on the first bit that
differs. A search may therefore ask whichever answers sooner without its result depending on that.
"""

import time
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analyzers.anatomy.quick_columns import QuickColumns, UnknownLevelError
from analyzers.anatomy.refusal import DoesNotFit
from analyzers.core.errors import AssayError
from analyzers.core.model import Capability, Inputs, Model
from analyzers.core.workbench import Workbench

Floats = NDArray[np.float64]
Answer = NDArray[np.float64] | NDArray[np.int64]

COMPARED = 500
TIMED = (20, 400)
# Larger questions cost both the same; the copy is asked in parts that fit a processor's cache.
ROWS_AT_ONCE = 4_096
_FORESTS = {"RandomForest", "ExtraTrees", "DecisionTree", "ExtraTree"}


class CompiledModel:
    """Answers as `original` does, sooner where that is possible.

    Attributes:
        kind: of the original.
        native: of the original.
        capabilities: of the original.
        original: the model itself.
        n_compared: rows on which the two agreed to the last bit.
    """

    def __init__(
        self,
        original: Model,
        columns: QuickColumns,
        last: Callable[[Floats], Floats],
        order: NDArray[np.int64] | None,
    ) -> None:
        self.original = original
        self.kind, self.native = original.kind, original.native
        self.capabilities = original.capabilities
        self.n_compared = 0
        self._columns, self._last, self._order = columns, last, order
        self._most_rows = 0

    def predict(self, inputs: Inputs) -> Answer:
        """Return codes or values, as the original."""
        answers = self._answers(inputs)
        if answers is None:
            return self.original.predict(inputs)
        return answers if self._order is None else answers.argmax(axis=1).astype(np.int64)

    def predict_proba(self, inputs: Inputs) -> Floats:
        """Return probabilities, as the original."""
        answers = None if self._order is None else self._answers(inputs)
        return self.original.predict_proba(inputs) if answers is None else answers

    def answers(self, frame: pd.DataFrame) -> Floats:
        """Return the copy's own answers, however long they take.

        Raises:
            UnknownLevelError: a value the copy has no table for.
        """
        parts = [
            self._last(self._columns(frame.iloc[start : start + ROWS_AT_ONCE]))
            for start in range(0, len(frame), ROWS_AT_ONCE)
        ]
        made = np.concatenate(parts) if len(parts) > 1 else parts[0]
        return made if self._order is None else made[:, self._order]

    def choose(self, frame: pd.DataFrame) -> None:
        """Find out up to how many rows a question the copy is the quicker one."""
        self._most_rows = 0
        for n_rows in TIMED:
            asked = frame.iloc[np.resize(np.arange(len(frame)), n_rows)]
            ours = min(_seconds(self.answers, asked) for _ in range(2))
            theirs = min(_seconds(self._ask_original, asked) for _ in range(2))
            if ours < theirs:
                self._most_rows = n_rows if n_rows < TIMED[-1] else np.iinfo(np.int64).max
            else:
                break

    def _ask_original(self, frame: pd.DataFrame) -> Answer:
        if self._order is None:
            return self.original.predict(frame)
        return self.original.predict_proba(frame)

    def _answers(self, inputs: Inputs) -> Floats | None:
        if not isinstance(inputs, pd.DataFrame) or not 0 < len(inputs) <= self._most_rows:
            return None
        try:
            return self.answers(inputs)
        except UnknownLevelError:
            return None


class Compiled(NamedTuple):
    """What became of compiling.

    Attributes:
        model: the copy, or the original where there is none.
        words: one sentence; it says the same whichever of the two turned out to be quicker.
    """

    model: Model
    words: str


def compile_model(model: Model, frame: pd.DataFrame, *, rng: np.random.Generator) -> Compiled:
    """Make a copy, hold it to the original, and let every question go to the quicker one.

    Args:
        model: the original; not asked where it is of no kind that can be copied.
        frame: `(n_rows, n_features)` rows of the data.
        rng: mixes rows for the comparison.
    """
    try:
        copy = _copy_of(model, frame, rng)
    except DoesNotFit as error:
        return Compiled(model, f"All questions went to the model itself: {error}.")
    except (AssayError, AttributeError, IndexError, KeyError, TypeError, ValueError):
        # A model may fail on mixed rows, and the parts of fitted estimators are the library's own
        # affair and differ between releases.
        return Compiled(
            model, "All questions went to the model itself: a copy of it could not be made."
        )
    copy.choose(frame)
    return Compiled(
        copy,
        "Questions went to a compiled copy of the model or to the model itself, whichever was "
        f"quicker: the copy gave the same scores to the last bit on {copy.n_compared:,} of "
        f"{copy.n_compared:,} rows tried.",
    )


def compile_for(bench: Workbench) -> Compiled:
    """Make a copy of a workbench's model for searches among its rows.

    The rows compared are chosen apart from `bench.rng`: whether there is a copy must not change
    what the analysis draws.

    Args:
        bench: a table and its model.
    """
    names = [column.name for column in bench.subject.features]
    return compile_model(bench.need_model(), bench.data.frame[names], rng=np.random.default_rng(0))


def original_of(model: Model) -> Model:
    """Return the model itself where `model` is a copy of one."""
    return model.original if isinstance(model, CompiledModel) else model


def _copy_of(model: Model, frame: pd.DataFrame, rng: np.random.Generator) -> CompiledModel:
    native, prepare = model.native, getattr(model, "native_inputs", None)
    if prepare is None or not len(frame):
        raise DoesNotFit("it is of no kind that can be copied")
    last_step = native.steps[-1][1] if hasattr(native, "steps") else native
    is_scored = Capability.PREDICT_PROBA in model.capabilities
    if hasattr(last_step, "classes_") and not is_scored:
        raise DoesNotFit("it gives labels alone")
    # Before anything is asked: most models that cannot be copied end here.
    last = _last_step(native, last_step, is_scored=is_scored)
    columns = QuickColumns(native, prepare, frame)
    if columns.sparse_kind is not None and not _has_trees(last_step):
        last = _through_sparse(last, columns.sparse_kind)
    # As many rows whatever their order, and mixtures of columns that stand in no row.
    rows = frame.iloc[np.resize(rng.permutation(len(frame)), COMPARED)]
    mixed = pd.DataFrame(
        {
            name: frame[name].array.take(rng.integers(0, len(frame), COMPARED))
            for name in frame.columns
        }
    )
    asked = pd.concat([rows, mixed], ignore_index=True).astype(frame.dtypes.to_dict())
    asked = _jittered(asked, rng)
    theirs = np.asarray(
        model.predict_proba(asked) if is_scored else model.predict(asked), dtype=np.float64
    )
    given = last(columns(asked))
    order = _order(given, theirs) if is_scored else None
    copy = CompiledModel(model, columns, last, order)
    if not np.array_equal(copy.answers(asked), theirs):
        n_same = int((copy.answers(asked) == theirs).reshape(len(asked), -1).all(axis=1).sum())
        raise DoesNotFit(f"a copy gave the same scores on {n_same:,} of {len(asked):,} rows only")
    if is_scored and not np.array_equal(theirs.argmax(axis=1), model.predict(asked)):
        raise DoesNotFit("its answer is not the class with the highest score")
    copy.n_compared = len(asked)
    return copy


def _jittered(asked: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Move the numbers of the second half a little: a search asks about such rows."""
    half = len(asked) // 2
    for name in asked.columns:
        if isinstance(asked[name].dtype, np.dtype) and asked[name].dtype.kind == "f":
            values = asked[name].to_numpy(copy=True)
            values[half:] += 0.1 * np.nanstd(values) * rng.standard_normal(len(values) - half)
            asked[name] = values
    return asked


def _order(given: Floats, theirs: Floats) -> NDArray[np.int64]:
    """Which of the copy's columns is each of the original's."""
    if given.shape != theirs.shape:
        raise DoesNotFit("it gives other columns of scores than a copy")
    n_same = (given[:, :, None] == theirs[:, None, :]).sum(axis=0)
    order = n_same.argmax(axis=0)
    if len(set(order.tolist())) != given.shape[1]:
        return np.arange(given.shape[1])
    return np.asarray(order, dtype=np.int64)


def _last_step(native: Any, estimator: Any, *, is_scored: bool) -> Callable[[Floats], Floats]:  # noqa: ANN401
    """Return what answers for the last step.

    Raises:
        DoesNotFit: nothing would be saved, or it adds up in an order that varies.
    """
    if _has_trees(estimator):
        if getattr(estimator, "n_jobs", None) not in (None, 1):
            raise DoesNotFit("its trees are added up by several threads, in no fixed order")
        return _trees(estimator)
    if native is estimator:
        kind = type(estimator).__name__
        raise DoesNotFit(f"nothing stands before {kind} that a copy could spare")

    def answers(matrix: Floats) -> Floats:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            given = estimator.predict_proba(matrix) if is_scored else estimator.predict(matrix)
        return np.asarray(given, dtype=np.float64)

    return answers


def _through_sparse(last: Callable[[Any], Floats], kind: Any) -> Callable[[Floats], Floats]:  # noqa: ANN401
    # Sparse and dense products add up in different orders.
    return lambda matrix: last(kind(matrix))


def _has_trees(estimator: Any) -> bool:  # noqa: ANN401  a library's object
    kind = type(estimator)
    name = kind.__name__.removesuffix("Classifier").removesuffix("Regressor")
    is_known = kind.__module__.startswith("sklearn.") and name in _FORESTS
    return is_known and getattr(estimator, "n_outputs_", 1) == 1


def _trees(estimator: Any) -> Callable[[Floats], Floats]:  # noqa: ANN401  a library's object
    trees = [member.tree_ for member in getattr(estimator, "estimators_", [estimator])]
    n_classes = int(estimator.n_classes_) if hasattr(estimator, "classes_") else 0
    n_columns = n_classes or 1

    def answers(matrix: Floats) -> Floats:
        single = np.ascontiguousarray(matrix, dtype=np.float32)
        total = np.zeros((len(single), n_columns))
        for tree in trees:
            total += tree.predict(single).reshape(len(single), -1)[:, :n_columns]
        total /= len(trees)
        return total if n_classes else total[:, 0]

    return answers


def _seconds(ask: Callable[[pd.DataFrame], Answer], frame: pd.DataFrame) -> float:
    start = time.perf_counter()
    ask(frame)
    return time.perf_counter() - start
