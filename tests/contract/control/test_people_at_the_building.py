"""People at a building over real sockets: what they put there stays, the receipt says so, and
nothing of ours is left beneath (clauses W6, W7, W8, W9 and W12).

The people write from sockets of their own into a BACnet priority array or a Modbus register. The
tick, a person's write, a release and the guard come over the drivers of the product.
"""

from __future__ import annotations

import asyncio
import errno
import os
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from bacpypes3.primitivedata import Null, Real

from bms.clock import VirtualClock
from bms.guard import Guard
from bms.journal import FileJournal
from bms.model.assets.address import BacnetAddress
from bms.model.assets.point import Point, Role
from bms.model.assets.site import Mode
from bms.model.assets.write_rule import Release, ReleaseKind
from bms.model.control.command import (
    Accepted,
    AnyReceipt,
    Failed,
    Overridden,
    Released,
    StillHeld,
)
from bms.services.control.dispatch import dispatch_site
from bms.services.control.inspection import verify_site
from bms.services.giving_back.many_points import release_points
from bms.store.memory.store import MemoryStore
from drivers.registry import NetworkDrivers
from tests.rigs.control_bench import ControlBench
from tests.rigs.fakes.safety import LEASE, TICK, hut
from tests.rigs.fieldbus.bacnet_responder import free_udp_port, listening
from tests.rigs.fieldbus.bacnet_scheduling import SchedulingDevice, exception
from tests.rigs.fieldbus.bacnet_visitor import Visitor
from tests.rigs.fieldbus.driver_rigs import (
    MORNING,
    NIGHT,
    OWN,
    AnalogValue,
    BacnetRig,
    ModbusRig,
    point,
    rule,
)

WANTED, HAND = 21.0, 22.5
SETPOINT, NEIGHBOUR = "site/setpoint", "site/plain"
OBJECT = "analog-value,1"
KINDS = [
    ReleaseKind.NULL,
    ReleaseKind.REMOTE_ENABLE,
    ReleaseKind.TIMETABLE,
    ReleaseKind.CONSTANT,
]
WHO = ["tick", "write", "verify", "release", "guard"]


class Stubborn(AnalogValue):
    """An object that says yes to a Null and keeps its slot while told to; ``_beside`` is what
    somebody writes right after us."""

    _stubborn = False
    _beside: tuple[int, float] | None = None
    _written: list[tuple[int | None, float | None]]

    async def write_property(
        self, attr: Any, value: Any, index: int | None = None, priority: int | None = None
    ) -> None:
        gone = isinstance(value, Null)
        self._written.append((priority, None if gone else float(value)))
        if not (gone and self._stubborn):
            await super().write_property(attr, value, index, priority)
        if self._beside is not None and priority == 13 and not gone:
            slot, other = self._beside
            self._beside = None
            await super().write_property(attr, Real(other), index, slot)


class SlotRig(BacnetRig):
    """A BACnet controller that people reach over the network."""

    def __init__(self) -> None:
        super().__init__()
        self.value = Stubborn(
            objectIdentifier=("analog-value", 1),
            objectName="setpoint",
            presentValue=Real(OWN),
            relinquishDefault=Real(OWN),
            units="degrees-celsius",
            covIncrement=0.1,
        )
        self.value._written = []
        where = BacnetAddress(object_type="analog-value", instance=2)
        way = Release(kind=ReleaseKind.CONSTANT, value=OWN)
        self.neighbour = point("plain", where, rule(way))

    async def put(self, value: float | None, priority: int = 13) -> None:
        visitor = Visitor(self.device.port)
        try:
            word = Null(()) if value is None else Real(value)
            assert await visitor.write(OBJECT, word, priority) is None
        finally:
            visitor.close()

    def slots(self) -> dict[int, float]:
        entries = enumerate(self.value.priorityArray, start=1)
        return {i: float(e.real) for i, e in entries if e._choice != "null"}

    def place(self) -> float | None:
        return self.slots().get(13)

    def writes(self) -> int:
        return len(self.value._written)

    def refuse_to_let_go(self, stubborn: bool) -> None:
        self.value._stubborn = stubborn

    def forget(self) -> None:
        self.value.priorityArray[12] = type(self.value.priorityArray[12])(null=Null(()))

    def ours_written(self) -> list[float | None]:
        return [value for priority, value in self.value._written if priority == 13]


