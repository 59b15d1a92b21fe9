"""The device that the site file names answers, or nobody does (CONTRACT, W1)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from bms.clock import VirtualClock
from bms.model.assets.address import BacnetAddress
from bms.model.assets.device import Device, Fingerprint
from bms.model.assets.write_rule import Release, ReleaseKind
from bms.model.control.command import (
    Accepted,
    Failed,
    Refused,
    Released,
    StillHeld,
)
from bms.model.control.command_state import NoCommandState
from bms.model.control.reasons import RefusalReason
from bms.model.fact import Fact
from bms.model.readings.measurement import Quality, Reading
from drivers.bacnet.driver import BacnetDriver
from drivers.bacnet.encoding import services as codec
from drivers.bacnet.encoding.frames import Peer
from drivers.bacnet.encoding.services import Reference
from drivers.bacnet.link import BacnetLink
from drivers.bacnet.local_port import segmented_request
from drivers.fieldbus.fingerprint import IdentityDoubt
from tests.rigs.fieldbus.bacnet_responder import (
    TinyDevice,
    datagram,
    free_udp_port,
    identifier,
    listening,
    property_of,
    real,
    text,
)
from tests.rigs.fieldbus.bacnet_session import Heard, Router, device, inputs, tiny, until
from tests.rigs.fieldbus.commands import command
from tests.rigs.fieldbus.driver_rigs import MORNING, point, rule

FIRST, SECOND = "127.0.0.2", "127.0.0.3"
BACK = Release(kind=ReleaseKind.CONSTANT, value=19.0)
SETPOINT = point("setpoint", BacnetAddress(object_type="analog-value", instance=1), rule(BACK))
SENSOR = inputs(1)
OURS = Fingerprint(vendor="Alfa", model="A1", name="AHU east")


def controller(sensor: float = 1.0, says: Fingerprint | None = None, **knobs: object) -> TinyDevice:
    found = tiny(1, **knobs)
    found.properties[0, 1, 85] = real(sensor)
    found.properties[2, 1, 85] = real(19.0)
    return described(found, says) if says is not None else found


def described(found: TinyDevice, says: Fingerprint) -> TinyDevice:
    for name, number in (("vendor", 121), ("model", 70), ("name", 77), ("serial", 372)):
        if name in says.known:
            found.properties[8, found.instance, number] = text(says.known[name])
    return found


class Bench:
    """Drivers over one link on virtual time, and devices that may be put at any address."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self.link = BacnetLink()
        self.clock = VirtualClock(MORNING)
        self.port = free_udp_port()
        self._stack = stack

    async def put(self, responder: object, host: str) -> None:
        await self._stack.enter_async_context(listening(responder, self.port, host))  # type: ignore[arg-type]

    def at(self, host: str, **knobs: object) -> BacnetDriver:
        made: Device = device(self.port, host=host, **{"timeout_s": 0.2, **knobs})  # type: ignore[arg-type]
        return BacnetDriver(replace(made, id=f"site/at_{host}"), self.link, self.clock)

    def later(self, **time: float) -> None:
        self.clock.advance(timedelta(**time))


@asynccontextmanager
async def bench() -> AsyncIterator[Bench]:
    async with AsyncExitStack() as stack:
        made = Bench(stack)
        stack.push_async_callback(made.link.close)
        yield made


async def seen(driver: BacnetDriver) -> Reading:
    (reading,) = await driver.read(SENSOR, MORNING)
    return reading


async def value(driver: BacnetDriver) -> float | None:
    return (await seen(driver)).value


