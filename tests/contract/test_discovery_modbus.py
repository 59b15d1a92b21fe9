"""Which units answer behind an endpoint, against a small endpoint made of bytes."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from drivers.discovery_modbus import discover_modbus
from drivers.refusals import Silence

Answer = Callable[[int, bytes], bytes | None]


def identity(*texts: str) -> bytes:
    objects = b"".join(bytes((n, len(t))) + t.encode() for n, t in enumerate(texts))
    return b"\x2b\x0e\x01\x01\x00\x00" + bytes((len(texts),)) + objects


def exception(pdu: bytes, code: int) -> bytes:
    return bytes((pdu[0] | 0x80, code))


def sunspec(pdu: bytes) -> bytes:
    registers = {40000: b"SunS", 40002: b"\x00\x01\x00\x02", 40006: b"\x00\x67\x00\x32"}
    (address,) = struct.unpack_from(">H", pdu, 1)
    return b"\x03\x04" + registers.get(address, b"\xff\xff\x00\x00")


@asynccontextmanager
async def endpoint(answer: Answer) -> AsyncIterator[int]:
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        try:
            while True:
                transaction, _, length, unit = struct.unpack(">HHHB", await reader.readexactly(7))
                pdu = answer(unit, await reader.readexactly(length - 1))
                if pdu is not None:
                    writer.write(struct.pack(">HHHB", transaction, 0, len(pdu) + 1, unit) + pdu)
        except asyncio.IncompleteReadError:
            writer.close()
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    for writer in writers:
        writer.close()
        await writer.wait_closed()
    server.close()
    await server.wait_closed()
    await asyncio.sleep(0.01)


def gateway(unit: int, pdu: bytes) -> bytes | None:
    """Unit 1 says what it is, 2 is SunSpec, 3 knows nothing, 9 is dead."""
    if unit == 1:
        return identity("Carlo Gavazzi", "EM340", "1.2") if pdu[0] == 43 else exception(pdu, 2)
    if unit == 2:
        return exception(pdu, 1) if pdu[0] == 43 else sunspec(pdu)
    if unit == 3:
        return exception(pdu, 1)
    return exception(pdu, 11) if unit < 9 else None


async def test_units_behind_a_gateway_say_what_they_are() -> None:
    async with endpoint(gateway) as port:
        found = await discover_modbus("127.0.0.1", port, units=range(1, 11), timeout_s=0.1)
    assert [device.unit for device in found] == [1, 2, 3]
    assert (found[0].vendor, found[0].model, found[0].firmware) == ("Carlo Gavazzi", "EM340", "1.2")
    assert "SunSpec models 1, 103" in found[1].notes
    assert found[2].vendor is None


async def test_a_late_answer_is_not_that_of_the_next_unit() -> None:
    """The answer of unit 1 comes when unit 2 is asked, under its old transaction."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        kept = b""
        try:
            while True:
                head = await reader.readexactly(7)
                await reader.readexactly(struct.unpack(">HHHB", head)[2] - 1)
                pdu = identity(f"unit {head[6]}")
                frame = head[:4] + struct.pack(">HB", len(pdu) + 1, head[6]) + pdu
                writer.write(kept)
                kept = frame
        except asyncio.IncompleteReadError:
            writer.close()
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    assert await discover_modbus("127.0.0.1", port, units=(1, 2, 3), timeout_s=0.1) == ()
    server.close()
    await server.wait_closed()
    await asyncio.sleep(0.05)


async def test_one_device_that_answers_for_all_is_one() -> None:
    def all_of_them(unit: int, pdu: bytes) -> bytes:
        return identity("ABB", "B23") if pdu[0] == 43 else exception(pdu, 2)

    async with endpoint(all_of_them) as port:
        (device,) = await discover_modbus("127.0.0.1", port, timeout_s=0.5)
    assert device.unit == 1
    assert "247 unit ids alike" in device.notes[-1]


@pytest.mark.parametrize(
    "junk", [b"", b"\x2b", b"\x2b\x0e\x01", b"\x2b\x0e\x01\x01\x00\x00\x09\x00\x50", b"\x03\x02"]
)
async def test_a_mutilated_identification_is_no_identification(junk: bytes) -> None:
    async with endpoint(lambda u, p: (junk or b"\x99") if p[0] == 43 else exception(p, 2)) as port:
        (device,) = await discover_modbus("127.0.0.1", port, units=(1,), timeout_s=0.2)
    assert device.vendor is None


async def test_nobody_at_the_address_is_said() -> None:
    async with endpoint(gateway) as port:
        pass
    with pytest.raises(Silence, match="no connection"):
        await discover_modbus("127.0.0.1", port, units=(1,))
