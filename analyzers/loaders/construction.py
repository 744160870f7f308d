"""How the objects of a pickle are made: which names may be called, and what with.

A name resolves to one of three things: a class that may be made empty, a value that may only be
stored (a ufunc, a number type), or a `Call`, our own checked stand-in for a constructing function.
"""

import collections
import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from analyzers.core.errors import RefusedFile
from analyzers.loaders import allowed_objects as allowed
from analyzers.loaders import numpy_state

_PLAIN_TYPES: dict[str, type] = {
    kind.__name__: kind for kind in (int, float, str, bool, bytes, list, dict, tuple, object)
}
_FACTORIES = (None, int, float, list, dict, set, collections.OrderedDict)


@dataclass(frozen=True)
class Call:
    """A function a pickle may call; it is ours, whatever the file calls it."""

    name: str
    make: Callable[..., Any]


class ArrayWrapper:
    """Stands in for joblib's note that the bytes of an array follow in the file."""

    shape: tuple[int, ...]
    dtype: "np.dtype[Any]"
    order: str


def resolve(module: str, name: str) -> Any:  # noqa: ANN401  a class, a value or a Call
    """Return what a pair of names stands for.

    Raises:
        KeyError: the pair is not allowed.
    """
    module = allowed.RENAMED.get(module, module)
    call = _CALLS.get((module, name))
    if call is not None:
        return call
    if module == "builtins" and name in _PLAIN_TYPES:
        return _PLAIN_TYPES[name]
    if (module, name) in _VALUES:
        return _VALUES[module, name]
    return allowed.allowed_object(module, name)


def make_instance(cls: object, args: tuple[Any, ...]) -> object:
    """Make an object of an allowed class without running its constructor.

    Raises:
        RefusedFile: not a class that may be made this way.
    """
    if cls in (ArrayWrapper, collections.OrderedDict):
        if args:
            raise refuse_construction(cls)
        return cls()
    if not isinstance(cls, type) or not _is_in(cls, allowed.CLASS_NAMES):
        raise refuse_construction(cls)
    if args and not issubclass(cls, tuple):
        raise refuse_construction(cls)
    return cls.__new__(cls, *args)


def call(function: object, args: tuple[Any, ...]) -> object:
    """Call one of our stand-ins, or an allowed C class with its plain arguments.

    Raises:
        RefusedFile: not something a file may call, or refused by what was called.
    """
    if isinstance(function, Call):
        return function.make(*args)
    if isinstance(function, type) and _is_in(function, allowed.CALLED_NAMES):
        plain = (int, float, np.ndarray, np.generic, type(None))
        if all(isinstance(argument, plain) for argument in args):
            return function(*args)
    raise refuse_construction(function)


def refuse_construction(found: object) -> RefusedFile:
    """Say that something was to be made or called that may not be."""
    name = getattr(found, "name", None) or getattr(found, "__qualname__", type(found).__name__)
    return RefusedFile(
        f"Expected a plain model file, got one that calls {str(name)[:80]!r} while it is opened; "
        "it was not opened."
    )


def _is_in(cls: type, names: frozenset[tuple[str, str]]) -> bool:
    return (cls.__module__, cls.__qualname__) in names


def _latin1(text: object, encoding: object = "latin1") -> bytes:
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise refuse_construction(Call("_codecs.encode with another encoding", _latin1))
    return text.encode("latin1")


def _reconstructor(cls: object, base: object, state: object) -> object:
    if base is object and state is None:
        return make_instance(cls, ())
    if base is dict and isinstance(state, dict) and isinstance(cls, type) and issubclass(cls, dict):
        made = make_instance(cls, ())
        filled: Any = made
        dict.update(filled, state)
        return made
    raise refuse_construction(cls)


def _new_object(cls: object, *args: Any) -> object:  # noqa: ANN401  from the file
    return make_instance(cls, args)


def _bytearray(content: object = b"", encoding: object = None) -> bytearray:
    if isinstance(content, bytes | bytearray):
        return bytearray(content)
    if isinstance(content, str):
        return bytearray(_latin1(content, encoding))
    raise refuse_construction(bytearray)


def _bytes(content: object = b"", encoding: object = None) -> bytes:
    return bytes(_bytearray(content, encoding))


def _slice(*args: Any) -> slice:  # noqa: ANN401  from the file
    if not all(item is None or isinstance(item, int | str | np.integer) for item in args):
        raise refuse_construction(slice)
    return slice(*args)


def _range(*args: Any) -> range:  # noqa: ANN401  from the file
    if not all(isinstance(item, int) for item in args):
        raise refuse_construction(range)
    return range(*args)


def _complex(*args: Any) -> complex:  # noqa: ANN401  from the file
    if not all(isinstance(item, int | float) for item in args):
        raise refuse_construction(complex)
    return complex(*args)


def _partial(function: object) -> object:
    if function is not allowed.allowed_object("sklearn.utils.validation", "check_array"):
        raise refuse_construction(functools.partial)
    return functools.partial(function)


def set_partial_state(made: Any, state: object) -> None:  # noqa: ANN401  stubs lack its state
    """Give the partial call of `check_array` its plain options."""
    if (
        not isinstance(state, tuple)
        or len(state) != 4
        or state[0] is not made.func
        or state[1] != ()
        or not isinstance(state[2], dict)
        or not all(_is_plain(value) for value in state[2].values())
        or state[3]
    ):
        raise refuse_construction(functools.partial)
    made.__setstate__(state)


