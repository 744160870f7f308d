"""Hostile files of every format, made on demand; the code they carry only touches a marker file.

Each has a name, the loader it is aimed at and, where it carries code, how a plain load sets it off:
`test_hostile.py` first proves that it fires there, then that ours refuses it.
"""

import bz2
import functools
import gzip
import importlib
import io
import json
import lzma
import operator
import os
import pickle
import struct
import subprocess
import timeit
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import joblib
import numpy as np

Make = Callable[[Path, str], None]
Plain = Literal["", "pickle", "joblib", "numpy", "torch", "torch.export"]


@dataclass(frozen=True, kw_only=True)
class Hostile:
    """One hostile file.

    Attributes:
        make: writes the file, given its path and the marker its code would touch.
        plain: the library call under which its code runs; empty where it carries none.
        outcome: "refused" with a sentence; "tamed", opened with its strings as plain content; or
            "contained", to be run in a process with limits.
    """

    name: str
    file: str
    use: Literal["model", "table"]
    make: Make
    plain: Plain = ""
    outcome: Literal["refused", "tamed", "contained"] = "refused"


class Gadget:
    """Pickles into a call of anything."""

    def __init__(self, function: Any, *args: Any) -> None:
        self._call = (function, args)

    def __reduce__(self) -> Any:
        return self._call


def _pickled(build: Callable[[str], Any], protocol: int = 4) -> Make:
    return lambda path, marker: path.write_bytes(pickle.dumps(build(marker), protocol)) and None


def _raw(build: Callable[[str], bytes]) -> Make:
    return lambda path, marker: path.write_bytes(build(marker)) and None


def _touch(marker: str) -> str:
    return f"touch {marker}"


def _code(marker: str) -> str:
    return f"open({marker!r}, 'w').close()"


def _named(module: str, name: str) -> Any:
    return getattr(importlib.import_module(module), name)


def _text(value: str) -> bytes:
    return pickle.SHORT_BINUNICODE + bytes([len(value)]) + value.encode()


def _global(module: str, name: str) -> bytes:
    return _text(module) + _text(name) + pickle.STACK_GLOBAL


def _program(*parts: bytes) -> bytes:
    return pickle.PROTO + b"\x04" + b"".join(parts) + pickle.STOP


def _call(module: str, name: str, argument: str) -> bytes:
    return _global(module, name) + _text(argument) + pickle.TUPLE1 + pickle.REDUCE