class RegisterRig(ModbusRig):
    """A Modbus controller whose register people reach as another master."""

    async def put(self, value: float | None) -> None:
        if value is None:
            await self._order(150, 0)
        else:
            await self._order(100, round(value * 10))

    async def _order(self, register: int, raw: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.device.port)
        writer.write(struct.pack(">HHHBBHH", 7, 0, 6, 1, 6, register, raw))
        answer = await asyncio.wait_for(reader.readexactly(12), 5)
        assert answer[7] == 6
        writer.close()

    def place(self) -> float | None:
        return self.remote

    def writes(self) -> int:
        return sum(function > 4 for function, _, _ in self.requests)

    def refuse_to_let_go(self, stubborn: bool) -> None:
        self.deaf = stubborn

    def forget(self) -> None:
        self.remote, self.enabled = OWN, 0


AnyRig = SlotRig | RegisterRig


class Building(ControlBench):
    """A building behind sockets; everybody who may write to it shares a journal on disk."""

    def __init__(self, rig: AnyRig, journal: Path, role: Role = Role.OTHER) -> None:
        points: list[Point] = [replace(rig.setpoint, role=role)]
        if isinstance(rig, SlotRig):
            points.append(rig.neighbour)
        site = replace(hut(), id="site", devices=(rig.device,), points=tuple(points))
        super().__init__(site, now=MORNING, own={})
        self.rig, self.path = rig, journal
        self.wanted = {SETPOINT: WANTED}
        self.start_again()

    def start_again(self) -> None:
        """Another process over the same journal, whose database is empty."""
        self.journal = FileJournal(self.path)  # type: ignore[assignment]
        self.drivers = NetworkDrivers(self.clock)  # type: ignore[assignment]
        self.store = MemoryStore()
        self.plan(self.wanted, hours=48.0)

    async def ticked(self, after: timedelta = timedelta(0)) -> AnyReceipt:
        self.now += after
        if after > timedelta(hours=1):
            self.plan(self.wanted, hours=48.0)
        return (await self.tick())[SETPOINT]

    async def all_of_a_tick(self) -> list[AnyReceipt]:
        self.now += TICK
        return await dispatch_site(self.site, now=self.now, lease=LEASE, ports=self.ports)

    async def let(self, who: str) -> AnyReceipt:
        """What becomes of the setpoint when ``who`` comes to it."""
        ports = self.ports
        match who:
            case "tick":
                return await self.ticked(TICK)
            case "write":
                return await self.write(SETPOINT, 20.0)
            case "verify":
                return (await verify_site(self.site, now=self.now, ports=ports))[0]
            case "release":
                gone = await release_points(
                    self.site,
                    self.site.points[:1],
                    now=self.now,
                    drivers=self.drivers,
                    journal=self.journal,
                )
                return gone[0] if gone else Released(SETPOINT, None)
        self.now += LEASE
        await self.guarded()
        return await self.ticked()

    async def guarded(self) -> None:
        """A step of a guard that has just started."""
        drivers = NetworkDrivers(self.clock)
        try:
            await Guard(FileJournal(self.path), drivers, self.clock).step(patience=5.0)
        finally:
            await drivers.close()

    @property
    def leased(self) -> set[str]:
        return set(FileJournal(self.path).leases())

    def hand(self) -> tuple[float | None, float | None]:
        """What the book has of the hand: what was found, and what was ours."""
        known = FileJournal(self.path).local_overrides()[SETPOINT]
        return known.found, known.ours


