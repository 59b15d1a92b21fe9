"""What the assessment of savings asks people about: events in the data that nobody has decided on,
and measures that save less than was expected of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from bms.model.assets.site import Site
from bms.model.fact import MessageCode, Moment, fact
from bms.model.work.finding import Price, Severity
from bms.model.work.item import Cause, WorkKind
from bms.services.assessment.measures import (
    CONTROL_ID,
    YEAR,
    MeasureSaving,
    measure_savings,
)
from bms.services.assessment.non_routine_events import open_events
from bms.services.assessment.savings_cache import SavingsCache
from bms.services.work.life import Look

CLEARS = timedelta(days=2)
"""A saving on the edge of what was expected is asked about once."""


class ProofCode(MessageCode):
    """What is asked, and what to look for."""

    EVENT = "work_event_proposed"
    MEASURE_BELOW = "work_measure_below"
    LOOK_AT_EVENT = "look_at_proposed_event"
    LOOK_AT_MEASURE = "look_at_measure"


def proof_look(site: Site, cache: SavingsCache) -> Look:
    """Proposed events and disappointing measures of a site."""
    rows = measure_savings(cache, site)
    causes = (*_proposed(site, cache), *(cause for row in rows for cause in _below(row)))
    return Look(causes=causes, kinds=frozenset({WorkKind.EVENT_PROPOSED, WorkKind.MEASURE_BELOW}))


def _proposed(site: Site, cache: SavingsCache) -> Iterator[Cause]:
    entries = cache.ports.ledgers.events(site.id)
    for event in open_events(site, cache.site(site).savings, entries):
        found = event.finding
        yield Cause(
            kind=WorkKind.EVENT_PROPOSED,
            site=site.id,
            subject=event.meter,
            rule=event.id,
            what=fact(ProofCode.EVENT, meter=event.meter, found=found.fact),
            look_for=fact(ProofCode.LOOK_AT_EVENT),
            since=found.start,
            severity=Severity.LOW,
        )


def _below(row: MeasureSaving) -> Iterator[Cause]:
    """A measure whose saving lies below what was expected, interval and all."""
    measure, savings, expected = row.kept.measure, row.savings, row.expected_kwh
    if savings is None or expected is None or row.periods is None or measure.id == CONTROL_ID:
        return
    saving, high, period = savings.saving_kwh, savings.saving_high_kwh, row.periods.reporting
    if saving is None or high is None or high >= expected or row.kept.end is not None:
        return
    a_year = YEAR / (period.end - period.start)
    yield Cause(
        kind=WorkKind.MEASURE_BELOW,
        site=measure.site,
        subject=f"{measure.site}/{measure.id}",
        what=fact(
            ProofCode.MEASURE_BELOW,
            what=measure.what,
            saving=saving,
            high=high,
            expected=expected,
            since=Moment(measure.effective),
        ),
        look_for=fact(ProofCode.LOOK_AT_MEASURE),
        since=measure.effective,
        severity=Severity.MEDIUM,
        price=Price(kwh_year=(expected - saving) * a_year, kwh_low=(expected - high) * a_year),
        clears=CLEARS,
    )