def _pickles() -> dict[str, Make]:
    return {
        "os.system": _pickled(lambda m: Gadget(os.system, _touch(m))),
        "os.system by protocol 0": _pickled(lambda m: Gadget(os.system, _touch(m)), 0),
        "os.system by protocol 2": _pickled(lambda m: Gadget(os.system, _touch(m)), 2),
        "os.popen": _pickled(lambda m: Gadget(os.popen, _touch(m))),
        "os.mkdir": _pickled(lambda m: Gadget(os.mkdir, m)),
        "subprocess": _pickled(lambda m: Gadget(subprocess.check_call, ["touch", m])),
        "eval": _pickled(lambda m: Gadget(eval, _code(m))),
        "exec": _pickled(lambda m: Gadget(exec, _code(m))),
        "open for writing": _pickled(lambda m: Gadget(open, m, "w")),
        "io.FileIO": _pickled(lambda m: Gadget(io.FileIO, m, "w")),
        "getattr chain": _pickled(
            lambda m: Gadget(
                _Reduced(getattr, (_Reduced(__import__, ("os",)), "system")), _touch(m)
            )
        ),
        "functools.partial": _pickled(
            lambda m: Gadget(_Reduced(functools.partial, (os.system, _touch(m))))
        ),
        "functools.reduce": _pickled(
            lambda m: Gadget(functools.reduce, operator.call, [os.system, _touch(m)])
        ),
        "operator.methodcaller": _pickled(
            lambda m: Gadget(operator.methodcaller("system", _touch(m)), os_stand_in())
        ),
        "map in a list": _pickled(lambda m: Gadget(list, _Reduced(map, (os.system, [_touch(m)])))),
        "timeit": _pickled(
            lambda m: Gadget(timeit.timeit, _code(m), "pass", timeit.default_timer, 1)
        ),
        "pathlib": _pickled(lambda m: Gadget(Path.touch, Path(m))),
        "runpy": _pickled(lambda m: Gadget(_named("runpy", "_run_code"), _code(m), {})),
        "cProfile": _pickled(lambda m: Gadget(_named("cProfile", "run"), _code(m))),
        "numpy.testing": _pickled(
            lambda m: Gadget(_named("numpy.testing._private.utils", "runstring"), _code(m), {})
        ),
        "numpy.f2py": _pickled(
            lambda m: Gadget(_named("numpy.f2py.crackfortran", "myeval"), _code(m), {}, {})
        ),
        "torch.jit": _pickled(
            lambda m: Gadget(
                _named("torch.jit.unsupported_tensor_ops", "execWrapper"), _code(m), {}, {}
            )
        ),
        "pickle in a pickle": _pickled(
            lambda m: Gadget(pickle.loads, pickle.dumps(Gadget(os.system, _touch(m))))
        ),
        "a walk through dotted names": _raw(
            lambda m: _program(_call("os", "path.os.system", _touch(m)))
        ),
        "a walk from an allowed module": _raw(
            lambda m: (
                _program(_call("sklearn.base", "os.system", _touch(m)))
                if hasattr(importlib.import_module("sklearn.base"), "os")
                else _program(_call("numpy", "os.system", _touch(m)))
                if hasattr(np, "os")
                else _program(_call("joblib.memory", "os.system", _touch(m)))
            )
        ),
        "instruction INST": _raw(lambda m: f"(S'{_touch(m)}'\nios\nsystem\n.".encode()),
        "instruction OBJ": _raw(lambda m: b"(cos\nsystem\n" + f"S'{_touch(m)}'\no.".encode()),
        "instruction NEWOBJ": _raw(
            lambda m: _program(
                _global("subprocess", "Popen"),
                pickle.EMPTY_TUPLE,
                pickle.NEWOBJ,
                pickle.POP,
                _call("os", "system", _touch(m)),
            )
        ),
        "scipy.stats": _raw(_distribution),
        "skops.io.dump": _pickled(lambda m: Gadget(_named("skops.io", "dump"), {}, m)),
        "a function in a transformer": _pickled(_transformer),
        "hidden in a long pipeline": _pickled(lambda m: [list(range(5000)), _transformer(m)]),
        "hidden after the model": _pickled(lambda m: (_fitted(), Gadget(os.system, _touch(m)))),
    }


class _Reduced:
    """Pickles as the result of a call, to be called or passed in turn."""

    def __init__(self, function: Any, args: tuple[Any, ...]) -> None:
        self._call = (function, args)

    def __reduce__(self) -> Any:
        return self._call

    def __call__(self, *args: Any) -> None:
        raise NotImplementedError


def os_stand_in() -> Any:
    return _Reduced(importlib.import_module, ("os",))


def _transformer(marker: str) -> Any:
    from sklearn.preprocessing import FunctionTransformer

    return FunctionTransformer(func=Gadget(os.system, _touch(marker)))


def _fitted() -> Any:
    from sklearn.linear_model import LinearRegression

    return LinearRegression().fit(np.eye(3), [1.0, 2.0, 3.0])


def _distribution(marker: str) -> bytes:
    """A distribution whose state holds source text that its `__setstate__` executes."""
    from scipy import stats

    frozen = type(stats.norm)(name="norm")
    state = dict(frozen.__getstate__())
    for key, value in list(state.items()):
        if isinstance(value, str) and "def " in value:
            state[key] = f"{_code(marker)}\n{value}"
    cls = _global(type(frozen).__module__, type(frozen).__qualname__)
    body = pickle.dumps(state, 4)[2:-1]
    return _program(cls, pickle.EMPTY_TUPLE, pickle.NEWOBJ, body, pickle.BUILD)


