"""What a problem knows of levers that may not move at once (W3)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bms.model.planning.problem import Lever
from bms.model.readings.measurement import Quality, Reading
from bms.services.planning.plan import site_problem
from bms.store.memory.store import MemoryStore
from tests.rigs.fakes.api import NOW, FixedPlanner
from tests.rigs.fakes.city import HOUR, slow_lodge
from tests.rigs.fakes.ports import planning_ports

SETPOINT, RUN = "lodge/hall.setpoint", "lodge/ahu1.run"
MINUTE = timedelta(minutes=1)


def levers(*readings: Reading) -> tuple[Lever, Lever]:
    store = MemoryStore()
    store.add_readings(readings)
    ports = planning_ports(store, planner=FixedPlanner())
    problem = site_problem(slow_lodge(), now=NOW, ports=ports, horizon=6 * HOUR)
    setpoint, run = problem.zones[0].lever, problem.ventilation[0].lever
    assert setpoint is not None
    assert run is not None
    return setpoint, run


def test_w03_a_plan_knows_where_its_levers_stand_and_since_when() -> None:
    looks = [Reading(RUN, NOW - k * MINUTE, float(k <= 30)) for k in range(0, 60, 10)]
    setpoint, run = levers(Reading(SETPOINT, NOW, 19.5), *looks)
    assert (setpoint.max_change, setpoint.standing) == (4.0, 19.5)
    assert (run.minimum_on, run.standing, run.standing_min) == (60.0, 1.0, 30.0)


@pytest.mark.parametrize(
    "reading",
    [Reading(RUN, NOW - 2 * HOUR, 1.0), Reading(RUN, NOW, 1.0, Quality.UNCERTAIN)],
    ids=["old", "doubted"],
)
def test_w03_what_is_old_or_doubted_is_not_known(reading: Reading) -> None:
    setpoint, run = levers(reading)
    assert (setpoint.standing, run.standing, run.standing_min) == (None, None, None)
