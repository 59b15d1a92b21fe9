"""Decodes BACnet values of every primitive type into Python values. Pure.

Source: ANSI/ASHRAE 135, clause 20.2. A field of a date or time with the value 255 is unspecified.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, tzinfo

from drivers.bacnet.encoding.services import ANY_INSTANCE
from drivers.bacnet.encoding.tags import Tag
from drivers.fieldbus.errors import InvalidReply
from drivers.fieldbus.reading import shortest_decimal

_ANY = 255
_EPOCH = 1900
NULL, BOOLEAN, UNSIGNED, SIGNED, REAL, DOUBLE, OCTETS, TEXT, BITS = range(9)
ENUMERATED, DATE, TIME, OBJECT = 9, 10, 11, 12
_UTF_8, _DBCS, _JIS, _UCS_4, _UCS_2 = range(5)


@dataclass(frozen=True, slots=True)
class DatePattern:
    """A date whose fields may be unspecified (None). ``weekday`` is 1 (Monday) to 7.

    ``month`` 13 and 14 are odd and even months; ``day`` 32 is the last, 33 and 34 odd and even.
    """

    year: int | None = None
    month: int | None = None
    day: int | None = None
    weekday: int | None = None

    @property
    def exact(self) -> date | None:
        """The calendar day; None where year, month or day is unspecified or special."""
        if self.year is None or self.month is None or self.day is None:
            return None
        try:
            return date(self.year, self.month, self.day)
        except ValueError:
            return None

    def encoded(self) -> bytes:
        """The four octets, without a tag."""
        year = _ANY if self.year is None else self.year - _EPOCH
        rest = (_ANY if field is None else field for field in (self.month, self.day, self.weekday))
        return bytes((year, *rest))

    @classmethod
    def of(cls, day: date) -> DatePattern:
        """The exact date of a day, with its weekday."""
        return cls(day.year, day.month, day.day, day.isoweekday())


@dataclass(frozen=True, slots=True)
class TimePattern:
    """A time of day whose fields may be unspecified (None)."""

    hour: int | None = None
    minute: int | None = None
    second: int | None = None
    hundredth: int | None = None

    @property
    def exact(self) -> time | None:
        """The time of day; None where hour or minute is unspecified. Unspecified seconds are 0."""
        if self.hour is None or self.minute is None:
            return None
        try:
            return time(self.hour, self.minute, self.second or 0, (self.hundredth or 0) * 10_000)
        except ValueError:
            return None

    def encoded(self) -> bytes:
        """The four octets, without a tag."""
        fields = (self.hour, self.minute, self.second, self.hundredth)
        return bytes(_ANY if field is None else field for field in fields)

    @classmethod
    def of(cls, moment: time) -> TimePattern:
        """The exact time, to hundredths of a second."""
        return cls(moment.hour, moment.minute, moment.second, moment.microsecond // 10_000)


PrimitiveValue = (
    float
    | int
    | bool
    | str
    | bytes
    | tuple[bool, ...]
    | tuple[int, int]
    | DatePattern
    | TimePattern
    | None
)


def decode(tag: Tag) -> PrimitiveValue:
    """The value of an application tag. Raises ``InvalidReply`` for other tags and wrong lengths."""
    read = _READERS.get(tag.number) if tag.kind == "application" else None
    if read is None:
        raise InvalidReply(f"{tag.kind} tag {tag.number} is no primitive value")
    return read(tag)


def decode_text(value: Sequence[Tag]) -> str | None:
    """The text of a CharacterString; None for any other value."""
    if len(value) != 1 or (value[0].kind, value[0].number) != ("application", TEXT):
        return None
    return _text(value[0])


def decode_date(octets: bytes) -> DatePattern:
    """The date of four octets. Raises ``InvalidReply`` for another length."""
    if len(octets) != 4:
        raise InvalidReply(f"a date of {len(octets)} octets")
    year, *rest = (None if octet == _ANY else octet for octet in octets)
    return DatePattern(None if year is None else year + _EPOCH, *rest)


def decode_time(octets: bytes) -> TimePattern:
    """The time of four octets. Raises ``InvalidReply`` for another length."""
    if len(octets) != 4:
        raise InvalidReply(f"a time of {len(octets)} octets")
    return TimePattern(*(None if octet == _ANY else octet for octet in octets))


def datetime_of(day: DatePattern, at: TimePattern, zone: tzinfo) -> datetime | None:
    """Date and time in the time zone of a device; None where either is not exact."""
    if day.exact is None or at.exact is None:
        return None
    return datetime.combine(day.exact, at.exact, zone)


def encode_application(number: int, octets: bytes) -> bytes:
    """An application tag of this number with up to 253 octets of data."""
    if len(octets) < 5:
        return bytes((number << 4 | len(octets),)) + octets
    return bytes((number << 4 | 5, len(octets))) + octets


def _integer(tag: Tag) -> int:
    if not tag.data:
        raise InvalidReply("a number of no octets")
    return int.from_bytes(tag.data, "big", signed=tag.number == SIGNED)


def _float(tag: Tag) -> float:
    form = ">f" if tag.number == REAL else ">d"
    if len(tag.data) != struct.calcsize(form):
        raise InvalidReply(f"a floating number of {len(tag.data)} octets")
    (number,) = struct.unpack(form, tag.data)
    return shortest_decimal(number) if tag.number == REAL else float(number)


def _text(tag: Tag) -> str:
    if not tag.data:
        raise InvalidReply("a text without its character set")
    charset, octets = tag.data[0], tag.data[1:]
    if charset == _DBCS and len(octets) >= 2:
        page, octets = int.from_bytes(octets[:2], "big"), octets[2:]
        return _decoded(octets, f"cp{page}", "cp850")
    if charset == _UCS_2:
        return _wide(octets)
    if charset == _UCS_4:
        return octets.decode("utf-32-be", errors="replace")
    return _decoded(octets, {_UTF_8: "utf-8", _JIS: "shift_jis"}.get(charset, "cp1252"), "cp1252")


def _decoded(octets: bytes, charset: str, otherwise: str) -> str:
    """Text in a character set, or in the one that devices have which label theirs wrongly."""
    try:
        return octets.decode(charset)
    except (UnicodeDecodeError, LookupError):
        return octets.decode(otherwise, errors="replace")


def _wide(octets: bytes) -> str:
    """Text in UCS-2: big-endian (clause 20.2.9), but some devices send little-endian, with a byte
    order mark or without; then the zeros of plain letters stand behind them."""
    if octets[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return octets.decode("utf-16", errors="replace")
    first, second = octets[0::2], octets[1::2]
    little = second.count(0) > first.count(0)
    return octets.decode("utf-16-le" if little else "utf-16-be", errors="replace")


def _bits(tag: Tag) -> tuple[bool, ...]:
    if not tag.data or tag.data[0] > 7:
        raise InvalidReply("a bit string without its length")
    bits = [bool(octet >> 7 - i & 1) for octet in tag.data[1:] for i in range(8)]
    return tuple(bits[: len(bits) - tag.data[0]])


def _object(tag: Tag) -> tuple[int, int]:
    if len(tag.data) != 4:
        raise InvalidReply(f"an object identifier of {len(tag.data)} octets")
    number = int.from_bytes(tag.data, "big")
    return number >> 22, number & ANY_INSTANCE


_READERS: dict[int, Callable[[Tag], PrimitiveValue]] = {
    NULL: lambda tag: None,
    BOOLEAN: lambda tag: bool(tag.length),
    UNSIGNED: _integer,
    SIGNED: _integer,
    REAL: _float,
    DOUBLE: _float,
    OCTETS: lambda tag: tag.data,
    TEXT: _text,
    BITS: _bits,
    ENUMERATED: _integer,
    DATE: lambda tag: decode_date(tag.data),
    TIME: lambda tag: decode_time(tag.data),
    OBJECT: _object,
}
