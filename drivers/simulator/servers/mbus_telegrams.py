"""Telegrams of simulated meters, put together from what they measure (EN 13757-3, 6)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

_CI, _MORE = b"\x72", b"\x1f"
_MOST = 240
_INTEGER = {1: 0x01, 2: 0x02, 3: 0x03, 4: 0x04, 6: 0x06, 8: 0x07}
_BCD = {1: 0x09, 2: 0x0A, 3: 0x0B, 4: 0x0C, 6: 0x0E}


@dataclass(frozen=True, slots=True)
class MeterIdentity:
    """Who a meter is. ``maker`` are three capital letters, ``number`` up to eight digits."""

    number: str
    maker: str
    version: int
    medium: int

    @property
    def secondary(self) -> bytes:
        """Its secondary address, eight octets as on the line."""
        letters = [ord(letter) - 64 for letter in self.maker]
        code = letters[0] << 10 | letters[1] << 5 | letters[2]
        number = bytes.fromhex(self.number.rjust(8, "0"))[::-1]
        return number + struct.pack("<HBB", code, self.version, self.medium)


def dib(
    field: int, function: int = 0, storage: int = 0, tariff: int = 0, subunit: int = 0
) -> bytes:
    """DIF and DIFEs of a data field code with these numbers."""
    octets = [field | function << 4 | (storage & 0x01) << 6]
    storage >>= 1
    while storage or tariff or subunit:
        octets[-1] |= 0x80
        octets.append(storage & 0x0F | (tariff & 0x03) << 4 | (subunit & 0x01) << 6)
        storage, tariff, subunit = storage >> 4, tariff >> 2, subunit >> 1
    return bytes(octets)


def integer(vif: bytes, number: int, size: int = 4, **numbers: int) -> bytes:
    """A record with a signed number of ``size`` octets."""
    return dib(_INTEGER[size], **numbers) + vif + number.to_bytes(size, "little", signed=True)


def bcd(vif: bytes, number: int, size: int = 4, **numbers: int) -> bytes:
    """A record with decimal digits; of a negative number the highest is F."""
    digits = f"{abs(number):0{2 * size}d}"
    if number < 0:
        digits = "F" + digits[1:]
    return dib(_BCD[size], **numbers) + vif + bytes.fromhex(digits)[::-1]


def real(vif: bytes, number: float, **numbers: int) -> bytes:
    """A record with a single-precision number."""
    return dib(0x05, **numbers) + vif + struct.pack("<f", number)


def clock(moment: datetime, *, summer: bool = False, **numbers: int) -> bytes:
    """A record with date and time of type F, as the clock of the meter shows them."""
    year = moment.year - 2000
    low = (moment.minute, moment.hour | 0x20 | 0x80 * summer)  # 0x20: a hundred years after 1900
    high = (moment.day | (year & 0x07) << 5, moment.month | (year >> 3) << 4)
    return dib(0x04, **numbers) + b"\x6d" + bytes((*low, *high))


def telegrams(
    meter: MeterIdentity, records: Sequence[bytes], *, status: int = 0, maker_data: bytes = b""
) -> tuple[bytes, ...]:
    """CI field and user data of each telegram; all but the last announce another one."""
    parts: list[bytes] = [b""]
    for record in records:
        if len(parts[-1]) + len(record) > _MOST - 13:
            parts.append(b"")
        parts[-1] += record
    last = len(parts) - 1
    return tuple(
        _CI + meter.secondary + bytes((number & 0xFF, status, 0, 0)) + part
        + (_MORE if number < last else (b"\x0f" + maker_data if maker_data else b""))
        for number, part in enumerate(parts)
    )  # fmt: skip
