"""Device templates: what a model's registers mean, one YAML file per model.

A file ``devices/<maker>_<model>.yaml`` holds::

    model: EM340                  # as on the name plate
    maker: Carlo Gavazzi
    source: >-                    # the document, and what in it was not clear
      Communication protocol EM330/EM340 ...
    tested_on_hardware: false
    registers:
      energy_import:              # the name that site files use (`register: energy_import`)
        table: input              # holding | input | coil | discrete
        address: 0x34             # zero-based, as on the wire
        type: int32               # int16 ... uint64 | float32 | float64 | bit
        scale: 0.1                # value = raw * scale + offset, in `unit`
        word_order: little        # big | little, by default big
        unit: kWh
        low: 0                    # plausible range in `unit`, both optional
        high: 100000000
      power: {...}                # also: offset, byte_order, bit, sentinels: [raw, ...]
      room_temp: {object: "analog-input,1", unit: degC}     # a BACnet object instead

Only facts with a source stand in a template.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from bms.errors import ConfigError
from bms.model.site import (
    Address,
    BacnetAddress,
    DataType,
    ModbusAddress,
    Order,
    Table,
    TemplatePoint,
)
from bms.model.units import Unit

DEVICES = Path(__file__).parent / "devices"
_OBJECT = r"^[a-z][a-z-]*,\d+$"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class _Register(_Strict):
    unit: Unit
    low: float | None = None
    high: float | None = None
    table: Table | None = None
    address: Annotated[int | None, Field(ge=0, le=0xFFFF)] = None
    type: DataType = DataType.INT16
    scale: float = 1.0
    offset: float = 0.0
    word_order: Order = Order.BIG
    byte_order: Order = Order.BIG
    bit: Annotated[int | None, Field(ge=0, le=15)] = None
    sentinels: tuple[int, ...] = ()
    object: Annotated[str | None, Field(pattern=_OBJECT)] = None

    @model_validator(mode="after")
    def _one_place(self) -> _Register:
        modbus = self.table is not None and self.address is not None
        if modbus == (self.object is not None):
            raise ValueError("either `table` and `address`, or `object`")
        if self.scale == 0:
            raise ValueError("scale 0 leaves no value")
        return self

    def place(self) -> Address:
        if self.object is not None:
            object_type, instance = self.object.split(",")
            return BacnetAddress(object_type=object_type, instance=int(instance))
        assert self.table is not None
        assert self.address is not None
        return ModbusAddress(
            table=self.table,
            address=self.address,
            type=self.type,
            scale=self.scale,
            offset=self.offset,
            word_order=self.word_order,
            byte_order=self.byte_order,
            bit=self.bit,
            sentinels=self.sentinels,
        )


class _Template(_Strict):
    model: str
    maker: str
    source: str
    tested_on_hardware: bool
    notes: str = ""
    registers: dict[str, _Register] = Field(min_length=1)


def load_templates(directory: Path = DEVICES) -> Mapping[str, Mapping[str, TemplatePoint]]:
    """Points by name of every template, by the name of its file without ``.yaml``.

    Raises ``ConfigError`` that names every mistake of every file.
    """
    templates: dict[str, Mapping[str, TemplatePoint]] = {}
    mistakes: list[str] = []
    for path in sorted(directory.glob("*.yaml")):
        try:
            templates[path.stem] = _points(_Template.model_validate(_yaml(path)))
        except ValidationError as error:
            mistakes += [f"{path.name}: {_where(e['loc'])}: {e['msg']}" for e in error.errors()]
        except (YAMLError, OSError, UnicodeDecodeError) as error:
            mistakes.append(f"{path.name}: {error}")
    if mistakes:
        raise ConfigError("device templates:\n" + "\n".join(mistakes))
    return templates


def _yaml(path: Path) -> Any:
    return YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))


def _points(template: _Template) -> dict[str, TemplatePoint]:
    return {
        name: TemplatePoint(
            name=name,
            unit=register.unit,
            address=register.place(),
            low=register.low,
            high=register.high,
        )
        for name, register in template.registers.items()
    }


def _where(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location) or "file"
