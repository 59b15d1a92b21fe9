"""What control needs from its siblings."""

from __future__ import annotations

from dataclasses import dataclass

from bms.ports.clock import Clock
from bms.ports.drivers import Drivers
from bms.ports.safety import GuardKeeper, HandsOffMarks, Journal
from bms.ports.storage.decisions import DecisionStore
from bms.ports.storage.ledgers import LedgerStore
from bms.ports.storage.plans import PlanStore
from bms.ports.storage.readings import ReadingStore
from bms.ports.storage.trials import TrialStore
from bms.services.control.plan_check import PlanCheck
from bms.services.rooms.watch import Rooms


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlPorts:
    """What dispatch, a person's write, read-back and release work with."""

    plans: PlanStore
    decisions: DecisionStore
    trials: TrialStore
    ledgers: LedgerStore
    drivers: Drivers
    journal: Journal
    hands_off: HandsOffMarks
    keeper: GuardKeeper
    clock: Clock
    plan_check: PlanCheck
    rooms: Rooms
    readings: ReadingStore
