"""One site file after its schema was checked, before the rules between its sections are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from bms.model.assets.address import (
    BacnetAddress,
    DataType,
    MbusAddress,
    ModbusAddress,
    MqttAddress,
    NetworkAddress,
    Table,
)
from bms.model.assets.device import TemplatePoint
from sites.schema.sections import Section

Templates = Mapping[str, Mapping[str, TemplatePoint]]
NO_TEMPLATES: Templates = MappingProxyType({})

_BIT_TABLES = (Table.COIL, Table.DISCRETE)


@dataclass(frozen=True, slots=True)
class ParsedSite:
    """The sections of one site file. Values that the schema refused are missing from them."""

    site: Section
    points: tuple[Section, ...]
    templates: Templates
    _by_id: dict[str, dict[str, Section]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    _addresses: dict[Section, NetworkAddress | None] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def sections(self, name: str) -> tuple[Section, ...]:
        """The sections under a key that holds a list."""
        return self.site.get(name) or ()

    def by_id(self, name: str) -> dict[str, Section]:
        """The sections under a key that holds a list, by id; of equal ids the first section."""
        if name not in self._by_id:
            found = self._by_id[name] = {}
            for part in self.sections(name):
                if part.get("id"):
                    found.setdefault(part["id"], part)
        return self._by_id[name]

    def timetables(self) -> dict[str, Section]:
        """The timetables by name."""
        return self.site.get("timetables") or {}

    def device_of(self, point: Section) -> Section | None:
        """The device that the point names; None where there is none of that id."""
        return self.by_id("devices").get(point.get("device") or "")

    def template_point(self, point: Section) -> TemplatePoint | None:
        """The register of the device's template that the point names; None where it is unknown."""
        device = self.device_of(point)
        name = device.get("template") if device else None
        return self.templates.get(name or "", {}).get(point.get("register") or "")

    def address(self, point: Section) -> NetworkAddress | None:
        """The address of the point on its device; None where it is missing or wrong."""
        if point not in self._addresses:
            self._addresses[point] = self._address(point)
        return self._addresses[point]

    def _address(self, point: Section) -> NetworkAddress | None:
        bacnet: BacnetAddress | None = point.get("bacnet")
        if bacnet is not None:
            return _stated(bacnet, point)
        if point.get("modbus") is not None:
            return modbus_address(point["modbus"])
        if point.get("mbus") is not None:
            return mbus_address(point["mbus"])
        if point.get("mqtt") is not None:
            return MqttAddress(**point["mqtt"].values)
        found = self.template_point(point)
        if found is None or not isinstance(found.address, BacnetAddress):
            return found.address if found else None
        return _stated(found.address, point)


def _stated(address: BacnetAddress, point: Section) -> BacnetAddress:
    """The address with what the site file states of the object's number."""
    stated = {"scale": "scale", "offset": "offset", "unit": "device_unit"}
    given = {name: v for name, key in stated.items() if (v := point.get(key)) is not None}
    return replace(address, **given) if given else address


def modbus_address(section: Section) -> ModbusAddress | None:
    """A Modbus address; None where its table or number was wrong.

    The type is a bit in the tables of coils and discrete inputs, else int16 where none is given.
    """
    values: dict[str, Any] = dict(section.values)
    if values.get("table") is None or values.get("address") is None:
        return None
    usual = DataType.BIT if values["table"] in _BIT_TABLES else DataType.INT16
    values.setdefault("type", usual)
    return ModbusAddress(**values)


def mbus_address(section: Section) -> MbusAddress | None:
    """An M-Bus record; None where it is not told by either its quantity or its octets."""
    given = [name for name in ("quantity", "record") if section.get(name) is not None]
    return MbusAddress(**section.values) if len(given) == 1 else None


def said_of(point: Section) -> tuple[str, ...]:
    """What the site file calls a point beside its id: its name at the building, and its register in
    the template of the device."""
    return tuple(str(point.get(key)) for key in ("name", "register") if point.get(key))