class TestAHostWithAName:
    @pytest.fixture
    async def made(self) -> AsyncIterator[Bench]:
        async with bench() as made:
            self.stands_for, self.slow = FIRST, False

            async def names(host: str, port: int) -> str:
                if self.slow:
                    await asyncio.sleep(100)
                return self.stands_for if host == "ahu.example" else host

            made.link.names = names
            await made.put(controller(1.0), FIRST)
            yield made

    async def test_w01_a_device_that_answers_is_asked_where_it_is(self, made: Bench) -> None:
        driver = made.at("ahu.example")
        assert await value(driver) == 1.0
        await made.put(controller(2.0), SECOND)
        self.stands_for = SECOND
        made.later(hours=2)
        assert await value(driver) == 1.0  # while it answers nobody asks for its name

    @pytest.mark.parametrize("stays", ["silence", "another device"])
    async def test_w01_after_a_new_lease_it_is_found_at_its_new_address(
        self, made: Bench, stays: str
    ) -> None:
        old = controller(1.0)
        await made.put(old, "127.0.0.4")
        self.stands_for = "127.0.0.4"
        driver = made.at("ahu.example")
        assert await value(driver) == 1.0
        await made.put(controller(2.0), SECOND)
        self.stands_for = SECOND
        old.deaf = stays == "silence"
        if not old.deaf:
            old.instance, old.properties = 99, controller(1.0, instance=99).properties
        made.later(hours=2)
        assert await value(driver) == 2.0
        assert driver.session.known_peer == Peer(SECOND, made.port)

    async def test_a_server_of_names_that_is_slow_is_waited_for_a_time_out_at_most(
        self, made: Bench
    ) -> None:
        self.slow = True
        found = await seen(made.at("ahu.example"))
        assert found.quality is Quality.NO_REPLY
        assert "no address within 0.2 s" in str(found.detail)


class TestOneInstanceBehindTwoRouters:
    @pytest.fixture
    async def two(self) -> AsyncIterator[tuple[Bench, Router, Router, BacnetDriver, BacnetDriver]]:
        async with bench() as made:
            east, west = Router(controller(1.0)), Router(controller(2.0))
            await made.put(east, FIRST)
            await made.put(west, SECOND)
            yield made, east, west, made.at(FIRST), made.at(SECOND)

    async def test_w01_each_router_gives_its_own_device(self, two) -> None:  # type: ignore[no-untyped-def]
        _, _, _, first, second = two
        assert [await value(first), await value(second)] == [1.0, 2.0]
        assert first.session.known_peer == Peer(FIRST, two[0].port, 2001, b"\x05")
        assert second.session.known_peer == Peer(SECOND, two[0].port, 2001, b"\x05")

    async def test_w01_a_silent_one_is_never_taken_for_the_other(self, two) -> None:  # type: ignore[no-untyped-def]
        made, east, west, first, second = two
        await value(first)
        await value(second)
        east.inner.deaf = True
        for _ in range(4):
            west.inner.peer = west.peer
            west.send(west.inner.i_am())
            assert (await seen(first)).quality is Quality.NO_REPLY
            assert isinstance(await first.write(SETPOINT, command(SETPOINT, 21.0)), Failed)
            made.later(minutes=15)
        assert west.inner.properties[2, 1, 85] == real(19.0)
        assert await value(second) == 2.0
        east.inner.deaf = False
        assert await value(first) == 1.0
        assert isinstance(await first.write(SETPOINT, command(SETPOINT, 21.0)), Accepted)
        assert east.inner.properties[2, 1, 85] == real(21.0)
        assert west.inner.properties[2, 1, 85] == real(19.0)

    async def test_w01_one_that_is_silent_from_the_start_is_not_sought_at_the_other(  # type: ignore[no-untyped-def]
        self, two
    ) -> None:
        made, east, _, first, second = two
        assert await value(second) == 2.0
        east.inner.deaf = True
        east.answer = lambda i, s, p: None
        for _ in range(3):
            assert (await seen(first)).value is None
            made.later(minutes=15)

    async def test_w01_their_announcements_are_known_and_not_counted(self, two) -> None:  # type: ignore[no-untyped-def]
        made, _, west, first, second = two
        await value(first)
        await value(second)
        port = await made.link._port(FIRST, made.port)
        west._back(west.inner.i_am(), port.transactions.sender.get_extra_info("sockname"))
        await asyncio.sleep(0.05)
        assert (first.health.elsewhere, second.health.elsewhere) == ({}, {})

    async def test_w01_requests_in_segments_go_by_the_router_that_is_named(self, two) -> None:  # type: ignore[no-untyped-def]
        """Both networks bear number 2001: the stack must not choose the way by itself."""
        made, _, _, first, second = two
        await value(first)
        await value(second)
        reference = Reference(0, 1, codec.PRESENT_VALUE)
        for driver, number in ((first, 1.0), (second, 2.0)) * 2:
            ack = await made.link.confirmed(
                driver.session.known_peer,
                codec.READ_PROPERTY,
                codec.read_property(reference),
                0.5,
                segmented=True,
            )
            (tag,) = codec.read_property_ack(reference, ack)
            assert tag.data == real(number)[1:]


