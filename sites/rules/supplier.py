"""Meters whose values come from their supplier, and meters that nobody installed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from bms.model.assets.address import SupplierAddress
from bms.model.assets.equipment import Meter, VirtualMeter
from bms.model.assets.point import Point, Role
from bms.model.readings.metering import MeterExchange, Quantity
from bms.model.readings.units import Commodity, Unit
from sites.schema.shapes import Record


class Offer(NamedTuple):
    """What a point that holds a supplier's quantity means, and its unit."""

    role: Role
    unit: Unit


OFFERS: Mapping[Quantity, Offer] = MappingProxyType(
    {
        Quantity.ENERGY: Offer(Role.METER_ENERGY, Unit.KWH),
        Quantity.VOLUME: Offer(Role.METER_VOLUME, Unit.M3),
        Quantity.POWER: Offer(Role.METER_POWER, Unit.KW),
        Quantity.FLOW: Offer(Role.OTHER, Unit.M3_PER_H),
        Quantity.FLOW_TEMP: Offer(Role.METER_FLOW_TEMP, Unit.DEG_C),
        Quantity.RETURN_TEMP: Offer(Role.METER_RETURN_TEMP, Unit.DEG_C),
        Quantity.FLOW_ENERGY: Offer(Role.OTHER, Unit.M3_DEG_C),
        Quantity.RETURN_ENERGY: Offer(Role.OTHER, Unit.M3_DEG_C),
    }
)
#: Amounts per interval where the supplier gives such; the others are states.
AMOUNTS = (Quantity.ENERGY, Quantity.VOLUME, Quantity.FLOW_ENERGY, Quantity.RETURN_ENERGY)
_BY_VOLUME = (Commodity.WATER, Commodity.GAS)


def quantities(meter: Record) -> tuple[Quantity, ...]:
    """What is kept of the supplier's values of a meter: what it says, else what it measures."""
    supplier = meter.get("supplier")
    if supplier is None:
        return ()
    if not supplier.lacks("quantities"):
        return tuple(supplier.get("quantities") or ())
    by_volume = meter.get("commodity") in _BY_VOLUME
    return (Quantity.VOLUME if by_volume else Quantity.ENERGY,)


def supplier_points(site: str, meter: Record) -> tuple[Point, ...]:
    """A point ``site/<meter>.<quantity>`` for each quantity of a meter, without a device."""
    supplier = meter.get("supplier")
    return tuple(
        Point(
            id=f"{site}/{meter['id']}.{quantity}",
            site=site,
            device="",
            role=OFFERS[quantity].role,
            unit=OFFERS[quantity].unit,
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


def meter_of(record: Record) -> Meter:
    """The meter of a checked record."""
    values = dict(record.values)
    supplier, exchanges = values.pop("supplier", None), values.pop("exchanges")
    return Meter(
        **{**values, "billed": record["billed"] == "true"},
        number=supplier["number"] if supplier is not None else None,
        exchanges=tuple(MeterExchange(**exchange.values) for exchange in exchanges),
    )


def virtual_meter(record: Record, zones: Iterable[Record], area_m2: float) -> VirtualMeter:
    """The virtual meter of a checked record.

    A share is the area of its zones in that of the site (or of all zones, where that is more), so
    that the parts of a building that no zone names keep their own share.
    """
    if record.get("share_of"):
        areas = {zone["id"]: zone["area_m2"] for zone in zones}
        share = sum(areas[name] for name in set(record["zones"]))
        whole = max(area_m2, sum(areas.values()))
        terms: tuple[tuple[str, float], ...] = ((record["share_of"], share / whole),)
    else:
        terms = (
            *((name, 1.0) for name in record["sum"]),
            *((name, -1.0) for name in record["minus"]),
        )
    return VirtualMeter(id=record["id"], commodity=record["commodity"], terms=terms)
