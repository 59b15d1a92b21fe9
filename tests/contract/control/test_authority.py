"""W5, one gate: the same table of situations for everybody who writes.

A row says who may write the room setpoint then, and why the others may not. Each writer goes its
own way to the device: the tick of dispatch, the tick in a block of a trial, a controller that
fetches its schedule, a person. Where they differ on purpose the row says so: a person may write in
any mode, without a plan, on days of own control and over a running lease.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest

from bms.model.assets.point import Role
from bms.model.assets.site import Mode
from bms.model.control.command import Accepted, Clamped
from bms.model.control.local_override import LOCAL
from bms.model.control.reasons import RefusalReason
from bms.model.fact import Fact, MessageCode
from bms.services.control.authority import (
    AuthorityReason,
    Permitted,
    Withheld,
    Writer,
    may_write,
)
from bms.services.control.site_state import state_of
from bms.services.control.trial_block import TrialNotice
from bms.services.trust.commissioned import CommissionedPoints
from tests.rigs.commissioned import as_declared
from tests.rigs.control_bench import ControlBench
from tests.rigs.fakes.safety import (
    ENABLE,
    LEASE,
    NULL,
    TICK,
    WANTED,
    command,
    hut,
    lease_on,
    with_rule,
)
from tests.rigs.fakes.trial import OURS, OWN, a_trial

POINT, NEIGHBOUR = NULL, ENABLE
HOUR = timedelta(hours=1)
NOW = a_trial().start + HOUR
Write = Callable[[ControlBench, str], Awaitable[bool]]
Arrange = Callable[[ControlBench], None]


async def by_tick(bench: ControlBench, point: str) -> bool:
    return isinstance((await bench.tick()).get(point), Accepted | Clamped)


async def by_download(bench: ControlBench, point: str) -> bool:
    devices = [p.device for p in bench.site.points if p.id == point] or ["hut/bacnet"]
    return point in {row.point for row in bench.download(devices[0]).setpoints}


async def by_person(bench: ControlBench, point: str) -> bool:
    return isinstance(await bench.write(point, WANTED.get(point, 20.0)), Accepted | Clamped)


async def by_commissioning(bench: ControlBench, point: str) -> bool:
    receipt = await bench.write(point, WANTED.get(point, 20.0), writer=Writer.COMMISSIONING)
    return isinstance(receipt, Accepted | Clamped)


WRITERS: dict[Writer, Write] = {
    Writer.PLAN: by_tick,
    Writer.TRIAL: by_tick,
    Writer.CONTROLLER: by_download,
    Writer.PERSON: by_person,
    Writer.COMMISSIONING: by_commissioning,
}
ALL = frozenset(WRITERS)
NOBODY: frozenset[Writer] = frozenset()
PEOPLE = frozenset({Writer.PERSON, Writer.COMMISSIONING})


def mode(to: Mode) -> Arrange:
    return lambda bench: bench.store.set_mode("hut", to, actor="bo", at=NOW, reason="test")


def overridden(
    point: str | None,
    since: datetime = NOW,
    until: datetime | None = None,
    actor: str = "janitor",
) -> Arrange:
    def arrange(bench: ControlBench) -> None:
        bench.override(point, since=since, until=until, actor=actor)

    return arrange


def override_taken_back(bench: ControlBench) -> None:
    made = bench.override(POINT, since=NOW - HOUR)
    bench.store.remove_override(made.id, actor="anna", at=NOW - HOUR / 2)


def leased(actor: str, since: datetime, value: float = WANTED[POINT]) -> Arrange:
    """A lease in the journal whose value stands at the device."""

    def arrange(bench: ControlBench) -> None:
        bench.journal.intend([lease_on(bench.site, command(POINT, value, at=since, actor=actor))])
        bench.device(POINT).held[POINT] = value

    return arrange


def plan(**more: object) -> Arrange:
    return lambda bench: bench.plan(**{"hours": 12.0, **more})  # type: ignore[arg-type]


def edited_plan(bench: ControlBench) -> None:
    """Somebody has changed a number in the database."""
    kept = bench.store.plan_in_force("hut", bench.now)
    assert kept is not None
    row = kept.schedule.setpoints[0]
    warmer = replace(row, steps=tuple(replace(step, value=22.0) for step in row.steps))
    schedule = replace(kept.schedule, setpoints=(warmer, *kept.schedule.setpoints[1:]))
    bench.store.add_plan(replace(kept, id="edited", schedule=schedule))


def point_rule(**changes: object) -> Arrange:
    def arrange(bench: ControlBench) -> None:
        bench.site = with_rule(bench.site, POINT, **changes)

    return arrange


def of_unknown_meaning(bench: ControlBench) -> None:
    """A temperature that may be that of hot water."""
    points = (replace(p, role=Role.OTHER) if p.id == POINT else p for p in bench.site.points)
    bench.site = with_rule(
        replace(bench.site, points=tuple(points)), POINT, minimum=16.0, maximum=60.0
    )


def commissioned(**changes: object) -> Arrange:
    """Every point was commissioned; POINT in another way than the others."""

    def arrange(bench: ControlBench) -> None:
        made = [as_declared(bench.site, p, at=NOW) for p in bench.site.points if p.write]
        others = [each for each in made if each.point != POINT]
        own = [replace(each, **changes) for each in made if each.point == POINT and changes]
        bench.store.add_commissionings([*others, *own])
        bench.commissioned = CommissionedPoints(bench.store)

    return arrange


def not_writable(bench: ControlBench) -> None:
    points = tuple(replace(p, write=None) if p.id == POINT else p for p in bench.site.points)
    bench.site = replace(bench.site, points=points)


def gone(bench: ControlBench) -> None:
    points = tuple(p for p in bench.site.points if p.id != POINT)
    bench.site = replace(bench.site, points=points)


def nothing(bench: ControlBench) -> None:
    """Mode auto, a good plan, and nobody in the way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """Who may write the point, the code of the reason why others may not, and who may write its
    neighbour, where that differs."""

    name: str
    arrange: Arrange = nothing
    may: frozenset[Writer]
    why: MessageCode | None = None
    neighbour: frozenset[Writer] | None = None
    has_plan: bool = True
    own_control_day: bool = False


