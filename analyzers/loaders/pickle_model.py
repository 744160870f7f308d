"""Pickle and joblib files of scikit-learn models, read by an exact allow-list.

No plain load anywhere: every opcode runs in Python, every name is looked up in
`allowed_objects`, state is given only to objects this very load has made, and steps, nesting and
bytes are counted.
"""

import bz2
import functools
import gzip
import io
import lzma
import math
import pickle
import re
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from analyzers.core.errors import RefusedFile
from analyzers.loaders import bounds, numpy_state
from analyzers.loaders.construction import (
    ArrayWrapper,
    call,
    make_instance,
    resolve,
    set_partial_state,
)
from analyzers.loaders.formats import SAVE_ANY, SAVE_SKLEARN
from analyzers.loaders.sklearn_versions import check_version, complete_state

_REMEDY = f"{SAVE_SKLEARN} {SAVE_ANY}"


def read_pickle(path: Path) -> tuple[Any, tuple[str, ...]]:
    """Read the object of a pickle or joblib file.

    Returns:
        The object, and sentences about the versions that wrote it.

    Raises:
        RefusedFile: a name outside the allow-list, a forged value, or a damaged file.
    """
    content = decompress(path)
    hint = re.search(rb"_sklearn_version.{1,12}?(\d{1,2}\.\d{1,2}(?:\.\w{1,6})?)", content, re.S)
    if hint is not None:
        check_version(hint.group(1).decode())
    stream = io.BytesIO(content)
    reader = _Reader(stream, size=len(content))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            loaded = reader.load()
    except RefusedFile as refusal:
        raise RefusedFile(refusal.message, remedy=refusal.remedy or _REMEDY) from None
    # Whatever a forged file makes numpy, scikit-learn or a booster raise is a damaged file.
    except Exception as error:
        raise RefusedFile(
            "Expected a whole pickle of a scikit-learn model, got one that is damaged or cut off "
            f"({type(error).__name__}).",
            remedy=_REMEDY,
        ) from None
    return loaded, tuple(sorted(reader.notes))


def decompress(path: Path) -> bytes:
    """Return the file's bytes, unpacked if joblib or gzip packed them, up to a cap."""
    with path.open("rb") as stream:
        head = stream.read(6)
    openers: tuple[tuple[bytes, Callable[[Path], Any]], ...] = (
        (b"\x1f\x8b", gzip.open),
        (b"BZh", bz2.open),
        (b"\xfd7zXZ", lzma.open),
        (b"]\x00\x00", lzma.open),
    )
    try:
        if head[:1] == b"x" and head[1:2] in (b"\x01", b"\x5e", b"\x9c", b"\xda"):
            unpacker = zlib.decompressobj()
            content = unpacker.decompress(path.read_bytes(), bounds.MODEL_BYTES + 1)
        elif head[:4] == b"\x04\x22\x4d\x18":
            raise RefusedFile(
                "Expected a pickle, got one packed with LZ4, which is not read here.",
                remedy="Save it with `joblib.dump(model, 'model.joblib', compress=3)`.",
            )
        else:
            opener = next((made for magic, made in openers if head.startswith(magic)), None)
            with path.open("rb") if opener is None else opener(path) as stream:
                content = _read_at_most(stream, bounds.MODEL_BYTES + 1)
    except (OSError, EOFError, zlib.error, lzma.LZMAError, ValueError) as error:
        raise RefusedFile(
            "Expected a whole packed file, got one that is damaged or cut off.", remedy=_REMEDY
        ) from error
    if len(content) > bounds.MODEL_BYTES:
        raise RefusedFile(
            f"Expected at most {bounds.MODEL_BYTES:,} bytes of model, got a file that unpacks to "
            "more.",
            remedy="Upload a smaller model, or one saved without its training data.",
        )
    return content


def _read_at_most(stream: Any, most: int) -> bytes:  # noqa: ANN401  any of the openers' files
    """Read piece by piece: `read(most)` sets all of `most` aside, however short the file."""
    content = bytearray()
    while piece := stream.read(min(bounds.MEBIBYTE, most - len(content))):
        content += piece
    return bytes(content)


_NEVER_NEEDED = (
    pickle.PERSID, pickle.BINPERSID, pickle.EXT1, pickle.EXT2, pickle.EXT4, pickle.NEXT_BUFFER,
    pickle.READONLY_BUFFER, pickle.NEWOBJ_EX,
)  # fmt: skip


