"""Modbus requests and replies as bytes, and the check that a reply belongs to its request.

Pure; ``drivers.modbus.connection`` sends them. Sources: Modbus application protocol V1.1b3
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
from drivers.fieldbus.errors import (
    DeviceRefusal,
    InvalidReply,
    NoReply,
    PermanentRefusal,
    TemporaryRefusal,
)

MAX_REGISTERS = 125
MAX_BITS = 2000
MAX_WRITTEN = 123
_READ = {Table.COIL: 1, Table.DISCRETE: 2, Table.HOLDING: 3, Table.INPUT: 4}
_WRITE_COIL, _WRITE_REGISTER, _WRITE_COILS, _WRITE_REGISTERS, _MASK_WRITE = 5, 6, 15, 16, 22
_HEADER = struct.Struct(">HHHB")
_HEADER_BYTES = _HEADER.size
_EXCEPTION_BIT = 0x80
_GATEWAY_PATH_GONE, _GATEWAY_TARGET_SILENT = 0x0A, 0x0B
_FOR_GOOD = (1, 2, 3)
_EXCEPTION_TEXTS = {
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
ILLEGAL_FUNCTION = 1
ILLEGAL_ADDRESS = (2, 3)
_CRC_BYTES = 2
_NOISE = (0x00, 0xFF)
"""What a line shows where nobody drives it: it is read before and after frames."""
_LONGEST_NOISE = 8
_MOST_STRANGERS, _MOST_UNASKED = 1_000, 65_536
"""Frames of other transactions, and octets that no request asked for, before a peer is hung up on:
whoever sends without end costs others their time."""


class GatewayTargetNoReply(NoReply):
    """A gateway replied that the unit behind it does not (exception 0x0A or 0x0B)."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request PDU, with the first bytes and the length [B] that its reply has to have.

    Where the length stands in the reply itself, ``reply_length`` is the longest one, and
    ``measure`` gives the length of a PDU from its first bytes, as far as they determine it.
    """

    unit: int
    pdu: bytes
    prefix: bytes
    reply_length: int
    repeatable: bool
    measure: Callable[[bytes], int] | None = None


def read(unit: int, table: Table, address: int, count: int) -> Request:
    """Request to read ``count`` registers or bits of a table (functions 1 to 4)."""
    function = _READ[table]
    bits = table in (Table.COIL, Table.DISCRETE)
    size = (count + 7) // 8 if bits else 2 * count
    pdu = struct.pack(">BHH", function, address, count)
    return Request(unit, pdu, bytes((function, size)), 2 + size, repeatable=True)


def distinguishable_read(request: Request, ambiguous: Collection[bytes]) -> Request:
    """A small read of the same registers whose reply begins with none of ``ambiguous``.

    Raises ValueError when ``request`` is a write.
    """
    function, address, _ = struct.unpack(">BHH", request.pdu)
    if not request.repeatable:
        raise ValueError("a write cannot be replaced by a read")
    table = next(table for table, code in _READ.items() if code == function)
    step = 8 if table in (Table.COIL, Table.DISCRETE) else 1
    reads = (read(request.unit, table, address, 1 + step * i) for i in range(MAX_REGISTERS))
    return next(each for each in reads if each.prefix not in ambiguous)


def write_coil(unit: int, address: int, state: bool, function: int | None = None) -> Request:
    """Request to write one coil by function 5, or by 15 where the device needs that.

    Raises ValueError for any other function.
    """
    if function in (None, _WRITE_COIL):
        return _write(unit, struct.pack(">BHH", _WRITE_COIL, address, 0xFF00 if state else 0))
    if function != _WRITE_COILS:
        raise ValueError(f"function {function} writes no coil")
    head = struct.pack(">BHH", _WRITE_COILS, address, 1)
    return _write(unit, head + bytes((1, state)), head)


def write_registers(unit: int, address: int, image: bytes, function: int | None = None) -> Request:
    """Request to write consecutive registers by function 16; one alone goes by function 6.

    Raises ValueError when ``function`` cannot write that many.
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
    """Request to write ``(old AND and_mask) OR (or_mask AND NOT and_mask)`` (function 22)."""
    return _write(unit, struct.pack(">BHHH", _MASK_WRITE, address, and_mask, or_mask))


def _write(unit: int, pdu: bytes, echo: bytes | None = None) -> Request:
    echo = pdu if echo is None else echo
    return Request(unit, pdu, echo, len(echo), repeatable=False)


