"""What the evidence proves in SQL, and the one door by which it is added.

A new kind joins with one line in ``PROOFS``; whoever adds such a row in a transaction of the store
leaves its entry there as well, and cannot forget to.
"""

from __future__ import annotations

import secrets
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import chain as joined
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    TableClause,
    column,
    event,
    func,
    insert,
    inspect,
    table,
    text,
)
from sqlalchemy import select as sql_select
from sqlalchemy.orm import Session as AnySession
from sqlmodel import Session, SQLModel, col, select

from bms.errors import StoreError
from bms.model.control.evidence import CITY, ChainHead, EvidenceEntry, EvidenceKind
from bms.model.epoch import to_micros
from bms.store.database import tables
from bms.store.database.tables import PackedText, StoredEvidence, StoredHead
from bms.store.evidence.chain import NO_ENTRY, Proven, Value, appended

SALT_BYTES = 16
AT_ONCE = 5_000
"""Rows that are fetched in one go [1]."""


@dataclass(frozen=True, slots=True)
class Proof:
    """How rows of a table are proven: ``content`` stays for good, ``apart`` may be removed.

    ``when`` is a column that is null until there is something to prove. What stands apart is
    personal, and digested with a salt, unless it is the problem of a plan. ``by_site`` is False
    where rows belong to the city.
    """

    kind: EvidenceKind
    table: type[SQLModel]
    content: tuple[str, ...]
    apart: tuple[str, ...] = ()
    key: str = "seq"
    when: str | None = None
    personal: bool = True
    by_site: bool = True
    time: str | None = None
    """Column of the moment by which rows or parts grow too old to be kept."""
    else_time: str | None = None
    """The column that stands in for an empty ``time``."""

    def due(self, row: SQLModel, *, new: bool) -> bool:
        """Whether there is something to prove now."""
        if self.when is None:
            return new
        changed: bool = inspect(row).attrs[self.when].history.has_changes()
        return changed and getattr(row, self.when) is not None

    def of(self, row: SQLModel) -> tuple[str, Proven]:
        """The chain and the proof of a row that was written just now."""
        apart = [_plain(getattr(row, name)) for name in self.apart]
        if all(value is None for value in apart):
            apart = []
        proven = Proven(
            kind=self.kind,
            row=str(getattr(row, self.key)),
            content=[_plain(getattr(row, name)) for name in self.content],
            apart=apart,
            salt=secrets.token_bytes(SALT_BYTES) if apart and self.personal else None,
        )
        return (str(row.site) if self.by_site else CITY), proven  # type: ignore[attr-defined]

    def standing(self, connection: Connection, site: str) -> Iterator[tuple[str, Sequence[Value]]]:
        """Key and fields (``content``, then ``apart``) of every row, as they lie in the columns."""
        names = (*self.content, *self.apart)
        packed = [isinstance(self._columns[name].type, PackedText) for name in names]
        long = any(packed)
        found = connection.execute(sql_select(*self.fields).where(*self.of_site(site)))
        for portion in found.partitions(AT_ONCE):
            for row in portion:
                values: Sequence[Value] = row[1:]
                if long:
                    values = [_unpacked(v) if p else v for v, p in zip(values, packed, strict=True)]
                yield str(row[0]), values

    @property
    def fields(self) -> list[ColumnElement[Any]]:
        """Key and fields (``content``, then ``apart``), as they lie in the columns."""
        return [self.raw.c[name] for name in (self.key, *self.content, *self.apart)]

    @property
    def raw(self) -> TableClause:
        """The table, with its columns as they lie in the database."""
        return _raw(self.table)

    @property
    def moment(self) -> ColumnElement[int]:
        """The moment by which rows or parts grow too old [us]; null for those that do not."""
        assert self.time is not None
        columns = [self.raw.c[name] for name in (self.time, self.else_time) if name]
        return func.coalesce(*columns) if self.else_time else columns[0]

    def of_site(self, site: str) -> Iterator[ColumnElement[bool]]:
        """Which rows of the site there is something to prove of."""
        if self.when is not None:
            yield self.raw.c[self.when].is_not(None)
        if self.by_site:
            yield self.raw.c.site == site

    @property
    def _columns(self) -> Any:
        return self.table.__table__.columns  # type: ignore[attr-defined]


@cache
def _raw(kind: type[SQLModel]) -> TableClause:
    columns = kind.__table__.columns  # type: ignore[attr-defined]
    return table(str(kind.__tablename__), *(column(each.name) for each in columns))


def _plain(value: Any) -> Value:
    """A field as it lies in its column; long texts as they were before they were packed."""
    plain: Value = to_micros(value) if isinstance(value, datetime) else value
    return plain


