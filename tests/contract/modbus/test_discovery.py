"""Which units answer on a line: a small endpoint made of bytes, and the peer on every framing."""

from __future__ import annotations

import asyncio
import itertools
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from bms.model.assets.device import Framing, Parity, SerialLine
from drivers.discovery.inventory import FoundDevice
from drivers.discovery.modbus_scan import discover_modbus
from drivers.discovery.site_draft import draft_site
from drivers.discovery.targets import endpoint_at
from drivers.fieldbus.errors import NoReply
from drivers.modbus.connection import Endpoint
from tests.rigs.fieldbus.modbus_peer import Bank, Call, Peer, Script
from tests.rigs.steady_loop import now_s

Answer = Callable[[int, bytes], bytes | None]
BASIC, REGULAR = 1, 2


def decode_identification(
    *texts: str, conformity: int = 0x01, first: int = 0, more: int = 0
) -> bytes:
    objects = b"".join(bytes((first + n, len(t))) + t.encode() for n, t in enumerate(texts))
    follows = bytes((0xFF, more)) if more else b"\0\0"
    return b"\x2b\x0e\x01" + bytes((conformity,)) + follows + bytes((len(texts),)) + objects


def exception(pdu: bytes, code: int) -> bytes:
    return bytes((pdu[0] | 0x80, code))


def sunspec(pdu: bytes) -> bytes:
    registers = {40000: b"SunS", 40002: b"\x00\x01\x00\x02", 40006: b"\x00\x67\x00\x32"}
    address, count = struct.unpack_from(">HH", pdu, 1)
    return (
        b"\x03\x04" + registers.get(address, b"\xff\xff\x00\x00") if count == 2 else b"\x03\2\0\0"
    )


@asynccontextmanager
async def endpoint(answer: Answer) -> AsyncIterator[str]:
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        try:
            while True:
                transaction, _, length, unit = struct.unpack(">HHHB", await reader.readexactly(7))
                pdu = answer(unit, await reader.readexactly(length - 1))
                if pdu is not None:
                    writer.write(struct.pack(">HHHB", transaction, 0, len(pdu) + 1, unit) + pdu)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    for writer in writers:
        writer.close()
    server.close()
    await server.wait_closed()
    await asyncio.sleep(0.01)


def gateway(unit: int, pdu: bytes) -> bytes | None:
    """Unit 1 says what it is, 2 is SunSpec, 3 knows nothing, 9 is dead."""
    if unit == 1:
        return (
            decode_identification("Carlo Gavazzi", "EM340", "1.2")
            if pdu[0] == 43
            else exception(pdu, 2)
        )
    if unit == 2:
        return exception(pdu, 1) if pdu[0] == 43 else sunspec(pdu)
    if unit == 3:
        return exception(pdu, 1)
    return exception(pdu, 11) if unit < 9 else None


class TestBehindAGateway:
    async def test_units_say_what_they_are(self) -> None:
        async with endpoint(gateway) as target:
            scan = await discover_modbus(target, units=range(1, 11), timeout_s=0.1)
        found = scan.found
        assert [device.unit for device in found] == [1, 2, 3]
        assert (found[0].vendor, found[0].model, found[0].firmware) == (
            "Carlo Gavazzi", "EM340", "1.2"
        )  # fmt: skip
        assert "SunSpec models 1, 103" in found[1].notes
        assert found[2].vendor is None
        assert scan.left_out is None

    async def test_one_device_that_answers_for_all_is_one(self) -> None:
        def all_of_them(unit: int, pdu: bytes) -> bytes:
            return decode_identification("ABB", "B23") if pdu[0] == 43 else exception(pdu, 2)

        async with endpoint(all_of_them) as target:
            (device,) = (await discover_modbus(target, timeout_s=0.5)).found
        assert device.unit == 1
        assert "247 unit ids alike" in device.notes[-1]

    async def test_nobody_at_the_address_is_said(self) -> None:
        async with endpoint(gateway) as target:
            pass
        with pytest.raises(NoReply, match="no connection"):
            await discover_modbus(target, units=(1,))

    async def test_a_late_answer_is_not_that_of_the_next_unit(self) -> None:
        """The answer of unit 1 comes when unit 2 is asked, under its old transaction."""
        kept: list[bytes] = []

        async def late(call: Call) -> None:
            for frame in kept:
                call.send(frame)
            kept[:] = [call.frame(b"\x03\x02\x00\x07")]

        peer = Peer("tcp", Bank(), late)
        await peer.start()
        scan = await discover_modbus(f"127.0.0.1:{peer.port}", units=(1, 2, 3), timeout_s=0.1)
        assert scan.found == ()
        await peer.stop()

    @pytest.mark.parametrize("numbered", [lambda sent: sent + 1, lambda sent: 0])
    async def test_a_gateway_with_transaction_numbers_of_its_own_is_found_and_drafted(
        self, numbered: Callable[[int], int]
    ) -> None:
        async def own(call: Call) -> None:
            if call.unit == 2:
                frame = call.frame(b"\x83\x02")
                call.send(numbered(call.transaction).to_bytes(2, "big") + frame[2:])

        peer = Peer("tcp", Bank(), own)
        await peer.start()
        scan = await discover_modbus(f"127.0.0.1:{peer.port}", units=(1, 2, 3), timeout_s=0.1)
        await peer.stop()
        (device,) = scan.found
        assert (device.unit, device.any_transaction) == (2, True)
        assert "any_transaction: true" in draft_site((device,), site="hall", name="Hall")