OLD = timedelta(hours=6, minutes=1)
SITUATIONS = (
    Situation(name="auto and a good plan", may=ALL),
    Situation(
        name="observe", arrange=mode(Mode.OBSERVE), may=PEOPLE, why=AuthorityReason.MODE_NOT_AUTO
    ),
    Situation(
        name="advise", arrange=mode(Mode.ADVISE), may=PEOPLE, why=AuthorityReason.MODE_NOT_AUTO
    ),
    Situation(
        name="override of the point",
        arrange=overridden(POINT),
        may=NOBODY,
        why=AuthorityReason.OVERRIDDEN,
        neighbour=ALL,
    ),
    Situation(
        name="override of the site",
        arrange=overridden(None),
        may=NOBODY,
        why=AuthorityReason.OVERRIDDEN,
    ),
    Situation(
        name="override of the neighbour", arrange=overridden(NEIGHBOUR), may=ALL, neighbour=NOBODY
    ),
    Situation(
        name="override with an end that is to come",
        arrange=overridden(POINT, NOW - HOUR, NOW + HOUR),
        may=NOBODY,
        why=AuthorityReason.OVERRIDDEN,
        neighbour=ALL,
    ),
    Situation(
        name="override that has expired", arrange=overridden(None, NOW - 2 * HOUR, NOW), may=ALL
    ),
    Situation(name="override that was taken back", arrange=override_taken_back, may=ALL),
    Situation(
        name="override made while the tick is at work",
        arrange=overridden(POINT, NOW + timedelta(minutes=1)),
        may=NOBODY,
        why=AuthorityReason.OVERRIDDEN,
        neighbour=ALL,
    ),
    Situation(
        name="local override on record",
        arrange=overridden(POINT, actor=LOCAL),
        may=NOBODY,
        why=AuthorityReason.OVERRIDDEN,
        neighbour=ALL,
    ),
    Situation(
        name="running lease of a person",
        arrange=leased("operator:bo", NOW - LEASE / 2, 19.5),
        may=PEOPLE,
        why=AuthorityReason.OVERRIDDEN,
        neighbour=ALL,
    ),
    Situation(
        name="ended lease of a person",
        arrange=leased("operator:bo", NOW - LEASE, 19.5),
        may=ALL,
    ),
    Situation(name="running lease of the plan", arrange=leased("plan", NOW - TICK), may=ALL),
    Situation(
        name="a trial's day of own control",
        may=PEOPLE,
        why=TrialNotice.OWN_CONTROL,
        own_control_day=True,
    ),
    Situation(name="no plan", may=PEOPLE, why=AuthorityReason.NO_PLAN, has_plan=False),
    Situation(
        name="a plan that is too old",
        arrange=plan(start=NOW - OLD),
        may=PEOPLE,
        why=AuthorityReason.PLAN_OLD,
        has_plan=False,
    ),
    Situation(
        name="a plan of another time",
        arrange=plan(start=NOW - 2 * TICK, hours=0.25),
        may=PEOPLE,
        why=AuthorityReason.PLAN_ELSEWHEN,
        has_plan=False,
    ),
    Situation(
        name="a plan of before the clock went back",
        arrange=plan(start=NOW + TICK),
        may=PEOPLE,
        why=AuthorityReason.NO_PLAN,
        has_plan=False,
    ),
    Situation(
        name="a plan with objections",
        arrange=plan(objections=[Fact("too_warm")]),
        may=PEOPLE,
        why=AuthorityReason.PLAN_OBJECTIONS,
    ),
    Situation(
        name="a plan that was edited",
        arrange=edited_plan,
        may=PEOPLE,
        why=AuthorityReason.PLAN_EDITED,
    ),
    Situation(
        name="a point that is not writable",
        arrange=not_writable,
        may=NOBODY,
        why=RefusalReason.NOT_WRITABLE,
        neighbour=ALL,
    ),
    Situation(
        name="a point that is gone from the site file",
        arrange=gone,
        may=NOBODY,
        why=RefusalReason.UNKNOWN_POINT,
        neighbour=ALL,
    ),
    Situation(
        name="a point without a way back that needs nobody",
        arrange=point_rule(hold_safe=None),
        may=NOBODY,
        why=RefusalReason.NO_SAFE_END,
        neighbour=ALL,
    ),
    Situation(name="every point is commissioned", arrange=commissioned(by="mette"), may=ALL),
    Situation(
        name="a point that nobody has commissioned",
        arrange=commissioned(),
        may=PEOPLE,
        why=RefusalReason.NOT_COMMISSIONED,
        neighbour=ALL,
    ),
    Situation(
        name="a point that was another one when it was commissioned",
        arrange=commissioned(declared="another address"),
        may=PEOPLE,
        why=RefusalReason.COMMISSIONING_STALE,
        neighbour=ALL,
    ),
    Situation(
        name="a point that failed",
        arrange=commissioned(tests=()),
        may=PEOPLE,
        why=RefusalReason.COMMISSIONING_FAILED,
        neighbour=ALL,
    ),
    Situation(
        name="a temperature of which only the unit is known",
        arrange=of_unknown_meaning,
        may=PEOPLE,
        why=RefusalReason.MEANING_UNKNOWN,
        neighbour=ALL,
    ),
    Situation(
        name="a watchdog in place of a safe range",
        arrange=point_rule(hold_safe=None, watchdog_s=1200.0),
        may=ALL,
    ),
)


