"""The lines of the release journal, and the book of what is ours that they leave: pure.

- ``head``: the first line. ``generation`` names the file, ``after`` the files that it replaces,
  newest first; ``repaired`` says that its writer found the file before it gone or foreign, so that
  it may know less than a reader does.
- ``intend``: a command with its point and device, whole. A renewed lease is a new intent. ``n``
  rises with every intent, whatever the clock does.
- ``settle``: the point is back at its own control. It closes the point only while the command that
  it names is the newest one of that point, and while its write cannot be on the way any more;
  otherwise the lease is withdrawn, and the point has to be given back once more (W11), which is
  settled with ``again``.
- ``arrived``: the write of a command has arrived or was lost; nobody can send it any more.
- ``seen``: what the read-back of a command showed. ``giving_back``: the point is about to be given
  back.
- ``override``: somebody at the building holds a point; a newer one of that point replaces it.
  ``over``: it is over.
- ``offered``: the guards of another home may give the point back at that time.
- ``let_go``: a device was found to have let a point of ours go.
- ``unrecorded``: a receipt that the database does not have yet; ``recorded``: it has it by now.
- ``ended``: what its writer knows to be over, by id and, for whoever has missed the last command of
  a point, by the number up to which everything there is; and which commands somebody of us has
  begun to give back. It stands in a file that was put back, as others may know them as open.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum, auto
from functools import cache
from typing import Any

from bms.model.codec import from_json, json_schema, to_dict, to_json
from bms.model.control.lease import Lease
from bms.model.control.local_override import (
    GivingBack,
    LetGo,
    LocalOverride,
    LocalOverrideEnd,
    Note,
    OfferedLease,
    ReadBack,
)
from bms.model.control.unrecorded import ReceiptRecorded, UnrecordedReceipt

VERSION = 7
RENEWALS = 8
"""Commands [1] of one point by which another process may be behind."""
ANCESTORS = 20
"""Generations that a head names [1]; a reader that slept for longer merges."""
REMEMBERED = 20_000
"""Ended commands that are remembered [1], so that an old copy of the file revives none of them."""


@cache
def dialect() -> str:
    """A fingerprint of the leases and notes that this version of the code can read.

    Another version may skip a lease as unreadable, one of a role that it does not know, say.
    """

    def shape(node: Any) -> Any:
        if isinstance(node, dict):
            return {k: shape(v) for k, v in node.items() if k not in ("title", "description")}
        return [shape(item) for item in node] if isinstance(node, list) else node

    kinds = (Lease, *_NOTES.values())
    text = json.dumps([shape(json_schema(kind)) for kind in kinds], sort_keys=True)
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
        entry = object_of(line)
        if entry.get("op") != "head":
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


class Settling(Enum):
    """What settling a command means: its lease ends; a withdrawn one ends for good; or nothing, for
    a withdrawn one whose write is still on the way. So a line that is read twice says the same."""

    FIRST = auto()
    AGAIN = auto()
    NOTHING = auto()


class Book:
    """The open leases and the local overrides by point, and the ids of those that have ended.

    An intent with a lower number than the one that is known of its point, or whose command has
    ended, changes nothing: so the lines of a file may be taken again, and from an old copy.
    """

    def __init__(self) -> None:
        self._open: dict[str, tuple[int, Lease]] = {}
        self._replaced: dict[str, dict[str, tuple[int, Lease]]] = {}
        """By point and command: what a newer command has replaced while it was on the way."""
        self._points: dict[str, set[str]] = defaultdict(set)
        """By site: the points that were ever leased."""
        self._overrides: dict[str, tuple[int, LocalOverride]] = {}
        self._let_go: dict[str, datetime] = {}
        self._offered: dict[str, OfferedLease] = {}
        """By point when the guards of another home may give it back."""
        self._unrecorded: OrderedDict[str, tuple[int, UnrecordedReceipt]] = OrderedDict()
        self._ended: OrderedDict[str, None] = OrderedDict()
        self._returned: OrderedDict[str, None] = OrderedDict()
        """The commands that somebody of us has begun to give back."""
        self._given_back: dict[str, int] = {}
        """By point the number of the last note that one of us has begun to give it back."""
        self._before: dict[str, deque[str]] = {}
        """By point the commands that the open one has renewed, or that were the last there."""
        self._closed: dict[str, int] = {}
        """By point the highest number of those that have ended: what it replaced has ended, too."""
        self.last = 0
        """The highest number that was seen [1]."""

    def intend(self, lease: Lease, number: int) -> None:
        self.last = max(self.last, number)
        point = lease.point.id
        known, held = self._open.get(point, (0, lease))
        over = number <= self._closed.get(point, 0) and not lease.withdrawn
        if over or number < known or _key(lease) in self._ended:
            return
        again = known > 0 and held.command_id == lease.command_id
        if again:
            lease = _further(held, lease)  # taken again
        elif known:
            self._replace(point, held)
            if held.writer is not None:
                self._replaced.setdefault(point, {})[held.command_id] = (known, held)
        if number <= self._given_back.get(point, 0) and not again:
            lease = replace(lease, returning=True)  # whoever gave it back had not heard of this
            _remember(self._returned, lease.command_id)
        self._open[point] = (number, lease)
        self._points[lease.point.site].add(point)
        self._explain(point)

    def _replace(self, point: str, held: Lease) -> None:
        self._before.setdefault(point, deque(maxlen=RENEWALS)).append(held.command_id)

    def outdated(self, leases: Iterable[Lease]) -> list[str]:
        """The points of leases whose token is older than that of the open lease there: another
        process has become the owner of the site since (W2)."""
        return [
            lease.point.id
            for lease in leases
            if lease.token is not None
            and ((self._open.get(lease.point.id, (0, lease))[1].token or 0) > lease.token)
        ]

    def over(self, leases: Iterable[Lease]) -> frozenset[str]:
        """The points of leases that renew, without a write, what is over or is being given back."""
        return frozenset(
            lease.point.id
            for lease in leases
            if lease.renews is not None and not self._is_whole(lease.point.id, lease.renews)
        )

    def _is_whole(self, point: str, command_id: str) -> bool:
        _, held = self._open.get(point, (0, None))
        if held is None or held.command_id != command_id:
            return False
        return not held.returning and not held.withdrawn

    def arrived(self, point: str, command_id: str) -> None:
        """Nobody can send the write of this command any more."""
        self._replaced.get(point, {}).pop(command_id, None)
        held = self._open.get(point)
        if held is not None and held[1].command_id == command_id:
            self._open[point] = (held[0], replace(held[1], writer=None))

    def note(self, note: Note, number: int) -> None:
        """Take a note; ``number`` orders those of one local override."""
        self.last = max(self.last, number)
        match note:
            case LocalOverride():
                self._hold(note, number)
            case LocalOverrideEnd(point=point, id=id_):
                self._end(id_)
                held = self._overrides.get(point)
                if held is not None and held[1].id == id_:
                    del self._overrides[point]
            case ReadBack(point=point, command_id=command_id, value=value):
                self._change(point, command_id, lambda lease: lease.seen(value))
            case GivingBack(point=point, command_id=command_id):
                self._give_back(point, command_id, number)
            case LetGo(point=point, at=at):
                self._let_go[point] = max(at, self._let_go.get(point, at))
            case OfferedLease():
                self._offer(note)
            case UnrecordedReceipt():
                self._await_record(note, number)
            case ReceiptRecorded(id=id_):
                self._unrecorded.pop(id_, None)
                self._end(id_)
        self._explain(note.point)

    def _offer(self, note: OfferedLease) -> None:
        known = self._offered.get(note.point, note)
        self._offered[note.point] = max(note, known, key=lambda each: each.until)

    def _await_record(self, note: UnrecordedReceipt, number: int) -> None:
        if note.id in self._ended:
            return
        self._unrecorded[note.id] = (number, note)
        if len(self._unrecorded) > REMEMBERED:
            self._unrecorded.popitem(last=False)

    def _hold(self, override: LocalOverride, number: int) -> None:
        """Of two local overrides of a point the newer one stands, and the other has ended."""
        point = override.point
        known, held = self._overrides.get(point, (0, override))
        if override.id in self._ended:
            return
        if number >= known:
            self._overrides[point] = (number, override)
        if held.id != override.id:
            self._end(held.id if number >= known else override.id)

    def _change(self, point: str, command_id: str, change: Callable[[Lease], Lease]) -> None:
        held = self._open.get(point)
        if held is not None and held[1].command_id == command_id:
            self._open[point] = (held[0], change(held[1]))

    def _give_back(self, point: str, command_id: str, number: int) -> None:
        """Somebody of us has begun to give the point back: this command, what it has renewed, and
        where whoever does has missed a renewal, the one that is open."""
        self._given_back[point] = max(number, self._given_back.get(point, 0))
        earlier, (_, held) = self._before.get(point, ()), self._open.get(point, (0, None))
        given = {*earlier, command_id}
        if held is not None and command_id in (*earlier, held.command_id):
            self._change(point, held.command_id, lambda lease: replace(lease, returning=True))
            given.add(held.command_id)
        for id_ in sorted(given):
            _remember(self._returned, id_)

    def _explain(self, point: str) -> None:
        """What one of us has found and not known for ours is no hand (W9).

        Where somebody of us had begun to give a command back it was us who emptied its place: the
        next look that finds the place free ends the override. A value of the open command, found by
        whoever had not heard of that, is nobody's word and stands no longer.
        """
        number, override = self._overrides.get(point, (0, None))
        if override is None:
            return
        if override.found is None and (
            override.command in self._returned or self._is_emptied_elsewhere(override)
        ):
            self._overrides[point] = (number, replace(override, visible=True))
        elif self._is_open_value(override):
            del self._overrides[point]
            self._end(override.id)

    def _is_emptied_elsewhere(self, override: LocalOverride) -> bool:
        """Whether the guards of another home may have given the point back, to which its lease was
        offered in vain (W2)."""
        offered = self._offered.get(override.point)
        return offered is not None and offered.is_near(override.since)

    def _is_open_value(self, override: LocalOverride) -> bool:
        """Whether what was found is the value of a command that was not known where it was found.
        Nothing is announced at a point that people hold, so it is no later one."""
        _, lease = self._open.get(override.point, (0, None))
        if lease is None or override.command == lease.command_id or override.above:
            return False
        rule, found = lease.point.write, override.found
        return rule is not None and found is not None and lease.wrote(found, rule)

    def _end(self, id_: str) -> None:
        _remember(self._ended, id_)

    def _close(self, point: str, number: int) -> None:
        """Nothing is open at the point any more, up to that number."""
        self._closed[point] = max(number, self._closed.get(point, 0))
        _, held = self._open.pop(point, (0, None))
        if held is not None:
            self._replace(point, held)

    def end(self, ended: Sequence[str], returned: Iterable[str], closed: Mapping[str, int]) -> None:
        """Take what another process knows to be over, and which commands somebody of us has begun
        to give back."""
        for id_ in returned:
            _remember(self._returned, id_)
        for id_ in ended:
            self._end(id_)
        over = frozenset(ended)
        for point, number in closed.items():
            self._closed[point] = max(number, self._closed.get(point, 0))
        for point, (number, held) in list(self._open.items()):
            missed = number <= closed.get(point, 0) and not held.withdrawn
            if missed or _key(held) in over:
                self._close(point, number)
        for id_ in over:
            self._unrecorded.pop(id_, None)
        for point, (_, override) in list(self._overrides.items()):
            if override.id in over:
                del self._overrides[point]
            else:
                self._explain(point)

    def settling(self, point: str, command_id: str) -> Settling:
        """What settling this command now means."""
        _, held = self._open.get(point, (0, None))
        if held is None or held.command_id != command_id or not held.withdrawn:
            return Settling.FIRST
        return Settling.AGAIN if held.writer is None else Settling.NOTHING

    def settle(self, point: str, command_id: str, meaning: Settling) -> None:
        """Close the point, or withdraw its lease while the write may be on the way."""
        if meaning is Settling.FIRST:
            self._end(command_id)
        number, held = self._open.get(point, (0, None))
        mine = held is not None and held.command_id == command_id
        if held is None or not mine or held.withdrawn is not (meaning is Settling.AGAIN):
            return
        if held.writer is not None:
            self._open[point] = (number, replace(held, withdrawn=True))
            return
        self._end(_key(held))
        self._close(point, number)
        others = self._replaced.get(point)
        if others:
            number, held = others.pop(max(others, key=lambda id_: others[id_][0]))
            self._open[point] = (number, replace(held, withdrawn=True))

    def under_way(self) -> list[Lease]:
        """The leases whose write may still be sent, open ones and those that were replaced."""
        replaced = (lease for held in self._replaced.values() for _, lease in held.values())
        still_open = (lease for _, lease in self._open.values() if lease.writer is not None)
        return [*replaced, *still_open]

    def leases_of(self, site: str) -> dict[str, Lease]:
        points = self._points.get(site, ())
        return {point: self._open[point][1] for point in points if point in self._open}

    def leases(self) -> dict[str, Lease]:
        return {point: lease for point, (_, lease) in self._open.items()}

    def local_overrides(self) -> dict[str, LocalOverride]:
        return {point: override for point, (_, override) in self._overrides.items()}

    def unrecorded(self) -> list[UnrecordedReceipt]:
        """Receipts that the database does not have yet, in the order in which they were noted."""
        return [note for _, note in self._unrecorded.values()]

    def let_go(self) -> dict[str, datetime]:
        """When each point was last found to have been let go by its device."""
        return dict(self._let_go)

    def offered(self) -> dict[str, OfferedLease]:
        """The points that the guards of another home may give back, and when."""
        return dict(self._offered)

    def open_ids(self) -> set[str]:
        """The ids of the open commands, local overrides and receipts that the database lacks."""
        leases = {lease.command_id for _, lease in self._open.values()}
        overrides = {override.id for _, override in self._overrides.values()}
        return leases | overrides | self._unrecorded.keys()

    def lines(self) -> list[bytes]:
        """The lines that say the same in a new file."""
        replaced = [each for held in self._replaced.values() for each in held.values()]
        leases = [
            intent_line(lease, number)
            for number, lease in sorted([*replaced, *self._open.values()], key=lambda each: each[0])
        ]
        overrides = [note_line(each, number) for number, each in self._overrides.values()]
        receipts = [note_line(each, number) for number, each in self._unrecorded.values()]
        notes: list[Note] = [
            *(LetGo(*each) for each in self._let_go.items()),
            *self._offered.values(),
        ]
        return [*leases, *overrides, *receipts, *(note_line(each, 0) for each in notes)]

    def ended_line(self) -> bytes:
        """What is over, for those who know it as open: a file that was put back says it."""
        ids, returned = [*self._ended], [*self._returned]
        return line_of({"op": "ended", "ids": ids, "returned": returned, "closed": self._closed})

    def without_open(self) -> Book:
        """What has ended and the last number, but neither leases, local overrides nor receipts."""
        other = Book()
        other._ended, other._closed, other.last = self._ended, self._closed, self.last
        other._returned, other._before = self._returned, self._before
        other._given_back = self._given_back
        return other

    def take(self, line: bytes) -> None:
        """Take one line. Raises ValueError, KeyError or TypeError when it is not an entry."""
        entry_of(line)(self)


def entry_of(line: bytes) -> Callable[[Book], None]:
    """What a line does to a book. Raises ValueError, KeyError or TypeError when it is not an
    entry."""
    entry = object_of(line)
    match entry.get("op"):
        case "intend":
            lease, intended = _lease(entry["lease"]), int(entry["n"])
            return lambda book: book.intend(lease, intended)
        case "settle":
            point, command = str(entry["point"]), str(entry["command"])
            meaning = Settling.AGAIN if entry.get("again") else Settling.FIRST
            return lambda book: book.settle(point, command, meaning)
        case "arrived":
            point, command = str(entry["point"]), str(entry["command"])
            return lambda book: book.arrived(point, command)
        case "ended":
            ended, returned = list(map(str, entry["ids"])), list(map(str, entry["returned"]))
            closed = {str(point): int(number) for point, number in entry["closed"].items()}
            return lambda book: book.end(ended, returned, closed)
        case str(op) if op in _NOTES:
            note = from_json(_NOTES[op], json.dumps(entry["note"]))
            number = int(entry.get("n", 0))
            return lambda book: book.note(note, number)
        case other:
            raise ValueError(f"unknown entry {other!r}")


_NOTES: Mapping[str, type[Note]] = {
    "override": LocalOverride,
    "over": LocalOverrideEnd,
    "seen": ReadBack,
    "giving_back": GivingBack,
    "offered": OfferedLease,
    "let_go": LetGo,
    "unrecorded": UnrecordedReceipt,
    "recorded": ReceiptRecorded,
}
_OPS = {kind: op for op, kind in _NOTES.items()}


def _remember(ids: OrderedDict[str, None], id_: str) -> None:
    ids[id_] = None
    if len(ids) > REMEMBERED:
        ids.popitem(last=False)


def _further(known: Lease, said: Lease) -> Lease:
    """What has become of one command, by what is known of it and by what a line says: an old copy
    says less, and another process that has put the file back may say more."""
    seen = said.read_back if known.read_back is None else known.read_back
    return replace(
        known,
        read_back=seen,
        earlier=known.earlier if seen is None else (),
        writer=None if said.writer is None else known.writer,
        withdrawn=known.withdrawn or said.withdrawn,
        returning=known.returning or said.returning,
    )


def _key(lease: Lease) -> str:
    """What is remembered when a lease has ended; a withdrawn one ends a second time."""
    return f"{lease.command_id} withdrawn" if lease.withdrawn else lease.command_id


def _lease(written: dict[str, Any]) -> Lease:
    """The lease of an entry. One of version 2 does not say its running time: it belongs to no boot
    that we know, so it has ended."""
    return from_json(Lease, json.dumps({"issued": _NEVER, **written}))


_NEVER = {"boot": "", "seconds": 0.0}


def object_of(line: bytes) -> dict[str, Any]:
    """The JSON object that a line holds. Raises ValueError where it holds none."""
    try:
        entry = json.loads(line)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(entry, dict):
        raise ValueError("not an object")
    return entry


def line_of(entry: Mapping[str, Any]) -> bytes:
    return json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def intent_line(lease: Lease, number: int) -> bytes:
    return f'{{"op":"intend","n":{number},"lease":{to_json(lease)}}}\n'.encode()


def settle_line(point: str, command_id: str, meaning: Settling = Settling.FIRST) -> bytes:
    again = {"again": True} if meaning is Settling.AGAIN else {}
    return line_of({"op": "settle", "point": point, "command": command_id, **again})


def arrived_line(point: str, command_id: str) -> bytes:
    return line_of({"op": "arrived", "point": point, "command": command_id})


def note_line(note: Note, number: int) -> bytes:
    return line_of({"op": _OPS[type(note)], "n": number, "note": to_dict(note)})
