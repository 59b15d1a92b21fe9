"""Whose value stands at a point: the building's, ours, or somebody else's (clauses W6, W7, W9).

Pure, and the same for a tick, a person's write, a release and the guard. What stands is compared
with the book of what is ours: with nothing in the book whatever stands is not ours.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from bms.model.assets.write_rule import ReleaseKind, WriteRule
from bms.model.clock_reading import Elapsed
from bms.model.control.command_state import MINIMUM_TIMES_SLOT, CommandState, OccupiedSlot
from bms.model.control.lease import Lease
from bms.model.control.local_override import LocalOverride, OfferedLease
from bms.model.control.reasons import Holder
from bms.model.fact import Fact, fact

OPERATOR_SLOTS = 8
"""Priorities up to this one are people's (ASHRAE 135, 19.2.2)."""
RETAKE_AFTER = timedelta(days=1)
"""A point that its device let go is taken again once in this time."""
EXCEPTION_ENDS_WITHIN = timedelta(minutes=2)
STARTS_FOR = timedelta(minutes=2)
"""How long after a restart the 0 of a register is nobody's value."""

IN_SLOT = (ReleaseKind.NULL, ReleaseKind.SCHEDULE)


class Place(StrEnum):
    """What our place at a point has.

    ``free``: nothing of us or others; a register has its own value. ``ours``: what our open lease
    wrote. ``own_timetable``: the building's timetable has moved a register that we held.
    ``let_go``: the device has emptied our place, after a restart or a watchdog. ``taken``: it is
    somebody's word.
    """

    FREE = "free"
    OURS = "ours"
    OWN_TIMETABLE = "own_timetable"
    LET_GO = "let_go"
    TAKEN = "taken"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceFinding:
    """Whose value stands at a point. Of a ``taken`` one ``by`` is who holds it, ``found`` with
    which value (None: our place was emptied) and ``priority`` in which slot; ``ours_beneath`` says
    that our own value still stands below. ``waiting``: the object keeps its minimum on or off time,
    and takes our value after it."""

    state: CommandState
    place: Place
    by: Fact | None = None
    found: float | None = None
    priority: int | None = None
    ours_beneath: bool = False
    waiting: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the book has of a point: our open lease, who holds it at the building, when its device
    last let it go, and when the guards of another home may give it back; ``elapsed`` is the running
    time of the look, None where it is not known.
    """

    lease: Lease | None = None
    override: LocalOverride | None = None
    let_go: datetime | None = None
    elsewhere: OfferedLease | None = None
    elapsed: Elapsed | None = None

    def held_for(self, at: datetime) -> timedelta:
        """How long ago the lease was issued, by running time where that is known, as a calendar
        that jumps is nobody's silence (W14). Zero without a lease."""
        if self.lease is None:
            return timedelta(0)
        gone = None if self.elapsed is None else self.elapsed.since(self.lease.issued)
        return at - self.lease.command.issued_at if gone is None else gone


def judge(rule: WriteRule, state: CommandState, known: Known) -> PlaceFinding:
    """Whose value stands at a point that is written by ``rule``."""
    above = _people_above(rule, state)
    beneath = _in_our_place(rule, state, known)
    waiting = any(_is_minimum_time(slot, state) for slot in state.above)
    if not above:
        return replace(beneath, waiting=waiting)
    top = above[0]
    by = Holder.OPERATOR if top.priority <= OPERATOR_SLOTS else Holder.PROGRAM
    return PlaceFinding(
        state=state,
        place=Place.TAKEN,
        by=fact(by),
        found=top.value,
        priority=top.priority,
        ours_beneath=beneath.place is Place.OURS,
    )


def agrees(rule: WriteRule, value: float | None, wanted: Iterable[float]) -> bool:
    """Whether a value is one of the wanted ones, within the tolerance of the point."""
    return value is not None and any(abs(value - each) <= rule.tolerance + 1e-9 for each in wanted)


def _people_above(rule: WriteRule, state: CommandState) -> list[OccupiedSlot]:
    """The slots above ours that are somebody's word, whatever their value."""
    return [
        slot
        for slot in state.above
        if slot.priority != rule.own_program and not _is_minimum_time(slot, state)
    ]


def _is_minimum_time(slot: OccupiedSlot, state: CommandState) -> bool:
    return slot.priority == MINIMUM_TIMES_SLOT and state.minimum_times


def _in_our_place(rule: WriteRule, state: CommandState, known: Known) -> PlaceFinding:
    if rule.release.kind in IN_SLOT or rule.release.kind is ReleaseKind.REMOTE_ENABLE:
        return _behind_switch(rule, state, known)
    return _in_register(rule, state, known)


def _behind_switch(rule: WriteRule, state: CommandState, known: Known) -> PlaceFinding:
    """A slot, an exception of a schedule, or a register behind an enable bit: all can be empty."""
    if not state.occupied:
        return _emptied(rule, state, known)
    if _is_ours(rule, state, known):
        return PlaceFinding(state=state, place=Place.OURS)
    if _was_taken_back(rule, state, known):
        return PlaceFinding(state=state, place=Place.FREE)
    if rule.release.kind is ReleaseKind.REMOTE_ENABLE and _is_forgotten(rule, state, known):
        return _emptied(rule, state, known)
    return _foreign(rule, state)


def _in_register(rule: WriteRule, state: CommandState, known: Known) -> PlaceFinding:
    """A register that always has a value."""
    if _is_ours(rule, state, known):
        return PlaceFinding(state=state, place=Place.OURS)
    lease = known.lease
    if agrees(rule, state.own, state.home):
        if lease is None or rule.release.kind is not ReleaseKind.TIMETABLE:
            return _emptied(rule, state, known)
        return PlaceFinding(state=state, place=Place.OWN_TIMETABLE)
    if _was_taken_back(rule, state, known) or _never_arrived(rule, state, lease):
        return PlaceFinding(state=state, place=Place.FREE)
    if _is_forgotten(rule, state, known):
        return _emptied(rule, state, known)
    return _foreign(rule, state)