class TestIdentification:
    @pytest.mark.parametrize(
        "junk",
        [
            b"\x99",
            b"\x2b",
            b"\x2b\x0e\x01",
            b"\x2b\x0e\x01\x01\x00\x00\x09\x00\x50",
            decode_identification("ABB") + b"\0",
            decode_identification("ABB")[:-1],
            b"\x2b\x0d" + decode_identification("ABB")[2:],
            b"\x03\x02",
        ],
    )
    async def test_that_is_mutilated_is_none(self, junk: bytes) -> None:
        async with endpoint(lambda u, p: junk if p[0] == 43 else exception(p, 2)) as target:
            (device,) = (await discover_modbus(target, units=(1,), timeout_s=0.2)).found
        assert device.vendor is None
        assert "does not say what it is" in device.notes[0]

    async def test_in_several_answers_is_put_together(self) -> None:
        def slowly(unit: int, pdu: bytes) -> bytes:
            if pdu[0] != 43:
                return exception(pdu, 2)
            category, first = pdu[2:]
            if category == BASIC:
                texts = ("Schneider Electric", "METSEIEM3155", "1.5.6")
                more = first + 1 if first < 2 else 0
                return decode_identification(texts[first], conformity=0x82, first=first, more=more)
            told = decode_identification(
                "https://se.com", "iEM3000", "iEM3155", conformity=0x82, first=3
            )
            return told[:2] + b"\x02" + told[3:]

        async with endpoint(slowly) as target:
            (device,) = (await discover_modbus(target, units=(1,), timeout_s=0.5)).found
        assert device.vendor == "Schneider Electric"
        assert device.model == "iEM3155 (METSEIEM3155)"
        assert device.firmware == "1.5.6"

    async def test_that_goes_round_in_circles_ends(self) -> None:
        asked = 0

        def circles(unit: int, pdu: bytes) -> bytes:
            nonlocal asked
            asked += 1
            return (
                decode_identification("ABB", more=0)
                if pdu[0] != 43
                else b"\x2b\x0e\1\1\xff\0\1\0\3ABB"
            )

        async with endpoint(circles) as target:
            (device,) = (await discover_modbus(target, units=(1,), timeout_s=0.2)).found
        assert device.vendor is None
        assert asked < 6


IDENTIFIED = decode_identification("Kamstrup", "MULTICAL", "x03")


def unit_three_says_what_it_is() -> Script:
    async def script(call: Call) -> None:
        if call.unit == 3:
            call.tell(IDENTIFIED if call.pdu[0] == 43 else None)

    return script


def target_of(peer: Peer) -> str:
    if peer.framing == "rtu":
        return f"serial:{peer.path}?baud=115200&parity=none"
    return f"rtu:127.0.0.1:{peer.port}" if peer.framing == "rtu_over_tcp" else ""


@pytest.fixture(params=["rtu_over_tcp", "rtu"])
async def peer(request: pytest.FixtureRequest) -> AsyncIterator[Peer]:
    peer = Peer(request.param, Bank(), unit_three_says_what_it_is())
    await peer.start()
    yield peer
    await peer.stop()


