"""ONNX graphs: standard operators only, nothing outside the file, shapes that are real."""

from collections.abc import Iterator, Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analyzers.core.errors import RefusedFile
from analyzers.core.model import Capability, Inputs
from analyzers.core.subject import Modality, Trust
from analyzers.loaders import bounds
from analyzers.loaders.formats import SAVE_ANY
from analyzers.loaders.loaded_model import Answer, Level, LoadedModel
from analyzers.loaders.sklearn_model import as_objects

_DOMAINS = ("", "ai.onnx", "ai.onnx.ml")
_LARGEST_TENSOR = 500_000_000
_NUMBERS = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(int64)": np.int64,
            "tensor(int32)": np.int32, "tensor(bool)": np.bool_}  # fmt: skip


def load_onnx(path: Path) -> LoadedModel:
    """Open an ONNX graph.

    Raises:
        RefusedFile: damaged, data outside the file, operators beyond the standard, impossible
            shapes, or several outputs that say nothing known.
    """
    import onnx
    import onnxruntime

    content = path.read_bytes() if path.stat().st_size <= bounds.MODEL_BYTES else b""
    try:
        model = onnx.load_model_from_string(content)
    # protobuf raises its own kinds for damaged files.
    except Exception as error:
        raise _refuse("damaged or cut-off content") from error
    if not model.graph.node:
        raise _refuse("no operators")
    _check(model)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(
            content, sess_options=options, providers=["CPUExecutionProvider"]
        )
    # onnxruntime has a class for every way of failing.
    except Exception as error:
        raise _refuse("a graph that cannot run") from error
    return _described(model, session)


def _check(model: Any) -> None:  # noqa: ANN401  a protobuf
    if len(model.functions):
        raise _refuse("functions of its own")
    for graph in _graphs(model.graph):
        for tensor in _tensors(graph):
            if tensor.data_location or len(tensor.external_data):
                raise _refuse("data outside the file")
            if any(size < 0 for size in tensor.dims) or prod(tensor.dims) > _LARGEST_TENSOR:
                raise _refuse("a tensor of impossible shape")
        for node in graph.node:
            if node.domain not in _DOMAINS:
                raise _refuse(f"the operator {node.op_type[:40]!r} of {node.domain[:40]!r}")
    for imported in model.opset_import:
        if imported.domain not in (*_DOMAINS, "ai.onnx.training", "com.microsoft"):
            raise _refuse(f"operators of {imported.domain[:40]!r}")


def _graphs(graph: Any) -> Iterator[Any]:  # noqa: ANN401  protobufs
    waiting = [graph]
    while waiting:
        current = waiting.pop()
        yield current
        for node in current.node:
            for attribute in node.attribute:
                if attribute.HasField("g"):
                    waiting.append(attribute.g)
                waiting.extend(attribute.graphs)


def _tensors(graph: Any) -> Iterator[Any]:  # noqa: ANN401  protobufs
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors


def _described(model: Any, session: Any) -> LoadedModel:  # noqa: ANN401  protobuf and session
    inputs, outputs = session.get_inputs(), session.get_outputs()
    kinds = [item.type for item in inputs]
    ask = _Ask(session)
    classes = _classes(model.graph)
    is_classifier = any(node.op_type.endswith("Classifier") or node.op_type == "ZipMap"
                        for node in model.graph.node) or len(outputs) > 1  # fmt: skip
    has_trees = any(node.op_type.startswith("TreeEnsemble") for node in model.graph.node)
    capabilities = {Capability.TREES} if has_trees else set()
    rank = len(inputs[0].shape or [])
    modality: Modality = "image" if rank == 4 else "tabular"
    if kinds == ["tensor(string)"] and _width(inputs[0]) in (1, None):
        modality = "text"
    is_known = is_classifier or classes is not None
    if any(item.type in ("tensor(float)", "tensor(double)") or item.type.startswith("seq(map")
           for item in outputs):  # fmt: skip
        capabilities.add(Capability.PREDICT_PROBA)
    n_features = len(inputs) if len(inputs) > 1 else _width(inputs[0])
    return LoadedModel(
        kind=f"ONNX graph ({model.producer_name[:40] or 'unknown producer'})",
        native=session,
        trust=Trust.PROGRAM,
        answer=ask,
        capabilities=frozenset(capabilities),
        feature_names=tuple(item.name for item in inputs) if len(inputs) > 1 else None,
        n_features=n_features if modality == "tabular" else None,
        classes=classes,
        is_classifier=True if is_known else None,
        modality=modality,
        has_raw_outputs=not is_known,
    )


