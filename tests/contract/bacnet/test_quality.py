"""What an object says of its value: status flags, reliability, unit (DESIGN, law 5)."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from bms.model.assets.address import BacnetAddress
from bms.model.assets.point import Point, Role
from bms.model.readings.measurement import Quality, Reading
from bms.model.readings.units import Unit
from drivers.bacnet.driver import BacnetDriver
from tests.rigs.fieldbus.bacnet_responder import TinyDevice, enumerated, real, text
from tests.rigs.fieldbus.bacnet_session import driving, inputs, tiny, until, watching
from tests.rigs.fieldbus.driver_rigs import MORNING, point

FAULT, OVERRIDDEN, OUT_OF_SERVICE, IN_ALARM = 0x40, 0x20, 0x10, 0x80
NO_SENSOR = 1


def flags(octet: int) -> bytes:
    return bytes((0x82, 0x04, octet))


def sensor(octet: int | None, reliability: int | None, number: float = 0.0) -> TinyDevice:
    """An analog input; None where it does not have the property."""
    found = tiny(1)
    found.properties[0, 1, 85] = real(number)
    if octet is not None:
        found.properties[0, 1, 111] = flags(octet)
    if reliability is not None:
        found.properties[0, 1, 103] = enumerated(reliability)
    return found


async def once(driver: BacnetDriver, where: Point | None = None) -> Reading:
    (found,) = await driver.read([where or inputs(1)[0]], MORNING)
    return found


@pytest.mark.parametrize("multiple", [True, False], ids=["RPM", "no RPM"])
@pytest.mark.parametrize(
    ("octet", "reliability", "quality"),
    [
        (0, 0, Quality.GOOD),
        (0, None, Quality.GOOD),
        (None, None, Quality.GOOD),
        (None, 0, Quality.GOOD),
        (IN_ALARM, 0, Quality.GOOD),
        (FAULT, NO_SENSOR, Quality.BAD),
        (FAULT, None, Quality.BAD),
        (FAULT | OUT_OF_SERVICE, NO_SENSOR, Quality.BAD),
        (0, NO_SENSOR, Quality.BAD),
        (None, NO_SENSOR, Quality.BAD),
        (OUT_OF_SERVICE, 0, Quality.UNCERTAIN),
        (OVERRIDDEN, 0, Quality.UNCERTAIN),
    ],
)
async def test_law5_the_status_of_an_object_is_the_quality_of_its_value(
    octet: int | None, reliability: int | None, quality: Quality, multiple: bool
) -> None:
    responder = sensor(octet, reliability)
    responder.knows_multiple = multiple
    async with driving(responder) as driver:
        for _ in range(3):
            found = await once(driver)
            assert found.quality is quality
            assert found.value == (0.0 if quality.has_value else None)
    if quality is Quality.BAD and reliability is not None:
        assert found.detail == "the object reports a fault (reliability no-sensor)"


async def test_law5_a_fault_that_comes_and_goes_is_seen_at_once_with_its_reason() -> None:
    responder = sensor(0, 0, 21.0)
    async with driving(responder) as driver:
        assert (await once(driver)).value == 21.0
        responder.properties[0, 1, 111] = flags(FAULT)
        responder.properties[0, 1, 103] = enumerated(4)
        found = await once(driver)
        assert (found.value, found.quality) == (None, Quality.BAD)
        assert "open-loop" in (found.detail or "")
        responder.properties[0, 1, 111] = flags(0)
        assert (await once(driver)).quality is Quality.GOOD


async def test_law5_neighbours_of_a_faulty_object_are_good_and_one_request_suffices() -> None:
    responder = tiny(10)
    for n in range(1, 11):
        responder.properties[0, n, 111] = flags(FAULT if n == 4 else 0)
    async with driving(responder) as driver:
        await driver.read(inputs(10), MORNING)
        responder.properties[0, 4, 111] = flags(0)
        responder.requests.clear()
        found = await driver.read(inputs(10), MORNING)
        assert [r.value for r in found] == list(range(1, 11))
        assert len(responder.requests) == 1


async def test_law5_a_notification_has_the_status_flags() -> None:
    responder = sensor(0, 0, 21.0)
    async with watching(responder, inputs(1)) as (heard, _):
        await until(lambda: bool(responder.subscriptions) and bool(heard.readings))
        responder.change(0, 1, 0.0, flags=FAULT)
        await until(lambda: heard.has(Quality.BAD))
        assert heard.readings[-1].value is None
        responder.change(0, 1, 19.0, invoke=2, flags=OUT_OF_SERVICE)
        await until(lambda: heard.has(Quality.UNCERTAIN))
        responder.change(0, 1, 20.0, invoke=3)
        await until(lambda: heard.has(Quality.GOOD) and heard.values[-1] == 20.0)


# Units: BACnetEngineeringUnits, clause 21

MWH, WH, W, F, KELVIN, DELTA_K, NO_UNITS, PERCENT = 146, 18, 47, 64, 63, 121, 95, 98


def measured(unit: int | None, number: float, kind: int = 0) -> TinyDevice:
    found = tiny(0)
    found.properties[kind, 1, 85] = real(number)
    found.properties[kind, 1, 111] = flags(0)
    if unit is not None:
        found.properties[kind, 1, 117] = enumerated(unit)
    return found


def at(wanted: Unit, **stated: object) -> Point:
    where = BacnetAddress(object_type="analog-input", instance=1, **stated)  # type: ignore[arg-type]
    return replace(point("p", where), unit=wanted)


@pytest.mark.parametrize("multiple", [True, False], ids=["RPM", "no RPM"])
@pytest.mark.parametrize(
    ("unit", "number", "wanted", "value"),
    [
        (MWH, 12.5, Unit.KWH, 12500.0),
        (WH, 12500.0, Unit.KWH, 12.5),
        (W, 1500.0, Unit.KW, 1.5),
        (F, 70.7, Unit.DEG_C, 21.5),
        (KELVIN, 293.15, Unit.DEG_C, 20.0),
        (62, 21.5, Unit.DEG_C, 21.5),
        (NO_UNITS, 21.5, Unit.DEG_C, 21.5),
        (None, 21.5, Unit.DEG_C, 21.5),
        (DELTA_K, 2.5, Unit.KELVIN, 2.5),
        (PERCENT, 0.5, Unit.PPM, 5000.0),
    ],
)
async def test_law5_a_value_is_in_the_unit_of_its_point(
    unit: int | None, number: float, wanted: Unit, value: float, multiple: bool
) -> None:
    responder = measured(unit, number)
    responder.knows_multiple = multiple
    async with driving(responder) as driver:
        for _ in range(2):
            found = await once(driver, at(wanted))
            assert (found.value, found.quality) == (value, Quality.GOOD)
        assert sum(b"\x75" in payload for _, payload in responder.requests) == 2 - multiple


@pytest.mark.parametrize(
    ("unit", "wanted", "named"),
    [
        (MWH, Unit.DEG_C, "megawatt-hours"),
        (62, Unit.KWH, "degrees-celsius"),
        (62, Unit.KELVIN, "degrees-celsius"),
        (W, Unit.KWH, "watts"),
    ],
)
async def test_law5_a_unit_that_cannot_be_converted_leaves_no_value(
    unit: int, wanted: Unit, named: str
) -> None:
    async with driving(measured(unit, 12.5)) as driver:
        for _ in range(2):
            found = await once(driver, at(wanted))
            assert (found.value, found.quality) == (None, Quality.BAD)
            assert named in (found.detail or "")
            assert wanted.value in (found.detail or "")


async def test_law5_a_curve_shift_in_degrees_is_a_difference() -> None:
    async with driving(measured(62, 3.0)) as driver:
        shift = replace(at(Unit.KELVIN), role=Role.HEATING_CURVE_SHIFT)
        assert (await once(driver, shift)).value == 3.0


async def test_law5_a_person_states_what_the_number_means() -> None:
    async with driving(measured(MWH, 12.5)) as driver:
        assert (await once(driver, at(Unit.KWH, unit="kilowatt-hours"))).value == 12.5
        assert (await once(driver, at(Unit.KWH, scale=1000.0))).value == 12500.0
        assert (await once(driver, at(Unit.KWH, scale=10.0, offset=-5.0))).value == 120.0
        assert (await once(driver, at(Unit.KWH, offset=0.5))).value == 13.0


async def test_law5_after_a_silence_the_unit_is_read_again() -> None:
    responder = measured(62, 70.7)
    async with driving(responder) as driver:
        assert (await once(driver, at(Unit.DEG_C))).value == 70.7
        responder.deaf = True
        assert (await once(driver, at(Unit.DEG_C))).quality is Quality.NO_REPLY
        responder.deaf = False
        responder.properties[0, 1, 117] = enumerated(F)
        assert (await once(driver, at(Unit.DEG_C))).value == 21.5


async def test_law5_a_limit_of_the_object_is_in_its_unit_too() -> None:
    responder = measured(F, 70.7)
    responder.properties[0, 1, 45] = real(86.0)
    async with driving(responder) as driver:
        assert (await once(driver, at(Unit.DEG_C, property="high-limit"))).value == 30.0


async def test_law5_a_notification_is_converted() -> None:
    responder = measured(F, 70.7)
    async with watching(responder, [at(Unit.DEG_C)]) as (heard, _):
        await until(lambda: bool(responder.subscriptions) and heard.values == [21.5])
        responder.change(0, 1, 68.0)
        await until(lambda: heard.values[-1] == 20.0)


async def test_law5_a_unit_that_is_no_number_is_refused() -> None:
    responder = measured(62, 21.5)
    responder.properties[0, 1, 117] = text("degC")
    async with driving(responder) as driver:
        found = await once(driver, at(Unit.DEG_C))
        assert (found.value, found.quality) == (None, Quality.BAD)


@pytest.mark.parametrize("scale", [0.0, float("nan"), float("inf")])
def test_law5_a_scale_that_leaves_no_value_is_no_address(scale: float) -> None:
    with pytest.raises(ValueError, match="leave no value"):
        BacnetAddress(object_type="analog-input", instance=1, scale=scale)


async def test_law5_a_notification_of_an_object_whose_flags_lie_is_not_believed() -> None:
    responder = sensor(0, NO_SENSOR, 21.0)
    async with watching(responder, inputs(1)) as (heard, _):
        await until(lambda: bool(responder.subscriptions) and heard.has(Quality.BAD))
        responder.change(0, 1, 0.0)
        await asyncio.sleep(0.05)
        assert heard.values == [None]


async def test_what_one_poll_has_learned_serves_another() -> None:
    responder = tiny(3)
    for n in range(1, 4):
        responder.properties[0, n, 111] = flags(0)
        responder.properties[0, n, 117] = enumerated(F)
    async with driving(responder) as driver:
        await driver.read(inputs(3), MORNING)
        responder.requests.clear()
        (found,) = await driver.read(inputs(2)[:1], MORNING)
        assert found.value == pytest.approx((1 - 32) / 1.8)
        assert [b"\x75" in payload for _, payload in responder.requests] == [False]


async def test_a_device_that_answers_for_each_property_apart_is_understood() -> None:
    class Apart(TinyDevice):
        def _result(self, oid: bytes, reference: bytes) -> bytes:
            return super()._result(oid, reference) + b"\x1f\x0c" + oid + b"\x1e"

        def read_multiple(self, invoke: int, payload: bytes) -> bytes | None:
            whole = super().read_multiple(invoke, payload)
            assert whole is not None
            for oid in (b"\x00\x00\x00\x01", b"\x00\x00\x00\x02", b"\x02\x00\x00\x4d"):
                whole = whole.replace(b"\x1f\x0c" + oid + b"\x1e\x1f", b"\x1f")
            return whole

    responder = Apart()
    for n in (1, 2):
        responder.properties[0, n, 85] = real(n)
        responder.properties[0, n, 111] = flags(0)
    async with driving(responder) as driver:
        for _ in range(2):
            responder.requests.clear()
            found = await driver.read(inputs(2), MORNING)
            assert [r.value for r in found] == [1, 2]
        assert len(responder.requests) == 1


async def test_law5_an_object_that_comes_later_is_read_in_its_unit() -> None:
    responder = tiny(0)
    responder.properties[0, 2, 85] = real(1)
    late = replace(inputs(1)[0], unit=Unit.DEG_C)
    async with driving(responder) as driver:
        for _ in range(2):
            assert (await once(driver, late)).quality is Quality.DEVICE_ERROR
        responder.properties |= measured(F, 70.7).properties
        seen = [await once(driver, late) for _ in range(3)]
        assert {r.value for r in seen} <= {None, 21.5}
        assert seen[-1].value == 21.5


async def test_law5_a_sensor_without_a_value_at_the_start_is_read_in_its_unit() -> None:
    responder = measured(F, float("nan"))
    async with driving(responder) as driver:
        assert (await once(driver, at(Unit.DEG_C))).quality is Quality.ABSENT
        responder.properties[0, 1, 85] = real(70.7)
        assert (await once(driver, at(Unit.DEG_C))).value == 21.5