def _state_changes() -> dict[str, Make]:
    """Pickles without a call that change what the file did not make, or forge numpy's insides."""
    forged = {
        "a change to a class": (_global("sklearn.naive_bayes", "GaussianNB"), {"predict": 1}),
        "a change to a function": (_global("numpy", "mean"), {"hijacked": 1}),
        "a change to a ufunc": (_global("numpy", "exp"), {"hijacked": 1}),
        "a change to a plain type": (_global("builtins", "int"), {"hijacked": 1}),
    }
    made = {
        name: _raw(lambda _, at=at, state=state: _program(at, pickle.dumps(state, 4)[2:-1],
                                                          pickle.BUILD))
        for name, (at, state) in forged.items()
    }  # fmt: skip
    dtype = _global("numpy", "dtype") + _text("V8") + pickle.NEWFALSE + pickle.NEWTRUE
    dtype += pickle.TUPLE3 + pickle.REDUCE
    built_in = _global("numpy", "dtype") + _text("f8") + pickle.TUPLE1 + pickle.REDUCE
    states = {
        "a dtype with a hidden object": (3, "|", None, ("a",), {"a": (np.dtype("O"), 0)}, 8, 1, 27),
        "a dtype with overlapping fields": (
            3, "|", None, ("a", "b"), {"a": (np.dtype("f8"), 0), "b": (np.dtype("f8"), 0)}, 8, 1, 0,
        ),
        "a dtype with a field outside": (
            3, "|", None, ("a",), {"a": (np.dtype("f8"), 64)}, 8, 1, 0,
        ),
        "a dtype with lying flags": (3, "|", None, None, None, 8, 1, 63),
    }  # fmt: skip
    for name, state in states.items():
        made[name] = _raw(
            lambda _, state=state: _program(dtype, pickle.dumps(state, 4)[2:-1], pickle.BUILD)
        )
    made["a dtype that grows"] = _raw(
        lambda _: _program(
            built_in, pickle.dumps((3, "<", None, None, None, 800, 1, 0), 4)[2:-1], pickle.BUILD
        )
    )
    made["an array longer than its bytes"] = _raw(
        lambda _: pickle.dumps(np.arange(4.0), 4).replace(b"K\x04\x85", b"M\xff\x7f\x85")
    )
    made["an object array of bytes"] = _raw(
        lambda _: pickle.dumps(np.arange(4.0), 4).replace(b"\x02f8", b"\x02O8")
    )
    return made


def _bombs() -> dict[str, Make]:
    return {
        "a long value announced": _raw(
            lambda _: b"\x80\x05\x96" + struct.pack("<Q", 2**44) + b"x."
        ),
        "long bytes announced": _raw(lambda _: b"\x80\x04\x8e" + struct.pack("<Q", 2**44) + b"x."),
        "a frame announced": _raw(lambda _: b"\x80\x04\x95" + struct.pack("<Q", 2**60) + b"N."),
        "lists doubled forty times": _raw(_doubled),
        "nesting without end": _raw(lambda _: b"\x80\x04" + b"]" * 200_000 + b"a" * 199_999 + b"."),
        "an extension code": _raw(lambda _: b"\x80\x04\x82\x01."),
        "a persistent id": _raw(lambda _: b"\x80\x04\x8c\x01xQ."),
        "an out-of-band buffer": _raw(lambda _: b"\x80\x05\x97."),
        "random bytes after the magic": _raw(
            lambda _: b"\x80\x04" + np.random.default_rng(0).bytes(500)
        ),
    }


def _doubled(_: str) -> bytes:
    return _program(b"]", *(pickle.MEMOIZE + b"h" + bytes([at]) + b"\x86" for at in range(40)))


