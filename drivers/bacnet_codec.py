"""BACnet service parameters as bytes: requests to send, acknowledgements taken apart. Pure.

Written by hand because a generic decoder costs hundreds of microseconds per property. Source:
ANSI/ASHRAE 135, clauses 15 (services), 20.2 (encoding) and 21 (productions).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from bms.model.reading import Quality
from drivers.codec import Decoded, shortest_single
from drivers.refusals import Garbled

READ_PROPERTY = 12
READ_PROPERTY_MULTIPLE = 14
WRITE_PROPERTY = 15

OBJECT_IDENTIFIER = 75
PRESENT_VALUE = 85
PRIORITY_ARRAY = 87
DEVICE = 8

_NULL, _BOOLEAN, _UNSIGNED, _SIGNED, _REAL, _DOUBLE = range(6)
_ENUMERATED, _OBJECT_ID = 9, 12
_OPENING, _CLOSING = 6, 7
_EXTENDED = 5
_SLOTS = 16


@dataclass(frozen=True, slots=True)
class Reference:
    """A property of an object, by the numbers of the standard."""

    object_type: int
    instance: int
    property_id: int

    @property
    def object_id(self) -> int:
        return self.object_type << 22 | self.instance


@dataclass(frozen=True, slots=True)
class PropertyError:
    """What a device answers for a property that it cannot give: error class and code."""

    error_class: int
    error_code: int


@dataclass(frozen=True, slots=True)
class Tag:
    """One tag. ``kind`` is ``application``, ``context``, ``opening`` or ``closing``."""

    kind: str
    number: int
    length: int
    data: bytes


class Tags:
    """Reads tags off a byte string. Raises ``Garbled`` where the bytes are no tag."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def empty(self) -> bool:
        return self._at >= len(self._data)

    def next(self) -> Tag:
        first = self._take(1)[0]
        number, length = first >> 4, first & 7
        if number == 15:
            number = self._take(1)[0]
        context = bool(first & 8)
        if context and length in (_OPENING, _CLOSING):
            return Tag("opening" if length == _OPENING else "closing", number, 0, b"")
        if not context and number == _BOOLEAN:
            return Tag("application", number, length, b"")
        if length == _EXTENDED:
            length = self._extended_length()
        return Tag("context" if context else "application", number, length, self._take(length))

    def peek(self) -> Tag:
        at = self._at
        tag = self.next()
        self._at = at
        return tag

    def expect(self, kind: str, number: int) -> Tag:
        tag = self.next()
        if tag.kind != kind or tag.number != number:
            raise Garbled(f"{kind} tag {number} expected, {tag.kind} tag {tag.number} found")
        return tag

    def unsigned(self, number: int) -> int:
        return int.from_bytes(self.expect("context", number).data, "big")

    def value(self, number: int) -> list[Tag]:
        """The tags between opening and closing tag ``number``."""
        self.expect("opening", number)
        found: list[Tag] = []
        depth = 0
        while True:
            tag = self.next()
            if tag.kind == "closing":
                if depth == 0:
                    break
                depth -= 1
            elif tag.kind == "opening":
                depth += 1
            found.append(tag)
        if tag.number != number:
            raise Garbled(f"closing tag {number} expected, {tag.number} found")
        return found

    def _extended_length(self) -> int:
        length = self._take(1)[0]
        if length < 254:
            return length
        return int.from_bytes(self._take(2 if length == 254 else 4), "big")

    def _take(self, count: int) -> bytes:
        end = self._at + count
        if end > len(self._data):
            raise Garbled("the acknowledgement is cut short")
        taken = self._data[self._at : end]
        self._at = end
        return taken


# Requests


def read_property(reference: Reference) -> bytes:
    """ReadProperty-Request of a whole property."""
    return _object(reference) + _context(1, reference.property_id)


def read_property_multiple(references: Sequence[Reference]) -> bytes:
    """ReadPropertyMultiple-Request, one property per access specification."""
    return b"".join(
        _object(reference) + b"\x1e" + _context(0, reference.property_id) + b"\x1f"
        for reference in references
    )


def write_property(reference: Reference, value: bytes, priority: int) -> bytes:
    """WriteProperty-Request. ``value`` is application-tagged: see the functions below."""
    return read_property(reference) + b"\x3e" + value + b"\x3f" + _context(4, priority)


NULL = b"\x00"


