"""An analyzer's own account of its method, from its docstring."""

import re
from typing import NamedTuple

from analyzers.toolkit.markup import Html, element

_HEADING = re.compile(r"(Question|Method|Limits|References)\b:?[ \t]*(.*)")


class Part(NamedTuple):
    """One heading of the docstring and the paragraphs under it."""

    heading: str
    paragraphs: tuple[str, ...]


def parts_of(about: str) -> tuple[Part, ...]:
    """Split a docstring at its headings, whether their text is indented below or follows a colon.

    Args:
        about: the module's docstring; what stands before the first heading is left out, because
            the report shows the question above.
    """
    found: list[tuple[str, list[str]]] = []
    for line in about.splitlines():
        heading = _HEADING.fullmatch(line)
        if heading is not None:
            found.append((heading[1], [heading[2]]))
        elif found:
            found[-1][1].append(line)
    return tuple(Part(heading, _paragraphs(lines)) for heading, lines in found)


def method(about: str) -> Html:
    """Show a docstring's parts as headings and paragraphs."""
    return element(
        "div",
        (
            [element("h4", part.heading), [element("p", text) for text in part.paragraphs]]
            for part in parts_of(about)
        ),
    )


def _paragraphs(lines: list[str]) -> tuple[str, ...]:
    blocks = re.split(r"\n\s*\n", "\n".join(lines))
    return tuple(" ".join(block.split()) for block in blocks if block.strip())
