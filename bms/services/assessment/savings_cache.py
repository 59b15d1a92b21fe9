"""Savings of sites: kept as they were made, and made anew where what they rest on has changed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

from bms.errors import FeedError
from bms.model.assets.site import Site
from bms.model.codec import from_json, to_json
from bms.model.fact import MessageCode
from bms.model.savings.avoided_use import SiteSavings
from bms.model.savings.kept_answer import (
    AnswerHead,
    AnswerKind,
    AnswerVersion,
    Freshness,
    KeptAnswer,
)
from bms.model.savings.objection import ObjectionKind, Verdict, objection
from bms.savings.claims.adjusted_savings import (
    WaitingCode,
    limited,
    unadjusted,
    with_adjustments_of,
)
from bms.savings.claims.aggregate import combine_buildings, combine_meters
from bms.services.answers.kept import (
    LEAST_REMEMBERED,
    REMEMBERED_PER_SITE,
    KeptAnswers,
    Planned,
    Question,
    Told,
)
from bms.services.answers.versions import VersionPorts, Versions, code_version
from bms.services.assessment.counterfactual import DaysOfMeter, MeterDays, meter_days
from bms.services.assessment.frozen_baselines import compared_with_frozen, freeze_baselines
from bms.services.assessment.measure_periods import (
    acting_in,
    measured_periods,
    not_told_apart,
)
from bms.services.assessment.ports import AssessmentPorts
from bms.services.assessment.site_savings import assess_site
from bms.services.periods import Periods, chosen_periods, default_periods


class AssessmentCode(MessageCode):
    """Why a site is not assessed."""

    NO_WEATHER = "not_assessed_without_weather"
    NOT_MADE = "answer_not_made_yet"


PORTFOLIO = "portfolio"
MOST_SUMS = 32
"""Sums that are remembered [1]: of the city, its groups, and the buildings of each person."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteAssessment:
    """The saving of a site with the periods that it is assessed over. ``made_at`` is when it was
    computed, None where it is not made yet, ``edition`` how often it was; ``newer_under_way``: what
    it rests on has changed since, or it is of yesterday."""

    periods: Periods
    savings: SiteSavings
    made_at: datetime | None = None
    newer_under_way: bool = False
    edition: int = 0


