"""BACnet service parameters as bytes: requests to send, acknowledgements taken apart. Pure.

Written by hand because a generic decoder costs hundreds of microseconds per property. Source:
ANSI/ASHRAE 135, clause 15 (services) and 21 (productions).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from drivers.bacnet_tags import Tag, Tags
from drivers.refusals import Garbled

READ_PROPERTY = 12
READ_PROPERTY_MULTIPLE = 14
WRITE_PROPERTY = 15

OBJECT_IDENTIFIER = 75
PRESENT_VALUE = 85
PRIORITY_ARRAY = 87
DEVICE = 8


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
