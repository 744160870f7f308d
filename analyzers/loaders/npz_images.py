"""numpy archives of pictures and their columns; no Python objects are read from them."""

import io
import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.lib import format as npy
from numpy.typing import NDArray

from analyzers.core.errors import RefusedFile
from analyzers.loaders import bounds
from analyzers.loaders.headers import tame_names
from analyzers.loaders.pictures import pictures_of
from analyzers.loaders.raw_table import RawTable
from analyzers.loaders.zip_entries import Archive

_IMAGE_NAMES = ("images", "image", "x", "x_test", "x_train", "data", "arr_0", "pixels")
_LABEL_NAMES = (
    "labels",
    "label",
    "y",
    "y_test",
    "y_train",
    "target",
    "targets",
    "arr_1",
    "classes",
)
_REMEDY = "Save it with `numpy.savez_compressed('data.npz', images=images, label=labels)`."


def read_npz(path: Path) -> RawTable:
    """Read an npz whose largest array holds pictures and whose other arrays are columns.

    Raises:
        RefusedFile: Python objects, arrays of different lengths, no pictures, or damaged.
    """
    archive = Archive(path, what="an npz of pictures", most_bytes=bounds.IMAGES_BYTES)
    arrays = {name.removesuffix(".npy"): read_npy(archive.read(name), name)
              for name in archive.names}  # fmt: skip
    pictures_name = _pictures_name(arrays)
    pictures = pictures_of(arrays.pop(pictures_name))
    n_rows = len(pictures.images)
    odd = [name for name, array in arrays.items() if array.shape[:1] != (n_rows,)]
    changes = [f"The array {name!r} is left out: it does not have {n_rows:,} rows." for name in odd]
    columns: dict[str, pa.ChunkedArray] = {}
    kept = {_column_name(name): array for name, array in arrays.items() if name not in odd}
    names, renamed = tame_names(list(kept))
    for name, array in zip(names, kept.values(), strict=True):
        flat = array.reshape(n_rows, -1)
        if flat.shape[1] != 1:
            changes.append(f"The array {name!r} is left out: it has several columns.")
            continue
        columns[name] = pa.chunked_array([pa.array(_plain(flat[:, 0]))])
    return RawTable(
        columns=columns,
        images=pictures.images,
        changes=(*pictures.changes, *renamed, *changes),
    )


def read_npy(content: bytes, name: str) -> NDArray[Any]:
    """Read one array, checking its header before anything is built.

    Raises:
        RefusedFile: Python objects, more values than bytes, or damaged.
    """
    stream = io.BytesIO(content)
    try:
        version = npy.read_magic(stream)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, is_fortran, dtype = read(stream)
    except (ValueError, EOFError, SyntaxError, RecursionError, MemoryError) as error:
        raise RefusedFile(
            f"Expected numpy arrays, got {name[:60]!r}, which is damaged.", remedy=_REMEDY
        ) from error
    if dtype.hasobject or dtype.names is not None:
        raise RefusedFile(
            f"Expected arrays of numbers or text, got Python objects in {name[:60]!r}; it was not "
            "opened.",
            remedy=_REMEDY,
        )
    n_values = math.prod(shape)
    if any(size < 0 for size in shape) or n_values * dtype.itemsize != len(content) - stream.tell():
        raise RefusedFile(
            f"Expected as many values as the header says, got another number in {name[:60]!r}.",
            remedy=_REMEDY,
        )
    flat = np.frombuffer(content, dtype=dtype, offset=stream.tell())
    return flat.reshape(shape, order="F" if is_fortran else "C")


def _pictures_name(arrays: dict[str, NDArray[Any]]) -> str:
    known = [name for name in arrays if name.lower() in _IMAGE_NAMES and arrays[name].ndim >= 2]
    deep = [name for name in arrays if arrays[name].ndim in (3, 4)]
    for candidates in (known, deep):
        if candidates:
            return max(candidates, key=lambda name: arrays[name].size)
    shapes = [f"{name[:30]!r} of shape {array.shape}" for name, array in arrays.items()]
    raise RefusedFile(
        f"Expected an array of pictures, got {', '.join(shapes) or 'an empty archive'}.",
        remedy=_REMEDY,
    )


def _column_name(name: str) -> str:
    return "label" if name.lower() in _LABEL_NAMES else name


def _plain(values: NDArray[Any]) -> NDArray[Any]:
    if values.dtype.kind == "S":
        return np.char.decode(values, "utf-8", "replace").astype(object)
    return values.astype(object) if values.dtype.kind == "U" else values
