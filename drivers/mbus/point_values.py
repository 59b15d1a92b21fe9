"""The value of a point in a meter's answer. Pure."""

from __future__ import annotations

from bms.model.assets.address import MbusAddress, MbusQuantity
from bms.model.assets.point import Point
from bms.model.readings.device_units import NO_UNITS, LinearScale, device_scale
from bms.model.readings.measurement import Quality
from bms.model.readings.units import Unit
from drivers.fieldbus.reading import Decoded
from drivers.mbus.meter import MbusAnswer
from drivers.mbus.record import DataRecord

_OTHER_PROTOCOL = Decoded(None, Quality.DEVICE_ERROR, "not an M-Bus address")
_ABOUT_THE_METER = (MbusQuantity.ERROR_FLAGS, MbusQuantity.TIME, MbusQuantity.BATTERY_TIME)
"""What tells of the meter itself: a fault that it reports casts no doubt on it."""


def value_of(point: Point, answer: MbusAnswer) -> Decoded:
    """The value of a point in its unit, or why there is none.

    Where the status octet of the meter reports a fault, what it measures is uncertain.
    """
    address = point.address
    if not isinstance(address, MbusAddress):
        return _OTHER_PROTOCOL
    header = answer.header
    if header is not None and header.encrypted:
        return Decoded(None, Quality.DEVICE_ERROR, "the meter encrypts its answers")
    record = record_at(address, answer.records)
    if record is None:
        return Decoded(None, Quality.DEVICE_ERROR, f"the meter's answer has no {address}")
    decoded = _decoded(record, address, point.unit)
    if decoded.value is None or header is None or record.quantity in _ABOUT_THE_METER:
        return decoded
    if header.fault is not None:
        return Decoded(decoded.value, Quality.UNCERTAIN, header.fault)
    return Decoded(decoded.value, detail=header.warning)


def record_at(address: MbusAddress, records: tuple[DataRecord, ...]) -> DataRecord | None:
    """The record that an address names; None where the answer lacks it."""
    found = [record for record in records if _is_at(record, address)]
    return found[address.nth] if address.nth < len(found) else None


def _is_at(record: DataRecord, address: MbusAddress) -> bool:
    if address.record is not None:
        return record.header.hex() == address.record.lower()
    same_numbers = (record.storage, record.tariff, record.subunit) == (
        address.storage,
        address.tariff,
        address.subunit,
    )
    same_kind = record.quantity is address.quantity and record.function is address.function
    return same_kind and same_numbers and not record.modified


def _decoded(record: DataRecord, address: MbusAddress, unit: Unit) -> Decoded:
    if record.problem is not None:
        return Decoded(None, Quality.ABSENT, record.problem)
    if record.value is None or record.number is None:
        return Decoded(None, Quality.BAD, f"{record.text!r} is no number")
    if address.scale is not None or address.offset is not None:
        stated = LinearScale(1.0 if address.scale is None else address.scale, address.offset or 0.0)
        return Decoded(stated.to_point(record.number))
    if record.unit == NO_UNITS:
        if record.quantity is not None and unit is not Unit.COUNT:
            return Decoded(None, Quality.BAD, f"{record.quantity} is no number of {unit}")
        return Decoded(record.value)
    scale = device_scale(record.unit, unit)
    if scale is None:
        return Decoded(None, Quality.BAD, f"{record.unit} cannot be converted to {unit}")
    return Decoded(scale.to_point(record.value))
