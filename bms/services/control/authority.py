"""The one gate (clause W5): whether a lever may be written now, by whom, and until when. Pure.

Dispatch, a person's write, a controller's download and a trial's blocks all ask here. What may be
written where a write is permitted is decided by ``point_limits`` and ``ventilation_minimum``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bms.model.assets.point import Point
from bms.model.assets.site import Mode, Site
from bms.model.assets.unit_limits import may_be_unattended
from bms.model.assets.write_rule import WriteRule
from bms.model.clock_reading import ClockReading
from bms.model.control.command import Command, Override
from bms.model.control.hands_off import HandsOff
from bms.model.control.lease import Lease
from bms.model.control.local_override import LOCAL, LocalOverride
from bms.model.control.reasons import Holder, RefusalReason
from bms.model.fact import Fact, MessageCode, Moment, fact
from bms.services.control.site_state import SiteState
from bms.services.local_overrides.people import reason_of
from bms.services.rooms.missing_temperature import (
    GIVEN_BACK_AFTER,
    NEVER,
    TOLD_AFTER,
    ZoneSight,
    all_blind_for,
    rooms_of,
)

PLAN = "plan"
"""The actor of commands that write a plan."""


class AuthorityReason(MessageCode):
    """Why nothing is written at a site or a point."""

    OTHER_OWNER = "other_owner"
    MODE_NOT_AUTO = "mode_not_auto"
    NO_PLAN = "no_plan"
    PLAN_OBJECTIONS = "plan_objections"
    PLAN_OLD = "plan_old"
    PLAN_ELSEWHEN = "plan_elsewhen"
    PLAN_EDITED = "plan_edited"
    OVERRIDDEN = "overridden"
    ROOMS_BLIND = "rooms_blind"
    ROOMS_NEVER_SEEN = "rooms_never_seen"
    ROOMS_UNREAD = "rooms_unread"


class Writer(StrEnum):
    """Who asks to write. A trial is the plan in a block of a switchback trial; a controller writes
    itself what it has fetched of the plan; commissioning is a person who tries a point."""

    PLAN = "plan"
    TRIAL = "trial"
    CONTROLLER = "controller"
    PERSON = "person"
    COMMISSIONING = "commissioning"


PEOPLE = frozenset({Writer.PERSON, Writer.COMMISSIONING})


class Obstacle(StrEnum):
    """What stands in the way of a write."""

    OWNER = "owner"
    MODE = "mode"
    TRIAL = "trial"
    OVERRIDE = "override"
    LEASE = "lease"
    PLAN = "plan"
    POINT = "point"
    START = "start"
    ROOMS = "rooms"
    COMMISSIONING = "commissioning"


ENDING = frozenset(
    {Obstacle.MODE, Obstacle.TRIAL, Obstacle.OVERRIDE, Obstacle.ROOMS, Obstacle.COMMISSIONING}
)
"""Obstacles that people have put up, rooms that nobody sees, and points that are not what was
commissioned: what the plan holds is given back at once. The others let its leases run out."""


@dataclass(frozen=True, slots=True)
class Permitted:
    """The point may be written within its rule; no lease may reach beyond ``until``."""

    point: Point
    rule: WriteRule
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Withheld:
    """Nothing may be written. ``until`` is when the obstacle ends, None where that is not known;
    ``holder`` and ``value`` say who holds the point, where somebody does (``Holder``)."""

    obstacle: Obstacle
    reason: Fact
    until: datetime | None = None
    holder: Fact | None = None
    value: float | None = None


def may_write(state: SiteState, point: str, writer: Writer) -> Permitted | Withheld:
    """Whether the point of this id may be written now.

    A person may write in any mode, without a plan and on a trial's days of own control, and takes
    over a lease of the plan or of another person; only an override stops a person, too: it is
    somebody's word, to be taken back first.
    """
    return (
        _site_obstacle(state, writer)
        or _hold_of_people(state, point, writer)
        or _not_commissioned(state, point, writer)
        or withheld_plan(state, writer)
        or _rooms_unseen(state, point, writer)
        or _point(state, point, writer)
    )


def withheld_site(state: SiteState, writer: Writer) -> Withheld | None:
    """Why no point at all of the site may be written now; None where some may."""
    return _site_obstacle(state, writer) or withheld_plan(state, writer)


def withheld_plan(state: SiteState, writer: Writer) -> Withheld | None:
    """What is wrong with the plan in force, for those who write by it."""
    flaw = None if writer in PEOPLE else plan_flaw(state)
    return None if flaw is None else Withheld(Obstacle.PLAN, flaw)


def ends_now(state: SiteState, held: Lease, writer: Writer) -> bool:
    """Whether a lease of the plan has to be given back at once; a person's lasts until its end."""
    if held.command.actor != PLAN:
        return False
    decision = may_write(state, held.point.id, writer)
    return isinstance(decision, Withheld) and decision.obstacle in ENDING


