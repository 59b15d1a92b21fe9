"""The unit that the site file names answers, or nobody does (CONTRACT, W1)."""

from __future__ import annotations

import struct

import pytest

from bms.model.assets.address import ModbusAddress, Table, TextAddress
from bms.model.assets.device import Fingerprint
from bms.model.assets.point import Point
from bms.model.control.command import Accepted, Failed, Refused, Released, StillHeld
from bms.model.control.command_state import NoCommandState
from bms.model.control.reasons import RefusalReason
from bms.model.fact import Fact
from bms.model.readings.measurement import Quality, Reading
from drivers.fieldbus.fingerprint import IdentityDoubt
from drivers.modbus.driver import ModbusDriver
from drivers.modbus.link import ModbusLink
from tests.rigs.fieldbus.commands import command
from tests.rigs.fieldbus.driver_rigs import MORNING, point
from tests.rigs.fieldbus.modbus_line import Quick, unit
from tests.rigs.fieldbus.modbus_peer import Call, Peer

METER = point("power", ModbusAddress(table=Table.HOLDING, address=10))
OURS = Fingerprint(vendor="Alfa", model="M1 (001)")


class Says:
    """A unit with function 43/14 whose objects can be changed; None: it does not know it."""

    def __init__(self, *basic: str) -> None:
        self.objects: dict[int, str] | None = dict(enumerate(basic))
        self.silent = False

    async def __call__(self, call: Call) -> None:
        if call.pdu[0] != 43:
            call.tell()
        elif self.objects is None:
            if not self.silent:
                call.tell(bytes((0xAB, 1)))
        else:
            call.tell(self.answer(call.pdu[2]))

    def answer(self, category: int) -> bytes:
        assert self.objects is not None
        shown = {n: t for n, t in self.objects.items() if (n < 3) == (category == 1)}
        body = b"".join(bytes((n, len(t))) + t.encode() for n, t in shown.items())
        return bytes((43, 14, category, 0x82, 0, 0, len(shown))) + body


def registers(words: str, length: int) -> list[int]:
    image = words.encode().ljust(2 * length, b"\0")
    return list(struct.unpack(f">{length}H", image))


def common_block(vendor: str, model: str, serial: str) -> list[int]:
    head = [*struct.unpack(">2H", b"SunS"), 1, 65]
    texts = registers(vendor, 16) + registers(model, 16) + [0] * 16 + registers(serial, 16)
    return [*head, *texts, 1, 0xFFFF, 0]


@pytest.fixture
def says(peer: Peer) -> Says:
    peer.bank.fill(1, "holding", 10, 500)
    peer.script = found = Says("Alfa", "001", "v2")
    assert found.objects is not None
    found.objects[5] = "M1"
    return found


async def seen(driver: ModbusDriver) -> Reading:
    (reading,) = await driver.read([METER], MORNING)
    return reading


async def test_w01_the_unit_of_the_fingerprint_is_read_and_written(
    peer: Peer, link: ModbusLink, clock: Quick, says: Says, setpoint: Point
) -> None:
    ours = unit(peer, link, clock, fingerprint=OURS)
    assert (await seen(ours)).value == 500
    assert isinstance(await ours.write(setpoint, command(setpoint, 21.0)), Accepted)
    assert isinstance(await ours.release(setpoint, MORNING), Released)
    assert ours.health.fingerprint == OURS


class Replaced:
    """After the next write, answered or not, another unit stands at the address."""

    def __init__(self, peer: Peer, says: Says, other: str, *, answers: bool) -> None:
        self._peer, self._says, self._other, self._answers = peer, says, other, answers
        peer.script = self

    async def __call__(self, call: Call) -> None:
        if call.pdu[0] not in (6, 16):
            await self._says(call)
            return
        if self._answers:
            call.tell()
        call.hang_up()
        assert self._says.objects is not None
        self._says.objects[0] = self._other
        self._peer.bank.log.clear()


@pytest.mark.parametrize("answers", [True, False])
async def test_w01_nothing_is_read_back_from_another_unit_at_a_new_connection(
    peer: Peer, link: ModbusLink, clock: Quick, says: Says, setpoint: Point, answers: bool
) -> None:
    """The write arrived at ours: it failed, which is tried again, and nobody has overridden it."""
    ours = unit(peer, link, clock, fingerprint=OURS)
    Replaced(peer, says, "Beta", answers=answers)
    receipt = await ours.write(setpoint, command(setpoint, 21.0))
    assert isinstance(receipt, Failed)
    assert receipt.retryable
    assert not [entry for entry in peer.bank.log if entry[2] < 40000]


async def test_w01_a_write_whose_connection_is_made_anew_goes_on_at_the_same_unit(
    peer: Peer, link: ModbusLink, clock: Quick, says: Says, setpoint: Point
) -> None:
    ours = unit(peer, link, clock, fingerprint=OURS)
    Replaced(peer, says, "Alfa", answers=True)
    assert isinstance(await ours.write(setpoint, command(setpoint, 21.0)), Accepted)
    assert peer.connections == 2


