"""Batches of properties for ReadPropertyMultiple, and a fast decoder of their numbers. Pure.

Most values are REALs and small enumerations without any status flag set, whose place in the
acknowledgement is known before it comes; they are read at that place.
``drivers.bacnet.encoding.services`` decodes all others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bms.errors import DeviceError
from drivers.bacnet.encoding import application_values as values
from drivers.bacnet.encoding import services as codec
from drivers.bacnet.encoding.application_values import StatusFlags
from drivers.bacnet.encoding.services import PropertyError, Reference
from drivers.bacnet.encoding.tags import Tag, TagReader
from drivers.fieldbus.errors import InvalidReply
from drivers.fieldbus.reading import Decoded

PolledValue = Decoded | StatusFlags | PropertyError | DeviceError
"""A number, the status flags of an object, or why there is neither."""

UNKNOWN_SIZE = 480
_ACK_HEADER, _REQUEST_HEADER = 3, 4
_SMALL = (b"\x21", b"\x91")  # Unsigned and Enumerated of one octet
_REAL = b"\x44"
_END = b"\x4f\x1f"
# Between a present value and the end of its object: status flags of which none is set.
_NO_FLAG = b"\x4f\x29\x6f\x4e\x82\x04\x00\x4f\x1f"

# Octets of a value in an acknowledgement, with its tags; properties not listed are numbers.
_TEXT, _SLOTS, _LIST = 64, 96, 256
_LONG = {
    codec.OBJECT_NAME: _TEXT,
    codec.DESCRIPTION: _TEXT,
    codec.PRIORITY_ARRAY: _SLOTS,
    codec.STATE_TEXT: _LIST,
    codec.OBJECT_LIST: _LIST,
    codec.WEEKLY_SCHEDULE: _LIST,
    codec.EXCEPTION_SCHEDULE: _LIST,
    codec.STATUS_FLAGS: 3,
    codec.RELIABILITY: 3,
    codec.UNITS: 3,
    codec.OUTPUT_UNITS: 3,
}
_NUMBER, _DOUBLE = 5, 10
_LARGE_ANALOG, _TEXT_VALUE = 46, 40
_AROUND_OBJECT = 7  # object identifier and two brackets
_AROUND_ERROR = 6  # brackets, error class and error code
_PROPERTY_REQUEST = 2


def result_octets(reference: Reference) -> int:
    """The octets that the result of a property may take in an acknowledgement, its object not
    counted."""
    size = _LONG.get(reference.property_id, _NUMBER)
    if reference.property_id == codec.PRESENT_VALUE:
        size = {_LARGE_ANALOG: _DOUBLE, _TEXT_VALUE: _TEXT}.get(reference.object_type, _NUMBER)
    if reference.index is not None:
        size = min(size, _TEXT) + 1
    error = _AROUND_ERROR
    if reference.property_id == codec.STATUS_FLAGS:
        error = 0  # an object that lacks them is asked only once, for its reliability, too
    elif reference.property_id == codec.RELIABILITY:
        error += 1  # with what an error for the status flags takes beyond their value
    return _name_octets(reference) + max(size + 2, error)


def _name_octets(reference: Reference) -> int:
    wide = sum(number > 0xFF for number in (reference.property_id, reference.index or 0))
    return _PROPERTY_REQUEST * (1 + (reference.index is not None)) + wide


def batch_spans(
    references: Sequence[Reference], max_apdu: int, max_properties: int
) -> list[tuple[int, int]]:
    """(first, end) of the references that fit one request and its acknowledgement.

    Properties of one object that follow one another are kept together where they fit. ``max_apdu``
    [octets] is the smaller one of both sides, ``max_properties`` [1] a further limit.
    """
    found: list[tuple[int, int]] = []
    room = _Room(max_apdu, max_properties)
    first = end = 0
    for group in codec.by_object(references):
        if not room.takes(group):
            if end > first:
                found.append((first, end))
            first, room = end, _Room(max_apdu, max_properties)
        if room.takes(group):
            room.put(group)
            end += len(group)
            continue
        for reference in group:
            if end > first and not room.takes((reference,)):
                found.append((first, end))
                first, room = end, _Room(max_apdu, max_properties)
            room.put((reference,))
            end += 1
    if end > first:
        found.append((first, end))
    return found


class _Room:
    """What is left of a request, of its acknowledgement [octets], and of their properties [1]."""

    def __init__(self, max_apdu: int, max_properties: int) -> None:
        self._properties = max_properties
        self._request = max_apdu - _REQUEST_HEADER
        self._ack = max_apdu - _ACK_HEADER
        self._object_id: int | None = None

    def takes(self, references: Sequence[Reference]) -> bool:
        """Whether properties of one object fit."""
        around = self._around(references)
        return (
            len(references) <= self._properties
            and around + sum(map(_name_octets, references)) <= self._request
            and around + sum(map(result_octets, references)) <= self._ack
        )

    def put(self, references: Sequence[Reference]) -> None:
        """Take up properties of one object."""
        around = self._around(references)
        self._properties -= len(references)
        self._request -= around + sum(map(_name_octets, references))
        self._ack -= around + sum(map(result_octets, references))
        self._object_id = references[0].object_id

    def _around(self, references: Sequence[Reference]) -> int:
        return 0 if references[0].object_id == self._object_id else _AROUND_OBJECT


@dataclass(frozen=True, slots=True)
class _ObjectResult:
    """How the result of one object's properties looks: the octets before and after its first
    value, where that is a number and its status flags, if they are asked for, are all clear.
    ``tail`` is empty where more is asked for; ``clear`` are the answers behind the number."""

    references: tuple[Reference, ...]
    head: bytes
    real: bytes
    tail: bytes
    clear: tuple[StatusFlags, ...]

    @classmethod
    def of(cls, references: tuple[Reference, ...]) -> _ObjectResult:
        """The result of properties of one object."""
        asked = tuple(r.property_id for r in references[1:])
        if asked not in ((), (codec.STATUS_FLAGS,)):
            return cls(references, b"", b"", b"", ())
        head = _head(references[0])
        tail, clear = (_NO_FLAG, (values.CLEAR,)) if asked else (_END, ())
        return cls(references, head, head + _REAL, tail, clear)

    def rest(self, ack: bytes, at: int, found: list[PolledValue]) -> int:
        """Add the answers of a result that begins with no REAL, or says more of it; its end."""
        start = at + len(self.head)
        small = self.tail and ack[start : start + 1] in _SMALL and ack.startswith(self.head, at)
        if small and ack.startswith(self.tail, start + 2):
            found.append(Decoded(float(ack[start + 1])))
            found += self.clear
            return start + 2 + len(self.tail)
        tags = TagReader(ack, at)
        found += map(polled_value, codec.read_access_result(self.references, tags))
        return tags.at


@dataclass(frozen=True, slots=True)
class Batch:
    """References that one request asks for.

    ``places`` are the indices of the references in the list that was split into batches.
    """

    places: tuple[int, ...]
    references: tuple[Reference, ...]
    request: bytes
    results: tuple[_ObjectResult, ...]

    @classmethod
    def of(cls, places: Sequence[int], references: Sequence[Reference]) -> Batch:
        """The batch of these references; ``places`` are their indices."""
        return cls(
            tuple(places),
            tuple(references),
            codec.read_property_multiple(references),
            tuple(map(_ObjectResult.of, codec.by_object(references))),
        )

    def polled(self, ack: bytes) -> list[PolledValue]:
        """The values of a ReadPropertyMultiple-ACK, in the order of ``references``.

        Raises ``InvalidReply`` as ``codec.read_property_multiple_ack`` does.
        """
        found: list[PolledValue] = []
        at = 0
        for each in self.results:
            tail = each.tail
            if tail and ack.startswith(each.real, at):
                start = at + len(each.real)
                end = start + 4
                if ack.startswith(tail, end):
                    found.append(values.single(ack[start:end]))
                    found += each.clear
                    at = end + len(tail)
                    continue
            at = each.rest(ack, at, found)
        if at != len(ack):
            raise InvalidReply("the acknowledgement answers for more than was asked")
        return found


def _head(reference: Reference) -> bytes:
    """The octets before a value: object, property, index (clause 21, ReadAccessResult)."""
    name = codec.read_property(reference)
    # The same parameters as in a ReadProperty-Request, whose tags are one lower.
    inside = bytes((name[5] + 0x10,)) + name[6:]
    if reference.index is not None:
        at = 1 + (name[5] & 7)
        inside = inside[:at] + bytes((inside[at] + 0x10,)) + inside[at + 1 :]
    return name[:5] + b"\x1e" + inside + b"\x4e"


def polled_value(value: list[Tag] | PropertyError) -> PolledValue:
    """The number, scale or status flags of a result, or the error that the device gives for it."""
    if isinstance(value, PropertyError):
        return value
    flags = values.status_flags(value)
    if flags is not None:
        return flags
    factor = values.scale_factor(value)
    return values.decode_number(value) if factor is None else Decoded(factor)
