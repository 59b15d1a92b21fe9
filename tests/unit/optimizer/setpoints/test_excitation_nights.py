"""Which nights a zone is set back further to learn from."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bms.model.assets.point import Role
from bms.model.planning.plan import Schedule
from bms.model.planning.problem import History, Lever, Problem, Weather, ZoneHistory, ZoneTask
from bms.model.readings.units import Unit
from optimizer import check, plan
from optimizer.setpoints.excitation_nights import is_excited, nights_taken
from tests.rigs.buildings.any_problem import a_problem

DAY = 24
NIGHT_C, DAY_C = 16.0, 21.0


def used(k: int) -> bool:
    """Every day from 8 to 16."""
    return 8 <= k % DAY < 16


def asked(nights: int = 5, deviating: int = 0, outdoor: float = 4.0, days: int = 21) -> Problem:
    """The evening after ``days`` days, the last ``deviating`` of them with deeper nights."""
    n = days * DAY + 18
    deep = n - deviating * DAY
    horizon = range(n, n + 36)
    problem = a_problem(steps=36, step_s=3600)
    zone = ZoneTask(
        id="hall",
        area_m2=400.0,
        lever=Lever(
            point="hall", role=Role.ZONE_SETPOINT, unit=Unit.DEG_C, minimum=10.0, maximum=25.0
        ),
        occupied=tuple(map(used, horizon)),
        low_c=tuple(20.0 if used(k) else 11.0 for k in horizon),
        high_c=(25.0,) * 36,
        own_setpoint_c=tuple(DAY_C if 6 <= k % DAY < 18 else NIGHT_C for k in horizon),
    )
    own = (DAY_C if 6 <= k % DAY < 18 else NIGHT_C for k in range(n))
    setpoint = tuple(13.0 if v == NIGHT_C and k >= deep else v for k, v in enumerate(own))
    start = datetime(2026, 1, 5, tzinfo=UTC)
    return replace(
        problem,
        start=start + timedelta(hours=n),
        timezone="UTC",
        excitation_nights=nights,
        weather=Weather(temp_out_c=(outdoor,) * 36, ghi_wm2=(0.0,) * 36),
        zones=(zone,),
        model=None,
        history=History(
            start=start,
            step_s=3600,
            weather=Weather(temp_out_c=(4.0,) * n, ghi_wm2=(0.0,) * n),
            heat_kw=(None,) * n,
            zones=(
                ZoneHistory(
                    id=zone.id,
                    temp_c=(18.0,) * n,
                    setpoint_c=setpoint,
                    valve_pct=(None,) * n,
                    occupied=tuple(map(used, range(n))),
                ),
            ),
        ),
    )


def lowest(schedule: Schedule) -> float:
    return min(step.value for row in schedule.setpoints for step in row.steps)


def test_a_night_is_set_back_further_and_says_so() -> None:
    problem = asked()
    schedule = plan(problem)
    assert not check(problem, schedule)
    assert lowest(schedule) < lowest(plan(replace(problem, excitation_nights=0)))
    [said] = [each for each in schedule.reasons if each.code == "excitation_night"]
    assert (said.parameters["number"], said.parameters["most"]) == (1, 5)


def test_without_consent_no_night_is_different() -> None:
    reasons = plan(asked(nights=0)).reasons
    assert not [each for each in reasons if each.code == "excitation_night"]


@pytest.mark.parametrize(("deviating", "more"), [(0, True), (4, True), (5, False)])
def test_no_more_nights_than_were_allowed(deviating: int, more: bool) -> None:
    problem = asked(deviating=deviating)
    assert nights_taken(problem, problem.zones[0]) == deviating
    assert is_excited(problem, problem.zones[0]) is more


def test_hard_frost_is_left_alone() -> None:
    problem = asked(outdoor=-8.0)
    assert not is_excited(problem, problem.zones[0])


def test_a_short_history_has_no_habit() -> None:
    problem = asked(days=10)
    assert not is_excited(problem, problem.zones[0])
    counted = replace(problem, zones=(replace(problem.zones[0], nights_excited=2),))
    assert is_excited(counted, counted.zones[0])


def test_a_weekend_is_no_night() -> None:
    problem = asked()
    [zone] = problem.zones
    away = replace(zone, occupied=(True, *(False,) * 33, True, True))
    assert not is_excited(problem, away)
