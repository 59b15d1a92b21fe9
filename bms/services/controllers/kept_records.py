"""What the database says of sites, for controllers that ask for their schedule many a second.

All that decides on a schedule is proven in the evidence of its site (modes, overrides, bookings,
trials, commissionings, plans), by an entry in the same transaction: while the chain has the same
end, nothing of it has changed, and one question for the ends stands in for all others.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bms.model.assets.site import Site
from bms.model.control.evidence import ChainHead
from bms.ports.safety import HandsOffMarks
from bms.ports.storage.evidence import EvidenceStore
from bms.services.control.ports import ControlPorts
from bms.services.control.site_state import ControlRecords, records_of

KEPT_FOR_S = 60.0
"""How long records are kept at most [s, real]: names that people had removed leave no entry."""
LOOK_AGAIN = timedelta(seconds=15)
"""After so long the sensors of the rooms are looked at again; a room is blind after hours."""


@dataclass(frozen=True, slots=True)
class _RestsOn:
    """What records rest on; other ones are read where it is another."""

    site: Site
    head: ChainHead | None
    taken_back: frozenset[str]
    """Marks of people on this computer; the database may not have heard of their end."""


@dataclass(frozen=True, slots=True)
class _ReadBefore:
    base: _RestsOn
    records: ControlRecords
    read_at: datetime
    read_s: float
    looked_at: datetime


class KeptRecords:
    """``records_of``, answered from what was read before where it holds yet. Any thread may ask."""

    def __init__(
        self, evidence: EvidenceStore, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._evidence = evidence
        self._monotonic = monotonic
        self._kept: dict[str, _ReadBefore] = {}

    def __call__(
        self, sites: Collection[Site], now: datetime, ports: ControlPorts
    ) -> Mapping[str, ControlRecords]:
        """See ``records_of``."""
        bases = self._bases(sites, ports.hands_off)
        holding = {site.id: self._holding(bases.get(site.id), now) for site in sites}
        fresh = [site for site in sites if holding[site.id] is None]
        found = dict(records_of(fresh, now, ports)) if fresh else {}
        for site in fresh:
            if site.id in bases:
                records = found[site.id]
                self._kept[site.id] = _ReadBefore(
                    bases[site.id], records, now, self._monotonic(), now
                )
        known = {id_: kept for id_, kept in holding.items() if kept is not None}
        return found | self._seen(known, now, ports)

    def _bases(self, sites: Collection[Site], hands_off: HandsOffMarks) -> dict[str, _RestsOn]:
        """What the records of each site rest on; those with a mark that stands are never kept."""
        heads = self._evidence.chain_heads([site.id for site in sites])
        marks, taken_back = list(hands_off.marks().values()), frozenset(hands_off.history())
        return {
            site.id: _RestsOn(site, heads.get(site.id), taken_back)
            for site in sites
            if not any(mark.covers_site(site.id) for mark in marks)
        }

    def _holding(self, base: _RestsOn | None, now: datetime) -> _ReadBefore | None:
        """What was read before, if it holds yet; the site is the same as long as its file is."""
        kept = None if base is None else self._kept.get(base.site.id)
        if kept is None or base is None or kept.base.site is not base.site:
            return None
        same = (kept.base.head, kept.base.taken_back) == (base.head, base.taken_back)
        young = self._monotonic() - kept.read_s < KEPT_FOR_S and kept.read_at <= now
        return kept if same and young else None

    def _seen(
        self, known: Mapping[str, _ReadBefore], now: datetime, ports: ControlPorts
    ) -> dict[str, ControlRecords]:
        """The kept records as they are now: without overrides that are over, with rooms as they
        were seen lately."""
        unseen = [k.base.site for k in known.values() if now - k.looked_at >= LOOK_AGAIN]
        if unseen:
            ports.rooms.look_ahead(unseen, now)
        for site in unseen:
            kept, sight = known[site.id], ports.rooms.look(site, now)
            seen = replace(kept, records=replace(kept.records, sight=sight), looked_at=now)
            self._kept[site.id] = seen
        return {id_: _standing(self._kept[id_].records, now) for id_ in known}


def _standing(records: ControlRecords, now: datetime) -> ControlRecords:
    over = [o for o in records.overrides if o.until is not None and o.until <= now]
    if not over:
        return records
    return replace(records, overrides=[o for o in records.overrides if o not in over])
