"""Modbus requests and replies as bytes: what to send, and whether an answer belongs to it.

Pure: the connection lives in ``drivers.modbus.link``. Sources: Modbus application protocol V1.1b3
(functions, exception codes), Modbus messaging on TCP/IP V1.0b (MBAP header), Modbus over serial
line V1.02 (RTU frames, CRC, silent interval).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Protocol

from bms.model.assets.address import Table
from bms.model.assets.device import Framing
from drivers.fieldbus.errors import Garbled, Refusal, RefusedForGood, RefusedForNow, Silence

MAX_REGISTERS = 125
MAX_BITS = 2000
MAX_WRITTEN = 123
_READ = {Table.COIL: 1, Table.DISCRETE: 2, Table.HOLDING: 3, Table.INPUT: 4}
_WRITE_COIL, _WRITE_REGISTER, _WRITE_COILS, _WRITE_REGISTERS, _MASK_WRITE = 5, 6, 15, 16, 22
_HEADER = struct.Struct(">HHHB")
_EXCEPTION_BIT = 0x80
_GATEWAY_PATH_GONE, _GATEWAY_TARGET_SILENT = 0x0A, 0x0B
_FOR_GOOD = (1, 2, 3)
_SAYS = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "device failure",
    5: "acknowledged, but not done yet",
    6: "device busy",
    8: "memory parity error",
    _GATEWAY_PATH_GONE: "the gateway has no path to the unit",
    _GATEWAY_TARGET_SILENT: "the gateway got no answer from the unit",
}
ILLEGAL_ADDRESS = (2, 3)
_CRC_BYTES = 2


class UnitSilent(Silence):
    """A gateway answered that the unit behind it does not."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request, and what its reply has to look like: the first bytes and the whole length.

    Where the length lies in the reply, ``reply_length`` is the longest, and ``measure`` says how
    long a PDU is that begins so, as far as that can be told yet.
    """

    unit: int
    pdu: bytes
    prefix: bytes
    reply_length: int
    repeatable: bool
    measure: Callable[[bytes], int] | None = None


def read(unit: int, table: Table, address: int, count: int) -> Request:
    """Read ``count`` registers or bits of a table."""
    function = _READ[table]
    bits = table in (Table.COIL, Table.DISCRETE)
    size = (count + 7) // 8 if bits else 2 * count
    pdu = struct.pack(">BHH", function, address, count)
    return Request(unit, pdu, bytes((function, size)), 2 + size, repeatable=True)


def sounding(request: Request, doubted: Collection[bytes]) -> Request:
    """A small read like ``request``, whose reply begins with none of ``doubted``.

    Raises ValueError for a write.
    """
    function, address, _ = struct.unpack(">BHH", request.pdu)
    if not request.repeatable:
        raise ValueError("a write is no sounding")
    table = next(table for table, code in _READ.items() if code == function)
    step = 8 if table in (Table.COIL, Table.DISCRETE) else 1
    reads = (read(request.unit, table, address, 1 + step * i) for i in range(MAX_REGISTERS))
    return next(each for each in reads if each.prefix not in doubted)


def write_coil(unit: int, address: int, state: bool, function: int | None = None) -> Request:
    """Write one coil by function 5, or 15 where the device asks for it.

    Raises ValueError for another function.
    """
    if function in (None, _WRITE_COIL):
        return _write(unit, struct.pack(">BHH", _WRITE_COIL, address, 0xFF00 if state else 0))
    if function != _WRITE_COILS:
        raise ValueError(f"function {function} writes no coil")
    head = struct.pack(">BHH", _WRITE_COILS, address, 1)
    return _write(unit, head + bytes((1, state)), head)


def write_registers(unit: int, address: int, image: bytes, function: int | None = None) -> Request:
    """Write consecutive registers; one alone goes by function 6, which every device knows.

    Raises ValueError when ``function`` cannot carry the image.
    """
    words = len(image) // 2
    function = function or (_WRITE_REGISTER if words == 1 else _WRITE_REGISTERS)
    if function == _WRITE_REGISTER and words == 1:
        return _write(unit, struct.pack(">BH", _WRITE_REGISTER, address) + image)
    if function != _WRITE_REGISTERS or not 1 <= words <= MAX_WRITTEN:
        raise ValueError(f"function {function} does not write {words} registers")
    head = struct.pack(">BHH", _WRITE_REGISTERS, address, words)
    return _write(unit, head + bytes((len(image),)) + image, head)


def mask_write(unit: int, address: int, and_mask: int, or_mask: int) -> Request:
    """Write a part of one register: ``(old AND and_mask) OR (or_mask AND NOT and_mask)``."""
    return _write(unit, struct.pack(">BHHH", _MASK_WRITE, address, and_mask, or_mask))


def _write(unit: int, pdu: bytes, echo: bytes | None = None) -> Request:
    echo = pdu if echo is None else echo
    return Request(unit, pdu, echo, len(echo), repeatable=False)


def payload(request: Request, unit: int, pdu: bytes) -> bytes:
    """What a reply carries, after it was checked against its request.

    Raises ``Refusal`` for an exception of the device (``Silence`` when a gateway says that the unit
    is silent), ``Garbled`` when unit, function, count or the echo of a write is not the one asked.
    """
    if unit != request.unit:
        raise Garbled(f"unit {unit} answered instead of {request.unit}")
    if len(pdu) == 2 and pdu[0] == request.pdu[0] | _EXCEPTION_BIT:
        raise _refusal(pdu[1])
    length = request.reply_length if request.measure is None else request.measure(pdu)
    if len(pdu) != length or not pdu.startswith(request.prefix):
        raise Garbled(f"the answer {pdu[:8].hex(' ')} does not fit {request.pdu[:6].hex(' ')}")
    return pdu[len(request.prefix) :]


def _refusal(code: int) -> Refusal | Silence:
    text = f"{_SAYS.get(code, 'unknown exception')} (exception {code})"
    if code in (_GATEWAY_PATH_GONE, _GATEWAY_TARGET_SILENT):
        return UnitSilent(text)
    return RefusedForGood(text, code) if code in _FOR_GOOD else RefusedForNow(text, code)


class Frames(Protocol):
    """One way in which requests and replies travel over a stream of bytes."""

    def frame(self, transaction: int, request: Request) -> bytes:
        """The bytes of a request. Its reply is expected from now on."""
        ...

    def feed(self, data: bytes) -> tuple[int, bytes] | None:
        """Unit and PDU of the reply to the last request once it is whole, else None.

        Raises ``Garbled`` for bytes that cannot become that reply.
        """
        ...

    @property
    def clean(self) -> bool:
        """Whether nothing is left over, so that the next reply can be told from it."""
        ...


@dataclass(slots=True)
class TcpFrames:
    """MBAP frames. A frame of another transaction is a late or repeated one: it is nobody's."""

    _transaction: int = -1
    _buffer: bytes = b""

    def frame(self, transaction: int, request: Request) -> bytes:
        self._transaction = transaction
        return _HEADER.pack(transaction, 0, len(request.pdu) + 1, request.unit) + request.pdu

    def feed(self, data: bytes) -> tuple[int, bytes] | None:
        self._buffer = buffer = self._buffer + data if self._buffer else data
        found = None
        while len(buffer) >= _HEADER.size:
            transaction, protocol, length, unit = _HEADER.unpack_from(buffer)
            if protocol != 0 or not 3 <= length <= 254:
                raise Garbled(f"{buffer[:8].hex(' ')} is no Modbus TCP frame")
            end = 6 + length
            if len(buffer) < end:
                break
            if transaction == self._transaction:
                found = unit, buffer[_HEADER.size : end]
                self._transaction = -1
            buffer = buffer[end:]
        self._buffer = buffer
        return found

    @property
    def clean(self) -> bool:
        return True  # what is left over has a transaction of its own


