"""Meters and gateways as they are, in octets of their own: a peer that shares no code with ours."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bms.clock import VirtualClock
from bms.model.assets.address import MbusAddress, MbusQuantity
from bms.model.assets.device import Device, Fingerprint
from bms.model.readings.measurement import Quality, Reading
from bms.model.readings.units import Unit
from drivers.discovery.mbus_scan import MbusScan
from drivers.fieldbus.write_budget_log import FileWriteCounter
from drivers.mbus.driver import MbusDriver
from drivers.mbus.kept_telegrams import FileTelegrams
from drivers.mbus.link import MbusEndpoint, MbusLink
from drivers.registry import NetworkDrivers
from tests.rigs.fieldbus.driver_rigs import MORNING, point
from tests.rigs.steady_loop import now_s

Q = MbusQuantity
Send = Callable[[bytes], None]
Script = Callable[[bytes, Send], Awaitable[None]]
E5 = b"\xe5"
NUMBER = bytes.fromhex("78563412")
ENERGY = point("energy", MbusAddress(quantity=Q.ENERGY), unit=Unit.KWH)
SUPPLY = point("supply", MbusAddress(quantity=Q.SUPPLY_TEMP))
FLOW = point("flow", MbusAddress(quantity=Q.FLOW), unit=Unit.M3_PER_H)
KWH_4711 = bytes.fromhex("0406 67120000")
SUPPLY_62_5 = bytes.fromhex("025a 7102")


def long_frame(ci: int, data: bytes, address: int = 5) -> bytes:
    """A long frame, put together by hand (EN 13757-2, FT1.2)."""
    body = bytes((0x08, address, ci)) + data
    head = bytes((0x68, len(body), len(body), 0x68))
    return head + body + bytes((sum(body) % 256, 0x16))


def header(number: bytes = NUMBER, maker: bytes = b"\x2d\x2c", *, status: int = 0) -> bytes:
    """The long header of a variable answer: KAM, version 27, heat."""
    return number + maker + bytes((27, 4, 1, status, 0, 0))


class RawGateway:
    """Listens on loopback, and calls the script with each frame it hears."""

    def __init__(self, script: Script, host: str = "127.0.0.1") -> None:
        self.script = script
        self.host = host
        self.heard: list[bytes] = []
        self.connections = 0
        self.port = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> RawGateway:
        self._server = await asyncio.start_server(self._serve, self.host, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.sleep(0.01)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                first = await reader.readexactly(1)
                if first == b"\x10":
                    frame = first + await reader.readexactly(4)
                elif first == b"\x68":
                    size = await reader.readexactly(1)
                    frame = first + size + await reader.readexactly(size[0] + 4)
                else:
                    continue
                self.heard.append(frame)
                task = asyncio.ensure_future(self.script(frame, writer.write))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def meter(port: int, **rest: Any) -> Device:
    address = {} if rest.keys() & {"primary", "secondary"} else {"primary": 5}
    return Device(
        id="site/controller", site="site", protocol="mbus", host="127.0.0.1", port=port,
        timeout_s=0.2, **address, **rest,
    )  # fmt: skip


async def readings(script: Script, *points: Any, reads: int = 1, **rest: Any) -> list[Reading]:
    drivers = NetworkDrivers(VirtualClock(MORNING))
    async with RawGateway(script) as gateway:
        driver = drivers.driver(meter(gateway.port, **rest))
        for _ in range(reads):
            found = await driver.read(points, MORNING)
        await drivers.close()
    return found


def asks(frame: bytes) -> bool:
    """Whether a frame asks for data (REQ_UD2), with either frame count bit."""
    return frame[0] == 0x10 and frame[1] in (0x5B, 0x7B)


def answering(*answers: bytes) -> Script:
    """Acknowledges whatever is no question for data; gives the answers in turn to those."""
    left = list(answers)

    async def script(frame: bytes, send: Send) -> None:
        if asks(frame):
            send(left.pop(0) if len(left) > 1 else left[0])
        else:
            send(E5)

    return script


# Headers


async def test_the_status_in_a_short_header_counts() -> None:
    answer = long_frame(0x7A, bytes((1, 0x08, 0, 0)) + KWH_4711)
    (found,) = await readings(answering(answer), ENERGY)
    assert (found.value, found.quality) == (4711.0, Quality.UNCERTAIN)


async def test_an_encrypted_answer_with_a_short_header_is_no_value() -> None:
    answer = long_frame(0x7A, bytes((1, 0, 0, 0x05)) + KWH_4711)
    (found,) = await readings(answering(answer), ENERGY)
    assert (found.value, found.quality) == (None, Quality.DEVICE_ERROR)
    assert "encrypts" in str(found.detail)


@pytest.mark.parametrize(
    ("ci", "heads"),
    [(0x7A, (b"\x01\0\0\0", b"\x02\0\0\0")), (0x78, (b"", b""))],
    ids=["short header", "no header"],
)
async def test_several_telegrams_without_an_identification(
    ci: int, heads: tuple[bytes, bytes]
) -> None:
    first = long_frame(ci, heads[0] + KWH_4711 + b"\x1f")
    second = long_frame(ci, heads[1] + SUPPLY_62_5)
    energy, supply = await readings(answering(first, second), ENERGY, SUPPLY)
    assert (energy.value, supply.value) == (4711.0, 62.5)


async def test_a_short_header_answers_to_a_secondary_address() -> None:
    answer = long_frame(0x7A, bytes((1, 0, 0, 0)) + KWH_4711)
    (found,) = await readings(answering(answer), ENERGY, secondary="12345678")
    assert found.value == 4711.0


# Meters that are slow, or spoil what they say


async def test_an_answer_in_pieces_with_pauses_is_read() -> None:
    answer = long_frame(0x72, header() + KWH_4711)

    async def script(frame: bytes, send: Send) -> None:
        if not asks(frame):
            return send(E5)
        for place in range(0, len(answer), 7):
            send(answer[place : place + 7])
            await asyncio.sleep(0.06)
        return None

    (found,) = await readings(script, ENERGY)
    assert found.value == 4711.0


@pytest.mark.parametrize("garbage", ["e500", "ffe5", "e5e5", "e568", "1140e516"])
async def test_an_acknowledgement_with_garbage_costs_no_wrong_value(garbage: str) -> None:
    answer = long_frame(0x72, header() + KWH_4711)
    spoilt = iter([bytes.fromhex(garbage)])

    async def script(frame: bytes, send: Send) -> None:
        send(answer if asks(frame) else next(spoilt, E5))

    (found,) = await readings(script, ENERGY)
    assert found.value == 4711.0


async def test_an_application_error_is_named_and_the_next_answer_read() -> None:
    busy, good = long_frame(0x70, b"\x08"), long_frame(0x72, header() + KWH_4711)
    (found,) = await readings(answering(busy, good), ENERGY)
    assert "too many readouts" in str(found.detail)
    (found,) = await readings(answering(busy, good), ENERGY, reads=2)
    assert found.value == 4711.0


@pytest.mark.parametrize(
    ("record", "value", "quality"),
    [
        ("0c06 11470000", 4711.0, Quality.GOOD),
        ("0c06 114700f0", -4711.0, Quality.GOOD),
        ("0c06 ffffffff", None, Quality.ABSENT),
        ("0c06 1147000d", None, Quality.ABSENT),
        ("0406 ffffff7f", 2147483647.0, Quality.GOOD),
        ("0406 00000080", None, Quality.ABSENT),
        ("8c0006 11470000", 4711.0, Quality.GOOD),
        ("4c06 01000000 0c06 11470000", 4711.0, Quality.GOOD),
        ("8c10 06 01000000 0c06 11470000", 4711.0, Quality.GOOD),
        ("1c06 01000000 0c06 11470000", 4711.0, Quality.GOOD),
        ("0c863b 01000000 0c06 11470000", 4711.0, Quality.GOOD),
        ("0cff01 01000000 0c06 11470000", 4711.0, Quality.GOOD),
        ("0cfb09 11470000", 1308611.11, Quality.GOOD),
        ("0cfb00 11470000", 471100.0, Quality.GOOD),
        ("0c0e 11470000", 1308.61, Quality.GOOD),
        ("0506 00a89245", 4693.0, Quality.GOOD),
        ("0506 0000c07f", None, Quality.ABSENT),
        ("0d06 c411470000 2f2f", 4711.0, Quality.GOOD),
        ("0d06 d411470000", -4711.0, Quality.GOOD),
        ("0d06 c511470000", None, Quality.DEVICE_ERROR),
    ],
)
async def test_energy_in_every_dress(record: str, value: float | None, quality: Quality) -> None:
    answer = long_frame(0x72, header() + bytes.fromhex(record))
    (found,) = await readings(answering(answer), ENERGY)
    wanted = value if value is None else pytest.approx(value, rel=1e-5)
    assert (found.value, found.quality) == (wanted, quality), found.detail


async def test_a_gateway_is_reached_over_ipv6() -> None:
    answer = long_frame(0x72, header() + KWH_4711)
    async with RawGateway(answering(answer), host="::1") as gateway:
        drivers = NetworkDrivers(VirtualClock(MORNING))
        device = dataclasses.replace(meter(gateway.port), host="::1")
        (found,) = await drivers.driver(device).read([ENERGY], MORNING)
        await drivers.close()
    assert found.value == 4711.0


async def test_the_reads_of_a_battery_are_counted_over_a_restart(tmp_path: Path) -> None:
    answer, asked = long_frame(0x72, header() + KWH_4711), []

    async def script(frame: bytes, send: Send) -> None:
        asked.append(frame)
        send(answer if asks(frame) else E5)

    clock = VirtualClock(MORNING)
    async with RawGateway(script) as gateway:
        found = []
        for _ in range(4):
            counter = FileWriteCounter(tmp_path / "wear.log")
            drivers = NetworkDrivers(clock, write_counter=counter)
            driver = drivers.driver(meter(gateway.port, reads_per_day=2))
            found += await driver.read([ENERGY], clock.now())
            await drivers.close()
    assert [each.quality for each in found] == [Quality.GOOD] * 2 + [Quality.ABSENT] * 2
    assert sum(map(asks, asked)) == 2


class Restarting:
    """A backend that asks one meter on a battery, and is started anew for each look."""

    def __init__(self, folder: Path, gateway: RawGateway, clock: VirtualClock) -> None:
        self.journal = folder / "journal"
        self._gateway, self._clock = gateway, clock

    async def look(self, **rest: Any) -> Reading:
        drivers = NetworkDrivers(
            self._clock,
            write_counter=FileWriteCounter.beside(self.journal),
            meter_answers=FileTelegrams.beside(self.journal),
        )
        driver = drivers.driver(meter(self._gateway.port, **{"reads_per_day": 2, **rest}))
        (found,), again = await asyncio.gather(
            driver.read([ENERGY], self._clock.now()), driver.read([ENERGY], self._clock.now())
        )
        assert [found] == again
        await drivers.close()
        return found


async def test_after_a_restart_the_last_answer_of_a_battery_stands_with_its_own_time(
    tmp_path: Path,
) -> None:
    answer, asked = long_frame(0x72, header() + KWH_4711), []

    async def script(frame: bytes, send: Send) -> None:
        asked.append(frame)
        if not asks(frame):
            send(E5)
        elif sum(map(asks, asked)) == 1:
            send(answer)

    clock = VirtualClock(MORNING)
    async with RawGateway(script) as gateway:
        backend = Restarting(tmp_path, gateway, clock)
        first = await backend.look()
        clock.advance(timedelta(hours=11))
        between = await backend.look()
        assert sum(map(asks, asked)) == 1
        clock.advance(timedelta(hours=1))
        silent = await backend.look()  # its second read of the day, which it does not answer
        spent = await backend.look()
        clock.advance(timedelta(days=2))
        for _ in range(2):
            await backend.look()
        late = await backend.look()
    assert (first.value, first.time) == (4711.0, MORNING)
    assert [(each.value, each.quality, each.time) for each in (between, spent)] == [
        (4711.0, Quality.GOOD, MORNING)
    ] * 2
    assert silent.quality is Quality.NO_REPLY
    assert late.quality is Quality.ABSENT


async def test_what_another_meter_said_before_the_restart_is_not_taken(tmp_path: Path) -> None:
    async with RawGateway(answering(long_frame(0x72, header() + KWH_4711))) as gateway:
        backend = Restarting(tmp_path, gateway, VirtualClock(MORNING))
        await backend.look(reads_per_day=1)
        other_address = await backend.look(reads_per_day=1, primary=6)
        other_make = await backend.look(reads_per_day=1, fingerprint=Fingerprint(serial="1"))
        same = await backend.look(reads_per_day=1)
    assert {other_address.quality, other_make.quality} == {Quality.ABSENT}
    assert same.quality is Quality.GOOD


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"meter": 1}', "\udcff", '{"meter":"m","at":"x","telegrams":[]}']
)
async def test_an_answer_that_cannot_be_read_any_more_is_asked_for(
    tmp_path: Path, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with RawGateway(answering(long_frame(0x72, header() + KWH_4711))) as gateway:
        backend = Restarting(tmp_path, gateway, VirtualClock(MORNING))
        await backend.look()
        (file,) = (tmp_path / "meter-answers").iterdir()
        file.write_bytes(content.encode("utf-8", "surrogateescape"))
        assert (await backend.look()).value == 4711.0
    assert "cannot be read" in caplog.text


async def test_a_folder_that_takes_no_answers_costs_no_reading(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "meter-answers").write_text("a file")
    async with RawGateway(answering(long_frame(0x72, header() + KWH_4711))) as gateway:
        found = await Restarting(tmp_path, gateway, VirtualClock(MORNING)).look()
    assert found.value == 4711.0
    assert "cannot be kept" in caplog.text


# A search in which two meters answer at once


async def test_two_meters_that_answer_one_after_the_other_are_both_found() -> None:
    numbers = ("12345678", "12345679")

    async def script(frame: bytes, send: Send) -> None:
        if frame[0] == 0x68 and frame[6] == 0x52:
            wanted = frame[7:11][::-1].hex()
            script.selected = [  # type: ignore[attr-defined]
                n for n in numbers if all(w in ("f", d) for w, d in zip(wanted, n, strict=True))
            ]
            if script.selected:  # type: ignore[attr-defined]
                send(E5)
        elif asks(frame) and frame[2] == 0xFD:
            for number in script.selected:  # type: ignore[attr-defined]
                send(long_frame(0x72, header(bytes.fromhex(number)[::-1]) + KWH_4711))
                await asyncio.sleep(0.05)
        elif frame[1] == 0x40:
            send(E5)

    async with RawGateway(script) as gateway:
        scan = MbusScan(f"127.0.0.1:{gateway.port}", timeout_s=0.08)
        await scan.by_secondary()
        await scan.close()
    assert sorted(str(each.serial_number) for each in scan.found) == list(numbers)


async def test_a_line_that_answers_each_selection_with_noise_is_not_searched_for_ever() -> None:
    async def script(frame: bytes, send: Send) -> None:
        send(b"\x68\x00\x12" if asks(frame) else E5)

    async with RawGateway(script) as gateway:
        scan = MbusScan(f"127.0.0.1:{gateway.port}", timeout_s=0.01)
        async with asyncio.timeout(20):
            await scan.by_secondary()
        await scan.close()
    assert not scan.found
    assert any("given up" in note for note in scan.notes), scan.notes
    assert len(gateway.heard) < 100


# Hostile gateways


async def test_octets_without_end_cost_neither_memory_nor_time() -> None:
    async def script(frame: bytes, send: Send) -> None:
        if asks(frame):
            for _ in range(400):
                send(b"\x55" * 65_536)
                await asyncio.sleep(0)
        else:
            send(E5)

    began = now_s()
    (found,) = await readings(script, ENERGY)
    assert found.value is None
    assert now_s() - began < 6.0


async def test_a_gateway_that_sends_what_nobody_asked_for_is_hung_up_on() -> None:
    async def script(frame: bytes, send: Send) -> None:
        if not asks(frame):
            return send(E5)
        send(long_frame(0x72, header() + KWH_4711))
        for _ in range(20):
            await asyncio.sleep(0.005)
            send(b"\x55" * 8_192)
        return None

    drivers = NetworkDrivers(VirtualClock(MORNING))
    async with RawGateway(script) as gateway:
        driver = drivers.driver(meter(gateway.port))
        for expected in (1, 2):
            (found,) = await driver.read([ENERGY], MORNING)
            assert (found.value, gateway.connections) == (4711.0, expected)
            await asyncio.sleep(0.3)
        await drivers.close()


class QuickLine(MbusEndpoint):
    """A line on which the longest answer takes a fifth of a second."""

    longest_reply_s = 0.2


async def test_a_meter_that_drips_holds_the_line_for_one_turn_at_most() -> None:
    """Sixteen telegrams, each as slow as it may be, would keep the others off for minutes."""
    count = iter(range(10_000))

    async def script(frame: bytes, send: Send) -> None:
        if not asks(frame):
            return send(E5)
        if frame[2] == 6:
            return send(long_frame(0x72, header() + KWH_4711, address=6))
        number = bytes.fromhex(f"{next(count):08d}")
        answer = long_frame(0x72, header() + b"\x0c\x06" + number + b"\x1f")
        for place in range(len(answer)):
            send(answer[place : place + 1])
            await asyncio.sleep(0.005)
        return None

    clock = VirtualClock(MORNING)
    async with RawGateway(script) as gateway:
        link = MbusLink(QuickLine("127.0.0.1", gateway.port), clock)
        dripping, other = meter(gateway.port), meter(gateway.port, primary=6)
        drivers = [MbusDriver(each, link, clock, "UTC") for each in (dripping, other)]
        began = now_s()
        (slow,), (found,) = await asyncio.gather(
            *(each.read([ENERGY], MORNING) for each in drivers)
        )
        assert (slow.value, slow.quality) == (None, Quality.NO_REPLY)
        assert "no end" in str(slow.detail)
        assert (found.value, found.quality) == (4711.0, Quality.GOOD)
        assert now_s() - began < link.turn_s + 1.0 <= link.patience_s
        await link.close()
