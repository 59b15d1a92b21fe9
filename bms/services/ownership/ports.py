"""What a worker needs to own sites."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bms.model.assets.site import Site
from bms.model.clock_reading import ClockReading
from bms.model.control.ownership import OwningWorker
from bms.ports.clock import Clock
from bms.ports.drivers import Drivers
from bms.ports.ownership import SiteOwners
from bms.ports.safety import GuardKeeper, Journal
from bms.ports.storage.decisions import DecisionStore
from bms.ports.storage.ledgers import LedgerStore
from bms.services.ownership.held import HeldSites


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnershipPorts:
    """The worker, the ``sites`` that it wants, and what it works with.

    ``lasts_s`` [s] is how long it owns a site after a heartbeat, ``stands_s`` [s, building time]
    how long what it writes may stand at most.
    """

    worker: OwningWorker
    sites: Mapping[str, Site]
    owners: SiteOwners
    held: HeldSites
    journal: Journal
    keeper: GuardKeeper
    drivers: Drivers
    decisions: DecisionStore
    ledgers: LedgerStore
    clock: Clock
    lasts_s: float
    stands_s: float

    @property
    def grace_s(self) -> float:
        """How long after the end of a lease its last write may arrive [s]: the longest time-out of
        a device, and a heartbeat, whose commit a database that failed over may have lost."""
        timeouts = [device.timeout_s for site in self.sites.values() for device in site.devices]
        return max(timeouts, default=0.0) + BEAT_S

    @property
    def at(self) -> ClockReading:
        """Building time now."""
        return self.clock.reading()


BEAT_S = 1.0
"""How often a heartbeat is sent while other workers live [s]."""