async def test_w01_two_of_one_instance_behind_one_router_are_told_apart_by_their_place() -> None:
    class Two(Router):
        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            super().datagram_received(data, addr)
            if data[5] & 0x20 and data[6:8] == b"\xff\xff":
                twin = b"\x01\x08" + b"\x0b\xb9" + b"\x01\x07"
                self.transport.sendto(datagram(self.inner.i_am(), twin), addr)

    async with bench() as made:
        await made.put(Two(controller()), FIRST)
        driver = made.at(FIRST)
        reading = await seen(driver)
        assert reading.quality is Quality.WRONG_DEVICE
        for network in (2001, 3001):
            assert f"in network {network}" in (reading.detail or "")
        receipt = await driver.write(SETPOINT, command(SETPOINT, 21.0))
        assert isinstance(receipt, Refused)
        assert receipt.reason.code == RefusalReason.WRONG_DEVICE
        why = receipt.reason.parameters["text"]
        assert isinstance(why, Fact)
        assert why.code == IdentityDoubt.AMBIGUOUS
        assert await value(made.at(FIRST, network=2001)) == 1.0
        assert await value(made.at(FIRST, network=2001, mac="05")) == 1.0


async def test_w01_an_announcement_from_another_port_is_noted_and_not_followed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)
    ours, other = controller(1.0), controller(99.0)
    async with bench() as made, listening(other) as elsewhere:
        await made.put(ours, FIRST)
        driver = made.at(FIRST)
        assert await value(driver) == 1.0
        other.peer = ours.peer
        for _ in range(2):
            other.send(other.i_am())
        await asyncio.sleep(0.05)
        ours.deaf = True
        for _ in range(3):
            assert (await seen(driver)).quality is Quality.NO_REPLY
            made.later(minutes=15)
        ours.deaf = False
        assert await value(driver) == 1.0
        assert driver.session.known_peer == Peer(FIRST, made.port)
        assert driver.health.elsewhere == {f"127.0.0.1:{elsewhere}": 2}
        told = [r.getMessage() for r in caplog.records if "is announced from" in r.getMessage()]
        assert len(told) == 1
        assert f"127.0.0.1:{elsewhere}" in told[0]
        assert f"{FIRST}:{made.port}" in told[0]


async def test_w01_two_devices_that_swap_addresses_between_two_polls() -> None:
    """No silence and no announcement tells: only who answers."""
    east, west = controller(1.0, instance=77), controller(2.0, instance=78)
    async with bench() as made:
        await made.put(east, FIRST)
        await made.put(west, SECOND)
        first, second = made.at(FIRST, instance=77), made.at(SECOND, instance=78)
        assert [await value(first), await value(second)] == [1.0, 2.0]
        east.answer, west.answer = west.answer, east.answer
        for driver in (first, second):
            reading = await seen(driver)
            assert (reading.value, reading.quality) == (None, Quality.WRONG_DEVICE)
            assert driver.health.wrong_device == reading.detail
            receipt = await driver.write(SETPOINT, command(SETPOINT, 21.0))
            assert isinstance(receipt, Refused)
            assert receipt.reason.code == RefusalReason.WRONG_DEVICE
            assert isinstance(await driver.release(SETPOINT, MORNING), StillHeld)
        for answers in (east, west):
            assert answers.properties[2, 1, 85] == real(19.0)
            assert not [service for service, _ in answers.requests if service == 15]
        east.answer, west.answer = west.answer, east.answer
        assert [await value(first), await value(second)] == [1.0, 2.0]
        assert first.health.wrong_device is None
        assert isinstance(await first.release(SETPOINT, MORNING), Released)


@pytest.mark.parametrize("field", ["vendor", "model", "name", "serial"])
async def test_w01_with_another_fingerprint_nothing_is_sent(field: str) -> None:
    says = replace(OURS, serial="4711")
    ours = controller(1.0, says)
    async with bench() as made:
        await made.put(ours, FIRST)
        driver = made.at(FIRST, fingerprint=says)
        assert await value(driver) == 1.0
        described(ours, replace(says, **{field: "other"}))
        ours.requests.clear()
        reading = await seen(driver)
        assert (reading.value, reading.quality) == (None, Quality.WRONG_DEVICE)
        assert f"its {field} is 'other'" in (reading.detail or "")
        receipt = await driver.write(SETPOINT, command(SETPOINT, 21.0))
        assert isinstance(receipt, Refused)
        assert receipt.reason.code == "wrong_device"
        released = await driver.release(SETPOINT, MORNING)
        assert isinstance(released, StillHeld)
        assert (released.error.code, released.retryable) == ("wrong_device", True)
        (state,) = await driver.command_states([SETPOINT], MORNING)
        assert isinstance(state, NoCommandState)
        assert state.error.code == "wrong_device"
        asked = {(service, payload[1:5]) for service, payload in ours.requests}
        assert asked == {(14, identifier(8, 77)[1:])}
        described(ours, says)
        assert await value(driver) == 1.0


