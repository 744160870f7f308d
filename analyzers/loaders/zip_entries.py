"""Zip archives read by entry, in memory; a name inside an archive never becomes a path."""

import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from analyzers.core.errors import RefusedFile
from analyzers.loaders import bounds

_SMALL = 16 * bounds.MEBIBYTE
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError,
           ValueError, UnicodeError)  # fmt: skip


class Archive:
    """An opened zip whose directory has been checked; entries are read with a cap."""

    def __init__(self, path: Path, *, what: str, most_bytes: int = bounds.ARCHIVE_BYTES) -> None:
        self._what = what
        try:
            self._zip = zipfile.ZipFile(path)
            infos = self._zip.infolist()
        except _BROKEN as error:
            raise self._refuse("its directory cannot be read; it is damaged or cut off") from error
        if len(infos) > bounds.ARCHIVE_ENTRIES:
            raise self._refuse(f"{len(infos):,} entries, more than {bounds.ARCHIVE_ENTRIES:,}")
        total = sum(info.file_size for info in infos)
        if total > most_bytes:
            raise self._refuse(f"{total:,} bytes unpacked, more than {most_bytes:,}")
        self._infos: dict[str, zipfile.ZipInfo] = {}
        for info in infos:
            self._check(info)
            if not info.is_dir():
                self._infos[info.filename] = info

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the entries that are files, in the order of the archive."""
        return tuple(self._infos)

    def size(self, name: str) -> int:
        """Return how many bytes the directory says an entry holds."""
        return self._infos[name].file_size

    def read(self, name: str) -> bytes:
        """Return the content of one entry, never more than its directory promised."""
        info = self._infos.get(name)
        if info is None:
            raise self._refuse(f"no entry called {name[:80]!r}")
        try:
            with self._zip.open(info) as stream:
                content = stream.read(info.file_size + 1)
        except _BROKEN as error:
            raise self._refuse(f"the entry {name[:80]!r} is damaged or cut off") from error
        if len(content) > info.file_size:
            raise self._refuse(f"the entry {name[:80]!r} is larger than it says")
        return content

    def head(self, name: str, size: int) -> bytes:
        """Return the first `size` bytes of one entry."""
        try:
            with self._zip.open(self._infos[name]) as stream:
                return stream.read(size)
        except (*_BROKEN, KeyError) as error:
            raise self._refuse(f"the entry {name[:80]!r} is damaged or cut off") from error

    def _check(self, info: zipfile.ZipInfo) -> None:
        shown = info.filename[:80]
        if not info.filename:
            raise self._refuse("an entry without a name")
        parts = PurePosixPath(info.filename.replace("\\", "/")).parts
        if info.filename.startswith(("/", "\\")) or ".." in parts or ":" in (parts or ("",))[0]:
            raise self._refuse(f"the entry {shown!r} points outside the archive")
        if stat.S_ISLNK(info.external_attr >> 16):
            raise self._refuse(f"the entry {shown!r} is a link")
        if info.flag_bits & 0x1:
            raise self._refuse(f"the entry {shown!r} is encrypted")
        packed = max(1, info.compress_size)
        if info.file_size > _SMALL and info.file_size / packed > bounds.ENTRY_RATIO:
            raise self._refuse(
                f"the entry {shown!r} grows {info.file_size // packed:,} times when unpacked"
            )

    def _refuse(self, found: str) -> RefusedFile:
        return RefusedFile(
            f"Expected {self._what}, got an archive that was not opened: {found}.",
            remedy="Make the archive again from plain files and upload that.",
        )
