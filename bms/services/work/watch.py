"""The watch: what the sources see of a site now, and what that changes on the work list."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from bms.model.assets.site import Site
from bms.model.control.evidence import CITY
from bms.services.assessment.savings_cache import SavingsCache
from bms.services.work.life import Changes, Look, Watching, changes
from bms.services.work.ports import WorkPorts
from bms.services.work.sources.city import city_is_silent, city_look
from bms.services.work.sources.control import control_look
from bms.services.work.sources.data import data_look
from bms.services.work.sources.faults import fault_look
from bms.services.work.sources.proofs import proof_look

GAP = timedelta(hours=1)
"""Looks further apart than this, and three polls, are no watch without a gap."""


def watch_site(site: Site, now: datetime, ports: WorkPorts) -> Changes:
    """Look at what is seen every few minutes. Raises ``StoreUnavailable``."""
    seen = data_look(site, now, ports)
    if city_is_silent(ports):
        seen = Look(causes=(), kinds=frozenset())
    detections = ports.work.detections([site.id])
    faults = fault_look(site, detections[0] if detections else None, now)
    return _applied(site.id, (seen, control_look(site, now, ports), faults), now, ports)


def watch_proofs(site: Site, now: datetime, ports: WorkPorts, cache: SavingsCache) -> Changes:
    """Look at what the assessment of savings asks, once a day. Raises ``StoreUnavailable``."""
    return _applied(site.id, (proof_look(site, cache),), now, ports)


def watch_city(now: datetime, ports: WorkPorts) -> Changes:
    """Look at what the whole city relies on. Raises ``StoreUnavailable``."""
    return _applied(CITY, (city_look(now, ports),), now, ports)


def _applied(site: str, looks: Iterable[Look], now: datetime, ports: WorkPorts) -> Changes:
    since = _since(site, now, ports)
    found = _together(looks)
    watch = Watching(now=now, since=since, dismissed=ports.work.dismissed(site))
    live = ports.work.live_items([site])
    done = changes(live, found, watch, lambda: uuid.uuid4().hex[:12])
    known = {item.id: replace(item, events=()) for item in live}
    changed = [item for item in done.items if replace(item, events=()) != known.get(item.id)]
    ports.work.keep_items(changed, done.events)
    ports.work.keep_watched(site, since, now)
    return done


def _together(looks: Iterable[Look]) -> Look:
    rows = tuple(looks)
    return Look(
        causes=tuple(cause for row in rows for cause in row.causes),
        kinds=frozenset().union(*(row.kinds for row in rows)),
        blind=frozenset().union(*(row.blind for row in rows)),
    )


def _since(site: str, now: datetime, ports: WorkPorts) -> datetime:
    """Since when there was no gap between the looks at a site, this one included."""
    known = ports.work.watched_at(site)
    if known is None or not timedelta(0) <= now - known[1] <= max(GAP, 3 * ports.poll):
        return now
    return known[0]