class SavingsCache:
    """Savings and other answers about the sites of ``ports``, kept in its store. Thread-safe.

    A ``reader`` (the API and its pages) reads what the job of the worker keeps up to date as it
    stands. Anybody else has each answer held against the data, the ledger, the tariffs and the code
    that it rests on, and made anew where one of them has changed. ``size`` answers are remembered
    in memory.
    """

    def __init__(
        self,
        ports: AssessmentPorts,
        size: int | None = None,
        *,
        reader: bool = False,
        versions: Versions | None = None,
    ) -> None:
        self.ports = ports
        least = max(LEAST_REMEMBERED, REMEMBERED_PER_SITE * len(ports.sites))
        self.answers = KeptAnswers(
            ports.answers,
            versions or versions_of(ports),
            ports.clock,
            size=least if size is None else size,
            reader=reader,
        )
        self._control: dict[str, datetime] = {}
        self._sums: dict[str, SiteSavings] = {}

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
        self,
        site: Site,
        baseline: str | None = None,
        reporting: str | None = None,
        *,
        checked: bool = False,
    ) -> SiteAssessment:
        """Returns the saving of a site; without weather it is not assessed, and says so.
        ``checked``: it is held against all that it rests on, for somebody who decides on it.

        The baseline of our control is frozen when it is first used
        (``bms.services.assessment.frozen_baselines``). Raises ``ConfigError`` for a wrong period,
        ``NotMadeYet`` where a reader has to wait for it.
        """
        return _told(
            self.answers.one(self.savings_question(site, baseline, reporting), checked=checked)
        )

    def savings_question(
        self, site: Site, baseline: str | None = None, reporting: str | None = None
    ) -> Question[SiteAssessment]:
        """The question for the saving of a site. Raises ``ConfigError`` for a wrong period."""
        asked = baseline is not None or reporting is not None
        text = f"{baseline or ''}|{reporting or ''}" if asked else ""
        if asked:
            self.periods(site, baseline, reporting)

        def plan() -> Planned[SiteAssessment]:
            periods = self.periods(site, baseline, reporting)
            freezes = periods.control_start is not None and not asked

            def work() -> SiteAssessment:
                return self._assessed(site, periods, freezes=freezes)

            return Planned(periods.whole, repr(periods), work)

        return Question(
            AnswerKind.SAVINGS,
            site,
            SiteAssessment,
            plan,
            text=text,
            kept_current=not asked,
            ledger=True,
        )

    def _assessed(self, site: Site, periods: Periods, *, freezes: bool) -> SiteAssessment:
        ports = self.ports
        try:
            savings = self._computed(site, periods)
        except FeedError as error:
            return SiteAssessment(periods=periods, savings=_not_assessed(site, error))
        if freezes:
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

    def over(
        self, site: Site, periods: Periods, meters: Sequence[str] = (), measure: str = ""
    ) -> SiteSavings:
        """Returns the saving of these ``meters`` of a site over ``periods``, of all billed ones
        where none is named; without weather it is not assessed, and says so. ``measure`` is the id
        of the measure whose saving it is."""

        def work() -> SiteSavings:
            try:
                savings = self._computed(site, periods, tuple(meters))
            except FeedError as error:
                return _not_assessed(site, error)
            return compared_with_frozen(savings, self.ports.ledgers.baselines(site.id))

        def plan() -> Planned[SiteSavings]:
            return Planned(periods.whole, repr((periods, tuple(meters))), work)

        name = measure or repr((periods, tuple(meters)))
        asked = Question(AnswerKind.MEASURE, site, SiteSavings, plan, name, False, ledger=True)
        return self.answers.one(asked).answer

    def _computed(self, site: Site, periods: Periods, meters: tuple[str, ...] = ()) -> SiteSavings:
        ports = self.ports
        others = [meter.id for meter in site.meters if meters and meter.id not in meters]
        billed = tuple(
            replace(meter, billed=False) if meter.id in others else meter for meter in site.meters
        )
        return assess_site(
            replace(site, meters=billed) if others else site,
            readings=ports.readings,
            ledgers=ports.ledgers,
            feed=ports.feed,
            periods=periods,
            tariffs=ports.tariffs,
            factors=ports.factors,
        )

    def days(self, site: Site) -> tuple[MeterDays, ...]:
        """Daily use and adjusted baseline of every billed meter over the default periods.

        Empty without weather.
        """
        return tuple(row.arrays() for row in self.answers.one(self.days_question(site)).answer)

    def days_question(self, site: Site) -> Question[tuple[DaysOfMeter, ...]]:
        """The question for the days of a site's meters."""
        ports = self.ports

        def plan() -> Planned[tuple[DaysOfMeter, ...]]:
            periods = self.periods(site)

            def work() -> tuple[DaysOfMeter, ...]:
                try:
                    found = meter_days(
                        site, readings=ports.readings, feed=ports.feed, periods=periods
                    )
                except FeedError:
                    return ()
                return tuple(map(DaysOfMeter.of, found))

            return Planned(periods.whole, repr(periods), work)

        returns = tuple[DaysOfMeter, ...]
        return Question(AnswerKind.METER_DAYS, site, returns, plan, ledger=True)

    def sites(
        self, baseline: str | None = None, reporting: str | None = None
    ) -> tuple[SiteAssessment, ...]:
        """The saving of every site; one that is not made yet says so."""
        every = tuple(self.ports.sites.values())
        questions = [self.savings_question(site, baseline, reporting) for site in every]
        found = self.answers.many(questions)
        return tuple(
            self._not_made(site, baseline, reporting) if told is None else _told(told)
            for site, told in zip(every, found, strict=True)
        )

    def _not_made(self, site: Site, baseline: str | None, reporting: str | None) -> SiteAssessment:
        why = objection(AssessmentCode.NOT_MADE, ObjectionKind.DATA, Verdict.NOT_CLAIMABLE)
        return SiteAssessment(
            periods=self.periods(site, baseline, reporting),
            savings=replace(combine_meters(site.id, ()), reasons=(why,)),
            newer_under_way=True,
        )

    def portfolio(
        self, assessments: Sequence[SiteAssessment], name: str = PORTFOLIO
    ) -> SiteSavings:
        """The sum over sites, and beside it what it is without non-routine adjustments. It is kept
        by ``name`` (the portfolio, or a group of it) while the sites' answers stay as they are."""
        version = _version_of_sum(assessments)
        known = self._sums.get(version)
        if known is not None:
            return known
        total = self._kept_sum(name, version)
        if total is None:
            total = portfolio_sum([row.savings for row in assessments])
        if len(self._sums) >= MOST_SUMS:
            self._sums.clear()
        self._sums[version] = total
        return total

    def _kept_sum(self, name: str, version: str) -> SiteSavings | None:
        kept = self.ports.answers.answer(AnswerKind.SAVINGS_SUM, name, "")
        if kept is None or kept.head.version.calendar != version:
            return None
        try:
            return from_json(SiteSavings, kept.body)
        except ValueError:  # of another version of the product
            return None

    def keep_sum(self, assessments: Sequence[SiteAssessment], name: str = PORTFOLIO) -> None:
        """Keep the sum over sites for everybody, where it is not kept yet."""
        version, store = _version_of_sum(assessments), self.ports.answers
        if self._kept_sum(name, version) is None:
            head = AnswerHead(
                kind=AnswerKind.SAVINGS_SUM,
                subject=name,
                question="",
                made_at=self.ports.clock.now(),
                version=AnswerVersion(calendar=version, code=code_version()),
            )
            total = self.portfolio(assessments, name)
            store.keep_answer(KeptAnswer(head=head, body=to_json(total)))

    def freshness(self, kind: AnswerKind, question: str = "") -> Freshness:
        """How new the kept answers to a question are."""
        return self.ports.answers.freshness(kind, self.ports.sites.keys(), question)

    def ask(
        self,
        kind: AnswerKind,
        site: Site,
        returns: Any,
        plan: Callable[[], Planned[T]],
        question: str = "",
    ) -> Question[T]:
        """A question about a site; one with a text is of a time that was asked for."""
        return Question(kind, site, returns, plan, question, kept_current=not question)

    def _control_start(self, site: Site) -> datetime | None:
        """When our values first acted at the site; it never changes once it has been seen."""
        if site.id not in self._control:
            first = self.ports.ledgers.control_start(site.id)
            if first is None:
                return None
            self._control[site.id] = first
        return self._control[site.id]


