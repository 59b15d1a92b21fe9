"""The evidence in memory: the same chains over copies of what was stored."""

from __future__ import annotations

import secrets
import threading
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from bms.model.control.evidence import (
    CITY,
    ChainFlaw,
    ChainHead,
    EvidenceEntry,
    EvidenceKind,
    Part,
    Pruning,
    Removal,
    Verification,
)
from bms.ports.storage.evidence import Report, no_report
from bms.store.evidence.chain import NO_ENTRY, Proven, appended, removals_of
from bms.store.evidence.check import ChainCheck, Checkpoints, StandingEntry, StandingRow

WHOLE = (EvidenceKind.RECEIPT, EvidenceKind.PLAN)


@dataclass(slots=True)
class _Kept:
    """An entry with the copy of its row; ``there`` and ``apart`` end with what they stand for."""

    entry: EvidenceEntry
    row: Proven
    at: datetime
    there: bool = True
    apart: bool = True


class MemoryEvidence:
    """Implements ``EvidenceStore``; the other parts prove what they store through ``_prove``."""

    def __init__(self) -> None:
        super().__init__()
        self._chains: dict[str, list[_Kept]] = defaultdict(list)
        self._removals: list[Removal] = []
        self._appending = threading.Lock()

    def _prove(
        self,
        kind: EvidenceKind,
        site: str | None,
        row: str,
        at: datetime,
        content: object,
        *who: str,
    ) -> None:
        """Add an entry for a row; ``who`` are its personal fields, or the problem of a plan."""
        name = site or CITY
        salt = secrets.token_bytes(16) if who and kind is not EvidenceKind.PLAN else None
        proven = Proven(kind, row, (str(content),), who, salt)
        with self._appending:
            chain = self._chains[name]
            (entry,) = appended(name, _end(chain), [proven])
            chain.append(_Kept(entry, proven, at))

    def chain_heads(self, chains: Collection[str] | None = None) -> dict[str, ChainHead]:
        """See ``EvidenceStore``."""
        names = list(self._chains) if chains is None else chains
        found = {name: self._chains.get(name) for name in names}
        return {name: _end(chain) for name, chain in found.items() if chain}

    def evidence(self, chain: str, after: int = 0, most: int | None = None) -> list[EvidenceEntry]:
        """See ``EvidenceStore``."""
        entries = [kept.entry for kept in list(self._chains.get(chain, ()))][after:]
        return entries if most is None else entries[:most]

    def entry_of(self, chain: str, kind: EvidenceKind, row: str) -> EvidenceEntry | None:
        """See ``EvidenceStore``."""
        entries = self.evidence(chain)
        return next((e for e in entries if (e.kind, e.row) == (kind, row)), None)

    def unproven(self, chain: str, kinds: Collection[EvidenceKind]) -> frozenset[str]:
        """See ``EvidenceStore``. Nobody goes round this one."""
        return frozenset()

    def chains_of(self, kinds: Collection[EvidenceKind]) -> frozenset[str]:
        """See ``EvidenceStore``."""
        return frozenset(
            name
            for name, chain in list(self._chains.items())
            if any(kept.entry.kind in kinds for kept in list(chain))
        )

    def heads_that_stand(self, known: Mapping[str, ChainHead]) -> frozenset[str]:
        """See ``EvidenceStore``."""
        return frozenset(
            name
            for name, head in known.items()
            if any(
                (entry.number, entry.hash) == (head.number, head.hash)
                for entry in self.evidence(name)
            )
        )

    def verify(
        self,
        chains: Collection[str] | None = None,
        known: Mapping[str, ChainHead] | None = None,
        report: Report = no_report,
    ) -> Verification:
        """See ``EvidenceStore``."""
        elsewhere = known or {}
        flaws: list[ChainFlaw] = []
        entries = rows = 0
        every = {*self._chains, *elsewhere}
        names = sorted(every if chains is None else every & set(chains))
        for name in names:
            check = self._check(name, elsewhere.get(name))
            rows += len(check.rows)
            check.entries(map(_standing, self._chains.get(name, [])))
            flaws += check.flaws()
            entries += check.count
            report(1.0)
        return Verification(chains=len(names), entries=entries, rows=rows, flaws=tuple(flaws))

    def _check(self, name: str, known: ChainHead | None) -> ChainCheck:
        chain = self._chains.get(name, [])
        removals = [
            (removal.kind.value, removal.part.value, removal.first, removal.last)
            for removal in self._removals
            if removal.site == name
        ]
        return ChainCheck(
            chain=name,
            rows={(k.row.kind.value, k.row.row): _standing_row(k) for k in chain if k.there},
            removed=Checkpoints(removals),
            head=_end(chain) if chain else None,
            known=known,
        )

    def prune(self, pruning: Pruning) -> tuple[Removal, ...]:
        """See ``EvidenceStore``."""
        same = [k for k in self._chains.get(pruning.site, ()) if k.row.kind is pruning.kind]
        old = [kept for kept in same if self._is_due(kept, pruning)]
        for kept in old:
            kept.apart = False
            kept.there = pruning.part is Part.APART
            self._forget(pruning, kept.row.row)
        gone = [(k.entry.number, k.entry.content, k.entry.apart) for k in old]
        removals = removals_of(pruning, gone, [kept.entry.number for kept in same])
        for removal in removals:
            self._removals.append(removal)
            number, who = str(len(self._removals)), (pruning.actor, pruning.reason)
            self._prove(
                EvidenceKind.REMOVAL, pruning.site, number, pruning.at, removal.digest, *who
            )
        return removals

    def _is_due(self, kept: _Kept, pruning: Pruning) -> bool:
        """Whether that part of it is there and too old. Raises ValueError where it stays for
        good."""
        whole = pruning.part is Part.ROW
        if whole and pruning.kind not in WHOLE:
            raise ValueError(f"{pruning.part.value} of {pruning.kind.value} is never removed")
        over = self._over(kept.row.kind, kept.row.row, kept.at)
        there = kept.there if whole else kept.there and kept.apart and bool(kept.row.apart)
        return over is not None and over < pruning.before and there

    def _over(self, _kind: EvidenceKind, _row: str, at: datetime) -> datetime | None:
        """From when on a row grows old; None for one that is still good."""
        return at

    def _forget(self, pruning: Pruning, row: str) -> None:
        """Remove that part of the row itself: each part of the store those of its own kinds."""


def _end(chain: list[_Kept]) -> ChainHead:
    if not chain:
        return NO_ENTRY
    return ChainHead(number=chain[-1].entry.number, hash=chain[-1].entry.hash)


def _standing(kept: _Kept) -> StandingEntry:
    entry, salt = kept.entry, kept.row.salt if kept.apart else None
    digests = (entry.content, entry.apart)
    return StandingEntry(entry.number, entry.kind.value, entry.row, *digests, salt, entry.hash)


def _standing_row(kept: _Kept) -> StandingRow:
    personal = kept.row.salt is not None
    gone = ("" if personal else None,) * len(kept.row.apart)
    return StandingRow.of(
        kept.row.content, kept.row.apart if kept.apart else gone, personal=personal
    )