def _unpacked(value: Value | bytes) -> Value:
    """A long text; where its bytes are no longer those of one, what is left of them."""
    if not isinstance(value, bytes):
        return value
    try:
        return zlib.decompress(value).decode()
    except (zlib.error, UnicodeDecodeError):
        return f"broken: {value.hex()}"


_WHO = ("actor", "reason")
_OF_OVERRIDE = ("id", "site", "point", "since", "until", "fact")
_OF_BOOKING = ("id", "site", "zone", "starts", "ends", "kind", "made_at", "people")
_OF_COMMISSIONING = ("id", "site", "point", "at", "declared", "passed", "body")
_OF_EVENT = (
    *("id", "site", "meter", "starts", "ends", "kwh", "kwh_se", "kind", "decision"),
    *("entered_at", "supersedes"),
)
_OF_ERASURE = (
    *("site", "privacy", "points", "readings", "corrections", "hours", "first", "last"),
    *("until", "digest", "at"),
)
_K = EvidenceKind
PROOFS: tuple[Proof, ...] = (
    Proof(_K.AUDIT, tables.StoredAudit, ("at", "action", "site", "subject"), _WHO, time="at"),
    Proof(_K.MODE, tables.StoredMode, ("site", "mode", "at"), _WHO, time="at"),
    Proof(
        *(_K.OVERRIDE, tables.StoredOverride, _OF_OVERRIDE, _WHO),
        key="id",
        time="removed_at",
        else_time="until",
    ),
    Proof(
        *(_K.OVERRIDE_END, tables.StoredOverride, ("id", "removed_at"), ("removed_by",)),
        key="id",
        when="removed_at",
        time="removed_at",
    ),
    Proof(
        *(_K.BOOKING, tables.StoredBooking, _OF_BOOKING, ("author", "reason")),
        key="id",
        time="ends",
    ),
    Proof(
        *(_K.BOOKING_END, tables.StoredBooking, ("id", "removed_at"), ("removed_by",)),
        key="id",
        when="removed_at",
        time="removed_at",
    ),
    Proof(
        *(_K.KEY, tables.StoredKey, ("id", "digest", "scope", "created"), ("name",)),
        key="id",
        by_site=False,
        time="revoked",
        else_time="expires",
    ),
    Proof(
        *(_K.KEY_EXPIRY, tables.StoredKey, ("id", "expires")),
        key="id",
        when="expires",
        by_site=False,
    ),
    Proof(
        *(_K.KEY_END, tables.StoredKey, ("id", "revoked")), key="id", when="revoked", by_site=False
    ),
    Proof(
        *(_K.PERSON, tables.StoredPerson, ("id", "grants", "created"), ("name", "subject")),
        key="id",
        by_site=False,
        time="revoked",
    ),
    Proof(
        *(_K.PERSON_END, tables.StoredPerson, ("id", "revoked")),
        key="id",
        when="revoked",
        by_site=False,
    ),
    Proof(
        *(_K.RECEIPT, tables.StoredReceipt, ("site", "at", "kind", "body"), ("named",)), time="at"
    ),
    Proof(
        *(_K.PLAN, tables.StoredPlan, ("id", "site", "created_at", "body"), ("problem",)),
        key="id",
        personal=False,
        time="created_at",
    ),
    Proof(
        *(_K.TRIAL, tables.StoredTrial, ("id", "site", "started_at", "body"), ("named",)),
        key="id",
        time="started_at",
    ),
    Proof(
        *(_K.TRIAL_END, tables.StoredTrialEnd, ("trial", "site", "at"), _WHO),
        key="trial",
        time="at",
    ),
    Proof(
        *(_K.TRIAL_RESULT, tables.StoredTrialResult, ("trial", "site", "at", "body")),
        key="trial",
        time="at",
    ),
    Proof(_K.COMMISSIONING, tables.StoredCommissioning, _OF_COMMISSIONING, ("actor",), time="at"),
    Proof(_K.STEP_BACK, tables.StoredStepBack, ("id", "site", "at", "fact"), time="at"),
    Proof(
        *(_K.AGREEMENT, tables.StoredStepBack, ("id", "agreed_at"), ("agreed_by",)),
        when="agreed_at",
        time="agreed_at",
    ),
    Proof(
        _K.EVENT, tables.StoredEvent, _OF_EVENT, ("author", "reason"), key="id", time="entered_at"
    ),
    Proof(
        *(_K.MEASURE, tables.StoredMeasure),
        ("id", "site", "entered_at", "body"),
        ("author",),
        key="id",
        time="entered_at",
    ),
    Proof(
        *(_K.MEASURE_END, tables.StoredMeasureEnd, ("measure", "site", "at", "ends"), _WHO),
        key="measure",
        time="at",
    ),
    Proof(
        *(_K.GOAL, tables.StoredGoal, ("site", "year", "commodity", "budget", "target", "at")),
        _WHO,
        time="at",
    ),
    Proof(
        *(_K.BASELINE, tables.StoredBaseline, ("site", "at", "body"), ("author", "reason")),
        time="at",
    ),
    Proof(
        *(_K.WORK_EVENT, tables.StoredWorkEvent),
        ("item", "site", "at", "act", "until", "closing", "measure"),
        ("actor", "note", "assignee"),
        time="at",
    ),
    Proof(
        *(_K.NOTICE, tables.StoredNotice, ("id", "at", "channel", "occasion", "items", "failed")),
        ("recipient", "address", "error"),
        key="id",
        by_site=False,
        time="at",
    ),
    Proof(_K.ERASURE, tables.StoredErasure, _OF_ERASURE, _WHO),
    Proof(
        *(_K.REMOVAL, tables.StoredRemoval),
        ("site", "kind", "part", "first", "last", "rows", "digest", "at"),
        _WHO,
    ),
)


