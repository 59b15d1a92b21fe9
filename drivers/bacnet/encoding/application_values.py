"""Encodes and decodes numbers as BACnet application-tagged values. Pure.

Source: ANSI/ASHRAE 135, clauses 20.2.2 to 20.2.14, and 21 for the priority array.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from bms.model.readings.measurement import Quality
from drivers.bacnet.encoding.tags import Tag
from drivers.fieldbus.errors import InvalidReply
from drivers.fieldbus.reading import Decoded, shortest_decimal

_NULL, _BOOLEAN, _UNSIGNED, _SIGNED, _REAL, _DOUBLE = range(6)
_BITS = 8
_ENUMERATED, _OBJECT_ID = 9, 12
_IN_ALARM, _FAULT, _OVERRIDDEN, _OUT_OF_SERVICE = 0x80, 0x40, 0x20, 0x10
_FLAGS_UNUSED = 4
_SLOTS = 16
_LONGEST = 8
_POWERS = 20
_UNKNOWN_PROPERTY = (2, 32)
_SINGLE = struct.Struct(">f")
_NOT_FINITE = "the device sent no finite number"

NULL = b"\x00"


@dataclass(frozen=True, slots=True)
class StatusFlags:
    """The four flags of an object (BACnetStatusFlags, clause 21), as their octet in a BIT STRING.

    ``in_alarm`` says nothing about the value. ``fault``: the object has a reliability other than
    no-fault-detected. ``overridden``: something local to the device holds the value, which follows
    neither its input nor what is commanded. ``out_of_service``: the value is decoupled from the
    physical input or output, and may have been typed in (for an analog input clause 12.2.7).
    """

    octet: int

    @property
    def in_alarm(self) -> bool:
        return bool(self.octet & _IN_ALARM)

    @property
    def fault(self) -> bool:
        return bool(self.octet & _FAULT)

    @property
    def overridden(self) -> bool:
        return bool(self.octet & _OVERRIDDEN)

    @property
    def out_of_service(self) -> bool:
        return bool(self.octet & _OUT_OF_SERVICE)


CLEAR = StatusFlags(0)
"""No flag is set."""


def status_flags(value: Sequence[Tag]) -> StatusFlags | None:
    """The status flags of a value; None where it is no BIT STRING of four bits."""
    if len(value) != 1 or (value[0].kind, value[0].number) != ("application", _BITS):
        return None
    return flags_of(value[0].data)


def flags_of(data: bytes) -> StatusFlags | None:
    """The status flags in the octets of a BIT STRING (clause 20.2.10); None for another length."""
    if len(data) != 2 or data[0] != _FLAGS_UNUSED:
        return None
    return StatusFlags(data[1]) if data[1] else CLEAR


def real(value: float) -> bytes:
    """Application-tagged REAL. Raises ValueError when it does not fit or is not finite."""
    _refuse_endless(value)
    try:
        return b"\x44" + struct.pack(">f", value)
    except OverflowError:
        raise ValueError(f"{value} does not fit a REAL") from None


def double(value: float) -> bytes:
    """Application-tagged Double. Raises ValueError when it is not finite."""
    _refuse_endless(value)
    return b"\x55\x08" + struct.pack(">d", value)


def _refuse_endless(value: float) -> None:
    """Raise ValueError for NaN and infinity, which a scale can make of any value (W3)."""
    if not math.isfinite(value):
        raise ValueError(f"{value} is not a finite number")


def unsigned(value: float) -> bytes:
    """Application-tagged Unsigned. Raises ValueError for negative values."""
    return _counted(_UNSIGNED, _whole(value, 0), signed=False)


def signed(value: float) -> bytes:
    """Application-tagged INTEGER."""
    return _counted(_SIGNED, _whole(value, -(2**31)), signed=True)


def enumerated(value: float) -> bytes:
    """Application-tagged ENUMERATED. Raises ValueError for negative values."""
    return _counted(_ENUMERATED, _whole(value, 0), signed=False)


def _whole(value: float, least: int) -> int:
    number = round(value)
    if not least <= number < 2**31:
        raise ValueError(f"{value} does not fit")
    return number


def _counted(tag: int, number: int, *, signed: bool) -> bytes:
    bits = (number if number >= 0 else ~number).bit_length() + signed
    length = max(1, (bits + 7) // 8)
    return bytes((tag << 4 | length,)) + number.to_bytes(length, "big", signed=signed)


def decode_number(value: Sequence[Tag]) -> Decoded:
    """The number of an application-tagged value; none for Null, NaN and other datatypes."""
    number = _number(value[0]) if len(value) == 1 else None
    if number is None:
        if len(value) == 1 and (value[0].kind, value[0].number) == ("application", _NULL):
            return Decoded(None, Quality.ABSENT, "the object has no value (Null)")
        return Decoded(None, Quality.DEVICE_ERROR, "the property is not a number")
    return _finite(number)


def single(octets: bytes) -> Decoded:
    """The shortest decimal of a REAL of four octets: 19.3, not 19.299999237."""
    (number,) = _SINGLE.unpack(octets)
    if number - number != 0.0:  # NaN or infinite
        return Decoded(None, Quality.ABSENT, _NOT_FINITE)
    short = float(f"{number:.7g}")
    try:
        same = _SINGLE.pack(short) == octets
    except OverflowError:
        same = False
    return Decoded(short if same else number)


def scale_factor(value: Sequence[Tag]) -> float | None:
    """The factor of a BACnetScale (clause 21): a float, or a power of ten; None for anything else.

    Raises ``InvalidReply`` for a scale that cannot be.
    """
    if len(value) != 1 or value[0].kind != "context" or value[0].number > 1:
        return None
    data = value[0].data
    if value[0].number == 0:
        if len(data) != _SINGLE.size:
            raise InvalidReply(f"a scale of {len(data)} octets")
        return shortest_decimal(_SINGLE.unpack(data)[0])
    power = int.from_bytes(data, "big", signed=True)
    if not 0 < len(data) <= _LONGEST or abs(power) > _POWERS:
        raise InvalidReply("a scale that cannot be")
    return float(f"1e{power}")


def _finite(number: float) -> Decoded:
    if not math.isfinite(number):
        return Decoded(None, Quality.ABSENT, _NOT_FINITE)
    return Decoded(number)


def decode_error(error_class: int, error_code: int) -> Decoded:
    """The reading of a property for which the device returned error class and code."""
    if (error_class, error_code) == _UNKNOWN_PROPERTY:
        return Decoded(None, Quality.DEVICE_ERROR, "unknown property")
    text = f"error class {error_class} code {error_code}"
    return Decoded(None, Quality.DEVICE_ERROR, text)


def object_id(value: Sequence[Tag]) -> int | None:
    """The object identifier as one number of 32 bits; None when the value is none."""
    if len(value) != 1 or (value[0].kind, value[0].number) != ("application", _OBJECT_ID):
        return None
    return int.from_bytes(value[0].data, "big")


def occupied_slots(value: Sequence[Tag]) -> dict[int, float | None]:
    """The occupied slots of a priority array: priority 1..16 → value (None: no finite number).

    Raises ``InvalidReply`` when it does not have 16 slots.
    """
    slots: list[float | None] = []
    empty: set[int] = set()
    depth = 0
    for tag in value:
        if tag.kind == "closing":
            depth -= 1
        elif depth == 0:
            slots.append(_number(tag))
            if (tag.kind, tag.number) == ("application", _NULL):
                empty.add(len(slots))
        if tag.kind == "opening":
            depth += 1
    if len(slots) != _SLOTS:
        raise InvalidReply(f"a priority array of {len(slots)} slots")
    return {
        place: slot if slot is not None and math.isfinite(slot) else None
        for place, slot in enumerate(slots, 1)
        if place not in empty
    }


def _number(tag: Tag) -> float | None:
    if tag.kind != "application":
        return None
    if tag.number == _BOOLEAN:
        return float(tag.length)
    if tag.number in (_UNSIGNED, _SIGNED, _ENUMERATED):
        if not 0 < len(tag.data) <= _LONGEST:
            raise InvalidReply(f"a number of {len(tag.data)} octets")
        return float(int.from_bytes(tag.data, "big", signed=tag.number == _SIGNED))
    if tag.number in (_REAL, _DOUBLE):
        return _floating(tag)
    return None


def _floating(tag: Tag) -> float:
    form = ">f" if tag.number == _REAL else ">d"
    if len(tag.data) != struct.calcsize(form):
        raise InvalidReply(f"a floating number of {len(tag.data)} bytes")
    (number,) = struct.unpack(form, tag.data)
    return shortest_decimal(number) if tag.number == _REAL else float(number)
