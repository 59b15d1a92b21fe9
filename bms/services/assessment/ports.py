"""What the assessment of savings needs from its siblings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bms.model.assets.site import Site
from bms.ports.clock import Clock
from bms.ports.feeds import Feed, Tariffs
from bms.ports.storage.ledgers import LedgerStore
from bms.ports.storage.readings import ReadingStore
from bms.ports.storage.rollups import RollupStore


@dataclass(frozen=True, slots=True, kw_only=True)
class AssessmentPorts:
    """The sites of the portfolio by id, and what their savings and key figures are made of."""

    sites: Mapping[str, Site]
    clock: Clock
    readings: ReadingStore
    rollups: RollupStore
    ledgers: LedgerStore
    feed: Feed
    tariffs: Tariffs
