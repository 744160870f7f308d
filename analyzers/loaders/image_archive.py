"""Zip archives of picture files: a folder per class, or a labels.csv beside the pictures."""

import tempfile
from pathlib import Path, PurePosixPath

import numpy as np
import pyarrow as pa

from analyzers.core.errors import RefusedFile
from analyzers.loaders import bounds
from analyzers.loaders.csv_table import read_csv
from analyzers.loaders.headers import clean
from analyzers.loaders.pictures import decode, pictures_of, stack, too_large
from analyzers.loaders.raw_table import RawTable
from analyzers.loaders.zip_entries import Archive

_PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff")
_LABEL_FILES = ("labels.csv", "labels.tsv", "metadata.csv")


def read_image_archive(path: Path) -> RawTable:
    """Read the pictures of a zip in the order of their names.

    Raises:
        RefusedFile: damaged, too large, of several sizes, or without a class for each picture.
    """
    archive = Archive(path, what="a zip of pictures")
    names = sorted(name for name in archive.names if _is_picture(name))
    if not names:
        raise RefusedFile("Expected a zip with pictures, got one without.")
    others = [name for name in archive.names if name not in set(names) and not _is_label_file(name)]
    changes = [f"{len(others):,} files that are no pictures were left out."] if others else []
    pictures = []
    n_bytes = 0
    for name in names:
        picture = decode(archive.read(name), name)
        n_bytes += picture.size * 4
        if n_bytes > bounds.IMAGES_BYTES:
            raise too_large(n_bytes)
        pictures.append(picture)
    made = pictures_of(stack(pictures, names))
    labels = next((name for name in archive.names if _is_label_file(name)), None)
    if labels is not None:
        columns, more = _from_table(archive.read(labels), names)
    else:
        columns, more = _from_folders(names)
    return RawTable(columns=columns, images=made.images, changes=(*made.changes, *changes, *more))


def _from_folders(names: list[str]) -> tuple[dict[str, pa.ChunkedArray], tuple[str, ...]]:
    folders = [PurePosixPath(name).parent.name for name in names]
    columns = {"file": _words([clean(PurePosixPath(name).name) for name in names])}
    if len(set(folders)) < 2:
        return columns, ("The pictures lie in one folder, so nothing says their classes.",)
    columns = {"label": _words([clean(folder) for folder in folders]), **columns}
    return columns, ("Each picture's class is the name of its folder.",)


def _from_table(
    content: bytes, names: list[str]
) -> tuple[dict[str, pa.ChunkedArray], tuple[str, ...]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "labels"
        path.write_bytes(content)
        table = read_csv(path)
    by_name = {PurePosixPath(name).name: at for at, name in enumerate(names)}
    file_column = next(
        (
            name
            for name, column in table.columns.items()
            if any(PurePosixPath(str(cell)).name in by_name for cell in column[:50].to_pylist())
        ),
        None,
    )
    if file_column is None:
        raise RefusedFile(
            "Expected a column with the pictures' file names in labels.csv, got none.",
            remedy="Give labels.csv two columns: file and label.",
        )
    place = {PurePosixPath(str(cell)).name: at
             for at, cell in enumerate(table.columns[file_column].to_pylist())}  # fmt: skip
    absent = [name for name in by_name if name not in place]
    if absent:
        raise RefusedFile(
            f"Expected every picture in labels.csv, got none for {absent[0][:60]!r} and "
            f"{len(absent) - 1:,} others.",
            remedy="Add the missing lines or take the pictures out.",
        )
    order = pa.array(np.array([place[PurePosixPath(name).name] for name in names]))
    columns = {name: column.take(order) for name, column in table.columns.items()}
    return columns, (*table.changes, "Each picture's class comes from the labels file.")


def _is_picture(name: str) -> bool:
    # macOS puts shadow files into every archive.
    return name.lower().endswith(_PICTURES) and not name.startswith("__MACOSX/")


def _is_label_file(name: str) -> bool:
    return PurePosixPath(name).name.lower() in _LABEL_FILES


def _words(values: list[str]) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(values, pa.string())])
