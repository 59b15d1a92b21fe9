"""A Modbus peer of our own for tests: it shares no code with the driver.

``Bank`` holds registers and answers PDUs; ``Peer`` serves it over TCP, RTU over TCP or RTU on a
pseudo-terminal, and may be told to answer in any other way.
"""

from __future__ import annotations

import asyncio
import os
import pty
import struct
import tty
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

TABLES = {1: "coil", 2: "discrete", 3: "holding", 4: "input"}
WRITES = {5: "coil", 6: "holding", 15: "coil", 16: "holding", 22: "holding"}


def crc16(frame: bytes) -> bytes:
    """CRC-16 bit by bit, as Modbus over serial line V1.02 draws it."""
    value = 0xFFFF
    for byte in frame:
        value ^= byte
        for _ in range(8):
            value, carry = value >> 1, value & 1
            if carry:
                value ^= 0xA001
    return struct.pack("<H", value)


@dataclass
class Bank:
    """Cells by (unit, table, address). Whatever is not there is refused with exception 2.

    Writes to ``ignored`` addresses are acknowledged and not done; ``most`` is the largest number
    that is kept of a write."""

    cells: dict[tuple[int, str, int], int] = field(default_factory=dict)
    log: list[tuple[int, int, int, int]] = field(default_factory=list)
    max_registers: int = 125
    ignored: set[int] = field(default_factory=set)
    most: int = 0xFFFF

    def fill(self, unit: int, table: str, address: int, *words: int) -> None:
        for i, word in enumerate(words):
            self.cells[unit, table, address + i] = word

    def answer(self, unit: int, pdu: bytes) -> bytes:
        function, address = struct.unpack_from(">BH", pdu)
        if function in TABLES:
            return self._read(unit, function, address, struct.unpack_from(">H", pdu, 3)[0])
        if function not in WRITES:
            return bytes((function | 0x80, 1))
        return self._write(unit, function, address, pdu)

    def _read(self, unit: int, function: int, address: int, count: int) -> bytes:
        self.log.append((unit, function, address, count))
        found = [self.cells.get((unit, TABLES[function], address + i)) for i in range(count)]
        if None in found or (function > 2 and count > self.max_registers):
            return bytes((function | 0x80, 2))
        if function > 2:
            return struct.pack(f">BB{count}H", function, 2 * count, *found)
        bits = sum(1 << i for i, bit in enumerate(found) if bit)
        size = (count + 7) // 8
        return bytes((function, size)) + bits.to_bytes(size, "little")

    def _write(self, unit: int, function: int, address: int, pdu: bytes) -> bytes:
        table = WRITES[function]
        values = _written(function, pdu, self.cells.get((unit, table, address), 0))
        self.log.append((unit, function, address, len(values)))
        if any((unit, table, address + i) not in self.cells for i in range(len(values))):
            return bytes((function | 0x80, 2))
        if address not in self.ignored:
            self.fill(unit, table, address, *(min(value, self.most) for value in values))
        return pdu[:5] if function in (5, 6, 15, 16) else pdu