def real(value: float) -> bytes:
    """Application-tagged REAL. Raises ValueError when it does not fit."""
    try:
        return b"\x44" + struct.pack(">f", value)
    except OverflowError:
        raise ValueError(f"{value} does not fit a REAL") from None


def double(value: float) -> bytes:
    """Application-tagged Double."""
    return b"\x55\x08" + struct.pack(">d", value)


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


def _object(reference: Reference) -> bytes:
    return b"\x0c" + reference.object_id.to_bytes(4, "big")


def _context(number: int, value: int) -> bytes:
    length = max(1, (value.bit_length() + 7) // 8)
    return bytes((number << 4 | 8 | length,)) + value.to_bytes(length, "big")


# Acknowledgements


def read_property_ack(reference: Reference, ack: bytes) -> list[Tag]:
    """Tags of the value in a ReadProperty-ACK.

    Raises ``Garbled`` when it is cut short or answers for another object or property.
    """
    tags = Tags(ack)
    _check(reference, tags.unsigned(0), tags.unsigned(1))
    value = tags.value(3)
    if not tags.empty:
        raise Garbled("the acknowledgement goes on after its end")
    return value


def read_property_multiple_ack(
    references: Sequence[Reference], ack: bytes
) -> list[list[Tag] | PropertyError]:
    """Tags or error of each reference, in their order.

    Raises ``Garbled`` when the acknowledgement is cut short, answers for another object or
    property, or for more or fewer than were asked.
    """
    tags = Tags(ack)
    found: list[list[Tag] | PropertyError] = []
    for reference in references:
        object_id = tags.unsigned(0)
        tags.expect("opening", 1)
        _check(reference, object_id, tags.unsigned(2))
        found.append(_access_error(tags) if tags.peek().number == 5 else tags.value(4))
        tags.expect("closing", 1)
    if not tags.empty:
        raise Garbled("the acknowledgement answers for more than was asked")
    return found


def _access_error(tags: Tags) -> PropertyError:
    error = tags.value(5)
    if len(error) != 2:
        raise Garbled("an access error without class and code")
    return PropertyError(*(int.from_bytes(tag.data, "big") for tag in error))


def _check(reference: Reference, object_id: int, property_id: int) -> None:
    if (object_id, property_id) != (reference.object_id, reference.property_id):
        raise Garbled(
            f"object {object_id >> 22},{object_id & 0x3FFFFF} property {property_id} answered "
            f"instead of {reference.object_type},{reference.instance} {reference.property_id}"
        )


# Values


def decoded(value: Sequence[Tag]) -> Decoded:
    """Number of an application-tagged value; Null, NaN and what is no number have none."""
    number = _number(value[0]) if len(value) == 1 else None
    if number is None:
        if len(value) == 1 and (value[0].kind, value[0].number) == ("application", _NULL):
            return Decoded(None, Quality.ABSENT, "the object has no value (Null)")
        return Decoded(None, Quality.DEVICE_ERROR, "the property is not a number")
    if not math.isfinite(number):
        return Decoded(None, Quality.ABSENT, "the device sent no finite number")
    return Decoded(number)


def object_id(value: Sequence[Tag]) -> int | None:
    """Object identifier, as one number, or None when the value is something else."""
    if len(value) != 1 or (value[0].kind, value[0].number) != ("application", _OBJECT_ID):
        return None
    return int.from_bytes(value[0].data, "big")


def occupied_slots(value: Sequence[Tag]) -> dict[int, float | None]:
    """Occupied slots of a priority array: priority 1..16 to its value (None: not a number).

    Raises ``Garbled`` when it has not 16 slots.
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
        raise Garbled(f"a priority array of {len(slots)} slots")
    return {place: slot for place, slot in enumerate(slots, 1) if place not in empty}


def _number(tag: Tag) -> float | None:
    if tag.kind != "application":
        return None
    if tag.number == _BOOLEAN:
        return float(tag.length)
    if tag.number in (_UNSIGNED, _ENUMERATED):
        return float(int.from_bytes(tag.data, "big"))
    if tag.number == _SIGNED:
        return float(int.from_bytes(tag.data, "big", signed=True))
    if tag.number in (_REAL, _DOUBLE):
        return _floating(tag)
    return None


def _floating(tag: Tag) -> float:
    form = ">f" if tag.number == _REAL else ">d"
    if len(tag.data) != struct.calcsize(form):
        raise Garbled(f"a floating number of {len(tag.data)} bytes")
    (number,) = struct.unpack(form, tag.data)
    return shortest_single(number) if tag.number == _REAL else float(number)
