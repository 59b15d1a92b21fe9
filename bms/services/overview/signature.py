"""The energy signature of a building: heat a day over outdoor temperature, by heating season."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from bms.errors import FeedError
from bms.model.assets.site import Site
from bms.model.readings.units import Commodity
from bms.model.savings.avoided_use import Span
from bms.model.savings.kept_answer import AnswerKind
from bms.savings.data.daily import DailyUse, daily
from bms.services.answers.kept import Planned, Question
from bms.services.assessment.savings_cache import SavingsCache
from bms.services.assessment.site_savings import meter_use, outdoor_temperature
from bms.services.periods import local_date, midnight

YEARS = timedelta(days=3 * 366)
FIRST_MONTH = 7
"""A heating season begins in July: its winter lies in one season."""
HEAT = (Commodity.HEAT, Commodity.GAS)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatingSeason:
    """Days from July of ``year`` to June of the next: outdoor temperature [degC], use [kWh/d]."""

    year: int
    temp_c: tuple[float, ...]
    kwh: tuple[float, ...]


def signature(cache: SavingsCache, site: Site) -> tuple[HeatingSeason, ...]:
    """The last seasons of the first billed heat meter of a site, oldest first; none without one,
    without weather and without a whole day. Raises ``NotMadeYet`` where a reader has to wait."""
    return cache.answers.one(signature_question(cache, site)).answer


def signature_question(cache: SavingsCache, site: Site) -> Question[tuple[HeatingSeason, ...]]:
    """The question for the energy signature of a site."""
    meter = next((m for m in site.meters if m.billed and m.commodity in HEAT), None)
    ports = cache.ports

    def plan() -> Planned[tuple[HeatingSeason, ...]]:
        end = midnight(local_date(ports.clock.now(), site.timezone), site.timezone)
        span = Span(start=end - YEARS, end=end)

        def work() -> tuple[HeatingSeason, ...]:
            use = None if meter is None else meter_use(site, meter, ports.readings, *_ends(span))
            if use is None:
                return ()
            try:
                temp = outdoor_temperature(site, ports.feed, *_ends(span))
            except FeedError:
                return ()
            return _seasons(daily(use, temp, span, site.timezone))

        return Planned(span, f"until {end.date()}", work)

    returns = tuple[HeatingSeason, ...]
    return cache.ask(AnswerKind.SIGNATURE, site, returns, plan)


def _ends(span: Span) -> tuple[datetime, datetime]:
    return span.start, span.end


def _seasons(days: DailyUse) -> tuple[HeatingSeason, ...]:
    found: dict[int, list[tuple[float, float]]] = defaultdict(list)
    rows = zip(days.dates, days.temp_c.tolist(), days.rate.tolist(), days.valid, strict=True)
    for day, temp, rate, valid in rows:
        if valid:
            found[season_of(day)].append((temp, rate))
    return tuple(
        HeatingSeason(
            year=year,
            temp_c=tuple(temp for temp, _ in found[year]),
            kwh=tuple(kwh for _, kwh in found[year]),
        )
        for year in sorted(found)
    )


def season_of(day: date) -> int:
    """The year in which the heating season of a day began."""
    return day.year if day.month >= FIRST_MONTH else day.year - 1
