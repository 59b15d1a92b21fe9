"""Drivers without sockets keep the rules of those with sockets."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bms.model.assets.address import BacnetAddress, ModbusAddress, Table
from bms.model.assets.device import Device
from bms.model.assets.point import Point, Role
from bms.model.assets.timetable import Period, WeekTimetable
from bms.model.assets.write_rule import Release, ReleaseKind, WriteRule
from bms.model.control.command import (
    Accepted,
    Clamped,
    Command,
    Failed,
    Overridden,
    Refused,
    Released,
    StillHeld,
)
from bms.model.control.reasons import Holder, ReceiptReason
from bms.model.fact import fact
from bms.model.readings.measurement import Quality
from bms.model.readings.units import Unit
from bms.ports.drivers import Driver, Drivers
from drivers.simulator.inprocess import InProcessDrivers
from tests.rigs.fakes.physics import DAY, NIGHT, START, ToyMunicipality

HOUR = 3600
# 06:00 to 18:00 UTC in January, told in local time
OWN_RUN = WeekTimetable((Period(frozenset(range(7)), 7 * 60, 19 * 60, 1.0),))
RELEASES = {
    ReleaseKind.NULL: Release(kind=ReleaseKind.NULL),
    ReleaseKind.REMOTE_ENABLE: Release(
        kind=ReleaseKind.REMOTE_ENABLE, enable=ModbusAddress(table=Table.HOLDING, address=150)
    ),
    ReleaseKind.TIMETABLE: Release(kind=ReleaseKind.TIMETABLE, timetable=OWN_RUN),
    ReleaseKind.CONSTANT: Release(kind=ReleaseKind.CONSTANT, value=0.0),
}
DEVICE = Device(id="townhall/rooms", site="townhall", protocol="bacnet", host="127.0.0.1", port=1)


def point(signal: str, write: WriteRule | None = None) -> Point:
    return Point(
        id=f"townhall/{signal}",
        site="townhall",
        device=DEVICE.id,
        role=Role.OTHER,
        unit=Unit.DEG_C,
        address=BacnetAddress(object_type="analog-value", instance=1),
        write=write,
    )


def rule(kind: ReleaseKind, minimum: float = 15.0, maximum: float = 23.0) -> WriteRule:
    return WriteRule(minimum=minimum, maximum=maximum, release=RELEASES[kind])


def command(target: Point, value: float, at: datetime = START) -> Command:
    return Command(
        id="c1",
        point=target.id,
        value=value,
        issued_at=at,
        lease_end=at + timedelta(minutes=30),
        reason="test",
        actor="test",
    )


SETPOINT = point("north.setpoint", rule(ReleaseKind.NULL))
REMOTE = point("north.setpoint", rule(ReleaseKind.REMOTE_ENABLE))
RUN = point("ahu1.run", replace(rule(ReleaseKind.TIMETABLE, 0.0, 1.0), resolution=1.0))
SHIFT = point("plant.curve_shift", replace(rule(ReleaseKind.CONSTANT, -5.0, 5.0), resolution=1.0))
TEMP = point("north.temp")


@pytest.fixture
def physics() -> ToyMunicipality:
    return ToyMunicipality(["townhall"])


@pytest.fixture
def drivers(physics: ToyMunicipality) -> InProcessDrivers:
    return InProcessDrivers(physics)


@pytest.fixture
def driver(drivers: InProcessDrivers) -> Driver:
    port: Drivers = drivers
    return port.driver(DEVICE)


async def value(driver: Driver, target: Point) -> float | None:
    (reading,) = await driver.read([target], START)
    return reading.value


async def test_one_reading_per_point_in_order(driver: Driver) -> None:
    at = datetime(2019, 1, 14, 3, tzinfo=UTC)
    missing = point("cellar.temp")
    readings = await driver.read([SETPOINT, missing, TEMP], at)
    assert [r.point for r in readings] == [SETPOINT.id, missing.id, TEMP.id]
    assert [r.value for r in readings] == [NIGHT, None, 19.0]
    assert readings[1].quality is Quality.DEVICE_ERROR
    assert {r.time for r in readings} == {at}


@pytest.mark.parametrize(
    ("target", "wish", "home", "kind"),
    [
        (SETPOINT, 22.0, NIGHT, "slots"),
        (REMOTE, 22.0, NIGHT, "enables"),
        (RUN, 1.0, 0.0, "registers"),
        (SHIFT, -3.0, 0.0, "registers"),
    ],
)
async def test_write_acts_and_release_gives_back(
    driver: Driver,
    drivers: InProcessDrivers,
    physics: ToyMunicipality,
    target: Point,
    wish: float,
    home: float,
    kind: str,
) -> None:
    signal = target.id.split("/")[1]
    wanted = command(target, wish)
    assert await driver.write(target, wanted) == Accepted(wanted, wish)
    assert await value(driver, target) == wish
    drivers.advance(HOUR)
    assert physics.acting("townhall", signal) == wish
    state = drivers.state("townhall")
    assert state["held"] == [signal]
    assert signal in state[kind]  # type: ignore[operator]
    assert await driver.release(target, physics.now) == Released(target.id, home)
    drivers.advance(900)
    assert physics.acting("townhall", signal) == home
    assert drivers.state("townhall")["held"] == []


async def test_limits_and_resolution(driver: Driver) -> None:
    high = command(SETPOINT, 30.0)
    assert await driver.write(SETPOINT, high) == Clamped(
        high, 23.0, 23.0, fact(ReceiptReason.AT_MAXIMUM, limit=23.0)
    )
    fine = command(SETPOINT, 20.04)
    assert await driver.write(SETPOINT, fine) == Accepted(fine, 20.0)
    assert isinstance(await driver.write(SETPOINT, command(SETPOINT, float("nan"))), Refused)
    assert await value(driver, SETPOINT) == 20.0


async def test_what_is_not_writable_is_refused(driver: Driver) -> None:
    assert isinstance(await driver.write(TEMP, command(TEMP, 20.0)), Refused)
    assert isinstance(await driver.release(TEMP, START), StillHeld)
    ghost = point("cellar.setpoint", rule(ReleaseKind.NULL))
    answer = await driver.write(ghost, command(ghost, 20.0))
    assert isinstance(answer, Failed)
    assert not answer.retryable


@pytest.mark.parametrize(("slot", "by"), [(8, Holder.OPERATOR), (10, Holder.PROGRAM)])
async def test_a_slot_above_ours_overrides(
    driver: Driver, drivers: InProcessDrivers, slot: int, by: Holder
) -> None:
    drivers.write_slot(SETPOINT, slot, 17.0)
    wanted = command(SETPOINT, 21.0)
    assert await driver.write(SETPOINT, wanted) == Overridden(wanted, slot, 17.0, fact(by))
    assert await value(driver, SETPOINT) == 17.0
    assert await driver.release(SETPOINT, START) == Released(SETPOINT.id, 17.0)
    drivers.write_slot(SETPOINT, slot, None)
    assert await driver.write(SETPOINT, wanted) == Accepted(wanted, 21.0)


async def test_a_slot_below_ours_does_not_matter(driver: Driver, drivers: InProcessDrivers) -> None:
    drivers.write_slot(SETPOINT, 16, 17.0)
    wanted = command(SETPOINT, 21.0)
    assert await driver.write(SETPOINT, wanted) == Accepted(wanted, 21.0)


async def test_nothing_expires_and_release_finds_the_programme_of_now(
    driver: Driver, drivers: InProcessDrivers, physics: ToyMunicipality
) -> None:
    await driver.write(SETPOINT, command(SETPOINT, 16.0))
    drivers.advance(30 * HOUR)  # 06:00, day programme
    assert await value(driver, SETPOINT) == 16.0
    assert await driver.release(SETPOINT, physics.now) == Released(SETPOINT.id, DAY)


async def test_the_timetable_takes_its_register_back_when_it_switches(
    driver: Driver, drivers: InProcessDrivers, physics: ToyMunicipality
) -> None:
    drivers.advance(7 * HOUR)
    await driver.write(RUN, command(RUN, 0.0))
    drivers.advance(10 * HOUR)
    assert await value(driver, RUN) == 0.0
    assert await driver.release(RUN, physics.now) == Released(RUN.id, 1.0)
    await driver.write(RUN, command(RUN, 0.0))
    drivers.advance(14 * HOUR)  # past 18:00 and 06:00
    assert await value(driver, RUN) == 1.0


async def test_a_constant_without_a_value_is_not_given_back(driver: Driver) -> None:
    nowhere = replace(
        rule(ReleaseKind.CONSTANT, -5.0, 5.0), release=Release(kind=ReleaseKind.CONSTANT)
    )
    target = point("plant.curve_shift", nowhere)
    await driver.write(target, command(target, 2.0))
    answer = await driver.release(target, START)
    assert isinstance(answer, StillHeld)
    assert not answer.retryable


async def test_sensors_are_looked_at_once_for_each_moment(
    driver: Driver, drivers: InProcessDrivers
) -> None:
    looked = drivers.sensors("townhall")
    await driver.read([TEMP], START)
    assert drivers.sensors("townhall") is looked
    drivers.advance(60)
    assert drivers.sensors("townhall") is not looked
