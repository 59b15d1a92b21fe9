"""Checking the evidence in SQL against the rows that it proves.

Whatever somebody has done to the database, all that is wrong is told: what cannot be read (a table
or column that is gone, a page that is damaged) is a flaw of its own and hides no other one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import NoneType
from typing import Any

from sqlalchemy import Connection, String, bindparam, literal, select, text
from sqlalchemy.exc import DBAPIError

from bms.model.control.evidence import (
    CITY,
    ChainFlaw,
    ChainHead,
    EvidenceKind,
    FlawReason,
    Verification,
)
from bms.model.fact import fact
from bms.model.outside_text import shown
from bms.ports.storage.evidence import Report, no_report
from bms.store.database.unreadable import broken_text_as_digits, is_broken_text, is_unreadable
from bms.store.evidence.check import (
    ENTRIES,
    HEADS,
    REMOVALS,
    ChainCheck,
    Checkpoints,
    Key,
    StandingEntry,
    StandingRow,
)
from bms.store.sql.chains.proofs import AT_ONCE, PROOFS, Proof

_ENTRIES = text(
    "SELECT number, kind, proves, content, apart, salt, hash FROM evidence"
    " WHERE chain = :chain ORDER BY number"
).execution_options(yield_per=AT_ONCE)
_HEADS = text("SELECT chain, number, hash FROM evidence_heads")
_SOME_HEADS = text(f"{_HEADS.text} WHERE chain IN :chains").bindparams(
    bindparam("chains", type_=String, expanding=True)
)
_LENGTHS = text("SELECT chain, count(*) FROM evidence GROUP BY chain")
_REMOVALS = text("SELECT kind, part, first, last FROM removals WHERE site = :site")


def verified(
    connection: Connection,
    chains: Collection[str] | None,
    known: Mapping[str, ChainHead],
    report: Report = no_report,
) -> Verification:
    """``EvidenceStore.verify`` in the transaction of ``connection``.

    Text that is none is looked for only where there is some: asking for it costs each text a call.
    """
    try:
        return _Reading(connection, known).verified(chains, report)
    except DBAPIError as error:
        if not is_broken_text(error):
            raise
    with broken_text_as_digits(connection):
        return _Reading(connection, known).verified(chains, report)


def heads(connection: Connection, chains: Collection[str] | None = None) -> dict[str, ChainHead]:
    """The ends of these chains, as they stand beside the entries; None: of all."""
    if chains is None:
        found = connection.execute(_HEADS)
    else:
        found = connection.execute(_SOME_HEADS, {"chains": list(chains)})
    return {
        _text(chain): ChainHead(number=_whole(number), hash=_text(hash_))
        for chain, number, hash_ in found
    }


def standing_rows(
    connection: Connection, site: str, proofs: Iterable[Proof]
) -> dict[Key, StandingRow]:
    """The rows of a site of these kinds, as they are now."""
    rows: dict[Key, StandingRow] = {}
    for proof in proofs:
        _add_standing(rows, connection, site, proof)
    return rows


def _add_standing(
    rows: dict[Key, StandingRow], connection: Connection, site: str, proof: Proof
) -> None:
    n, kind = len(proof.content), proof.kind.value
    for key, fields in proof.standing(connection, site):
        rows[kind, key] = StandingRow.of(fields[:n], fields[n:], personal=proof.personal)


def digest_text(value: Any) -> str:
    """A digest; whatever else stands in its place is none, and is shown as it is."""
    return value.hex() if isinstance(value, bytes) else repr(value)


@dataclass(slots=True)
class _Reading:
    """One pass over the chains: ``rows`` [1] and ``flaws`` so far, and the kinds of rows and tables
    of the chains that cannot be read."""

    connection: Connection
    known: Mapping[str, ChainHead]
    rows: int = 0
    flaws: list[ChainFlaw] = field(default_factory=list)
    unread: set[str] = field(default_factory=set)

    def verified(self, chains: Collection[str] | None, report: Report) -> Verification:
        known, holders, ends = self.known, self._holders(), self._heads()
        lengths = self._lengths()
        every = {*ends, *holders, *lengths, *known}
        names = sorted(every if chains is None else every & set(chains))
        total = sum(lengths.get(name, 0) for name in names) or 1
        entries = 0
        for name in names:
            check = self._chain(name, holders.get(name, ()), ends.get(name))
            entries += check.count
            self.flaws += check.flaws()
            report(min(1.0, entries / total))
        return Verification(
            chains=len(names), entries=entries, rows=self.rows, flaws=tuple(self.flaws)
        )

    def _chain(self, name: str, proofs: Iterable[Proof], head: ChainHead | None) -> ChainCheck:
        unread = set(self.unread)
        rows: dict[Key, StandingRow] = {}
        for proof in proofs:
            with self._spared(name, proof, unread):
                _add_standing(rows, self.connection, name, proof)
        self.rows += len(rows)
        removals: list[tuple[str, str, int, int]] = []
        if REMOVALS not in unread:
            with self._spared(name, REMOVALS, unread):
                removals = _removals(self.connection, name)
        known = self.known.get(name)
        check = ChainCheck(name, rows, Checkpoints(removals), head, known, unread=unread)
        if ENTRIES not in unread:
            with self._spared(name, ENTRIES, unread):
                check.entries(_standing(self.connection, name))
        return check

    def _holders(self) -> dict[str, list[Proof]]:
        """Which kinds of rows each site has."""
        found: dict[str, list[Proof]] = defaultdict(list)
        for proof in PROOFS:
            site = proof.raw.c.site if proof.by_site else literal(CITY)
            wanted = select(site, *proof.fields).select_from(proof.raw).limit(0)
            with self._spared(CITY, proof, self.unread):
                self.connection.execute(wanted)
                sites = self.connection.execute(select(site).select_from(proof.raw).distinct())
                for (name,) in sites:
                    found[_text(name)].append(proof)
        if EvidenceKind.REMOVAL.value in self.unread:
            self.unread.add(REMOVALS)
        return found

    def _heads(self) -> dict[str, ChainHead]:
        with self._spared(CITY, HEADS, self.unread):
            return heads(self.connection)
        return {}

    def _lengths(self) -> dict[str, int]:
        with self._spared(CITY, ENTRIES, self.unread):
            return {_text(row[0]): row[1] for row in self.connection.execute(_LENGTHS)}
        return {}

    @contextmanager
    def _spared(self, chain: str, what: Proof | str, unread: set[str]) -> Iterator[None]:
        """What cannot be read inside is a flaw, and added to ``unread``."""
        try:
            with self.connection.begin_nested():
                yield
        except DBAPIError as error:
            if not is_unreadable(error):
                raise
            kind = None if isinstance(what, str) else what.kind
            table = what if isinstance(what, str) else str(what.table.__tablename__)
            told = fact(FlawReason.UNREADABLE, table=table, why=shown(str(error.orig)))
            unread.add(table if kind is None else kind.value)
            self.flaws.append(ChainFlaw(chain=chain, number=None, kind=kind, row=None, what=told))


def _standing(connection: Connection, chain: str) -> Iterator[StandingEntry]:
    found = connection.execute(_ENTRIES, {"chain": chain})
    for portion in found.partitions(AT_ONCE):
        for fields in portion:
            number, kind, proves, content, apart, salt, hash_ = fields
            if tuple(map(type, fields)) in _AS_WRITTEN:
                apart = apart and apart.hex()
                yield StandingEntry(number, kind, proves, content.hex(), apart, salt, hash_.hex())
            else:
                yield _odd_entry(*fields)


_AS_WRITTEN = {
    (int, str, str, bytes, apart, salt, bytes)
    for apart, salt in ((bytes, bytes), (bytes, NoneType), (NoneType, NoneType))
}
"""The types of an entry's columns, but for what somebody has put in their place."""


def _odd_entry(
    number: Any, kind: Any, proves: Any, content: Any, apart: Any, salt: Any, hash_: Any
) -> StandingEntry:
    digests = digest_text(content), None if apart is None else digest_text(apart)
    if not (salt is None or isinstance(salt, bytes)):
        salt = _text(salt).encode()
    return StandingEntry(
        _whole(number), _text(kind), _text(proves), *digests, salt, digest_text(hash_)
    )


def _removals(connection: Connection, site: str) -> list[tuple[str, str, int, int]]:
    found = connection.execute(_REMOVALS, {"site": site})
    return [
        (_text(kind), _text(part), _whole(first), _whole(last)) for kind, part, first, last in found
    ]


def _text(value: Any) -> str:
    """A text. SQLite takes a value of any type in its place: that is shown as it is."""
    return value if isinstance(value, str) else repr(value)


def _whole(value: Any) -> int:
    """A whole number; 0, which no entry has, for whatever else stands in its place."""
    return value if isinstance(value, int) else 0