def bench_in(situation: Situation, writer: Writer) -> ControlBench:
    bench = ControlBench(hut(), NOW)
    if situation.own_control_day:
        bench.store.add_trial(a_trial(arms=(OWN, OURS) * 3))
    elif writer is Writer.TRIAL:
        bench.store.add_trial(a_trial(arms=(OURS, OWN) * 3))
    if situation.has_plan:
        bench.plan(start=NOW - TICK, hours=12.0)
    situation.arrange(bench)
    return bench


each_writer = pytest.mark.parametrize("writer", WRITERS)
each_situation = pytest.mark.parametrize("situation", SITUATIONS, ids=lambda s: s.name)


@each_writer
@each_situation
async def test_w05_who_may_write_a_point_writes_it_and_nobody_else(
    situation: Situation, writer: Writer
) -> None:
    bench = bench_in(situation, writer)
    assert await WRITERS[writer](bench, POINT) is (writer in situation.may)


@each_writer
@each_situation
async def test_w05_what_stands_in_the_way_of_a_point_spares_its_neighbour(
    situation: Situation, writer: Writer
) -> None:
    bench = bench_in(situation, writer)
    may = situation.may if situation.neighbour is None else situation.neighbour
    assert await WRITERS[writer](bench, NEIGHBOUR) is (writer in may)


