"""Which encoding a text file is in, told from its bytes."""

import codecs
import re
from typing import NamedTuple

from analyzers.core.errors import RefusedFile

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SAMPLE = 200_000
_FEW = 64
_WIDE = ("gb18030", "big5", "shift_jis", "euc_kr")
_NARROW = ("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256")


class Decoded(NamedTuple):
    """A file's content in UTF-8 without mark, and what was done to it."""

    content: bytes
    changes: tuple[str, ...]


def to_utf8(content: bytes) -> Decoded:
    """Turn a text file into UTF-8, whatever it was in.

    Raises:
        RefusedFile: no known encoding fits.
    """
    for mark, name in _MARKS:
        if content.startswith(mark):
            body = content[len(mark) :]
            if name == "utf-8":
                return _checked(body)
            return _from(body, name)
    wide = _wide_encoding(content)
    if wide:
        return _from(content, wide)
    return _checked(content)


def _checked(content: bytes) -> Decoded:
    changes: tuple[str, ...] = ()
    if b"\x00" in content:
        n_nul = content.count(0)
        content = content.replace(b"\x00", b"")
        changes = (f"{n_nul:,} NUL bytes were taken out of the text.",)
    try:
        # Decoding is the check; the result is thrown away because the reader takes bytes.
        content.decode("utf-8")
    except UnicodeDecodeError:
        decoded = _from(content, _guess(content))
        return Decoded(decoded.content, (*changes, *decoded.changes))
    return Decoded(content, changes)


def _from(content: bytes, encoding: str) -> Decoded:
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise RefusedFile(
            f"Expected text, got bytes that are not {encoding} from byte {error.start:,} on.",
            remedy="Save the table as UTF-8.",
        ) from error
    return Decoded(
        text.replace("\x00", "").encode("utf-8", "replace"),
        (f"The text was read as {encoding}; check that names with accents look right.",),
    )


def _wide_encoding(content: bytes) -> str:
    sample = content[:4096]
    half = max(1, len(sample) // 2)
    even, odd = sample[0::2].count(0) / half, sample[1::2].count(0) / half
    if odd > 0.4 and even < 0.05:
        return "utf-16-le"
    if even > 0.4 and odd < 0.05:
        return "utf-16-be"
    return ""


def _guess(content: bytes) -> str:
    first = next((at for at, byte in enumerate(content) if byte > 127), 0)
    sample = content[max(0, first - 1000) : first + _SAMPLE]
    # A sample may end within a character.
    sample = sample[: sample.rfind(b"\n") + 1] or sample
    fits = [*_likely(sample), "gb18030", "cp1252"]
    for name in fits:
        try:
            content.decode(name)
        except (UnicodeDecodeError, LookupError):
            continue
        return name
    raise RefusedFile(
        "Expected text, got bytes in no encoding that is known here.",
        remedy="Save the table as UTF-8.",
    )


def _likely(sample: bytes) -> list[str]:
    """Name the encodings a sample may be in, likeliest first.

    East Asian text has bytes above 127 next to each other, European text mostly alone.
    """
    runs = re.findall(rb"[\x80-\xff]+", sample)
    n_high = sum(map(len, runs))
    is_narrow = sum(len(run) == 1 for run in runs) > 0.6 * len(runs)
    if is_narrow and n_high < _FEW:
        return ["cp1252"]
    from charset_normalizer import from_bytes

    candidates = list(_NARROW if is_narrow else (*_WIDE, *_NARROW))
    best = from_bytes(sample, cp_isolation=candidates, threshold=0.3).best()
    if best is None or (n_high < _FEW and not is_narrow):
        return [candidates[0]]
    return [best.encoding]