class _Reader(pickle._Unpickler):
    """One pickle stream; nested streams of joblib's object arrays share its budget."""

    def __init__(self, stream: io.BytesIO, *, size: int, parent: "_Reader | None" = None) -> None:
        super().__init__(stream)
        self._stream = stream
        self._size = size
        self._depth: int = 0 if parent is None else parent._depth + 1
        self._steps: list[int] = [0] if parent is None else parent._steps
        self._made: dict[int, object] = {} if parent is None else parent._made
        self.notes: set[str] = set() if parent is None else parent.notes
        if self._depth > bounds.PICKLE_DEPTH:
            raise _refuse("pickles nested in pickles too deeply")

    def load(self) -> Any:  # noqa: ANN401  whatever the file holds
        """Run the opcodes, counting them."""
        unframer = pickle._Unframer(self._stream.read, self._stream.readline)  # type: ignore[attr-defined]
        self._unframer = unframer
        self.read, self.readinto, self.readline = (
            unframer.read, unframer.readinto, unframer.readline,
        )  # fmt: skip
        self.metastack: list[Any] = []
        self.stack: list[Any] = []
        self.append = self.stack.append
        self.proto = 0
        steps, dispatch, read = self._steps, self.dispatch, self.read
        try:
            while True:
                steps[0] += 1
                if steps[0] > bounds.PICKLE_STEPS:
                    raise _refuse(f"more than {bounds.PICKLE_STEPS:,} steps")
                dispatch[read(1)[0]](self)
        except pickle._Stop as stop:  # type: ignore[attr-defined]
            return stop.value

    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401  see `resolve`
        """Look a name up in the allow-list and nowhere else."""
        try:
            return resolve(module, name)
        except KeyError:
            raise _refuse(
                f"the object {f'{module}.{name}'[:120]!r}, which is not allowed"
            ) from None

    def _keep(self, made: object) -> object:
        self._made[id(made)] = made
        return made

    def _is_made(self, item: object) -> bool:
        return id(item) in self._made

    def _reduce(self) -> None:
        args = self.stack.pop()
        function = self.stack[-1]
        if not isinstance(args, tuple):
            raise _refuse("a call without arguments")
        self.stack[-1] = self._keep(call(function, args))

    def _newobj(self) -> None:
        args = self.stack.pop()
        cls = self.stack.pop()
        if not isinstance(args, tuple):
            raise _refuse("a call without arguments")
        self.append(self._keep(make_instance(cls, args)))

    def _instantiate(self, cls: object, args: list[Any]) -> None:
        # Protocol 0: an old-style instance; those without arguments are plain objects.
        self.append(self._keep(make_instance(cls, tuple(args))))

    def _refuse_opcode(self) -> None:
        raise _refuse("an instruction no saved model needs")

    def _read_bytearray(self) -> None:
        size = int.from_bytes(self.read(8), "little")
        if size > self._size:
            raise _refuse("a value longer than the file")
        self.append(bytearray(self.read(size)))

    def _build(self) -> None:
        state = self.stack.pop()
        item = self.stack[-1]
        if not self._is_made(item):
            raise _refuse(f"a change to {type(item).__name__!r}, which the file did not make")
        if isinstance(item, np.dtype):
            numpy_state.set_dtype_state(item, state)
        elif isinstance(item, np.ma.MaskedArray):
            _set_masked_state(item, state)
        elif isinstance(item, np.ndarray):
            numpy_state.set_array_state(item, state)
        elif isinstance(item, functools.partial):
            set_partial_state(item, state)
        elif isinstance(item, ArrayWrapper):
            self.stack[-1] = self._keep(self._read_array(state))
        else:
            self._set_state(item, state)

    def _set_state(self, item: object, state: object) -> None:
        if isinstance(state, dict):
            if "_sklearn_version" in state:
                note = check_version(str(state["_sklearn_version"]))
                self.notes.update([note] if note else [])
                state = complete_state(type(item), state)
            if not all(isinstance(key, str) for key in state):
                raise _refuse("an object with nameless parts")
        setter = getattr(item, "__setstate__", None)
        if setter is not None:
            setter(state)
            return
        if isinstance(state, tuple) and len(state) == 2 and isinstance(state[0], dict | type(None)):
            state, slots = state
            if slots:
                raise _refuse("an object with slots")
        if state is not None:
            if not isinstance(state, dict):
                raise _refuse("an object whose state is no dictionary")
            vars(item).update(state)

    def _items(self) -> list[Any]:
        """Return what was pushed since the last mark."""
        items: list[Any] = self.stack
        self.stack = self.metastack.pop()
        self.append = self.stack.append
        return items

    def _append(self) -> None:
        value = self.stack.pop()
        list.append(self._list(self.stack[-1]), value)

    def _appends(self) -> None:
        values = self._items()
        list.extend(self._list(self.stack[-1]), values)

    def _list(self, item: object) -> list[Any]:
        if not isinstance(item, list):
            raise _refuse(f"items put into {type(item).__name__!r}")
        return item

    def _dict(self, item: object) -> dict[Any, Any]:
        if not isinstance(item, dict):
            raise _refuse(f"items put into {type(item).__name__!r}")
        return item

    def _setitem(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._dict(self.stack[-1])[key] = value

    def _setitems(self) -> None:
        values = self._items()
        target = self._dict(self.stack[-1])
        for position in range(0, len(values), 2):
            target[values[position]] = values[position + 1]

    def _additems(self) -> None:
        values = self._items()
        target = self.stack[-1]
        if not isinstance(target, set):
            raise _refuse(f"items put into {type(target).__name__!r}")
        target.update(values)

    def _read_array(self, state: object) -> Any:  # noqa: ANN401  an array
        """Read the bytes that joblib writes after its note of an array."""
        if not isinstance(state, dict):
            raise _refuse("an array note of unknown form")
        shape, dtype, order = state.get("shape"), state.get("dtype"), state.get("order")
        sizes = numpy_state.checked_shape(shape)
        if not isinstance(dtype, np.dtype) or state.get("subclass") not in (np.ndarray,):
            raise _refuse("an array of an unknown kind")
        if dtype.hasobject:
            inner = _Reader(self._stream, size=self._size, parent=self)
            array = inner.load()
            if not isinstance(array, np.ndarray) or array.dtype != dtype or array.shape != shape:
                raise _refuse("an array that is not what its note says")
            return array
        if state.get("numpy_array_alignment_bytes") is not None:
            padding = self._stream.read(1)
            self._stream.read(padding[0] if padding else 0)
        size = dtype.itemsize * math.prod(sizes)
        if size > self._size - self._stream.tell():
            raise _refuse("an array longer than the file")
        return numpy_state.array_of(self._stream.read(size), dtype, shape, order)

    dispatch: ClassVar[dict[int, Callable[..., None]]] = dict(pickle._Unpickler.dispatch)
    dispatch |= {
        pickle.REDUCE[0]: _reduce,
        pickle.NEWOBJ[0]: _newobj,
        pickle.BUILD[0]: _build,
        pickle.BYTEARRAY8[0]: _read_bytearray,
        pickle.APPEND[0]: _append,
        pickle.APPENDS[0]: _appends,
        pickle.SETITEM[0]: _setitem,
        pickle.SETITEMS[0]: _setitems,
        pickle.ADDITEMS[0]: _additems,
    }
    for _opcode in _NEVER_NEEDED:
        dispatch[_opcode[0]] = _refuse_opcode


def _set_masked_state(item: Any, state: object) -> None:  # noqa: ANN401  numpy.ma has no types
    if not isinstance(state, tuple) or len(state) != 7:
        raise _refuse("a masked array of unknown form")
    version, shape, dtype, is_fortran, content, mask, fill = state
    whole = np.empty(0, dtype=np.int8)
    numpy_state.set_array_state(whole, (version, shape, dtype, is_fortran, content))
    hidden = np.empty(0, dtype=np.int8)
    numpy_state.set_array_state(hidden, (version, shape, np.dtype("?"), is_fortran, mask))
    if not isinstance(fill, int | float | str | bool | np.generic | np.ndarray | type(None)):
        raise _refuse("a masked array of unknown form")
    item.__setstate__(state)


def _refuse(found: str) -> RefusedFile:
    return RefusedFile(
        f"Expected a pickle that only rebuilds a known model, got one with {found}; it was not "
        "opened."
    )
