"""Savings of a site: its meters against their weather-adjusted baseline."""

from __future__ import annotations

from datetime import datetime, timedelta

from bms.model.savings import Savings, SiteSavings, Span
from bms.model.series import Series
from bms.model.site import Meter, Role, Site
from bms.ports import Feed, Store, Tariffs
from bms.savings.assess import assess_meter
from bms.savings.combine import combine
from bms.services.consumption import consumption
from bms.services.value import Worth, worth

HOUR = timedelta(hours=1)


def meter_use(
    site: Site, meter: Meter, store: Store, start: datetime, end: datetime
) -> Series | None:
    """Hourly use of a meter [kWh], its multiplier applied; None when the site names no energy
    point for it."""
    if site.meter_point(meter.id, Role.METER_ENERGY) is None:
        return None
    return consumption(site, meter, store, start, end, HOUR).use


def outdoor_temperature(site: Site, feed: Feed, start: datetime, end: datetime) -> Series:
    """Hourly outdoor air temperature [degC] as observed."""
    weather = feed.weather(site.latitude, site.longitude, start=start, end=end, now=end)
    return weather.temp_out_c.series


def assess_site(
    site: Site,
    *,
    store: Store,
    feed: Feed,
    baseline: Span,
    reporting: Span,
    tariffs: Tariffs | None = None,
) -> SiteSavings:
    """Avoided energy use of the billed meters of a site, each and together.

    With ``tariffs`` the saving is valued at the mean price and emission factor of the period.
    """
    start = min(baseline.start, reporting.start)
    end = max(baseline.end, reporting.end)
    temperature = outdoor_temperature(site, feed, start, end)
    parts: list[Savings] = []
    for meter in site.meters:
        if not meter.billed:
            continue
        use = meter_use(site, meter, store, start, end)
        if use is None:
            continue
        parts.append(
            assess_meter(
                use,
                temperature,
                meter_id=f"{site.id}/{meter.id}",
                commodity=meter.commodity,
                baseline=baseline,
                reporting=reporting,
                timezone=site.timezone,
                closed=site.closed,
            )
        )
    value = Worth() if tariffs is None else worth(site, reporting, feed=feed, tariffs=tariffs)
    return combine(site.id, parts, prices=value.prices, factors=value.factors)
