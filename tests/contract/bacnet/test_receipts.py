"""Devices that do not do what they say, on real sockets: what is told of a write is what happened.

Each is a small device with one habit. A receipt says ``Accepted`` only where the value acts and
stands in our slot; what cannot be seen is no success (W7, W11, W12).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable

import pytest

from bms.model.assets.point import Point
from bms.model.assets.write_rule import Release, ReleaseKind
from bms.model.codec import from_json, to_json
from bms.model.control.command import (
    Accepted,
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
from drivers.bacnet.driver import BacnetDriver
from tests.rigs.fieldbus.bacnet_responder import (
    ABORT,
    TinyDevice,
    error,
    property_of,
    real,
    simple_ack,
    text,
)
from tests.rigs.fieldbus.bacnet_session import driving, setpoint, thermostat
from tests.rigs.fieldbus.commands import command
from tests.rigs.fieldbus.driver_rigs import MORNING

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
