"""Hostile models of the native formats: forged trees, foreign operators, pickles in disguise."""

import io
import json
import warnings
import zipfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from tests.loaders.hostile import Gadget, Hostile, _touch


def corpus() -> Iterator[Hostile]:
    for name, change in _XGBOOST.items():
        yield Hostile(name=f"xgboost {name}", file="model.json", use="model", make=_xgboost(change))
    for name, text in _LIGHTGBM.items():
        yield Hostile(name=f"lightgbm {name}", file="model.txt", use="model", make=_lightgbm(text))
    for name, bend in _CATBOOST.items():
        yield Hostile(name=f"catboost {name}", file="model.cbm", use="model", make=_catboost(bend))
    for name, graph in _ONNX.items():
        yield Hostile(name=f"onnx {name}", file="model.onnx", use="model", make=_onnx(graph))
    yield from _torch_files()


@cache
def xgboost_model() -> dict[str, Any]:
    import xgboost

    rng = np.random.default_rng(0)
    data = rng.normal(size=(60, 3))
    booster = xgboost.train(
        {"objective": "binary:logistic", "nthread": 1, "max_depth": 3},
        xgboost.DMatrix(data, (data[:, 0] > 0).astype(int)),
        2,
    )
    return json.loads(bytes(booster.save_raw("json")))


def _xgboost(change: Callable[[Any], None]) -> Any:
    def make(path: Path, _: str) -> None:
        model = json.loads(json.dumps(xgboost_model()))
        change(model)
        path.write_text(json.dumps(model))

    return make


def _tree(model: Any) -> Any:
    return model["learner"]["gradient_booster"]["model"]["trees"][0]


def _cyclic(model: Any) -> None:
    _tree(model)["left_children"][1] = 0
    _tree(model)["right_children"][1] = 0


def _far_child(model: Any) -> None:
    _tree(model)["left_children"][0] = 1_000_000_000


def _far_feature(model: Any) -> None:
    _tree(model)["split_indices"][0] = 2_000_000_000


def _many_classes(model: Any) -> None:
    model["learner"]["learner_model_param"]["num_class"] = "2000000000"


def _short_tree(model: Any) -> None:
    _tree(model)["split_conditions"] = _tree(model)["split_conditions"][:1]


def _wrong_group(model: Any) -> None:
    model["learner"]["gradient_booster"]["model"]["tree_info"][0] = 77


def _no_parts(model: Any) -> None:
    del model["learner"]["gradient_booster"]


_XGBOOST = {
    "cyclic tree": _cyclic,
    "child outside": _far_child,
    "feature outside": _far_feature,
    "two billion classes": _many_classes,
    "short tree": _short_tree,
    "tree of no class": _wrong_group,
    "parts missing": _no_parts,
}


@cache
def lightgbm_text() -> str:
    import lightgbm

    rng = np.random.default_rng(0)
    data = rng.normal(size=(200, 3))
    return lightgbm.train(
        {"objective": "binary", "verbose": -1, "num_threads": 1},
        lightgbm.Dataset(data, (data[:, 0] > 0).astype(int)),
        2,
    ).model_to_string()


def _replaced(name: str, first: str) -> Callable[[str], str]:
    def change(text: str) -> str:
        lines = text.splitlines()
        at = next(at for at, line in enumerate(lines) if line.startswith(f"{name}="))
        rest = lines[at].partition("=")[2].split(" ")[1:]
        lines[at] = f"{name}={' '.join([first, *rest])}"
        return "\n".join(lines)

    return change


