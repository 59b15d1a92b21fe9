"""Device templates: the registers of a device model, one YAML file per model.

A file ``devices/<maker>_<model>.yaml`` holds::

    model: EM340                  # as on the name plate
    maker: Carlo Gavazzi
    source: >-                    # the document, and through whom it was seen
      Communication protocol EM330/EM340 ...
    tested_on_hardware: false
    notes: what in the source is not clear, and what to check at commissioning
    modbus:                       # how to poll it; a site file may say otherwise for a device
      max_registers: 50           # largest count of one read
      ranges: [{table: input, first: 0, last: 0x4F}]   # what can be read in one go
      max_gap: 16                 # elsewhere, how many registers a read may span unasked
      pause_s: 0.1                # rest of the unit between two requests [s]
      close_after_s: 1            # it serves one client only: do not keep the connection
      word_order: little          # of all registers that do not say otherwise; byte_order too
    registers:
      energy_import:              # the name that site files use (`register: energy_import`)
        table: input              # holding | input | coil | discrete
        address: 0x34             # zero-based, as on the wire
        type: int32               # int8 ... uint64 | float32 | float64 | bit
        scale: 0.1                # value = raw * scale + offset, in `unit`
        word_order: little        # big | little, by default big
        unit: kWh
        low: 0                    # plausible range in `unit`, both optional
        high: 100000000
        unverified: true          # the source is second-hand or contradicted: check it first
      power: {...}                # also: offset, byte_order, bit, mask, shift, sentinels, exponent,
                                  # model, write_function, writes_per_day, writes_lifetime
      room_temp: {object: "analog-input,1", unit: degC}     # a BACnet object instead
      heat: {mbus: energy, unit: kWh}                       # a record of an M-Bus meter instead
      heat_due: {mbus: {quantity: energy, storage: 1}, unit: kWh}
    texts:                        # what the device says of itself
      serial_number: {table: holding, address: 50, registers: 16}

Only facts with a source stand in a template.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bms.errors import ConfigError
from bms.model.assets.address import (
    BacnetAddress,
    DataType,
    MbusAddress,
    MbusFunction,
    MbusQuantity,
    ModbusAddress,
    NetworkAddress,
    Order,
    Table,
    TextAddress,
)
from bms.model.assets.device import DeviceTemplate, ModbusTraits, ReadableRange, TemplatePoint
from bms.model.readings.units import Unit
from bms.model.yaml_data import MOST_MISTAKES, read_yaml_file

DEVICES = Path(__file__).parent / "devices"
_OBJECT = r"^[a-z][a-z-]*,\d+$"
_RegisterAddress = Annotated[int, Field(ge=0, le=0xFFFF)]
_WRITE_FUNCTIONS = (None, 5, 6, 15, 16, 22)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class _Range(_Strict):
    table: Table
    first: _RegisterAddress
    last: _RegisterAddress

    @model_validator(mode="after")
    def _rising(self) -> _Range:
        if self.first > self.last:
            raise ValueError("`first` has to be at most `last`")
        return self


class _Modbus(_Strict):
    max_registers: Annotated[int, Field(ge=1, le=125)] = ModbusTraits().max_registers
    max_gap: Annotated[int, Field(ge=0, le=124)] = ModbusTraits().max_gap
    ranges: tuple[_Range, ...] = ()
    pause_s: Annotated[float, Field(ge=0, le=60)] = 0.0
    close_after_s: Annotated[float | None, Field(ge=0, le=3600)] = None
    word_order: Order = Order.BIG
    byte_order: Order = Order.BIG

    def traits(self) -> ModbusTraits:
        return ModbusTraits(
            max_registers=self.max_registers,
            ranges=tuple(ReadableRange(**given.model_dump()) for given in self.ranges),
            max_gap=self.max_gap,
            pause_s=self.pause_s,
            close_after_s=self.close_after_s,
        )


class _Text(_Strict):
    table: Table
    address: _RegisterAddress
    registers: Annotated[int, Field(ge=1, le=125)]
    byte_order: Order = Order.BIG
    model: _RegisterAddress | None = None


class _Record(_Strict):
    quantity: MbusQuantity | None = None
    function: MbusFunction = MbusFunction.INSTANTANEOUS
    storage: Annotated[int, Field(ge=0)] = 0
    tariff: Annotated[int, Field(ge=0)] = 0
    subunit: Annotated[int, Field(ge=0)] = 0
    nth: Annotated[int, Field(ge=0)] = 0
    record: Annotated[str | None, Field(pattern=r"^([0-9A-Fa-f]{2}){2,40}$")] = None
    scale: float | None = None
    offset: float | None = None

    @model_validator(mode="after")
    def _one_way(self) -> _Record:
        if (self.quantity is None) == (self.record is None):
            raise ValueError("either `quantity` or `record`")
        return self


class _Register(_Strict):
    unit: Unit
    low: float | None = None
    high: float | None = None
    unverified: bool = False
    writes_per_day: Annotated[int | None, Field(ge=1)] = None
    writes_lifetime: Annotated[int | None, Field(ge=1)] = None
    table: Table | None = None
    address: _RegisterAddress | None = None
    type: DataType = DataType.INT16
    scale: float = 1.0
    offset: float = 0.0
    word_order: Order | None = None
    byte_order: Order | None = None
    bit: Annotated[int | None, Field(ge=0, le=15)] = None
    mask: Annotated[int | None, Field(ge=1)] = None
    shift: Annotated[int, Field(ge=0, le=63)] = 0
    sentinels: tuple[int, ...] = ()
    exponent: _RegisterAddress | None = None
    model: _RegisterAddress | None = None
    write_function: int | None = None
    object: Annotated[str | None, Field(pattern=_OBJECT)] = None
    mbus: MbusQuantity | _Record | None = None

    @model_validator(mode="after")
    def _one_place(self) -> _Register:
        modbus = self.table is not None and self.address is not None
        if sum((modbus, self.object is not None, self.mbus is not None)) != 1:
            raise ValueError("one of `table` and `address`, `object`, or `mbus`")
        if self.scale == 0:
            raise ValueError("scale 0 leaves no value")
        if self.write_function not in _WRITE_FUNCTIONS:
            raise ValueError("write_function is one of 5, 6, 15, 16, 22")
        return self

    def address_with_orders(self, usual: _Modbus) -> NetworkAddress:
        if self.object is not None:
            object_type, instance = self.object.split(",")
            return BacnetAddress(object_type=object_type, instance=int(instance))
        if self.mbus is not None:
            record = self.mbus if isinstance(self.mbus, _Record) else _Record(quantity=self.mbus)
            return MbusAddress(**record.model_dump())
        given = {field.name: getattr(self, field.name) for field in fields(ModbusAddress)}
        orders = {
            "word_order": self.word_order or usual.word_order,
            "byte_order": self.byte_order or usual.byte_order,
        }
        return ModbusAddress(**{**given, **orders})


class _Template(_Strict):
    model: str
    maker: str
    source: str
    tested_on_hardware: bool
    notes: str = ""
    modbus: _Modbus = _Modbus()
    registers: dict[str, _Register] = Field(min_length=1)
    texts: dict[str, _Text] = {}


def load_templates(directory: Path = DEVICES) -> Mapping[str, DeviceTemplate]:
    """Every template by the name of its file without ``.yaml``; a template maps names to points.

    Raises ``ConfigError`` that names every mistake of every file.
    """
    templates: dict[str, DeviceTemplate] = {}
    mistakes: list[str] = []
    for path in sorted(directory.glob("*.yaml")):
        try:
            templates[path.stem] = _built(_Template.model_validate(read_yaml_file(path)))
        except ValidationError as error:
            mistakes += [
                f"{path.name}: {_where(e['loc'])}: {e['msg']}"
                for e in error.errors()[:MOST_MISTAKES]
            ]
        except ConfigError as error:
            mistakes.append(str(error))
    if mistakes:
        raise ConfigError("device templates:\n" + "\n".join(mistakes))
    return templates


def _built(template: _Template) -> DeviceTemplate:
    return DeviceTemplate(
        model=template.model,
        maker=template.maker,
        source=template.source,
        tested_on_hardware=template.tested_on_hardware,
        notes=template.notes,
        points={name: _point(name, r, template.modbus) for name, r in template.registers.items()},
        texts={name: TextAddress(**text.model_dump()) for name, text in template.texts.items()},
        traits=template.modbus.traits(),
    )


def _point(name: str, register: _Register, usual: _Modbus) -> TemplatePoint:
    return TemplatePoint(
        name=name,
        unit=register.unit,
        address=register.address_with_orders(usual),
        low=register.low,
        high=register.high,
        unverified=register.unverified,
        writes_per_day=register.writes_per_day,
        writes_lifetime=register.writes_lifetime,
    )


def _where(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location) or "file"
