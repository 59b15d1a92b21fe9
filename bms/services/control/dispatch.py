"""Write what the plan says for now: a tick without memory that re-reads what is, then acts.

What is neither written nor renewed runs out: its lease ends, and the guard or the next tick gives
the point back. An override, a mode below ``auto``, a hand at the building and a trial's day of own
control give it back at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from bms.errors import GuardError, StoreError
from bms.model.assets.site import Mode, Site
from bms.model.control.command import Lease, Receipt, Refused, ReleaseReceipt
from bms.model.control.reasons import RefusalReason
from bms.model.fact import Fact, Moment, fact
from bms.services.control.authority import (
    PLAN,
    PLAN_MAX_AGE,
    hands_off,
    overridden_by,
    override_of,
    plan_flaw,
    stand_aside,
)
from bms.services.control.decision import Hand, decide, due_commands, look, new_command, order_for
from bms.services.control.local_override import overridden, record_hand
from bms.services.control.ports import ControlPorts
from bms.services.control.release import keep_receipts, release_leases
from bms.services.control.site_state import Scene, scene_of
from bms.services.control.ventilation_minimum import starves
from bms.services.control.write_path import Order, Outcome, carry_out, yield_point
from bms.services.off_loop import off_loop


async def dispatch_site(
    site: Site,
    *,
    now: datetime,
    ports: ControlPorts,
    lease: timedelta,
    actor: str = PLAN,
    plan_max_age: timedelta = PLAN_MAX_AGE,
) -> list[Outcome]:
    """One tick for a site. What became of every lever that was due is returned and stored.

    Raises ``StoreUnavailable`` or ``GuardError`` when overrides or leases cannot be read: then
    nothing is written. Everything after that is a receipt.
    """
    scene = await off_loop(scene_of, site, now, ports)
    ours = {id_: held for id_, held in scene.leases.items() if held.command.actor == actor}
    flaw = plan_flaw(scene.plan, now, plan_max_age)
    acts = scene.mode is Mode.AUTO and scene.rest is None
    commands = due_commands(scene, actor, lease) if flaw is None and acts else []
    blocked, free = stand_aside(scene, commands, actor)
    settled: list[Outcome] = [*blocked]
    if acts and flaw is not None:
        settled += [_runs_out(held, flaw) for held in ours.values() if not held.ended(now)]
    if scene.rest is not None:
        settled += [Refused(held.command, scene.rest) for held in ours.values()]
    decisions = await decide(scene, free, ours, ports)
    orders = [item for item in decisions if isinstance(item, Order)]
    hands = [item for item in decisions if isinstance(item, Hand)]
    settled += [item for item in decisions if not isinstance(item, Order | Hand)]
    written, yielded = await asyncio.gather(
        carry_out(orders, now=now, ports=ports),
        _yield_to(hands, now=now, ports=ports),
    )
    given_back = await _clear_up(scene, actor, ports)
    outcomes = [*settled, *written, *yielded, *given_back]
    await keep_receipts(ports.ledgers, outcomes, now)
    return outcomes


async def write_once(
    site: Site,
    point_id: str,
    value: float,
    *,
    now: datetime,
    ports: ControlPorts,
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
    command = new_command(point_id, value, now, lease, reason, actor)
    if point is None:
        return Refused(command, fact(RefusalReason.UNKNOWN_POINT, site=site.id, point=point_id))
    scene = await off_loop(scene_of, site, now, ports)
    override = override_of(scene, point_id)
    if override is not None:
        outcomes: list[Outcome] = [Refused(command, overridden_by(point_id, override))]
    else:
        reading = (await look(site, [point], ports.drivers, now))[point_id]
        order = order_for(scene, point, command, reading, scene.leases.get(point_id))
        outcomes = (
            await carry_out([order], now=now, ports=ports) if isinstance(order, Order) else [order]
        )
    await keep_receipts(ports.ledgers, outcomes, now)
    return next(outcome for outcome in outcomes if isinstance(outcome, Receipt))


def _runs_out(held: Lease, flaw: Fact) -> Receipt:
    end = Moment(held.lease_end)
    return Refused(held.command, fact(RefusalReason.LEASE_RUNS_OUT, why=flaw, end=end))


async def _clear_up(scene: Scene, actor: str, ports: ControlPorts) -> list[ReleaseReceipt]:
    """Give back what has ended, what people have taken out of our hands, and what leaves people
    without air, whoever wrote it.

    It looks again, after our writes: whoever releases a site sets its mode before giving back, so
    that either they see what we wrote, or we see their word here.
    """
    with suppress(StoreError, GuardError):  # else what we knew at the start has to do
        scene = await off_loop(scene_of, scene.site, scene.now, ports)
    ending = [
        held
        for held in scene.leases.values()
        if held.ended(scene.now)
        or hands_off(scene, held, actor)
        or starves(scene.use, held, scene.now)
    ]
    return await release_leases(ending, now=scene.now, drivers=ports.drivers, journal=ports.journal)


async def _yield_to(hands: Sequence[Hand], *, now: datetime, ports: ControlPorts) -> list[Outcome]:
    """Leave points to the people who moved them, and put that on record."""
    outcomes: list[Outcome] = []
    for hand in hands:
        await off_loop(record_hand, hand.lease, hand.value, now=now, decisions=ports.decisions)
        outcomes.append(overridden(hand.command, hand.value))
        outcomes += await yield_point(
            hand.lease, now=now, drivers=ports.drivers, journal=ports.journal
        )
    return outcomes
