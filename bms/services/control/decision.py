"""What to do with each lever that is due: write it, renew it, leave it to people, or refuse."""

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
from bms.model.readings.reading import Reading
from bms.ports.drivers import Drivers
from bms.ports.storage.ledgers import LedgerStore
from bms.services.collect.poll import read_points
from bms.services.control.local_override import agrees, moved_by_hand
from bms.services.control.point_limits import Unfit, fit
from bms.services.control.ports import ControlPorts
from bms.services.control.site_state import Scene
from bms.services.control.trial_block import Turn
from bms.services.control.ventilation_minimum import Need, need_of
from bms.services.control.write_path import Order
from bms.services.off_loop import off_loop


@dataclass(frozen=True, slots=True)
class Hand:
    """A lease whose point somebody moved to ``value``."""

    lease: Lease
    command: Command
    value: float


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


def due_commands(scene: Scene, actor: str, lease: timedelta) -> list[Command]:
    """What the plan asks for now, one command per lever; no lease reaches into a trial's days of
    own control, even when nobody is there to give back at midnight."""
    plan = scene.plan
    assert plan is not None
    if scene.rests_at is not None:
        lease = min(lease, scene.rests_at - scene.now)
    reason = _reason_of(plan, scene.turn)
    wishes = ((row.point, row.value_at(scene.now)) for row in plan.schedule.setpoints)
    return [
        new_command(point, value, scene.now, lease, reason, actor, plan.id)
        for point, value in wishes
        if value is not None
    ]


def _reason_of(plan: Plan, turn: Turn | None) -> Fact:
    """Which plan is written, and in which block of a trial."""
    status = plan.schedule.status.value
    if turn is None:
        return fact(CommandReason.PLAN, plan=plan.id, status=status)
    return fact(
        CommandReason.PLAN_IN_TRIAL,
        plan=plan.id,
        status=status,
        trial=turn.trial.id,
        block=turn.block + 1,
        blocks=len(turn.trial.arms),
    )


async def decide(
    scene: Scene,
    commands: Sequence[Command],
    ours: Mapping[str, Lease],
    ports: ControlPorts,
) -> list[Order | Hand | Receipt]:
    """Re-read every lever that is due and decide what to do with it."""
    points = {point.id: point for point in scene.site.points}
    known = [command for command in commands if command.point in points]
    decisions: list[Order | Hand | Receipt] = [
        Refused(command, fact(RefusalReason.UNKNOWN_POINT, site=scene.site.id, point=command.point))
        for command in commands
        if command.point not in points
    ]
    readings = await look(scene.site, [points[c.point] for c in known], ports.drivers, scene.now)

    def decide_all() -> list[Order | Hand | Receipt]:
        return [
            _decide_one(
                scene, points[c.point], c, readings[c.point], ours.get(c.point), ports.ledgers
            )
            for c in known
        ]

    return decisions + await off_loop(decide_all)


def _decide_one(
    scene: Scene,
    point: Point,
    command: Command,
    reading: Reading,
    held: Lease | None,
    ledgers: LedgerStore,
) -> Order | Hand | Receipt:
    order = order_for(scene, point, command, reading, held)
    if not isinstance(order, Order) or held is None or held.ended(scene.now):
        return order
    value = reading.value
    assert value is not None
    if not agrees(held, value, held.command.value) and moved_by_hand(held, value, ledgers):
        return Hand(held, command, value)
    wanted = order.command.value
    same = agrees(held, value, wanted) and agrees(held, held.command.value, wanted)
    if same and _is_enough(need_of(scene.use, point, command), point, value):
        # what would end by itself in the device has to be written again to be renewed
        ends = point.write is not None and point.write.ends_by_itself
        return order if ends else replace(order, stands=value)
    return order


def order_for(
    scene: Scene, point: Point, command: Command, reading: Reading, held: Lease | None
) -> Order | Receipt:
    """An order within the limits of the point, or why there is none."""
    if point.write is None:
        return Refused(command, fact(RefusalReason.NOT_WRITABLE, point=point.id))
    need = need_of(scene.use, point, command)
    fitted = fit(
        command.value if need is None else need.raised(command.value), point.write, reading.value
    )
    if isinstance(fitted, Unfit):
        return Refused(command, fitted.reason)
    if need is not None and not need.met_by(fitted.value):
        few = fact(RefusalReason.TOO_LITTLE_AIR, value=fitted.value, need=need.reason)
        return Refused(command, few)
    if reading.value is None:
        text = ": ".join(part for part in (reading.quality.value, reading.detail) if part)
        return Failed(command, fact(ReceiptReason.UNREADABLE, text=text), retryable=True)
    return Order(
        command=replace(command, value=fitted.value),
        point=point,
        device=scene.site.device(point.device),
        limit=fitted.limit or _because(need, command.value),
        held=held,
    )


def _is_enough(need: Need | None, point: Point, value: float) -> bool:
    """Whether what a read-back shows is the air that people need, but for its own rounding."""
    half = point.write.resolution / 2 if point.write is not None else 0.0
    return need is None or need.met_by(value + half)


def _because(need: Need | None, wish: float) -> Fact | None:
    """Why more air is written than was asked for, where that is so."""
    if need is None or need.met_by(wish):
        return None
    return fact(ReceiptReason.LEAST_AIR, wish=wish, need=need.reason)


async def look(
    site: Site, points: Sequence[Point], drivers: Drivers, now: datetime
) -> dict[str, Reading]:
    """A fresh reading of each point, by its id."""
    readings = await read_points(site, points, drivers, now)
    return {reading.point: reading for reading in readings}
