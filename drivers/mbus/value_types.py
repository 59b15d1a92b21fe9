"""Data of a record as numbers, moments and texts (EN 13757-3, annex A). Pure."""

from __future__ import annotations

import math
import struct
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from drivers.fieldbus.reading import shortest_decimal

_BCD_MINUS = 0xF
_INVALID, _SUMMER_TIME = 0x80, 0x40
_EVERY = 127


class NoValue(Exception):
    """The data stand for no value; the text says why."""


def integer(data: bytes) -> int:
    """Type B: a signed number, lowest octet first. Its smallest one stands for no value.

    Raises ``NoValue`` for that, and where there are no data.
    """
    if not data:
        raise NoValue("no data")
    number = int.from_bytes(data, "little", signed=True)
    if number == -(1 << (8 * len(data) - 1)):
        raise NoValue("marked as not valid")
    return number


def unsigned(data: bytes) -> int:
    """Types C and D: a number without sign, or flags. Raises ``NoValue`` for no data."""
    if not data:
        raise NoValue("no data")
    return int.from_bytes(data, "little")


def real(data: bytes) -> float:
    """Type H: a single-precision number, as its shortest decimal. Raises ``NoValue`` for NaN."""
    if len(data) != struct.calcsize("<f"):
        raise NoValue("no data")
    (number,) = struct.unpack("<f", data)
    if not math.isfinite(number):
        raise NoValue("not a number")
    return shortest_decimal(number)


def bcd(data: bytes) -> int:
    """Type A: decimal digits, lowest octet first; F in the highest digit is a minus.

    Raises ``NoValue`` for any other digit above 9: meters show faults so.
    """
    digits = data[::-1].hex().upper()
    if not digits:
        raise NoValue("no data")
    negative = digits[0] == "F"
    rest = digits[1:] if negative else digits
    if not rest.isdecimal():
        raise NoValue(f"digits {digits} are no number")
    return -int(rest) if negative else int(rest)


def text(data: bytes) -> str:
    """A text, whose last letter comes first; what cannot be printed becomes a blank."""
    letters = data[::-1].decode("latin-1")
    return "".join(each if each.isprintable() else " " for each in letters).strip()


def moment(data: bytes, zone: ZoneInfo) -> datetime:
    """Types F (4 octets), G (2) and I (6) as the moment that a clock in ``zone`` shows [UTC].

    Raises ``NoValue`` for a time that the meter marks as wrong, and for none at all.
    """
    fields = {2: _type_g, 4: _type_f, 6: _type_i}.get(len(data))
    if fields is None:
        raise NoValue(f"a time of {len(data)} octets")
    year, month, day, hour, minute, second, summer = fields(data)
    try:
        shown = datetime(
            year, month, day, hour, minute, second, tzinfo=zone, fold=0 if summer else 1
        )
    except ValueError:
        raise NoValue("no moment in the calendar") from None
    return shown.astimezone(UTC)


_Fields = tuple[int, int, int, int, int, int, bool]


def _date(low: int, high: int, century: int = 0) -> tuple[int, int, int]:
    """Year, month and day; two digits of a year below 81 are after 2000 (annex A, note)."""
    short = (low >> 5) | (high >> 4) << 3
    if short == _EVERY or not high & 0x0F or not low & 0x1F:
        raise NoValue("a date that comes every year or month")
    year = 1900 + 100 * century + short
    return (year + 100 if century == 0 and short <= 80 else year), high & 0x0F, low & 0x1F


def _type_g(data: bytes) -> _Fields:
    return (*_date(data[0], data[1]), 0, 0, 0, False)


def _type_f(data: bytes) -> _Fields:
    if data[0] & _INVALID:
        raise NoValue("its clock is marked as wrong")
    date = _date(data[2], data[3], century=(data[1] >> 5) & 0x03)
    return (*date, data[1] & 0x1F, data[0] & 0x3F, 0, bool(data[1] & 0x80))


def _type_i(data: bytes) -> _Fields:
    if data[1] & _INVALID:
        raise NoValue("its clock is marked as wrong")
    date = _date(data[3], data[4])
    return (*date, data[2] & 0x1F, data[1] & 0x3F, data[0] & 0x3F, bool(data[0] & _SUMMER_TIME))
