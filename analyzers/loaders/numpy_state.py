"""numpy values rebuilt from a pickle, each checked before numpy's own C code sees it.

A forged dtype (hidden object fields, overlapping offsets) turns plain bytes into pointers, so a
dtype's state must equal, field for field, what numpy itself writes for the dtype it claims to be.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analyzers.core.errors import RefusedFile

_PLAIN = frozenset(
    [
        "?",
        "b1",
        "i1",
        "i2",
        "i4",
        "i8",
        "u1",
        "u2",
        "u4",
        "u8",
        "f2",
        "f4",
        "f8",
        "f16",
        "c8",
        "c16",
        "O",
        "O8",
        "M8",
        "m8",
    ]
)
_ORDERS = ("<", ">", "|", "=")
_BIT_GENERATORS = ("MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64")


def new_dtype(code: object, align: object = False, copy: object = True) -> "np.dtype[Any]":
    """Make a fresh dtype from its code, such as "f8", "U12" or "V64" (fields follow as state)."""
    del align, copy
    if isinstance(code, type) and issubclass(code, np.generic):
        return np.dtype(code)
    if not isinstance(code, str):
        raise refuse_numpy("a dtype that is not named by a code")
    sized = code[:1] in ("U", "S", "V") and code[1:].isdigit() and int(code[1:]) < 1_000_000
    if code not in _PLAIN and not sized:
        raise refuse_numpy(f"the dtype code {code[:20]!r}")
    # Through numpy's own copying constructor: states are set in place, and the shared built-in
    # dtypes must never be touched.
    return np.dtype(code, False, True)


def set_dtype_state(dtype: "np.dtype[Any]", state: object) -> None:
    """Give a fresh dtype its state, if it is exactly what numpy writes for an honest dtype."""
    expected = _honest_dtype(dtype, state)
    honest = expected.__reduce__()
    if not isinstance(honest, tuple) or not _equal_states(honest[2], state):
        raise refuse_numpy("a dtype whose state contradicts itself")
    dtype.__setstate__(state)  # type: ignore[attr-defined]  # numpy does not declare it


def _honest_dtype(dtype: "np.dtype[Any]", state: object) -> "np.dtype[Any]":
    if not isinstance(state, tuple) or len(state) not in (8, 9) or state[1] not in _ORDERS:
        raise refuse_numpy("a dtype state of unknown form")
    _, order, subarray, names, fields, itemsize, _, _ = state[:8]
    if subarray is not None:
        raise refuse_numpy("a dtype of sub-arrays")
    if names is None:
        if len(state) == 9:
            return _honest_time(dtype, state)
        return np.dtype(dtype.str if dtype.kind in "USV" else dtype.char).newbyteorder(order)
    if (
        not isinstance(names, tuple)
        or not isinstance(fields, dict)
        or set(names) != set(fields)
        or not all(isinstance(name, str) for name in names)
        or not isinstance(itemsize, int)
        or dtype.kind != "V"
        or itemsize != dtype.itemsize
    ):
        raise refuse_numpy("a dtype with unknown fields")
    formats, offsets = [], []
    end = 0
    for name in names:
        field = fields[name]
        if not (isinstance(field, tuple) and len(field) == 2 and type(field[1]) is int):
            raise refuse_numpy("a dtype with unknown fields")
        inner, offset = field
        if not isinstance(inner, np.dtype) or inner.hasobject or inner.names is not None:
            raise refuse_numpy("a dtype with objects among its fields")
        if offset < end or offset + inner.itemsize > itemsize:
            raise refuse_numpy("a dtype with overlapping fields")
        end = offset + inner.itemsize
        formats.append(inner)
        offsets.append(offset)
    # A tuple of four is how numpy spells an aligned structure; flags in the state say the same.
    aligned = bool(state[7] & 0x80) if isinstance(state[7], int) else False
    return np.dtype(
        {"names": list(names), "formats": formats, "offsets": offsets, "itemsize": itemsize},
        align=aligned,
    )


def _honest_time(dtype: "np.dtype[Any]", state: tuple[Any, ...]) -> "np.dtype[Any]":
    extra = state[8]
    if dtype.kind not in "Mm" or not isinstance(extra, tuple) or len(extra) != 2:
        raise refuse_numpy("a dtype with hidden extras")
    unit = extra[1]
    if not (isinstance(unit, tuple) and unit and isinstance(unit[0], bytes | str)):
        raise refuse_numpy("a time dtype without a unit")
    name = unit[0].decode("ascii", "replace") if isinstance(unit[0], bytes) else unit[0]
    if name not in ("generic", "Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns"):
        raise refuse_numpy("a time dtype of unknown unit")
    text = f"{dtype.kind}8" if name == "generic" else f"{dtype.kind}8[{name}]"
    return np.dtype(text).newbyteorder(state[1])


def _equal_states(honest: Any, given: Any) -> bool:  # noqa: ANN401  nested tuples
    if len(honest) != len(given):
        return False
    # Versions 3 and 4 of the same state differ only in whether the extras are written.
    return all(
        bool(type(left) is type(right) and left == right)
        for left, right in zip(honest[1:], given[1:], strict=True)
    )


def new_array(kind: object, shape: object, code: object) -> NDArray[Any]:
    """Make the empty array whose content follows as state."""
    if kind is not np.ndarray or shape != (0,) or code not in (b"b", "b"):
        raise refuse_numpy("an array of an unknown kind")
    return np.empty(0, dtype=np.int8)


def set_array_state(array: NDArray[Any], state: object) -> None:
    """Give an empty array its content, if bytes, shape and dtype agree."""
    if not isinstance(state, tuple) or len(state) != 5:
        raise refuse_numpy("an array state of unknown form")
    _, shape, dtype, is_fortran, content = state
    shape = checked_shape(shape)
    if not isinstance(dtype, np.dtype):
        raise refuse_numpy("an array without a dtype")
    count = math.prod(shape)
    if dtype.hasobject:
        fits = dtype.kind == "O" and isinstance(content, list) and len(content) == count
    else:
        fits = isinstance(content, bytes | bytearray) and len(content) == count * dtype.itemsize
    if not fits:
        raise refuse_numpy("an array whose content is not as long as its shape says")
    if isinstance(content, bytearray):
        content = bytes(content)
    setter: Any = array.__setstate__
    setter((1, shape, dtype, bool(is_fortran), content))


def array_of(content: object, dtype: object, shape: object, order: object) -> NDArray[Any]:
    """Make an array from a buffer, as pickles of protocol 5 write it."""
    sizes = checked_shape(shape)
    if (
        not isinstance(dtype, np.dtype)
        or dtype.hasobject
        or not isinstance(content, bytes | bytearray)
        or order not in ("C", "F")
        or len(content) != math.prod(sizes) * dtype.itemsize
    ):
        raise refuse_numpy("an array whose content is not as long as its shape says")
    flat = np.frombuffer(bytearray(content), dtype=dtype)
    return flat.reshape(sizes, order=order)


def new_scalar(dtype: object, content: object) -> np.generic:
    """Make one number from its bytes."""
    if (
        not isinstance(dtype, np.dtype)
        or dtype.hasobject
        or not isinstance(content, bytes)
        or len(content) != dtype.itemsize
    ):
        raise refuse_numpy("a number whose bytes do not fit its dtype")
    return np.frombuffer(content, dtype=dtype)[0]


def new_bit_generator(name: object = "MT19937") -> np.random.BitGenerator:
    """Make one of numpy's own random bit generators by name or class."""
    label = getattr(name, "__name__", name)
    if label not in _BIT_GENERATORS:
        raise refuse_numpy("an unknown random generator")
    made: np.random.BitGenerator = getattr(np.random, str(label))()
    return made


def new_random_state(generator: object = "MT19937", ctor: object = None) -> np.random.RandomState:
    """Make a RandomState around a bit generator."""
    del ctor
    return np.random.RandomState(_bit_generator(generator))


def new_generator(generator: object = "MT19937", ctor: object = None) -> np.random.Generator:
    """Make a Generator around a bit generator."""
    del ctor
    return np.random.Generator(_bit_generator(generator))


def _bit_generator(generator: object) -> np.random.BitGenerator:
    if isinstance(generator, np.random.BitGenerator):
        return generator
    return new_bit_generator(generator)


def checked_shape(shape: object) -> tuple[int, ...]:
    """Return a shape; refuse what is not a tuple of at most 32 counts."""
    if (
        not isinstance(shape, tuple)
        or len(shape) > 32
        or not all(isinstance(size, int | np.integer) and 0 <= size < 2**48 for size in shape)
    ):
        raise refuse_numpy("an array of impossible shape")
    return shape


def refuse_numpy(found: str) -> RefusedFile:
    """Say what was wrong with a numpy value."""
    return RefusedFile(
        f"Expected an honest model file, got one with {found}; it was not opened.",
        remedy="Save the model again with the library that made it.",
    )
