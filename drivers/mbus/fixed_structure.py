"""The fixed data structure of old meters: two counters with a unit each (EN 13757-3, annex; CI 73).

The maker's letters and the version do not stand in it.
"""

from __future__ import annotations

from dataclasses import replace

from bms.model.assets.address import MbusQuantity
from drivers.fieldbus.errors import InvalidReply
from drivers.mbus import value_types
from drivers.mbus.record import DataRecord, MeterHeader

_SIZE = 16
_BINARY = 0x01
_STORED = 0x02
_HISTORIC = 0x3E
Q = MbusQuantity
# Codes that follow each other, each ten times the one before.
_UNITS = (
    (0x02, 0x0A, Q.ENERGY, "watt-hours", 0),
    (0x0B, 0x13, Q.ENERGY, "kilojoules", 0),
    (0x14, 0x1C, Q.POWER, "watts", 0),
    (0x1D, 0x25, Q.POWER, "joules-per-hours", 3),
    (0x26, 0x2E, Q.VOLUME, "milliliters", 0),
    (0x2F, 0x37, Q.FLOW, "liters-per-hour", -3),
)


def fixed_records(data: bytes) -> tuple[MeterHeader, tuple[DataRecord, ...]]:
    """Header and both counters. Raises ``InvalidReply`` where they are cut off."""
    if len(data) < _SIZE:
        raise InvalidReply(f"a fixed structure of {len(data)} octets")
    medium = (data[6] >> 6) | (data[7] >> 6) << 2
    number = data[3::-1].hex().upper()
    header = MeterHeader(
        number, "", 0, medium, data[4], data[5] & ~0x03, wire=data[:4] + b"\xff" * 4
    )
    units = (data[6] & 0x3F, data[7] & 0x3F)
    stored = bool(data[5] & _STORED)
    counters = (data[8:12], data[12:16])
    return header, tuple(
        _counter(units[0], counter, data[5], stored=True)
        if code == _HISTORIC
        else _counter(code, counter, data[5], stored=stored)
        for code, counter in zip(units, counters, strict=True)
    )


def _counter(code: int, counter: bytes, status: int, *, stored: bool) -> DataRecord:
    quantity, unit, power = _meaning(code)
    record = DataRecord(bytes((code,)), counter, quantity, storage=int(stored), unit=unit)
    digits = value_types.unsigned if status & _BINARY else value_types.bcd
    try:
        number = digits(counter)
    except value_types.NoValue as problem:
        return replace(record, problem=str(problem))
    return replace(record, number=float(number), value=float(f"{number}e{power}"))


def _meaning(code: int) -> tuple[MbusQuantity | None, str, int]:
    for first, last, quantity, unit, power in _UNITS:
        if first <= code <= last:
            return quantity, unit, power + code - first
    return None, "no-units", 0
