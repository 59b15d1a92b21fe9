"""What a site has shown before and while plans are written to it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date, datetime
from typing import Protocol

from bms.model.trust.commissioning import CommissionedPoint, Commissioning
from bms.model.trust.modes import AutoScope, ShadowDay, StepBack


class TrustStore(Protocol):
    """Commissionings, steps back from ``auto`` and days beside the plan. Synchronous: call it off
    the event loop.

    Raises ``bms.errors.StoreUnavailable`` when the database is away.
    """

    def add_commissionings(self, made: Iterable[Commissioning]) -> None:
        """Keep signed commissionings, each with an entry in the audit; the same one again changes
        nothing. Raises ``StoreError`` for another one of that id."""
        ...

    def commissionings(self, site: str) -> list[Commissioning]:
        """Every commissioning of the points of a site, in the order in which they were kept."""
        ...

    def commissioned(self, sites: Collection[str]) -> dict[str, dict[str, CommissionedPoint]]:
        """The newest commissioning of each point by its id, for each of these sites."""
        ...

    def approve(
        self, site: str, scope: AutoScope, *, actor: str, at: datetime, reason: str
    ) -> None:
        """A named person puts a site to ``auto``; whatever had put it back is agreed to. One
        transaction."""
        ...

    def auto_scope(self, site: str) -> AutoScope | None:
        """What ``auto`` was approved for last; None where it never was."""
        ...

    def step_back(self, step: StepBack, *, actor: str) -> None:
        """Keep a step back, and that the site is in ``advise``, in one transaction; nothing where
        one stands already."""
        ...

    def steps_back(self, site: str) -> list[StepBack]:
        """Every step back of a site, in the order in which they were kept."""
        ...

    def keep_shadow_days(self, rows: Iterable[ShadowDay]) -> None:
        """Keep days beside the plan; the same day again takes its place."""
        ...

    def shadow_days(self, site: str, since: date) -> list[ShadowDay]:
        """Those of a site from the local day ``since`` on, oldest day first."""
        ...
