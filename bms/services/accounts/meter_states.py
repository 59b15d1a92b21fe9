"""How well the meters of a city were read: ``portfolio_quality``, ``portfolio_missing_data``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np

from bms.errors import ConfigError, NotFound
from bms.metering.bills import BilledUse
from bms.metering.quality import MeterQuality, MeterState
from bms.metering.step_edges import from_micros
from bms.model.assets.equipment import Meter
from bms.model.assets.site import Site
from bms.model.fact import Fact
from bms.model.readings.metering import Consumption
from bms.model.readings.runs_and_peaks import runs
from bms.model.readings.units import Commodity
from bms.model.savings.avoided_use import Span
from bms.model.savings.kept_answer import AnswerKind
from bms.ports.storage.readings import ReadingStore
from bms.services.accounts.meter_quality import meter_quality
from bms.services.answers.kept import Planned, Question
from bms.services.assessment.savings_cache import SavingsCache
from bms.services.assessment.seldom_read import seldom_read_use
from bms.services.consumption import HOUR
from bms.services.periods import local_date, midnight

USUAL_DAYS = 30
LONGEST_DAYS = 1100


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingData:
    """A run of hours of which the use of a meter is not known, and why where that was found."""

    site: str
    meter: str
    commodity: Commodity
    start: datetime
    end: datetime
    hours: float
    why: Fact | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterStateRow:
    """How well a meter was read in a period. ``coverage`` is the share of its hours whose use is
    known, 0..1; ``estimated`` counts readings that the supplier estimated, calculated or corrected,
    ``flaws`` what was wrong by its kind. ``verdict`` says the ``state`` with its numbers."""

    site: str
    meter: str
    commodity: Commodity
    billed: bool
    start: datetime
    end: datetime
    coverage: float
    missing_hours: float
    without_value: int
    estimated: int
    flaws: dict[str, int]
    last_reading: datetime | None
    by_the_month: bool
    state: MeterState
    verdict: Fact
    missing: tuple[MissingData, ...]


def chosen_span(
    now: datetime, timezone: str, first: date | None = None, until: date | None = None
) -> Span:
    """The local days from ``first`` until before ``until``: the last 30 whole ones where nothing is
    given. Raises ``ConfigError`` for none, and more than 1100."""
    today = local_date(now, timezone)
    end = today if until is None else min(until, today)
    start = end - timedelta(days=USUAL_DAYS) if first is None else first
    if not start < end:
        raise ConfigError(f"{start}..{end} has no day that is over")
    if (end - start).days > LONGEST_DAYS:
        raise ConfigError(f"{start}..{end} is longer than {LONGEST_DAYS} days")
    return Span(start=midnight(start, timezone), end=midnight(end, timezone))


def site_meter_states(site: Site, readings: ReadingStore, span: Span) -> tuple[MeterStateRow, ...]:
    """Every meter of a site that has a point of its own, over ``span``."""
    found = []
    for meter in site.meters:
        try:
            use, quality = meter_quality(site, meter.id, readings, span.start, span.end)
        except NotFound:
            continue
        bills = seldom_read_use(site, meter, readings, span.start, span.end)
        found.append(_row(site, meter, use, quality, span, bills))
    return tuple(found)


def _row(
    site: Site,
    meter: Meter,
    use: Consumption,
    quality: MeterQuality,
    span: Span,
    bills: BilledUse | None,
) -> MeterStateRow:
    missing = () if bills is not None else tuple(_missing(site, meter, use))
    return MeterStateRow(
        site=site.id,
        meter=f"{site.id}/{meter.id}",
        commodity=meter.commodity,
        billed=meter.billed,
        start=span.start,
        end=span.end,
        coverage=quality.coverage,
        missing_hours=sum(each.hours for each in missing),
        without_value=quality.without_value,
        estimated=quality.estimated,
        flaws={flaw.value: count for flaw, count in quality.counts.items()},
        last_reading=quality.last_reading,
        by_the_month=bills is not None,
        state=quality.state,
        verdict=quality.verdict,
        missing=missing,
    )


def _missing(site: Site, meter: Meter, use: Consumption) -> Iterable[MissingData]:
    """The runs of steps without use, each with the first thing that happened in it."""
    edges = use.edges
    for first, after in runs(np.isnan(use.use.values)):
        start, end = (
            use.use.start + at * use.use.step if edges is None else from_micros(int(edges[at]))
            for at in (first, after)
        )
        events = [event for event in use.events if event.start < end and start < event.end]
        yield MissingData(
            site=site.id,
            meter=f"{site.id}/{meter.id}",
            commodity=meter.commodity,
            start=start,
            end=end,
            hours=(end - start) / HOUR,
            why=events[0].fact if events else None,
        )


def portfolio_quality(
    cache: SavingsCache,
    first: date | None = None,
    until: date | None = None,
    sites: Iterable[Site] | None = None,
) -> tuple[MeterStateRow, ...]:
    """The meters of ``sites``, or of all, in a state that a person has to look at before the good
    ones, the least covered first; over the local days from ``first`` until before ``until``, or the
    last 30. Raises ``ConfigError`` as ``chosen_span`` does."""
    chosen = cache.ports.sites.values() if sites is None else sites
    told = cache.answers.many([states_question(cache, site, first, until) for site in chosen])
    rows = [row for each in told if each is not None for row in each.answer]
    order = list(MeterState)
    return tuple(sorted(rows, key=lambda r: (order.index(r.state), r.coverage, r.meter)))


def portfolio_missing_data(
    cache: SavingsCache,
    first: date | None = None,
    until: date | None = None,
    sites: Iterable[Site] | None = None,
) -> tuple[MissingData, ...]:
    """Every run of hours without use of a billed meter, the longest first; arguments and errors as
    ``portfolio_quality``. Of meters that are read by the month no hour is missing."""
    rows = portfolio_quality(cache, first, until, sites)
    found = [missing for row in rows if row.billed for missing in row.missing]
    return tuple(sorted(found, key=lambda each: (-each.hours, each.meter, each.start)))


def states_question(
    cache: SavingsCache, site: Site, first: date | None = None, until: date | None = None
) -> Question[tuple[MeterStateRow, ...]]:
    """The question for the states of a site's meters. Raises ``ConfigError``."""
    ports = cache.ports

    def span() -> Span:
        return chosen_span(ports.clock.now(), site.timezone, first, until)

    span()

    def plan() -> Planned[tuple[MeterStateRow, ...]]:
        asked = span()
        return Planned(asked, repr(asked), lambda: site_meter_states(site, ports.readings, asked))

    question = "" if first is None and until is None else f"{first or ''}..{until or ''}"
    returns = tuple[MeterStateRow, ...]
    return cache.ask(AnswerKind.METER_STATES, site, returns, plan, question)