def _width(item: Any) -> int | None:  # noqa: ANN401  an input's description
    shape = item.shape or []
    return shape[1] if len(shape) == 2 and isinstance(shape[1], int) else None


def _classes(graph: Any) -> tuple[Level, ...] | None:  # noqa: ANN401  a protobuf
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.name in ("classlabels_int64s", "classlabels_ints", "classlabels_strings"):
                values: tuple[Level, ...] = tuple(attribute.ints) or tuple(
                    item.decode("utf-8", "replace") for item in attribute.strings
                )
                if len(values) >= 2:
                    return values
    return None


class _Ask:
    """Gives rows to a session in the tensors it declares, and reads what it returns."""

    def __init__(self, session: Any) -> None:  # noqa: ANN401  untyped library
        self._session = session
        self._inputs = session.get_inputs()

    def __call__(self, inputs: Inputs) -> Answer:
        """Return scores, and labels where the graph gives them."""
        return read_outputs(self._session.run(None, self._feeds(inputs)))

    def _feeds(self, inputs: Inputs) -> dict[str, Any]:
        first = self._inputs[0]
        if isinstance(inputs, list):
            shape = (-1, 1) if len(first.shape or []) == 2 else (-1,)
            return {first.name: np.asarray(inputs, dtype=object).reshape(shape)}
        if isinstance(inputs, np.ndarray):
            rows = inputs
            wanted = first.shape or []
            if rows.ndim == 4 and not (len(wanted) == 4 and wanted[3] == rows.shape[3] and
                                       wanted[1] != rows.shape[3]):  # fmt: skip
                rows = rows.transpose(0, 3, 1, 2)
            if len(wanted) == 2:
                rows = rows.reshape(len(rows), -1)
            return {first.name: np.ascontiguousarray(rows.astype(_NUMBERS[first.type]))}
        frame = as_objects(inputs)
        if len(self._inputs) == 1:
            return {first.name: _tensor(frame.to_numpy(), first.type)}
        return {
            item.name: _tensor(frame.iloc[:, [at]].to_numpy(), item.type)
            for at, item in enumerate(self._inputs)
        }


def _tensor(values: np.ndarray, kind: str) -> np.ndarray:
    if kind == "tensor(string)":
        return np.array([["" if pd.isna(cell) else str(cell) for cell in row] for row in values],
                        dtype=object)  # fmt: skip
    return np.ascontiguousarray(values.astype(_NUMBERS.get(kind, np.float32)))


def read_outputs(outputs: list[Any]) -> Answer:
    """Tell labels from scores among a session's outputs.

    Args:
        outputs: tensors, or lists of one mapping per row (what ZipMap gives).

    Returns:
        Scores as `(n_rows, n_classes)` in the order of the classes; labels where given.
    """
    labels, scores = None, None
    for output in outputs:
        if isinstance(output, list) and output and isinstance(output[0], Mapping):
            order = list(output[0])
            scores = np.array([[row[key] for key in order] for row in output], dtype=np.float64)
        elif isinstance(output, np.ndarray) and output.dtype.kind == "f":
            scores = output.astype(np.float64) if scores is None else scores
        elif isinstance(output, np.ndarray) and output.ndim <= 2 and labels is None:
            labels = output.reshape(len(output)) if output.size == len(output) else None
    if scores is not None:
        flat = scores.reshape(len(scores), -1)
        # One number per row beside no label is a value; the subject's task decides which.
        return Answer(scores=flat, labels=labels)
    return Answer(labels=labels)


def _refuse(found: str) -> RefusedFile:
    return RefusedFile(
        f"Expected a plain ONNX graph, got one with {found}; it was not opened.",
        remedy="Export the model with standard operators into one file (for scikit-learn: "
        f"`skl2onnx.to_onnx`). {SAVE_ANY}",
    )
