"""Torch programs: TorchScript archives and exported programs, run on one thread of the CPU."""

import io
import json
import re
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analyzers.core.errors import ModelMisbehaved, RefusedFile
from analyzers.core.model import Capability, Inputs
from analyzers.core.subject import Trust
from analyzers.loaders import bounds
from analyzers.loaders.formats import SAVE_ANY, SAVE_TORCH
from analyzers.loaders.loaded_model import Answer, LoadedModel
from analyzers.loaders.zip_entries import Archive

# What a program may call: tensor arithmetic. Python is reached by none of these.
_OPERATORS = re.compile(
    r"^(torch\.ops\.aten\.\w+(\.\w+)?|_operator\.(add|sub|mul|floordiv|truediv|mod|pow|getitem|eq|"
    r"ne|lt|le|gt|ge|neg)|torch\.sym_(float|int|max|min|not|ite|sqrt))$"
)
# These read or write files or shared memory by name.
_FORBIDDEN = re.compile(rb"aten::(from_file|_?save|load)\b|torch\.from_file|\bfrom_file\(")


def load_torchscript(path: Path) -> LoadedModel:
    """Open a TorchScript archive.

    Raises:
        RefusedFile: damaged, or a program that names files.
    """
    archive = Archive(path, what="a TorchScript model", most_bytes=bounds.MODEL_BYTES)
    for name in archive.names:
        if "/code/" in f"/{name}" and _FORBIDDEN.search(archive.read(name)):
            raise RefusedFile(
                "Expected a model, got a program that reads files by name; it was not opened.",
                remedy=f"{SAVE_TORCH} {SAVE_ANY}",
            )
    import torch

    torch.set_num_threads(1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module = torch.jit.load(str(path), map_location="cpu")
    # torch raises whatever its C++ reader met.
    except Exception as error:
        raise _damaged("TorchScript", error) from None
    module.eval()
    return _described(module, "TorchScript module", trust=Trust.PROGRAM)


def load_exported(path: Path) -> LoadedModel:
    """Open a torch.export archive whose weights and constants are plain bytes.

    Raises:
        RefusedFile: damaged, with pickled parts, or with calls beyond tensor arithmetic.
    """
    archive = Archive(path, what="a torch.export model", most_bytes=bounds.MODEL_BYTES)
    _check_exported(archive)
    import torch

    torch.set_num_threads(1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from torch.export.pt2_archive._package import load_pt2

            # Not `torch.export.load`: where reading fails, it falls back to an older form that
            # unpickles.
            program = load_pt2(_without_samples(archive)).exported_programs["model"]
            module = program.module(check_guards=False)
    # torch raises whatever its reader met.
    except Exception as error:
        raise _damaged("torch.export", error) from None
    return _described(module, "torch.export program", trust=Trust.PROGRAM)


def _check_exported(archive: Archive) -> None:
    for name in archive.names:
        inner = name.split("/", 1)[-1]
        if inner.startswith(("data/aotinductor", "data/constants/custom_obj", "extra/")):
            raise _pickled(f"the part {inner[:60]!r}")
        if inner.endswith("_config.json"):
            _check_config(_json(archive, name))
        elif inner.startswith("models/") and inner.endswith(".json"):
            _check_graph(_json(archive, name))


def _check_config(config: Any) -> None:  # noqa: ANN401  JSON
    entries = config.get("config") if isinstance(config, dict) else None
    if not isinstance(entries, dict):
        raise _damaged("torch.export", ValueError())
    for entry in entries.values():
        if not isinstance(entry, dict) or entry.get("use_pickle") is not False:
            raise _pickled("pickled weights or constants")
        if re.fullmatch(r"(weight|tensor)_\d+", str(entry.get("path_name"))) is None:
            raise _pickled("a constant that is no tensor")


def _check_graph(graph: Any) -> None:  # noqa: ANN401  JSON
    """Refuse any call that is not tensor arithmetic, and any text that could be evaluated."""
    waiting = [graph]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            target = node.get("target")
            if isinstance(target, str) and "inputs" in node and _OPERATORS.match(target) is None:
                raise RefusedFile(
                    "Expected a program of tensor operations, got one that calls "
                    f"{target[:80]!r}; it was not opened.",
                    remedy=f"{SAVE_TORCH} {SAVE_ANY}",
                )
            if isinstance(target, str) and "from_file" in target:
                raise _pickled("a call that reads files")
            for key in ("as_custom_obj", "as_operator"):
                if node.get(key) is not None:
                    raise _pickled("an object that is no tensor")
            text = node.get("expr_str")
            # Shapes are sympy text that torch evaluates: only symbols and arithmetic pass.
            if text is not None and not _is_plain_shape(str(text)):
                raise _pickled("a shape that is no arithmetic")
            # Names become Python source when torch builds the module.
            names = [node.get("name", ""), *(node.get("forward_arg_names") or [])]
            if any(re.fullmatch(r"[\w.]*", str(name)) is None for name in names):
                raise _pickled("a name that is no word")
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)


def _is_plain_shape(text: str) -> bool:
    if len(text) > 500:
        return False
    names = set(re.findall(r"[A-Za-z_]\w*", re.sub(r"'[su]\d+'", "", text)))
    allowed = {"Symbol", "positive", "integer", "True", "False", "nonnegative", "Integer", "Add",
               "Mul", "Pow", "FloorDiv", "Mod", "Max", "Min"}  # fmt: skip
    return names <= allowed and "__" not in text and "." not in text


def _without_samples(archive: Archive) -> Any:  # noqa: ANN401  a file object
    """Copy the archive with empty example inputs of our own; the file's are pickled."""
    import torch

    empty, copied = io.BytesIO(), io.BytesIO()
    torch.save(((), {}), empty)
    with zipfile.ZipFile(copied, "w", zipfile.ZIP_STORED) as target:
        for name in archive.names:
            content = archive.read(name)
            if "data/sample_inputs/" in f"/{name}":
                content = empty.getvalue()
            if "/models/" in f"/{name}" and name.endswith(".json"):
                graph = json.loads(content)
                # Text that torch would run as Python to check inputs.
                graph["guards_code"] = []
                content = json.dumps(graph).encode()
            target.writestr(name, content)
    copied.seek(0)
    return copied


def _json(archive: Archive, name: str) -> Any:  # noqa: ANN401  JSON
    try:
        return json.loads(archive.read(name))
    except (ValueError, RecursionError) as error:
        raise _damaged("torch.export", error) from None


def _described(module: Any, kind: str, *, trust: Trust) -> LoadedModel:  # noqa: ANN401
    shape = _first_weight(module)
    is_image = len(shape) == 4
    n_features = int(shape[1]) if len(shape) == 2 else None
    answer = TorchAnswer(module)
    n_outputs = None if n_features is None else _n_outputs(answer, n_features)
    return LoadedModel(
        kind=kind,
        native=module,
        trust=trust,
        answer=answer,
        capabilities=frozenset({Capability.GRADIENT, Capability.PREDICT_PROBA}),
        n_features=n_features,
        n_outputs=n_outputs,
        is_classifier=True if n_outputs is not None and n_outputs > 1 else None,
        modality="image" if is_image else None,
        is_differentiable=True,
        has_raw_outputs=True,
    )


def _n_outputs(answer: "TorchAnswer", n_features: int) -> int | None:
    try:
        scores = answer(np.zeros((2, n_features), dtype=np.float32)).scores
    # It may take flat pictures, or something else; the data will tell.
    except Exception:
        return None
    return None if scores is None else int(scores.shape[1])


def _first_weight(module: Any) -> tuple[int, ...]:  # noqa: ANN401
    for parameter in module.parameters():
        if parameter.dim() >= 2:
            return tuple(int(size) for size in parameter.shape)
    return ()


class TorchAnswer:
    """Runs a torch module on arrays or frames of numbers."""

    def __init__(self, module: Any) -> None:  # noqa: ANN401  a torch module
        self.module = module
        self.is_flat = False

    def tensor_of(self, inputs: Inputs) -> Any:  # noqa: ANN401  a torch.Tensor
        """Return the float32 tensor the module takes: `(n, c, h, w)`, or `(n, d)`."""
        import torch

        if isinstance(inputs, pd.DataFrame):
            rows = inputs.to_numpy(dtype=np.float32, na_value=np.nan)
        else:
            rows = np.asarray(inputs, dtype=np.float32)
            if rows.ndim == 4:
                rows = rows.transpose(0, 3, 1, 2)
            if self.is_flat:
                rows = rows.reshape(len(rows), -1)
        return torch.from_numpy(np.ascontiguousarray(rows))

    def raw(self, inputs: Inputs) -> Any:  # noqa: ANN401  a torch.Tensor
        """Return what the module says, unjudged."""
        import torch

        with torch.no_grad():
            return first_tensor(self.module(self.tensor_of(inputs)))

    def __call__(self, inputs: Inputs) -> Answer:
        """Return the raw outputs as scores; `torch_outputs` decides what they mean."""
        given = self.raw(inputs)
        if given.is_complex():
            # Torch would drop the imaginary parts without a word.
            raise ModelMisbehaved("Expected real numbers, got complex ones from the model.")
        raw = given.double().numpy()
        return Answer(scores=raw.reshape(len(raw), -1))


def first_tensor(output: Any) -> Any:  # noqa: ANN401  whatever the module returns
    """Return the logits of a module that returns several things."""
    while isinstance(output, tuple | list) and output:
        output = output[0]
    if isinstance(output, dict):
        output = output.get("logits", next(iter(output.values()), None))
    if not hasattr(output, "dim"):
        raise TypeError(f"the model returned {type(output).__name__} and no tensor")
    return output


def _pickled(found: str) -> RefusedFile:
    return RefusedFile(
        f"Expected a torch.export model of plain tensors, got one with {found}; it was not opened.",
        remedy=f"{SAVE_TORCH} {SAVE_ANY}",
    )


def _damaged(what: str, error: Exception) -> RefusedFile:
    return RefusedFile(
        f"Expected a whole {what} model, got one that is damaged or cut off "
        f"({type(error).__name__}).",
        remedy=f"{SAVE_TORCH} {SAVE_ANY}",
    )
