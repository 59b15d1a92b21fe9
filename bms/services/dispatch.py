"""Write what the plan says for now: a tick without memory that re-reads what is, then acts.

What is neither written nor renewed runs out: its lease ends, and the guard or the next tick gives
the point back. An override, a mode below ``auto`` and a hand at the building give it back at once.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bms.model.command import Command, Failed, Overridden, Override, Receipt, Refused
from bms.model.lease import Lease
from bms.model.plan import Plan
from bms.model.reading import Reading
from bms.model.site import Mode, Point, Site
from bms.model.words import Words
from bms.ports import Drivers, GuardKeeper, Journal, Store
from bms.services.fit import Unfit, fit
from bms.services.hand import agrees, moved_by_hand, overridden, suspend
from bms.services.poll import read_points
from bms.services.release import keep_receipts, release_leases
from bms.services.writing import Order, Outcome, carry_out, yield_point

log = logging.getLogger(__name__)

PLAN = "plan"
PLAN_MAX_AGE = timedelta(hours=6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What a tick starts from. ``leases`` are those of this site, by point id."""

    site: Site
    now: datetime
    mode: Mode
    plan: Plan | None
    overrides: tuple[Override, ...]
    leases: Mapping[str, Lease]


@dataclass(frozen=True, slots=True)
class Hand:
    """A lease whose point somebody moved to ``value``."""

    lease: Lease
    command: Command
    value: float


def plan_flaw(plan: Plan | None, now: datetime, max_age: timedelta = PLAN_MAX_AGE) -> Words | None:
    """Why a plan may not be written at ``now``; None when it may."""
    if plan is None:
        return Words("no_plan", "Der er ingen plan", "There is no plan")
    if plan.objections:
        first = plan.objections[0]
        return Words(
            "plan_objections",
            f"Planen bestod ikke kontrollen: {first.da}",
            f"The plan did not pass the checker: {first.en}",
        )
    if now - plan.created_at > max_age:
        return Words(
            "plan_old",
            f"Planen er fra {plan.created_at:%Y-%m-%d %H:%M} UTC og er for gammel",
            f"The plan is of {plan.created_at:%Y-%m-%d %H:%M} UTC and too old",
        )
    if not plan.schedule.start <= now < plan.schedule.end:
        return Words(
            "plan_elsewhen",
            "Planen dækker ikke dette tidspunkt",
            "The plan does not cover this moment",
        )
    return None


async def dispatch_site(
    site: Site,
    *,
    now: datetime,
    store: Store,
    drivers: Drivers,
    journal: Journal,
    keeper: GuardKeeper,
    lease: timedelta,
    actor: str = PLAN,
    plan_max_age: timedelta = PLAN_MAX_AGE,
) -> list[Outcome]:
    """One tick for a site. What became of every lever that was due is returned and stored.

    Raises ``StoreUnavailable`` or ``GuardError`` when overrides or leases cannot be read: then
    nothing is written. Everything after that is a receipt.
    """
    scene = await asyncio.to_thread(_scene, site, now, store, journal)
    ours = {id_: held for id_, held in scene.leases.items() if held.command.actor == actor}
    flaw = plan_flaw(scene.plan, now, plan_max_age)
    commands = _due(scene, actor, lease) if flaw is None and scene.mode is Mode.AUTO else []
    blocked, free = _blocked(scene, commands, actor)
    settled: list[Outcome] = [*blocked]
    if scene.mode is Mode.AUTO and flaw is not None:
        settled += [_runs_out(held, flaw) for held in ours.values() if not held.ended(now)]
    decisions = await _decide(scene, free, ours, drivers, store)
    orders = [item for item in decisions if isinstance(item, Order)]
    hands = [item for item in decisions if isinstance(item, Hand)]
    settled += [item for item in decisions if not isinstance(item, Order | Hand)]
    kept = {order.point.id for order in orders} | {hand.lease.point.id for hand in hands}
    ending = [held for id_, held in scene.leases.items() if id_ not in kept]
    written, yielded, given_back = await asyncio.gather(
        carry_out(orders, now=now, drivers=drivers, journal=journal, keeper=keeper),
        _yield_to(hands, now=now, drivers=drivers, journal=journal, store=store),
        release_leases(
            [held for held in ending if held.ended(now) or _hands_off(scene, held, actor)],
            now=now,
            drivers=drivers,
            journal=journal,
        ),
    )
    outcomes = [*settled, *written, *yielded, *given_back]
    await keep_receipts(store, outcomes, now)
    return outcomes


async def write_once(
    site: Site,
    point_id: str,
    value: float,
    *,
    now: datetime,
    store: Store,
    drivers: Drivers,
    journal: Journal,
    keeper: GuardKeeper,
    lease: timedelta,
    actor: str,
    reason: str,
) -> Receipt:
    """A person's leased write, in any mode. Until its end the plan keeps away from the point.

    It goes the same way as a planned one: limits, journal, guard, read-back. An override of the
    point or the site refuses it, too: that is somebody's word as well, to be taken back first.
    Raises ``StoreUnavailable`` or ``GuardError`` when overrides or leases cannot be read.
    """
    point = next((p for p in site.points if p.id == point_id), None)
    command = _command(point_id, value, now, lease, reason, actor)
    if point is None:
        return Refused(command, f"{site.id} has no point {point_id}")
    scene = await asyncio.to_thread(_scene, site, now, store, journal)
    override = _override_of(scene, point_id)
    if override is not None:
        outcomes: list[Outcome] = [
            Refused(command, f"{override.actor} has overridden it: {override.reason}")
        ]
    else:
        reading = (await _read(site, [point], drivers, now))[point_id]
        order = _fitted(scene, point, command, reading, scene.leases.get(point_id))
        outcomes = (
            await carry_out([order], now=now, drivers=drivers, journal=journal, keeper=keeper)
            if isinstance(order, Order)
            else [order]
        )
    await keep_receipts(store, outcomes, now)
    return next(outcome for outcome in outcomes if isinstance(outcome, Receipt))


