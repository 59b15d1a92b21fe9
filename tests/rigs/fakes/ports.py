"""The bundles of the services over one store and the fakes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from bms.clock import VirtualClock
from bms.journal import MemoryHandsOff, MemoryJournal
from bms.model.assets.site import Site
from bms.model.fact import Fact
from bms.model.planning.plan import Schedule
from bms.model.planning.problem import Problem
from bms.ports.clock import Clock
from bms.ports.drivers import Drivers
from bms.ports.feeds import Feed, Tariffs
from bms.ports.planner import Checker, Planner
from bms.ports.safety import GuardKeeper, HandsOffMarks, Journal
from bms.ports.storage.whole import Store
from bms.services.collect.device_times import DeviceTimes
from bms.services.control.plan_check import PlanCheck
from bms.services.control.ports import ControlPorts
from bms.services.guard.launcher import NoGuardNeeded
from bms.services.hands_off.marked_store import MarkedDecisions
from bms.services.planning.ports import PlanningPorts, ProblemPorts
from bms.services.rooms.missing_temperature import Rooms, Sight
from bms.services.trust.commissioned import Commissioned
from bms.services.trust.without_building import AllCommissioned, all_approved
from tests.rigs.fakes.city import FakeFeed, FlatTariffs
from tests.rigs.fakes.safety import NOW


def control_ports(
    store: Store,
    *,
    drivers: Drivers,
    journal: Journal,
    keeper: GuardKeeper | None = None,
    clock: Clock | None = None,
    plan_check: PlanCheck | None = None,
    rooms: Rooms | None = None,
    hands_off: HandsOffMarks | None = None,
    commissioned: Commissioned | None = None,
) -> ControlPorts:
    """``store`` in every role of control; every point commissioned, no guard, no mark, a standing
    clock and a checker without objections where none are given."""
    marks, ticking = hands_off or MemoryHandsOff(), clock or VirtualClock(NOW)
    return ControlPorts(
        plans=store,
        decisions=MarkedDecisions(all_approved(store), marks, ticking),
        trials=store,
        trust=store,
        commissioned=commissioned or AllCommissioned(),
        ledgers=store,
        drivers=drivers,
        journal=journal,
        hands_off=marks,
        keeper=keeper or NoGuardNeeded(),
        clock=ticking,
        plan_check=plan_check or PlanCheck(NoObjections()),
        rooms=rooms or SeenRooms(),
        readings=store,
    )


def problem_ports(
    store: Store, *, feed: Feed | None = None, tariffs: Tariffs | None = None
) -> ProblemPorts:
    """``store`` in every role of a problem; fake feed and tariffs where none are given."""
    return ProblemPorts(
        readings=store,
        plans=store,
        decisions=store,
        feed=feed or FakeFeed(),
        tariffs=tariffs or FlatTariffs(),
    )


class SeenRooms:
    """``Rooms``: no room has a sensor that could fail."""

    def look(self, site: Site, now: datetime) -> Sight:
        return {}

    def look_ahead(self, sites: Iterable[Site], now: datetime) -> None:
        """Nothing to read."""


class NoObjections:
    """``Checker``: every schedule may be written."""

    def check(self, problem: Problem, schedule: Schedule) -> tuple[Fact, ...]:
        return ()


def planning_ports(
    store: Store,
    *,
    planner: Planner,
    checker: Checker | None = None,
    feed: Feed | None = None,
    tariffs: Tariffs | None = None,
    journal: Journal | None = None,
    clock: Clock | None = None,
) -> PlanningPorts:
    """``store`` in every role of planning; a checker without objections and an empty journal where
    none are given."""
    return PlanningPorts(
        readings=store,
        plans=store,
        decisions=store,
        trust=store,
        commissioned=AllCommissioned(),
        ledgers=store,
        journal=journal or MemoryJournal(),
        clock=clock or VirtualClock(NOW),
        feed=feed or FakeFeed(),
        tariffs=tariffs or FlatTariffs(),
        planner=planner,
        checker=checker or NoObjections(),
        rooms=SeenRooms(),
        device_times=DeviceTimes(),
    )
