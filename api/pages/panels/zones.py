"""Rooms: measured temperatures against the comfort band, and what is to come."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from api.pages.language import PageTranslator
from api.pages.panels.figure import ChartFigure, drawn
from bms.model.access.actor import Actor
from bms.model.assets.point import Point, Privacy, Role
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
PER_ROW = 4
"""Steps of a row of the table [1]: an hour."""
FRESH = timedelta(hours=1)

Values = list[float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneView:
    """A zone with its chart; ``figure`` is None where there is nothing to draw."""

    id: str
    name: str
    summary: str
    temp: str | None
    temp_at: str | None
    band: str
    setpoint: str | None
    overridden: bool
    in_use: bool
    co2: str | None
    figure: ChartFigure | None


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
    key: Actor | None = None,
) -> tuple[ZoneView, ...]:
    """Every zone of the site; ``overridden`` are points that people hold. CO2 is shown to whom
    ``key`` lets see it."""
    taken = {p.zone for p in site.points if p.role is Role.ZONE_SETPOINT and p.id in overridden}
    return tuple(
        replace(
            _view(zone, _lines(readings, site, zone, plan, now), zone.id in taken, now, t),
            co2=_co2(readings, site, zone, now, key, t),
        )
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


def _co2(
    readings: ReadingStore,
    site: Site,
    zone: Zone,
    now: datetime,
    key: Actor | None,
    t: PageTranslator,
) -> str | None:
    """The CO2 of the last hour [ppm]; None where it is not known, or not for who asks."""
    point = point_of(site, Role.ZONE_CO2, zone=zone.id)
    if point is None:
        return None
    seen = point.privacy is not Privacy.PERSONAL if key is None else key.may_see(point)
    latest = readings.latest([point.id]).get(point.id) if seen else None
    if latest is None or latest.good_value is None or now - latest.time > FRESH:
        return None
    return f"{t.number(latest.good_value)} ppm"


def _view(
    zone: Zone, lines: _Lines, overridden: bool, now: datetime, t: PageTranslator
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
        in_use=lines.low[PAST_STEPS] is not None,
        co2=None,
        figure=None,
    )
    if not seen:
        return shown
    summary = _summary(shown, t)
    return replace(shown, summary=summary, figure=_figure(zone, lines, summary, now, t))


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


def _figure(
    zone: Zone, lines: _Lines, summary: str, now: datetime, t: PageTranslator
) -> ChartFigure:
    course = ZoneCourse(
        times=[lines.start + STEP * i for i in range(STEPS)],
        temp=lines.temp,
        low=lines.low,
        high=lines.high,
        setpoint=lines.setpoint,
        forecast=lines.forecast,
    )
    text = ChartText(title=t("zone_title", zone=zone.name), description=summary, translator=t)
    hourly = range(0, STEPS, PER_ROW)
    return ChartFigure(
        drawings=(drawn(band_chart(course, text, now), 40, 10),),
        heads=(t("time"), t("zone_measured"), t("zone_expected"), t("zone_setpoint"), t("band")),
        rows=tuple(_row(lines, i, zone, t) for i in hourly),
    )


def _row(lines: _Lines, i: int, zone: Zone, t: PageTranslator) -> tuple[str, ...]:
    in_use = lines.low[i] is not None
    return (
        t.moment(lines.start + STEP * i),
        t.number(lines.temp[i], 1),
        t.number(lines.forecast[i], 1),
        t.number(lines.setpoint[i], 1),
        t("range", low=zone.comfort.low_c, high=zone.comfort.high_c) if in_use else t("out_of_use"),
    )
