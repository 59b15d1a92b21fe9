"""What the sites of one tick ask of the database, asked once for all of them.

A tick of a city is one task per site, side by side. Each task finds what the database says of its
site already read; what it wants to know again, or to keep, waits until the others want it as well,
but not longer than ``LINGER_S``: a site whose device is slow holds up nobody.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, TypeVar, cast

from bms.model.assets.site import Mode, Site
from bms.model.control.booking import Booking
from bms.model.control.command import AnyReceipt, Override
from bms.model.control.lease import Lease
from bms.model.planning.plan import Plan
from bms.model.savings.trial import KeptTrial
from bms.ports.storage.ledgers import LedgerStore
from bms.runtime.city import City
from bms.services.batched_lookups import LINGER_S, Crowd, InBatches, Together
from bms.services.control.ports import ControlPorts
from bms.services.evidence.receipts import keep_receipts
from bms.services.hands_off.marked_store import MarkedDecisions
from bms.services.held_points import RECENT, Receipts
from bms.services.off_loop import off_loop
from bms.services.planning.ports import PlanningPorts
from bms.services.trust.commissioned import Flaws

BOOKED_BEFORE = timedelta(days=2)
"""Bookings that ended longer ago are not read with the others."""

T = TypeVar("T")


class RecentReceipts:
    """Receipts of the sites of a tick, read for all of them once one is asked for: only what stands
    at a point that somebody holds is looked up in them."""

    def __init__(self, ledgers: LedgerStore, sites: Sequence[str], since: datetime) -> None:
        self._ledgers, self._sites, self._since = ledgers, sites, since

    @cached_property
    def _by_site(self) -> Mapping[str, Receipts]:
        return self._ledgers.receipts_of(self._sites, self._since)

    def of(self, site: str, since: datetime) -> Receipts:
        """Those of a site, oldest first. Raises ``StoreUnavailable``."""
        return [row for row in self._by_site[site] if row[0] >= since]


@dataclass(slots=True)
class SiteRecords:
    """What the database says of a site, and what is to be kept of its tick."""

    mode: Mode | None
    plan: Plan | None
    overrides: Sequence[Override]
    bookings: Sequence[Booking]
    trials: Sequence[KeptTrial]
    receipts: RecentReceipts
    uncommissioned: Flaws
    now: datetime
    outcomes: list[tuple[datetime, AnyReceipt]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _OneOfMany:
    """``SharedTick`` of a site."""

    batches: TickBatches
    site: str
    records: SiteRecords

    async def off_loop(self, look: Callable[[], T]) -> T:
        return await self.batches.off_loop(look)

    async def look_again(self) -> None:
        await self.batches.look_again(self.site, self.records)

    async def announce(self, leases: Sequence[Lease]) -> frozenset[str]:
        return await self.batches.announce(leases)


class TickBatches:
    """Hands each site of a tick ports behind which everything is read already."""

    def __init__(self, city: City, linger_s: float = LINGER_S) -> None:
        self._control, self._planning = city.control, city.planning
        self._kept = replace(self._control, decisions=city.stores.decisions)
        self._sites, self._snapshot = city.sites, city.stores.snapshot
        crowd = self._crowd = Crowd(linger_s)
        self._load = Together(crowd, self._load_all)
        self._again = Together(crowd, self._read_words)
        self._announce = Together(crowd, self._announce_all)
        self._announced: dict[str, Sequence[Lease]] = {}
        self._keep = Together(crowd, self._keep_all)
        self._looks: InBatches[Callable[[], Any], Any] = InBatches(_each)
        self._outcomes: dict[int, list[tuple[datetime, AnyReceipt]]] = {}

    @asynccontextmanager
    async def of(
        self, site: Site, now: datetime
    ) -> AsyncIterator[tuple[ControlPorts, PlanningPorts]]:
        """Ports for one tick of a site. Raises ``StoreUnavailable``."""
        with self._crowd.member():
            records = await self._load.get((site.id, now))
            control = self._control_ports(site, records)
            planning = replace(
                self._planning,
                decisions=control.decisions,
                plans=control.plans,
                ledgers=control.ledgers,
                commissioned=control.commissioned,
            )
            try:
                yield control, planning
            finally:  # what was done is kept however the tick ended
                if records.outcomes:
                    self._outcomes[id(records)] = records.outcomes
                    await self._keep.get(id(records))

    def _control_ports(self, site: Site, records: SiteRecords) -> ControlPorts:
        kept = self._kept

        def add_receipts(receipts: Sequence[AnyReceipt], at: datetime) -> None:
            records.outcomes.extend((at, receipt) for receipt in receipts)

        decisions = seen(
            kept.decisions,
            mode=lambda _: records.mode,
            overrides=lambda _, at: _in_force(records.overrides, at),
            bookings=lambda _, start, end=None: _overlapping(records.bookings, start, end),
        )
        return replace(
            self._control,
            decisions=MarkedDecisions(decisions, kept.hands_off, kept.clock),
            plans=seen(kept.plans, plan_in_force=lambda *_: records.plan),
            trials=seen(kept.trials, trials=lambda _: list(records.trials)),
            ledgers=seen(
                kept.ledgers,
                receipts=records.receipts.of,
                add_receipts=add_receipts,
            ),
            commissioned=seen(kept.commissioned, flaws=lambda _: {site.id: records.uncommissioned}),
            tick=_OneOfMany(self, site.id, records),
        )

    async def _load_all(
        self, keys: Sequence[tuple[str, datetime]]
    ) -> dict[tuple[str, datetime], SiteRecords]:
        found: dict[tuple[str, datetime], SiteRecords] = {}
        for now in sorted({now for _, now in keys}):
            sites = [site for site, at in keys if at == now]
            loaded = await off_loop(self._read_all, sites, now)
            found |= {(site, now): records for site, records in loaded.items()}
        return found

    def _read_all(self, sites: Sequence[str], now: datetime) -> dict[str, SiteRecords]:
        with self._snapshot():
            return self._read_in_one(sites, now)

    def _read_in_one(self, sites: Sequence[str], now: datetime) -> dict[str, SiteRecords]:
        kept = self._kept
        modes, plans = kept.decisions.modes(sites), kept.plans.plans_in_force(sites, now)
        overrides = kept.decisions.overrides_of(sites, now)
        bookings = kept.decisions.bookings_of(sites, now - BOOKED_BEFORE)
        trials = kept.trials.trials_of(sites)
        receipts = RecentReceipts(kept.ledgers, sites, now - RECENT)
        chosen = [self._sites[site] for site in sites]
        flaws = kept.commissioned.flaws(chosen)
        kept.rooms.look_ahead(chosen, now)
        return {
            site: SiteRecords(
                mode=modes.get(site),
                plan=plans.get(site),
                overrides=overrides[site],
                bookings=bookings[site],
                trials=trials[site],
                receipts=receipts,
                uncommissioned=flaws[site],
                now=now,
            )
            for site in sites
        }

    async def off_loop(self, look: Callable[[], T]) -> T:
        """What ``look`` returns, called in one thread with the looks of sites that came while the
        last ones were made: none waits for a site that is slow. Raises what it raises."""
        return cast("T", await self._looks.get(look))

    async def look_again(self, site: str, records: SiteRecords) -> None:
        """Read again what people have said at a site. Raises ``StoreUnavailable``."""
        records.mode, records.overrides = await self._again.get((site, records.now))

    async def announce(self, leases: Sequence[Lease]) -> frozenset[str]:
        """``Journal.intend`` in one batch with those of other sites. Raises ``GuardError``."""
        key = leases[0].command_id
        self._announced[key] = leases
        return await self._announce.get(key)

    async def _announce_all(self, keys: Sequence[str]) -> dict[str, frozenset[str]]:
        leases = [lease for key in keys for lease in self._announced.pop(key)]
        returning = await off_loop(self._control.journal.intend, leases)
        return dict.fromkeys(keys, returning)

    async def _read_words(
        self, keys: Sequence[tuple[str, datetime]]
    ) -> dict[tuple[str, datetime], tuple[Mode | None, Sequence[Override]]]:
        sites, now = [site for site, _ in keys], min(now for _, now in keys)

        def work() -> tuple[dict[str, Mode], dict[str, list[Override]]]:
            with self._snapshot():
                decisions = self._kept.decisions
                return decisions.modes(sites), decisions.overrides_of(sites, now)

        modes, overrides = await off_loop(work)
        return {key: (modes.get(key[0]), overrides[key[0]]) for key in keys}

    async def _keep_all(self, keys: Sequence[int]) -> dict[int, None]:
        """Keep the receipts of many sites at once. What was done stands without them, too."""
        by_time: dict[datetime, list[AnyReceipt]] = {}
        for key in keys:
            for at, outcome in self._outcomes.pop(key):
                by_time.setdefault(at, []).append(outcome)
        for at, outcomes in by_time.items():
            await keep_receipts(self._kept.ledgers, self._control.journal, outcomes, at)
        return dict.fromkeys(keys)


def _each(looks: Collection[Callable[[], T]]) -> dict[Callable[[], T], T]:
    return {look: look() for look in looks}


class _Answering:
    """A store some of whose questions have been answered before."""

    def __init__(self, store: object, answers: Mapping[str, Callable[..., Any]]) -> None:
        self._store = store
        self._answers = answers

    def __getattr__(self, name: str) -> Any:
        known = self._answers.get(name)
        return getattr(self._store, name) if known is None else known


def seen(store: T, **answers: Callable[..., Any]) -> T:
    """The store, with answers in place of some of its methods."""
    return cast("T", _Answering(store, answers))


def _overlapping(
    bookings: Sequence[Booking], start: datetime, end: datetime | None
) -> list[Booking]:
    return [b for b in bookings if b.end > start and (end is None or b.start < end)]


def _in_force(overrides: Sequence[Override], at: datetime) -> list[Override]:
    return [each for each in overrides if each.until is None or each.until > at]
