"""Ledgers that are only added to: receipts, non-routine events, baselines, the audit."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Protocol

from bms.model.control.applied import AppliedReport
from bms.model.control.audit import Action, AuditEntry, AuditSearch
from bms.model.control.command import AnyReceipt
from bms.model.savings.avoided_use import KeptBaseline
from bms.model.savings.event import NonRoutineEvent
from bms.model.savings.goal import KeptGoal
from bms.model.savings.measure import KeptMeasure, Measure, MeasureEnd


class LedgerStore(Protocol):
    """What an auditor asks for; no entry is changed or removed. Synchronous: call it off the event
    loop.

    Raises ``bms.errors.StoreUnavailable`` when the database is away.
    """

    def add_receipts(
        self, receipts: Iterable[AnyReceipt], at: datetime, *, fenced: bool = True
    ) -> None:
        """Keep the outcomes of writes and releases, one for each change: an outcome like the one
        that stands at its point counts on that as its renewal, for six hours at most.
        ``fenced``: refused with ``NotOwner`` where another worker owns the site by now."""
        ...

    def receipts(self, site: str, since: datetime) -> list[tuple[datetime, AnyReceipt]]:
        """Receipts of a site at or after ``since``, oldest first; of those that were renewed the
        first and the last."""
        ...

    def control_start(self, site: str) -> datetime | None:
        """When a value of ours first acted at a site, by its receipt; None where none has. It is
        kept for good, also when the receipt has grown too old."""
        ...

    def add_applied(
        self,
        report: AppliedReport,
        receipts: Iterable[AnyReceipt],
        *,
        actor: str,
        at: datetime,
    ) -> bool:
        """Keep what a controller applied as receipts of its moment, with an entry in the audit.

        Returns False, and keeps nothing, where that report stands already. Raises ``ConfigError``
        for another report of the same moment.
        """
        ...

    def receipts_of(
        self, sites: Collection[str], since: datetime
    ) -> dict[str, list[tuple[datetime, AnyReceipt]]]:
        """``receipts`` of each of these sites."""
        ...

    def add_event(self, event: NonRoutineEvent) -> None:
        """Add an entry to the ledger of non-routine events; the same one again changes nothing.

        Raises ``StoreError`` for another entry of that id, and where it ``supersedes`` one of
        another meter or one that was superseded already, ``NotFound`` where there is no such one.
        """
        ...

    def events(self, site: str) -> list[NonRoutineEvent]:
        """The non-routine events of a site in the order in which they were entered."""
        ...

    def keep_baseline(self, kept: KeptBaseline) -> None:
        """Keep a baseline; nothing changes where it stands already for its meter and period."""
        ...

    def baselines(self, site: str) -> list[KeptBaseline]:
        """Every baseline of a site that was kept, oldest first."""
        ...

    def note(
        self,
        action: Action,
        subject: str,
        *,
        at: datetime,
        actor: str,
        site: str | None,
        reason: str = "",
    ) -> None:
        """Add an entry to the audit of an action that stores nothing else: a login, an export."""
        ...

    def add_measure(self, measure: Measure) -> None:
        """Keep a measure, with an entry in the audit; the same one again changes nothing. Raises
        ``StoreError`` for another one of that id."""
        ...

    def end_measure(self, end: MeasureEnd) -> None:
        """Keep the end of a measure, with an entry in the audit; its first end stands. Raises
        ``NotFound`` where there is no such measure at the site."""
        ...

    def measures(self, site: str) -> list[KeptMeasure]:
        """The measures of a site that people entered, in the order in which they did."""
        ...

    def set_goal(self, goal: KeptGoal) -> None:
        """Keep a budget and target of a year, with an entry in the audit."""
        ...

    def goals(self, sites: Collection[str]) -> list[KeptGoal]:
        """Every budget and target that people set for these sites, in the order in which they
        did."""
        ...

    def ledger_entries(self, site: str) -> int:
        """How many events, measures, ends of measures and baselines of a site are kept; none is
        changed or removed, so that the number says whether one has come."""
        ...

    def audit(self, search: AuditSearch) -> list[AuditEntry]:
        """The actions of people that match, newest first. Entries are added by whatever stores the
        action itself, in the same transaction."""
        ...
