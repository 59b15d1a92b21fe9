"""How many properties go into one request, and the numbers of its answer read quickly. Pure.

Most of what a building sends are REALs and small enumerations whose place in the answer is known
beforehand; those are taken where they must stand. Anything else is read by ``bacnet_codec``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from drivers.bacnet.encoding import application_values as values
from drivers.bacnet.encoding import services as codec
from drivers.bacnet.encoding.services import PropertyError, Reference
from drivers.bacnet.encoding.tags import Tag, Tags
from drivers.fieldbus.errors import Garbled
from drivers.fieldbus.reading import Decoded

UNKNOWN_SIZE = 480
_ACK_HEADER, _REQUEST_HEADER = 3, 4
_REQUEST_OCTETS = 11
_UNSIGNED1, _ENUMERATED1 = 0x21, 0x91
_REAL = b"\x44"
_END = b"\x4f\x1f"

# Octets of a value in an acknowledgement, with its tags; what is not listed is taken for a number.
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


def octets(reference: Reference) -> int:
    """Octets that the result of a property may take in an answer."""
    size = _LONG.get(reference.property_id, _NUMBER)
    if reference.property_id == codec.PRESENT_VALUE:
        size = {_LARGE_ANALOG: _DOUBLE, _TEXT_VALUE: _TEXT}.get(reference.object_type, _NUMBER)
    if reference.index is not None:
        size = min(size, _TEXT) + 3
    return _AROUND + size


def batches(references: Sequence[Reference], max_apdu: int, most: int) -> list[tuple[int, int]]:
    """(first, end) of the references that fit one request and its answer.

    ``max_apdu`` is the smaller of both sides' [octets]; ``most`` bounds a batch besides.
    """
    most = max(1, min(most, (max_apdu - _REQUEST_HEADER) // _REQUEST_OCTETS))
    found: list[tuple[int, int]] = []
    first, room = 0, max_apdu - _ACK_HEADER
    for place, reference in enumerate(references):
        size = octets(reference)
        if place > first and (size > room or place - first >= most):
            found.append((first, place))
            first, room = place, max_apdu - _ACK_HEADER
        room -= size
    if references:
        found.append((first, len(references)))
    return found


@dataclass(frozen=True, slots=True)
class Batch:
    """Some references asked for at once: the request, and what the answer has to begin with."""

    places: tuple[int, ...]
    references: tuple[Reference, ...]
    request: bytes
    heads: tuple[bytes, ...]

    @classmethod
    def of(cls, places: Sequence[int], references: Sequence[Reference]) -> Batch:
        return cls(
            tuple(places),
            tuple(references),
            codec.read_property_multiple(references),
            tuple(_head(reference) for reference in references),
        )

    def numbers(self, ack: bytes) -> list[Decoded]:
        """The numbers of a ReadPropertyMultiple-ACK, in the order of ``references``.

        Raises ``Garbled`` as ``codec.read_property_multiple_ack`` does.
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
            decoded, at = _quick(head, ack, at) or _slow(reference, ack, at)
            found.append(decoded)
        if at != len(ack):
            raise Garbled("the acknowledgement answers for more than was asked")
        return found


def _head(reference: Reference) -> bytes:
    """What stands before the value: object, property, index (clause 21, ReadAccessResult)."""
    name = codec.read_property(reference)
    # The same parameters as in a ReadProperty-Request, whose tags are one lower.
    inside = bytes((name[5] + 0x10,)) + name[6:]
    if reference.index is not None:
        at = 1 + (name[5] & 7)
        inside = inside[:at] + bytes((inside[at] + 0x10,)) + inside[at + 1 :]
    return name[:5] + b"\x1e" + inside + b"\x4e"


def _quick(head: bytes, ack: bytes, at: int) -> tuple[Decoded, int] | None:
    """A small enumeration or count and where its result ends, if that is what stands there."""
    start = at + len(head)
    if ack[at:start] != head or ack[start + 2 : start + 4] != _END:
        return None
    if ack[start] not in (_UNSIGNED1, _ENUMERATED1):
        return None
    return Decoded(float(ack[start + 1])), start + 4


def _slow(reference: Reference, ack: bytes, at: int) -> tuple[Decoded, int]:
    tags = Tags(ack, at)
    return decoded(codec.read_access_result(reference, tags)), tags.at


def decoded(value: list[Tag] | PropertyError) -> Decoded:
    """Number of a value, or why there is none."""
    if isinstance(value, PropertyError):
        return values.refused(value.error_class, value.error_code)
    return values.decoded(value)