def ended_by_mark(marks: Iterable[HandsOff], held: Lease, at: ClockReading) -> bool:
    """Whether people have said that we keep our hands off the point of a lease: whatever the plan
    holds there goes back at once, and what a person had written before that."""
    command, point = held.command, held.point
    return any(
        mark.covers(point.site, point.id)
        and mark.stands(at)
        and (command.actor == PLAN or command.issued_at <= mark.since)
        for mark in marks
    )


def plan_flaw(state: SiteState) -> Fact | None:
    """Why the plan in force may not be written; None when it may."""
    plan, now = state.plan, state.now
    if plan is None:
        return fact(AuthorityReason.NO_PLAN)
    if plan.objections:
        return fact(AuthorityReason.PLAN_OBJECTIONS, objection=plan.objections[0])
    if now - plan.created_at > state.plan_max_age:
        return fact(AuthorityReason.PLAN_OLD, created=Moment(plan.created_at))
    if not plan.schedule.start <= now < plan.schedule.end:
        return fact(AuthorityReason.PLAN_ELSEWHEN)
    if state.plan_edited:
        return fact(AuthorityReason.PLAN_EDITED)
    if state.plan_objections:
        return fact(AuthorityReason.PLAN_OBJECTIONS, objection=state.plan_objections[0])
    return None


def _site_obstacle(state: SiteState, writer: Writer) -> Withheld | None:
    """Another owner of the site (W2), its mode, or a trial's day of own control."""
    if not state.owned and writer is not Writer.CONTROLLER:
        return Withheld(Obstacle.OWNER, fact(AuthorityReason.OTHER_OWNER, site=state.site.id))
    if writer in PEOPLE:
        return None
    if state.mode is not Mode.AUTO:
        mode = fact(AuthorityReason.MODE_NOT_AUTO, mode=state.mode.value)
        return Withheld(Obstacle.MODE, mode)
    block = state.trial
    if block is not None and block.own_control:
        return Withheld(Obstacle.TRIAL, block.notice, block.until)
    return None


def _hold_of_people(state: SiteState, point: str, writer: Writer) -> Withheld | None:
    """An override of the point or the site, or, for the plan, the running lease of a person."""
    override = next((o for o in state.overrides if o.point in (None, point)), None)
    if override is not None:
        by = fact(Holder.LOCAL) if override.actor == LOCAL else _person(override.actor)
        return Withheld(Obstacle.OVERRIDE, _overridden(point, override), override.until, by)
    local = state.local_overrides.get(point)
    if local is not None and local.lasts_unseen:
        return Withheld(
            Obstacle.OVERRIDE, _held_locally(local), local.until, fact(Holder.LOCAL), local.found
        )
    held = state.leases.get(point)
    if writer in PEOPLE or held is None or held.ended(state.at):
        return None
    if held.command.actor == PLAN:
        return None
    return Withheld(
        Obstacle.LEASE,
        _overridden(point, held.command),
        held.lease_end,
        _person(held.command.actor),
        held.last_seen,
    )


