"""Writes to an object in another unit than its point, to one that is never written, and to devices
that do not do what they say: what is told of a write is what happened (W6, W7, W12)."""

from __future__ import annotations

import asyncio
import math
import struct
from collections.abc import Callable
from dataclasses import replace

import pytest

from bms.model.assets.address import BacnetAddress
from bms.model.assets.point import Point
from bms.model.assets.protected import Protection, protection_of
from bms.model.assets.write_rule import Release, ReleaseKind, WriteRule
from bms.model.codec import from_json, to_json
from bms.model.control.command import (
    Accepted,
    Clamped,
    Command,
    Failed,
    Overridden,
    Receipt,
    Refused,
    Released,
    StillHeld,
)
from bms.model.control.command_state import CommandState, NoCommandState
from bms.model.control.reasons import ReceiptReason, RefusalReason
from bms.model.fact import Term, fact
from bms.model.readings.measurement import Quality
from bms.model.readings.units import Unit
from bms.ports.departure import leaving_while
from drivers.bacnet.driver import BacnetDriver
from tests.rigs.fieldbus.bacnet_responder import (
    ABORT,
    TinyDevice,
    enumerated,
    error,
    property_of,
    real,
    simple_ack,
    text,
    unsigned,
)
from tests.rigs.fieldbus.bacnet_session import CONSTANT, FAHRENHEIT, driving, setpoint, thermostat
from tests.rigs.fieldbus.commands import command
from tests.rigs.fieldbus.driver_rigs import MORNING, point, rule

KILOWATTS = 48


async def test_law5_a_write_is_converted_to_the_unit_of_the_object() -> None:
    responder = thermostat()
    async with driving(responder) as driver:
        receipt = await driver.write(setpoint(), command(setpoint(), 21.5))
        assert isinstance(receipt, Accepted)
        assert receipt.read_back == 21.5
        assert responder.properties[2, 1, 85] == real(70.7)
        assert (await driver.read([setpoint()], MORNING))[0].value == 21.5


async def test_law5_limits_are_in_the_unit_of_the_point() -> None:
    responder = thermostat()
    async with driving(responder) as driver:
        receipt = await driver.write(setpoint(), command(setpoint(), 70.0))
        assert isinstance(receipt, Clamped)
        assert (receipt.written, receipt.read_back) == (23, 23)
        assert responder.properties[2, 1, 85] == real(73.4)


async def test_law5_a_constant_is_given_back_in_the_unit_of_the_object() -> None:
    responder = thermostat()
    async with driving(responder) as driver:
        await driver.write(setpoint(), command(setpoint(), 21.5))
        assert await driver.release(setpoint(), MORNING) == Released("site/setpoint", 20.0)
        assert responder.properties[2, 1, 85] == real(68.0)


async def test_law5_who_commands_a_point_is_told_in_its_unit() -> None:
    taken = thermostat(slots={8: real(59.0), 13: real(70.7)})
    taken.properties[2, 1, 85] = real(59.0)
    free = setpoint(Release(kind=ReleaseKind.NULL))
    async with driving(taken) as driver:
        (state,) = await driver.command_states([free], MORNING)
        assert isinstance(state, CommandState)
        assert (state.effective, state.own) == (15.0, 21.5)
        assert [(slot.priority, slot.value) for slot in state.above] == [(8, 15.0)]
        receipt = await driver.write(free, command(free, 21.5))
        assert isinstance(receipt, Overridden)
        assert (receipt.priority, receipt.value) == (8, 15.0)


async def test_law5_nothing_is_written_to_an_object_in_another_unit() -> None:
    responder = thermostat(KILOWATTS)
    async with driving(responder) as driver:
        receipt = await driver.write(setpoint(), command(setpoint(), 21.5))
        assert isinstance(receipt, Refused)
        assert "kilowatts" in str(receipt.reason)
        assert "degC" in str(receipt.reason)
        assert responder.properties[2, 1, 85] == real(68.0)


async def test_law5_a_scale_is_taken_back_in_a_write() -> None:
    responder = thermostat()
    where = setpoint(scale=0.1, offset=1.0)
    async with driving(responder) as driver:
        assert isinstance(await driver.write(where, command(where, 21.5)), Accepted)
        assert responder.properties[2, 1, 85] == real(205.0)


# W18


