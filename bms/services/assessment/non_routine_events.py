"""The ledger of non-routine events: what the data propose, and what people make of it.

Nothing is adjusted by itself. A proposal stays open, and keeps a saving from being proven, until a
person confirms it with a quantity or dismisses it with a reason; both are entries of the ledger,
which is only added to.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from bms.errors import ConfigError, NotFound
from bms.model.assets.site import Site
from bms.model.savings.avoided_use import SiteSavings
from bms.model.savings.event import Decision, EventKind, NonRoutineEvent, standing
from bms.model.savings.finding import MeterFinding
from bms.ports.storage.ledgers import LedgerStore
from bms.savings.claims.adjustment import NEAR, adjust


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenEvent:
    """An event in the data of ``meter`` (``site/meter``) that nobody has decided about. ``id``
    names it as long as the data show the same start."""

    id: str
    meter: str
    kind: EventKind
    finding: MeterFinding


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjustmentQuantity:
    """What an event made a building use [kWh], positive where more, with its standard error."""

    kwh: float
    kwh_se: float


def open_events(
    site: Site, savings: SiteSavings, entries: Sequence[NonRoutineEvent]
) -> tuple[OpenEvent, ...]:
    """The events of a site's meters that no entry of the ledger answers."""
    zone = ZoneInfo(site.timezone)
    found: list[OpenEvent] = []
    for meter in savings.meters:
        name = meter.meter_id.rpartition("/")[2]
        for finding in adjust(meter, entries).open:
            if finding.event is None:
                continue
            day = finding.start.astimezone(zone).date()
            alike = f"{name}-{finding.code.value}-{day:%Y-%m-%d}"
            again = sum(row.id.startswith(alike) for row in found)
            found.append(
                OpenEvent(
                    id=f"{alike}-{again + 1}" if again else alike,
                    meter=meter.meter_id,
                    kind=finding.event,
                    finding=finding,
                )
            )
    return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """The events of one site: who decides, when, about which saving."""

    site: Site
    ledgers: LedgerStore
    savings: SiteSavings
    author: str
    now: datetime

    def open(self) -> tuple[OpenEvent, ...]:
        """What the data propose and nobody has decided about."""
        return open_events(self.site, self.savings, self.ledgers.events(self.site.id))

    def confirm(
        self, open_id: str, *, reason: str, quantity: AdjustmentQuantity | None = None
    ) -> NonRoutineEvent:
        """Adjust for an open event, by the quantity that is proposed or another one.

        Raises ``NotFound`` for an event that is not open, ``ConfigError`` where no quantity is
        proposed and none is given.
        """
        chosen = self._named(open_id)
        proposal = chosen.finding.proposal
        if quantity is None and proposal is None:
            raise ConfigError(
                f"the data propose no quantity for {open_id}; give what it made the building use "
                "in kWh, with a standard error"
            )
        if quantity is None and proposal is not None:
            quantity = AdjustmentQuantity(kwh=proposal.kwh, kwh_se=proposal.kwh_se)
        return self._answer(chosen, Decision.CONFIRMED, reason, quantity)

    def dismiss(self, open_id: str, *, reason: str) -> NonRoutineEvent:
        """Leave an open event alone, because it is no event or a part of the project.

        Raises ``NotFound`` for an event that is not open.
        """
        return self._answer(self._named(open_id), Decision.DISMISSED, reason, None)

    def add(
        self,
        meter_id: str,
        start: datetime,
        end: datetime,
        *,
        quantity: AdjustmentQuantity,
        reason: str,
        kind: EventKind = EventKind.OTHER,
        supersedes: str | None = None,
    ) -> NonRoutineEvent:
        """Enter what a person knows and the data do not show, or correct an earlier entry.

        A quantity of 0 ± 0 dismisses what ``supersedes`` names. Raises ``NotFound`` for a meter
        that is not billed here or an entry that is not there, ``ConfigError`` for a period or a
        quantity that is none, and an entry that cannot be superseded.
        """
        billed = [meter.id for meter in self.site.meters if meter.billed]
        if meter_id not in billed:
            known = ", ".join(billed) or "none"
            raise NotFound(f"no billed meter {meter_id!r} in {self.site.id}; there are: {known}")
        if supersedes is not None:
            self._check_superseded(supersedes, f"{self.site.id}/{meter_id}")
        nothing = quantity.kwh == 0 and quantity.kwh_se == 0
        decision = Decision.DISMISSED if nothing else Decision.CONFIRMED
        return self._enter(
            meter=f"{self.site.id}/{meter_id}",
            period=(start, end),
            kind=kind,
            decision=decision,
            reason=reason,
            quantity=quantity,
            supersedes=supersedes,
        )

    def _check_superseded(self, earlier: str, meter: str) -> None:
        entries = self.ledgers.events(self.site.id)
        mine = [entry.id for entry in standing(entries) if entry.meter == meter]
        if earlier in mine:
            return
        known = ", ".join(mine) or "none"
        sentence = f"no entry {earlier!r} about {meter} stands; there are: {known}"
        if any(entry.id == earlier for entry in entries):
            raise ConfigError(sentence)
        raise NotFound(sentence)

    def _named(self, open_id: str) -> OpenEvent:
        rows = self.open()
        for row in rows:
            if row.id == open_id:
                return row
        known = ", ".join(row.id for row in rows) or "none"
        raise NotFound(f"no event {open_id!r} is open at {self.site.id}; open are: {known}")

    def _answer(
        self,
        chosen: OpenEvent,
        decision: Decision,
        reason: str,
        quantity: AdjustmentQuantity | None,
    ) -> NonRoutineEvent:
        proposal = chosen.finding.proposal
        found = chosen.finding if proposal is None else proposal
        return self._enter(
            meter=chosen.meter,
            period=(found.start, found.end),
            kind=chosen.kind,
            decision=decision,
            reason=reason,
            quantity=quantity or AdjustmentQuantity(kwh=0.0, kwh_se=0.0),
            supersedes=self._continued(chosen),
        )

    def _continued(self, chosen: OpenEvent) -> str | None:
        """The standing entry about the same event, which has gone on since."""
        for entry in reversed(standing(self.ledgers.events(self.site.id))):
            same = (entry.meter, entry.kind) == (chosen.meter, chosen.kind)
            if same and abs(entry.start - chosen.finding.start) <= NEAR:
                return entry.id
        return None

    def _enter(
        self,
        *,
        meter: str,
        period: tuple[datetime, datetime],
        kind: EventKind,
        decision: Decision,
        reason: str,
        quantity: AdjustmentQuantity,
        supersedes: str | None,
    ) -> NonRoutineEvent:
        try:
            entry = NonRoutineEvent(
                id=uuid.uuid4().hex[:12],
                meter=meter,
                start=period[0],
                end=period[1],
                kwh_adjustment=quantity.kwh,
                kwh_se=quantity.kwh_se,
                kind=kind,
                author=self.author,
                entered_at=self.now,
                reason=reason,
                supersedes=supersedes,
                decision=decision,
            )
        except ValueError as error:
            raise ConfigError(str(error)) from error
        self.ledgers.add_event(entry)
        return entry
