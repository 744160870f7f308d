"""Hostile tables and pictures: bombs, lying headers, links, strings that are programs elsewhere."""

import io
import os
import pickle
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tests.loaders.hostile import Gadget, Hostile, _touch, _write_zip

FORMULAS = '=HYPERLINK("http://x")'
MARKUP = "<img src=x onerror=alert(1)>"


def corpus() -> Iterator[Hostile]:
    for name, (file, content) in _TEXTS.items():
        yield Hostile(name=f"csv {name}", file=file, use="table", make=_bytes(content))
    for name, content in _TAMED.items():
        yield Hostile(
            name=f"csv {name}", file="t.csv", use="table", make=_bytes(content), outcome="tamed"
        )
    yield Hostile(name="npz of objects", file="t.npz", use="table", make=_object_npz, plain="numpy")
    for name, make in _ARCHIVES.items():
        file = {"npz": "t.npz", "xls": "t.xlsx", "par": "t.parquet"}.get(name[:3], "t.zip")
        yield Hostile(name=name, file=file, use="table", make=make)


_TEXTS: dict[str, tuple[str, Any]] = {
    "of a million columns": ("t.csv", lambda: b",".join([b"a"] * 1_000_000) + b"\n1\n"),
    "with a giant header": ("t.csv", lambda: b"a" * 8_000_000 + b",b\n1,2\n"),
    "with a quote without end": ("t.csv", lambda: b'a,b\n"' + b"x,1\n" * 4_000_000),
    "with ragged lines": ("t.csv", lambda: b"a,b\n" + b"1,2,3\n" * 2000),
    "of a header only": ("t.csv", lambda: b"a,b\n"),
    "that is a program": ("t.csv", lambda: b"\x7fELF" + bytes(range(256)) * 20),
    "that is a pickle": ("t.csv", lambda: pickle.dumps({"a": [1]})),
    "of broken UTF-16": ("t.csv", lambda: b"\xff\xfea\x00,\x00\x00\xd8\n\x00\x31"),
}
_TAMED: dict[str, Any] = {
    "with NUL bytes": lambda: b"a,b\n1,x\x00y\n2,z\n",
    "with formulas": f'a,b\n"{FORMULAS.replace(chr(34), chr(34) * 2)}",1\n+1,2\n'.encode,
    "with markup in the header": f"{MARKUP},b\n1,2\n3,4\n".encode,
    "with paths in the header": lambda: b"../../etc/passwd,`rm -rf`\n1,2\n3,4\n",
    "with control signs in the header": "a\u202eb,c\u0007d\n1,2\n3,4\n".encode,
    "with one name three times": lambda: b"a,a,a\n1,2,3\n4,5,6\n",
    "without names": lambda: b",,\n1,2,3\n4,5,6\n",
    "with a name of a megabyte": lambda: b"n" * 1_000_000 + b",b\n1,2\n3,4\n",
}


def _bytes(content: Any) -> Any:
    return lambda path, _: path.write_bytes(content()) and None


def png(width: int = 8, height: int = 8, *, said: tuple[int, int] | None = None) -> bytes:
    """A grey PNG; `said` puts other sides into its header."""
    rows = b"".join(b"\x00" + bytes(width) for _ in range(height))
    sides = said or (width, height)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", *sides, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )  # fmt: skip


def _object_npz(path: Path, marker: str) -> None:
    np.savez(path, images=np.array([Gadget(os.system, _touch(marker))], dtype=object))


def _npy(header: str, content: bytes = b"") -> bytes:
    text = header.encode().ljust(118) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + content


def _npz(header: str) -> Any:
    return lambda path, _: _write_zip(path, {"images.npy": _npy(header)})


def _bomb(path: Path, _: str) -> None:
    _write_zip(path, {"a/1.png": bytes(60_000_000)})


def _link(path: Path, _: str) -> None:
    info = zipfile.ZipInfo("a/1.png")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(info, "/etc/passwd")
        archive.writestr("b/2.png", png())