def never(word: str, protection: str, name: str = "setpoint") -> object:
    shown = {"point": f"site/{name}", "word": word, "protection": Term(protection)}
    return fact(RefusalReason.NEVER_WRITTEN, **shown)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "protection"),
    [
        ("frost_thermostat", "frost protection"),
        ("legionella_kur", "disinfection of hot water"),
        ("smoke_damper", "fire or smoke damper"),
        ("boiler_interlock", "safety interlock"),
        ("alarm_reset", "alarm"),
        ("dhw_setpoint", "domestic hot water below 55 degC"),
    ],
)
async def test_w18_the_driver_writes_no_protected_point(name: str, protection: str) -> None:
    responder = thermostat()
    where = setpoint(name=name)
    async with driving(responder) as driver:
        receipt = await driver.write(where, command(where, 21.5))
        assert isinstance(receipt, Refused)
        assert receipt.reason == never(name, protection, name)
    assert responder.requests == []


@pytest.mark.parametrize("release", [CONSTANT, Release(kind=ReleaseKind.SCHEDULE, schedule=3)])
@pytest.mark.parametrize("multiple", [True, False], ids=["RPM", "no RPM"])
@pytest.mark.parametrize("told", [77, 28], ids=["object name", "description"])
async def test_w18_what_the_device_calls_its_object_protects_it(
    told: int, multiple: bool, release: Release
) -> None:
    responder = thermostat()
    responder.knows_multiple = multiple
    responder.properties[2, 1, told] = text("AHU1 Frost_Guard SP")
    async with driving(responder) as driver:
        for _ in range(2):
            receipt = await driver.write(setpoint(release), command(setpoint(release), 21.5))
            assert isinstance(receipt, Refused)
            assert receipt.reason == never("AHU1 Frost_Guard SP", "frost protection")
    assert not any(service == 15 for service, _ in responder.requests)


async def test_w18_an_object_that_is_renamed_under_way_is_protected_from_then_on() -> None:
    responder = thermostat()
    async with driving(responder) as driver:
        assert isinstance(await driver.write(setpoint(), command(setpoint(), 21.5)), Accepted)
        responder.properties[2, 1, 77] = text("Frostsikring")
        assert isinstance(await driver.write(setpoint(), command(setpoint(), 20.5)), Refused)


async def test_w18_hot_water_by_the_name_in_the_device_is_not_set_below_55_degrees() -> None:
    responder = thermostat(unit=62)
    responder.properties[2, 1, 77] = text("VVB setpunkt")
    cold = setpoint()
    assert cold.write is not None
    hot: WriteRule = replace(cold.write, minimum=55, maximum=65, release=CONSTANT)
    warm = replace(cold, write=replace(hot, release=Release(kind=ReleaseKind.CONSTANT, value=58)))
    async with driving(responder) as driver:
        receipt = await driver.write(cold, command(cold, 23))
        assert isinstance(receipt, Refused)
        assert receipt.reason == never("VVB setpunkt", "domestic hot water below 55 degC")
        assert isinstance(await driver.write(warm, command(warm, 60)), Accepted)


async def test_w18_a_name_that_could_not_be_read_is_asked_for_again() -> None:
    responder = thermostat()
    responder.properties[2, 1, 77] = text("frost")
    async with driving(responder) as driver:
        responder.deaf = True
        assert isinstance(await driver.write(setpoint(), command(setpoint(), 21.5)), Failed)
        responder.deaf = False
        assert isinstance(await driver.write(setpoint(), command(setpoint(), 21.5)), Refused)


def test_w18_hot_water_in_kelvin_is_hot_water() -> None:
    kelvin = replace(setpoint(name="dhw_setpoint"), unit=Unit.KELVIN)
    found = protection_of(kelvin)
    assert found is not None
    assert found.protection is Protection.HOT_WATER


@pytest.mark.parametrize("unit", [Unit.ON_OFF, Unit.PERCENT])
def test_w18_hot_water_is_not_switched_off(unit: Unit) -> None:
    found = protection_of(replace(setpoint(name="vbv.drift"), unit=unit))
    assert found is not None
    assert found.protection is Protection.HOT_WATER


def test_w18_nothing_of_a_protecting_device_is_written() -> None:
    found = protection_of(replace(setpoint(), device="site/frostsikring"))
    assert found is not None
    assert found.protection is Protection.FROST


# A device that changes


async def test_law5_a_unit_that_was_changed_since_the_poll_is_that_of_the_write() -> None:
    """21.5 written into an object that has just become one in Fahrenheit would be -6 degC."""
    responder = thermostat(unit=62)
    responder.properties[2, 1, 85] = real(20.0)
    async with driving(responder) as driver:
        assert (await driver.read([setpoint()], MORNING))[0].value == 20.0
        responder.properties[2, 1, 117] = enumerated(FAHRENHEIT)
        responder.properties[2, 1, 85] = real(68.0)
        receipt = await driver.write(setpoint(), command(setpoint(), 21.5))
        assert isinstance(receipt, Accepted)
        assert responder.properties[2, 1, 85] == real(70.7)
        assert (await driver.read([setpoint()], MORNING))[0].value == 21.5
        responder.properties[2, 1, 117] = enumerated(62)
        assert isinstance(await driver.release(setpoint(), MORNING), Released)
        assert responder.properties[2, 1, 85] == real(20.0)
        responder.properties[2, 1, 117] = enumerated(KILOWATTS)
        assert isinstance(await driver.write(setpoint(), command(setpoint(), 21.5)), Refused)
        assert responder.properties[2, 1, 85] == real(20.0)


