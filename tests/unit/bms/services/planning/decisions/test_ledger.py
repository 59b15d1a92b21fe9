"""The ledger of a site: days that were run by their plans, from stored plans, receipts and
readings."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from bms.model.assets.point import Role
from bms.model.control.command import Accepted, Command
from bms.model.planning.plan import DayAhead, DecisionGain, DecisionKind, Plan
from bms.model.planning.problem import Lever, ZoneTask
from bms.model.readings.units import Unit
from bms.services.planning.decisions.ledger import decision_ledger, storing_share
from bms.services.planning.ports import PlanningPorts
from bms.store.memory.store import MemoryStore
from optimizer.planner import Optimizer
from tests.rigs.fakes.city import lodge, utc
from tests.rigs.fakes.ports import planning_ports
from tests.rigs.fakes.store import a_plan, quarters

SITE = lodge()
MIDNIGHT = utc(2019, 1, 14, 23)
"""Of the 15th of January, local time."""
NOW = utc(2019, 1, 16, 10)
POINT = "lodge/hall.setpoint"
AHEAD = DayAhead(
    heat_kwh=96.0,
    own_heat_kwh=120.0,
    cost_dkk=48.0,
    own_cost_dkk=60.0,
    left_dkk=0.0,
    kwh_per_k=6.0,
    outdoor_c=2.0,
    gains=(DecisionGain(kind=DecisionKind.STORING, dkk=12.0, kwh=24.0),),
)


def a_day_ahead(start: datetime) -> Plan:
    made = a_plan(site="lodge", at=start, steps=96)
    lever = Lever(point=POINT, role=Role.ZONE_SETPOINT, unit=Unit.DEG_C, minimum=10, maximum=25)
    zone = ZoneTask(
        id="hall",
        area_m2=200.0,
        occupied=(False,) * 96,
        low_c=(16.0,) * 96,
        high_c=(28.0,) * 96,
        own_setpoint_c=(18.0,) * 96,
        lever=lever,
    )
    problem = replace(
        made.problem,
        zones=(zone,),
        heat_dkk_per_kwh=(0.5,) * 96,
        heat_source=SITE.heat_source,
    )
    return replace(made, problem=problem, schedule=replace(made.schedule, day_ahead=AHEAD))


def a_store(*, controlled: bool = True, metered: bool = True) -> MemoryStore:
    """A day that was run by its plan, with 96 kWh on the heat meter at 2 degC."""
    store = MemoryStore()
    store.add_plan(a_day_ahead(MIDNIGHT))
    outdoor = next(p.id for p in SITE.points if p.role is Role.OUTDOOR_TEMP)
    register = SITE.meter_point("heat")
    assert register is not None
    store.add_readings(quarters([2.0] * 96, outdoor, MIDNIGHT))
    if metered:
        store.add_readings(quarters([1000.0 + k for k in range(98)], register.id, MIDNIGHT))
    for hour in range(-1, 25) if controlled else ():
        at = MIDNIGHT + timedelta(hours=hour)
        command = Command(
            id=f"c{hour}",
            point=POINT,
            value=20.0,
            issued_at=at,
            lease_end=at + timedelta(hours=1, minutes=10),
            reason="",
            actor="planner",
            plan="p1",
        )
        for again in (timedelta(0), timedelta(minutes=30)):
            store.add_receipts([Accepted(command, 20.0)], at + again)
    return store


def ports_of(store: MemoryStore) -> PlanningPorts:
    return planning_ports(store, planner=Optimizer())


def test_a_day_that_was_run_by_its_plan_is_held_against_its_meter() -> None:
    ledger = decision_ledger(SITE, NOW, ports_of(a_store()))
    [day] = ledger.days
    assert day.plan == "p1"
    assert day.predicted == {DecisionKind.STORING: 12.0}
    assert day.came_dkk == pytest.approx(12.0, abs=0.3)
    [kind] = ledger.kinds
    assert kind.kind is DecisionKind.STORING
    assert 0.8 <= kind.share <= 1.0


@pytest.mark.parametrize(("controlled", "metered"), [(False, True), (True, False)])
def test_a_day_that_nobody_ran_or_metered_is_left_out(controlled: bool, metered: bool) -> None:
    store = a_store(controlled=controlled, metered=metered)
    assert decision_ledger(SITE, NOW, ports_of(store)).days == ()


def test_a_day_is_looked_up_once() -> None:
    ports = ports_of(a_store())
    first = decision_ledger(SITE, NOW, ports)
    bare = replace(ports, readings=MemoryStore())
    assert decision_ledger(SITE, NOW, bare) == first


def test_one_day_is_not_enough_to_plan_with() -> None:
    assert storing_share(SITE, NOW, ports_of(a_store())) is None
