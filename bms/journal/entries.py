"""The lines of the release journal, and the open leases that a sequence of them leaves: pure.

- ``head``: the first line. ``generation`` names the file, ``after`` the files that it replaces,
  newest first; ``repaired`` says that its writer found the file before it gone or foreign, so that
  it may know less than a reader does.
- ``intend``: a command with its point and device, whole. A renewed lease is a new intent. ``n``
  rises with every intent, whatever the clock does.
- ``settle``: the point is back at its own control. It closes the point only while the command that
  it names is the newest one of that point.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from bms.model.codec import from_json, json_schema, to_dict
from bms.model.control.command import Lease

VERSION = 3
ANCESTORS = 20
"""Generations that a head names [1]; a reader that slept for longer merges."""
REMEMBERED = 20_000
"""Ended commands that are remembered [1], so that an old copy of the file revives none of them."""


@cache
def dialect() -> str:
    """A fingerprint of the leases that this version of the code can read.

    Another version may skip a lease as unreadable, one of a role that it does not know, say.
    """

    def shape(node: Any) -> Any:
        if isinstance(node, dict):
            return {k: shape(v) for k, v in node.items() if k not in ("title", "description")}
        return [shape(item) for item in node] if isinstance(node, list) else node

    text = json.dumps(shape(json_schema(Lease)), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Head:
    """The first line of a journal."""

    generation: str
    after: tuple[str, ...] = ()
    repaired: bool = False

    @classmethod
    def new(cls, after: tuple[str, ...] = (), *, repaired: bool = False) -> Head:
        """A head of a new generation."""
        return cls(uuid.uuid4().hex, after[:ANCESTORS], repaired)

    @classmethod
    def parse(cls, line: bytes) -> Head:
        """Returns the head that a line holds. Raises ValueError or KeyError where it holds none."""
        entry = json.loads(line)
        if not isinstance(entry, dict) or entry.get("op") != "head":
            raise ValueError("the first line is no head")
        if entry["version"] > VERSION:
            raise ValueError(f"version {entry['version']} is newer than {VERSION}")
        return cls(
            str(entry["generation"]), tuple(entry.get("after", ())), bool(entry.get("repaired"))
        )

    def line(self) -> bytes:
        return line_of(
            {
                "op": "head",
                "version": VERSION,
                "generation": self.generation,
                "after": list(self.after),
                "repaired": self.repaired,
            }
        )


class OpenLeases:
    """The open leases by point, and the commands that have ended.

    An intent with a lower number than the one that is known of its point, or whose command has
    ended, changes nothing: so the lines of a file may be taken again, and from an old copy.
    """

    def __init__(self) -> None:
        self._open: dict[str, tuple[int, Lease]] = {}
        self._ended: OrderedDict[str, None] = OrderedDict()
        self.last = 0
        """The highest number that was seen [1]."""

    def intend(self, lease: Lease, number: int) -> None:
        self.last = max(self.last, number)
        known, _ = self._open.get(lease.point.id, (0, lease))
        if number >= known and lease.command_id not in self._ended:
            self._open[lease.point.id] = (number, lease)

    def settle(self, point: str, command_id: str) -> None:
        self._ended[command_id] = None
        if len(self._ended) > REMEMBERED:
            self._ended.popitem(last=False)
        held = self._open.get(point)
        if held is not None and held[1].command_id == command_id:
            del self._open[point]

    def leases(self) -> dict[str, Lease]:
        return {point: lease for point, (_, lease) in self._open.items()}

    def commands(self) -> dict[str, str]:
        """The id of the open command by point."""
        return {point: lease.command_id for point, (_, lease) in self._open.items()}

    def lines(self) -> list[bytes]:
        """The lines that say the same in a new file."""
        return [intent_line(lease, number) for number, lease in self._open.values()]

    def without_open(self) -> OpenLeases:
        """What has ended and the last number, but no lease."""
        other = OpenLeases()
        other._ended, other.last = self._ended, self.last
        return other

    def take(self, line: bytes) -> None:
        """Take one line. Raises ValueError, KeyError or TypeError when it is not an entry."""
        entry = json.loads(line)
        if not isinstance(entry, dict):
            raise ValueError("not an object")
        match entry.get("op"):
            case "intend":
                self.intend(_lease(entry["lease"]), int(entry["n"]))
            case "settle":
                self.settle(str(entry["point"]), str(entry["command"]))
            case other:
                raise ValueError(f"unknown entry {other!r}")


def _lease(written: dict[str, Any]) -> Lease:
    """The lease of an entry. One of version 2 does not say its running time: it belongs to no boot
    that we know, so it has ended."""
    return from_json(Lease, json.dumps({"issued": _NEVER, **written}))


_NEVER = {"boot": "", "seconds": 0.0}


def line_of(entry: Mapping[str, Any]) -> bytes:
    return json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def intent_line(lease: Lease, number: int) -> bytes:
    return line_of({"op": "intend", "n": number, "lease": to_dict(lease)})


def settle_line(point: str, command_id: str) -> bytes:
    return line_of({"op": "settle", "point": point, "command": command_id})
