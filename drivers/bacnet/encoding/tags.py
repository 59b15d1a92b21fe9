"""BACnet tags, of which every encoded value consists. Pure.

Source: ANSI/ASHRAE 135, clause 20.2.1.
"""

from __future__ import annotations

from dataclasses import dataclass

from drivers.fieldbus.errors import InvalidReply

_BOOLEAN = 1
_OPENING, _CLOSING = 6, 7
_EXTENDED = 5


@dataclass(frozen=True, slots=True)
class Tag:
    """One tag. ``kind`` is ``encode_application``, ``context``, ``opening`` or ``closing``."""

    kind: str
    number: int
    length: int
    data: bytes


def encode_tag(tag: Tag) -> bytes:
    """The octets of a tag."""
    context = 8 if tag.kind != "application" else 0
    number = (tag.number << 4, b"") if tag.number < 15 else (0xF0, bytes((tag.number,)))
    if tag.kind in ("opening", "closing"):
        end = _OPENING if tag.kind == "opening" else _CLOSING
        return bytes((number[0] | context | end,)) + number[1]
    if not context and tag.number == _BOOLEAN:
        return bytes((number[0] | tag.length,))
    size = len(tag.data)
    if size < _EXTENDED:
        return bytes((number[0] | context | size,)) + number[1] + tag.data
    return bytes((number[0] | context | _EXTENDED,)) + number[1] + _extended(size) + tag.data


def _extended(size: int) -> bytes:
    if size < 254:
        return bytes((size,))
    if size < 65536:
        return b"\xfe" + size.to_bytes(2, "big")
    return b"\xff" + size.to_bytes(4, "big")


class TagReader:
    """Reads tags from octets. Every method raises ``InvalidReply`` where the octets are no tag."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self._data = data
        self._at = at

    @property
    def at(self) -> int:
        """The index at which the next tag begins."""
        return self._at

    @property
    def empty(self) -> bool:
        """Whether all octets were read."""
        return self._at >= len(self._data)

    def next(self) -> Tag:
        """The next tag."""
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
        """The next tag, without moving on."""
        at = self._at
        tag = self.next()
        self._at = at
        return tag

    def expect(self, kind: str, number: int) -> Tag:
        """The next tag. Raises ``InvalidReply`` when it is of another kind or number."""
        tag = self.next()
        if tag.kind != kind or tag.number != number:
            raise InvalidReply(f"{kind} tag {number} expected, {tag.kind} tag {tag.number} found")
        return tag

    def unsigned(self, number: int) -> int:
        """The number in the next tag, which has to be context tag ``number``."""
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
            raise InvalidReply(f"closing tag {number} expected, {tag.number} found")
        return found

    def _extended_length(self) -> int:
        length = self._take(1)[0]
        if length < 254:
            return length
        return int.from_bytes(self._take(2 if length == 254 else 4), "big")

    def _take(self, count: int) -> bytes:
        end = self._at + count
        if end > len(self._data):
            raise InvalidReply("the acknowledgement is cut short")
        taken = self._data[self._at : end]
        self._at = end
        return taken
