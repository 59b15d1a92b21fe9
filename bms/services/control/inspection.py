"""Look at levers before anything is decided, and settle what the look shows of our leases.

Somebody's word ends a lease at once, whatever we were about to do with it (clauses W6 and W7); one
that is over is given back before anything new is written there (W12).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from bms.errors import GuardError
from bms.model.assets.device import Device
from bms.model.assets.point import Point
from bms.model.assets.site import Site
from bms.model.clock_reading import ClockReading
from bms.model.control.command import (
    Accepted,
    AnyReceipt,
    Command,
    Failed,
    Overridden,
    Released,
    ReleaseReceipt,
    StillHeld,
    Waiting,
)
from bms.model.control.command_state import CommandState, NoCommandState
from bms.model.control.lease import Lease
from bms.model.control.local_override import LocalOverride
from bms.model.control.reasons import ReceiptReason
from bms.model.fact import fact
from bms.ports.drivers import Drivers
from bms.ports.safety import Journal
from bms.services.control.ports import ControlPorts
from bms.services.evidence.receipts import receipts_kept
from bms.services.giving_back.many_points import as_accepted, unheard
from bms.services.giving_back.one_point import (
    HARMLESS,
    Return,
    give_back_found,
    give_back_unseen,
    return_of,
    settle_returned,
    take_ours_away,
)
from bms.services.journal_batches import close_leases, keep_notes
from bms.services.local_overrides.detection import IN_SLOT, Known, Place, PlaceFinding, judge
from bms.services.local_overrides.look import look, look_by_book
from bms.services.local_overrides.people import end_overrides, follow_people
from bms.services.local_overrides.record import is_over, notes_of
from bms.services.off_loop import off_loop, side_by_side

Targets = Mapping[str, tuple[Point, Device]]


@dataclass(slots=True)
class Inspection:
    """What was found at each point by its id, or why it could not be seen; the leases that are open
    still, which of them have ended but could not be given back, the local overrides that are
    ``over``, and what became of all of them."""

    findings: dict[str, PlaceFinding] = field(default_factory=dict)
    unseen: dict[str, NoCommandState] = field(default_factory=dict)
    stuck: dict[str, StillHeld] = field(default_factory=dict)
    leases: dict[str, Lease] = field(default_factory=dict)
    over: list[LocalOverride] = field(default_factory=list)
    outcomes: list[AnyReceipt] = field(default_factory=list)

    def standing(self, held: Lease) -> tuple[float, ...]:
        """Which of our values may stand at the point of a lease (``Lease.standing``): by what was
        found there, unless it was written anew since."""
        before, found = self.leases.get(held.point.id), self.findings.get(held.point.id)
        if before is None or found is None or before.command_id != held.command_id:
            return held.standing(None)
        return held.standing(found.state.own)


def merged(parts: Iterable[Inspection]) -> Inspection:
    """What was found at several devices as one."""
    whole = Inspection()
    for part in parts:
        whole.findings |= part.findings
        whole.unseen |= part.unseen
        whole.stuck |= part.stuck
        whole.leases |= part.leases
        whole.over += part.over
        whole.outcomes += part.outcomes
    return whole


async def inspect(
    targets: Targets,
    leases: Iterable[Lease],
    *,
    at: ClockReading,
    drivers: Drivers,
    journal: Journal,
    told: Callable[[AnyReceipt], None] = unheard,
) -> Inspection:
    """Look at these points and at those of the leases, devices side by side, and settle the leases
    that have ended or that somebody's word ends. ``told`` is called with each outcome as it comes.

    A lease is looked at where it was written. Where the site file has its point elsewhere by now it
    is given back there first, and only then the point is looked at where it is.
    """
    held = {lease.point.id: lease for lease in leases}
    wanted = {**targets, **{id_: (each.point, each.device) for id_, each in held.items()}}
    moved = frozenset(id_ for id_, each in held.items() if _is_elsewhere(each, targets.get(id_)))
    inspector = _Inspector(at, drivers, journal, told, Inspection(leases=dict(held)), moved)
    await inspector.look_at(wanted)
    free = {id_: targets[id_] for id_ in moved if id_ not in inspector.seen.leases}
    if free:
        inspector.forget(free)
        await inspector.look_at(free)
    return inspector.seen


def _is_elsewhere(lease: Lease, target: tuple[Point, Device] | None) -> bool:
    """Whether what the site file calls by the name of the leased point is another place."""
    if target is None:
        return False
    point, device = target
    return not device.same_place(lease.device) or _place(point) != _place(lease.point)


def _place(point: Point) -> tuple[object, ...]:
    rule = point.write
    return (point.address, *(() if rule is None else (rule.priority, rule.release)))


def taken_receipt(command: Command, found: PlaceFinding) -> Overridden:
    """The receipt of a command that met somebody else at the device."""
    assert found.by is not None
    return Overridden(command, found.priority, found.found, found.by)


@dataclass(slots=True)
class _Inspector:
    at: ClockReading
    drivers: Drivers
    journal: Journal
    told: Callable[[AnyReceipt], None]
    seen: Inspection
    moved: frozenset[str] = frozenset()
    """Points that are elsewhere than where they are leased."""

    async def look_at(self, wanted: Targets) -> None:
        """Look at these points, and settle what the look shows."""
        states = await look(wanted.values(), self.drivers, self.at.calendar)
        by_device: dict[str, list[CommandState | NoCommandState]] = defaultdict(list)
        for id_, state in states.items():
            by_device[wanted[id_][1].id].append(state)

        async def one_device(found: list[CommandState | NoCommandState]) -> None:
            for state in found:
                if isinstance(state, NoCommandState):
                    await self.pass_by(state)
                else:
                    await self.settle(*wanted[state.point], state)

        await side_by_side(*(one_device(found) for found in by_device.values()))

    def forget(self, points: Iterable[str]) -> None:
        """What was found at a place where these points are not any more."""
        for point in points:
            self.seen.findings.pop(point, None)

    def _say(self, outcome: AnyReceipt) -> None:
        self.seen.outcomes.append(outcome)
        self.told(outcome)

    async def settle(self, point: Point, device: Device, state: CommandState) -> None:
        """Judge a point, and draw the consequences for its lease."""
        rule = point.write
        if rule is None:
            return
        held = self.seen.leases.get(point.id)
        drivers, journal, at = self.drivers, self.journal, self.at.calendar
        seen, known = await look_by_book(
            point, device, state, held, drivers=drivers, journal=journal, at=at
        )
        if isinstance(seen, NoCommandState):
            await self.pass_by(seen)
            return
        state, known = seen, replace(known, elapsed=self.at.elapsed)
        lease = None if known.lease is None else replace(known.lease, device=device)
        if lease is not None:
            self.seen.leases[point.id] = lease
        elif held is not None:
            del self.seen.leases[point.id]
        found = judge(rule, state, known)
        if state.doubt is not None and found.place is Place.TAKEN and found.priority is None:
            why = fact(ReceiptReason.UNREADABLE, text=state.doubt)
            await self.pass_by(NoCommandState(point.id, why))
            return
        if lease is None and found.place is Place.TAKEN and await self._is_renamed(point, device):
            why = fact(ReceiptReason.BEING_GIVEN_BACK)
            await self.pass_by(NoCommandState(point.id, why))
            return
        self.seen.findings[point.id] = found
        if lease is None:
            await self._without_lease(Return(point, device), found, known)
        elif self._is_over(lease, found):
            await self._end(lease, found, known)
        else:
            await self._note(point, found, known)
            if found.place is Place.LET_GO:
                await close_leases({point.id: lease.command_id}, self.journal)
                del self.seen.leases[point.id]

    async def _is_renamed(self, point: Point, device: Device) -> bool:
        """Whether we hold this very place by another name of the point, which the site file had
        before: that goes back first, and is nobody's word."""
        try:
            leases = await off_loop(self.journal.leases_of, point.site)
        except GuardError:
            return False
        return any(
            each.point.id != point.id
            and _place(each.point) == _place(point)
            and replace(device, id=each.device.id).same_place(each.device)
            for each in leases.values()
        )

    def _is_over(self, lease: Lease, found: PlaceFinding) -> bool:
        """Whether the lease ends here and now."""
        if found.place is Place.TAKEN or lease.ended(self.at) or _came_late(lease, found):
            return True
        return lease.point.id in self.moved

    async def pass_by(self, unseen: NoCommandState) -> None:
        """A point that could not be seen: a lease that is over waits for it, others go on."""
        self.seen.unseen[unseen.point] = unseen
        lease = self.seen.leases.get(unseen.point)
        if lease is not None and lease.ended(self.at):
            item = return_of(lease)
            now = self.at.calendar
            receipt = await give_back_unseen(
                item, unseen, now=now, drivers=self.drivers, journal=self.journal
            )
            self._say(receipt)
            await self._close(lease, receipt)

    async def _close(self, lease: Lease, receipt: ReleaseReceipt) -> None:
        await settle_returned(receipt, return_of(lease), self.journal)
        if isinstance(receipt, Released):
            del self.seen.leases[lease.point.id]
        else:
            self.seen.stuck[lease.point.id] = receipt

    async def _end(self, lease: Lease, found: PlaceFinding, known: Known) -> None:
        """Give back what is ours of a lease, and close it; the lease stays where that failed."""
        receipt = await give_back_found(
            return_of(lease),
            found,
            known,
            now=self.at.calendar,
            drivers=self.drivers,
            journal=self.journal,
        )
        if found.place is Place.TAKEN:
            self._say(taken_receipt(lease.command, found))
        if found.place is not Place.TAKEN or found.ours_beneath:
            self._say(receipt)
        await self._close(lease, receipt)
        if found.place is not Place.TAKEN and isinstance(receipt, Released):
            self.seen.findings[lease.point.id] = _given_back(found, lease.point, receipt)

    async def _without_lease(self, item: Return, found: PlaceFinding, known: Known) -> None:
        """Note who holds the point. What a hand has left behind of ours goes: our value under an
        enable bit, or what people say is over."""
        if found.place is Place.OURS or _is_abandoned(item.point, found, known):
            receipt = await take_ours_away(
                item, now=self.at.calendar, drivers=self.drivers, journal=self.journal
            )
            self._say(receipt)
            if not isinstance(receipt, Released):
                return
            self.seen.findings[item.point.id] = _given_back(found, item.point, receipt)
        await self._note(item.point, found, known)

    async def _note(self, point: Point, found: PlaceFinding, known: Known) -> None:
        await keep_notes(notes_of(found, point, known), self.journal)
        override = known.override
        if override is not None and is_over(found, point, override):
            self.seen.over.append(override)


