"""Characters that act instead of show, written out so that a text can travel and come back whole.

What leaves a worker is freed of control and direction marks, which is right for a page and would
take from some attacks all that they changed.
"""

import re
import unicodedata

# Controls, formats, lone surrogates and the two separators that end a line.
_ACTING = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_PLAIN = "\t\n"
_WRITTEN = re.compile(r"\\(?:\\|u([0-9a-f]{4})|U([0-9a-f]{8}))")


def written_out(text: str) -> str:
    r"""Return the text with acting characters as \u202e or \U000e0001, and \\ for a backslash."""
    return "".join(map(_written, text))


def read_back(written: str) -> str:
    """Return the text that was written out."""
    return _WRITTEN.sub(lambda match: chr(int(match[1] or match[2], 16)) if match[1] or match[2]
                        else "\\", written)  # fmt: skip


def safe_json(made: str) -> str:
    """Write acting characters within JSON as JSON's own escapes; what it holds stays the same."""
    return "".join(char if char == "\n" or not _acts(char) else _for_json(char) for char in made)


def _acts(char: str) -> bool:
    return char not in _PLAIN and unicodedata.category(char) in _ACTING


def _written(char: str) -> str:
    if char == "\\":
        return "\\\\"
    if not _acts(char):
        return char
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"


def _for_json(char: str) -> str:
    pair = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{pair[at : at + 2].hex()}" for at in range(0, len(pair), 2))
