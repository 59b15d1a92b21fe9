"""Rooms: measured temperatures against the comfort band, and what is to come."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from markupsafe import Markup

from api.pages.language import PageTranslator
from bms.model.assets.point import Point, Role
from bms.model.assets.site import Site, Zone
from bms.model.planning.grid import occupied
from bms.model.planning.plan import Plan
from bms.model.readings.series import Floats
from bms.ports.storage.readings import ReadingStore
from bms.reports.charts import ZoneCourse, band_chart
from bms.reports.text import ChartText
from bms.services.planning.problem import STEP, quarter
from bms.services.points_by_role import point_of

BACK = timedelta(hours=48)
AHEAD = timedelta(hours=24)
PAST_STEPS = int(BACK / STEP)
STEPS = int((BACK + AHEAD) / STEP)

Values = list[float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneView:
    """A zone with its chart; ``chart`` is None where there is nothing to draw."""

    id: str
    name: str
    summary: str
    temp: str | None
    temp_at: str | None
    band: str
    setpoint: str | None
    overridden: bool
    chart: Markup | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lines:
    """Quarter-hours from ``start``, 48 h back to 24 h ahead; None where nothing is known."""

    start: datetime
    temp: Values
    setpoint: Values
    standing: Values
    forecast: Values
    low: Values
    high: Values


def zone_views(
    readings: ReadingStore,
    site: Site,
    plan: Plan | None,
    overridden: Collection[str],
    now: datetime,
    t: PageTranslator,
) -> tuple[ZoneView, ...]:
    """Every zone of the site; ``overridden`` are points that people hold."""
    taken = {p.zone for p in site.points if p.role is Role.ZONE_SETPOINT and p.id in overridden}
    return tuple(
        _view(site, zone, _lines(readings, site, zone, plan, now), zone.id in taken, now, t)
        for zone in site.zones
    )


def _lines(
    readings: ReadingStore, site: Site, zone: Zone, plan: Plan | None, now: datetime
) -> _Lines:
    middle = quarter(now)
    start = middle - BACK
    in_use = occupied(zone, site, start, int(STEP.total_seconds()), STEPS)
    setpoint = point_of(site, Role.ZONE_SETPOINT, zone=zone.id)
    standing = _measured(readings, setpoint, start, middle)
    return _Lines(
        start=start,
        temp=_measured(readings, point_of(site, Role.ZONE_TEMP, zone=zone.id), start, middle),
        setpoint=_coming(standing, setpoint, plan, start),
        standing=standing,
        forecast=_forecast(plan, zone, start, middle),
        low=[zone.comfort.low_c if use else None for use in in_use],
        high=[zone.comfort.high_c if use else None for use in in_use],
    )


def _measured(
    readings: ReadingStore, point: Point | None, start: datetime, end: datetime
) -> Values:
    """Means of the past; nothing for what is to come."""
    values: Values = [None] * STEPS
    if point is not None:
        # the reading that is taken right now belongs to the step that starts now
        known = readings.series(point.id, start, end + STEP, STEP).values
        values[: len(known)] = _plain(known)
    return values


def _plain(values: Floats) -> Values:
    return [None if math.isnan(value) else value for value in values.tolist()]


def _coming(standing: Values, point: Point | None, plan: Plan | None, start: datetime) -> Values:
    """What stood in the past, and what the plan says from now on."""
    values: Values = [*standing[:PAST_STEPS], *[None] * (STEPS - PAST_STEPS)]
    if point is None or plan is None:
        return values
    row = next((r for r in plan.schedule.setpoints if r.point == point.id), None)
    if row is not None:
        for i in range(PAST_STEPS, STEPS):
            values[i] = row.value_at(start + STEP * i)
    return values


def _forecast(plan: Plan | None, zone: Zone, start: datetime, middle: datetime) -> Values:
    values: Values = [None] * STEPS
    if plan is None:
        return values
    answer = plan.schedule
    row = next((r for r in answer.forecast if r.zone == zone.id), None)
    for i, value in enumerate(row.temp_c if row else ()):
        at = answer.start + timedelta(seconds=answer.step_s) * i
        index = (at - start) // STEP
        if at >= middle and 0 <= index < STEPS:
            values[index] = value
    return values


def _view(
    site: Site, zone: Zone, lines: _Lines, overridden: bool, now: datetime, t: PageTranslator
) -> ZoneView:
    seen = any(value is not None for value in (*lines.temp, *lines.forecast))
    last = next((i for i in reversed(range(STEPS)) if lines.temp[i] is not None), None)
    setpoint = next((v for v in reversed(lines.standing) if v is not None), None)
    shown = ZoneView(
        id=zone.id,
        name=zone.name,
        summary=t("zone_no_data", zone=zone.name),
        temp=None if last is None else t.number(lines.temp[last], 1),
        temp_at=None if last is None else t.soon(lines.start + STEP * last, now),
        band=t("range", low=zone.comfort.low_c, high=zone.comfort.high_c),
        setpoint=None if setpoint is None else t.number(setpoint, 1),
        overridden=overridden,
        chart=None,
    )
    if not seen:
        return shown
    summary = _summary(shown, t)
    return replace(shown, summary=summary, chart=_chart(zone, lines, summary, now, t))


def _summary(zone: ZoneView, t: PageTranslator) -> str:
    """What the chart shows, for those who do not see it."""
    return t(
        "zone_about",
        zone=zone.name,
        latest=t("zone_no_latest")
        if zone.temp is None
        else t("zone_latest", temp=zone.temp, time=zone.temp_at),
        band=zone.band,
        next=t("zone_no_next") if zone.setpoint is None else t("zone_next", value=zone.setpoint),
    )


def _chart(zone: Zone, lines: _Lines, summary: str, now: datetime, t: PageTranslator) -> Markup:
    course = ZoneCourse(
        times=[lines.start + STEP * i for i in range(STEPS)],
        temp=lines.temp,
        low=lines.low,
        high=lines.high,
        setpoint=lines.setpoint,
        forecast=lines.forecast,
    )
    text = ChartText(title=t("zone_title", zone=zone.name), description=summary, translator=t)
    drawn = band_chart(course, text, now)
    return Markup(drawn)  # noqa: S704 - our own SVG, its words are escaped
