"""HTML built from values, so that text is escaped because of its type and not by remembering to.

`element` takes text and `Html`. Text is escaped, always; only what `element` itself returned is
`Html`. There is no other way to make markup, except `trusted` for files of this package.
"""

import html
from collections.abc import Iterable

LONGEST_TEXT = 4000
_EMPTY_ELEMENTS = frozenset({"br", "col", "hr", "input", "link", "meta"})


class Html(str):
    """Markup that is safe to put into a page."""

    __slots__ = ()


def shown(text: object, *, longest: int = LONGEST_TEXT) -> str:
    """Make a string fit to be read: control and direction characters out, cut with a mark.

    A right-to-left override or a backspace in a column name could make a page say the opposite.
    """
    whole = str(text)
    kept = "".join(
        char if char.isprintable() or char == "\n" else "\ufffd" for char in whole[:longest]
    )
    return f"{kept}… ({len(whole):,} characters)" if len(whole) > longest else kept


def escaped(text: object) -> Html:
    """Turn text into markup that shows exactly that text, in element content or an attribute."""
    return text if isinstance(text, Html) else Html(html.escape(shown(text), quote=True))


def trusted(markup: str) -> Html:
    """Vouch for markup, a style sheet or a script that ships with this package, never for data."""
    return Html(markup)


def joined(parts: Iterable[object], separator: str = "") -> Html:
    """Put parts one after the other, each escaped unless it is markup; None is left out."""
    return Html(escaped(separator).join(_flat(parts)))


def element(tag: str, *content: object, **attributes: str | int | None) -> Html:
    """Make one element.

    Args:
        tag: the element's name.
        content: text (escaped), markup, or iterables of both; None is left out.
        attributes: `class_` and `for_` lose their underscore, others turn it into a hyphen; None
            leaves the attribute out.

    Returns:
        The markup.
    """
    names = (
        (name.rstrip("_").replace("_", "-"), value)
        for name, value in attributes.items()
        if value is not None
    )
    opening = "".join(f' {name}="{escaped(value)}"' for name, value in names)
    if tag in _EMPTY_ELEMENTS:
        return Html(f"<{tag}{opening}>")
    return Html(f"<{tag}{opening}>{joined(content)}</{tag}>")


def _flat(parts: Iterable[object]) -> Iterable[Html]:
    for part in parts:
        if part is None:
            continue
        if isinstance(part, str) or not isinstance(part, Iterable):
            yield escaped(part)
        else:
            yield from _flat(part)
