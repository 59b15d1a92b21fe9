"""Where a value lies: registers, objects, records, topics, a supplier's file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from bms.model.readings.metering import Quantity
from bms.model.readings.units import Unit


class Table(StrEnum):
    """The four Modbus tables."""

    HOLDING = "holding"
    INPUT = "input"
    COIL = "coil"
    DISCRETE = "discrete"


class DataType(StrEnum):
    """How a value lies in Modbus registers. The two of 8 bits are the low byte of a register.

    ``float16`` is a half-precision float. ``bcd16``, ``bcd32`` and ``bcd48`` hold a decimal digit
    in each four bits. In ``mod10k32``, ``mod10k48`` and ``mod10k64`` each register counts to 9999.
    ``epoch32`` is a moment: seconds since 1970-01-01 UTC [s].
    """

    INT8 = "int8"
    UINT8 = "uint8"
    INT16 = "int16"
    UINT16 = "uint16"
    INT32 = "int32"
    UINT32 = "uint32"
    INT64 = "int64"
    UINT64 = "uint64"
    FLOAT32 = "float32"
    FLOAT64 = "float64"
    FLOAT16 = "float16"
    BCD16 = "bcd16"
    BCD32 = "bcd32"
    BCD48 = "bcd48"
    MOD10K32 = "mod10k32"
    MOD10K48 = "mod10k48"
    MOD10K64 = "mod10k64"
    EPOCH32 = "epoch32"
    BIT = "bit"

    @property
    def registers(self) -> int:
        """How many registers a value occupies [1]."""
        return {"32": 2, "48": 3, "64": 4}.get(self.value[-2:], 1)


class Order(StrEnum):
    """Order of words in a value, or of bytes in a word."""

    BIG = "big"
    LITTLE = "little"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModbusAddress:
    """Where a value lies on a Modbus device: ``value = raw * scale + offset``.

    ``address`` is the zero-based address on the wire. ``sentinels`` are raw numbers that mean "no
    value" (an absent sensor, say). ``bit`` picks a bit of one holding or input register; ``mask``
    and ``shift`` pick a field: ``raw = (register & mask) >> shift``. ``exponent`` is the address of
    the register of the same table whose int16 is a power of ten that multiplies the value (SunSpec
    scale factor). With ``model``, both addresses count from the start of that SunSpec model, which
    is found on the device. ``write_function`` (5, 6, 15, 16 or 22) stands where the device does not
    take the usual function; 22 writes bits and fields without touching their neighbours.
    """

    table: Table
    address: int
    type: DataType = DataType.INT16
    scale: float = 1.0
    offset: float = 0.0
    word_order: Order = Order.BIG
    byte_order: Order = Order.BIG
    bit: int | None = None
    sentinels: tuple[int, ...] = ()
    mask: int | None = None
    shift: int = 0
    exponent: int | None = None
    model: int | None = None
    write_function: int | None = None

    def __post_init__(self) -> None:
        _check_scale(self.scale, self.offset)


def _check_scale(scale: float | None, offset: float | None) -> None:
    """Raise ValueError for a scale that would make every value the same, or none at all."""
    if scale == 0 or not math.isfinite(scale or 1.0) or not math.isfinite(offset or 0.0):
        raise ValueError(f"scale {scale} and offset {offset} leave no value")


@dataclass(frozen=True, slots=True, kw_only=True)
class TextAddress:
    """Where a text (a serial number, say) lies on a Modbus device; ``registers`` is its length."""

    table: Table
    address: int
    registers: int
    byte_order: Order = Order.BIG
    model: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BacnetAddress:
    """A property of a BACnet object, by default its present value. Proprietary types and properties
    are numbers as text.

    Its number is in the engineering unit that the object states, and is converted to the unit of
    the point. ``unit`` is what a person states instead (a name of BACnetEngineeringUnits), where
    the object is wrong or silent. With ``scale`` or ``offset``, ``value = raw * scale + offset``
    whatever the object states.
    """

    object_type: str
    instance: int
    property: str = "present-value"
    scale: float | None = None
    offset: float | None = None
    unit: str | None = None

    def __post_init__(self) -> None:
        _check_scale(self.scale, self.offset)


class MbusQuantity(StrEnum):
    """What a record of an M-Bus meter measures (EN 13757-3, 7.4)."""

    ENERGY = "energy"
    VOLUME = "volume"
    MASS = "mass"
    POWER = "power"
    FLOW = "flow"
    MASS_FLOW = "mass_flow"
    SUPPLY_TEMP = "supply_temp"
    RETURN_TEMP = "return_temp"
    TEMP_DIFFERENCE = "temp_difference"
    EXTERNAL_TEMP = "external_temp"
    PRESSURE = "pressure"
    HUMIDITY = "humidity"
    VOLTAGE = "voltage"
    CURRENT = "current"
    FREQUENCY = "frequency"
    ON_TIME = "on_time"
    OPERATING_TIME = "operating_time"
    BATTERY_TIME = "battery_time"
    HEAT_COST_UNITS = "heat_cost_units"
    ERROR_FLAGS = "error_flags"
    TIME = "time"
    COUNT = "count"


class MbusFunction(StrEnum):
    """Which value of a quantity a record has (EN 13757-3, 6.4): now, an extreme, or at a fault."""

    INSTANTANEOUS = "instantaneous"
    MAXIMUM = "maximum"
    MINIMUM = "minimum"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class MbusAddress:
    """A record of the answer of an M-Bus meter.

    Either the ``quantity`` with its function, storage number (0: now, then e.g. the last due
    dates), tariff and subunit; or the ``record`` by its DIF and VIF octets in hexadecimal, for what
    only its maker can read. ``nth`` counts from 0 where several are alike. The value is converted
    to the unit of the point; with ``scale`` or ``offset``, ``value = raw * scale + offset``
    whatever the meter states, ``raw`` being its number without a unit.
    """

    quantity: MbusQuantity | None = None
    function: MbusFunction = MbusFunction.INSTANTANEOUS
    storage: int = 0
    tariff: int = 0
    subunit: int = 0
    nth: int = 0
    record: str | None = None
    scale: float | None = None
    offset: float | None = None

    def __post_init__(self) -> None:
        _check_scale(self.scale, self.offset)
        if (self.quantity is None) == (self.record is None):
            raise ValueError("either a quantity or a record")

    def __str__(self) -> str:
        if self.record is not None:
            return f"record {self.record}"
        numbers = {"storage": self.storage, "tariff": self.tariff, "subunit": self.subunit}
        given = [f"{name} {number}" for name, number in numbers.items() if number]
        if self.function is not MbusFunction.INSTANTANEOUS:
            given.insert(0, self.function.value)
        return " ".join([str(self.quantity), *given])


MBUS_UNITS: Mapping[MbusQuantity, Unit] = MappingProxyType(
    {
        MbusQuantity.ENERGY: Unit.KWH,
        MbusQuantity.VOLUME: Unit.M3,
        MbusQuantity.POWER: Unit.KW,
        MbusQuantity.FLOW: Unit.M3_PER_H,
        MbusQuantity.SUPPLY_TEMP: Unit.DEG_C,
        MbusQuantity.RETURN_TEMP: Unit.DEG_C,
        MbusQuantity.EXTERNAL_TEMP: Unit.DEG_C,
        MbusQuantity.TEMP_DIFFERENCE: Unit.KELVIN,
        MbusQuantity.HUMIDITY: Unit.PERCENT,
        MbusQuantity.VOLTAGE: Unit.VOLT,
        MbusQuantity.CURRENT: Unit.AMPERE,
        MbusQuantity.FREQUENCY: Unit.HERTZ,
    }
)
"""The unit of a point of each quantity. The others are in 1: mass [kg], mass flow [kg/h], pressure
[bar], durations [s], times [s since 1970 UTC], flags as a number whose bits they are."""


def mbus_unit(quantity: MbusQuantity) -> Unit:
    """The unit of a point of a quantity."""
    return MBUS_UNITS.get(quantity, Unit.COUNT)


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttAddress:
    """A value in the messages of an MQTT topic.

    ``path`` is where it stands in the JSON of the payload (``object.temperature``, ``cells[0]``),
    or the name of a Sparkplug metric; empty: the payload itself is the value. Without ``topic`` it
    is that of the device, as its preset has it. ``time`` is the path of the moment at which it was
    measured. ``value = raw * scale + offset``.
    """

    path: str = ""
    topic: str | None = None
    time: str | None = None
    scale: float = 1.0
    offset: float = 0.0

    def __post_init__(self) -> None:
        _check_scale(self.scale, self.offset)

    def __str__(self) -> str:
        return " ".join(part for part in (self.topic, self.path) if part) or "payload"


@dataclass(frozen=True, slots=True, kw_only=True)
class SupplierAddress:
    """A quantity of a meter in the files or pushes of its supplier, who calls it ``number``.

    ``interval``: the values are amounts per interval, stamped with its start; else they are
    registers or states, stamped with their moment.
    """

    number: str
    quantity: Quantity
    interval: bool


NetworkAddress = ModbusAddress | BacnetAddress | MbusAddress | MqttAddress
Address = NetworkAddress | SupplierAddress
