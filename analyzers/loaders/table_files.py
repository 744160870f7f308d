"""Which loader opens which table format."""

from pathlib import Path

from analyzers.core.subject import FileRef
from analyzers.loaders.formats import Format, identify
from analyzers.loaders.raw_table import RawTable


def load_table(path: Path, file: FileRef) -> tuple[RawTable, Format]:
    """Open a table or a set of pictures by its content.

    Raises:
        RefusedFile: no table, an unknown format, or larger than is taken.
    """
    found = identify(path, file.name, use="table")
    return _open(path, found), found


def _open(path: Path, found: Format) -> RawTable:
    match found.name:
        case "CSV":
            from analyzers.loaders.csv_table import read_csv

            return read_csv(path)
        case "Parquet":
            from analyzers.loaders.parquet_table import read_parquet

            return read_parquet(path)
        case "Excel":
            from analyzers.loaders.excel_table import read_excel

            return read_excel(path)
        case "npz of images":
            from analyzers.loaders.npz_images import read_npz

            return read_npz(path)
        case "zip of images":
            from analyzers.loaders.image_archive import read_image_archive

            return read_image_archive(path)
    raise ValueError(found.name)