def _written(function: int, pdu: bytes, old: int) -> list[int]:
    if function == 5:
        return [int(pdu[3] == 0xFF)]
    if function == 6:
        return [struct.unpack_from(">H", pdu, 3)[0]]
    if function == 22:
        and_mask, or_mask = struct.unpack_from(">HH", pdu, 3)
        return [(old & and_mask) | (or_mask & ~and_mask & 0xFFFF)]
    count = struct.unpack_from(">H", pdu, 3)[0]
    if function == 16:
        return list(struct.unpack_from(f">{count}H", pdu, 6))
    return [pdu[6 + i // 8] >> i % 8 & 1 for i in range(count)]


@dataclass
class Call:
    """One request as it arrived: how to answer it, rightly or not."""

    unit: int
    pdu: bytes
    honest: bytes
    wrap: Callable[[int, bytes], bytes]
    send: Callable[[bytes], None]
    hang_up: Callable[[], None]
    transaction: int = 0

    def tell(self, pdu: bytes | None = None, unit: int | None = None) -> None:
        """Answer with a well-made frame."""
        self.send(self.frame(pdu, unit))

    def frame(self, pdu: bytes | None = None, unit: int | None = None) -> bytes:
        return self.wrap(self.unit if unit is None else unit, self.honest if pdu is None else pdu)


Script = Callable[[Call], Awaitable[None]]


async def honestly(call: Call) -> None:
    call.tell()


class Peer:
    """A server on loopback (``port``) or on a pseudo-terminal (``path``)."""

    def __init__(
        self, framing: str, bank: Bank, script: Script = honestly, host: str = "127.0.0.1"
    ) -> None:
        self.framing = framing
        self.bank = bank
        self.host = host
        self.script = script
        self.connections = 0
        self.port = 0
        self.path = ""
        self._server: asyncio.Server | None = None
        self._master = -1
        self._slave = -1
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        if self.framing == "rtu":
            self._master, self._slave = pty.openpty()
            tty.setraw(self._slave)
            os.set_blocking(self._master, False)
            self.path = os.ttyname(self._slave)
            take = self._rtu_taker(lambda data: os.write(self._master, data), lambda: None)
            asyncio.get_running_loop().add_reader(
                self._master, lambda: take(os.read(self._master, 4096))
            )
            return
        self._server = await asyncio.start_server(self._session, self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        if self._master >= 0:
            asyncio.get_running_loop().remove_reader(self._master)
            os.close(self._master)
            os.close(self._slave)
            self._master = -1
        for task in self._tasks:
            task.cancel()
        await asyncio.sleep(0.01)

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1

        def send(data: bytes) -> None:
            if not writer.is_closing():
                writer.write(data)

        taker = self._tcp_taker if self.framing == "tcp" else self._rtu_taker
        take = taker(send, writer.close)
        try:
            while data := await reader.read(4096):
                take(data)
        except ConnectionError:
            pass
        finally:
            writer.close()

    def _tcp_taker(
        self, send: Callable[[bytes], None], hang_up: Callable[[], None]
    ) -> Callable[[bytes], None]:
        buffer = b""

        def take(data: bytes) -> None:
            nonlocal buffer
            buffer += data
            while len(buffer) >= 8:
                transaction, _, length, unit = struct.unpack_from(">HHHB", buffer)
                if len(buffer) < 6 + length:
                    return
                pdu, buffer = buffer[7 : 6 + length], buffer[6 + length :]

                def wrap(of: int, answer: bytes, transaction: int = transaction) -> bytes:
                    return struct.pack(">HHHB", transaction, 0, len(answer) + 1, of) + answer

                honest = self.bank.answer(unit, pdu)
                self._answer(Call(unit, pdu, honest, wrap, send, hang_up, transaction))

        return take

    def _rtu_taker(
        self, send: Callable[[bytes], object], hang_up: Callable[[], None]
    ) -> Callable[[bytes], None]:
        """Requests of a master are told apart by their lengths, as on a gateway."""
        buffer = b""

        def wrap(of: int, answer: bytes) -> bytes:
            return bytes((of,)) + answer + crc16(bytes((of,)) + answer)

        def sent(data: bytes) -> None:
            send(data)

        def take(data: bytes) -> None:
            nonlocal buffer
            buffer += data
            while len(buffer) >= 7 and len(buffer) >= (size := _rtu_request_size(buffer)):
                frame, buffer = buffer[:size], buffer[size:]
                if crc16(frame[:-2]) != frame[-2:]:
                    buffer = b""
                    return
                unit, pdu = frame[0], frame[1:-2]
                call = Call(unit, pdu, self.bank.answer(unit, pdu), wrap, sent, hang_up)
                self._answer(call)

        return take

    def _answer(self, call: Call) -> None:
        task = asyncio.ensure_future(self.script(call))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _rtu_request_size(frame: bytes) -> int:
    if frame[1] == 43:
        return 7
    if len(frame) < 7 or frame[1] not in (15, 16):
        return 10 if len(frame) > 1 and frame[1] == 22 else 8
    return 9 + frame[6]
