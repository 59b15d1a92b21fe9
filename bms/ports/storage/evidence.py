"""The evidence: what was decided, commanded and planned, in hash chains."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Protocol

from bms.model.control.evidence import (
    ChainHead,
    EvidenceEntry,
    EvidenceKind,
    Pruning,
    Removal,
    Verification,
)

Report = Callable[[float], None]
"""Is told the share that is done, 0..1."""


def no_report(share: float) -> None:
    """Tells nobody."""


class EvidenceStore(Protocol):
    """The chains of the sites and of the city. Synchronous: call it off the event loop.

    Entries are added by whatever stores the row that they prove, in the same transaction. Raises
    ``bms.errors.StoreUnavailable`` when the database is away.
    """

    def chain_heads(self, chains: Collection[str] | None = None) -> dict[str, ChainHead]:
        """The last entry of each of these chains that has one, by its name; None: of all."""
        ...

    def evidence(self, chain: str, after: int = 0, most: int | None = None) -> list[EvidenceEntry]:
        """Entries of a chain whose number is larger than ``after``, in their order."""
        ...

    def entry_of(self, chain: str, kind: EvidenceKind, row: str) -> EvidenceEntry | None:
        """The entry of a chain that proves a row, None where there is none."""
        ...

    def unproven(self, chain: str, kinds: Collection[EvidenceKind]) -> frozenset[str]:
        """The keys of rows of kinds that are never removed which are not as their entries of a
        chain say: changed, gone, or without an entry. Whether the chain itself is whole is not
        looked at."""
        ...

    def chains_of(self, kinds: Collection[EvidenceKind]) -> frozenset[str]:
        """The chains that have an entry of one of these kinds, which are never removed."""
        ...

    def heads_that_stand(self, known: Mapping[str, ChainHead]) -> frozenset[str]:
        """The chains of ``known`` that have that entry with that hash."""
        ...

    def verify(
        self,
        chains: Collection[str] | None = None,
        known: Mapping[str, ChainHead] | None = None,
        report: Report = no_report,
    ) -> Verification:
        """Check chains, all where ``chains`` is None, against the rows that they prove.

        ``known`` are heads that stand elsewhere: what they know has to be there still.
        """
        ...

    def prune(self, pruning: Pruning) -> tuple[Removal, ...]:
        """Remove what is too old. Returns the checkpoints that say so, none where there was
        nothing; each stands in the chain and covers exactly what is gone.

        Raises ValueError for a kind that is never removed.
        """
        ...


class KnownHeads(Protocol):
    """The ends of the chains as they are known beside the database. Synchronous.

    Raises ``StoreError`` where what is known cannot be read, ``StoreUnavailable`` where the disk
    refuses.
    """

    def heads(self) -> dict[str, ChainHead]:
        """The ends that are known, by the name of the chain."""
        ...

    def keep(self, heads: Mapping[str, ChainHead]) -> None:
        """Know these ends from now on; one that lies further back than what is known is left."""
        ...
