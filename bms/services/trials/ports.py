"""What switchback trials need from their siblings."""

from __future__ import annotations

from dataclasses import dataclass

from bms.ports.clock import Clock
from bms.ports.feeds import Feed
from bms.ports.storage.decisions import DecisionStore
from bms.ports.storage.ledgers import LedgerStore
from bms.ports.storage.readings import ReadingStore
from bms.ports.storage.trials import TrialStore


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialPorts:
    """What trials are planned, started, stopped and analysed with."""

    clock: Clock
    readings: ReadingStore
    trials: TrialStore
    decisions: DecisionStore
    ledgers: LedgerStore
    feed: Feed
