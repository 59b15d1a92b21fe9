"""Values and moments in the payload of a message. Pure.

Paths are names with dots, and places in lists: ``object.temperature``, ``cells[0].v``. A name with
dots of its own is found where it stands whole.
"""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

MOST_OCTETS = 65_536
"""Longer payloads are not looked at [B]."""
AHEAD = timedelta(minutes=5)
"""How far a clock of a sensor may be ahead."""
_FIRST = datetime(2000, 1, 1, tzinfo=UTC)
_MILLISECONDS_FROM = 1e11
_KEPT = 4
_PLACE = re.compile(r"\[(\d{1,4})\]")
_WORDS = {
    "on": 1.0, "true": 1.0, "open": 1.0, "yes": 1.0,
    "off": 0.0, "false": 0.0, "closed": 0.0, "no": 0.0,
}  # fmt: skip


class JunkPayload(ValueError):
    """The payload is nothing that a value can be read from; the text says why."""


def decoded_payload(payload: bytes) -> Any:
    """The content of a payload: JSON, or its text where it is none.

    Raises ``JunkPayload`` where it is longer than ``MOST_OCTETS``, no text, or nested too deeply.
    """
    if len(payload) > MOST_OCTETS:
        raise JunkPayload(f"{len(payload)} octets")
    return _decoded(payload)


@lru_cache(maxsize=_KEPT)
def _decoded(payload: bytes) -> Any:
    """What all points of a topic ask for; nobody changes it."""
    try:
        text = payload.decode("utf-8-sig")  # some publishers put a byte order mark before it
    except UnicodeDecodeError:
        raise JunkPayload("no text") from None
    try:
        return json.loads(text)
    except RecursionError:
        raise JunkPayload("nested too deeply") from None
    except ValueError:
        return text.strip()


def at_path(content: Any, path: str) -> Any:
    """What stands at a path; None where there is nothing. An empty path is the content itself."""
    if not path:
        return content
    if isinstance(content, dict) and path in content:
        return content[path]
    for name in path.removeprefix("$.").split("."):
        key = _PLACE.sub("", name)
        if key:
            content = content.get(key) if isinstance(content, dict) else None
        for place in _PLACE.findall(name):
            fits = isinstance(content, list) and int(place) < len(content)
            content = content[int(place)] if fits else None
    return content


def number(content: Any) -> float:
    """A number, a truth value, or a word for one (``ON``). Raises ``JunkPayload`` for all else."""
    if isinstance(content, str):
        word = content.strip().lower()
        if word in _WORDS:
            return _WORDS[word]
        content = _number_in(word)
    if isinstance(content, (bool, int, float)):
        try:
            found = float(content)
        except OverflowError:
            raise JunkPayload("a number beyond all sense") from None
        if math.isfinite(found):
            return found
    raise JunkPayload(f"{str(content)[:40]!r} is no number")


def _number_in(word: str) -> float | str:
    try:  # Python takes 1_000 and digits of other scripts for numbers; no sensor does
        return float(word) if len(word) < 64 and word.isascii() and "_" not in word else word
    except ValueError:
        return word


def moment(content: Any, now: datetime) -> datetime | None:
    """A moment as ISO 8601 with its offset, or seconds or milliseconds since 1970 [UTC].

    None where it is nothing of the kind, before 2000, or more than five minutes after ``now``.
    """
    try:
        if isinstance(content, str) and not content.replace(".", "", 1).isdecimal():
            found = datetime.fromisoformat(content.strip())
            if found.tzinfo is None:
                return None
        else:
            since = float(content)
            found = datetime.fromtimestamp(
                since / 1e3 if since > _MILLISECONDS_FROM else since, UTC
            )
        found = found.astimezone(UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None
    return found if _FIRST <= found <= now + AHEAD else None