@asynccontextmanager
async def a_building(
    kind: ReleaseKind, folder: Path, role: Role = Role.OTHER
) -> AsyncIterator[Building]:
    rig = SlotRig() if kind is ReleaseKind.NULL else RegisterRig(kind)
    await rig.start()
    made = Building(rig, folder / "journal", role)
    try:
        yield made
    finally:
        await made.drivers.close()  # type: ignore[attr-defined]
        await rig.stop()


@pytest.fixture(params=KINDS)
async def building(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Building]:
    async with a_building(request.param, tmp_path) as made:
        yield made


@pytest.fixture
async def slots(tmp_path: Path) -> AsyncIterator[Building]:
    async with a_building(ReleaseKind.NULL, tmp_path) as made:
        yield made


def says_so(outcome: AnyReceipt) -> bool:
    """Whether the receipt says that somebody else has the point."""
    if isinstance(outcome, Released):
        return outcome.by is not None
    return isinstance(outcome, Overridden)


class TestAboveUs:
    @pytest.mark.parametrize("value", [WANTED, HAND])
    @pytest.mark.parametrize("who", WHO)
    async def test_w06_a_person_at_8_has_it_and_ours_is_gone(
        self, slots: Building, who: str, value: float
    ) -> None:
        rig: Any = slots.rig
        assert isinstance(await slots.ticked(), Accepted)
        await rig.put(value, 8)
        assert says_so(await slots.let(who))
        assert rig.slots() == {8: value}
        assert slots.leased == set()
        told = await slots.ticked(TICK)
        assert isinstance(told, Overridden)
        assert (told.priority, told.value) == (8, value)
        assert rig.slots() == {8: value}
        await rig.put(None, 8)
        assert isinstance(await slots.ticked(TICK), Accepted)
        assert rig.slots() == {13: WANTED}


class TestInOurPlace:
    @pytest.mark.parametrize("who", ["tick", "write", "release"])
    async def test_w07_before_our_first_write(self, building: Building, who: str) -> None:
        await self.before(building)
        outcome = await building.let(who)
        in_register = (ReleaseKind.TIMETABLE, ReleaseKind.CONSTANT)
        kind = building.site.points[0].write.release.kind  # type: ignore[union-attr]
        assert (who == "release" and kind in in_register) or says_so(outcome)
        assert building.rig.place() == HAND
        assert building.leased == set()

    async def before(self, building: Building) -> None:
        """Somebody holds the point before us, in every way that they can."""
        rig = building.rig
        await rig.put(HAND)
        if isinstance(rig, RegisterRig) and rig.kind is ReleaseKind.REMOTE_ENABLE:
            await rig._order(150, 1)

    async def test_w07_release_of_a_site_in_observe(self, building: Building) -> None:
        await self.before(building)
        building.store.set_mode("site", Mode.OBSERVE, actor="bo", at=building.now, reason="test")
        await building.let("release")
        await building.tick(TICK)
        assert building.rig.place() == HAND
        assert building.rig.effective() == HAND

    @pytest.mark.parametrize("who", WHO)
    async def test_w07_during_a_lease(self, building: Building, who: str) -> None:
        assert isinstance(await building.ticked(), Accepted)
        await building.rig.put(HAND)
        assert says_so(await building.let(who))
        assert building.rig.place() == HAND
        assert building.leased == set()
        assert building.hand() == (HAND, WANTED)
        for _ in range(3):
            assert says_so(await building.ticked(TICK))
        assert building.rig.place() == HAND

    @pytest.mark.parametrize("who", ["tick", "write", "release", "guard"])
    async def test_w07_while_we_were_down_and_the_database_is_lost(
        self, building: Building, who: str
    ) -> None:
        assert isinstance(await building.ticked(), Accepted)
        await building.drivers.close()  # type: ignore[attr-defined]
        await building.rig.put(HAND)
        building.now += timedelta(hours=2)
        building.start_again()
        assert says_so(await building.let(who))
        assert building.rig.place() == HAND
        assert building.leased == set()
        assert says_so(await building.ticked(TICK))
        assert building.rig.place() == HAND

    async def test_w07_another_master_is_not_fought(self, building: Building) -> None:
        assert isinstance(await building.ticked(), Accepted)
        for number in range(12):
            await building.rig.put(18.0 + number % 2 / 2)
            assert says_so(await building.ticked(TICK)), number
            assert building.rig.place() == 18.0 + number % 2 / 2

    @pytest.mark.parametrize("kind", [ReleaseKind.NULL, ReleaseKind.REMOTE_ENABLE])
    @pytest.mark.parametrize("who", WHO)
    async def test_w07_an_emptied_place(self, tmp_path: Path, kind: ReleaseKind, who: str) -> None:
        async with a_building(kind, tmp_path) as building:
            assert isinstance(await building.ticked(), Accepted)
            await building.rig.put(None)
            assert says_so(await building.let(who))
            assert building.leased == set()
            assert says_so(await building.ticked(TICK))
            assert building.rig.effective() == OWN
            assert not building.rig.held()