async def test_w03_no_scale_makes_a_value_infinite() -> None:
    responder = thermostat()
    where = setpoint(scale=1e-320)
    async with driving(responder) as driver:
        assert isinstance(await driver.write(where, command(where, 21.5)), Refused)
        assert responder.properties[2, 1, 85] == real(68.0)


async def test_law5_status_flags_of_another_type_leave_the_value_in_doubt() -> None:
    responder = thermostat(unit=62)
    responder.properties[2, 1, 111] = unsigned(4)
    async with driving(responder) as driver:
        for _ in range(2):
            assert (await driver.read([setpoint()], MORNING))[0].quality is Quality.UNCERTAIN


OWN, WISH = 19.0, 21.5
FREE = setpoint(Release(kind=ReleaseKind.NULL))
NAN, INFINITE = b"\x44\x7f\xc0\x00\x00", b"\x44\x7f\x80\x00\x00"
VALUE, ARRAY = (2, 1, 85), (2, 1, 87)


def room(**slots: bytes) -> TinyDevice:
    """Analog value 1 at 19 degC with a priority array; ``slots`` as ``at8=real(15)``."""
    known = {int(name[2:]): value for name, value in slots.items()}
    found = thermostat(unit=None, slots=known)
    found.properties[VALUE] = real(OWN)
    found.properties[2, 1, 104] = real(OWN)
    return found


def slot(device: TinyDevice, priority: int) -> bytes:
    array = device.properties[ARRAY]
    assert isinstance(array, list)
    return array[priority - 1]


async def wish(driver: BacnetDriver, point: Point = FREE) -> Receipt:
    return await driver.write(point, order(point))


def order(point: Point = FREE) -> Command:
    return command(point, WISH)


def answering_reads_of(device: TinyDevice, key: object, answer: Callable[[int], bytes]) -> None:
    """Reads of one property by itself get this answer."""
    honest = device.read

    def read(invoke: int, payload: bytes) -> bytes | None:
        return answer(invoke) if property_of(payload)[0] == key else honest(invoke, payload)

    device.read = read  # type: ignore[method-assign]


async def test_a_device_that_does_it_is_believed() -> None:
    device = room()
    async with driving(device) as driver:
        assert await wish(driver) == Accepted(order(), WISH)
        assert slot(device, 13) == real(WISH)
        assert await driver.release(FREE, MORNING) == Released(FREE.id, OWN)


@pytest.mark.parametrize("shown", [NAN, INFINITE, b"\x00"])
async def test_w12_what_reads_back_as_no_number_has_not_arrived(shown: bytes) -> None:
    device = room()
    device.acting = lambda key, slots: shown  # type: ignore[method-assign]
    async with driving(device) as driver:
        receipt = await wish(driver)
        assert isinstance(receipt, Failed)
        assert receipt.error.code == ReceiptReason.READS_BACK
        assert receipt.read_back is None
        assert isinstance(await driver.release(FREE, MORNING), Released)
        assert slot(device, 13) == b"\x00"


async def test_w12_a_device_that_clamps_says_what_it_made_of_it() -> None:
    device = room()
    device.acting = lambda key, slots: real(20.0) if slots[12] != b"\x00" else real(OWN)  # type: ignore[method-assign]
    async with driving(device) as driver:
        receipt = await wish(driver)
        assert isinstance(receipt, Failed)
        assert receipt.read_back == 20.0


async def test_w12_a_write_that_lands_in_another_slot_is_not_ours_to_give_back() -> None:
    """Some gateways forget the priority: the value acts from slot 16, and nobody would free it."""
    device = room()
    honest = device.write
    device.write = lambda invoke, payload: honest(invoke, payload[:-2])  # type: ignore[method-assign]
    async with driving(device) as driver:
        receipt = await wish(driver)
        assert isinstance(receipt, Failed)
        assert receipt.error.code == ReceiptReason.SLOT_EMPTY
        assert receipt.read_back == WISH


async def test_w06_a_slot_above_that_holds_no_number_is_somebodys_word() -> None:
    device = room(at8=NAN)
    async with driving(device) as driver:
        receipt = await wish(driver)
        assert isinstance(receipt, Overridden)
        assert (receipt.priority, receipt.value) == (8, None)
        assert from_json(Overridden, to_json(receipt)) == receipt
        assert slot(device, 13) == b"\x00"


