"""BACnet service parameters as bytes: requests to send, acknowledgements taken apart. Pure.

Written by hand because a generic decoder costs hundreds of microseconds per property. Source:
ANSI/ASHRAE 135, clause 15 (services) and 21 (productions).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from drivers.bacnet.encoding.frames import Peer
from drivers.bacnet.encoding.tags import Tag, Tags
from drivers.fieldbus.errors import Garbled

# Confirmed services
SUBSCRIBE_COV = 5
READ_PROPERTY = 12
READ_PROPERTY_MULTIPLE = 14
WRITE_PROPERTY = 15
READ_RANGE = 26

# Unconfirmed services
I_AM = 0
TIME_SYNCHRONIZATION = 6
WHO_IS = 8
UTC_TIME_SYNCHRONIZATION = 9

# Object types
DEVICE = 8
SCHEDULE = 17
TREND_LOG = 20

# Properties
DESCRIPTION = 28
EXCEPTION_SCHEDULE = 38
LOCAL_DATE, LOCAL_TIME = 56, 57
MAX_APDU_LENGTH = 62
OBJECT_IDENTIFIER = 75
OBJECT_LIST = 76
OBJECT_NAME = 77
PRESENT_VALUE = 85
PRIORITY_ARRAY, PRIORITY_FOR_WRITING = 87, 88
SEGMENTATION = 107
STATE_TEXT = 110
UNITS = 117
UTC_OFFSET = 119
VENDOR = 120
WEEKLY_SCHEDULE = 123
RECORD_COUNT, TOTAL_RECORD_COUNT, LOG_BUFFER, LOGGED_PROPERTY = 141, 145, 131, 132
SCHEDULE_DEFAULT = 174

# Datatypes
UNSIGNED = 2
ENUMERATED = 9
OBJECT_ID = 12

ANY_INSTANCE = 0x3FFFFF
LEAST_APDU, NOT_SEGMENTED = 480, 3


@dataclass(frozen=True, slots=True)
class Reference:
    """A property of an object, by the numbers of the standard, or one element of an array."""

    object_type: int
    instance: int
    property_id: int
    index: int | None = None

    @property
    def object_id(self) -> int:
        return self.object_type << 22 | self.instance


@dataclass(frozen=True, slots=True)
class PropertyError:
    """What a device answers for a property that it cannot give: error class and code."""

    error_class: int
    error_code: int


@dataclass(frozen=True, slots=True)
class IAm:
    """What a device says of itself: where it is and what it can take [octets]."""

    instance: int
    peer: Peer
    max_apdu: int
    segmentation: int
    vendor: int


# Requests


def read_property(reference: Reference) -> bytes:
    """ReadProperty-Request of a whole property, or of one element."""
    index = b"" if reference.index is None else _context(2, reference.index)
    return _object(reference) + _context(1, reference.property_id) + index


def read_property_multiple(references: Sequence[Reference]) -> bytes:
    """ReadPropertyMultiple-Request, one property per access specification."""
    return b"".join(
        _object(reference)
        + b"\x1e"
        + _context(0, reference.property_id)
        + (b"" if reference.index is None else _context(1, reference.index))
        + b"\x1f"
        for reference in references
    )


def write_property(reference: Reference, value: bytes, priority: int | None) -> bytes:
    """WriteProperty-Request. ``value`` is encoded: see
    ``drivers.bacnet.encoding.application_values``."""
    slot = b"" if priority is None else _context(4, priority)
    return read_property(reference) + b"\x3e" + value + b"\x3f" + slot


def who_is(low: int | None = None, high: int | None = None) -> bytes:
    """Who-Is-Request, of all devices or of those from instance ``low`` to ``high``."""
    if low is None or high is None:
        return b""
    return _context(0, low) + _context(1, high)


def subscribe_cov(
    process: int, monitored: Reference, *, confirmed: bool, lifetime_s: int | None
) -> bytes:
    """SubscribeCOV-Request; without ``lifetime_s`` [s] it cancels the subscription."""
    target = _context(0, process) + b"\x1c" + monitored.object_id.to_bytes(4, "big")
    if lifetime_s is None:
        return target
    return target + bytes((0x29, int(confirmed))) + _context(3, lifetime_s)


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
    _check(reference, tags.unsigned(0), tags.unsigned(1), _index(tags, 2))
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
    found = [read_access_result(reference, tags) for reference in references]
    if not tags.empty:
        raise Garbled("the acknowledgement answers for more than was asked")
    return found


def read_access_result(reference: Reference, tags: Tags) -> list[Tag] | PropertyError:
    """The next result of a ReadPropertyMultiple-ACK, which has to be that of ``reference``."""
    object_id = tags.unsigned(0)
    tags.expect("opening", 1)
    _check(reference, object_id, tags.unsigned(2), _index(tags, 3))
    found = _access_error(tags) if tags.peek().number == 5 else tags.value(4)
    tags.expect("closing", 1)
    return found


def device_instance(ack: bytes) -> int:
    """The instance in a ReadProperty-ACK for the device "any". Raises ``Garbled``."""
    tags = Tags(ack)
    number = tags.unsigned(0)
    tags.unsigned(1)
    (value, *_) = [*tags.value(3), Tag("", 0, 0, b"")]
    if number >> 22 != DEVICE or value.number != OBJECT_ID:
        raise Garbled("no device identifier")
    return int.from_bytes(value.data, "big") & ANY_INSTANCE


def i_am(peer: Peer, parameters: bytes) -> IAm:
    """I-Am-Request. Raises ``Garbled`` for anything else."""
    tags = Tags(parameters)
    found = [tags.next() for _ in range(4)]
    kinds = [(tag.kind, tag.number) for tag in found]
    wanted = (OBJECT_ID, UNSIGNED, ENUMERATED, UNSIGNED)
    numbers = [int.from_bytes(tag.data, "big") for tag in found]
    if kinds != [("application", number) for number in wanted] or numbers[0] >> 22 != DEVICE:
        raise Garbled("an I-Am of something else")
    return IAm(numbers[0] & ANY_INSTANCE, peer, *numbers[1:])


def cov_notification(parameters: bytes) -> tuple[int, int, int, dict[int, list[Tag]]]:
    """(process, device instance, object identifier, values by property) of a COV notification.

    Raises ``Garbled`` for anything else.
    """
    tags = Tags(parameters)
    process, device, object_id = tags.unsigned(0), tags.unsigned(1), tags.unsigned(2)
    tags.unsigned(3)
    tags.expect("opening", 4)
    found: dict[int, list[Tag]] = {}
    while tags.peek().kind != "closing":
        name, index = tags.unsigned(0), _index(tags, 1)
        value = tags.value(2)
        _index(tags, 3)  # the priority of the change, where it is told
        if index is None:
            found[name] = value
    tags.expect("closing", 4)
    return process, device & ANY_INSTANCE, object_id, found


def _access_error(tags: Tags) -> PropertyError:
    error = tags.value(5)
    if len(error) != 2:
        raise Garbled("an access error without class and code")
    return PropertyError(*(int.from_bytes(tag.data, "big") for tag in error))


def _index(tags: Tags, number: int) -> int | None:
    """An optional number, an array index say, where there is one."""
    tag = tags.peek()
    if (tag.kind, tag.number) != ("context", number):
        return None
    return tags.unsigned(number)


def _check(reference: Reference, object_id: int, property_id: int, index: int | None) -> None:
    if (object_id, property_id, index) != (
        reference.object_id,
        reference.property_id,
        reference.index,
    ):
        raise Garbled(
            f"object {object_id >> 22},{object_id & 0x3FFFFF} property {property_id} answered "
            f"instead of {reference.object_type},{reference.instance} {reference.property_id}"
        )