class TestDuringAWrite:
    @pytest.mark.parametrize("value", [WANTED, HAND])
    async def test_w06_a_person_comes_to_8_while_our_write_lands(
        self, slots: Building, value: float
    ) -> None:
        rig: Any = slots.rig
        rig.value._beside = (8, value)
        assert says_so(await slots.ticked())
        assert rig.slots() == {8: value}
        assert slots.leased == set()
        assert says_so(await slots.ticked(TICK))

    @pytest.mark.parametrize("kind", KINDS[1:])
    async def test_w07_a_thermostat_that_outranks_the_register(
        self, tmp_path: Path, kind: ReleaseKind
    ) -> None:
        """What people turned there is shown by the register whatever is written to it."""
        async with a_building(kind, tmp_path) as building:
            rig: Any = building.rig
            assert isinstance(await building.ticked(), Accepted)
            await rig.take(HAND)
            for who in ("tick", "release", "guard"):
                assert says_so(await building.let(who)) or who == "release"
            assert rig.effective() == HAND
            assert building.leased == set()
            written = rig.writes()
            for _ in range(3):
                assert says_so(await building.ticked(TICK))
            assert rig.writes() == written

    @pytest.mark.parametrize("kind", KINDS[1:])
    async def test_w07_a_thermostat_turned_before_our_first_write(
        self, tmp_path: Path, kind: ReleaseKind
    ) -> None:
        async with a_building(kind, tmp_path) as building:
            rig: Any = building.rig
            await rig.take(HAND)
            assert says_so(await building.ticked(TICK))
            tried = rig.writes()
            for _ in range(3):
                assert says_so(await building.ticked(TICK))
            assert building.leased == set()
            assert rig.enabled == 0
            assert rig.remote == OWN or kind is ReleaseKind.REMOTE_ENABLE
            assert rig.writes() == tried


class TestWhatIsNoHand:
    async def test_w06_slots_beneath_ours_are_nobodys_word(self, slots: Building) -> None:
        rig: Any = slots.rig
        await rig.put(18.0, 15)
        assert isinstance(await slots.ticked(), Accepted)
        await rig.put(18.5, 14)
        assert isinstance(await slots.ticked(TICK), Accepted)
        await slots.let("release")
        assert rig.slots() == {14: 18.5, 15: 18.0}

    async def test_w07_the_buildings_own_timetable(self, tmp_path: Path) -> None:
        """It writes its evening value at 20 o'clock into the register that we hold."""
        async with a_building(ReleaseKind.TIMETABLE, tmp_path) as building:
            building.now += timedelta(hours=13, minutes=15)
            building.start_again()
            assert isinstance(await building.ticked(), Accepted)
            await building.rig.put(NIGHT)
            assert isinstance(await building.ticked(TICK), Accepted)
            assert building.rig.place() == WANTED
            assert building.journal.local_overrides() == {}
            await building.rig.put(NIGHT)
            building.now += LEASE
            await building.guarded()
            assert (building.rig.place(), building.leased) == (NIGHT, set())