@pytest.mark.parametrize(("number", "text"), [(0, "Beta"), (1, "002"), (5, "M2")])
async def test_w01_a_unit_that_was_replaced_is_neither_read_nor_written(
    peer: Peer, link: ModbusLink, clock: Quick, says: Says, setpoint: Point, number: int, text: str
) -> None:
    """Behind a gateway nothing tells that the unit is another one: no connection is lost."""
    ours = unit(peer, link, clock, fingerprint=OURS)
    assert (await seen(ours)).value == 500
    assert says.objects is not None
    right, says.objects = says.objects, {**says.objects, number: text}
    peer.bank.log.clear()
    reading = await seen(ours)
    assert (reading.value, reading.quality) == (None, Quality.WRONG_DEVICE)
    assert text in (reading.detail or "")
    receipt = await ours.write(setpoint, command(setpoint, 21.0))
    assert isinstance(receipt, Refused)
    assert receipt.reason.code == "wrong_device"
    released = await ours.release(setpoint, MORNING)
    assert isinstance(released, StillHeld)
    assert (released.error.code, released.retryable) == ("wrong_device", True)
    (state,) = await ours.command_states([setpoint], MORNING)
    assert isinstance(state, NoCommandState)
    assert state.error.code == "wrong_device"
    assert not [entry for entry in peer.bank.log if entry[2] < 40000]
    assert peer.connections == 1
    assert ours.health.wrong_device == reading.detail
    says.objects = right
    assert (await seen(ours)).value == 500
    assert ours.health.wrong_device is None


async def test_w01_a_meter_of_the_same_make_is_told_by_its_serial_number(
    peer: Peer, link: ModbusLink, clock: Quick, says: Says
) -> None:
    says.objects = None
    peer.bank.fill(1, "holding", 40000, *common_block("Alfa", "M1", "4711"))
    wanted = Fingerprint(vendor="Alfa", model="M1", serial="4711")
    ours = unit(peer, link, clock, fingerprint=wanted)
    assert (await seen(ours)).value == 500
    assert (await ours.fingerprint()) == wanted
    peer.bank.fill(1, "holding", 40000, *common_block("Alfa", "M1", "4712"))
    reading = await seen(ours)
    assert reading.quality is Quality.WRONG_DEVICE
    assert "4712" in (reading.detail or "")


@pytest.mark.parametrize("silent", [False, True])
async def test_w01_without_identification_the_texts_of_the_template_count(
    peer: Peer, link: ModbusLink, clock: Quick, says: Says, silent: bool
) -> None:
    says.objects, says.silent = None, silent
    peer.bank.fill(1, "holding", 200, *registers("Alfa", 4), *registers("4711", 4))
    texts = (
        ("maker", TextAddress(table=Table.HOLDING, address=200, registers=4)),
        ("serial_number", TextAddress(table=Table.HOLDING, address=204, registers=4)),
    )
    wanted = Fingerprint(vendor="Alfa", serial="4711")
    ours = unit(peer, link, clock, fingerprint=wanted, texts=texts)
    assert (await seen(ours)).value == 500
    peer.bank.fill(1, "holding", 204, *registers("9", 4))
    assert (await seen(ours)).quality is Quality.WRONG_DEVICE


async def test_w01_a_fingerprint_that_cannot_be_read_is_named_so(
    peer: Peer, link: ModbusLink, clock: Quick, says: Says, setpoint: Point
) -> None:
    says.objects = None
    ours = unit(peer, link, clock, fingerprint=OURS)
    reading = await seen(ours)
    assert reading.quality is Quality.WRONG_DEVICE
    assert "does not tell its vendor" in (reading.detail or "")
    receipt = await ours.write(setpoint, command(setpoint, 21.0))
    assert isinstance(receipt, Refused)
    assert receipt.reason.code == RefusalReason.WRONG_DEVICE
    why = receipt.reason.parameters["text"]
    assert isinstance(why, Fact)
    assert why.code == IdentityDoubt.UNREADABLE


async def test_w01_without_a_fingerprint_nothing_is_asked(
    peer: Peer, link: ModbusLink, clock: Quick, says: Says
) -> None:
    assert (await seen(unit(peer, link, clock))).value == 500
    assert peer.bank.log == [(1, 3, 10, 1)]


async def test_w01_a_silent_unit_is_silent_and_no_other(
    peer: Peer, link: ModbusLink, clock: Quick, says: Says
) -> None:
    async def deaf(call: Call) -> None:
        return None

    ours = unit(peer, link, clock, fingerprint=OURS)
    assert (await seen(ours)).value == 500
    peer.script = deaf
    assert (await seen(ours)).quality is Quality.NO_REPLY
    assert ours.health.errors["silence"] == 1
