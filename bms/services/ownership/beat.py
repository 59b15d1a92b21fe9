"""The heartbeat of a worker: own on, take what is free up to the fair share, wait where values of
an earlier owner may still stand."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta

from bms.errors import GuardError
from bms.model.control.ownership import CITY_WIDE, Ownership, SiteClaim
from bms.services.local_overrides.record import follow_lost_owner, follow_predecessor
from bms.services.ownership.bequest import Bequest, take_over
from bms.services.ownership.places import places_of
from bms.services.ownership.ports import OwnershipPorts
from bms.services.ownership.selection import fair_share, few, known_sites, living, owned_by

log = logging.getLogger(__name__)

LEFT_OVER = 3.0
"""Leases of an owner [1] after which a free site is taken by whoever wants it, above its share."""


class Heartbeat:
    """Beats for one worker. Synchronous; one call at a time."""

    def __init__(self, ports: OwnershipPorts) -> None:
        self._ports = ports
        self._free_since: dict[str, float] = {}
        self._told: frozenset[str] = frozenset()
        self.rows: list[Ownership] = []
        """The table as it was seen last."""
        self.opened: dict[str, Bequest] = {}
        """What was opened in our journal for a hand-over that has not come about yet, by site."""

    @property
    def alone(self) -> bool:
        """Whether no other worker was seen to live."""
        return living(self.rows).keys() <= {self._ports.worker.id}

    def beat(self) -> frozenset[str]:
        """Own on what is owned. Returns the sites that may be written from now on and could not be
        before. Raises ``StoreError`` or ``GuardError``: then what is owned runs out by itself."""
        ports = self._ports
        asked = ports.held.computer.elapsed()
        tokens = ports.owners.beat(ports.worker, ports.lasts_s)
        for site in self.opened.keys() & tokens.keys():
            take_over(self.opened[site], ports.journal)
            del self.opened[site]
        before = ports.held.sites()
        gained = ports.held.renewed(tokens, asked, ports.lasts_s)
        if gained:
            ports.owners.reserve(ports.worker.id, gained, ports.stands_s)
        lost = sorted((before & ports.sites.keys()) - tokens.keys())
        if lost:
            log.error("no longer owned by this worker: %s", few(lost))
        may = gained | self._settle()
        return frozenset(s for s in may & ports.sites.keys() if ports.held.may_send(s))

    def take_share(self) -> None:
        """Look at the table, give up what is not wanted, and claim what is free and due to us, with
        the people whom the owner before has found there. Raises ``StoreError``."""
        ports, me = self._ports, self._ports.worker
        self.rows = ports.owners.owners()
        self._give_up_unwanted()
        ports.held.seen_elsewhere(
            {
                row.site
                for row in self.rows
                if row.owner != me.id and not row.released and row.left_s > -row.stands_s
            }
        )
        wanted = [*self._missing_pseudo_sites(), *self._due()]
        if not wanted:
            return
        claims = ports.owners.claim(
            me,
            wanted,
            lasts_s=ports.lasts_s,
            stands_s=ports.stands_s,
            grace_s=ports.grace_s,
            places={site: places_of(ports.sites[site]) for site in wanted if site in ports.sites},
        )
        for site in claims.keys() & self.opened.keys():
            del self.opened[site]  # its owner was lost: the guards of both give back
        claims = self._without_overlaps(claims)
        ports.held.claimed(claims)
        for site in claims.keys() & ports.sites.keys():
            self._follow(claims[site])
        waits = sorted(s for s, claim in claims.items() if claim.waits_s > 0 and s in ports.sites)
        if waits:
            log.warning(
                "%s: what another worker wrote may still stand; nothing is written for %.0f s",
                few(waits),
                max(claim.waits_s for claim in claims.values()),
            )

    def _without_overlaps(self, claims: Mapping[str, SiteClaim]) -> dict[str, SiteClaim]:
        """The claims without sites whose registers or objects a site of another home writes to
        already; those are given up again, before anything was sent."""
        ports = self._ports
        overlaps = ports.owners.overlaps(ports.worker.id)
        taken = {site: other for site, other in overlaps.items() if site in claims}
        ports.owners.give_up(ports.worker.id, taken)
        for site, other in taken.items():
            if site not in self._told:
                log.error(
                    "%s is not written: it names what site %s of another home writes to; take it"
                    " out of one of the two site files",
                    site,
                    other,
                )
        self._told = frozenset(taken)
        return {site: claim for site, claim in claims.items() if site not in taken}

    def _follow(self, claim: SiteClaim) -> None:
        """Take over whom the owner before has found at the building, and what it has left there."""
        ports, now, was_lost = self._ports, self._ports.clock.now(), claim.waits_s > 0
        site, journal, decisions = ports.sites[claim.site], ports.journal, ports.decisions
        try:
            follow_predecessor(
                site, now=now, decisions=decisions, journal=journal, was_lost=was_lost
            )
            if was_lost:
                until, ledgers = now + timedelta(seconds=claim.waits_s), ports.ledgers
                follow_lost_owner(site, until=until, now=now, ledgers=ledgers, journal=journal)
        except GuardError as error:
            log.error("who holds points of %s is not known here: %s", claim.site, error)

    def _missing_pseudo_sites(self) -> list[str]:
        me = self._ports.worker
        mine = {row.site for row in self.rows if row.owner == me.id and row.runs}
        mine -= {row.site for row in self.rows if row.released}
        city = [] if self._is_taken(CITY_WIDE) else [CITY_WIDE]
        return [*city, *({me.presence} - mine)]

    def _is_taken(self, site: str) -> bool:
        row = next((each for each in self.rows if each.site == site), None)
        if row is None or row.released:
            return False
        ours = row.owner == self._ports.worker.id
        return row.runs or (not ours and row.left_s > -self._ports.grace_s)

    def _due(self) -> Sequence[str]:
        """The free sites that we should take: up to our share, and what nobody has taken long."""
        me, sites = self._ports.worker.id, self._ports.sites
        known = known_sites(self.rows, sites)
        taken = {row.site for row in self.rows if self._is_taken(row.site)}
        free = [site for site in sites if site not in taken]
        now = time.monotonic()
        self._free_since = {site: self._free_since.get(site, now) for site in free}
        workers = living(self.rows)
        if me not in workers:
            return []  # first we show that we live
        lacks = fair_share(me, workers, known) - len(owned_by(me, self.rows, known))
        long_ago = now - LEFT_OVER * self._ports.lasts_s
        left_over = [site for site in free[max(0, lacks) :] if self._free_since[site] < long_ago]
        return [*free[: max(0, lacks)], *left_over]

    def _give_up_unwanted(self) -> None:
        """What this home owned before, with other sites: the guard gives back what is held."""
        ports = self._ports
        mine = {
            row.site
            for row in self.rows
            if row.owner == ports.worker.id and row.runs and not row.released and not row.waits
        }
        unwanted = mine - ports.sites.keys() - {CITY_WIDE, ports.worker.presence}
        free = nothing_held(unwanted, ports)
        if free:
            ports.owners.give_up(ports.worker.id, free)

    def _settle(self) -> frozenset[str]:
        """The sites at which the values of an earlier owner have had their time."""
        over = self._ports.held.settled()
        if over:
            self._ports.owners.settle(self._ports.worker.id, over)
        return over


def nothing_held(sites: Collection[str], ports: OwnershipPorts) -> frozenset[str]:
    """The sites at which the journal holds nothing open, as far as it can be read."""
    try:
        return frozenset(site for site in sites if not ports.journal.leases_of(site))
    except GuardError as error:
        log.error("%s", error)
        return frozenset()