@contextmanager
def witness(session: Session) -> Iterator[None]:
    """What is written inside is proven in the same transaction, by entries at its end.

    The heads of the chains are locked last and in the order of their names, so that no two
    transactions wait for each other.
    """
    rows: list[tuple[str, Proven]] = []

    def note(flushed: AnySession, _: object) -> None:
        new = set(map(id, flushed.new))
        for row in joined(flushed.new, flushed.dirty):
            proofs = _OF_TABLE.get(type(row), ())
            rows.extend(p.of(row) for p in proofs if p.due(row, new=id(row) in new))

    event.listen(session, "after_flush", note)
    yield
    session.flush()
    append(session.connection(), rows)


_OF_TABLE: dict[type, list[Proof]] = defaultdict(list)
for _proof in PROOFS:
    _OF_TABLE[_proof.table].append(_proof)

_MOVE = text(
    "UPDATE evidence_heads SET number = :number, hash = :hash"
    " WHERE chain = :chain AND number = :before"
)
_BEGIN = text(
    "INSERT INTO evidence_heads (chain, number, hash) VALUES (:chain, 0, '')"
    " ON CONFLICT (chain) DO NOTHING"
)


def append(connection: Connection, rows: Iterable[tuple[str, Proven]]) -> None:
    """Append entries that prove ``rows``, each with its chain. Raises ``StoreError`` where a chain
    went on without us."""
    by_chain: dict[str, list[Proven]] = defaultdict(list)
    for name, row in rows:
        by_chain[name].append(row)
    if not by_chain:
        return
    heads = _locked(connection, sorted(by_chain))
    added: list[dict[str, object]] = []
    moves: list[dict[str, object]] = []
    for name, proven in by_chain.items():
        entries = appended(name, heads[name], proven)
        added += map(_entry_row, entries, proven)
        last, before = entries[-1], heads[name].number
        moves.append({"chain": name, "number": last.number, "hash": last.hash, "before": before})
    connection.execute(insert(StoredEvidence), added)
    if connection.execute(_MOVE, moves).rowcount not in (len(moves), -1):
        raise StoreError("a chain of the evidence was continued by somebody else; try again")


def hold_chain(session: Session, chain: str) -> None:
    """Until the transaction ends nobody else adds to the chain; it may add to no other one."""
    _locked(session.connection(), [chain])


def _locked(connection: Connection, names: Sequence[str]) -> dict[str, ChainHead]:
    """The heads of these chains; until the transaction ends nobody else moves them."""
    heads = _heads(connection, names)
    missing = [name for name in names if name not in heads]
    if missing:
        connection.execute(_BEGIN, [{"chain": name} for name in missing])
        heads = _heads(connection, names)
    return heads


def _heads(connection: Connection, names: Sequence[str]) -> dict[str, ChainHead]:
    wanted = (
        select(StoredHead.chain, StoredHead.number, StoredHead.hash)
        .where(col(StoredHead.chain).in_(names))
        .order_by(col(StoredHead.chain))
        .with_for_update()
    )
    found = connection.execute(wanted)
    return {
        name: ChainHead(number=number, hash=last) if number else NO_ENTRY
        for name, number, last in found
    }


def _entry_row(entry: EvidenceEntry, proven: Proven) -> dict[str, object]:
    return {
        "chain": entry.chain,
        "number": entry.number,
        "kind": entry.kind.value,
        "proves": entry.row,
        "content": bytes.fromhex(entry.content),
        "apart": None if entry.apart is None else bytes.fromhex(entry.apart),
        "salt": proven.salt,
        "hash": bytes.fromhex(entry.hash),
    }