def _scene(site: Site, now: datetime, store: Store, journal: Journal) -> Scene:
    return Scene(
        site=site,
        now=now,
        mode=store.mode(site.id) or site.mode,
        plan=store.plan_in_force(site.id),
        overrides=tuple(store.overrides(site.id, now)),
        leases={id_: held for id_, held in journal.leases().items() if held.point.site == site.id},
    )


def _command(
    point: str,
    value: float,
    now: datetime,
    lease: timedelta,
    reason: str,
    actor: str,
    plan: str | None = None,
) -> Command:
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


def _due(scene: Scene, actor: str, lease: timedelta) -> list[Command]:
    """What the plan asks for now, one command per lever."""
    plan = scene.plan
    assert plan is not None
    reason = f"plan {plan.id} ({plan.schedule.status.value})"
    wishes = ((row.point, row.value_at(scene.now)) for row in plan.schedule.setpoints)
    return [
        _command(point, value, scene.now, lease, reason, actor, plan.id)
        for point, value in wishes
        if value is not None
    ]


def _override_of(scene: Scene, point: str) -> Override | None:
    return next((o for o in scene.overrides if o.point in (None, point)), None)


def _blocked(
    scene: Scene, commands: Sequence[Command], actor: str
) -> tuple[list[Receipt], list[Command]]:
    """Commands that people stand in the way of, and the others."""
    blocked: list[Receipt] = []
    free: list[Command] = []
    for command in commands:
        override = _override_of(scene, command.point)
        held = scene.leases.get(command.point)
        if override is not None:
            blocked.append(Overridden(command, None, None, override.actor))
        elif held is not None and held.command.actor != actor and not held.ended(scene.now):
            blocked.append(Overridden(command, None, held.command.value, held.command.actor))
        else:
            free.append(command)
    return blocked, free


def _hands_off(scene: Scene, held: Lease, actor: str) -> bool:
    """Whether what the plan holds has to go at once."""
    if held.command.actor != actor:
        return False
    return scene.mode is not Mode.AUTO or _override_of(scene, held.point.id) is not None


def _runs_out(held: Lease, flaw: Words) -> Receipt:
    end = held.lease_end.isoformat(timespec="minutes")
    return Refused(held.command, f"{flaw.en}. The lease is not renewed and ends at {end}")


async def _decide(
    scene: Scene,
    commands: Sequence[Command],
    ours: Mapping[str, Lease],
    drivers: Drivers,
    store: Store,
) -> list[Order | Hand | Receipt]:
    """Re-read every lever that is due and decide what to do with it."""
    points = {point.id: point for point in scene.site.points}
    known = [command for command in commands if command.point in points]
    decisions: list[Order | Hand | Receipt] = [
        Refused(command, f"{scene.site.id} has no such point")
        for command in commands
        if command.point not in points
    ]
    readings = await _read(scene.site, [points[c.point] for c in known], drivers, scene.now)

    def decide_all() -> list[Order | Hand | Receipt]:
        return [
            _decide_one(scene, points[c.point], c, readings[c.point], ours.get(c.point), store)
            for c in known
        ]

    return decisions + await asyncio.to_thread(decide_all)


def _decide_one(
    scene: Scene,
    point: Point,
    command: Command,
    reading: Reading,
    held: Lease | None,
    store: Store,
) -> Order | Hand | Receipt:
    order = _fitted(scene, point, command, reading, held)
    if not isinstance(order, Order) or held is None or held.ended(scene.now):
        return order
    value = reading.value
    assert value is not None
    if not agrees(held, value, held.command.value) and moved_by_hand(held, value, store):
        return Hand(held, command, value)
    wanted = order.command.value
    if agrees(held, value, wanted) and agrees(held, held.command.value, wanted):
        return replace(order, stands=value)
    return order


def _fitted(
    scene: Scene, point: Point, command: Command, reading: Reading, held: Lease | None
) -> Order | Receipt:
    """An order within the limits of the point, or why there is none."""
    if point.write is None:
        return Refused(command, f"{point.id} is not writable in its site file")
    fitted = fit(command.value, point.write, reading.value)
    if isinstance(fitted, Unfit):
        return Refused(command, fitted.reason)
    if reading.value is None:
        detail = f": {reading.detail}" if reading.detail else ""
        text = f"what stands there cannot be read ({reading.quality.value}{detail})"
        return Failed(command, text, retryable=True)
    return Order(
        command=replace(command, value=fitted.value),
        point=point,
        device=scene.site.device(point.device),
        limit=fitted.limit,
        held=held,
    )


async def _read(
    site: Site, points: Sequence[Point], drivers: Drivers, now: datetime
) -> dict[str, Reading]:
    readings = await read_points(site, points, drivers, now)
    return {reading.point: reading for reading in readings}


async def _yield_to(
    hands: Sequence[Hand], *, now: datetime, drivers: Drivers, journal: Journal, store: Store
) -> list[Outcome]:
    """Leave points to the people who moved them, and put that on record."""
    outcomes: list[Outcome] = []
    for hand in hands:
        await asyncio.to_thread(suspend, hand.lease, hand.value, now=now, store=store)
        outcomes.append(overridden(hand.command, hand.value))
        outcomes += await yield_point(hand.lease, now=now, drivers=drivers, journal=journal)
    return outcomes
