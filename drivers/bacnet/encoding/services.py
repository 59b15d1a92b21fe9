"""BACnet service parameters: encodes requests and decodes acknowledgements. Pure.

Not bacpypes3's codec, because a generic decoder costs hundreds of microseconds per property.
Source: ANSI/ASHRAE 135, clause 15 (services) and 21 (productions).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from drivers.bacnet.encoding.frames import Peer
from drivers.bacnet.encoding.tags import Tag, TagReader
from drivers.fieldbus.errors import InvalidReply

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
MODEL_NAME = 70
VENDOR_NAME = 121
SERIAL_NUMBER = 372
EXCEPTION_SCHEDULE = 38
LOCAL_DATE, LOCAL_TIME = 56, 57
MINIMUM_OFF_TIME, MINIMUM_ON_TIME = 66, 67
MAX_APDU_LENGTH = 62
OBJECT_IDENTIFIER = 75
OBJECT_LIST = 76
OBJECT_NAME = 77
PRESENT_VALUE = 85
PRIORITY_ARRAY, PRIORITY_FOR_WRITING = 87, 88
RELIABILITY = 103
SEGMENTATION = 107
STATE_TEXT = 110
STATUS_FLAGS = 111
UNITS = 117
OUTPUT_UNITS = 82
SCALE = 187
UTC_OFFSET = 119
VENDOR = 120
WEEKLY_SCHEDULE = 123
RECORD_COUNT, TOTAL_RECORD_COUNT, LOG_BUFFER, LOGGED_PROPERTY = 141, 145, 131, 132
SCHEDULE_DEFAULT = 174
TIME_OF_DEVICE_RESTART = 203
COMMAND_TIME_ARRAY, VALUE_SOURCE = 430, 433

# Datatypes
UNSIGNED = 2
ENUMERATED = 9
OBJECT_ID = 12

ANY_INSTANCE = 0x3FFFFF
LEAST_APDU, NOT_SEGMENTED = 480, 3


@dataclass(frozen=True, slots=True)
class Reference:
    """A property of an object by the numbers of the standard; ``index`` is an array element."""

    object_type: int
    instance: int
    property_id: int
    index: int | None = None

    @property
    def object_id(self) -> int:
        """The object identifier: type in the upper 10 bits, instance in the lower 22."""
        return self.object_type << 22 | self.instance


@dataclass(frozen=True, slots=True)
class PropertyError:
    """Error class and code that a device returns for one property."""

    error_class: int
    error_code: int


@dataclass(frozen=True, slots=True)
class IAm:
    """An I-Am: instance, address, maximum APDU length [octets], segmentation support, vendor."""

    instance: int
    peer: Peer
    max_apdu: int
    segmentation: int
    vendor: int


# Requests


def read_property(reference: Reference) -> bytes:
    """ReadProperty-Request of a property, or of one element of it (clause 15.5)."""
    index = b"" if reference.index is None else _context(2, reference.index)
    return _object(reference) + _context(1, reference.property_id) + index


def read_property_multiple(references: Sequence[Reference]) -> bytes:
    """ReadPropertyMultiple-Request (clause 15.7). Properties of one object that follow one another
    share an access specification: 5 to 7 octets are saved in the request and 7 in the answer."""
    return b"".join(
        _object(group[0]) + b"\x1e" + b"".join(map(_property, group)) + b"\x1f"
        for group in by_object(references)
    )


def by_object(references: Sequence[Reference]) -> Iterator[tuple[Reference, ...]]:
    """The references in their order, those of one object that follow one another together."""
    for _, group in groupby(references, lambda reference: reference.object_id):
        yield tuple(group)


def _property(reference: Reference) -> bytes:
    index = b"" if reference.index is None else _context(1, reference.index)
    return _context(0, reference.property_id) + index


def write_property(reference: Reference, value: bytes, priority: int | None) -> bytes:
    """WriteProperty-Request (clause 15.9); ``value`` is encoded by ``application_values``."""
    slot = b"" if priority is None else _context(4, priority)
    return read_property(reference) + b"\x3e" + value + b"\x3f" + slot


def who_is(low: int | None = None, high: int | None = None) -> bytes:
    """Who-Is-Request to all devices, or to instances ``low`` to ``high`` (clause 16.10)."""
    if low is None or high is None:
        return b""
    return _context(0, low) + _context(1, high)


def subscribe_cov(
    process: int, monitored: Reference, *, confirmed: bool, lifetime_s: int | None
) -> bytes:
    """SubscribeCOV-Request (clause 13.14); None for ``lifetime_s`` [s] cancels the subscription."""
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
    """The tags of the value in a ReadProperty-ACK.

    Raises ``InvalidReply`` when it is cut short or answers for another object or property.
    """
    tags = TagReader(ack)
    _check(reference, tags.unsigned(0), tags.unsigned(1), _index(tags, 2))
    value = tags.value(3)
    if not tags.empty:
        raise InvalidReply("the acknowledgement goes on after its end")
    return value


def read_property_multiple_ack(
    references: Sequence[Reference], ack: bytes
) -> list[list[Tag] | PropertyError]:
    """The tags or the error of each reference in a ReadPropertyMultiple-ACK, in their order.

    Raises ``InvalidReply`` when the acknowledgement is cut short, answers for another object or
    property, or for more or fewer than were asked.
    """
    tags = TagReader(ack)
    found = [
        answer for group in by_object(references) for answer in read_access_result(group, tags)
    ]
    if not tags.empty:
        raise InvalidReply("the acknowledgement answers for more than was asked")
    return found


def read_access_result(
    references: Sequence[Reference], tags: TagReader
) -> list[list[Tag] | PropertyError]:
    """The next result of a ReadPropertyMultiple-ACK, for properties of one object.

    Raises ``InvalidReply`` when it is not that of ``references``.
    """
    object_id = tags.unsigned(0)
    tags.expect("opening", 1)
    found: list[list[Tag] | PropertyError] = []
    for reference in references:
        if found and tags.peek().kind == "closing":  # some devices answer for each property apart
            tags.expect("closing", 1)
            object_id = tags.unsigned(0)
            tags.expect("opening", 1)
        _check(reference, object_id, tags.unsigned(2), _index(tags, 3))
        found.append(_access_error(tags) if tags.peek().number == 5 else tags.value(4))
    tags.expect("closing", 1)
    return found


def device_instance(ack: bytes) -> int:
    """The instance in a ReadProperty-ACK for the device "any". Raises ``InvalidReply``."""
    tags = TagReader(ack)
    number = tags.unsigned(0)
    tags.unsigned(1)
    (value, *_) = [*tags.value(3), Tag("", 0, 0, b"")]
    if number >> 22 != DEVICE or value.number != OBJECT_ID:
        raise InvalidReply("no device identifier")
    return int.from_bytes(value.data, "big") & ANY_INSTANCE


def i_am(peer: Peer, parameters: bytes) -> IAm:
    """I-Am-Request. Raises ``InvalidReply`` for anything else."""
    tags = TagReader(parameters)
    found = [tags.next() for _ in range(4)]
    kinds = [(tag.kind, tag.number) for tag in found]
    wanted = (OBJECT_ID, UNSIGNED, ENUMERATED, UNSIGNED)
    numbers = [int.from_bytes(tag.data, "big") for tag in found]
    if kinds != [("application", number) for number in wanted] or numbers[0] >> 22 != DEVICE:
        raise InvalidReply("an I-Am of something else")
    return IAm(numbers[0] & ANY_INSTANCE, peer, *numbers[1:])


def cov_notification(parameters: bytes) -> tuple[int, int, int, dict[int, list[Tag]]]:
    """(process, device instance, object identifier, values by property) of a COV notification.

    Raises ``InvalidReply`` for anything else.
    """
    tags = TagReader(parameters)
    process, device, object_id = tags.unsigned(0), tags.unsigned(1), tags.unsigned(2)
    tags.unsigned(3)
    tags.expect("opening", 4)
    found: dict[int, list[Tag]] = {}
    while tags.peek().kind != "closing":
        name, index = tags.unsigned(0), _index(tags, 1)
        value = tags.value(2)
        _index(tags, 3)  # the priority of the change, which is optional
        if index is None:
            found[name] = value
    tags.expect("closing", 4)
    return process, device & ANY_INSTANCE, object_id, found


def _access_error(tags: TagReader) -> PropertyError:
    error = tags.value(5)
    if len(error) != 2:
        raise InvalidReply("an access error without class and code")
    return PropertyError(*(int.from_bytes(tag.data, "big") for tag in error))


def _index(tags: TagReader, number: int) -> int | None:
    """An optional context-tagged number, such as an array index; None where it is absent."""
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
        raise InvalidReply(
            f"object {object_id >> 22},{object_id & 0x3FFFFF} property {property_id} answered "
            f"instead of {reference.object_type},{reference.instance} {reference.property_id}"
        )