def _came_late(lease: Lease, found: PlaceFinding) -> bool:
    """Whether ours stands at a point that was being given back: the device has not done that yet,
    or has done what we wrote before only now."""
    return lease.returning and found.place is Place.OURS


def _given_back(found: PlaceFinding, point: Point, receipt: Released) -> PlaceFinding:
    """How a point stands after it was given back."""
    rule, state = point.write, found.state
    in_slot = rule is not None and rule.release.kind in IN_SLOT
    after = replace(
        state,
        effective=receipt.effective,
        own=None if in_slot else receipt.effective,
        enabled=None if state.enabled is None else False,
    )
    return replace(found, state=after, place=Place.FREE)


def _is_abandoned(point: Point, found: PlaceFinding, known: Known) -> bool:
    """Whether our slot or enable bit has a value that somebody put in place of ours, and that
    people say is over."""
    rule, override = point.write, known.override
    if rule is None or override is None or found.place is not Place.FREE:
        return False
    mine = override.taken_back and override.ours is not None and not override.above
    return mine and found.state.occupied and rule.release.kind in HARMLESS


async def verify_site(site: Site, *, now: datetime, ports: ControlPorts) -> list[AnyReceipt]:
    """Look at every lease of a site. Can run as often as one likes, between the ticks of dispatch.

    A ``timetable`` register that its building has moved is left alone: it is at its own control
    already, and the next tick of dispatch writes again. What cannot be read proves nothing; its
    lease runs out. Matching points leave no receipt in the store.
    """
    held = await off_loop(ports.journal.leases_of, site.id)
    leases = [as_accepted(each, site) for each in held.values()]
    at = ClockReading(now, ports.clock.elapsed())
    drivers, journal, decisions = ports.drivers, ports.journal, ports.decisions
    async with receipts_kept(ports.ledgers, ports.journal, now) as done:
        seen = await inspect({}, leases, at=at, drivers=drivers, journal=journal, told=done.append)
        if not ports.owned.may_send(site.id):
            return []  # another worker has taken over since, whose value it may be
        if any(found.place is Place.TAKEN for found in seen.findings.values()):
            await follow_people(site, at=at, decisions=decisions, journal=journal)
        await end_overrides(seen.over, now=now, decisions=decisions, journal=journal)
        standing = [each for lease in leases for each in _stands(lease, seen)]
        done += [each for each in standing if not isinstance(each, Accepted | Waiting)]
    return [*seen.outcomes, *standing]


def _stands(lease: Lease, seen: Inspection) -> list[AnyReceipt]:
    """The receipt of a lease that is open still."""
    point, command = lease.point.id, lease.command
    if point in seen.unseen:
        unseen = seen.unseen[point]
        why = unseen.error if unseen.wrong_device else fact(ReceiptReason.NOT_READ_BACK)
        return [Failed(command, why, retryable=True)]
    found = seen.findings.get(point)
    if found is None or point not in seen.leases or found.place is not Place.OURS:
        return []
    effective = found.state.effective
    if found.waiting or effective is None:
        return [Waiting(command, effective)]
    return [Accepted(command, effective)]