@dataclass(slots=True)
class RtuFrames:
    """RTU frames: unit, PDU, CRC. Nothing in them says which request a reply belongs to.

    So exactly one reply may arrive, right after its request, and every byte too many makes the
    stream unclean.
    """

    _request: Request | None = None
    _buffer: bytes = b""
    _strays: bool = field(default=False, init=False)

    def frame(self, transaction: int, request: Request) -> bytes:
        self._request, self._buffer = request, b""
        frame = bytes((request.unit,)) + request.pdu
        return frame + crc(frame)

    def feed(self, data: bytes) -> tuple[int, bytes] | None:
        request = self._request
        if request is None:
            self._strays = True
            return None
        self._buffer += data
        size = _rtu_size(request, self._buffer)
        if len(self._buffer) < size:
            return None
        reply, rest = self._buffer[:size], self._buffer[size:]
        self._request, self._buffer, self._strays = None, b"", bool(rest)
        if crc(reply[:-_CRC_BYTES]) != reply[-_CRC_BYTES:]:
            raise Garbled(f"wrong checksum in {reply[:8].hex(' ')}")
        return reply[0], reply[1:-_CRC_BYTES]

    @property
    def clean(self) -> bool:
        return not self._strays


def _rtu_size(request: Request, start: bytes) -> int:
    """Bytes of the reply that begins so. Raises ``Garbled`` when it cannot be the one asked for."""
    if start[0] != request.unit:
        raise Garbled(f"unit {start[0]} answered instead of {request.unit}")
    if len(start) == 1:
        return 5
    if start[1] == request.pdu[0] | _EXCEPTION_BIT:
        return 5
    head = start[1 : 1 + len(request.prefix)]
    if not request.prefix.startswith(head):
        raise Garbled(f"the answer {start[:8].hex(' ')} does not fit {request.pdu[:6].hex(' ')}")
    length = request.reply_length if request.measure is None else request.measure(start[1:])
    return 1 + length + _CRC_BYTES


def _table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = value >> 1 ^ 0xA001 if value & 1 else value >> 1
        table.append(value)
    return tuple(table)


_CRC_TABLE = _table()


def crc(frame: bytes) -> bytes:
    """CRC-16 of an RTU frame as it travels, low byte first (Modbus over serial line V1.02, 6.2)."""
    value = 0xFFFF
    for byte in frame:
        value = value >> 8 ^ _CRC_TABLE[(value ^ byte) & 0xFF]
    return value.to_bytes(2, "little")


FRAMES: dict[Framing, Callable[[], Frames]] = {
    Framing.TCP: TcpFrames,
    Framing.RTU_OVER_TCP: RtuFrames,
    Framing.RTU: RtuFrames,
}
