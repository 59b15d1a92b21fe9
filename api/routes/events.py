"""Non-routine events of a site's meters, and the baselines of its savings."""

from __future__ import annotations

from fastapi import APIRouter

from api.deps import (
    Assessor,
    CacheDep,
    Cursor,
    Limit,
    Period,
    PortsDep,
    Reader,
    Recorder,
    SiteDep,
    page_of,
)
from api.protocol.repeats import RepeatableRoute
from api.schemas.events import (
    AcceptBody,
    BaselineRow,
    BaselinesAnswer,
    EventBody,
    EventRow,
    EventsAnswer,
    OpenEventRow,
)
from bms.errors import ConfigError
from bms.model.savings.event import Decision, NonRoutineEvent, standing
from bms.services.assessment.frozen_baselines import accept_changed
from bms.services.assessment.non_routine_events import AdjustmentQuantity, Ledger, open_events

router = APIRouter(prefix="/sites/{site_id}", tags=["savings"], route_class=RepeatableRoute)


@router.get("/events")
def events(
    ports: PortsDep,
    key: Reader,
    site: SiteDep,
    cache: CacheDep,
    baseline: Period = None,
    reporting: Period = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> EventsAnswer:
    """Changes of use that have nothing to do with what was done for energy.

    What the data propose and nobody has decided about, and the ledger of what people decided.
    """
    entries = ports.control.ledgers.events(site.id)
    kept = {entry.id for entry in standing(entries)}
    savings = cache.site(site, baseline, reporting).savings
    rows, after = page_of(entries[::-1], lambda entry: entry.id, limit, cursor)
    return EventsAnswer(
        open=[OpenEventRow.of(row, site.timezone) for row in open_events(site, savings, entries)],
        events=[EventRow.of(entry, standing=entry.id in kept) for entry in rows],
        next=after,
    )


@router.post("/events", status_code=201)
def decide(
    ports: PortsDep,
    key: Recorder,
    site: SiteDep,
    cache: CacheDep,
    body: EventBody,
    baseline: Period = None,
    reporting: Period = None,
) -> EventRow:
    """Confirm or dismiss an open event, or enter one that the data do not show.

    The ledger is only added to; savings are shown with and without what it adjusts for.
    """
    ledger = Ledger(
        site=site,
        ledgers=ports.assessment.ledgers,
        savings=cache.site(site, baseline, reporting, checked=True).savings,
        author=key.name,
        now=ports.clock.now(),
    )
    return EventRow.of(_entered(ledger, body), standing=True)


def _entered(ledger: Ledger, body: EventBody) -> NonRoutineEvent:
    quantity = None
    if body.change_kwh is not None and body.change_se_kwh is not None:
        quantity = AdjustmentQuantity(kwh=body.change_kwh, kwh_se=body.change_se_kwh)
    if body.open is not None and body.decision is Decision.DISMISSED:
        return ledger.dismiss(body.open, reason=body.reason)
    if body.open is not None:
        return ledger.confirm(body.open, reason=body.reason, quantity=quantity)
    if body.meter is None or body.start is None or body.end is None or quantity is None:
        raise ConfigError(
            "an event of its own has a meter, start, end, change_kwh and change_se_kwh"
        )
    return ledger.add(
        body.meter,
        body.start,
        body.end,
        quantity=quantity,
        reason=body.reason,
        kind=body.kind,
        supersedes=body.supersedes,
    )


@router.get("/baselines")
def baselines(ports: PortsDep, key: Reader, site: SiteDep) -> BaselinesAnswer:
    """The baselines of a site as they stood when they were first used, oldest first."""
    return BaselinesAnswer(
        baselines=[BaselineRow.of(kept) for kept in ports.control.ledgers.baselines(site.id)]
    )


@router.post("/baselines", status_code=201)
def accept_baselines(
    ports: PortsDep, key: Assessor, site: SiteDep, cache: CacheDep, body: AcceptBody
) -> BaselinesAnswer:
    """Accept the baselines of the site as its data make them now, in place of those before.

    Empty where none of them has changed.
    """
    made = accept_changed(
        ports.assessment.ledgers,
        cache.site(site, checked=True).savings,
        author=key.name,
        reason=body.reason,
        now=ports.clock.now(),
    )
    return BaselinesAnswer(baselines=[BaselineRow.of(kept) for kept in made])