_LIGHTGBM: dict[str, Callable[[str], str]] = {
    "child outside": _replaced("left_child", "99999999"),
    "cycle": _replaced("left_child", "0"),
    "feature outside": _replaced("split_feature", "99999999"),
    "lying leaves": _replaced("num_leaves", "1000000"),
    "many classes": _replaced("num_class", "999999999"),
    "negative features": _replaced("max_feature_idx", "-5"),
    "cut off": lambda text: text[: len(text) // 2],
    "words for numbers": _replaced("threshold", "abc"),
}


def _lightgbm(change: Callable[[str], str]) -> Any:
    return lambda path, _: path.write_text(change(lightgbm_text())) and None


@cache
def catboost_bytes() -> bytes:
    import tempfile

    import catboost

    rng = np.random.default_rng(0)
    data = rng.normal(size=(60, 3))
    model = catboost.CatBoostClassifier(
        iterations=3, verbose=0, allow_writing_files=False, thread_count=1
    ).fit(data, (data[:, 0] > 0).astype(int))
    with tempfile.TemporaryDirectory() as folder:
        model.save_model(f"{folder}/m.cbm")
        return Path(f"{folder}/m.cbm").read_bytes()


_CATBOOST: dict[str, Callable[[bytes], bytes]] = {
    "cut off": lambda data: data[: len(data) // 2],
    "lying length": lambda data: data[:4] + b"\xff\xff\xff\x7f" + data[8:],
    "nothing but the magic": lambda _: b"CBM1",
}


def _catboost(bend: Callable[[bytes], bytes]) -> Any:
    return lambda path, _: path.write_bytes(bend(catboost_bytes())) and None


def onnx_graph(*, domain: str = "", op: str = "Identity", initializers: Any = ()) -> Any:
    from onnx import TensorProto, helper

    graph = helper.make_graph(
        [helper.make_node(op, ["x"], ["y"], domain=domain)],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 2])],
        list(initializers),
    )
    domains = [helper.make_opsetid("", 18)]
    if domain:
        domains.append(helper.make_opsetid(domain, 1))
    return helper.make_model(graph, opset_imports=domains, ir_version=9)


def _external() -> Any:
    from onnx import TensorProto

    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[2])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    return onnx_graph(initializers=[tensor])


def _giant() -> Any:
    from onnx import TensorProto

    return onnx_graph(
        initializers=[TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[2**40, 2**20])]
    )


def _own_function() -> Any:
    from onnx import helper

    model = onnx_graph(domain="evil", op="Own")
    model.functions.append(
        helper.make_function("evil", "Own", ["x"], ["y"],
                             [helper.make_node("Identity", ["x"], ["y"])],
                             [helper.make_opsetid("", 18)])
    )  # fmt: skip
    return model


def _hidden_domain() -> Any:
    from onnx import TensorProto, helper

    inner = onnx_graph(domain="evil", op="Own").graph
    model = onnx_graph()
    condition = helper.make_tensor("c", TensorProto.BOOL, [], [True])
    model.graph.initializer.append(condition)
    model.graph.node.append(
        helper.make_node("If", ["c"], ["z"], then_branch=inner, else_branch=inner)
    )
    return model


_ONNX: dict[str, Callable[[], Any]] = {
    "external data": _external,
    "custom operator": lambda: onnx_graph(domain="evil.corp", op="RunShell"),
    "giant shape": _giant,
    "own function": _own_function,
    "custom operator in a branch": _hidden_domain,
    "unknown operator": lambda: onnx_graph(op="NoSuchOperator"),
}


def _onnx(build: Callable[[], Any]) -> Any:
    return lambda path, _: path.write_bytes(build().SerializeToString()) and None


def _torch_files() -> Iterator[Hostile]:
    def saved(path: Path, marker: str) -> None:
        import os

        import torch

        torch.save({"w": Gadget(os.system, _touch(marker))}, path)

    yield Hostile(name="torch pickle", file="m.pt", use="model", make=saved, plain="torch")
    yield Hostile(
        name="torch.export sample inputs", file="m.pt2", use="model", make=_hijacked_samples,
        plain="torch.export", outcome="tamed",
    )  # fmt: skip
    for name, change in _EXPORTED.items():
        yield Hostile(name=f"torch.export {name}", file="m.pt2", use="model", make=_export(change))
    yield Hostile(name="torchscript from_file", file="m.pt", use="model", make=_reads_files)
    yield Hostile(name="torchscript cut off", file="m.pt", use="model", make=_cut_script)
    yield Hostile(
        name="torchscript without end", file="m.pt", use="model", make=_endless, outcome="contained"
    )
    yield Hostile(
        name="torchscript that allocates", file="m.pt", use="model", make=_greedy,
        outcome="contained",
    )  # fmt: skip


