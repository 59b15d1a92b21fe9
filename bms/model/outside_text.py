"""Text from outside (devices, suppliers, providers, people) made fit to be shown or logged.

Terminals, logs and messages about suppliers' files show such text through here. It stays on one
line and holds no control or formatting characters: a terminal would obey them, a log reader would
see a line that nobody wrote. Markup is neutralised where it is a language: by the template engine
on pages, by ``bms.cli.console.screen`` on terminals, by quotes in drafts of site files.
"""

from __future__ import annotations

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
