"""A stored plan is checked again when it is loaded to be written (W16)."""

from __future__ import annotations

from dataclasses import replace

from bms.model.assets.point import Role
from bms.model.control.command import Accepted
from bms.model.fact import Fact
from bms.model.planning.plan import Plan, Schedule
from bms.model.planning.plan_digest import sealed
from bms.model.planning.problem import Lever, Problem, ZoneTask
from bms.model.readings.units import Unit
from bms.services.control.authority import AuthorityReason, Writer, plan_flaw, withheld_site
from bms.services.control.site_state import state_of
from optimizer.planner import Optimizer
from tests.rigs.buildings.any_problem import a_problem
from tests.rigs.control_bench import ControlBench
from tests.rigs.fakes.safety import NOW, NULL, TICK, plan_of

STEPS = 24
LEVER = Lever(
    point=NULL, role=Role.ZONE_SETPOINT, unit=Unit.DEG_C, minimum=13.0, maximum=23.0, resolution=0.1
)
ROOM = ZoneTask(
    id="room",
    area_m2=50.0,
    occupied=(True,) * STEPS,
    low_c=(20.0,) * STEPS,
    high_c=(24.0,) * STEPS,
    own_setpoint_c=(21.0,) * STEPS,
    lever=LEVER,
)


class CountingChecker(Optimizer):
    """The checker itself, and how often it was asked."""

    asked = 0

    def check(self, problem: Problem, schedule: Schedule) -> tuple[Fact, ...]:
        self.asked += 1
        return super().check(problem, schedule)


def a_plan(value: float) -> Plan:
    """A plan of the hut's room, which is in use, with its own digest and no stored objection."""
    made = plan_of({NULL: value})
    return sealed(
        replace(made, problem=a_problem(STEPS, site="hut", start=NOW, zones=(ROOM,)), objections=())
    )


async def test_w16_a_plan_that_was_edited_with_its_digest_is_not_written() -> None:
    """7 K below the comfort band, inside the limits of the point, and no stored objection."""
    bench = ControlBench(checker=CountingChecker())
    bench.store.add_plan(a_plan(21.0))
    assert isinstance((await bench.tick())[NULL], Accepted)
    bench.store.add_plan(sealed(replace(a_plan(13.0), id="p2")))
    await bench.tick(TICK)
    assert [command.value for command in bench.device(NULL).writes] == [21.0]
    for writer in (Writer.PLAN, Writer.TRIAL, Writer.CONTROLLER):
        withheld = withheld_site(state_of(bench.site, bench.now, bench.ports), writer)
        assert withheld is not None
        assert withheld.reason.code == AuthorityReason.PLAN_OBJECTIONS


async def test_w16_what_the_checker_says_is_remembered_for_the_digest_only() -> None:
    checker = CountingChecker()
    bench = ControlBench(checker=checker)
    bench.store.add_plan(a_plan(21.0))
    for _ in range(3):
        await bench.tick(TICK)
    assert checker.asked == 1
    bench.store.add_plan(sealed(replace(a_plan(21.5), id="p2")))
    await bench.tick(TICK)
    assert checker.asked == 2


def test_w16_a_digest_that_is_not_its_own_is_refused_before_the_checker_is_believed() -> None:
    bench = ControlBench(checker=CountingChecker())
    good = a_plan(21.0)
    bench.store.add_plan(good)
    assert plan_flaw(state_of(bench.site, NOW, bench.ports)) is None
    bench.store.add_plan(replace(a_plan(13.0), id="p2", digest=good.digest))
    flaw = plan_flaw(state_of(bench.site, NOW, bench.ports))
    assert flaw is not None
    assert flaw.code == AuthorityReason.PLAN_EDITED
