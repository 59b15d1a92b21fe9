"""Batches of properties for ReadPropertyMultiple, and a fast decoder of their numbers. Pure.

Most values are REALs and small enumerations, whose place in the acknowledgement is known before it
comes; they are read at that place. ``drivers.bacnet.encoding.services`` decodes all others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from drivers.bacnet.encoding import application_values as values
from drivers.bacnet.encoding import services as codec
from drivers.bacnet.encoding.services import PropertyError, Reference
from drivers.bacnet.encoding.tags import Tag, TagReader
from drivers.fieldbus.errors import InvalidReply
from drivers.fieldbus.reading import Decoded

UNKNOWN_SIZE = 480
_ACK_HEADER, _REQUEST_HEADER = 3, 4
_REQUEST_OCTETS = 11
_UNSIGNED1, _ENUMERATED1 = 0x21, 0x91
_REAL = b"\x44"
_END = b"\x4f\x1f"

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
}
_NUMBER, _DOUBLE = 5, 10
_LARGE_ANALOG, _TEXT_VALUE = 46, 40
_AROUND = 11  # object identifier, property, and the four brackets


def result_octets(reference: Reference) -> int:
    """The octets that the result of a property may take in an acknowledgement."""
    size = _LONG.get(reference.property_id, _NUMBER)
    if reference.property_id == codec.PRESENT_VALUE:
        size = {_LARGE_ANALOG: _DOUBLE, _TEXT_VALUE: _TEXT}.get(reference.object_type, _NUMBER)
    if reference.index is not None:
        size = min(size, _TEXT) + 3
    return _AROUND + size


def batch_spans(
    references: Sequence[Reference], max_apdu: int, max_properties: int
) -> list[tuple[int, int]]:
    """(first, end) of the references that fit one request and its acknowledgement.

    ``max_apdu`` [octets] is the smaller one of both sides, ``max_properties`` [1] a further limit.
    """
    max_properties = max(1, min(max_properties, (max_apdu - _REQUEST_HEADER) // _REQUEST_OCTETS))
    found: list[tuple[int, int]] = []
    first, room = 0, max_apdu - _ACK_HEADER
    for place, reference in enumerate(references):
        size = result_octets(reference)
        if place > first and (size > room or place - first >= max_properties):
            found.append((first, place))
            first, room = place, max_apdu - _ACK_HEADER
        room -= size
    if references:
        found.append((first, len(references)))
    return found


@dataclass(frozen=True, slots=True)
class Batch:
    """References that one request asks for; ``heads`` are the octets before each result.

    ``places`` are the indices of the references in the list that was split into batches.
    """

    places: tuple[int, ...]
    references: tuple[Reference, ...]
    request: bytes
    heads: tuple[bytes, ...]

    @classmethod
    def of(cls, places: Sequence[int], references: Sequence[Reference]) -> Batch:
        """The batch of these references; ``places`` are their indices."""
        return cls(
            tuple(places),
            tuple(references),
            codec.read_property_multiple(references),
            tuple(_head(reference) for reference in references),
        )

    def numbers(self, ack: bytes) -> list[Decoded]:
        """The numbers of a ReadPropertyMultiple-ACK, in the order of ``references``.

        Raises ``InvalidReply`` as ``codec.read_property_multiple_ack`` does.
        """
        found: list[Decoded] = []
        at = 0
        for head, reference in zip(self.heads, self.references, strict=True):
            start = at + len(head)
            end = start + 5
            bounds = ack[at:start], ack[start : start + 1], ack[end : end + 2]
            if bounds == (head, _REAL, _END):
                found.append(values.single(ack[start + 1 : end]))
                at = end + 2
                continue
            decoded, at = _decode_small(head, ack, at) or _decode_general(reference, ack, at)
            found.append(decoded)
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


def _decode_small(head: bytes, ack: bytes, at: int) -> tuple[Decoded, int] | None:
    """Value and end of the result if it is an Unsigned or Enumerated of one octet, else None."""
    start = at + len(head)
    if ack[at:start] != head or ack[start + 2 : start + 4] != _END:
        return None
    if ack[start] not in (_UNSIGNED1, _ENUMERATED1):
        return None
    return Decoded(float(ack[start + 1])), start + 4


def _decode_general(reference: Reference, ack: bytes, at: int) -> tuple[Decoded, int]:
    tags = TagReader(ack, at)
    return decode_result(codec.read_access_result(reference, tags)), tags.at


def decode_result(value: list[Tag] | PropertyError) -> Decoded:
    """The number of a result, or the reason why there is none."""
    if isinstance(value, PropertyError):
        return values.decode_error(value.error_class, value.error_code)
    return values.decode_number(value)