async def test_w01_a_write_without_answer_is_not_sent_again_to_another_device() -> None:
    """The two swap while the write is on its way: its repetition must not reach the other one."""
    east, west = controller(1.0, instance=77), controller(2.0, instance=78)

    def swapping(invoke: int, service: int, payload: bytes) -> bytes | None:
        if service != 15:
            return east._answer(invoke, service, payload)
        east.answer = west._answer
        return None

    async with bench() as made:
        east.answer = swapping
        await made.put(east, FIRST)
        first = made.at(FIRST, instance=77)
        assert await value(first) == 1.0
        receipt = await first.write(SETPOINT, command(SETPOINT, 21.0))
        assert isinstance(receipt, Refused)
        assert receipt.reason.code == RefusalReason.WRONG_DEVICE
        assert west.properties[2, 1, 85] == real(19.0)


@pytest.mark.parametrize("releasing", [False, True])
async def test_w01_two_that_swap_between_the_questions_before_a_write(releasing: bool) -> None:
    """Whatever else is asked before it: the last question before a write is who is there."""
    east, west = controller(1.0, instance=77), controller(2.0, instance=78)

    def swapping(invoke: int, service: int, payload: bytes) -> bytes | None:
        answer = east._answer(invoke, service, payload)
        if service == 12 and property_of(payload)[0] == (2, 1, 87):
            east.answer = west._answer
        return answer

    async with bench() as made:
        await made.put(east, FIRST)
        first = made.at(FIRST, instance=77)
        assert await value(first) == 1.0
        east.answer = swapping
        if releasing:
            assert isinstance(await first.release(SETPOINT, MORNING), StillHeld)
        else:
            receipt = await first.write(SETPOINT, command(SETPOINT, 21.0))
            assert isinstance(receipt, Refused)
            assert receipt.reason.code == RefusalReason.WRONG_DEVICE
        for answers in (east, west):
            assert answers.properties[2, 1, 85] == real(19.0)


async def test_w01_a_write_whose_answer_was_lost_is_sent_again_to_the_same_device() -> None:
    ours = controller(1.0)
    lost: list[int] = []

    def once(invoke: int, service: int, payload: bytes) -> bytes | None:
        answer = ours._answer(invoke, service, payload)
        if service == 15 and not lost:
            lost.append(invoke)
            return None
        return answer

    async with bench() as made:
        ours.answer = once
        await made.put(ours, FIRST)
        driver = made.at(FIRST)
        assert isinstance(await driver.write(SETPOINT, command(SETPOINT, 21.0)), Accepted)
        assert len([service for service, _ in ours.requests if service == 15]) == 2


async def test_w01_a_fingerprint_is_compared_without_case_and_white_space() -> None:
    async with bench() as made:
        await made.put(controller(1.0, OURS), FIRST)
        same = Fingerprint(vendor=" alfa ", model="a1", name="AHU  East")
        assert await value(made.at(FIRST, fingerprint=same)) == 1.0


async def test_w01_what_the_file_leaves_out_is_not_compared() -> None:
    async with bench() as made:
        await made.put(controller(1.0, OURS), FIRST)
        assert await value(made.at(FIRST, fingerprint=Fingerprint(model="A1"))) == 1.0


async def test_w01_a_fingerprint_that_cannot_be_read_is_named_so() -> None:
    async with bench() as made:
        await made.put(controller(1.0), FIRST)
        driver = made.at(FIRST, fingerprint=OURS)
        reading = await seen(driver)
        assert reading.quality is Quality.WRONG_DEVICE
        assert "does not tell its vendor" in (reading.detail or "")
        receipt = await driver.write(SETPOINT, command(SETPOINT, 21.0))
        assert isinstance(receipt, Refused)
        assert receipt.reason.code == RefusalReason.WRONG_DEVICE
    why = receipt.reason.parameters["text"]
    assert isinstance(why, Fact)
    assert why.code == IdentityDoubt.UNREADABLE