def _is_ours(rule: WriteRule, state: CommandState, known: Known) -> bool:
    """Whether the place has what our open lease wrote, or an owner before us that was lost."""
    lease = known.lease
    if lease is None or state.own is None:
        return _is_left_over(rule, state, known.override) or _is_lost_owners(rule, state, known)
    return lease.wrote(state.own, rule)


def _is_lost_owners(rule: WriteRule, state: CommandState, known: Known) -> bool:
    """Whether the place has what an owner before us wrote that was lost: its guards have not come
    to it yet, or are lost as well (W2, W12)."""
    left = known.elsewhere
    return left is not None and left.is_near(state.at) and agrees(rule, state.own, left.values)


def _is_left_over(rule: WriteRule, state: CommandState, override: LocalOverride | None) -> bool:
    """Whether a hand that lay over our value has left it behind, with the enable bit still set."""
    if override is None or override.ours is None or not state.enabled:
        return False
    return agrees(rule, state.own, (override.ours, *override.left))


def _never_arrived(rule: WriteRule, state: CommandState, lease: Lease | None) -> bool:
    """Whether a write that nobody has seen left the register as it was."""
    if lease is None or lease.last_seen is not None or lease.before is None:
        return False
    before = lease.before.own
    return before is not None and agrees(rule, state.own, (before,))


def _was_taken_back(rule: WriteRule, state: CommandState, known: Known) -> bool:
    """Whether people have said that what stands there is over."""
    override = known.override
    if override is None or not override.taken_back or override.found is None:
        return False
    return agrees(rule, state.own, (override.found,))


def _emptied(rule: WriteRule, state: CommandState, known: Known) -> PlaceFinding:
    """Our place is empty: it was before, or it has been emptied since we held it."""
    lease = known.lease
    if lease is None or lease.last_seen is None or lease.returning or lease.withdrawn:
        return PlaceFinding(state=state, place=Place.FREE)
    if _ended_itself(rule, state, lease) or _is_emptied_elsewhere(rule, state, lease, known):
        return PlaceFinding(state=state, place=Place.FREE)
    if _has_restarted(state, lease, known):
        if lease.lease_end <= state.at:
            return PlaceFinding(state=state, place=Place.FREE)
        if _may_be_retaken(state, lease, known.let_go):
            return PlaceFinding(state=state, place=Place.LET_GO)
    return PlaceFinding(state=state, place=Place.TAKEN, by=fact(Holder.LOCAL))


def _is_emptied_elsewhere(rule: WriteRule, state: CommandState, lease: Lease, known: Known) -> bool:
    """Whether the guards of an owner before us may have taken our value for its own: the same."""
    left = known.elsewhere
    if left is None or not left.is_near(state.at):
        return False
    return any(agrees(rule, ours, left.values) for ours in lease.values)


def _ended_itself(rule: WriteRule, state: CommandState, lease: Lease) -> bool:
    """Whether it is an exception of a schedule, which ends with its lease at the device's clock."""
    ends = lease.lease_end - EXCEPTION_ENDS_WITHIN
    return rule.release.kind is ReleaseKind.SCHEDULE and ends <= state.at


def _has_restarted(state: CommandState, lease: Lease, known: Known) -> bool:
    """Whether the device was seen to restart, or had not heard of us for as long as its watchdog
    waits, since the lease was issued."""
    before, rule = lease.before, lease.point.write
    boot = None if before is None else before.boot
    told = boot is not None and state.boot is not None
    if told and boot != state.boot:
        return True
    issued = lease.command.issued_at
    if not told and state.silent_at is not None and state.silent_at >= issued:
        return True  # a device that tells of its starts is believed; of another, silence is
    watchdog_s = None if rule is None else rule.watchdog_s
    if watchdog_s is None:
        return False
    heard = lease.read_back is not None  # else it may have heard of nothing since the one before
    return not heard or known.held_for(state.at) >= timedelta(seconds=watchdog_s)


def _is_forgotten(rule: WriteRule, state: CommandState, known: Known) -> bool:
    """Whether a register has what its device starts with: after a restart 0, or what stood there
    before we took it. Where we hold nothing only 0 counts, and only right after the restart (W9).
    """
    lease = known.lease
    if lease is None:
        started = state.silent_at is not None and abs(state.at - state.silent_at) <= STARTS_FOR
        return started and agrees(rule, state.own, (0.0,))
    before = None if lease.before is None else lease.before.own
    starts_with = (0.0,) if before is None else (0.0, before)
    return _has_restarted(state, lease, known) and agrees(rule, state.own, starts_with)


def _may_be_retaken(state: CommandState, lease: Lease, let_go: datetime | None) -> bool:
    """Whether the device has not let it go within the last day; what somebody else of us has noted
    of this very lease, and not closed yet, is the same letting go."""
    if let_go is None or let_go > lease.command.issued_at:
        return True
    return abs(state.at - let_go) >= RETAKE_AFTER


def _foreign(rule: WriteRule, state: CommandState) -> PlaceFinding:
    """Somebody else's value in our place."""
    in_slot = rule.release.kind is ReleaseKind.NULL
    return PlaceFinding(
        state=state,
        place=Place.TAKEN,
        by=fact(Holder.OUR_PLACE if in_slot else Holder.LOCAL),
        found=state.own,
        priority=rule.priority if in_slot else None,
    )