def _version_of_sum(rows: Sequence[SiteAssessment]) -> str:
    """A digest of the answers that are summed up."""
    text = repr([(row.savings.id, row.edition, row.made_at, row.periods.reporting) for row in rows])
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def versions_of(ports: AssessmentPorts) -> Versions:
    """Versions of what answers about these sites rest on."""
    return Versions(
        VersionPorts(
            rollups=ports.rollups, ledgers=ports.ledgers, feed=ports.feed, tariffs=ports.tariffs
        )
    )


def portfolio_sum(rows: Sequence[SiteSavings]) -> SiteSavings:
    """The sum over sites with what limits it, and beside it what it is without non-routine
    adjustments."""
    total = combine_buildings(PORTFOLIO, rows)
    without = combine_buildings(PORTFOLIO, [unadjusted(row) for row in rows])
    total = with_adjustments_of(total, without)
    for code, kind in (
        (WaitingCode.OPEN_EVENTS, ObjectionKind.EVENT),
        (WaitingCode.CHANGED_BASELINES, ObjectionKind.BASELINE),
    ):
        total = limited(total, code, _concerned(rows, kind))
    return total


def _told(told: Told[SiteAssessment]) -> SiteAssessment:
    return replace(
        told.answer,
        made_at=told.made_at,
        newer_under_way=told.newer_under_way,
        edition=told.edition,
    )


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
