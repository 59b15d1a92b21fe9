"""Measures of a building: entered, ended, and what each has saved so far.

The baseline of a measure is frozen when it is entered, or as soon as its last day is over.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from bms.errors import ConfigError, FeedError, NotFound
from bms.model.assets.site import Site
from bms.model.fact import Fact, MessageCode, Moment, fact
from bms.model.savings.avoided_use import KeptBaseline, SiteSavings
from bms.model.savings.measure import KeptMeasure, Measure, MeasureEnd, MeasureKind
from bms.model.savings.objection import Verdict
from bms.ports.storage.ledgers import LedgerStore
from bms.services.assessment.frozen_baselines import BY_ITSELF, standing_baselines
from bms.services.assessment.measure_periods import (
    MeasuredPeriods,
    measure_name,
    measured_periods,
    not_told_apart,
)
from bms.services.assessment.savings_cache import SavingsCache
from bms.services.assessment.site_savings import site_baselines
from bms.services.periods import Periods

CONTROL_ID = "control"
ENTERED = "measure entered"
YEAR = timedelta(days=365.25)


class MeasureCode(MessageCode):
    """What is said of the saving of a measure."""

    NOT_BEGUN = "measure_not_begun"
    TOLD_UNTIL = "measure_told_until"
    BELOW_EXPECTED = "measure_below_expected"
    PROVEN = "measure_proven"


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureSaving:
    """A measure with its saving of the last year, or since it took effect where that is later.

    ``savings`` and ``periods`` are None before its first day is over; ``expected_kwh`` is what it
    was expected to save in the reporting period; ``facts`` are what is to be said of it.
    """

    kept: KeptMeasure
    periods: Periods | None
    savings: SiteSavings | None
    expected_kwh: float | None
    facts: tuple[Fact, ...]


def site_measures(site: Site, ledgers: LedgerStore) -> tuple[KeptMeasure, ...]:
    """Every measure of a site by its start, control by us among them."""
    rows = list(ledgers.measures(site.id))
    begun = ledgers.control_start(site.id)
    if begun is not None:
        rows.append(KeptMeasure(measure=_control(site, begun)))
    return tuple(sorted(rows, key=lambda row: (row.measure.start, row.measure.id)))


def _control(site: Site, begun: datetime) -> Measure:
    return Measure(
        id=CONTROL_ID,
        site=site.id,
        kind=MeasureKind.CONTROL,
        what=MeasureKind.CONTROL.value,
        start=begun,
        author=BY_ITSELF,
        entered_at=begun,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureRequest:
    """What somebody wants to enter; as ``Measure`` has it."""

    kind: MeasureKind
    what: str
    start: datetime
    author: str
    meters: tuple[str, ...] = ()
    end: datetime | None = None
    blackout_until: datetime | None = None
    cost_dkk: float | None = None
    expected_share: float | None = None
    expected_kwh: float | None = None


def enter_measure(cache: SavingsCache, site: Site, asked: MeasureRequest) -> KeptMeasure:
    """Keep a measure and freeze its baseline.

    Raises ``ConfigError`` for a measure that is none, an end before it takes effect, and control,
    which is there by itself; ``NotFound`` for a meter that is not billed here.
    """
    if asked.kind is MeasureKind.CONTROL:
        raise ConfigError("control by us is there by itself since its first write; enter others")
    billed = [meter.id for meter in site.meters if meter.billed]
    for name in asked.meters:
        if name not in billed:
            known = ", ".join(billed) or "none"
            raise NotFound(f"no billed meter {name!r} in {site.id}; there are: {known}")
    ledgers, now = cache.ports.ledgers, cache.ports.clock.now()
    made = _measure(site, asked, now)
    if asked.end is not None:
        _check_end(made, asked.end)
    ledgers.add_measure(made)
    if asked.end is not None:
        ledgers.end_measure(_end(made, asked.end, asked.author, asked.what, now))
    (kept,) = (row for row in ledgers.measures(site.id) if row.measure.id == made.id)
    freeze(cache, site, kept)
    return kept


def end_measure(
    cache: SavingsCache, site: Site, measure_id: str, *, end: datetime, author: str, reason: str
) -> KeptMeasure:
    """Say until when a measure acted.

    Raises ``NotFound`` where there is no such measure, ``ConfigError`` for an end before it took
    effect and for control, which ends with its last write.
    """
    if measure_id == CONTROL_ID:
        raise ConfigError("control by us ends when the site's mode does: bms release, mode observe")
    kept = named_measure(site, cache.ports.ledgers, measure_id)
    if kept.ended is not None:
        raise ConfigError(f"measure {measure_id} has an end already: {kept.ended.end.isoformat()}")
    _check_end(kept.measure, end)
    made = _end(kept.measure, end, author, reason, cache.ports.clock.now())
    cache.ports.ledgers.end_measure(made)
    return replace(kept, ended=made)


def named_measure(site: Site, ledgers: LedgerStore, measure_id: str) -> KeptMeasure:
    """The measure of this id. Raises ``NotFound`` with the ids there are."""
    rows = site_measures(site, ledgers)
    for row in rows:
        if row.measure.id == measure_id:
            return row
    known = ", ".join(row.measure.id for row in rows) or "none"
    raise NotFound(f"no measure {measure_id!r} at {site.id}; there are: {known}")


def _measure(site: Site, asked: MeasureRequest, now: datetime) -> Measure:
    try:
        return Measure(
            id=uuid.uuid4().hex[:12],
            site=site.id,
            kind=asked.kind,
            what=asked.what,
            start=asked.start.astimezone(UTC),
            author=asked.author,
            entered_at=now,
            meters=asked.meters,
            blackout_until=asked.blackout_until and asked.blackout_until.astimezone(UTC),
            cost_dkk=asked.cost_dkk,
            expected_share=asked.expected_share,
            expected_kwh=asked.expected_kwh,
        )
    except ValueError as error:
        raise ConfigError(str(error)) from error


def _check_end(measure: Measure, end: datetime) -> None:
    if end <= measure.effective:
        raise ConfigError(f"the measure takes effect at {measure.effective.isoformat()}; end later")


def _end(measure: Measure, end: datetime, author: str, reason: str, now: datetime) -> MeasureEnd:
    return MeasureEnd(
        measure=measure.id,
        site=measure.site,
        end=end.astimezone(UTC),
        author=author,
        entered_at=now,
        reason=reason,
    )


def measure_savings(cache: SavingsCache, site: Site) -> tuple[MeasureSaving, ...]:
    """Every measure of a site with what it has saved, by its start."""
    rows = site_measures(site, cache.ports.ledgers)
    return tuple(_saving(cache, site, row, rows) for row in rows)


def measure_saving(cache: SavingsCache, site: Site, measure_id: str) -> MeasureSaving:
    """One measure with what it has saved. Raises ``NotFound``."""
    rows = site_measures(site, cache.ports.ledgers)
    return _saving(cache, site, named_measure(site, cache.ports.ledgers, measure_id), rows)


def _saving(
    cache: SavingsCache, site: Site, kept: KeptMeasure, rows: Sequence[KeptMeasure]
) -> MeasureSaving:
    now = cache.ports.clock.now()
    told = measured_periods(kept, rows, now, site.timezone)
    if told.periods is None:
        not_begun = fact(MeasureCode.NOT_BEGUN, at=Moment(kept.measure.effective))
        return MeasureSaving(
            kept=kept, periods=None, savings=None, expected_kwh=None, facts=(not_begun,)
        )
    freeze(cache, site, kept)
    savings = _limited(cache.over(site, told.periods, kept.measure.meters, kept.measure.id), told)
    expected = _expected(kept.measure, told.periods, savings)
    return MeasureSaving(
        kept=kept,
        periods=told.periods,
        savings=savings,
        expected_kwh=expected,
        facts=_facts(told, savings, expected),
    )


def freeze(cache: SavingsCache, site: Site, kept: KeptMeasure) -> None:
    """Keep the baselines of a measure's meters once their last day is over; those that are kept
    already stand."""
    ports, now = cache.ports, cache.ports.clock.now()
    rows = site_measures(site, ports.ledgers)
    later = max(now, kept.measure.effective) + timedelta(days=2)
    told = measured_periods(kept, rows, later, site.timezone)
    if told.periods is None or told.periods.baseline.end > now:
        return
    known = standing_baselines(ports.ledgers.baselines(site.id))
    wanted = [
        meter
        for meter in site.meters
        if meter.billed
        and (not kept.measure.meters or meter.id in kept.measure.meters)
        and (f"{site.id}/{meter.id}", told.periods.baseline) not in known
    ]
    if not wanted:
        return
    try:
        found = site_baselines(
            site, wanted, readings=ports.readings, feed=ports.feed, period=told.periods.baseline
        )
    except FeedError:
        return
    for baseline in found:
        kept_now = KeptBaseline(baseline=baseline, at=now, author=BY_ITSELF, reason=ENTERED)
        ports.ledgers.keep_baseline(kept_now)


def _limited(savings: SiteSavings, told: MeasuredPeriods) -> SiteSavings:
    """A saving of several measures is no proof of one of them."""
    if not told.together:
        return savings
    return replace(savings, reasons=(*savings.reasons, not_told_apart(told.together)))


def _expected(measure: Measure, periods: Periods, savings: SiteSavings) -> float | None:
    """What was to be saved in the reporting period [kWh]."""
    if measure.expected_share is not None and savings.adjusted_baseline_kwh is not None:
        return measure.expected_share * savings.adjusted_baseline_kwh
    if measure.expected_kwh is not None:
        return measure.expected_kwh * ((periods.reporting.end - periods.reporting.start) / YEAR)
    return None


def _facts(
    told: MeasuredPeriods, savings: SiteSavings, expected_kwh: float | None
) -> tuple[Fact, ...]:
    found: list[Fact] = []
    if told.until is not None:
        other = told.until.measure
        found.append(fact(MeasureCode.TOLD_UNTIL, what=measure_name(other), at=Moment(other.start)))
    saving, high = savings.saving_kwh, savings.saving_high_kwh
    if saving is not None and high is not None and expected_kwh is not None and high < expected_kwh:
        found.append(
            fact(MeasureCode.BELOW_EXPECTED, saving=saving, high=high, expected=expected_kwh)
        )
    if savings.verdict is Verdict.VERIFIED:
        found.append(
            fact(
                MeasureCode.PROVEN,
                saving=saving,
                low=savings.saving_low_kwh,
                high=high,
            )
        )
    return tuple(found)