def _joblibs() -> dict[str, Make]:
    def dumped(build: Callable[[str], Any], compress: Any = 0) -> Make:
        return lambda path, marker: joblib.dump(build(marker), path, compress=compress) and None

    def packed(pack: Callable[[bytes], bytes]) -> Make:
        return _raw(lambda m: pack(pickle.dumps(Gadget(os.system, _touch(m)))))

    return {
        "joblib": dumped(lambda m: Gadget(os.system, _touch(m))),
        "joblib object array": dumped(
            lambda m: np.array([Gadget(os.system, _touch(m)), 1], dtype=object)
        ),
        "joblib nested twice": dumped(
            lambda m: np.array([[Gadget(os.system, _touch(m))], None], dtype=object), ("gzip", 3)
        ),
        "joblib zlib": packed(zlib.compress),
        "joblib gzip": packed(gzip.compress),
        "joblib bz2": packed(bz2.compress),
        "joblib xz": packed(lzma.compress),
        "joblib lzma": packed(lambda data: lzma.compress(data, format=lzma.FORMAT_ALONE)),
        "joblib.Memory": dumped(lambda m: Gadget(_named("joblib.memory", "Memory"), m)),
    }


def _write_zip(path: Path, entries: dict[str, bytes], *, deflate: bool = True) -> None:
    how = zipfile.ZIP_DEFLATED if deflate else zipfile.ZIP_STORED
    with zipfile.ZipFile(path, "w", how) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)


def _skops_with(**node: Any) -> Make:
    schema = {"protocol": 2, "_skops_version": "0.16.0", **node}
    return lambda path, _: _write_zip(path, {"schema.json": json.dumps(schema).encode()})


def _skops() -> dict[str, Make]:
    nested = "[" * 100_000 + "]" * 100_000
    return {
        "skops function": _skops_with(
            __class__="system", __module__="os", __loader__="FunctionNode", __id__=1,
            content="system",
        ),
        "skops object": _skops_with(
            __class__="Popen", __module__="subprocess", __loader__="ObjectNode", __id__=1,
            content={"__class__": "dict", "__module__": "builtins", "__loader__": "DictNode",
                     "content": {}, "key_types": {}},
        ),
        "skops operator": _skops_with(
            __class__="methodcaller", __module__="operator", __loader__="OperatorFuncNode",
            __id__=1, attrs={},
        ),
        "skops method": _skops_with(
            __class__="GaussianNB", __module__="sklearn.naive_bayes", __loader__="MethodNode",
            __id__=1, content={"func": "__init__", "obj": {}},
        ),
        "skops partial": _skops_with(
            __class__="partial", __module__="functools", __loader__="PartialNode", __id__=1,
            content={},
        ),
        "skops old protocol": _skops_with(
            __class__="eval", __module__="builtins", __loader__="TypeNode", __id__=1, protocol=0,
        ),
        "skops nested": lambda path, _: _write_zip(path, {"schema.json": nested.encode()}),
        "skops slip": lambda path, _: _write_zip(
            path, {"schema.json": b"{}", "../../escape.npy": b"x"}
        ),
        "skops bomb": lambda path, _: _write_zip(
            path, {"schema.json": b" " * 40_000_000}
        ),
    }  # fmt: skip


def corpus() -> tuple[Hostile, ...]:
    """Every hostile file."""
    from tests.loaders import hostile_models, hostile_tables

    made: list[Hostile] = []
    for name, make in _pickles().items():
        made.append(Hostile(name=name, file="model.pkl", use="model", make=make, plain="pickle"))
    for name, make in {**_state_changes(), **_bombs()}.items():
        made.append(Hostile(name=name, file="model.pkl", use="model", make=make))
    for name, make in _joblibs().items():
        made.append(Hostile(name=name, file="model.joblib", use="model", make=make, plain="joblib"))
    for name, make in _skops().items():
        made.append(Hostile(name=name, file="model.skops", use="model", make=make))
    made.extend(hostile_models.corpus())
    made.extend(hostile_tables.corpus())
    return tuple(made)
