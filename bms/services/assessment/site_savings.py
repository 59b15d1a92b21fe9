"""Savings of a site: its meters against their weather-adjusted baseline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from bms.metering.bills import BilledUse, per_m3_of_bills
from bms.metering.cooling import kwh_per_m3_between
from bms.model.assets.equipment import HeatSourceKind, Meter
from bms.model.assets.point import Point, Role
from bms.model.assets.site import Site
from bms.model.readings.series import Series
from bms.model.readings.units import Commodity
from bms.model.savings.avoided_use import FrozenBaseline, Savings, SiteSavings, Span
from bms.model.savings.event import NonRoutineEvent
from bms.model.savings.objection import ObjectionKind, Verdict
from bms.ports.feeds import Feed, Tariffs
from bms.ports.storage.ledgers import LedgerStore
from bms.ports.storage.readings import ReadingStore
from bms.savings.claims.adjusted_savings import (
    WaitingCode,
    limited,
    with_adjustment,
    with_adjustments_of,
)
from bms.savings.claims.adjustment import adjust
from bms.savings.claims.aggregate import combine_meters
from bms.savings.claims.assessment import AssessmentPeriods, AssessmentSettings
from bms.savings.claims.billing_savings import assess_bills
from bms.savings.claims.meter_savings import assess_meter, baseline_alone
from bms.savings.portfolio.primary_energy import Factors, primary_factors
from bms.services.assessment.energy_value import EnergyValue, energy_value
from bms.services.assessment.own_power import panels_of, with_own_power
from bms.services.assessment.seldom_read import seldom_read_at, seldom_read_use
from bms.services.consumption import consumption, point_use
from bms.services.periods import Periods

HOUR = timedelta(hours=1)


def meter_use(
    site: Site,
    meter: Meter,
    readings: ReadingStore,
    start: datetime,
    end: datetime,
    *,
    exported: bool = False,
) -> Series | None:
    """Hourly use of a meter [kWh], its multiplier applied, daily readings spread over the hours;
    None when the site names no energy point for it. Gas that is measured by volume is energy by its
    calorific value, and unknown before the first one. Electricity is that of the building where
    meters tell what its panels gave: import less export and with production, both none before their
    first reading. ``exported``: hours in which a meter of import shows amounts below zero have
    these in place of a use that nobody knows, for savings to tell of; they are missing
    otherwise."""
    gas = bool(meter.calorific_value) and meter.commodity is Commodity.GAS
    if site.meter_point(meter.id, Role.METER_ENERGY) is None:
        if not gas or site.meter_point(meter.id, Role.METER_VOLUME) is None:
            return None
        volume = consumption(site, meter, readings, start, end, HOUR, spread=True).use
        return _gas_energy(volume, site, meter)
    use = consumption(site, meter, readings, start, end, HOUR, spread=True, exported=exported).use
    return with_own_power(use, site, meter, readings)


def _gas_energy(volume: Series, site: Site, meter: Meter) -> Series:
    """Energy [kWh] of hourly volumes [m3] by the calorific value that holds on each local day."""
    zone = ZoneInfo(site.timezone)
    starts = [
        (datetime.combine(day, time(), tzinfo=zone) - volume.start) / volume.step
        for day, _ in meter.calorific_value
    ]
    at = np.searchsorted(starts, np.arange(len(volume)), side="right") - 1
    values = np.array([*(value for _, value in meter.calorific_value), np.nan])
    return Series(volume.start, volume.step, volume.values * values[at])


def outdoor_temperature(site: Site, feed: Feed, start: datetime, end: datetime) -> Series:
    """Hourly outdoor air temperature [degC] as observed."""
    weather = feed.weather(site.latitude, site.longitude, start=start, end=end, now=end)
    return weather.temp_out_c.series


def assess_site(
    site: Site,
    *,
    readings: ReadingStore,
    ledgers: LedgerStore,
    feed: Feed,
    periods: Periods,
    tariffs: Tariffs | None = None,
    factors: Factors | None = None,
) -> SiteSavings:
    """Avoided energy use of the billed meters of a site, each and together.

    Readings of the whole project are looked at, so that a part of it is told alike whoever asks.
    With ``tariffs`` the saving is valued at the mean price and emission factor of the period. What
    people decided about non-routine events (``LedgerStore.events``) is adjusted for, and the saving
    without that stands beside it.
    """
    start, end = periods.whole.start, periods.whole.end
    weather = feed.weather(site.latitude, site.longitude, start=start, end=end, now=end)
    temperature, sun = weather.temp_out_c.series, weather.ghi_wm2.series
    asked = AssessmentPeriods(
        baseline=periods.baseline,
        reporting=periods.reporting,
        timezone=site.timezone,
        project=periods.project,
    )
    parts: list[Savings] = []
    for meter in site.meters:
        if not meter.billed:
            continue
        found = _meter_savings(site, meter, readings, temperature, sun, asked)
        if found is not None:
            parts.append(found)
    value = (
        EnergyValue()
        if tariffs is None
        else energy_value(site, periods.reporting, feed=feed, tariffs=tariffs)
    )
    if factors is not None:
        value = replace(value, primary=primary_factors(parts, factors))
    return _site_savings(site, parts, ledgers.events(site.id), value)


def _meter_savings(
    site: Site,
    meter: Meter,
    readings: ReadingStore,
    temperature: Series,
    sun: Series,
    periods: AssessmentPeriods,
) -> Savings | None:
    """The saving of a meter with readings of the whole project, from its bills where it is read by
    the month; None without energy."""
    start = min(periods.baseline.start, periods.whole.start)
    end = max(periods.baseline.end, periods.whole.end)
    name = f"{site.id}/{meter.id}"
    settings = _settings(site)
    billed = seldom_read_use(site, meter, readings, start, end)
    if billed is not None:
        settings = replace(settings, kwh_per_m3=_billed_per_m3(site, meter, readings, billed))
        return assess_bills(
            billed,
            temperature,
            meter_id=name,
            commodity=meter.commodity,
            periods=periods,
            settings=settings,
        )
    use = meter_use(site, meter, readings, start, end, exported=True)
    if use is None:
        return None
    return assess_meter(
        use,
        temperature,
        meter_id=name,
        commodity=meter.commodity,
        periods=periods,
        settings=replace(
            settings,
            panels=panels_of(site, meter, readings, start, end),
            irradiance=sun,
            kwh_per_m3=_per_m3(site, meter, readings, use, periods),
        ),
    )


def _per_m3(
    site: Site, meter: Meter, readings: ReadingStore, use: Series, periods: AssessmentPeriods
) -> tuple[float | None, ...]:
    """Energy over the volume of the same hours in each period [kWh/m3]; empty for a meter without
    both, and of any heat but district heating."""
    point = _heat_volume(site, meter)
    if point is None:
        return ()
    volume = point_use(site, point, readings, use.start, use.end, use.step, spread=True).use
    spans = ((each.start, each.end) for each in (periods.baseline, periods.reporting))
    return kwh_per_m3_between(use, volume, spans)


def _billed_per_m3(
    site: Site, meter: Meter, readings: ReadingStore, billed: BilledUse
) -> tuple[float | None, ...]:
    """As ``_per_m3``, of all bills."""
    point = _heat_volume(site, meter)
    if point is None or len(billed.edges_s) < 2:
        return ()
    start, end = (datetime.fromtimestamp(int(each), UTC) for each in billed.edges_s[[0, -1]])
    volume = seldom_read_at(site, meter, point, readings, start, end)
    return () if volume is None else (per_m3_of_bills(billed, volume),)


def _heat_volume(site: Site, meter: Meter) -> Point | None:
    """The volume of a meter of district heating that has energy, too."""
    district = site.heat_source.kind is HeatSourceKind.DISTRICT_HEATING
    if meter.commodity is not Commodity.HEAT or not district:
        return None
    counted = site.meter_point(meter.id, Role.METER_ENERGY) is not None
    return site.meter_point(meter.id, Role.METER_VOLUME) if counted else None


def site_baselines(
    site: Site,
    meters: Sequence[Meter],
    *,
    readings: ReadingStore,
    feed: Feed,
    period: Span,
) -> tuple[FrozenBaseline, ...]:
    """The baselines of ``meters`` in ``period``, to be frozen before there is anything to compare
    them with; those of too few days are left out. Raises ``FeedError``."""
    temperature = outdoor_temperature(site, feed, period.start, period.end)
    found: list[FrozenBaseline] = []
    for meter in meters:
        use = meter_use(site, meter, readings, period.start, period.end, exported=True)
        if use is None:
            continue
        baseline = baseline_alone(
            use,
            temperature,
            meter_id=f"{site.id}/{meter.id}",
            commodity=meter.commodity,
            period=period,
            timezone=site.timezone,
            settings=_settings(site),
        )
        found += [baseline] if baseline is not None else []
    return tuple(found)


def _settings(site: Site) -> AssessmentSettings:
    return AssessmentSettings(closed=site.closed, building_use=site.use)


def _site_savings(
    site: Site, parts: Sequence[Savings], entries: Sequence[NonRoutineEvent], value: EnergyValue
) -> SiteSavings:
    """The sum of the meters with what people decided about their non-routine events."""
    adjusted = [with_adjustment(part, entries) for part in parts]
    total, without = (
        combine_meters(
            site.id, meters, prices=value.prices, factors=value.factors, primary=value.primary
        )
        for meters in (adjusted, parts)
    )
    waiting = [
        (meter.meter_id, meter.adjusted_baseline_kwh)
        for meter in adjusted
        if any(
            each.kind is ObjectionKind.EVENT and each.ceiling is not Verdict.VERIFIED
            for each in adjust(meter, entries).reasons
        )
    ]
    return limited(with_adjustments_of(total, without), WaitingCode.OPEN_EVENTS, waiting)
