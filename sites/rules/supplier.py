"""Meters and points of values that a supplier delivers, and virtual meters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from bms.model.assets.address import SupplierAddress
from bms.model.assets.equipment import Meter, MeterDirection, VirtualMeter
from bms.model.assets.point import Point, Role
from bms.model.readings.metering import MeterExchange, Quantity
from bms.model.readings.units import Commodity, Unit
from sites.schema.sections import Section


class SuppliedQuantity(NamedTuple):
    """Role and unit of the point that holds a quantity of a supplier."""

    role: Role
    unit: Unit


SUPPLIED: Mapping[Quantity, SuppliedQuantity] = MappingProxyType(
    {
        Quantity.ENERGY: SuppliedQuantity(Role.METER_ENERGY, Unit.KWH),
        Quantity.EXPORT: SuppliedQuantity(Role.METER_ENERGY, Unit.KWH),
        Quantity.VOLUME: SuppliedQuantity(Role.METER_VOLUME, Unit.M3),
        Quantity.POWER: SuppliedQuantity(Role.METER_POWER, Unit.KW),
        Quantity.FLOW: SuppliedQuantity(Role.OTHER, Unit.M3_PER_H),
        Quantity.FLOW_TEMP: SuppliedQuantity(Role.METER_FLOW_TEMP, Unit.DEG_C),
        Quantity.RETURN_TEMP: SuppliedQuantity(Role.METER_RETURN_TEMP, Unit.DEG_C),
        Quantity.FLOW_ENERGY: SuppliedQuantity(Role.OTHER, Unit.M3_DEG_C),
        Quantity.RETURN_ENERGY: SuppliedQuantity(Role.OTHER, Unit.M3_DEG_C),
    }
)
#: Amounts per interval where the supplier gives such; the others are states.
AMOUNTS = (
    *(Quantity.ENERGY, Quantity.EXPORT, Quantity.VOLUME),
    *(Quantity.FLOW_ENERGY, Quantity.RETURN_ENERGY),
)
_BY_VOLUME = (Commodity.WATER, Commodity.GAS)


def quantities(meter: Section) -> tuple[Quantity, ...]:
    """The quantities that are kept of a supplier's values of a meter.

    Those that the section names; else volume for water and gas, export for what leaves or is
    produced, and energy for the rest.
    """
    supplier = meter.get("supplier")
    if supplier is None:
        return ()
    if not supplier.lacks("quantities"):
        return tuple(supplier.get("quantities") or ())
    if not counts_use(meter):
        return (Quantity.EXPORT,)
    by_volume = meter.get("commodity") in _BY_VOLUME
    return (Quantity.VOLUME if by_volume else Quantity.ENERGY,)


def counts_use(meter: Section) -> bool:
    """Whether a meter counts what a building takes, and not what leaves it or is produced."""
    direction = meter.get("direction")
    return direction is None or MeterDirection(direction).is_use


def supplier_points(site: str, meter: Section) -> tuple[Point, ...]:
    """A point ``site/<meter>.<quantity>`` for each quantity of a meter, without a device."""
    supplier = meter.get("supplier")
    return tuple(
        Point(
            id=f"{site}/{meter['id']}.{quantity}",
            site=site,
            device="",
            role=SUPPLIED[quantity].role,
            unit=SUPPLIED[quantity].unit,
            address=SupplierAddress(
                number=supplier["number"],
                quantity=quantity,
                interval=supplier["interval"] == "true" and quantity in AMOUNTS,
            ),
            meter=meter["id"],
            interval_s=supplier["interval_s"],
        )
        for quantity in quantities(meter)
    )


def build_meter(section: Section) -> Meter:
    """The meter of a checked section."""
    values = dict(section.values)
    supplier, exchanges = values.pop("supplier", None), values.pop("exchanges")
    calorific = values.pop("calorific_value")
    return Meter(
        calorific_value=tuple((each["from"], each["kwh_per_m3"]) for each in calorific),
        **{**values, "billed": section["billed"] == "true" and counts_use(section)},
        number=supplier["number"] if supplier is not None else None,
        exchanges=tuple(MeterExchange(**exchange.values) for exchange in exchanges),
    )


def build_virtual_meter(section: Section, zones: Iterable[Section], area_m2: float) -> VirtualMeter:
    """The virtual meter of a checked section.

    A share is the area of its zones in that of the site (or of all zones, where that is more), so
    that the parts of a building that no zone names keep their own share.
    """
    if section.get("share_of"):
        areas = {zone["id"]: zone["area_m2"] for zone in zones}
        share = sum(areas[name] for name in set(section["zones"]))
        whole = max(area_m2, sum(areas.values()))
        terms: tuple[tuple[str, float], ...] = ((section["share_of"], share / whole),)
    else:
        terms = (
            *((name, 1.0) for name in section["sum"]),
            *((name, -1.0) for name in section["minus"]),
        )
    return VirtualMeter(id=section["id"], commodity=section["commodity"], terms=terms)
