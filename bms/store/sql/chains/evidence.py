"""The evidence in SQL: reading its chains, checking them, and pruning what they prove."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any
from typing import cast as cast_type

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Select,
    String,
    bindparam,
    cast,
    delete,
    text,
    tuple_,
    update,
)
from sqlalchemy import select as sql_select
from sqlmodel import col, select

from bms.model.control.evidence import (
    FIRST,
    ChainHead,
    EvidenceEntry,
    EvidenceKind,
    Part,
    Pruning,
    Removal,
    Verification,
)
from bms.model.epoch import to_micros
from bms.ports.storage.evidence import Report, no_report
from bms.store.database.connection import Linked
from bms.store.database.tables import StoredEvidence, StoredRemoval
from bms.store.evidence.chain import removals_of
from bms.store.sql.chains.proofs import PROOFS, Proof
from bms.store.sql.chains.verification import digest_text, heads, standing_rows, verified

_SALT_GOES = text("UPDATE evidence SET salt = NULL WHERE chain = :chain AND number = :number")
WHOLE = (EvidenceKind.RECEIPT, EvidenceKind.PLAN)
"""Kinds whose rows are removed once they are too old; of the others only what stands apart."""


class SqlEvidence(Linked):
    """Implements ``EvidenceStore``."""

    def chain_heads(self, chains: Collection[str] | None = None) -> dict[str, ChainHead]:
        """See ``EvidenceStore``."""
        with self._link.reading() as session:
            return heads(session.connection(), chains)

    def evidence(self, chain: str, after: int = 0, most: int | None = None) -> list[EvidenceEntry]:
        """See ``EvidenceStore``."""
        wanted = (
            select(StoredEvidence)
            .where(StoredEvidence.chain == chain, StoredEvidence.number >= after)
            .order_by(col(StoredEvidence.number))
        )
        if most is not None:
            wanted = wanted.limit(most + 1)
        with self._link.reading() as session:
            rows = session.exec(wanted).all()
        before = rows[0].hash.hex() if rows and rows[0].number == after else FIRST
        rows = rows[1:] if rows and rows[0].number == after else rows[:most]
        hashes = [before, *(row.hash.hex() for row in rows)]
        return [_entry(row, previous) for row, previous in zip(rows, hashes, strict=False)]

    def entry_of(self, chain: str, kind: EvidenceKind, row: str) -> EvidenceEntry | None:
        """See ``EvidenceStore``."""
        wanted = (
            select(StoredEvidence.number)
            .where(StoredEvidence.chain == chain, StoredEvidence.kind == kind.value)
            .where(StoredEvidence.proves == row)
            .order_by(col(StoredEvidence.number))
        )
        with self._link.reading() as session:
            number = session.exec(wanted).first()
        return None if number is None else self.evidence(chain, number - 1, 1)[0]

    def unproven(self, chain: str, kinds: Collection[EvidenceKind]) -> frozenset[str]:
        """See ``EvidenceStore``."""
        wanted = (
            select(StoredEvidence.kind, StoredEvidence.proves, StoredEvidence.content)
            .where(StoredEvidence.chain == chain, _of_kinds(kinds))
            .order_by(col(StoredEvidence.number).desc())
        )
        proofs = [proof for proof in PROOFS if proof.kind in kinds]
        with self._link.reading() as session:
            entries = {
                (kind, row): digest_text(content) for kind, row, content in session.exec(wanted)
            }
            rows = standing_rows(session.connection(), chain, proofs)
        found = {key: row.digest for key, row in rows.items()}
        every = entries.keys() | found.keys()
        return frozenset(key[1] for key in every if entries.get(key) != found.get(key))

    def chains_of(self, kinds: Collection[EvidenceKind]) -> frozenset[str]:
        """See ``EvidenceStore``."""
        wanted = select(StoredEvidence.chain).where(_of_kinds(kinds)).distinct()
        with self._link.reading() as session:
            return frozenset(map(str, session.exec(wanted).all()))

    def heads_that_stand(self, known: Mapping[str, ChainHead]) -> frozenset[str]:
        """See ``EvidenceStore``."""
        if not known:
            return frozenset()
        place = tuple_(col(StoredEvidence.chain), col(StoredEvidence.number))
        wanted = select(StoredEvidence.chain, StoredEvidence.hash).where(
            place.in_([(chain, head.number) for chain, head in known.items()])
        )
        with self._link.reading() as session:
            found = session.exec(wanted).all()
        return frozenset(chain for chain, hash_ in found if hash_.hex() == known[chain].hash)

    def verify(
        self,
        chains: Collection[str] | None = None,
        known: Mapping[str, ChainHead] | None = None,
        report: Report = no_report,
    ) -> Verification:
        """See ``EvidenceStore``."""
        with self._link.reading() as session:
            return verified(session.connection(), chains, known or {}, report)

    def prune(self, pruning: Pruning) -> tuple[Removal, ...]:
        """See ``EvidenceStore``."""
        proof = _prunable(pruning)
        with self._link.writing(durable=True) as session:
            connection = session.connection()
            found = connection.execute(_too_old(proof, pruning)).all()
            if not found:
                return ()
            gone = [(n, content.hex(), apart and apart.hex()) for n, content, apart in found]
            _remove(connection, proof, pruning, [number for number, _, _ in gone])
            removals = removals_of(pruning, gone, _numbers(connection, pruning))
            session.add_all(map(_removal_row, removals))
        return removals


def _of_kinds(kinds: Collection[EvidenceKind]) -> ColumnElement[bool]:
    """Written out in the order of the names, as the index of the entries of trials has it: values
    apart would not tell the database that it holds all of them."""
    names: BindParameter[list[str]] = bindparam(
        "kinds", sorted(kinds), expanding=True, literal_execute=True
    )
    return col(StoredEvidence.kind).in_(names)


def _entry(row: StoredEvidence, previous: str) -> EvidenceEntry:
    return EvidenceEntry(
        chain=row.chain,
        number=row.number,
        kind=EvidenceKind(row.kind),
        row=row.proves,
        content=row.content.hex(),
        apart=None if row.apart is None else row.apart.hex(),
        previous=previous,
        hash=row.hash.hex(),
    )


def _prunable(pruning: Pruning) -> Proof:
    """How rows of the kind are proven. Raises ValueError where that part of them stays for good."""
    proof = next(each for each in PROOFS if each.kind is pruning.kind)
    whole = pruning.part is Part.ROW
    if proof.time is None or (pruning.kind not in WHOLE if whole else not proof.apart):
        raise ValueError(f"{pruning.part.value} of {pruning.kind.value} is never removed")
    return proof


def _too_old(proof: Proof, pruning: Pruning) -> Select[Any]:
    """Number, content and part apart of the entries of the rows that are to go."""
    rows, entries = proof.raw, StoredEvidence
    wanted = (
        sql_select(entries.number, entries.content, entries.apart)  # type: ignore[call-overload]
        .join(rows, col(entries.proves) == cast(rows.c[proof.key], String))
        .where(col(entries.chain) == pruning.site, col(entries.kind) == pruning.kind.value)
        .where(*_grown_old(proof, pruning))
        .order_by(col(entries.number))
    )
    if pruning.part is Part.APART:
        there = col(entries.salt) if proof.personal else rows.c[proof.apart[0]]
        wanted = wanted.where(there.is_not(None))
    return cast_type("Select[Any]", wanted)


def _numbers(connection: Connection, pruning: Pruning) -> list[int]:
    """Of all entries of the kind, in their order."""
    wanted = select(StoredEvidence.number).where(
        StoredEvidence.chain == pruning.site, StoredEvidence.kind == pruning.kind.value
    )
    return list(connection.execute(wanted.order_by(col(StoredEvidence.number))).scalars())


def _grown_old(proof: Proof, pruning: Pruning) -> list[ColumnElement[bool]]:
    old = proof.moment < to_micros(pruning.before)
    return [old, *proof.of_site(pruning.site)]


def _remove(connection: Connection, proof: Proof, pruning: Pruning, numbers: list[int]) -> None:
    which = _grown_old(proof, pruning)
    if pruning.part is Part.ROW:
        connection.execute(delete(proof.raw).where(*which))
        return
    blank = dict.fromkeys(proof.apart, "" if proof.personal else None)
    connection.execute(update(proof.raw).where(*which).values(blank))
    if proof.personal:
        places = [{"chain": pruning.site, "number": number} for number in numbers]
        connection.execute(_SALT_GOES, places)


def _removal_row(removal: Removal) -> StoredRemoval:
    return StoredRemoval(
        site=removal.site,
        kind=removal.kind.value,
        part=removal.part.value,
        first=removal.first,
        last=removal.last,
        rows=removal.rows,
        digest=removal.digest,
        actor=removal.actor,
        at=removal.at,
        reason=removal.reason,
    )
