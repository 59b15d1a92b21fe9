"""Everything that the verbs need, wired once by ``bms.runtime``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bms.config import Settings
from bms.errors import NotFound
from bms.model.assets.site import Mode, Site
from bms.ports.clock import Clock
from bms.ports.drivers import Drivers
from bms.ports.feeds import Feed, Tariffs
from bms.ports.planner import Checker, Planner
from bms.ports.reports import Reporter
from bms.ports.safety import GuardKeeper, Journal
from bms.ports.storage.readings import Forwarding
from bms.ports.storage.whole import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class City:
    """The sites of a municipality with the implementations of every port."""

    sites: Mapping[str, Site]
    settings: Settings
    clock: Clock
    store: Store
    drivers: Drivers
    planner: Planner
    checker: Checker
    feed: Feed
    tariffs: Tariffs
    journal: Journal
    keeper: GuardKeeper
    reporter: Reporter
    forwarding: Forwarding | None = None
    """None where the store cannot be away."""

    def site(self, site_id: str) -> Site:
        """The site of this id. Raises ``NotFound`` with the ids there are."""
        try:
            return self.sites[site_id]
        except KeyError:
            known = ", ".join(sorted(self.sites)) or "none"
            raise NotFound(f"no site {site_id!r}; there are: {known}") from None

    def mode(self, site: Site) -> Mode:
        """The mode in force: what a person set, else what the site file says."""
        return self.store.mode(site.id) or site.mode