class TestUntilWhen:
    @pytest.mark.parametrize(
        ("role", "until"), [(Role.OTHER, None), (Role.ZONE_SETPOINT, timedelta(hours=24))]
    )
    async def test_w08_a_hand_at_a_point_with_an_enable_bit(
        self, tmp_path: Path, role: Role, until: timedelta | None
    ) -> None:
        async with a_building(ReleaseKind.REMOTE_ENABLE, tmp_path, role) as building:
            assert isinstance(await building.ticked(), Accepted)
            await building.rig.put(HAND)
            since = building.now + TICK
            assert says_so(await building.ticked(TICK))
            [shown] = building.store.overrides("site", building.now)
            assert shown.until == (None if until is None else since + until)
            for hours in (2, 3, 18.5):
                assert says_so(await building.ticked(timedelta(hours=hours)))
                assert building.rig.place() == HAND
            after = await building.ticked(timedelta(hours=1))
            assert says_so(after) is (until is None)
            assert building.rig.place() == (HAND if until is None else WANTED)

    async def test_w08_until_a_person_takes_it_back(self, building: Building) -> None:
        assert isinstance(await building.ticked(), Accepted)
        await building.rig.put(HAND)
        assert says_so(await building.ticked(TICK))
        [shown] = building.store.overrides("site", building.now)
        building.store.remove_override(shown.id, actor="anna", at=building.now)
        assert isinstance(await building.ticked(TICK), Accepted)
        assert building.rig.effective() == WANTED
        building.now += LEASE
        await building.guarded()
        assert (building.rig.effective(), building.leased) == (OWN, set())


class TestNoFalseHands:
    async def test_w09_a_restart_that_forgets_is_no_hand(self, building: Building) -> None:
        assert isinstance(await building.ticked(), Accepted)
        await building.rig.stop()
        await building.tick(timedelta(minutes=5))
        building.rig.forget()
        await building.rig.start()
        assert isinstance(await building.ticked(timedelta(minutes=5)), Accepted)
        assert building.rig.effective() == WANTED
        assert building.journal.local_overrides() == {}


class TestGivingBack:
    @pytest.mark.parametrize("who", ["release", "guard"])
    async def test_w12_is_believed_only_when_it_is_seen(self, building: Building, who: str) -> None:
        assert isinstance(await building.ticked(), Accepted)
        building.rig.refuse_to_let_go(True)
        if who == "guard":
            building.now += LEASE
            await building.guarded()
        else:
            assert isinstance(await building.let("release"), StillHeld)
        assert building.rig.effective() == WANTED
        assert building.leased == {SETPOINT}
        building.rig.refuse_to_let_go(False)
        building.now += LEASE
        await building.guarded()
        assert (building.rig.effective(), building.leased) == (OWN, set())
        assert not building.rig.held()

    async def test_w12_is_finished_after_an_outage_before_anything_new(
        self, building: Building
    ) -> None:
        assert isinstance(await building.ticked(), Accepted)
        await building.rig.stop()
        assert isinstance(await building.ticked(LEASE + TICK), Failed | StillHeld)
        assert building.leased == {SETPOINT}
        await building.rig.start()
        done = await building.all_of_a_tick()
        assert [type(each) for each in done] == [Released, Accepted]
        if isinstance(building.rig, SlotRig):
            assert building.rig.ours_written() == [WANTED, None, WANTED]

    async def test_w12_a_stuck_point_blocks_no_neighbour(self, slots: Building) -> None:
        rig: Any = slots.rig
        slots.wanted[NEIGHBOUR] = WANTED
        slots.plan(slots.wanted, hours=48.0)
        await slots.tick()
        assert slots.leased == {SETPOINT, NEIGHBOUR}
        rig.refuse_to_let_go(True)
        slots.now += LEASE
        await slots.guarded()
        assert slots.leased == {SETPOINT}
        assert float(rig.plain.presentValue) == OWN
        after = await slots.tick(TICK)
        assert isinstance(after[SETPOINT], Failed | StillHeld)
        assert isinstance(after[NEIGHBOUR], Accepted)

    async def test_w12_takes_away_nothing_that_came_after_ours(self, building: Building) -> None:
        """A hand between a give-back that was not seen and the next one."""
        assert isinstance(await building.ticked(), Accepted)
        building.rig.refuse_to_let_go(True)
        await building.let("release")
        building.rig.refuse_to_let_go(False)
        await building.rig.put(HAND)
        building.now += LEASE
        await building.guarded()
        assert (building.rig.place(), building.leased) == (HAND, set())


