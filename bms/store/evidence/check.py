"""Checking a chain against the rows that it proves.

Entries are looked at one by one, in their order. After an entry that was changed the check goes on
with either hash of it, the one that stands there and the one that it should have: so each change is
named once, at its place, and what follows is still proven.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Self

from bms.model.control.evidence import (
    FIRST,
    ChainFlaw,
    ChainHead,
    EvidenceKind,
    FlawReason,
    Part,
)
from bms.model.fact import Fact, fact
from bms.store.evidence.chain import NO_ENTRY, Value, as_json, digest, entry_hash

Key = tuple[str, str]
"""Kind and row."""
SHOWN = 4_000
"""Bytes of a row that are kept to be shown [1]."""
KINDS = {kind.value: kind for kind in EvidenceKind}
ENTRIES, HEADS, REMOVALS = "evidence", "evidence_heads", "removals"
"""The tables of the chains themselves."""


class StandingRow(NamedTuple):
    """A row as it is now.

    ``digest`` is that of the fields that stay, ``text`` shows them, ``apart`` are those that may
    have been removed; ``apart_digest`` takes their place where they are long and not personal.
    """

    digest: str
    text: bytes
    apart: Sequence[Value] = ()
    apart_digest: str | None = None

    @classmethod
    def of(cls, content: Sequence[Value], apart: Sequence[Value], *, personal: bool) -> Self:
        """A row of these fields."""
        text = as_json(content)
        sha = hashlib.sha256(text).hexdigest()
        if personal:
            return cls(sha, text[:SHOWN], apart)
        there = any(value is not None for value in apart)
        return cls(sha, text[:SHOWN], (), digest(apart) if there else None)

    @property
    def shown(self) -> str:
        """The fields that stay, as far as they are kept to be shown."""
        return self.text.decode("utf-8", "replace")


class StandingEntry(NamedTuple):
    """An entry as it is now, whatever stands in it; ``salt`` is that of what stands apart."""

    number: int
    kind: str
    row: str
    content: str
    apart: str | None
    salt: bytes | None
    hash: str


class Checkpoints:
    """Which entries of a chain prove what was removed."""

    def __init__(self, removals: Iterable[tuple[str, str, int, int]]) -> None:
        """Of each removal its kind and part, and the first and last entry."""
        ranges: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
        for kind, part, first, last in removals:
            ranges[kind, part].append((first, last))
        self._ranges = {key: _merged(found) for key, found in ranges.items()}

    def cover(self, entry: StandingEntry, part: Part) -> bool:
        """Whether ``part`` of what the entry proves was removed."""
        ranges = self._ranges.get((entry.kind, part.value), [])
        at = bisect_right(ranges, (entry.number, 2**63)) - 1
        return at >= 0 and ranges[at][1] >= entry.number


def _merged(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return merged


@dataclass(slots=True)
class ChainCheck:
    """One chain. Give it its ``entries`` in the order of their numbers, then ask for ``flaws``.

    ``rows`` are all rows of the chain's site by kind and key. ``head`` is the end of the chain as
    it stands beside the entries, ``known`` one that stands elsewhere, which may lie further back.
    ``unread`` are the kinds of rows, and the tables of the chain, that could not be read: each is a
    flaw of its own, which no row or end that is missing repeats. Without the table of removals,
    what retention has removed cannot be told from what somebody else has: all of it is named.
    """

    chain: str
    rows: dict[Key, StandingRow]
    removed: Checkpoints
    head: ChainHead | None
    known: ChainHead | None = None
    unread: Collection[str] = ()
    count: int = 0
    # The flaws so far; what the rows of some hold, by place; whose each content is, by digest.
    _flaws: list[ChainFlaw] = field(default_factory=list)
    _owners: dict[str, int] = field(default_factory=dict)
    _holds: dict[int, str] = field(default_factory=dict)
    _last: StandingEntry | None = None
    _previous: tuple[str, ...] = (FIRST,)
    _at_known: str | None = None

    def entries(self, entries: Iterable[StandingEntry]) -> None:
        """Look at the entries that follow."""
        following = 1 if self._last is None else self._last.number + 1
        known = NO_ENTRY.number if self.known is None else self.known.number
        for entry in entries:
            self.count += 1
            number = entry.number
            if number > following:
                self._gap(following, number - 1)
            elif number < following:
                self._misplaced(entry)
            self._entry(entry)
            self._row(entry)
            self._last = entry
            if number == known:
                self._at_known = entry.hash
            following = number + 1

    def flaws(self) -> tuple[ChainFlaw, ...]:
        """Everything that is not as it was written, once all entries were given."""
        if ENTRIES not in self.unread:
            self._end()
            self._added()
        return tuple(self._placed(i, flaw) for i, flaw in enumerate(self._flaws))

    def _added(self) -> None:
        """Rows that no entry proves."""
        for (kind, row), standing in self.rows.items():
            what = fact(FlawReason.ROW_ADDED, row=row)
            self._holds[len(self._flaws)] = standing.digest
            self._note(what, kind=KINDS.get(kind), row=row, found=standing.shown)

    def _gap(self, first: int, last: int) -> None:
        """Entries between two others are gone; what stands before the next one is not known."""
        what = fact(FlawReason.ENTRY_GONE, first=first, last=last, count=last - first + 1)
        self._note(what, number=first)
        self._previous = ()

    def _misplaced(self, entry: StandingEntry) -> None:
        """An entry whose number is none that may stand there."""
        self._note(fact(FlawReason.ENTRY_CHANGED, number=entry.number), number=entry.number)
        self._previous = ()

    def _entry(self, entry: StandingEntry) -> None:
        number, kind, row, content, apart, _, found = entry
        fits: list[str] = []
        for previous in self._previous:
            fits.append(entry_hash(self.chain, number, kind, row, content, apart, previous))
            if fits[-1] == found:
                break
        if not fits or fits[-1] == found:
            self._previous = (found,)
            return
        self._previous = (entry.hash, *fits)
        what = fact(FlawReason.ENTRY_CHANGED, number=entry.number)
        self._about(entry, what, found=entry.hash, expected=fits[0])

    def _row(self, entry: StandingEntry) -> None:
        row = self.rows.pop((entry.kind, entry.row), None)
        if row is None:
            if entry.kind not in self.unread and not self.removed.cover(entry, Part.ROW):
                self._owners[entry.content] = entry.number
                what = fact(FlawReason.ROW_GONE, number=entry.number, row=entry.row)
                self._about(entry, what, expected=entry.content)
            return
        if row.digest != entry.content:
            self._owners[entry.content] = entry.number
            self._holds[len(self._flaws)] = row.digest
            what = fact(FlawReason.ROW_CHANGED, number=entry.number, row=entry.row)
            self._about(entry, what, found=row.shown, expected=entry.content)
        if entry.apart is not None:
            self._apart(entry, entry.apart, row)
        elif any(value not in ("", None) for value in row.apart):
            what = fact(FlawReason.APART_CHANGED, number=entry.number, row=entry.row)
            self._about(entry, what, found=as_json(row.apart).decode(), expected="")

    def _apart(self, entry: StandingEntry, apart: str, row: StandingRow) -> None:
        found = row.apart_digest or digest(row.apart, entry.salt)
        unsalted = entry.salt is None and row.apart_digest is None
        if unsalted and all(value in ("", None) for value in row.apart):
            if not self.removed.cover(entry, Part.APART):
                what = fact(FlawReason.APART_GONE, number=entry.number, row=entry.row)
                self._about(entry, what, expected=apart)
        elif found != apart:
            what = fact(FlawReason.APART_CHANGED, number=entry.number, row=entry.row)
            shown = as_json(row.apart).decode() if row.apart else found
            self._about(entry, what, found=shown, expected=apart)

    def _end(self) -> None:
        ends = [head for head in (self.head, self.known) if head is not None]
        furthest = max(ends, key=lambda head: head.number, default=NO_ENTRY)
        end = NO_ENTRY
        if self._last is not None:
            end = ChainHead(number=self._last.number, hash=self._last.hash)
        last = end.number
        if furthest.number > last:
            what = fact(FlawReason.TAIL_CUT, known=furthest.number, last=last)
            self._note(what, number=last + 1, expected=furthest.hash)
        head = NO_ENTRY if self.head is None else self.head
        if HEADS not in self.unread and head != end and head.number <= last:
            found = head.hash
            what = fact(FlawReason.HEAD_CHANGED, last=last)
            self._note(what, number=last, found=found, expected=end.hash)
        known = self.known
        if known is not None and 0 < known.number <= last and self._at_known != known.hash:
            what = fact(FlawReason.HISTORY_REWRITTEN, number=known.number)
            self._note(what, number=known.number, found=self._at_known, expected=known.hash)

    def _about(
        self, entry: StandingEntry, what: Fact, *, expected: str, found: str | None = None
    ) -> None:
        self._note(
            what,
            number=entry.number,
            kind=KINDS.get(entry.kind),
            row=entry.row,
            found=found,
            expected=expected,
        )

    def _note(
        self,
        what: Fact,
        *,
        number: int | None = None,
        kind: EvidenceKind | None = None,
        row: str | None = None,
        found: str | None = None,
        expected: str | None = None,
    ) -> None:
        self._flaws.append(
            ChainFlaw(
                chain=self.chain,
                number=number,
                kind=kind,
                row=row,
                what=what,
                found=found,
                expected=expected,
            )
        )

    def _placed(self, index: int, flaw: ChainFlaw) -> ChainFlaw:
        """A row that holds what another entry proves was exchanged with that one or moved."""
        owner = self._owners.get(self._holds.get(index, ""))
        if owner is None or flaw.row is None:
            return flaw
        return replace(flaw, what=fact(FlawReason.ROW_ELSEWHERE, row=flaw.row, number=owner))