def _is_plain(value: object) -> bool:
    if isinstance(value, list):
        return all(_is_plain(item) for item in value if not isinstance(item, list))
    return isinstance(value, bool | int | float | str | type | np.dtype | type(None))


def _set(items: object = ()) -> set[Any]:
    return set(_as_items(items))


def _frozenset(items: object = ()) -> frozenset[Any]:
    return frozenset(_as_items(items))


def _as_items(items: object) -> "list[Any] | tuple[Any, ...] | set[Any]":
    if not isinstance(items, list | tuple | set):
        raise refuse_construction(set)
    return items


def _defaultdict(factory: object = None) -> "collections.defaultdict[Any, Any]":
    if isinstance(factory, Call) and factory.make is _ordered:
        factory = collections.OrderedDict
    if factory not in _FACTORIES:
        raise refuse_construction(factory)
    return collections.defaultdict(factory)


def _ordered(items: object = ()) -> "collections.OrderedDict[Any, Any]":
    return collections.OrderedDict(_as_items(items))


def _search_object(cls: object) -> object:
    """Stand in for `newObj` of scikit-learn's distance metrics and search trees."""
    names = allowed.DISTANCE_NAMES | allowed.TREE_NAMES
    if not isinstance(cls, type) or not any(
        cls is allowed.allowed_object(module, name)
        for module, name in names
        if name == cls.__name__
    ):
        raise refuse_construction(cls)
    made: Any = cls
    return made.__new__(made)


def _seed_sequence(cls: object, checksum: object, state: object = None) -> object:
    from numpy.random import bit_generator

    if cls is not np.random.SeedSequence or type(checksum) is not int or state is not None:
        raise refuse_construction(cls)
    return vars(bit_generator)["__pyx_unpickle_SeedSequence"](cls, checksum, None)


def _multinomial_loss(cls: object, checksum: object, state: object = None) -> object:
    from sklearn._loss import _loss

    if cls is not _loss.CyHalfMultinomialLoss or type(checksum) is not int:
        raise refuse_construction(cls)
    if state is not None and state != ():
        raise refuse_construction(cls)
    return vars(_loss)["__pyx_unpickle_CyHalfMultinomialLoss"](cls, checksum, state)


def _masked_array(subtype: object, base: object, shape: object, code: object) -> object:
    if subtype is not np.ma.MaskedArray or base is not np.ndarray or shape != (0,):
        raise refuse_construction(subtype)
    if code not in (b"b", "b"):
        raise refuse_construction(subtype)
    return np.ma.MaskedArray(np.empty(0, dtype=np.int8))


_MAKERS: dict[str, Callable[..., Any]] = {
    "builtins.set": _set,
    "builtins.frozenset": _frozenset,
    "builtins.bytearray": _bytearray,
    "builtins.bytes": _bytes,
    "builtins.slice": _slice,
    "builtins.range": _range,
    "builtins.complex": _complex,
    "_codecs.encode": _latin1,
    "copyreg._reconstructor": _reconstructor,
    "copy_reg._reconstructor": _reconstructor,
    "copyreg.__newobj__": _new_object,
    "collections.defaultdict": _defaultdict,
    "collections.OrderedDict": _ordered,
    "functools.partial": _partial,
    "numpy.dtype": numpy_state.new_dtype,
    "numpy._core.multiarray._reconstruct": numpy_state.new_array,
    "numpy._core.multiarray.scalar": numpy_state.new_scalar,
    "numpy._core.numeric._frombuffer": numpy_state.array_of,
    "numpy.random._pickle.__bit_generator_ctor": numpy_state.new_bit_generator,
    "numpy.random._pickle.__randomstate_ctor": numpy_state.new_random_state,
    "numpy.random._pickle.__generator_ctor": numpy_state.new_generator,
    "numpy.random.bit_generator.__pyx_unpickle_SeedSequence": _seed_sequence,
    "numpy.ma.core._mareconstruct": _masked_array,
    "sklearn._loss._loss.__pyx_unpickle_CyHalfMultinomialLoss": _multinomial_loss,
    "sklearn.metrics._dist_metrics.newObj": _search_object,
    "sklearn.neighbors._kd_tree.newObj": _search_object,
    "sklearn.neighbors._ball_tree.newObj": _search_object,
}
_CALLS = {tuple(name.rsplit(".", 1)): Call(name, make) for name, make in _MAKERS.items()}
_VALUES: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy.ma", "MaskedArray"): np.ma.MaskedArray,
    ("numpy.ma.core", "MaskedArray"): np.ma.MaskedArray,
    ("numpy.random.bit_generator", "SeedSequence"): np.random.SeedSequence,
    ("numpy.random._mt19937", "MT19937"): np.random.MT19937,
    ("numpy.random._pcg64", "PCG64"): np.random.PCG64,
    ("numpy.random._pcg64", "PCG64DXSM"): np.random.PCG64DXSM,
    ("numpy.random._philox", "Philox"): np.random.Philox,
    ("numpy.random._sfc64", "SFC64"): np.random.SFC64,
    ("joblib.numpy_pickle", "NumpyArrayWrapper"): ArrayWrapper,
}
