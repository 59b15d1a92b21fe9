"""The two controllers of a building of this bench, made of bytes: BACnet/IP and Modbus TCP.

They share no code with the drivers: what they answer is written down from the standards (ASHRAE
135, 20.1 and 20.2; Modbus application protocol 1.1b3, 6). They answer in a hundredth of the time of
a full stack, so that a bench of many days is spent on what it looks at.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime
from typing import Protocol

from bms.model.assets.address import Table
from drivers.simulator.control_points import PriorityArray
from drivers.simulator.servers.modbus_registers import RegisterImage

INPUT, VALUE, DEVICE = 0, 2, 8
_READ, _READ_MULTIPLE, _WRITE = 12, 14, 15
_IDENTIFIER, _NAME, _TYPE, _PRESENT_VALUE, _PRIORITIES = 75, 77, 79, 85, 87
_FLAGS, _UNITS, _OUT_OF_SERVICE, _RELINQUISH_DEFAULT = 111, 117, 81, 104
_MAX_APDU, _SEGMENTATION, _VENDOR, _RESTARTED = 62, 107, 120, 203
_UNKNOWN_OBJECT, _UNKNOWN_PROPERTY = (1, 31), (2, 32)
_OUT_OF_RANGE, _ACCESS_DENIED = (2, 37), (2, 40)
_LOWEST_SLOT = 16
_HEADER = struct.Struct(">HHHB")

OnSlot = Callable[[int, float | None, bool], Awaitable[bool]]
"""Told of every write that comes in: slot (16 where none is named), value (None: NULL), and whether
it was under way. Where it answers False the write is acknowledged and does nothing."""


class Controller(Protocol):
    """What stands at the end of a line."""

    async def answer(self, frame: bytes, *, under_way: bool) -> bytes | None:
        """The reply to a frame; None where there is none. ``under_way``: who sent it has asked
        somebody else at this address until now, and could not know that it is another one's."""
        ...


class PropertyRefused(Exception):
    """BACnet's class and code of an error."""

    def __init__(self, reason: tuple[int, int]) -> None:
        super().__init__(reason)
        self.reason = bytes((0x91, reason[0], 0x91, reason[1]))


class SetpointDevice:
    """A BACnet device with analog inputs and one commandable analog value, at ``slots``.

    ``inputs`` are the values shown [degC] by instance.
    """

    def __init__(
        self, name: str, instance: int, setpoint: tuple[int, str], on_slot: OnSlot
    ) -> None:
        self.inputs: dict[int, float] = {}
        self.slots = PriorityArray()
        self._value, self._value_name = setpoint
        self._device, self._name, self._on_slot = instance, name, on_slot
        self._started = b""

    def restarted(self, at: datetime) -> None:
        """Show that the device has started anew at building time ``at``."""
        day = bytes((0xA4, at.year - 1900, at.month, at.day, at.isoweekday()))
        self._started = b"\x2e" + day + bytes((0xB4, at.hour, at.minute, at.second, 0)) + b"\x2f"

    async def answer(self, frame: bytes, *, under_way: bool) -> bytes | None:
        """See ``Controller``. Frames that are no confirmed request are ignored."""
        if len(frame) < 10 or frame[5] & 0x28 or frame[6] >> 4:
            return None
        invoke, service, payload = frame[8], frame[9], frame[10:]
        try:
            body = await self._serve(service, payload, under_way)
        except PropertyRefused as refused:
            return _datagram(bytes((0x50, invoke, service)) + refused.reason)
        if body is None:
            return _datagram(bytes((0x60, invoke, 9)))
        kind = 0x30 if body else 0x20
        return _datagram(bytes((kind, invoke, service)) + body)

    async def _serve(self, service: int, payload: bytes, under_way: bool) -> bytes | None:
        match service:
            case 12:
                identifier, name, index, _ = _reference(payload)
                value = self._property(identifier, name, index)
                return payload + b"\x3e" + value + b"\x3f"
            case 14:
                return b"".join(self._result(*each) for each in _specifications(payload))
            case 15:
                return await self._write(payload, under_way)
            case _:
                return None

    def _result(self, identifier: bytes, references: list[tuple[int, int | None]]) -> bytes:
        told = b""
        for name, index in references:
            told += _tagged(2, name) + (b"" if index is None else _tagged(3, index))
            try:
                told += b"\x4e" + self._property(identifier, name, index) + b"\x4f"
            except PropertyRefused as refused:
                told += b"\x5e" + refused.reason + b"\x5f"
        return b"\x0c" + identifier + b"\x1e" + told + b"\x1f"

    def _property(self, identifier: bytes, name: int, index: int | None) -> bytes:
        (number,) = struct.unpack(">I", identifier)
        kind, instance = number >> 22, number & 0x3FFFFF
        known = self._properties(kind, instance)
        if name == _IDENTIFIER:
            return b"\xc4" + identifier
        if name == _PRIORITIES and kind == VALUE:
            return self._priorities(index)
        if name not in known or index is not None:
            raise PropertyRefused(_UNKNOWN_PROPERTY)
        return known[name]

    def _properties(self, kind: int, instance: int) -> dict[int, bytes]:
        if (kind, instance) == (DEVICE, self._device):
            return {
                _NAME: _text(self._name),
                _MAX_APDU: b"\x22\x05\xc4",
                _SEGMENTATION: b"\x91\x03",
                _VENDOR: b"\x22\x03\xe7",
                _RESTARTED: self._started,
            }
        shown = {_TYPE: bytes((0x91, kind)), _FLAGS: b"\x82\x04\x00", _OUT_OF_SERVICE: b"\x10"}
        if kind == INPUT and instance in self.inputs:
            value, name = _real(self.inputs[instance]), f"input {instance}"
        elif (kind, instance) == (VALUE, self._value):
            value, name = _real(self.slots.effective), self._value_name
        else:
            raise PropertyRefused(_UNKNOWN_OBJECT)
        return {**shown, _NAME: _text(name), _UNITS: b"\x91\x3e", _PRESENT_VALUE: value}

    def _priorities(self, index: int | None) -> bytes:
        if index == 0:
            return bytes((0x21, _LOWEST_SLOT))
        asked = range(1, _LOWEST_SLOT + 1) if index is None else (index,)
        return b"".join(
            _real(self.slots.slots[slot]) if slot in self.slots.slots else b"\x00" for slot in asked
        )

    async def _write(self, payload: bytes, under_way: bool) -> bytes:
        identifier, name, _, rest = _reference(payload)
        if name != _PRESENT_VALUE or identifier != struct.pack(">I", VALUE << 22 | self._value):
            raise PropertyRefused(_ACCESS_DENIED)
        value, after = (None, 2) if rest[1] == 0 else (struct.unpack(">f", rest[2:6])[0], 6)
        slot = rest[after + 2] if len(rest) > after + 2 else _LOWEST_SLOT
        if value is not None and not (math.isfinite(value) and 5.0 <= value <= 30.0):
            raise PropertyRefused(_OUT_OF_RANGE)
        if await self._on_slot(slot, value, under_way):
            self.slots.write(slot, value)
        return b""