class TestOnALineWhoseRepliesNameNoRequest:
    async def test_a_unit_is_found_with_what_it_says(self, peer: Peer) -> None:
        seen: list[tuple[int, FoundDevice | None]] = []
        scan = await discover_modbus(
            target_of(peer), units=range(1, 6), timeout_s=0.1, report=lambda *a: seen.append(a)
        )
        (device,) = scan.found
        assert (device.unit, device.vendor, device.model) == (3, "Kamstrup", "MULTICAL")
        assert device.framing == peer.framing
        assert (device.serial is not None) == (peer.framing == "rtu")
        assert [(asked, found is not None) for asked, found in seen] == [
            (1, False), (2, False), (3, True), (4, False), (5, False)
        ]  # fmt: skip

    async def test_a_late_answer_meets_silence_and_no_other_unit(self, peer: Peer) -> None:
        """Unit 1 answers when its time is over, while nobody listens yet again."""

        async def late(call: Call) -> None:
            if call.unit == 1:
                await asyncio.sleep(0.13)
                call.tell()

        peer.script = late
        scan = await discover_modbus(target_of(peer), units=(1, 2, 3), timeout_s=0.1)
        assert scan.found == ()

    async def test_the_line_is_left_alone_after_each_who_is_silent(self, peer: Peer) -> None:
        at: list[float] = []

        async def silent(call: Call) -> None:
            at.append(now_s())

        peer.script = silent
        await discover_modbus(target_of(peer), units=(1, 2, 3), timeout_s=0.1)
        assert len(at) == 3
        assert all(after - before >= 0.19 for before, after in itertools.pairwise(at))

    async def test_an_answer_in_single_bytes_is_read(self, peer: Peer) -> None:
        async def script(call: Call) -> None:
            frame = call.frame(IDENTIFIED if call.pdu[0] == 43 else None)
            for byte in frame:
                call.send(bytes((byte,)))
                await asyncio.sleep(0.001)

        peer.script = script
        (device,) = (await discover_modbus(target_of(peer), units=(7,), timeout_s=0.5)).found
        assert (device.vendor, device.firmware) == ("Kamstrup", "x03")

    async def test_two_units_of_one_number_are_said_to_be_something(self, peer: Peer) -> None:
        async def both(call: Call) -> None:
            call.send(bytes(byte ^ 0x5A for byte in call.frame()))

        peer.script = both
        (device,) = (await discover_modbus(target_of(peer), units=(3,), timeout_s=0.1)).found
        assert "two units of one number" in device.notes[0]

    async def test_nobody_is_asked_when_the_time_is_over(self, peer: Peer) -> None:
        scan = await discover_modbus(
            target_of(peer), units=range(1, 248), timeout_s=0.1, budget_s=0.5
        )
        assert scan.left_out is not None
        assert scan.left_out.endswith("were not asked: the time is over")
        assert 3 <= int(scan.left_out.split()[1]) <= 7


async def test_what_was_found_before_the_line_broke_is_kept() -> None:
    peer = Peer("rtu_over_tcp", Bank(), unit_three_says_what_it_is())
    await peer.start()
    server, answer = peer, peer.script

    async def break_down(call: Call) -> None:
        if call.unit == 4:
            await server.stop()
            call.hang_up()
        await answer(call)

    peer.script = break_down
    scan = await discover_modbus(f"rtu:127.0.0.1:{peer.port}", units=range(3, 9), timeout_s=0.1)
    assert [device.unit for device in scan.found] == [3]
    assert "unit 5 and those after it were not asked" in (scan.left_out or "")
    await peer.stop()


class TestATarget:
    def test_names_a_line(self) -> None:
        assert endpoint_at("10.0.0.20") == Endpoint("10.0.0.20", 502)
        assert endpoint_at("meter.local:1502") == Endpoint("meter.local", 1502)
        for text in ("::1", "[::1]", "[::1]:502"):
            assert endpoint_at(text) == Endpoint("::1", 502)
        assert endpoint_at("[fd00::7%eth1]:1502") == Endpoint("fd00::7%eth1", 1502)
        assert endpoint_at("rtu:[::1]:4001") == Endpoint("::1", 4001, Framing.RTU_OVER_TCP)
        assert endpoint_at("rtu:10.0.0.21:4001") == Endpoint(
            "10.0.0.21", 4001, Framing.RTU_OVER_TCP
        )
        assert endpoint_at("serial:/dev/ttyUSB0") == Endpoint(
            framing=Framing.RTU, serial=SerialLine(path="/dev/ttyUSB0")
        )
        assert endpoint_at("serial:COM3?baud=19200&parity=none&stop_bits=2").serial == SerialLine(
            path="COM3", baud=19200, parity=Parity.NONE, stop_bits=2
        )

    @pytest.mark.parametrize(
        "target",
        [
            "",
            ":502",
            "10.0.0.20:",
            "[10.0.0.20]:502",
            "[::1:502",
            "::1]:502",
            "1:2:3:502",
            "10.0.0.20:http",
            "10.0.0.20:0",
            "10.0.0.20:65536",
            "rtu:10.0.0.21",
            "rtu:",
            "serial:",
            "serial:?baud=9600",
            "serial:/dev/ttyS0?baud=fast",
            "serial:/dev/ttyS0?baud=12",
            "serial:/dev/ttyS0?parity=mark",
            "serial:/dev/ttyS0?stop_bits=3",
            "serial:/dev/ttyS0?bits=7",
        ],
    )
    def test_that_cannot_be_read_says_what_to_write(self, target: str) -> None:
        with pytest.raises(ValueError, match=r"write|numbers|stop_bits"):
            endpoint_at(target)
