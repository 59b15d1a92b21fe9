"""What switchback trials need from their siblings."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from bms.ports.clock import Clock
from bms.ports.feeds import Feed, Tariffs
from bms.ports.storage.answers import AnswerStore
from bms.ports.storage.decisions import DecisionStore
from bms.ports.storage.evidence import EvidenceStore, KnownHeads
from bms.ports.storage.ledgers import LedgerStore
from bms.ports.storage.plans import PlanStore
from bms.ports.storage.readings import ReadingStore
from bms.ports.storage.trials import TrialStore

LOT_BITS = 53
"""So many [bit] are exact in every reader of JSON."""


def system_lot() -> int:
    """A number from the operating system's randomness, from which the days are drawn."""
    return secrets.randbits(LOT_BITS)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialPorts:
    """What trials are planned, started, stopped and analysed with."""

    clock: Clock
    readings: ReadingStore
    trials: TrialStore
    evidence: EvidenceStore
    answers: AnswerStore
    decisions: DecisionStore
    ledgers: LedgerStore
    plans: PlanStore
    feed: Feed
    tariffs: Tariffs
    lot: Callable[[], int] = system_lot
    known_heads: KnownHeads | None = None
