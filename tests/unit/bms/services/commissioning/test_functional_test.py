"""The functional test of a point: what it finds, and that it leaves nothing behind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from bms.model.assets.device import Fingerprint
from bms.model.assets.point import Point
from bms.model.assets.write_rule import Release, ReleaseKind, WriteRule
from bms.model.control.command import Accepted, Command, Receipt, Released
from bms.model.control.command_state import CommandState, NoCommandState, OccupiedSlot
from bms.model.readings.units import Unit
from bms.model.trust.commissioning import (
    Commissioning,
    FunctionalTest,
    TestedFunction,
    TestOutcome,
)
from bms.services.commissioning.functional_test import Surroundings, coarser_step, trial_value
from bms.services.commissioning.records import to_commission, try_points
from tests.rigs.control_bench import ControlBench
from tests.rigs.fakes.drivers import FakeDevice
from tests.rigs.fakes.safety import (
    CONSTANT,
    ENABLE,
    LEVERS,
    NOW,
    NULL,
    OWN,
    TIMETABLE,
    hut,
    with_rule,
)

PASSED, FAILED, SKIPPED = TestOutcome.PASSED, TestOutcome.FAILED, TestOutcome.SKIPPED


@dataclass
class Attends:
    """An attendant who says what the test wants."""

    yes: bool = True
    seen: bool | None = None
    lines: list[TestedFunction] = field(default_factory=list)
    waited: list[timedelta] = field(default_factory=list)

    def agrees(self, point: Point, value: float) -> bool:
        return self.yes

    def saw(self, point: Point, value: float) -> bool | None:
        return self.seen

    def told(self, point: Point, line: TestedFunction) -> None:
        self.lines.append(line)

    def waits(self, point: Point, left: timedelta) -> None:
        self.waited.append(left)


async def tried(
    bench: ControlBench, *points: str, attendant: Attends | None = None
) -> dict[str, Commissioning]:
    async def pause(span: timedelta) -> None:
        bench.clock.advance(span)

    around = Surroundings(
        ports=bench.ports, pause=pause, attendant=attendant or Attends(), by="mette"
    )
    chosen = [p for p in to_commission(bench.site) if p.id in (points or LEVERS)]
    return {each.point: each for each in await try_points(bench.site, chosen, around)}


def outcomes(made: Commissioning) -> dict[FunctionalTest, TestOutcome]:
    return {line.test: line.outcome for line in made.tests}


def codes(made: Commissioning) -> dict[FunctionalTest, str]:
    return {line.test: line.found.code for line in made.tests}


async def test_every_way_back_passes_and_nothing_is_left() -> None:
    bench = ControlBench()
    made = await tried(bench)
    assert set(made) == set(LEVERS)
    assert all(each.passed for each in made.values())
    assert bench.held() == {}
    assert bench.journal.leases() == {}
    assert {each.by for each in made.values()} == {"mette"}
    found = outcomes(made[NULL])
    assert found.pop(FunctionalTest.IDENTITY) is SKIPPED
    assert found.pop(FunctionalTest.SEEN) is SKIPPED
    assert found.pop(FunctionalTest.SILENCE) is SKIPPED
    assert set(found.values()) == {PASSED}
    assert (made[NULL].resolution, made[NULL].settling_s) == (0.1, 0.0)


async def test_w05_it_passes_the_gate_and_its_writes_are_leased_and_explained() -> None:
    bench = ControlBench()
    await tried(bench, NULL)
    [command] = bench.device(NULL).writes
    assert command.actor == "commissioning"
    assert getattr(command.reason, "code", None) == "by_commissioning"
    bench.override(NULL)
    made = await tried(bench, NULL)
    assert codes(made[NULL])[FunctionalTest.WRITE] == "commissioning_not_written"
    assert len(bench.device(NULL).writes) == 1


async def test_w16_what_it_gave_back_is_on_record() -> None:
    bench = ControlBench()
    await tried(bench, NULL)
    _, last = bench.store.receipts("hut", NOW)[-1]
    assert last == Released(NULL, OWN[NULL])


async def test_a_point_that_the_plan_holds_is_left_to_it() -> None:
    bench = ControlBench()
    bench.plan()
    await bench.tick()
    held = bench.held()
    attendant = Attends()
    assert await tried(bench, NULL, attendant=attendant) == {}, "an earlier record stands"
    why = attendant.lines[-1].found.parameters["why"]
    assert getattr(why, "code", None) == "commissioning_held_by_plan"
    assert bench.held() == held


async def test_a_write_that_is_declined_is_no_test() -> None:
    bench = ControlBench()
    assert await tried(bench, NULL, attendant=Attends(yes=False)) == {}
    assert bench.writes() == 0


@pytest.mark.parametrize(("seen", "outcome"), [(True, PASSED), (False, FAILED), (None, SKIPPED)])
async def test_what_a_person_saw_counts(seen: bool | None, outcome: TestOutcome) -> None:
    made = await tried(ControlBench(), NULL, attendant=Attends(seen=seen))
    assert outcomes(made[NULL])[FunctionalTest.SEEN] is outcome
    assert made[NULL].passed is (seen is not False)


async def test_a_dead_device_fails_at_once() -> None:
    bench = ControlBench()
    bench.device(NULL).dead = True
    made = await tried(bench, NULL)
    assert made[NULL].tests[-1].test is FunctionalTest.READ
    assert not made[NULL].passed


@pytest.mark.parametrize("point", [NULL, ENABLE, CONSTANT])
async def test_a_device_that_acknowledges_and_does_nothing_fails(point: str) -> None:
    bench = ControlBench()
    bench.device(point).swallows_writes = True
    made = await tried(bench, point)
    assert outcomes(made[point])[FunctionalTest.WRITE] is FAILED
    assert bench.held() == {}


async def test_a_device_that_keeps_what_is_given_back_fails() -> None:
    bench = ControlBench()
    bench.device(NULL).swallows_releases = True
    made = await tried(bench, NULL)
    assert outcomes(made[NULL])[FunctionalTest.GIVE_BACK] is FAILED
    assert FunctionalTest.SILENCE not in outcomes(made[NULL])


class Other(FakeDevice):
    """A device that says who it is, rounds, is slow, has others in its slots, lets go."""

    says: Fingerprint | None = None
    step: float | None = None
    slow_looks = 0
    below: tuple[OccupiedSlot, ...] = ()
    lets_go_at: datetime | None = None
    watchdog: timedelta | None = None

    async def fingerprint(self) -> Fingerprint | None:
        return self.says

    async def write(self, point: Point, command: Command) -> Receipt:
        receipt = await super().write(point, command)
        if self.step is not None and isinstance(receipt, Accepted):
            rounded = round(round(command.value / self.step) * self.step, 9)
            self.held[point.id] = rounded
            return Accepted(command, rounded)
        if self.watchdog is not None:
            self.lets_go_at = command.issued_at + self.watchdog
        return receipt

    async def command_states(
        self, points: Sequence[Point], at: datetime
    ) -> list[CommandState | NoCommandState]:
        if self.lets_go_at is not None and at >= self.lets_go_at:
            self.held.clear()
        found = await super().command_states(points, at)
        states = [replace(s, below=self.below) for s in found if isinstance(s, CommandState)]
        if self.slow_looks and self.held:
            self.slow_looks -= 1
            return [replace(each, effective=self.own[each.point]) for each in states]
        return list(states)


def with_device(point: str = NULL, **rule: object) -> tuple[ControlBench, Other]:
    bench = ControlBench(with_rule(hut(), point, **rule))
    known = next(p.device for p in bench.site.points if p.id == point)
    other = Other(own=dict(bench.drivers.device(known).own))
    bench.drivers.devices[known] = other
    return bench, other


async def test_the_identity_is_compared_where_the_site_file_asks_for_one() -> None:
    bench, device = with_device()
    device.says = Fingerprint(vendor="Trend", model="IQ4", serial="7")
    assert codes((await tried(bench, NULL))[NULL])[FunctionalTest.IDENTITY] == (
        "commissioning_says_undeclared"
    )
    for asked, outcome in ((Fingerprint(serial="7"), PASSED), (Fingerprint(serial="8"), FAILED)):
        devices = (replace(bench.site.devices[0], fingerprint=asked), *bench.site.devices[1:])
        bench.site = replace(bench.site, devices=devices)
        made = await tried(bench, NULL)
        assert outcomes(made[NULL])[FunctionalTest.IDENTITY] is outcome
    assert made[NULL].tests[-1].test is FunctionalTest.IDENTITY


async def test_the_habits_of_the_maker_are_noted() -> None:
    bench, device = with_device()
    device.below = (OccupiedSlot(15, 19.0), OccupiedSlot(16, 18.0))
    made = await tried(bench, NULL)
    line = next(each for each in made[NULL].tests if each.test is FunctionalTest.SLOTS)
    shown = line.found.parameters["slots"]
    assert isinstance(shown, tuple)
    assert [each.parameters["slot"] for each in shown] == [15, 16]  # type: ignore[union-attr]


async def test_a_device_that_rounds_is_told_of_with_its_step() -> None:
    bench, device = with_device(tolerance=0.3)
    device.step = 0.5
    made = await tried(bench, NULL)
    assert codes(made[NULL])[FunctionalTest.RESOLUTION] == "commissioning_coarser"
    assert made[NULL].resolution == 0.5
    assert made[NULL].passed


async def test_a_slow_device_passes_with_its_time() -> None:
    bench, device = with_device()
    device.slow_looks = 3
    made = await tried(bench, NULL)
    assert codes(made[NULL])[FunctionalTest.RAMP] == "commissioning_settled"
    assert made[NULL].settling_s is not None
    assert made[NULL].settling_s > 0
    assert made[NULL].passed


async def test_a_declared_watchdog_is_waited_for() -> None:
    bench, device = with_device(watchdog_s=1800.0)
    device.watchdog = timedelta(minutes=30)
    attendant = Attends()
    made = await tried(bench, NULL, attendant=attendant)
    line = made[NULL].tests[-1]
    assert (line.test, line.outcome) == (FunctionalTest.SILENCE, PASSED)
    seconds = line.found.parameters["seconds"]
    assert isinstance(seconds, float)
    assert 1800.0 <= seconds < 1900.0
    assert attendant.waited
    assert bench.journal.leases() == {}


async def test_a_watchdog_that_is_none_fails_and_the_point_goes_back() -> None:
    bench, _ = with_device(watchdog_s=600.0)
    made = await tried(bench, NULL)
    assert outcomes(made[NULL])[FunctionalTest.SILENCE] is FAILED
    assert bench.held() == {}
    assert bench.journal.leases() == {}


def a_rule(**changes: object) -> WriteRule:
    made = WriteRule(
        minimum=16.0,
        maximum=24.0,
        release=Release(kind=ReleaseKind.NULL),
        hold_safe=(16.0, 23.0),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "standing", "value"),
    [
        ({}, 19.0, 19.1),
        ({}, 23.0, 22.9),
        ({}, 90.0, 22.9),
        ({}, None, 19.7),
        ({"resolution": 0.5}, 19.0, 19.5),
        ({"tolerance": 0.4}, 19.0, 19.9),
        ({"max_change": 2.0, "resolution": 0.5}, 19.0, 19.5),
        ({"max_change": 0.8}, 19.0, 19.1),
    ],
)
def test_a_value_to_try_is_a_small_step_that_shows_rounding(
    changes: dict[str, object], standing: float | None, value: float
) -> None:
    point = next(p for p in hut().points if p.id == NULL)
    assert trial_value(point, a_rule(**changes), standing) == pytest.approx(value)


def test_a_switch_is_switched() -> None:
    point = replace(next(p for p in hut().points if p.id == TIMETABLE), unit=Unit.ON_OFF)
    rule = a_rule(minimum=0.0, maximum=1.0, hold_safe=(0.0, 1.0))
    assert trial_value(point, rule, 1.0) == 0.0
    assert trial_value(point, rule, 0.0) == 1.0


def test_the_step_of_a_rounded_value() -> None:
    assert coarser_step(19.5, 0.1) == 0.5
    assert coarser_step(20.0, 0.1) == pytest.approx(0.2)
