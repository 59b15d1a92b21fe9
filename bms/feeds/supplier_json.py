"""JSON from suppliers: bytes → plain objects whose numbers are still text.

Numbers stay text until their unit is known, so that both spellings (``1.5`` and ``"1.5"``) take
the same way and lose no digit.
"""

from __future__ import annotations

import json

from bms.errors import FeedError
from bms.feeds.suppliers.text import text_of


def json_of(content: bytes, name: str) -> object:
    """The document of a JSON file, plain or gzipped. Raises ``FeedError`` when it is none."""
    text = text_of(content, name, wanted="JSON").strip()
    if text[:1] not in ("{", "["):
        raise FeedError(f"{name}: not JSON: it begins with {_shown(text[:20])}")
    try:
        return json.loads(text, parse_float=str, parse_int=str, parse_constant=str)
    except json.JSONDecodeError as error:
        if error.pos >= len(text) or error.msg.startswith("Unterminated"):
            raise FeedError(
                f"{name}:{error.lineno}: the JSON breaks off; it has not arrived whole, fetch it"
                " again"
            ) from error
        raise FeedError(
            f"{name}:{error.lineno}: not JSON: {error.msg} at character {error.colno}"
        ) from error
    except RecursionError as error:
        raise FeedError(f"{name}: not a supplier's JSON: it is nested too deeply") from error


def text_or_none(value: object) -> str | None:
    """A text or number as text; None for null, empty, true, false and whatever is no value."""
    return value.strip() or None if isinstance(value, str) else None


def items(value: object) -> list[object]:
    """The items of a list; none where it is no list."""
    return value if isinstance(value, list) else []


def keys(value: object) -> dict[str, object]:
    """The entries of an object; none where it is no object."""
    return value if isinstance(value, dict) else {}


def _shown(text: str) -> str:
    return ascii(text)
