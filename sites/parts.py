"""A site file whose parts have the right shape, before they are put together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from bms.model.assets.address import BacnetAddress, DataType, ModbusAddress, NetworkAddress, Table
from bms.model.assets.device import TemplatePoint
from sites.schema.shapes import Record

Templates = Mapping[str, Mapping[str, TemplatePoint]]
NO_TEMPLATES: Templates = MappingProxyType({})

USUAL_PORTS = MappingProxyType({"bacnet": 47808, "modbus": 502})

_BIT_TABLES = (Table.COIL, Table.DISCRETE)


@dataclass(frozen=True, slots=True)
class Draft:
    """The checked records of one site. Parts that were wrong are missing from them."""

    site: Record
    points: tuple[Record, ...]
    templates: Templates
    _by_id: dict[str, dict[str, Record]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def parts(self, name: str) -> tuple[Record, ...]:
        """The records under a key that holds a list."""
        return self.site.get(name) or ()

    def named(self, name: str) -> dict[str, Record]:
        """The records under a key that holds a list, by their ids; the first one counts."""
        if name not in self._by_id:
            found = self._by_id[name] = {}
            for part in self.parts(name):
                if part.get("id"):
                    found.setdefault(part["id"], part)
        return self._by_id[name]

    def timetables(self) -> dict[str, Record]:
        return self.site.get("timetables") or {}

    def device_of(self, point: Record) -> Record | None:
        return self.named("devices").get(point.get("device") or "")

    def template_point(self, point: Record) -> TemplatePoint | None:
        """The register of the device's template that the point names."""
        device = self.device_of(point)
        name = device.get("template") if device else None
        return self.templates.get(name or "", {}).get(point.get("register") or "")

    def address(self, point: Record) -> NetworkAddress | None:
        """Where the point lies on its device, as far as that is known."""
        bacnet: BacnetAddress | None = point.get("bacnet")
        if bacnet is not None:
            return bacnet
        if point.get("modbus") is not None:
            return modbus_address(point["modbus"])
        found = self.template_point(point)
        return found.address if found else None


def modbus_address(record: Record) -> ModbusAddress | None:
    """A Modbus address; None where its table or number was wrong. Coils hold bits by nature."""
    values: dict[str, Any] = dict(record.values)
    if values.get("table") is None or values.get("address") is None:
        return None
    usual = DataType.BIT if values["table"] in _BIT_TABLES else DataType.INT16
    values.setdefault("type", usual)
    return ModbusAddress(**values)
