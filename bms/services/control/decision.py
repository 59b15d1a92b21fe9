"""What to do with a lever that may be written: write it, renew it, leave it to people, refuse."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bms.model.assets.point import Point
from bms.model.assets.site import Site
from bms.model.control.command import Command, Failed, Lease, Receipt, Refused
from bms.model.control.reasons import CommandReason, ReceiptReason, RefusalReason
from bms.model.fact import Fact, fact
from bms.model.planning.plan import Plan
from bms.model.planning.problem import Lever
from bms.model.readings.measurement import Quality, Reading
from bms.ports.drivers import Drivers
from bms.ports.storage.readings import ReadingStore
from bms.services.collect.poll import read_points
from bms.services.control.authority import PLAN, Permitted
from bms.services.control.local_override import FoundOverride, agrees, shows_local_override
from bms.services.control.point_limits import clamp
from bms.services.control.ports import ControlPorts
from bms.services.control.site_state import SiteState
from bms.services.control.switch_times import too_soon
from bms.services.control.trial_block import TrialBlock
from bms.services.control.ventilation_minimum import AirNeed, need_of
from bms.services.control.write_path import WriteOrder
from bms.services.off_loop import off_loop

Decision = WriteOrder | FoundOverride | Receipt


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
    wishes = (
        (row.point, _writable(row.value_at(state.now), held.get(row.point)))
        for row in plan.schedule.setpoints
    )
    return [
        new_command(point, value, state.now, lease, reason, PLAN, plan.id)
        for point, value in wishes
        if value is not None and point not in fetched
    ]


def _writable(value: float | None, held: Lever | None) -> float | None:
    """A value that somebody else holds may lie beyond our limits; whether it is still held is asked
    with one that may be written."""
    if value is None or held is None:
        return value
    return min(max(value, held.minimum), held.maximum)


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


async def decide(
    state: SiteState,
    permitted: Sequence[PermittedCommand],
    ours: Mapping[str, Lease],
    ports: ControlPorts,
) -> list[Decision]:
    """Re-read every lever that may be written and decide what to do with it."""
    points = [each.point for each in permitted]
    readings = await read_now(state.site, points, ports.drivers, state.now)

    def decide_all() -> list[Decision]:
        return [
            _decide_one(state, each, readings[each.point.id], ours, ports) for each in permitted
        ]

    return await off_loop(decide_all)


def _decide_one(
    state: SiteState,
    permitted: PermittedCommand,
    reading: Reading,
    ours: Mapping[str, Lease],
    ports: ControlPorts,
) -> Decision:
    point, command = permitted.point, permitted.command
    held = ours.get(point.id)
    order = write_order(state, permitted, reading, held, ports.readings)
    if not isinstance(order, WriteOrder) or held is None or held.ended(state.at):
        return order
    value = reading.good_value
    assert value is not None
    if not agrees(held, value, held.command.value) and shows_local_override(
        held, value, ports.ledgers
    ):
        return FoundOverride(held, command, value)
    wanted = order.command.value
    same = agrees(held, value, wanted) and agrees(held, held.command.value, wanted)
    if same and _is_enough(need_of(state.use, point, command), permitted.permission, value):
        # what would end by itself in the device, or without our heartbeat, has to be written again
        again = permitted.permission.rule.ends_by_itself or order.device.heartbeat is not None
        return order if again else replace(order, stands=value)
    return order


def write_order(
    state: SiteState,
    permitted: PermittedCommand,
    reading: Reading,
    held: Lease | None,
    readings: ReadingStore,
) -> WriteOrder | Receipt:
    """An order within the limits of the point, or why there is none."""
    point, command = permitted.point, permitted.command
    if reading.quality is Quality.WRONG_DEVICE:
        return Refused(command, wrong_device(point, reading))
    need = need_of(state.use, point, command)
    wish = command.value if need is None else need.raised(command.value)
    clamped = clamp(wish, permitted.permission.rule, reading.good_value, _still(state, held))
    if isinstance(clamped, Fact):
        return Refused(command, clamped)
    if need is not None and not need.met_by(clamped.value):
        few = fact(RefusalReason.TOO_LITTLE_AIR, value=clamped.value, need=need.reason)
        return Refused(command, few)
    if reading.good_value is None:
        text = ": ".join(part for part in (reading.quality.value, reading.detail) if part)
        return Failed(command, fact(ReceiptReason.UNREADABLE, text=text), retryable=True)
    value, standing = clamped.value, reading.good_value
    waits = too_soon(point, value, standing, held=held, now=state.now, readings=readings)
    if waits is not None:
        if held is None or held.ended(state.at) or not agrees(held, standing, held.command.value):
            return Refused(command, waits)
        value = held.command.value
    moved_at = _moved_at(state.now, held, value, standing)
    return WriteOrder(
        command=replace(command, value=value, moved_at=moved_at),
        point=point,
        device=state.site.device(point.device),
        limit=waits or clamped.limit or _because(need, command.value),
        held=held,
        issued=state.elapsed,
    )


def _still(state: SiteState, held: Lease | None) -> timedelta | None:
    """For how long we have left a point as it is; None where we did not move it, or the clock has
    gone back since."""
    moved_at = None if held is None else held.command.moved_at
    return None if moved_at is None or moved_at > state.now else state.now - moved_at


def _moved_at(now: datetime, held: Lease | None, value: float, standing: float) -> datetime | None:
    """When the point was last given another value by us, this write counted; None where it has
    stood there before us."""
    if held is not None and held.command.value == value:
        return held.command.moved_at
    return None if value == standing else now


def wrong_device(point: Point, reading: Reading) -> Fact:
    """Why nothing is written where another device answers: what the driver said in the reading."""
    text = reading.detail or reading.quality.value
    return fact(RefusalReason.WRONG_DEVICE, device=point.device, text=text)


def _is_enough(need: AirNeed | None, permission: Permitted, value: float) -> bool:
    """Whether what a read-back shows is the air that people need, but for its own rounding."""
    return need is None or need.met_by(value + permission.rule.resolution / 2)


def _because(need: AirNeed | None, wish: float) -> Fact | None:
    """Why more air is written than was asked for, where that is so."""
    if need is None or need.met_by(wish):
        return None
    return fact(ReceiptReason.LEAST_AIR, wish=wish, need=need.reason)


async def read_now(
    site: Site, points: Sequence[Point], drivers: Drivers, now: datetime
) -> dict[str, Reading]:
    """A fresh reading of each point, by its id."""
    readings = await read_points(site, points, drivers, now)
    return {reading.point: reading for reading in readings}