def _not_commissioned(state: SiteState, point: str, writer: Writer) -> Withheld | None:
    """A point that nobody has tried as it is now; people try it."""
    flaw = None if writer in PEOPLE else state.uncommissioned.get(point)
    return None if flaw is None else Withheld(Obstacle.COMMISSIONING, flaw)


def _rooms_unseen(state: SiteState, point: str, writer: Writer) -> Withheld | None:
    """The rooms of a lever that nobody has seen for hours, or not yet since our start (clause W4).

    A person sees the room. A lever of many rooms waits for each of them at a start, but not for one
    that was not seen for an hour: that one is told of in the plan.
    """
    known = next((p for p in state.site.points if p.id == point), None)
    rooms = [] if known is None else rooms_of(state.site, known, state.sight)
    if writer in PEOPLE or not rooms:
        return None
    if all_blind_for(rooms, state.now, GIVEN_BACK_AFTER):
        return Withheld(Obstacle.ROOMS, _blind(point, rooms))
    waiting = [r for r in rooms if not r.read and state.now - r.seen < TOLD_AFTER]
    if waiting or not any(room.read for room in rooms):
        names = tuple(room.name for room in waiting or rooms)
        return Withheld(
            Obstacle.START, fact(AuthorityReason.ROOMS_UNREAD, point=point, rooms=names)
        )
    return None


def _blind(point: str, rooms: Sequence[ZoneSight]) -> Fact:
    """Which rooms nobody sees, and since when."""
    names, since = tuple(room.name for room in rooms), max(room.seen for room in rooms)
    if since == NEVER:
        return fact(AuthorityReason.ROOMS_NEVER_SEEN, point=point, rooms=names)
    return fact(AuthorityReason.ROOMS_BLIND, point=point, rooms=names, since=Moment(since))


def _point(state: SiteState, point: str, writer: Writer) -> Permitted | Withheld:
    """Whether the point is one that may be written at all."""
    known = next((p for p in state.site.points if p.id == point), None)
    if known is None:
        unknown = fact(RefusalReason.UNKNOWN_POINT, site=state.site.id, point=point)
        return Withheld(Obstacle.POINT, unknown)
    rule = known.write
    if rule is None:
        return Withheld(Obstacle.POINT, fact(RefusalReason.NOT_WRITABLE, point=point))
    if rule.beneath_own_program and writer not in PEOPLE:
        slot = rule.own_program
        return Withheld(Obstacle.POINT, fact(RefusalReason.BENEATH_OWN_PROGRAM, slot=slot))
    if writer not in PEOPLE and not may_be_unattended(known):
        return Withheld(Obstacle.POINT, _meaning_unknown(known, rule))
    if rule.hold_safe is None and not rule.ends_by_itself:
        return Withheld(Obstacle.POINT, fact(RefusalReason.NO_SAFE_END, point=point))
    if writer is not Writer.CONTROLLER and _fetches(state.site, known):
        return Withheld(Obstacle.POINT, fact(RefusalReason.FETCHES, point=point))
    until = None if writer in PEOPLE else state.own_control_from
    return Permitted(known, rule, until)


def _meaning_unknown(point: Point, rule: WriteRule) -> Fact:
    return fact(
        RefusalReason.MEANING_UNKNOWN,
        point=point.id,
        unit=point.unit.value,
        low=rule.minimum,
        high=rule.maximum,
    )


def _fetches(site: Site, point: Point) -> bool:
    """Whether the controller of the point applies the schedule by itself."""
    return any(device.fetches for device in site.devices if device.id == point.device)


def _overridden(point: str, word: Override | Command) -> Fact:
    """Who has taken the point over, and why."""
    return fact(AuthorityReason.OVERRIDDEN, point=point, actor=word.actor, reason=word.reason)


def _held_locally(local: LocalOverride) -> Fact:
    """Who has taken the point over at the building."""
    return fact(AuthorityReason.OVERRIDDEN, point=local.point, actor=LOCAL, reason=reason_of(local))


def _person(name: str) -> Fact:
    return fact(Holder.PERSON, name=name)
