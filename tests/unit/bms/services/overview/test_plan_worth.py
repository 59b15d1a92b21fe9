"""What a plan spares a day, and what an override forgoes."""

from __future__ import annotations

from dataclasses import replace

from bms.services.overview.plan_worth import PlanWorth, override_cost, plan_worth
from tests.rigs.fakes.api import SETPOINT, a_lodge_plan, nothing
from tests.rigs.fakes.city import lodge

WORTH = PlanWorth(kwh=30.0, dkk=20.0)


def test_a_plan_is_worth_what_it_spares_over_its_days() -> None:
    """30 kWh and 30 DKK over 36 hours."""
    worth = plan_worth(a_lodge_plan())
    assert worth == PlanWorth(kwh=20.0, dkk=20.0)


def test_what_the_model_cannot_say_is_not_said() -> None:
    plan = a_lodge_plan()
    unknown = replace(plan, schedule=replace(plan.schedule, own_control=nothing()))
    assert plan_worth(unknown) == PlanWorth(kwh=None, dkk=None)


def test_a_room_stands_for_its_share_of_the_floor() -> None:
    site = lodge()
    hall = site.zones[0]
    two = replace(site, zones=(hall, replace(hall, id="loft", area_m2=600.0)))
    assert override_cost(two, SETPOINT, WORTH) == PlanWorth(kwh=7.5, dkk=5.0)
    assert override_cost(two, None, WORTH) == WORTH


def test_what_another_point_is_worth_alone_no_plan_says() -> None:
    for point in ("lodge/ahu1.run", "lodge/nothing"):
        assert override_cost(lodge(), point, WORTH) == PlanWorth(kwh=None, dkk=None)
