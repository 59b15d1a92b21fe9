"""What planning needs from its siblings."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from bms.model.planning.decision_day import DecisionDay
from bms.model.planning.problem import ZoneTask
from bms.ports.clock import Clock
from bms.ports.feeds import Feed, Tariffs
from bms.ports.planner import Checker, Planner
from bms.ports.safety import HeldPlaces
from bms.ports.storage.decisions import DecisionStore
from bms.ports.storage.ledgers import LedgerStore
from bms.ports.storage.plans import PlanStore
from bms.ports.storage.readings import ReadingStore
from bms.ports.storage.trust import TrustStore
from bms.services.collect.calendar_bookings import HallBookings
from bms.services.collect.device_times import DeviceTimes
from bms.services.rooms.missing_temperature import Rooms
from bms.services.trust.commissioned import Commissioned


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemPorts:
    """What a ``Problem`` is assembled from."""

    readings: ReadingStore
    plans: PlanStore
    decisions: DecisionStore
    feed: Feed
    tariffs: Tariffs
    calendars: HallBookings = field(default_factory=HallBookings)


@dataclass(frozen=True, slots=True)
class StartMemory:
    """What was learned of warm-ups and nights, by site: the local day on which, and the zones."""

    sites: dict[str, tuple[date, dict[str, ZoneTask]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DayMemory:
    """What the meters showed of the decisions of each local day, by site; None: nothing."""

    sites: dict[str, dict[date, DecisionDay | None]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanningPorts(ProblemPorts):
    """What identification, planning and the record of prediction errors work with."""

    trust: TrustStore
    commissioned: Commissioned
    ledgers: LedgerStore
    journal: HeldPlaces
    clock: Clock
    planner: Planner
    checker: Checker
    rooms: Rooms
    device_times: DeviceTimes
    starts: StartMemory = field(default_factory=StartMemory)
    decided: DayMemory = field(default_factory=DayMemory)
