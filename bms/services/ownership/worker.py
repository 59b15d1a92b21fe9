"""A worker that owns sites: it beats, takes its share, hands over what is too much, and, when it
ends, all of it. What nobody takes is given back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping

from bms.errors import GuardError, StoreError
from bms.model.control.local_override import OfferedLease
from bms.model.control.ownership import CITY_WIDE, Ownership
from bms.services.evidence.receipts import unrecorded
from bms.services.giving_back.many_points import release_leases
from bms.services.journal_batches import keep_notes
from bms.services.off_loop import off_loop
from bms.services.ownership.beat import Heartbeat, nothing_held
from bms.services.ownership.bequest import (
    Bequest,
    bequest_of,
    close_bequest,
    is_whole,
    open_bequest,
    stands,
    written,
)
from bms.services.ownership.ports import BEAT_S, OwnershipPorts
from bms.services.ownership.selection import excess_of, few, heirs_of, known_sites

log = logging.getLogger(__name__)

PATIENCE_S = 3.0
"""How long an heir may take to accept [s]; what it has not accepted stays, or is given back."""
DRAIN_S = 30.0
"""How long work that is under way at a site is waited for before it is handed over [s]."""
LOOK_S = 0.1
ALONE_BEATS = 5.0
"""Beats [1] that one is worth while no other worker lives."""


class SiteWorker:
    """Owns sites while it beats. ``gained`` is told of sites that may be written from now on."""

    def __init__(
        self, ports: OwnershipPorts, gained: Callable[[frozenset[str]], None] = lambda _: None
    ) -> None:
        self._ports = ports
        self._gained = gained
        self._heartbeat = Heartbeat(ports)
        self._turn = asyncio.Lock()
        self._complaint = ""
        self._ending = False
        self._beating: asyncio.Task[None] | None = None
        self._handing: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Claim what is free and due to us, as far as the database answers, and go on beating."""
        gained, self._gained = self._gained, lambda _: None  # the first ticks come by themselves
        for _ in range(3):  # our presence, then our share, then its confirmation
            await self.step()
        self._gained = gained
        self._beating = asyncio.create_task(self._go_on())

    async def step(self) -> None:
        """One beat. A database that is away is said once: what is owned runs out by itself."""
        try:
            async with self._turn:
                gained = await off_loop(self._heartbeat.beat)
                if not self._ending:
                    await off_loop(self._heartbeat.take_share)
            if not self._ending:
                await self._take_bequests()
        except (StoreError, GuardError) as error:
            if str(error) != self._complaint:
                log.error("which sites are ours cannot be told: %s", error)
            self._complaint = str(error)
            return
        self._complaint = ""
        if gained:
            self._gained(gained)
        if not self._ending:
            self._hand_over_excess()

    async def stop(self, give_back: Callable[[], Awaitable[object]]) -> None:
        """Hand every site to whoever lives, let ``give_back`` return the rest, and own nothing.

        While nobody answers, all of it is given back, and what is owned runs out.
        """
        self._ending = True
        if self._handing is not None:
            await self._handing
        try:
            await self._bequeath_all()
        except (StoreError, GuardError) as error:
            log.error("nothing is handed over: %s", error)
        await give_back()
        if self._beating is not None:
            self._beating.cancel()
            await asyncio.gather(self._beating, return_exceptions=True)
        try:
            await off_loop(self._own_nothing)
        except StoreError as error:
            log.error("what this worker owns runs out by itself: %s", error)

    async def _bequeath_all(self) -> None:
        owners, me = self._ports.owners, self._ports.worker
        await off_loop(owners.give_up, me.id, [me.presence, CITY_WIDE])
        rows = await off_loop(owners.owners)
        await self._drop_withdrawn(rows)
        await self.hand_over(heirs_of(me.id, rows, known_sites(rows, self._ports.sites)))

    def _own_nothing(self) -> None:
        """Give up every site at which nothing is held; the next owner waits at the others, and
        where we still waited ourselves."""
        held = self._ports.held
        mine = (held.sites() & self._ports.sites.keys()) - held.waiting()
        free = nothing_held(mine, self._ports)
        self._ports.owners.give_up(self._ports.worker.id, free)
        self._ports.held.lost(self._ports.held.sites())

    async def _go_on(self) -> None:
        while True:
            lasting = min(BEAT_S, self._ports.lasts_s / 6)
            alone = min(ALONE_BEATS * BEAT_S, self._ports.lasts_s / 6)
            await asyncio.sleep(alone if self._heartbeat.alone else lasting)
            await self.step()

    def _hand_over_excess(self) -> None:
        """Hand over what is above our share, one batch at a time."""
        if self._handing is not None and not self._handing.done():
            return
        rows, me = self._heartbeat.rows, self._ports.worker.id
        given = excess_of(me, rows, known_sites(rows, self._ports.sites))
        if given:
            self._handing = asyncio.create_task(self._hand_over_logged(given))

    async def _hand_over_logged(self, given: Mapping[str, Collection[str]]) -> None:
        try:
            await self.hand_over(given)
        except (StoreError, GuardError) as error:
            log.error("a hand-over did not come about: %s", error)

    async def hand_over(self, given: Mapping[str, Collection[str]]) -> frozenset[str]:
        """Hand sites to heirs; those that went over. Raises ``StoreError`` or ``GuardError``; what
        did not go over then is ours until its lease runs out."""
        sites = frozenset(site for each in given.values() for site in each)
        held = self._ports.held
        with held.closing(sites):
            drained = await held.drained(sites, DRAIN_S)
            bequests = await self._bequests(drained)
            offers = [
                OfferedLease(lease.point.id, lease.lease_end)
                for bequest in bequests.values()
                for lease in bequest.leases
            ]
            await off_loop(self._ports.journal.note, offers)
            offered: set[str] = set()
            for heir, chosen in given.items():
                texts = {s: written(bequests[s]) for s in chosen if s in bequests}
                offer = self._ports.owners.offer
                offered |= await off_loop(offer, self._ports.worker.id, heir, texts)
            accepted = await self._accepted(offered)
            went = await self._let_go({site: bequests[site] for site in accepted})
        if went:
            log.warning("handed over to another worker: %s", few(went))
        return went

    async def _bequests(self, sites: Collection[str]) -> dict[str, Bequest]:
        """What the heirs have to know; leases that cannot be taken over are given back first, and
        a site where one stays open is kept, or where a write may still be sent that was announced
        before: once it is closed here our guards would give its point back while the heir holds it.
        """
        ports, made = self._ports, {}
        under_way = {lease.point.site for lease in await off_loop(ports.journal.under_way)}
        for site in sites:
            leases = (await off_loop(ports.journal.leases_of, site)).values()
            broken = [lease for lease in leases if not is_whole(lease, ports.at)]
            now = ports.clock.now()
            done = await release_leases(
                broken, now=now, drivers=ports.drivers, journal=ports.journal
            )
            await keep_notes([unrecorded(each, now) for each in done], ports.journal)
            bequest = await off_loop(bequest_of, site, ports.at, ports.journal)
            whole = all(is_whole(lease, ports.at) for lease in bequest.leases)
            if whole and site not in under_way:
                made[site] = bequest
        return made

    async def _accepted(self, offered: Collection[str]) -> frozenset[str]:
        """The offers that were accepted in time; the others are withdrawn."""
        owners, me = self._ports.owners, self._ports.worker.id
        for _ in range(round(PATIENCE_S / LOOK_S)):
            rows = await off_loop(owners.owners)
            accepted = {row.site for row in rows if row.owner == me and row.accepted}
            if accepted >= set(offered):
                return frozenset(offered)  # none where nothing was offered
            await asyncio.sleep(LOOK_S)
        await off_loop(owners.withdraw, me, offered)
        rows = await off_loop(owners.owners)
        return frozenset(row.site for row in rows if row.owner == me and row.accepted)

    async def _let_go(self, bequests: Mapping[str, Bequest]) -> frozenset[str]:
        """Close the leases in our own journal, so that our guards let go, then change the owner."""
        ports = self._ports
        async with self._turn:
            ready = [each for each in bequests.values() if stands(each, ports.at, ports.journal)]
            for bequest in ready:
                await off_loop(close_bequest, bequest, ports.journal)
            sites = [bequest.site for bequest in ready]
            ports.held.lost(sites)
            return await off_loop(ports.owners.hand_over, ports.worker.id, sites, ports.lasts_s)

    async def _take_bequests(self) -> None:
        """Open what is offered to us in our journal, with a guard at work, and accept it."""
        ports, me = self._ports, self._ports.worker.id
        await self._drop_withdrawn(self._heartbeat.rows)
        if not any(row.heir == me and not row.accepted for row in self._heartbeat.rows):
            return
        offers = await off_loop(ports.owners.offers, me)
        known = {site: text for site, text in offers.items() if site in ports.sites}
        await ports.keeper.ensure()
        for site, text in known.items():
            opened = await off_loop(open_bequest, text, ports.at, ports.journal)
            self._heartbeat.opened[site] = opened
        await ports.keeper.ensure()
        await off_loop(ports.owners.accept, me, known)

    async def _drop_withdrawn(self, rows: Iterable[Ownership]) -> None:
        """Close what was opened for a hand-over that did not come about: its owner goes on, and our
        guards must not give back what it renews."""
        ports, me = self._ports, self._ports.worker.id
        by_site = {row.site: row for row in rows}
        for site, opened in list(self._heartbeat.opened.items()):
            row = by_site.get(site)
            offered = row is not None and row.heir == me and (row.accepted or not self._ending)
            if not offered and (row is None or row.owner != me):
                await off_loop(close_bequest, opened, ports.journal)
                del self._heartbeat.opened[site]