def asks_who(frame: bytes) -> bool:
    """Whether a BACnet request reads the device object first: its instance says who answers."""
    if len(frame) < 15 or frame[5] & 0x28 or frame[9] not in (_READ, _READ_MULTIPLE):
        return False
    return int(struct.unpack(">I", frame[11:15])[0]) >> 22 == DEVICE


class RegisterDevice:
    """A Modbus device of one register image."""

    def __init__(self, image: RegisterImage) -> None:
        self._image = image

    async def answer(self, frame: bytes, *, under_way: bool) -> bytes | None:
        """See ``Controller``; ``frame`` is one whole request with its MBAP header."""
        transaction, _, _, unit = _HEADER.unpack_from(frame)
        reply = self._reply(frame[7:]) if unit == self._image.map.unit else _refusal(frame[7], 0x0B)
        return _HEADER.pack(transaction, 0, len(reply) + 1, unit) + reply

    def _reply(self, request: bytes) -> bytes:
        code = request[0]
        if code not in (3, 4, 6, 16):
            return _refusal(code, 1)
        address, number = struct.unpack_from(">HH", request, 1)
        if code in (3, 4):
            words = self._image.read(Table.HOLDING if code == 3 else Table.INPUT, address, number)
            if not isinstance(words, list):
                return _refusal(code, words)
            return bytes((code, 2 * number)) + struct.pack(f">{number}H", *words)
        values = [number] if code == 6 else struct.unpack_from(f">{number}H", request, 6)
        refused = self._image.write(address, values)
        return request[:5] if refused is None else _refusal(code, refused)


def _refusal(code: int, reason: int) -> bytes:
    return bytes((code | 0x80, reason))


def _datagram(apdu: bytes) -> bytes:
    return struct.pack(">BBHBB", 0x81, 0x0A, 6 + len(apdu), 1, 0) + apdu


def _real(value: float) -> bytes:
    return b"\x44" + struct.pack(">f", value)


def _text(words: str) -> bytes:
    data = b"\x00" + words.encode()
    return (bytes((0x75, len(data))) if len(data) > 4 else bytes((0x70 | len(data),))) + data


def _tagged(number: int, value: int) -> bytes:
    """An unsigned number with a context tag."""
    data = value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big")
    return bytes((number << 4 | 8 | len(data),)) + data


def _number(payload: bytes, at: int) -> tuple[int, int]:
    """The value of the tag at an octet, and where the next tag begins."""
    end = at + 1 + (payload[at] & 7)
    return int.from_bytes(payload[at + 1 : end], "big"), end


def _is_index(payload: bytes, at: int, number: int) -> bool:
    """Whether a context tag of this number stands there that is no opening or closing one."""
    return at < len(payload) and payload[at] >> 3 == number << 1 | 1 and payload[at] & 7 < 5


def _reference(payload: bytes) -> tuple[bytes, int, int | None, bytes]:
    """Object, property, index and the rest of a request that begins with them."""
    name, at = _number(payload, 5)
    index = None
    if _is_index(payload, at, 2):
        index, at = _number(payload, at)
    return payload[1:5], name, index, payload[at:]


def _specifications(payload: bytes) -> Iterator[tuple[bytes, list[tuple[int, int | None]]]]:
    """Object, and properties with their index, of each access specification."""
    at = 0
    while at < len(payload):
        identifier, at = payload[at + 1 : at + 5], at + 6
        references = []
        while payload[at] != 0x1F:
            name, at = _number(payload, at)
            index = None
            if _is_index(payload, at, 1):
                index, at = _number(payload, at)
            references.append((name, index))
        yield identifier, references
        at += 1
