"""History of points at any range, beside an earlier period."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from api.pages.language import PageTranslator
from api.pages.panels.figure import ChartFigure, both
from api.pages.panels.points import SHOWN_UNITS, what_of
from api.ports import ApiPorts
from bms.model.access.actor import Actor
from bms.model.assets.point import Point, Privacy, Role
from bms.model.assets.site import Site
from bms.model.readings.units import Unit
from bms.reports.building_charts import HistorySeries, history_chart
from bms.reports.text import ChartText
from bms.services.consumption import counts, point_use

STEPS = (timedelta(minutes=15), timedelta(hours=1), timedelta(hours=6), timedelta(days=1))
MOST_STEPS = 400
MOST_DAYS = 3 * 366
USUAL_DAYS = 7
YEAR = timedelta(days=364)
"""A year of whole weeks, so that weekdays meet."""
COMPARE = ("", "before", "year")
FIRST_DAY, LAST_DAY = date(1990, 1, 1), date(2199, 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryView:
    """``points`` are (id, words, chosen); ``start`` and ``end`` local days, both in it."""

    points: tuple[tuple[str, str, bool], ...]
    start: str
    end: str
    compare: str
    figure: ChartFigure | None
    download: str | None
    problem: str | None


def history_view(
    ports: ApiPorts, site: Site, asked: Mapping[str, str], key: Actor | None, t: PageTranslator
) -> HistoryView:
    """What the address asks for; the last week of the first room where it says nothing."""
    seen = [p for p in site.points if _may_see(p, key)]
    named = sorted(((p, what_of(p.id, site, t)) for p in seen), key=lambda row: t.collated(row[1]))
    usual = next((p for p in seen if p.role is Role.ZONE_TEMP), named[0][0] if named else None)
    point = next((p for p in seen if p.id == asked.get("point")), usual)
    today = t.local(ports.clock.now()).date()
    end = _day(asked.get("end"), today)
    start = _day(asked.get("start"), end - timedelta(days=USUAL_DAYS - 1))
    compare = asked.get("compare", "") if asked.get("compare") in COMPARE else ""
    problem = None
    if not start <= end or (end - start).days > MOST_DAYS:
        problem = t("history_span", days=MOST_DAYS)
    figure = None
    if point is not None and problem is None:
        figure = _figure(ports, site, point, (start, end), compare, t)
    return HistoryView(
        points=tuple((p.id, words, p is point) for p, words in named),
        start=start.isoformat(),
        end=end.isoformat(),
        compare=compare,
        figure=figure,
        download=None if point is None else _download(point, start, end, site),
        problem=problem,
    )


def _may_see(point: Point, key: Actor | None) -> bool:
    return key.may_see(point) if key is not None else point.privacy is not Privacy.PERSONAL


def _day(text: str | None, otherwise: date) -> date:
    try:
        found = date.fromisoformat(text or "")
    except ValueError:
        return otherwise
    return min(max(found, FIRST_DAY), LAST_DAY)


def _midnight(day: date, site: Site) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(site.timezone)).astimezone(UTC)


def _download(point: Point, start: date, end: date, site: Site) -> str:
    first, last = _midnight(start, site), _midnight(end + timedelta(days=1), site)
    asked = {"start": first.isoformat(), "end": last.isoformat()}
    return f"/v1/points/{point.id}/readings?{urlencode(asked)}"


def _figure(
    ports: ApiPorts,
    site: Site,
    point: Point,
    days: tuple[date, date],
    compare: str,
    t: PageTranslator,
) -> ChartFigure | None:
    start, end = _midnight(days[0], site), _midnight(days[1] + timedelta(days=1), site)
    step = next((s for s in STEPS if (end - start) / s <= MOST_STEPS), STEPS[-1])
    name = what_of(point.id, site, t)
    series = [HistorySeries(name=name, values=_values(ports, site, point, start, end, step))]
    back = {"": None, "before": end - start, "year": YEAR}[compare]
    if back is not None:
        earlier = _values(ports, site, point, start - back, end - back, step)
        words = t("history_earlier", day=t.day(start - back, year=True))
        series.append(HistorySeries(name=words, values=earlier))
    n = len(series[0].values)
    if not any(v is not None for row in series for v in row.values):
        return None
    times = [start + step * i for i in range(n)]
    unit = _unit(point, step, t)
    text = ChartText(title=name, description=_about(name, series, unit, t), translator=t)
    rows = [
        (t.moment(time), *(t.number(_at(row, i), 2) for row in series))
        for i, time in enumerate(times)
    ]
    heads = (t("time"), *(f"{row.name} [{unit}]" for row in series))
    return both(lambda width: history_chart(times, series, unit, text, width), 56, 12, heads, rows)


def _at(row: HistorySeries, i: int) -> float | None:
    return row.values[i] if i < len(row.values) else None


def _values(
    ports: ApiPorts, site: Site, point: Point, start: datetime, end: datetime, step: timedelta
) -> list[float | None]:
    """Means on the grid; of registers and amounts of meters the use per step."""
    readings = ports.planning.readings
    if counts(point):
        found = point_use(site, point, readings, start, end, step).use.values
    else:
        found = readings.series(point.id, start, end, step).values
    return [None if math.isnan(value) else value for value in found.tolist()]


def _unit(point: Point, step: timedelta, t: PageTranslator) -> str:
    unit = SHOWN_UNITS.get(point.unit, f" {point.unit.value}").strip()
    if not counts(point):
        return unit if point.unit is not Unit.ON_OFF else "0–1"
    return f"{unit}/{t('step_day') if step >= timedelta(days=1) else t('step_time')}"


def _about(name: str, series: list[HistorySeries], unit: str, t: PageTranslator) -> str:
    known = [v for v in series[0].values if v is not None]
    if not known:
        return t("history_nothing", point=name)
    return t(
        "history_about",
        point=name,
        low=min(known),
        high=max(known),
        mean=sum(known) / len(known),
        unit=unit,
    )
