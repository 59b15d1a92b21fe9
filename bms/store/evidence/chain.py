"""The digests of a hash chain.

The content of a row is the JSON array of the fields that its kind declares, as they lie in their
columns (moments as microseconds after 1970-01-01T00:00Z, what is missing as null), without spaces
and in UTF-8. What stands apart is digested likewise, after the 16 random bytes of its salt where it
is personal: from the digest alone nobody can find out a name by trying, once the salt is gone.

The hash of an entry is the SHA-256 over chain, number, kind, row, content, what stands apart (empty
where nothing does) and the hash of the entry before it (empty in the first), each on a line of its
own; digests are 64 hexadecimal digits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pydantic_core import to_json

from bms.model.control.evidence import (
    FIRST,
    ChainHead,
    EvidenceEntry,
    EvidenceKind,
    Pruning,
    Removal,
)

Value = str | int | float | None
"""A field as it lies in its column."""

NO_ENTRY = ChainHead(number=0, hash=FIRST)


@dataclass(frozen=True, slots=True)
class Proven:
    """A row that an entry is about to prove. ``apart`` are the fields that may be removed, empty
    where there are none; ``salt`` is None where they are not personal."""

    kind: EvidenceKind
    row: str
    content: Sequence[Value]
    apart: Sequence[Value] = ()
    salt: bytes | None = None


def as_json(fields: Sequence[Value]) -> bytes:
    """The fields as a JSON array. Bytes, which no field has, are a list of their hexadecimal
    digits, which no field is either: no text has the same digest."""
    if bytes in map(type, fields):
        return to_json([[f.hex()] if isinstance(f, bytes) else f for f in fields])
    return to_json(fields)


def digest(fields: Sequence[Value], salt: bytes | None = None) -> str:
    """SHA-256 of the fields, after their salt where there is one."""
    return hashlib.sha256((salt or b"") + as_json(fields)).hexdigest()


def entry_hash(
    chain: str, number: int, kind: str, row: str, content: str, apart: str | None, previous: str
) -> str:
    """The hash of an entry."""
    lines = f"{chain}\n{number}\n{kind}\n{row}\n{content}\n{apart or ''}\n{previous}"
    return hashlib.sha256(lines.encode("utf-8", "surrogatepass")).hexdigest()


def appended(chain: str, head: ChainHead, rows: Iterable[Proven]) -> list[EvidenceEntry]:
    """The entries that prove ``rows`` after ``head``."""
    entries: list[EvidenceEntry] = []
    number, previous = head.number, head.hash
    for row in rows:
        number += 1
        content = digest(row.content)
        apart = digest(row.apart, row.salt) if row.apart else None
        found = entry_hash(chain, number, row.kind.value, row.row, content, apart, previous)
        entries.append(
            EvidenceEntry(
                chain=chain,
                number=number,
                kind=row.kind,
                row=row.row,
                content=content,
                apart=apart,
                previous=previous,
                hash=found,
            )
        )
        previous = found
    return entries


def removals_of(
    pruning: Pruning, gone: Sequence[tuple[int, str, str | None]], numbers: Sequence[int]
) -> tuple[Removal, ...]:
    """The checkpoints of what is gone: a number, content and part apart for each entry, in order.

    ``numbers`` are those of all entries of the kind: a checkpoint covers no other one than those
    that are gone.
    """
    places = {number: place for place, number in enumerate(numbers)}
    runs: list[list[tuple[int, str, str | None]]] = []
    for each in gone:
        if not runs or places[each[0]] != places[runs[-1][-1][0]] + 1:
            runs.append([])
        runs[-1].append(each)
    return tuple(
        Removal(
            site=pruning.site,
            kind=pruning.kind,
            part=pruning.part,
            first=run[0][0],
            last=run[-1][0],
            rows=len(run),
            digest=_digest_of_entries(run),
            actor=pruning.actor,
            at=pruning.at,
            reason=pruning.reason,
        )
        for run in runs
    )


def _digest_of_entries(entries: Iterable[tuple[int, str, str | None]]) -> str:
    """SHA-256 over numbers, contents and parts apart, a line each."""
    sha = hashlib.sha256()
    for number, content, apart in entries:
        sha.update(f"{number}\t{content}\t{apart or ''}\n".encode())
    return sha.hexdigest()