@cache
def exported_entries() -> dict[str, bytes]:
    import torch

    net = torch.nn.Sequential(torch.nn.Linear(2, 2))
    rows = {0: torch.export.Dim("n", min=1, max=1_000_000)}
    buffer = io.BytesIO()
    torch.export.save(
        torch.export.export(net, (torch.zeros(2, 2),), dynamic_shapes=(rows,)), buffer
    )
    with zipfile.ZipFile(buffer) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _save_entries(path: Path, entries: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)


def _hijacked_samples(path: Path, marker: str) -> None:
    import os

    import torch

    buffer = io.BytesIO()
    torch.save({"x": Gadget(os.system, _touch(marker))}, buffer)
    entries = {
        name: buffer.getvalue() if "sample_inputs" in name else content
        for name, content in exported_entries().items()
    }
    _save_entries(path, entries)


def _in_json(part: str, old: bytes, new: bytes) -> Callable[[dict[str, bytes]], None]:
    def change(entries: dict[str, bytes]) -> None:
        name = next(name for name in entries if name.endswith(part))
        assert old in entries[name], (part, old)
        entries[name] = entries[name].replace(old, new)

    return change


_EXPORTED = {
    "pickled weights": _in_json(
        "weights_config.json", b'"use_pickle": false', b'"use_pickle": true'
    ),
    "custom object": _in_json("weights_config.json", b'"weight_0"', b'"custom_obj_0"'),
    "weights elsewhere": _in_json("weights_config.json", b'"weight_0"', b'"../../../etc/passwd"'),
    "call beyond tensors": _in_json("model.json", b"torch.ops.aten.linear.default", b"os.system"),
    "call that reads files": _in_json(
        "model.json", b"torch.ops.aten.linear.default", b"torch.ops.aten.from_file.default"
    ),
    "shape that is a program": _in_json(
        "model.json", b"Symbol('", b"__import__('os').system('true') or Symbol('"
    ),
    "name that is a program": _in_json("model.json", b'"name": "linear"', b'"name": "x;import os"'),
}


def _export(change: Callable[[dict[str, bytes]], None]) -> Any:
    def make(path: Path, _: str) -> None:
        entries = dict(exported_entries())
        change(entries)
        _save_entries(path, entries)

    return make


def _script(source: str, path: Path) -> None:
    import torch

    with warnings.catch_warnings():
        # torch deprecates the format; models in it are still about.
        warnings.simplefilter("ignore", DeprecationWarning)
        # A class of its own each time: torch remembers what it compiled for a class.
        scripted = torch.jit.script(type("Program", (torch.nn.Module,), {})())
        scripted.define(source)
        scripted.save(str(path))


def _reads_files(path: Path, _: str) -> None:
    _script(
        "def forward(self, x: Tensor) -> Tensor:\n"
        "    return torch.from_file('/etc/passwd', False, 8, dtype=torch.uint8)\n",
        path,
    )


def _endless(path: Path, _: str) -> None:
    _script(
        "def forward(self, x: Tensor) -> Tensor:\n"
        "    n = 0\n"
        "    while n < 9000000000000000000:\n"
        "        n += int(x.size(0) > 0)\n"
        "    return x + n\n",
        path,
    )


def _greedy(path: Path, _: str) -> None:
    _script(
        "def forward(self, x: Tensor) -> Tensor:\n    return torch.ones([1000000, 1000000, 100])\n",
        path,
    )


def _cut_script(path: Path, marker: str) -> None:
    _endless(path, marker)
    path.write_bytes(path.read_bytes()[:-400])
