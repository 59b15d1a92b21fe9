"""How far a building cools the district heating water (afkøling), by what its meter says."""

from __future__ import annotations

from datetime import datetime, timedelta

from bms.errors import NotFound
from bms.metering.cooling import (
    Cooling,
    mean_cooling,
    mean_cooling_of_energy,
    mean_cooling_of_registers,
)
from bms.model.assets.address import SupplierAddress
from bms.model.assets.equipment import HeatSourceKind, Meter
from bms.model.assets.point import Point, Role
from bms.model.assets.site import Site
from bms.model.readings.metering import Consumption, Quantity
from bms.model.readings.units import Commodity
from bms.ports.storage.readings import ReadingStore
from bms.services.consumption import HOUR, consumption, meter_named, point_use


def settled_by_cooling(site: Site) -> tuple[Meter, ...]:
    """The meters by which the supplier settles: billed ones of heat that count volume, too."""
    if site.heat_source.kind is not HeatSourceKind.DISTRICT_HEATING:
        return ()
    return tuple(
        meter
        for meter in site.meters
        if meter.billed
        and meter.commodity is Commodity.HEAT
        and site.meter_point(meter.id, Role.METER_VOLUME) is not None
    )


def cooling(
    site: Site,
    meter_id: str,
    readings: ReadingStore,
    start: datetime,
    end: datetime,
    step: timedelta = HOUR,
) -> Cooling:
    """Cooling [K] per step and over the period, weighted by the volume that flowed.

    By the registers E8 and E9 where the meter has them, else by its temperatures, both held
    against its energy where it has that; else by energy and volume alone, as bills do. Raises
    ``NotFound`` for a meter that is not there or lacks what cooling is computed from.
    """
    meter = meter_named(site, meter_id)
    volume = site.meter_point(meter.id, Role.METER_VOLUME) if isinstance(meter, Meter) else None
    if volume is None:
        raise NotFound(f"meter {meter_id!r} of {site.id} has no volume, so no cooling")

    def use(point: Point) -> Consumption:
        return point_use(site, point, readings, start, end, step)

    counted = site.meter_point(meter.id, Role.METER_ENERGY) is not None
    energy = consumption(site, meter.id, readings, start, end, step) if counted else None
    forward = _delivered(site, meter.id, Quantity.FLOW_ENERGY)
    back = _delivered(site, meter.id, Quantity.RETURN_ENERGY)
    if forward is not None and back is not None:
        return mean_cooling_of_registers(use(volume), use(forward), use(back), energy=energy)
    flow = site.meter_point(meter.id, Role.METER_FLOW_TEMP)
    returned = site.meter_point(meter.id, Role.METER_RETURN_TEMP)
    if flow is None or returned is None:
        if energy is not None:
            return mean_cooling_of_energy(use(volume), energy)
        raise NotFound(
            f"meter {meter_id!r} of {site.id} has neither its energy nor its temperatures nor E8 "
            "and E9, so no cooling"
        )
    temperatures = (readings.series(point.id, start, end, step) for point in (flow, returned))
    return mean_cooling(use(volume), *temperatures, energy=energy)


def _delivered(site: Site, meter_id: str, quantity: Quantity) -> Point | None:
    for point in site.points:
        match point.address:
            case SupplierAddress(quantity=found) if (point.meter, found) == (meter_id, quantity):
                return point
    return None
