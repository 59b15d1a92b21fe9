"""What the work list needs from its siblings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from bms.model.assets.site import Site
from bms.ports.clock import Clock
from bms.ports.feeds import Feed, Tariffs
from bms.ports.ownership import SiteOwners
from bms.ports.storage.decisions import DecisionStore
from bms.ports.storage.ledgers import LedgerStore
from bms.ports.storage.plans import PlanStore
from bms.ports.storage.readings import ReadingStore
from bms.ports.storage.work import WorkStore


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkPorts:
    """The sites by id, and what is looked at for their causes. ``poll`` is how often points are
    read. ``silent`` has, by site, whether none of its devices answered at the last look."""

    sites: Mapping[str, Site]
    clock: Clock
    work: WorkStore
    readings: ReadingStore
    decisions: DecisionStore
    ledgers: LedgerStore
    plans: PlanStore
    owners: SiteOwners
    feed: Feed
    tariffs: Tariffs
    poll: timedelta = timedelta(minutes=15)
    silent: dict[str, bool] = field(default_factory=dict)