def _encrypted(path: Path, _: str) -> None:
    _write_zip(path, {"a/1.png": png(), "b/2.png": png()})
    data = bytearray(path.read_bytes())
    at = data.find(b"PK\x01\x02")
    data[at + 8] |= 1
    path.write_bytes(bytes(data))


def _lying_size(path: Path, _: str) -> None:
    _write_zip(path, {"a/1.png": png(), "b/2.png": png()})
    data = bytearray(path.read_bytes())
    at = data.find(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 10)
    path.write_bytes(bytes(data))


def _workbook(extra: dict[str, bytes]) -> dict[str, bytes]:
    import openpyxl

    book = openpyxl.Workbook()
    for row in (["a", "b"], [1, 2], [3, 4]):
        book.active.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    with zipfile.ZipFile(buffer) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    return entries | extra


def _xxe(path: Path, _: str) -> None:
    sheet = b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>
<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>
<row><c t="inlineStr"><is><t>&f;</t></is></c></row></sheetData></worksheet>"""
    _write_zip(path, _workbook({"xl/worksheets/sheet1.xml": sheet}))


def _sheet_bomb(path: Path, _: str) -> None:
    _write_zip(path, _workbook({"xl/worksheets/sheet1.xml": b"<a>" + b" " * 60_000_000}))


def _parquet(bend: Any) -> Any:
    def make(path: Path, _: str) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        parquet.write_table(pa.table({"a": list(range(100)), "b": ["x"] * 100}), path)
        path.write_bytes(bend(path.read_bytes()))

    return make


def _wide_parquet(path: Path, _: str) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    parquet.write_table(pa.table({f"c{at}": [1] for at in range(6000)}), path)


_ARCHIVES: dict[str, Any] = {
    "zip bomb": _bomb,
    "zip in a zip": lambda path, _: _write_zip(path, {"inner.zip": b"PK\x05\x06" + bytes(18)}),
    "zip with a path outside": lambda path, _: _write_zip(
        path, {"../../a/1.png": png(), "b/2.png": png()}
    ),
    "zip with an absolute path": lambda path, _: _write_zip(path, {"/etc/1.png": png()}),
    "zip with a Windows path": lambda path, _: _write_zip(path, {"..\\..\\x\\1.png": png()}),
    "zip with a link": _link,
    "zip with an encrypted entry": _encrypted,
    "zip with a lying size": _lying_size,
    "zip cut off": lambda path, _: path.write_bytes(b"PK\x03\x04" + bytes(100)) and None,
    "zip with a giant picture": lambda path, _: _write_zip(
        path, {"a/1.png": png(said=(100_000, 100_000)), "b/2.png": png()}
    ),
    "zip with a broken picture": lambda path, _: _write_zip(
        path, {"a/1.png": png()[:40], "b/2.png": png()}
    ),
    "zip with pictures of two sizes": lambda path, _: _write_zip(
        path, {"a/1.png": png(), "b/2.png": png(9, 9)}
    ),
    "npz with more values than bytes": _npz(
        "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000, 1000, 1000)}"
    ),
    "npz with a negative shape": _npz(
        "{'descr': '<f8', 'fortran_order': False, 'shape': (-1, 8, 8)}"
    ),
    "npz with a program for a header": _npz("__import__('os').system('true')"),
    "npz with hidden objects": _npz(
        "{'descr': [('a', '|O')], 'fortran_order': False, 'shape': (0, 8, 8)}"
    ),
    "xlsx with XML entities": _xxe,
    "xlsx bomb": _sheet_bomb,
    "xlsx without a sheet": lambda path, _: _write_zip(
        path, _workbook({"xl/worksheets/sheet1.xml": b"<nothing/>"})
    ),
    "parquet with a lying footer": _parquet(lambda data: data[:-8] + b"\xff\xff\xff\x7fPAR1"),
    "parquet with broken pages": _parquet(lambda data: data[:8] + b"\xff" * 60 + data[68:]),
    "parquet cut off": _parquet(lambda data: data[: len(data) // 2]),
    "parquet of six thousand columns": _wide_parquet,
}
