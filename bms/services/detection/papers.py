"""What the papers of a building say to the rules: hours of use, closed days, prices, tariff."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from bms.faults.observations import FaultContext
from bms.model.assets.equipment import Meter, Ventilation
from bms.model.assets.site import Site
from bms.model.readings.units import Commodity
from bms.model.savings.avoided_use import Span
from bms.ports.feeds import Feed, Tariffs
from bms.services.assessment.energy_value import energy_value
from bms.services.periods import local_date

TUESDAY = datetime(2025, 11, 4, tzinfo=UTC)
"""A day of use like any other, in no holiday."""
NIGHT_MIN = 3 * 60


def fault_context(
    site: Site, start: datetime, end: datetime, *, feed: Feed, tariffs: Tariffs
) -> FaultContext:
    """The context of a site over a period; prices that nobody knows are None."""
    value = energy_value(site, Span(start=start, end=end), feed=feed, tariffs=tariffs)
    first, last = (local_date(moment, site.timezone) for moment in (start, end))
    closed = frozenset(
        (day - datetime(1970, 1, 1, tzinfo=UTC).date()).days
        for day in (first + timedelta(days=n) for n in range((last - first).days + 1))
        if site.closed(day)
    )
    used = _minutes_of_use(site)
    return FaultContext(
        timezone=site.timezone,
        heat_dkk_kwh=_price(site, value.prices, Commodity.HEAT),
        electricity_dkk_kwh=_price(site, value.prices, Commodity.ELECTRICITY),
        cooling=tariffs.cooling_rule(site.heat_tariff, last),
        closed=closed,
        opens_min=min(used, default=7 * 60),
        closes_min=max(used, default=17 * 60) + 15,
        always_in_use=NIGHT_MIN in used,
        closed_weekdays=frozenset(day for day in range(7) if not _used_on(site, day)),
        area_m2=site.area_m2,
        latitude=site.latitude,
    )


def of_ventilation(context: FaultContext, unit: Ventilation) -> FaultContext:
    """The context of a ventilation unit: its design beside that of the building."""
    known = {name: getattr(context, name) for name in context.__dataclass_fields__}
    known |= {"fan_kw": unit.fan_kw, "air_m3_h": unit.flow_m3_h, "recovery": unit.recovery or None}
    return FaultContext(**known)


def _price(site: Site, prices: dict[str, float], commodity: Commodity) -> float | None:
    def of(meter: Meter) -> float | None:
        return prices.get(f"{site.id}/{meter.id}") if meter.commodity is commodity else None

    return next((price for price in map(of, site.meters) if price is not None), None)


def _used_on(site: Site, weekday: int) -> bool:
    """Whether any zone is in use on a day of the week, at a quarter of an hour of it."""
    zone = ZoneInfo(site.timezone)
    first = (TUESDAY + timedelta(days=weekday - 1)).astimezone(zone).replace(hour=0, minute=0)
    return any(
        each.occupancy.value_at(first + timedelta(minutes=minute)) > 0.5
        for each in site.zones
        for minute in range(0, 24 * 60, 15)
    )


def _minutes_of_use(site: Site) -> set[int]:
    """Minutes of a Tuesday, by quarters, at which any zone is in use."""
    zone = ZoneInfo(site.timezone)
    day = TUESDAY.astimezone(zone).replace(hour=0, minute=0)
    quarters = range(0, 24 * 60, 15)
    return {
        minute
        for minute in quarters
        for each in site.zones
        if each.occupancy.value_at(day + timedelta(minutes=minute)) > 0.5
    }