@each_writer
@each_situation
def test_w05_the_gate_says_why(situation: Situation, writer: Writer) -> None:
    bench = bench_in(situation, writer)
    answer = may_write(state_of(bench.site, NOW, bench.ports), POINT, writer)
    if writer in situation.may:
        assert isinstance(answer, Permitted)
        assert answer.point.id == POINT
    else:
        assert isinstance(answer, Withheld)
        assert answer.reason.code == situation.why


@each_situation
async def test_w05_a_controller_is_told_why(situation: Situation) -> None:
    bench = bench_in(situation, Writer.CONTROLLER)
    given = bench.download("hut/bacnet")
    known = any(p.id == POINT for p in bench.site.points)
    expected = [] if Writer.CONTROLLER in situation.may or not known else [situation.why]
    assert [reason.code for reason in given.reasons] == expected


@pytest.mark.parametrize("writer", [Writer.PLAN, Writer.TRIAL, Writer.CONTROLLER])
def test_w05_no_lease_reaches_into_a_day_of_own_control(writer: Writer) -> None:
    bench = ControlBench(hut(), NOW)
    trial = a_trial(arms=(OURS, OWN) * 3)
    bench.store.add_trial(trial)
    bench.now = trial.block_start(1) - TICK
    bench.plan()
    state = state_of(bench.site, bench.now, bench.ports)
    answer = may_write(state, POINT, writer)
    assert isinstance(answer, Permitted)
    assert answer.until == trial.block_start(1)
    person = may_write(state, POINT, Writer.PERSON)
    assert isinstance(person, Permitted)
    assert person.until is None


AT_ONCE = {
    AuthorityReason.MODE_NOT_AUTO,
    AuthorityReason.OVERRIDDEN,
    TrialNotice.OWN_CONTROL,
    RefusalReason.NOT_COMMISSIONED,
    RefusalReason.COMMISSIONING_STALE,
    RefusalReason.COMMISSIONING_FAILED,
    RefusalReason.UNKNOWN_POINT,
    RefusalReason.NOT_WRITABLE,
    RefusalReason.NO_SAFE_END,
}
"""Reasons of people, and of the site file as it is now: what the plan holds does not wait for the
end of its lease."""


async def given_back_at_once(situation: Situation) -> bool:
    """Whether the next tick gives back what the plan holds since the last one."""
    bench = bench_in(situation, Writer.PLAN)
    made = lease_on(hut(), command(POINT, WANTED[POINT], at=NOW - TICK))
    bench.journal.intend([made])
    bench.drivers.device("hut/bacnet").held[POINT] = WANTED[POINT]
    await bench.tick()
    return POINT not in bench.held()


NOT_LEASED = [s for s in SITUATIONS if "lease" not in s.name]


@pytest.mark.parametrize("situation", NOT_LEASED, ids=lambda s: s.name)
async def test_w05_what_the_plan_holds_goes_back_at_once_where_people_say_so(
    situation: Situation,
) -> None:
    assert await given_back_at_once(situation) is (situation.why in AT_ONCE)


BY_PEOPLE = [s for s in NOT_LEASED if s.why in AT_ONCE]


@pytest.mark.parametrize("situation", BY_PEOPLE, ids=lambda s: s.name)
async def test_w05_it_does_so_without_a_plan(situation: Situation) -> None:
    assert await given_back_at_once(replace(situation, has_plan=False))
