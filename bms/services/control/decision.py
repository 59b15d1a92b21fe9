"""What to do with a lever that may be written: write it, renew it, leave it to people, refuse."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bms.model.assets.point import Point
from bms.model.control.command import Command, Failed, Receipt, Refused
from bms.model.control.lease import Lease
from bms.model.control.reasons import CommandReason, ReceiptReason, RefusalReason
from bms.model.fact import Fact, fact
from bms.model.planning.plan import Plan
from bms.model.planning.problem import Lever
from bms.model.readings.units import Unit
from bms.ports.storage.readings import ReadingStore
from bms.services.control.authority import PLAN, Permitted
from bms.services.control.inspection import Inspection, taken_receipt
from bms.services.control.point_limits import allows, clamp
from bms.services.control.site_state import SiteState
from bms.services.control.switch_times import too_soon
from bms.services.control.trial_block import TrialBlock
from bms.services.control.ventilation_minimum import AirNeed, need_of
from bms.services.control.write_path import WriteOrder
from bms.services.local_overrides.detection import Place, PlaceFinding, agrees
from bms.services.rooms.missing_temperature import rooms_of

Decision = WriteOrder | Receipt


@dataclass(frozen=True, slots=True)
class PermittedCommand:
    """A command with the permission of the gate to carry it out."""

    command: Command
    permission: Permitted

    @property
    def point(self) -> Point:
        return self.permission.point


def new_command(
    point: str,
    value: float,
    now: datetime,
    lease: timedelta,
    reason: str | Fact,
    actor: str,
    plan: str | None = None,
) -> Command:
    """A command that is issued now and whose lease starts now."""
    return Command(
        id=uuid.uuid4().hex,
        point=point,
        value=value,
        issued_at=now,
        lease_end=now + lease,
        reason=reason,
        actor=actor,
        plan=plan,
    )


def due_commands(state: SiteState, lease: timedelta) -> list[Command]:
    """What the plan in force asks for now, one command per lever; nothing of controllers that fetch
    their schedule."""
    plan = state.plan
    assert plan is not None
    reason = _reason_of(plan, state.trial)
    fetching = {device.id for device in state.site.devices if device.fetches}
    fetched = {point.id for point in state.site.points if point.device in fetching}
    held = {lever.point: lever for lever in plan.problem.levers if lever.held is not None}
    points = {point.id: point for point in state.site.points}
    wishes = (
        (row.point, _writable(row.value_at(state.now), held.get(row.point)))
        for row in plan.schedule.setpoints
    )
    return [
        new_command(
            point, value, state.now, lease, _unseen(state, points.get(point), reason), PLAN, plan.id
        )
        for point, value in wishes
        if value is not None and point not in fetched
    ]


def _writable(value: float | None, held: Lever | None) -> float | None:
    """A value that somebody else holds may lie beyond our limits; whether it is still held is asked
    with one that may be written."""
    if value is None or held is None:
        return value
    return min(max(value, held.minimum), held.maximum)


def _unseen(state: SiteState, point: Point | None, reason: Fact) -> Fact:
    """The reason, with the rooms of the lever whose temperature is not known now: what is written
    there rests on the model alone (clause W4)."""
    rooms = [] if point is None else rooms_of(state.site, point, state.sight)
    blind = tuple(room.name for room in rooms if room.cause is not None)
    return fact(CommandReason.PLAN_UNSEEN, by=reason, rooms=blind) if blind else reason


def _reason_of(plan: Plan, trial: TrialBlock | None) -> Fact:
    """Which plan is written, and in which block of a trial."""
    status = plan.schedule.status.value
    if trial is None:
        return fact(CommandReason.PLAN, plan=plan.id, status=status)
    return fact(
        CommandReason.PLAN_IN_TRIAL,
        plan=plan.id,
        status=status,
        trial=trial.trial.id,
        block=trial.block + 1,
        blocks=len(trial.trial.arms),
    )


def decide(
    state: SiteState,
    permitted: Sequence[PermittedCommand],
    seen: Inspection,
    readings: ReadingStore,
    *,
    renewing: bool = True,
) -> list[Decision]:
    """What to do with every lever that may be written and was just looked at. Without ``renewing``
    what stands already is written anew as well. Call it off the event loop."""
    decisions = [_decide_one(state, each, seen, readings) for each in permitted]
    if not renewing:
        return decisions
    return [
        _renewed(state, each, decision, seen)
        for each, decision in zip(permitted, decisions, strict=True)
    ]


def _decide_one(
    state: SiteState, permitted: PermittedCommand, seen: Inspection, readings: ReadingStore
) -> Decision:
    point, command = permitted.point, permitted.command
    found, stuck = seen.findings.get(point.id), seen.stuck.get(point.id)
    if stuck is not None:
        return Failed(command, stuck.error, retryable=True)
    if found is None:
        unseen = seen.unseen.get(point.id)
        if unseen is not None and unseen.wrong_device:
            return Refused(command, unseen.error)
        text = None if unseen is None else unseen.error
        return Failed(command, fact(ReceiptReason.UNREADABLE, text=text), retryable=True)
    if found.place is Place.TAKEN:
        return taken_receipt(command, found)
    return write_order(state, permitted, found, seen.leases.get(point.id), readings)


def _renewed(
    state: SiteState, permitted: PermittedCommand, order: Decision, seen: Inspection
) -> Decision:
    """The order that leaves the device alone, where what is ordered stands as ours already."""
    point, command = permitted.point, permitted.command
    found, held = seen.findings.get(point.id), seen.leases.get(point.id)
    if not isinstance(order, WriteOrder) or found is None or held is None:
        return order
    if found.place is not Place.OURS:
        return order
    rule, own, wanted = permitted.permission.rule, found.state.own, order.command.value
    same = agrees(rule, own, (wanted,)) and agrees(rule, held.command.value, (wanted,))
    # a value that the device has rounded is the one that was asked for
    same = same or (held.command.value == wanted and held.read_back is not None)
    standing = held.standing(own)
    same = same and all(allows(rule, value) for value in standing)  # by limits that may be new
    if same and _is_enough(need_of(state.use, point, command), permitted.permission, own):
        # what would end by itself in the device, or without our heartbeat, has to be written again
        again = rule.ends_by_itself or order.device.heartbeat is not None
        return order if again else _renewal(order, held, standing[0])
    return order


def _renewal(order: WriteOrder, held: Lease, standing: float) -> WriteOrder:
    """The order with the value of ours that goes on standing: within the tolerance of the point
    that need not be the one that is wished for."""
    command = replace(order.command, value=standing, moved_at=held.command.moved_at)
    return replace(order, command=command, renews=True)


def write_order(
    state: SiteState,
    permitted: PermittedCommand,
    found: PlaceFinding,
    held: Lease | None,
    readings: ReadingStore,
) -> WriteOrder | Receipt:
    """An order within the limits of the point, or why there is none."""
    point, command = permitted.point, permitted.command
    if point.unit is Unit.ON_OFF and command.value not in (0, 1):
        return Refused(command, fact(RefusalReason.NOT_ON_OR_OFF, value=command.value))
    need = need_of(state.use, point, command)
    wish = command.value if need is None else need.raised(command.value)
    standing = None if found.state.doubt else found.state.effective
    clamped = clamp(wish, permitted.permission.rule, standing, _still(state, held))
    if isinstance(clamped, Fact):
        return Refused(command, clamped)
    if need is not None and not need.met_by(clamped.value):
        few = fact(RefusalReason.TOO_LITTLE_AIR, value=clamped.value, need=need.reason)
        return Refused(command, few)
    if standing is None:
        text = found.state.doubt
        return Failed(command, fact(ReceiptReason.UNREADABLE, text=text), retryable=True)
    value, ours = clamped.value, _ours(found, held)
    waits = too_soon(point, value, standing, held=held, now=state.now, readings=readings)
    if waits is not None:
        if ours is None or not agrees(permitted.permission.rule, standing, (ours,)):
            return Refused(command, waits)
        value = ours
    moved_at = _moved_at(state.now, held, value, standing, ours)
    return WriteOrder(
        command=replace(command, value=value, moved_at=moved_at),
        point=point,
        device=state.site.device(point.device),
        limit=waits or clamped.limit or _because(need, command.value),
        held=held,
        issued=state.elapsed,
        state=found.state,
        waiting=found.waiting,
    )


def _ours(found: PlaceFinding, held: Lease | None) -> float | None:
    """The value of ours that stands in our place; what was announced may never have been sent."""
    own = found.state.own
    if held is None or own is None or found.place is not Place.OURS:
        return None
    return held.standing(own)[0]


def _still(state: SiteState, held: Lease | None) -> timedelta | None:
    """For how long we have left a point as it is; None where we did not move it, or the clock has
    gone back since."""
    moved_at = None if held is None else held.command.moved_at
    return None if moved_at is None or moved_at > state.now else state.now - moved_at


def _moved_at(
    now: datetime, held: Lease | None, value: float, standing: float, ours: float | None
) -> datetime | None:
    """When the point was last given another value by us, this write counted; None where it has
    stood there before us. ``ours`` is the value of ours that stands: where the newest of them was
    never sent, it came before that one was announced."""
    if held is not None and ours == value:
        return held.command.moved_at
    return None if value == standing else now


def _is_enough(need: AirNeed | None, permission: Permitted, value: float | None) -> bool:
    """Whether what a read-back shows is the air that people need, but for its own rounding."""
    if need is None or value is None:
        return need is None
    return need.met_by(value + permission.rule.resolution / 2)


def _because(need: AirNeed | None, wish: float) -> Fact | None:
    """Why more air is written than was asked for, where that is so."""
    if need is None or need.met_by(wish):
        return None
    return fact(ReceiptReason.LEAST_AIR, wish=wish, need=need.reason)