def payload(request: Request, unit: int, pdu: bytes) -> bytes:
    """The data of a reply, after it was checked against its request.

    Raises ``DeviceRefusal`` for an exception reply, ``GatewayTargetNoReply`` for that of a gateway,
    and ``InvalidReply`` when unit, function, count or the echo of a write does not match.
    """
    if unit != request.unit:
        raise InvalidReply(f"unit {unit} answered instead of {request.unit}")
    if len(pdu) == 2 and pdu[0] == request.pdu[0] | _EXCEPTION_BIT:
        raise _refusal(pdu[1])
    length = request.reply_length if request.measure is None else request.measure(pdu)
    if len(pdu) != length or not pdu.startswith(request.prefix):
        raise InvalidReply(f"the answer {pdu[:8].hex(' ')} does not fit {request.pdu[:6].hex(' ')}")
    return pdu[len(request.prefix) :]


def _refusal(code: int) -> DeviceRefusal | NoReply:
    text = f"{_EXCEPTION_TEXTS.get(code, 'unknown exception')} (exception {code})"
    if code in (_GATEWAY_PATH_GONE, _GATEWAY_TARGET_SILENT):
        return GatewayTargetNoReply(text)
    return PermanentRefusal(text, code) if code in _FOR_GOOD else TemporaryRefusal(text, code)


class Framer(Protocol):
    """Puts requests into frames, and takes replies out of a stream of bytes."""

    def frame(self, transaction: int, request: Request) -> bytes:
        """The bytes of a request. Its reply is expected from now on."""
        ...

    def feed(self, data: bytes) -> tuple[int, bytes] | None:
        """Unit and PDU of the reply to the last request once it is whole, else None.

        Raises ``InvalidReply`` for bytes that cannot become that reply.
        """
        ...

    @property
    def clean(self) -> bool:
        """Whether no bytes are left over that could be taken for the next reply."""
        ...

    @property
    def other_numbers(self) -> bool:
        """Whether frames came since the request with a transaction number that none has had: a late
        reply bears that of its request. Numbers count from 1."""
        ...

    @property
    def hint(self) -> str:
        """What came in place of the reply, for the message of its time-out; else empty."""
        ...


@dataclass(slots=True)
class TcpFramer:
    """MBAP frames. A frame of another transaction is late or repeated, and is dropped.

    With ``any_transaction`` the first frame after a request is its reply, whatever number it bears
    (some gateways count by themselves), and any further one makes the stream unclean.
    """

    any_transaction: bool = False
    _transaction: int = -1
    _buffer: bytes = b""
    _others: int = 0
    _sent: int = 0
    _unsent: bool = False
    _broken: bool = False
    """Whether what came behind a reply is no frame."""
    clean: bool = True

    def frame(self, transaction: int, request: Request) -> bytes:
        self._transaction = self._sent = transaction
        self._others, self._unsent = 0, False
        return _HEADER.pack(transaction, 0, len(request.pdu) + 1, request.unit) + request.pdu

    def feed(self, data: bytes) -> tuple[int, bytes] | None:
        self._buffer = buffer = self._buffer + data if self._buffer else data
        found = None
        while len(buffer) >= _HEADER_BYTES:
            transaction, protocol, length, unit = _HEADER.unpack_from(buffer)
            if protocol != 0 or not 3 <= length <= 254:
                if found is None:
                    raise InvalidReply(f"{buffer[:8].hex(' ')} is no Modbus TCP frame")
                buffer, self._broken = b"", True
                break
            end = 6 + length
            if len(buffer) < end:
                break
            if transaction == self._transaction or (self._takes_any and found is None):
                found = unit, buffer[_HEADER_BYTES:end]
                self._transaction = -1
            else:
                self._others += 1
                self._unsent |= not 0 < transaction <= self._sent
                if self._others > _MOST_STRANGERS and found is None:
                    raise InvalidReply("frames without end that belong to no request")
            buffer = buffer[end:]
        self._buffer = buffer
        # Bytes that are left over have a transaction identifier of their own, as a rule.
        self.clean = not (self._broken or (self.any_transaction and (self._others or buffer)))
        return found

    @property
    def _takes_any(self) -> bool:
        return self.any_transaction and self._transaction >= 0

    @property
    def other_numbers(self) -> bool:
        return self._unsent

    @property
    def hint(self) -> str:
        if not self._others:
            return ""
        return (
            ", but frames with another transaction number"
            " (any_transaction: true in the site file takes them)"
        )


