"""A cache of savings: each is computed once for the data that it is made of."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from bms.errors import FeedError
from bms.model.assets.point import Role
from bms.model.assets.site import Site
from bms.model.fact import MessageCode
from bms.model.readings.rollup import Level, Rollups
from bms.model.savings.avoided_use import SiteSavings
from bms.model.savings.objection import ObjectionKind, Verdict, objection
from bms.savings.claims.adjusted_savings import (
    WaitingCode,
    limited,
    unadjusted,
    with_adjustments_of,
)
from bms.savings.claims.aggregate import combine_buildings, combine_meters
from bms.services.assessment.counterfactual import MeterDays, meter_days
from bms.services.assessment.frozen_baselines import compared_with_frozen, freeze_baselines
from bms.services.assessment.measure_periods import (
    acting_in,
    measured_periods,
    not_told_apart,
)
from bms.services.assessment.ports import AssessmentPorts
from bms.services.assessment.site_savings import assess_site
from bms.services.periods import Periods, chosen_periods, default_periods

HOUR_S = 3600
FIRST, LAST = datetime(1970, 1, 2, tzinfo=UTC), datetime(2199, 1, 1, tzinfo=UTC)
"""Years that roll-ups know."""
AROUND = timedelta(days=3)
"""Readings before a period that have a part in it (bms.services.consumption)."""

Version = tuple[int, str, int]


class AssessmentCode(MessageCode):
    """Why a site is not assessed."""

    NO_WEATHER = "not_assessed_without_weather"


def data_version(site: Site, ports: AssessmentPorts, start: datetime, end: datetime) -> Version:
    """The hour of the newest reading of the site's meters, a digest of their days from ``start`` to
    ``end``, and how many entries the ledger has.

    So an answer that is kept by it is computed anew when a meter has brought a reading of a later
    hour, when a reading of the period came late or was corrected, and when somebody has entered
    an event. It costs a row per meter and year.
    """
    points = [p.id for p in site.points if p.meter is not None and p.role is not Role.METER_POWER]
    latest = ports.readings.latest(points).values()
    newest = max((r.time for r in latest), default=datetime.min.replace(tzinfo=UTC))
    first, last = max(start - AROUND, FIRST), min(end, LAST)
    digest = _digest(ports.rollups.rollups(points, first, last, Level.DAY)) if first < last else ""
    return int(newest.timestamp() // HOUR_S), digest, len(ports.ledgers.events(site.id))


def _digest(days: Rollups) -> str:
    """Any reading that came, went or changed changes the count or the mean of its day."""
    whole = hashlib.blake2b(digest_size=16)
    for part in (days.n, days.mean, days.minimum, days.maximum, days.first, days.last):
        whole.update(part.tobytes())
    return whole.hexdigest()


PORTFOLIO = "portfolio"
LEAST_KEPT, KEPT_PER_SITE = 256, 8

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteAssessment:
    """The saving of a site with the periods that it is assessed over."""

    periods: Periods
    savings: SiteSavings


class SavingsCache:
    """Savings of the sites of ``ports``. Thread-safe; at most ``size`` answers are kept, by default
    enough for every page about every site.

    An answer is computed anew when its data have changed (``data_version``).
    """

    def __init__(self, ports: AssessmentPorts, size: int | None = None) -> None:
        self.ports = ports
        self._size = max(LEAST_KEPT, KEPT_PER_SITE * len(ports.sites)) if size is None else size
        self._kept: OrderedDict[tuple[object, ...], object] = OrderedDict()
        self._control: dict[str, datetime] = {}
        self._lock = threading.Lock()

    def limited_to(self, sites: Mapping[str, Site]) -> SavingsCache:
        """The same answers, of these sites alone."""
        fewer = copy(self)
        fewer.ports = replace(self.ports, sites=sites)
        return fewer

    def periods(
        self, site: Site, baseline: str | None = None, reporting: str | None = None
    ) -> Periods:
        """The periods that were asked for, else the default ones. Raises ``ConfigError``."""
        return chosen_periods(self._default(site), site.timezone, baseline, reporting)

    def _default(self, site: Site) -> Periods:
        """Of our control; without it of the first measure of the whole building that acts."""
        now, begun = self.ports.clock.now(), self._control_start(site)
        acting = [
            row
            for row in (() if begun else self.ports.ledgers.measures(site.id))
            if not row.measure.meters and (row.end is None or row.end > now)
        ]
        if acting:
            first = min(acting, key=lambda row: row.measure.start)
            periods = measured_periods(first, (), now, site.timezone).periods
            if periods is not None:
                return periods
        return default_periods(begun, now, site.timezone)

    def site(
        self, site: Site, baseline: str | None = None, reporting: str | None = None
    ) -> SiteAssessment:
        """Returns the saving of a site; without weather it is not assessed, and says so.

        The baseline of our control is frozen when it is first used
        (``bms.services.assessment.frozen_baselines``). Raises ``ConfigError`` for a wrong period.
        """
        periods = self.periods(site, baseline, reporting)
        ports = self.ports
        try:
            savings = self._assessed(site, periods)
        except FeedError as error:
            return SiteAssessment(periods=periods, savings=_not_assessed(site, error))
        if periods.control_start is not None and baseline is None and reporting is None:
            freeze_baselines(ports.ledgers, savings, ports.clock.now())
        held = compared_with_frozen(savings, ports.ledgers.baselines(site.id))
        return SiteAssessment(periods=periods, savings=self._beside(site, periods, held))

    def _beside(self, site: Site, periods: Periods, savings: SiteSavings) -> SiteSavings:
        """The saving with the measures named that are in it beside the one it is told of."""
        if savings.saving_kwh is None:
            return savings
        rows = acting_in(periods, self.ports.ledgers.measures(site.id))
        control = self._control_start(site)
        if len(rows) + (control is not None) < 2:
            return savings
        return replace(savings, reasons=(*savings.reasons, not_told_apart(rows)))

    def over(self, site: Site, periods: Periods, meters: Sequence[str] = ()) -> SiteSavings:
        """Returns the saving of these ``meters`` of a site over ``periods``, of all billed ones
        where none is named; without weather it is not assessed, and says so."""
        try:
            savings = self._assessed(site, periods, tuple(meters))
        except FeedError as error:
            return _not_assessed(site, error)
        return compared_with_frozen(savings, self.ports.ledgers.baselines(site.id))

    def _assessed(self, site: Site, periods: Periods, meters: tuple[str, ...] = ()) -> SiteSavings:
        ports = self.ports
        others = [meter.id for meter in site.meters if meters and meter.id not in meters]
        billed = tuple(
            replace(meter, billed=False) if meter.id in others else meter for meter in site.meters
        )
        chosen = replace(site, meters=billed) if others else site

        def assess() -> SiteSavings:
            return assess_site(
                chosen,
                readings=ports.readings,
                ledgers=ports.ledgers,
                feed=ports.feed,
                periods=periods,
                tariffs=ports.tariffs,
            )

        return self.once(" ".join(("site", *meters)), site, periods, assess)

    def days(self, site: Site) -> tuple[MeterDays, ...]:
        """Daily use and adjusted baseline of every billed meter over the default periods.

        Empty without weather.
        """
        periods = self.periods(site)
        ports = self.ports

        def compare() -> tuple[MeterDays, ...]:
            return meter_days(site, readings=ports.readings, feed=ports.feed, periods=periods)

        try:
            return self.once("days", site, periods, compare)
        except FeedError:
            return ()

    def sites(
        self, baseline: str | None = None, reporting: str | None = None
    ) -> tuple[SiteAssessment, ...]:
        """The saving of every site."""
        return tuple(self.site(site, baseline, reporting) for site in self.ports.sites.values())

    def portfolio(self, assessments: Sequence[SiteAssessment]) -> SiteSavings:
        """The sum over sites, and beside it what it is without non-routine adjustments."""
        rows = [row.savings for row in assessments]
        total = combine_buildings(PORTFOLIO, rows)
        without = combine_buildings(PORTFOLIO, [unadjusted(row) for row in rows])
        total = with_adjustments_of(total, without)
        for code, kind in (
            (WaitingCode.OPEN_EVENTS, ObjectionKind.EVENT),
            (WaitingCode.CHANGED_BASELINES, ObjectionKind.BASELINE),
        ):
            total = limited(total, code, _concerned(rows, kind))
        return total

    def once(self, kind: str, site: Site, periods: Periods, work: Callable[[], T]) -> T:
        """The answer of ``work``, as it was kept while its data stay as they are.

        ``kind`` names the question; ``work`` may use readings of both periods and what lies
        between them.
        """
        span = periods.whole
        key = (kind, site.id, periods, data_version(site, self.ports, span.start, span.end))
        with self._lock:  # one at a time: these are the heaviest answers that we give
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]  # type: ignore[return-value]
            answer = work()
            self._kept[key] = answer
            if len(self._kept) > self._size:
                self._kept.popitem(last=False)
            return answer

    def _control_start(self, site: Site) -> datetime | None:
        """When our values first acted at the site; it never changes once it has been seen."""
        if site.id not in self._control:
            first = self.ports.ledgers.control_start(site.id)
            if first is None:
                return None
            self._control[site.id] = first
        return self._control[site.id]


def _concerned(rows: Sequence[SiteSavings], kind: ObjectionKind) -> list[tuple[str, float | None]]:
    """Names and adjusted baselines [kWh] of those that have an objection of this kind."""
    return [
        (row.id, row.adjusted_baseline_kwh)
        for row in rows
        if any(objection.kind is kind for objection in row.reasons)
    ]


def _not_assessed(site: Site, error: FeedError) -> SiteSavings:
    why = objection(
        AssessmentCode.NO_WEATHER, ObjectionKind.DATA, Verdict.NOT_CLAIMABLE, error=str(error)
    )
    return replace(combine_meters(site.id, ()), reasons=(why,))