@pytest.mark.parametrize("there", [NAN, INFINITE, text("auto"), b"\x65\x02\x01\x02"])
async def test_w07_what_is_no_number_in_our_slot_is_no_empty_slot(there: bytes) -> None:
    async with driving(room(at13=there)) as driver:
        (state,) = await driver.command_states([FREE], MORNING)
        assert isinstance(state, CommandState)
        assert state.own is None
        assert state.occupied
        assert from_json(CommandState, to_json(state)) == state


@pytest.mark.parametrize("code", [27, 25, 0])
async def test_w06_an_array_that_cannot_be_read_lets_nothing_be_written(code: int) -> None:
    device = room()
    answering_reads_of(device, ARRAY, lambda invoke: error(invoke, 12, 2, code))
    async with driving(device) as driver:
        assert isinstance(await wish(driver), Failed)
        assert slot(device, 13) == b"\x00"
        assert isinstance(await driver.release(FREE, MORNING), StillHeld)


async def test_w06_an_array_that_is_too_long_for_the_device_lets_nothing_be_written() -> None:
    device = room()
    answering_reads_of(device, ARRAY, lambda invoke: bytes((ABORT | 1, invoke, 4)))
    async with driving(device) as driver:
        assert isinstance(await wish(driver), Failed)
        assert slot(device, 13) == b"\x00"


async def test_w06_an_array_that_is_gone_after_the_write_shows_nothing() -> None:
    device = room()

    def write(invoke: int, payload: bytes) -> bytes:
        answering_reads_of(device, ARRAY, lambda again: error(again, 12, 2, 27))
        return simple_ack(invoke, 15)

    device.write = write  # type: ignore[method-assign]
    async with driving(device) as driver:
        receipt = await wish(driver)
        assert isinstance(receipt, Failed)


async def test_w12_an_object_without_slots_is_not_written_where_null_gives_back() -> None:
    device = room()
    del device.properties[ARRAY]
    async with driving(device) as driver:
        receipt = await wish(driver)
        assert isinstance(receipt, Refused)
        assert receipt.reason.code == RefusalReason.NO_SLOTS
        assert device.properties[VALUE] == real(OWN)


@pytest.mark.parametrize("slots", [0, 15, 17])
async def test_w06_an_array_of_another_length_is_none(slots: int) -> None:
    device = room()
    device.properties[ARRAY] = [b"\x00"] * slots
    async with driving(device) as driver:
        assert isinstance(await wish(driver), Failed)
        (state,) = await driver.command_states([FREE], MORNING)
        assert isinstance(state, NoCommandState)


async def test_w12_a_device_that_keeps_our_slot_is_not_released() -> None:
    device = room()
    async with driving(device) as driver:
        await wish(driver)
        device.write = lambda invoke, payload: simple_ack(invoke, 15)  # type: ignore[method-assign]
        held = await driver.release(FREE, MORNING)
        assert isinstance(held, StillHeld)
        assert held.error.code == ReceiptReason.SLOT_STILL_HELD


async def test_a_value_that_differs_by_less_than_a_real_can_tell_has_arrived() -> None:
    near = struct.pack(">f", math.nextafter(WISH, 30.0))
    device = room()
    device.acting = lambda key, slots: b"\x44" + near  # type: ignore[method-assign]
    async with driving(device) as driver:
        assert isinstance(await wish(driver), Accepted)


SETPOINT = point(
    "setpoint",
    BacnetAddress(object_type="analog-value", instance=1),
    rule(Release(kind=ReleaseKind.NULL)),
)


class Unheard(TinyDevice):
    """Writes arrive, and no answer comes back; ``told`` is called with each of them."""

    arrived = 0

    def told(self) -> None:
        """Nothing, until a test says otherwise."""

    def write(self, invoke: int, payload: bytes) -> bytes | None:
        self.arrived += 1
        super().write(invoke, payload)
        self.told()
        return None


async def test_w11_tries_do_not_go_on_past_the_end() -> None:
    device, ended = Unheard(), asyncio.Event()
    device.properties[2, 1, 85] = real(19.0)
    device.properties[2, 1, 87] = [b"\x00"] * 16
    device.told = ended.set  # type: ignore[method-assign]
    async with driving(device) as driver:
        with leaving_while(lambda: not ended.is_set()):
            receipt = await driver.write(SETPOINT, command(SETPOINT, 20.5))
        assert isinstance(receipt, Failed)
        assert device.arrived == 1
        receipt = await driver.write(SETPOINT, command(SETPOINT, 20.5))
        assert device.arrived == 3  # without an end it is sent once more