@dataclass(slots=True)
class RtuFramer:
    """RTU frames: unit, PDU, CRC; a reply does not name its request.

    So exactly one reply may arrive after each request; any further byte makes the stream unclean,
    but for the 00 or FF of a line that nobody drives. Some converters give back what is sent: such
    an echo is skipped. Where it looks like the reply (functions 5, 6 and 22), that needs an earlier
    request which showed that the line echoes; else the rest makes the stream unclean, and the
    read-back decides.
    """

    _request: Request | None = None
    _buffer: bytes = b""
    _skipped: int = 0
    _unasked: int = 0
    _sent: bytes = b""
    """The request as long as its echo may still come."""
    _echoes: bool = False
    _stray_bytes: bool = field(default=False, init=False)

    def frame(self, transaction: int, request: Request) -> bytes:
        self._request, self._buffer, self._skipped, self._unasked = request, b"", 0, 0
        frame = bytes((request.unit,)) + request.pdu
        self._sent = frame + crc(frame)
        return self._sent

    def feed(self, data: bytes) -> tuple[int, bytes] | None:
        request = self._request
        if request is None:
            self._stray_bytes |= _stray(data)
            self._unasked += len(data)
            if self._unasked > _MOST_UNASKED:
                raise InvalidReply("octets without end that no request asked for")
            return None
        self._buffer += data
        if self._sent and self._is_echo(request):
            return None
        self._skip_noise(request)
        if not self._buffer:
            return None
        size = _rtu_size(request, self._buffer)
        if len(self._buffer) < size:
            return None
        reply, rest = self._buffer[:size], self._buffer[size:]
        self._request, self._buffer, self._stray_bytes = None, b"", _stray(rest)
        if not _checks(reply):
            raise InvalidReply(f"wrong checksum in {reply[:8].hex(' ')}")
        return reply[0], reply[1:-_CRC_BYTES]

    def _is_echo(self, request: Request) -> bool:
        """Whether there is nothing yet but an echo of the request, or a part of it; a whole one is
        dropped."""
        alike = request.pdu == request.prefix
        if (alike and not self._echoes) or (not alike and _is_reply(request, self._buffer)):
            return False
        end = _LONGEST_NOISE + len(self._sent)
        start = self._buffer.find(self._sent, 0, end)
        if start < 0:
            return self._sent.startswith(self._buffer)
        self._buffer = self._buffer[start + len(self._sent) :]
        self._sent, self._echoes = b"", True
        return not self._buffer

    def _skip_noise(self, request: Request) -> None:
        """Drop what stands before the reply: 00 and FF, and any byte before a whole frame."""
        start = next((i for i, b in enumerate(self._buffer) if b not in _NOISE), None)
        start = len(self._buffer) if start is None else start
        if request.unit in _NOISE:
            start = 0
        for i in range(min(start + _LONGEST_NOISE, len(self._buffer))):
            if _is_reply(request, self._buffer[i:]):
                start = i
                break
        self._skipped += start
        if self._skipped > _LONGEST_NOISE:
            raise InvalidReply("nothing but noise on the line")
        self._buffer = self._buffer[start:]

    @property
    def clean(self) -> bool:
        return not self._stray_bytes

    @property
    def other_numbers(self) -> bool:
        return False

    @property
    def hint(self) -> str:
        if self._echoes and not self._sent:
            return ", but an echo of the request"
        return ", but noise" if self._skipped else ""


def _stray(data: bytes) -> bool:
    """Whether bytes that no request asked for could be a part of a reply."""
    return any(byte not in _NOISE for byte in data)


def _checks(frame: bytes) -> bool:
    return crc(frame[:-_CRC_BYTES]) == frame[-_CRC_BYTES:]


def _is_reply(request: Request, start: bytes) -> bool:
    """Whether these bytes begin with a whole reply to the request, with its checksum."""
    try:
        size = _rtu_size(request, start)
    except InvalidReply:
        return False
    return len(start) >= size and _checks(start[:size])


def _rtu_size(request: Request, start: bytes) -> int:
    """Length of the reply that begins so [B]. Raises ``InvalidReply`` for any other reply."""
    if start[0] != request.unit:
        raise InvalidReply(f"unit {start[0]} answered instead of {request.unit}")
    if len(start) == 1:
        return 5
    if start[1] == request.pdu[0] | _EXCEPTION_BIT:
        return 5
    head = start[1 : 1 + len(request.prefix)]
    if not request.prefix.startswith(head):
        raise InvalidReply(
            f"the answer {start[:8].hex(' ')} does not fit {request.pdu[:6].hex(' ')}"
        )
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


FRAMERS: dict[Framing, Callable[[], Framer]] = {
    Framing.TCP: TcpFramer,
    Framing.RTU_OVER_TCP: RtuFramer,
    Framing.RTU: RtuFramer,
}
