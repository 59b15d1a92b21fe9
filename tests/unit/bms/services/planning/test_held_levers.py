"""What people hold is planned around, from the next tick on and until it ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bms.errors import GuardError
from bms.journal import MemoryJournal
from bms.model.assets.point import Role
from bms.model.assets.site import Mode, Site
from bms.model.assets.write_rule import Release, ReleaseKind
from bms.model.control.command import Override, Released
from bms.model.control.lease import Lease
from bms.model.control.reasons import Holder
from bms.model.fact import fact
from bms.model.planning.plan import Plan
from bms.model.planning.problem import CurveTask, HeldValue, Lever, Problem
from bms.model.readings.measurement import Quality, Reading
from bms.model.readings.units import Unit
from bms.runtime.jobs import job_table
from bms.services import operator as people
from bms.services.control.person_write import PersonWrite, write_once
from bms.services.held_points import PointHold
from bms.services.planning.held_levers import Holds, holds_changed, holds_of, with_holds
from bms.services.planning.plan import site_problem
from bms.store.memory.store import MemoryStore
from optimizer.planner import Optimizer
from tests.rigs.fakes.api import NOW, FixedPlanner, World, a_world
from tests.rigs.fakes.city import HOUR, QUARTER, lodge
from tests.rigs.fakes.ports import planning_ports

SITE = lodge()
SETPOINT = "lodge/hall.setpoint"
OWN, PLANNED = 21.0, 18.0


class Life:
    """A lodge that is polled and dispatched every quarter of an hour."""

    def __init__(self, home: Path, site: Site | None = None) -> None:
        self.world: World = a_world(home, sites=None if site is None else (site,))
        self.site = self.world.city.site("lodge")
        self.now = NOW - QUARTER
        self.device = self.world.drivers.device("lodge/rooms")
        self.device.own[SETPOINT] = OWN

    async def tick(self, times: int = 1) -> Plan:
        """The plan in force after as many ticks."""
        jobs = {job.name: job for job in job_table(self.world.city)}
        for _ in range(times):
            self.now += QUARTER
            self.world.clock.move_to(self.now)
            if self.world.store.plan_in_force("lodge", self.now) is None:
                await jobs["plan"].run(self.now)
            await jobs["poll"].run(self.now)
            await jobs["dispatch"].run(self.now)
        plan = self.world.store.plan_in_force("lodge", self.now)
        assert plan is not None
        return plan

    async def override(self, until: datetime | None = None) -> Override:
        made, _ = await people.override(
            self.site,
            now=self.now + timedelta(minutes=1),
            ports=self.world.city.control,
            point=SETPOINT,
            until=until,
            reason="draught",
            actor="janitor",
        )
        return made


@pytest.fixture
def life(tmp_path: Path) -> Life:
    return Life(tmp_path)


def with_constant() -> Site:
    """The lodge in auto, its setpoint a register that is constant by nature."""
    back = Release(kind=ReleaseKind.CONSTANT, value=OWN)
    points = tuple(
        replace(point, write=replace(point.write, release=back)) if point.write else point
        for point in SITE.points
    )
    return replace(SITE, points=points, mode=Mode.AUTO)


def held(plan: Plan) -> HeldValue | None:
    lever = plan.problem.zones[0].lever
    assert lever is not None
    return lever.held


class TestWithinATick:
    async def test_an_override_is_planned_around_with_what_stands_then(self, life: Life) -> None:
        first = await life.tick()
        assert held(first) is None
        assert life.device.held == {SETPOINT: PLANNED}
        until = life.now + 3 * HOUR
        await life.override(until)
        plan = await life.tick()
        assert plan.created_at == life.now
        assert held(plan) == HeldValue(value=OWN, by="janitor", until=until)

    async def test_it_is_planned_once(self, life: Life) -> None:
        await life.tick()
        await life.override(life.now + 3 * HOUR)
        assert (await life.tick()).id == (await life.tick(3)).id

    async def test_its_end_by_time_was_known_and_the_lever_is_written_again(
        self, life: Life
    ) -> None:
        await life.tick()
        await life.override(life.now + HOUR)
        knowing = await life.tick()
        assert life.device.held == {}
        assert (await life.tick(4)).id == knowing.id
        assert life.device.held == {SETPOINT: PLANNED}

    async def test_an_override_that_ends_early_is_planned_without(self, life: Life) -> None:
        await life.tick()
        made = await life.override()
        knowing = await life.tick()
        assert held(knowing) == HeldValue(value=OWN, by="janitor")
        await people.end_override(
            life.site, made.id, now=life.now, ports=life.world.city.control, actor="anna"
        )
        plan = await life.tick()
        assert plan.id != knowing.id
        assert held(plan) is None
        assert life.device.held == {SETPOINT: PLANNED}

    async def test_an_override_of_the_site_holds_its_levers(self, life: Life) -> None:
        await life.tick()
        made, _ = await people.override(
            life.site,
            now=life.now,
            ports=life.world.city.control,
            point=None,
            until=None,
            reason="fire drill",
            actor="janitor",
        )
        assert held(await life.tick()) == HeldValue(value=OWN, by=made.actor)

    async def test_a_slot_above_ours_is_planned_around_and_its_leaving_is_noticed(
        self, life: Life
    ) -> None:
        await life.tick()
        life.device.override[SETPOINT] = (8, 22.5)
        await life.tick()  # meets it
        plan = await life.tick()
        assert held(plan) == HeldValue(value=22.5, by=fact(Holder.OPERATOR))
        assert (await life.tick(3)).id == plan.id
        del life.device.override[SETPOINT]
        await life.tick()  # is written again
        assert held(await life.tick()) is None

    async def test_a_persons_write_is_planned_around_until_its_lease_ends(self, life: Life) -> None:
        await life.tick()
        wanted = PersonWrite(
            point=SETPOINT, value=20.0, lease=HOUR, actor="operator:anna", reason="visit"
        )
        await write_once(life.site, wanted, now=life.now, ports=life.world.city.control)
        until = life.now + HOUR
        assert held(await life.tick()) == HeldValue(value=20.0, by="operator:anna", until=until)

    async def test_a_local_override_is_planned_around_as_the_person_left_it(
        self, tmp_path: Path
    ) -> None:
        life = Life(tmp_path, with_constant())
        await life.tick()
        life.device.held[SETPOINT] = 22.0
        await life.tick()  # meets it
        found = held(await life.tick())
        assert found is not None
        assert (found.value, found.by) == (22.0, fact(Holder.LOCAL))
        assert found.until is not None


class TestThePlan:
    """Made by the optimiser itself, for a building that nobody knows yet."""

    @pytest.fixture
    def life(self, tmp_path: Path) -> Life:
        life = Life(tmp_path)
        life.world = life.world.rewired(planner=Optimizer(), checker=Optimizer())
        return life

    def setpoints(self, plan: Plan, start: datetime, end: datetime) -> set[float | None]:
        (row,) = (row for row in plan.schedule.setpoints if row.point == SETPOINT)
        n = int((end - start) / QUARTER)
        return {row.value_at(start + k * QUARTER) for k in range(n)}

    def codes(self, plan: Plan) -> set[str]:
        return {reason.code for reason in plan.schedule.reasons}

    @pytest.mark.slow
    async def test_holds_the_value_until_the_end_and_says_so(self, life: Life) -> None:
        first = await life.tick()
        assert "lever_held" not in self.codes(first)
        until = life.now + 3 * HOUR
        await life.override(until)
        plan = await life.tick()
        assert plan.objections == ()
        assert self.setpoints(plan, life.now, until) == {OWN}
        assert "lever_held" in self.codes(plan)
        free = until + QUARTER, first.schedule.end  # the step in which it ends is held whole
        assert self.setpoints(plan, *free) == self.setpoints(first, *free)

    @pytest.mark.slow
    async def test_is_free_again_where_the_override_ends_early(self, life: Life) -> None:
        first = await life.tick()
        made = await life.override()
        knowing = await life.tick()
        assert self.setpoints(knowing, life.now, knowing.schedule.end) == {OWN}
        await people.end_override(
            life.site, made.id, now=life.now, ports=life.world.city.control, actor="anna"
        )
        plan = await life.tick()
        assert "lever_held" not in self.codes(plan)
        span = life.now, first.schedule.end
        assert self.setpoints(plan, *span) == self.setpoints(first, *span)


def lodge_problem(store: MemoryStore, journal: MemoryJournal | None = None) -> Problem:
    ports = planning_ports(store, planner=FixedPlanner(), journal=journal)
    return site_problem(SITE, now=NOW, ports=ports, horizon=timedelta(hours=24))


def overridden(store: MemoryStore, until: datetime | None = None) -> None:
    store.add_override(
        Override(
            id="o1",
            site="lodge",
            point=SETPOINT,
            since=NOW - HOUR,
            until=until,
            reason="draught",
            actor="janitor",
        )
    )


class TestTheValue:
    def value(self, store: MemoryStore) -> float | None:
        lever = lodge_problem(store).zones[0].lever
        assert lever is not None
        return None if lever.held is None else lever.held.value

    def test_is_the_one_that_stood_last(self) -> None:
        store = MemoryStore()
        overridden(store)
        store.add_readings([Reading(SETPOINT, NOW - timedelta(minutes=5), 19.0)])
        assert self.value(store) == 19.0
        store.add_receipts([Released(SETPOINT, 20.5)], NOW - timedelta(minutes=4))
        assert self.value(store) == 20.5
        store.add_readings([Reading(SETPOINT, NOW, 21.5)])
        assert self.value(store) == 21.5

    @pytest.mark.parametrize(
        "reading",
        [
            None,
            Reading(SETPOINT, NOW - HOUR, 19.0),
            Reading(SETPOINT, NOW, None, Quality.NO_REPLY),
            Reading(SETPOINT, NOW, None, Quality.OUT_OF_RANGE),
        ],
    )
    def test_is_own_control_with_a_note_where_nobody_knows(self, reading: Reading | None) -> None:
        store = MemoryStore()
        overridden(store)
        if reading is not None:
            store.add_readings([reading])
        problem = lodge_problem(store)
        task = problem.zones[0]
        assert task.lever is not None
        assert task.lever.held == HeldValue(value=task.own_setpoint_c[0], by="janitor")
        assert "held_value_unknown" in {note.code for note in problem.notes}

    def test_nobody_holds_what_nobody_has_taken(self) -> None:
        assert self.value(MemoryStore()) is None
        store = MemoryStore()
        overridden(store, until=NOW)
        assert self.value(store) is None

    def test_a_journal_that_cannot_be_read_stops_no_plan(self) -> None:
        class Unreadable(MemoryJournal):
            def leases(self) -> dict[str, Lease]:
                raise GuardError("the disk is gone")

        problem = lodge_problem(MemoryStore(), Unreadable())
        assert problem.zones[0].lever is not None


class TestLeversOfEveryKind:
    def problem(self) -> Problem:
        base = lodge_problem(MemoryStore())

        def lever(name: str, role: Role, unit: Unit) -> Lever:
            return Lever(point=name, role=role, unit=unit, minimum=0.0, maximum=400.0)

        unit = replace(
            base.ventilation[0],
            lever=lever("run", Role.VENTILATION_RUN, Unit.ON_OFF),
            flow_lever=lever("flow", Role.VENTILATION_FLOW, Unit.PERCENT),
            supply_lever=lever("supply", Role.SUPPLY_AIR_SETPOINT, Unit.KELVIN),
            own_supply_c=(18.0,) * base.steps,
        )
        curve = CurveTask(lever=lever("shift", Role.HEATING_CURVE_SHIFT, Unit.KELVIN))
        return replace(base, ventilation=(unit,), curve=curve)

    @pytest.mark.parametrize(
        ("point", "stands", "expected"),
        [
            ("run", 2.0, 1.0),
            ("flow", 55.0, 55.0),
            ("supply", 290.0, 290.0),
            ("shift", -2.0, -2.0),
            ("flow", None, 100.0),
            ("supply", None, 291.15),
            ("shift", None, 0.0),
        ],
    )
    def test_are_held_at_their_value_or_that_of_own_control(
        self, point: str, stands: float | None, expected: float
    ) -> None:
        holds = Holds({point: PointHold(by="janitor")}, {} if stands is None else {point: stands})
        made = with_holds(self.problem(), holds)
        unit = made.ventilation[0]
        assert made.curve is not None
        levers = (unit.lever, unit.flow_lever, unit.supply_lever, made.curve.lever)
        found = {lever.point: lever.held for lever in levers if lever is not None}
        assert found.pop(point) == HeldValue(value=expected, by="janitor")
        assert set(found.values()) == {None}

    def test_a_supply_without_any_value_follows_its_own_control(self) -> None:
        problem = self.problem()
        bare = replace(problem.ventilation[0], own_supply_c=())
        holds = Holds({"supply": PointHold(by="janitor")}, {})
        made = with_holds(replace(problem, ventilation=(bare,)), holds)
        assert made.ventilation[0].supply_lever is None


async def test_only_who_and_until_when_outdate_a_plan(life: Life) -> None:
    await life.tick()
    await life.override(life.now + HOUR)
    plan = await life.tick()
    holds = holds_of(life.site, life.now, life.world.city.planning)
    assert not holds_changed(plan, holds, life.now)
    assert not holds_changed(plan, replace(holds, standing={SETPOINT: 5.0}), life.now)
    longer = PointHold(by="janitor", until=life.now + 2 * HOUR)
    assert holds_changed(plan, replace(holds, points={SETPOINT: longer}), life.now)
    other = PointHold(by="anna", until=holds.points[SETPOINT].until)
    assert holds_changed(plan, replace(holds, points={SETPOINT: other}), life.now)
    assert holds_changed(plan, Holds({}, {}), life.now)
    assert not holds_changed(plan, Holds({}, {}), life.now + HOUR)
