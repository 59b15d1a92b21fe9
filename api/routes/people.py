"""People in charge: overrides, modes, the way back to the building's own control, bookings, and
what they did."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import AwareDatetime

from api.deps import (
    MADE_ID,
    SITE_ID,
    Auditor,
    Cursor,
    Limit,
    Operator,
    PortsDep,
    Reader,
    SiteDep,
    at_every_site,
    page_of,
)
from api.ports import ApiPorts
from api.protocol.repeats import RepeatableRoute
from api.schemas.base import FactAnswer
from api.schemas.commissioning import CommissioningAnswer, TrustAnswer
from api.schemas.people import (
    AuditPage,
    BookingAnswer,
    BookingBody,
    BookingsAnswer,
    HandsOffList,
    ModeAnswer,
    ModeBody,
    OverrideBody,
    OverrideMade,
    ReleaseAnswer,
    ReleaseBody,
    ReleaseRow,
    StandingOverride,
    StandingOverrides,
    TakenBackAnswer,
)
from api.schemas.sites import HandsOffAnswer, OverrideAnswer, at_building
from bms.errors import ConfigError
from bms.model.access.grant import Permission
from bms.model.control.audit import Action, AuditSearch
from bms.model.control.command import Override, Released
from bms.model.planning.plan import Plan
from bms.services import operator as people
from bms.services.access.authorise import authorise
from bms.services.commissioning.records import newest
from bms.services.modes.gate import ask_for_auto
from bms.services.occupancy import BookingRequest, book
from bms.services.off_loop import off_loop
from bms.services.operator import HandedBack
from bms.services.overview.plan_worth import PlanWorth, override_cost, plan_worth
from bms.services.site_lookup import mode_in_force, site_named

router = APIRouter(tags=["people"], route_class=RepeatableRoute)


WAITS = 202
"""The word stands and the points were given back; the database is told later."""


def released(done: HandedBack, response: Response) -> ReleaseAnswer:
    """Releases as rows, in the order of the points; 202 where the database has yet to be told."""
    if not done.recorded:
        response.status_code = WAITS
    rows = [
        ReleaseRow(point=r.point, outcome="released", effective=r.effective)
        if isinstance(r, Released)
        else ReleaseRow(point=r.point, outcome="still_held", error=FactAnswer.of(r.error))
        for r in sorted(done.receipts, key=lambda receipt: receipt.point)
    ]
    complete = all(row.outcome == "released" for row in rows)
    return ReleaseAnswer(complete=complete, points=rows, recorded=done.recorded)


@router.get("/overrides")
def overrides(
    ports: PortsDep, key: Reader, limit: Limit = 100, cursor: Cursor = None
) -> StandingOverrides:
    """Every override in force in the city, the longest standing first, with its author, its age and
    what it forgoes a day."""
    now = ports.clock.now()
    by_site = ports.control.decisions.overrides_of(list(ports.sites), now)
    standing = sorted(
        (each for found in by_site.values() for each in found), key=lambda o: (o.since, o.id)
    )
    shown, after = page_of(standing, lambda each: each.id, limit, cursor)
    plans = ports.control.plans.plans_in_force(sorted({o.site for o in shown}), now)
    return StandingOverrides(
        overrides=[_standing(each, ports, plans.get(each.site)) for each in shown], next=after
    )


def _standing(known: Override, ports: ApiPorts, plan: Plan | None) -> StandingOverride:
    site = ports.sites[known.site]
    spares = PlanWorth(kwh=None, dkk=None) if plan is None else plan_worth(plan)
    forgone = override_cost(site, known.point, spares)
    answer = OverrideAnswer.of(known, at_building(site.id, ports.control.journal))
    return StandingOverride(
        **answer.model_dump(),
        age_s=(ports.clock.now() - known.since).total_seconds(),
        forgone_kwh_per_day=None if forgone.kwh is None else round(forgone.kwh, 1),
        forgone_dkk_per_day=None if forgone.dkk is None else round(forgone.dkk, 2),
    )


@router.post("/sites/{site_id}/overrides", status_code=201)
async def add_override(
    ports: PortsDep, key: Operator, site: SiteDep, body: OverrideBody, response: Response
) -> OverrideMade:
    """Keep our hands off a point or a site. What we hold there is given back at once."""
    if body.until is not None and body.until <= ports.clock.now():
        raise ConfigError(f"until {body.until.isoformat()} is over; building time is later")
    made, done = await people.override(
        site,
        now=ports.clock.now(),
        ports=ports.control,
        point=body.point,
        until=body.until,
        reason=body.reason,
        actor=key.name,
    )
    response.headers["Location"] = f"/v1/sites/{site.id}/overrides/{made.id}"
    return OverrideMade(
        override=OverrideAnswer.model_validate(made), released=released(done, response)
    )


@router.delete("/sites/{site_id}/overrides/{override_id}", status_code=204)
async def remove_override(
    ports: PortsDep,
    key: Operator,
    site: SiteDep,
    override_id: Annotated[str, Path(pattern=MADE_ID)],
) -> None:
    """Take an override back; the plan acts again from the next tick."""
    await people.end_override(
        site, override_id, now=ports.clock.now(), ports=ports.control, actor=key.name
    )


@router.post("/sites/{site_id}/mode")
async def set_mode(
    ports: PortsDep, key: Operator, site: SiteDep, body: ModeBody, response: Response
) -> ModeAnswer:
    """How far a site is trusted to us. Below ``auto`` everything is given back at once; who asks
    for ``auto`` approves it by the name of the key. ``agree``: after a step back."""
    done = await people.change_mode(
        site,
        body.mode,
        now=ports.clock.now(),
        ports=ports.control,
        reason=body.reason,
        actor=key.name,
        agree=body.agree,
    )
    mode = await off_loop(mode_in_force, site, ports.control.decisions)
    return ModeAnswer(site=site.id, mode=mode, released=released(done, response))


@router.get("/sites/{site_id}/commissioning")
def commissioning(ports: PortsDep, key: Reader, site: SiteDep) -> TrustAnswer:
    """The signed protocols that count for the points of a site, and what stands in the way of
    ``auto``: the gate, points that are not commissioned, a step back that waits for a person."""
    control, zone = ports.control, site.timezone
    found = ask_for_auto(site, people.gate_ports(control), ports.clock.now(), agree=False)
    made = newest(control.trust.commissionings(site.id)).values()
    protocols = [CommissioningAnswer.of(each, zone) for each in made]
    mode = mode_in_force(site, control.decisions)
    return TrustAnswer.of(site.id, mode, site.mode, found, protocols)


@router.get("/release")
def hands_off(ports: PortsDep, key: Reader) -> HandsOffList:
    """What people have released, overridden or put to a lower mode, who, why and since when."""
    rows = HandsOffAnswer.standing(ports.control.hands_off, ports.clock.reading())
    shown = [row for row in rows if row.site is None or row.site in ports.sites]
    return HandsOffList(marks=shown)


@router.post("/release")
async def release(
    ports: PortsDep, key: Operator, body: ReleaseBody, response: Response
) -> ReleaseAnswer:
    """Give a point, a site or all of them back to their own control. Sites are put to ``observe``,
    a point is kept away from, until the release is taken back or, for sites, another mode is set.
    """
    now, said = ports.clock.now(), {"actor": key.name, "reason": body.reason}
    if body.site_id is None:
        at_every_site(key, Permission.OPERATE)
        sites = ports.sites.values()
        done = await people.release_city(sites, now=now, ports=ports.control, **said)
    else:
        authorise(key, Permission.OPERATE, body.site_id)
        site = site_named(ports.sites, body.site_id)
        done = await people.release(site, now=now, ports=ports.control, point=body.point, **said)
    return released(done, response)


@router.post("/release/undo")
async def take_back_release(
    ports: PortsDep, key: Operator, body: ReleaseBody, response: Response
) -> TakenBackAnswer:
    """Take a release back: sites return to the mode in which they were before it, and the plan acts
    again from the next tick. The release of the city may be taken back for one site."""
    if body.site_id is None:
        at_every_site(key, Permission.OPERATE)
    else:
        authorise(key, Permission.OPERATE, body.site_id)
    recorded = await people.take_back_release(
        site=None if body.site_id is None else site_named(ports.sites, body.site_id),
        point=body.point,
        now=ports.clock.now(),
        ports=ports.control,
        actor=key.name,
        reason=body.reason,
    )
    if not recorded:
        response.status_code = WAITS
    return TakenBackAnswer(recorded=recorded)


@router.get("/sites/{site_id}/occupancy")
def bookings(ports: PortsDep, key: Reader, site: SiteDep) -> BookingsAnswer:
    """Bookings and closures that are not over, by their start."""
    rows = ports.control.decisions.bookings(site.id, ports.clock.now())
    return BookingsAnswer(bookings=[BookingAnswer.model_validate(row) for row in rows])


@router.post("/sites/{site_id}/occupancy", status_code=201)
def add_booking(
    ports: PortsDep, key: Operator, site: SiteDep, body: BookingBody, response: Response
) -> BookingAnswer:
    """Book a zone or a building, or close it. The next tick plans with it."""
    request = BookingRequest(
        zone=body.zone,
        start=body.start,
        end=body.end,
        kind=body.kind,
        reason=body.reason,
        author=key.name,
        people=body.people,
    )
    made = book(site, ports.control.decisions, request, now=ports.clock.now())
    response.headers["Location"] = f"/v1/sites/{site.id}/occupancy/{made.id}"
    return BookingAnswer.model_validate(made)


@router.delete("/sites/{site_id}/occupancy/{booking_id}", status_code=204)
def remove_booking(
    ports: PortsDep,
    key: Operator,
    site: SiteDep,
    booking_id: Annotated[str, Path(pattern=MADE_ID)],
) -> None:
    """Take a booking or closure back; twice is once. The next tick plans without it."""
    ports.control.decisions.remove_booking(
        site.id, booking_id, actor=key.name, at=ports.clock.now()
    )


SiteId = Annotated[str | None, Query(pattern=SITE_ID, description="only about this site")]
Actor = Annotated[str | None, Query(max_length=200, description="only what this person did")]
Number = Annotated[
    str | None, Query(pattern=r"^\d{1,18}$", description="`next` of the answer before")
]


def audit_search(
    site: SiteId = None,
    actor: Actor = None,
    action: Action | None = None,
    since: AwareDatetime | None = None,
    until: AwareDatetime | None = None,
) -> AuditSearch:
    """The filters of a request."""
    return AuditSearch(site=site, actor=actor, action=action, since=since, until=until)


@router.get("/audit")
def audit(
    ports: PortsDep,
    key: Auditor,
    search: Annotated[AuditSearch, Depends(audit_search)],
    limit: Limit = 100,
    cursor: Number = None,
) -> AuditPage:
    """What people did, the newest first: who, what, when and why, from ``since`` to before
    ``until``. Modes, overrides, bookings, trials and keys; no entry is ever changed or removed.
    """
    before = None if cursor is None else int(cursor)
    if search.site is not None:
        authorise(key, Permission.AUDIT, search.site)
    only = None if key.may_everywhere(Permission.AUDIT) else frozenset(ports.sites)
    page = replace(search, before=before, most=limit + 1, sites=only)
    return AuditPage.of(ports.control.ledgers.audit(page), limit)
