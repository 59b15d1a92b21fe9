"""Text from outside (devices, suppliers, providers, people) made fit to be shown or logged.

Terminals, logs and messages about suppliers' files show such text through here. It stays on one
line and holds no control or formatting characters: a terminal would obey them, a log reader would
see a line that nobody wrote. Markup is neutralised where it is a language: by the template engine
on pages, by ``bms.cli.console.screen`` on terminals, by quotes in drafts of site files.
"""

from __future__ import annotations

from unicodedata import bidirectional, category
from urllib.parse import urlsplit

_TURNS = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})
"""Bidirectional classes of the characters that turn a text (Unicode Standard Annex 9)."""
MOST_SHOWN = 200
"""Characters [1] of an outside text that a message repeats."""


def printable(text: str) -> str:
    """Returns the text with unprintable characters escaped, on one line."""
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)


def printable_lines(text: str) -> str:
    """Returns the text with unprintable characters escaped, but for its line breaks."""
    return "\n".join(map(printable, text.split("\n")))


def obeyed(sign: str) -> bool:
    """Whether a reader of the text would act on the character and not show it: control characters
    but for tabs and line breaks, those that turn the direction of a text, other ends of lines, and
    halves of surrogate pairs."""
    if sign in "\t\r\n":
        return False
    return category(sign) in ("Cc", "Cs", "Zl", "Zp") or bidirectional(sign) in _TURNS


def without_orders(text: str) -> str:
    """Returns the text with the characters escaped that a reader would obey; spaces of all kinds
    and letters of all languages stay."""
    if text.isprintable():
        return text
    return "".join(ascii(sign)[1:-1] if obeyed(sign) else sign for sign in text)


def shown(text: object, most: int = MOST_SHOWN) -> str:
    """Returns what may be repeated of an outside value: printable, at most ``most`` characters."""
    whole = str(text[: most + 1]) if isinstance(text, str) else _cut_repr(text, most)
    clean = printable(whole)
    return clean if len(clean) <= most else f"{clean[: most - 1]}…"


def _cut_repr(value: object, most: int) -> str:
    """Returns the start of a value's form; of a container only how much it holds."""
    if isinstance(value, (int, float, bool, type(None))):
        return repr(value)[: most + 1]
    size = getattr(value, "__len__", None)
    return type(value).__name__ if size is None else f"{type(value).__name__} of {size()}"


def without_secrets(url: str) -> str:
    """Returns scheme, host and port of an address on the web, which may be shown and kept. Name,
    password, path and query may hold what opens a door, as those of many webhooks do."""
    try:
        parts = urlsplit(url)
        port = "" if parts.port is None else f":{parts.port}"
    except ValueError:
        return "an address that is none"
    host = parts.hostname or ""
    return printable(f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}")
