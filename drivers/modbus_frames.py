"""Modbus requests and replies as bytes: what to send, and whether an answer belongs to it.

Pure: the connection lives in ``drivers.modbus``. Source: Modbus application protocol V1.1b3
(functions, exception codes) and Modbus messaging on TCP/IP V1.0b (MBAP header).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from bms.model.site import Table
from drivers.refusals import Garbled, Refusal, RefusedForGood, RefusedForNow, Silence

MAX_REGISTERS = 125
MAX_BITS = 2000
_READ = {Table.COIL: 1, Table.DISCRETE: 2, Table.HOLDING: 3, Table.INPUT: 4}
_WRITE_COIL, _WRITE_REGISTER, _WRITE_REGISTERS = 5, 6, 16
_HEADER = struct.Struct(">HHHB")
_EXCEPTION_BIT = 0x80
_GATEWAY_TARGET_SILENT = 0x0B
_FOR_GOOD = (1, 2, 3)
_SAYS = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "device failure",
    5: "acknowledged, but not done yet",
    6: "device busy",
    8: "memory parity error",
    0x0A: "gateway path unavailable",
    _GATEWAY_TARGET_SILENT: "the gateway got no answer from the unit",
}
ILLEGAL_ADDRESS = (2, 3)


@dataclass(frozen=True, slots=True)
class Request:
    """A request, and what its reply has to look like: the first bytes and the whole length."""

    unit: int
    pdu: bytes
    prefix: bytes
    reply_length: int
    repeatable: bool


def read(unit: int, table: Table, address: int, count: int) -> Request:
    """Read ``count`` registers or bits of a table."""
    function = _READ[table]
    bits = table in (Table.COIL, Table.DISCRETE)
    size = (count + 7) // 8 if bits else 2 * count
    pdu = struct.pack(">BHH", function, address, count)
    return Request(unit, pdu, bytes((function, size)), 2 + size, repeatable=True)


def write_coil(unit: int, address: int, state: bool) -> Request:
    pdu = struct.pack(">BHH", _WRITE_COIL, address, 0xFF00 if state else 0)
    return Request(unit, pdu, pdu, len(pdu), repeatable=False)


def write_registers(unit: int, address: int, image: bytes) -> Request:
    """Write consecutive registers; one alone goes by function 6, which every device knows."""
    if len(image) == 2:
        pdu = struct.pack(">BH", _WRITE_REGISTER, address) + image
        return Request(unit, pdu, pdu, len(pdu), repeatable=False)
    head = struct.pack(">BHH", _WRITE_REGISTERS, address, len(image) // 2)
    return Request(unit, head + bytes((len(image),)) + image, head, len(head), repeatable=False)


def frame(transaction: int, request: Request) -> bytes:
    """The request with its MBAP header."""
    return _HEADER.pack(transaction, 0, len(request.pdu) + 1, request.unit) + request.pdu


def payload(request: Request, unit: int, pdu: bytes) -> bytes:
    """What a reply carries, after it was checked against its request.

    Raises ``Refusal`` for an exception of the device (``Silence`` when a gateway says that the unit
    is silent), ``Garbled`` when unit, function, count or the echo of a write is not the one asked.
    """
    if unit != request.unit:
        raise Garbled(f"unit {unit} answered instead of {request.unit}")
    if len(pdu) == 2 and pdu[0] == request.pdu[0] | _EXCEPTION_BIT:
        raise _refusal(pdu[1])
    if len(pdu) != request.reply_length or not pdu.startswith(request.prefix):
        raise Garbled(f"the answer {pdu[:8].hex(' ')} does not fit {request.pdu[:6].hex(' ')}")
    return pdu[len(request.prefix) :]


def _refusal(code: int) -> Refusal | Silence:
    text = f"{_SAYS.get(code, 'unknown exception')} (exception {code})"
    if code == _GATEWAY_TARGET_SILENT:
        return Silence(text)
    return RefusedForGood(text, code) if code in _FOR_GOOD else RefusedForNow(text, code)


class FrameReader:
    """Cuts a stream of bytes into frames, however TCP has split or merged them."""

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> list[tuple[int, int, bytes]]:
        """Complete frames as (transaction, unit, PDU). Raises ``Garbled`` for what is no frame."""
        self._buffer += data
        frames = []
        while len(self._buffer) >= _HEADER.size:
            transaction, protocol, length, unit = _HEADER.unpack_from(self._buffer)
            if protocol != 0 or not 3 <= length <= 254:
                raise Garbled(f"{self._buffer[:8].hex(' ')} is no Modbus TCP frame")
            end = 6 + length
            if len(self._buffer) < end:
                break
            frames.append((transaction, unit, self._buffer[_HEADER.size : end]))
            self._buffer = self._buffer[end:]
        return frames