async def test_w01_a_device_without_multiple_reads_has_a_fingerprint_too() -> None:
    async with bench() as made:
        await made.put(controller(1.0, OURS, knows_multiple=False), FIRST)
        assert await value(made.at(FIRST, fingerprint=OURS)) == 1.0
        wrong = made.at(FIRST, fingerprint=replace(OURS, model="B2"))
        assert (await seen(wrong)).quality is Quality.WRONG_DEVICE


async def test_w01_a_device_that_is_named_by_its_address_alone_may_have_a_fingerprint() -> None:
    class Wildcard(TinyDevice):
        def value(self, key, index):  # type: ignore[no-untyped-def]
            known = (8, 77, key[2]) if key[:2] == (8, 0x3FFFFF) else key
            return super().value(known, index)

    ours = Wildcard()
    ours.properties |= controller(1.0, OURS).properties
    async with bench() as made:
        await made.put(ours, FIRST)
        assert await value(made.at(FIRST, instance=None, fingerprint=OURS)) == 1.0
        wrong = made.at(FIRST, instance=None, fingerprint=replace(OURS, vendor="Beta"))
        assert (await seen(wrong)).quality is Quality.WRONG_DEVICE


async def test_w01_changes_of_value_of_the_wrong_device_are_not_heard() -> None:
    ours = controller(1.0, OURS)
    heard = Heard()
    async with bench() as made:
        await made.put(ours, FIRST)
        driver = made.at(FIRST, fingerprint=OURS)
        watch = asyncio.create_task(driver.watch(SENSOR, heard))
        try:
            await heard.until(1)
            await until(lambda: bool(ours.subscriptions))
            described(ours, replace(OURS, model="B2"))
            await seen(driver)
            ours.change(0, 1, 50.0)
            await asyncio.sleep(0.05)
            assert heard.values == [1.0]
        finally:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)


@pytest.mark.parametrize(
    "npdu",
    [b"\x01\x00", b"\x01\x08\x07\xd1\x01\x06", b"\x01\x08\x07\xd2\x01\x05"],
    ids=["no source", "another MAC", "another network"],
)
async def test_w01_an_answer_from_another_place_behind_the_router_is_none(npdu: bytes) -> None:
    class Lying(Router):
        npdu: bytes | None = None

        def _done(self, answer: bytes | None, addr: tuple[str, int]) -> None:
            if self.npdu is None or answer is None:
                super()._done(answer, addr)
            else:
                self.waiting -= 1
                self.transport.sendto(datagram(answer, self.npdu), addr)

    async with bench() as made:
        router = Lying(controller())
        await made.put(router, FIRST)
        driver = made.at(FIRST)
        assert await value(driver) == 1.0
        router.npdu = npdu
        assert (await seen(driver)).quality is Quality.NO_REPLY
        with pytest.raises(Exception, match="no answer"):
            await made.link.confirmed(
                driver.session.known_peer,
                codec.READ_PROPERTY,
                codec.read_property(Reference(0, 1, codec.PRESENT_VALUE)),
                0.3,
                segmented=True,
            )


@pytest.mark.parametrize("segmented", [False, True])
async def test_w01_an_answer_from_another_address_is_none(segmented: bool) -> None:
    """With the invoke id that was asked for, and all else right."""
    ours, stranger = controller(1.0), controller(99.0)
    ours.answer = lambda i, s, p: stranger.send(stranger._answer(i, s, p))  # type: ignore[func-returns-value]
    async with bench() as made:
        await made.put(ours, FIRST)
        await made.put(stranger, SECOND)
        driver = made.at(FIRST, instance=None)
        port = await made.link._port(FIRST, made.port)
        stranger.peer = port.transactions.sender.get_extra_info("sockname")  # type: ignore[attr-defined]
        if segmented:
            asked = segmented_request(
                port,
                Peer(FIRST, made.port),
                codec.READ_PROPERTY,
                codec.read_property(Reference(0, 1, codec.PRESENT_VALUE)),
                0.3,
            )
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    await asked
        else:
            assert (await seen(driver)).quality is Quality.NO_REPLY
        assert len(ours.requests) >= 1