def no_space(_: int) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class TestADiskThatRefusesTheGuard:
    """The guard releases once what it can close in its memory only."""

    @pytest.mark.parametrize("refuses", ["to write", "to open"])
    async def test_w13_a_point_goes_back_once_and_a_hand_afterwards_stays(
        self, building: Building, refuses: str
    ) -> None:
        assert isinstance(await building.ticked(), Accepted)
        journal = FileJournal(building.path, sync=no_space if refuses == "to write" else os.fsync)
        drivers = NetworkDrivers(building.clock)
        guard = Guard(journal, drivers, building.clock)
        try:
            await guard.step()
            if refuses == "to open":
                lock = building.path.with_name(f"{building.path.name}.lock")
                lock.unlink()
                lock.mkdir()
            building.now += LEASE
            await guard.step(patience=5.0)
            assert building.rig.effective() == OWN
            for hand in (HAND, WANTED):
                await building.rig.put(hand)
                written = building.rig.writes()
                for _ in range(3):
                    building.now += timedelta(seconds=1)
                    await guard.step(patience=5.0)
                assert (building.rig.place(), building.rig.writes()) == (hand, written)
        finally:
            await drivers.close()


class ScheduleRig:
    """A controller whose point is written as exceptions of its schedule, on the building's time."""

    def __init__(self) -> None:
        self.responder = SchedulingDevice.at(VirtualClock(MORNING))
        self.port = free_udp_port()
        self.device = replace(BacnetRig().device, port=self.port, instance=77, timeout_s=0.2)
        way = Release(kind=ReleaseKind.SCHEDULE, schedule=3)
        where = BacnetAddress(object_type="analog-value", instance=1)
        self.setpoint = point("setpoint", where, rule(way))


PEOPLE_AT_SCHEDULE = ["slot 8", "slot 8, our value", "exception"]


class TestThroughASchedule:
    @pytest.fixture
    async def building(self, tmp_path: Path) -> AsyncIterator[Building]:
        rig = ScheduleRig()
        made = Building(rig, tmp_path / "journal")  # type: ignore[arg-type]
        rig.responder.clock = made.clock
        async with listening(rig.responder, rig.port):
            yield made
            await made.drivers.close()  # type: ignore[attr-defined]

    @pytest.mark.parametrize("who", ["tick", "write", "release", "guard"])
    @pytest.mark.parametrize("people", PEOPLE_AT_SCHEDULE)
    async def test_w06_what_people_put_above_us_stays_and_ours_goes(
        self, building: Building, who: str, people: str
    ) -> None:
        rig: Any = building.rig
        assert isinstance(await building.ticked(), Accepted)
        ours = rig.responder.exceptions
        theirs = b""
        if people == "exception":
            theirs = exception(MORNING, 16.0, 10)
            rig.responder.exceptions = ours + theirs
        else:
            rig.responder.slots[8] = WANTED if "our" in people else 16.0
        acts = rig.responder.effective()
        outcome = await building.let(who)
        assert says_so(outcome) or (who == "release" and people == "exception")
        assert rig.responder.exceptions == theirs
        assert rig.responder.effective() == acts
        assert building.leased == set()
        assert says_so(await building.ticked(TICK))
        assert rig.responder.exceptions == theirs
