"""Write what the plan says for now: a tick without memory that re-reads what is, then acts.

What is neither written nor renewed runs out: its lease ends, and the guard or the next tick gives
the point back. An override, a mode below ``auto``, a local override and a trial's day of own
control give it back at once.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from bms.errors import GuardError, StoreError
from bms.model.assets.site import Site
from bms.model.clock_reading import ClockReading
from bms.model.control.command import AnyReceipt, Command, Overridden, Receipt, Refused
from bms.model.control.hands_off import HandsOff
from bms.model.control.lease import Lease
from bms.model.control.reasons import RefusalReason
from bms.model.fact import Moment, fact
from bms.ports.drivers import Drivers, HeartbeatDriver
from bms.services.control.authority import (
    PLAN,
    Obstacle,
    Permitted,
    Withheld,
    Writer,
    ended_by_mark,
    ends_now,
    may_write,
    withheld_site,
)
from bms.services.control.decision import PermittedCommand, decide, due_commands
from bms.services.control.inspection import Inspection, inspect, merged
from bms.services.control.point_limits import allows
from bms.services.control.ports import ControlPorts
from bms.services.control.site_state import PLAN_MAX_AGE, SiteState, read_again, state_of
from bms.services.control.ventilation_minimum import too_little_air
from bms.services.control.write_path import WriteOrder, carry_out
from bms.services.evidence.receipts import receipts_kept
from bms.services.giving_back.many_points import (
    as_accepted,
    release_leases,
)
from bms.services.local_overrides.detection import Place
from bms.services.local_overrides.people import end_overrides, follow_people
from bms.services.off_loop import off_loop, side_by_side

AT_ONCE_S = 1.0
"""How long devices that have answered wait for others, to share one batch of the journal [s]."""

UNHEARD = (PLAN, Writer.COMMISSIONING.value)
"""Actors for whom no heartbeat is sent besides: the plan beats when it writes, and commissioning
listens to what a device does in silence."""

T = TypeVar("T")
Look = asyncio.Task[Inspection]
Concerned = Callable[[str], bool]
"""Whether a point is concerned, by its id."""
Told = Callable[[AnyReceipt], None]
"""Who is told what became of a point, as it comes."""


async def dispatch_site(
    site: Site,
    *,
    now: datetime,
    ports: ControlPorts,
    lease: timedelta,
    plan_max_age: timedelta = PLAN_MAX_AGE,
) -> list[AnyReceipt]:
    """One tick for a site. What became of every lever that was due is returned and stored.

    What people have said to keep our hands off comes first, and needs no database.
    Raises ``StoreUnavailable`` or ``GuardError`` when overrides or leases cannot be read: then
    nothing is written. Everything after that is a receipt.
    """
    async with receipts_kept(ports.ledgers, ports.journal, now) as done:
        await _tick(site, now, ports, lease, plan_max_age, done)
    return done


async def _tick(
    site: Site,
    now: datetime,
    ports: ControlPorts,
    lease: timedelta,
    plan_max_age: timedelta,
    done: list[AnyReceipt],
) -> None:
    """Put what becomes of every lever that is due into ``done`` as it comes."""
    at, told = ClockReading(now, ports.clock.elapsed()), done.append
    marked, quiet = await _shared(ports, lambda: _first_look(site, at, ports, plan_max_age))
    if quiet is not None:
        await _act_by(quiet, frozenset(), lease, ports, done)
        return
    async with _beside(_release(marked, now, ports, told)) as giving_back:
        await asyncio.wait({giving_back}, timeout=AT_ONCE_S)
        busy = frozenset[str]()
        if not giving_back.done():  # a slow device holds up no other
            busy = frozenset(held.point.id for held in marked)
        await follow_people(site, at=at, decisions=ports.decisions, journal=ports.journal)
        state = await off_loop(state_of, site, now, ports, plan_max_age)
        await _act_by(state, busy, lease, ports, done)
    giving_back.result()


async def _act_by(
    state: SiteState,
    busy: frozenset[str],
    lease: timedelta,
    ports: ControlPorts,
    done: list[AnyReceipt],
) -> None:
    """Do what is due in this state of the site, but for what is ``busy`` being given back."""
    permitted, settled = _due(state, lease)
    done += settled
    await _act_as_seen(state, permitted, busy, ports, done.append)
    await _beat_for_people(state, ports.drivers)


def _first_look(
    site: Site, at: ClockReading, ports: ControlPorts, plan_max_age: timedelta
) -> tuple[list[Lease], SiteState | None]:
    """The leases that a mark ends; and the state of the site, where there are none and nobody holds
    anything at the building, as nearly always: one look then does for both."""
    marked = _marked(site, at, ports)
    if marked:
        return marked, None
    state = state_of(site, at.calendar, ports, plan_max_age)
    return [], None if state.local_overrides else state


@asynccontextmanager
async def _beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[asyncio.Task[None]]:
    """Work that is done beside the block; both have ended when it is over."""
    task = asyncio.create_task(work)
    try:
        yield task
    except asyncio.CancelledError:
        task.cancel()
        raise
    finally:
        await asyncio.wait({task})


def _due(state: SiteState, lease: timedelta) -> tuple[list[PermittedCommand], list[AnyReceipt]]:
    """What the plan wants now and may be written; receipts of what may not, and of leases that are
    not renewed."""
    writer = _writer(state)
    ours = {id_: held for id_, held in state.leases.items() if held.command.actor == PLAN}
    withheld = withheld_site(state, writer)
    due = [] if withheld is not None else due_commands(state, lease)
    permitted, settled = _ask(state, due, writer)
    settled += _not_renewed(withheld, ours.values(), state.at)
    settled += _left_unseen(state, ours.values(), {command.point for command in due}, writer)
    return permitted, settled


async def _beat_for_people(state: SiteState, drivers: Drivers) -> None:
    """The heartbeat of devices at which a person's lease runs, which the tick does not renew."""
    devices = {
        held.device
        for held in state.leases.values()
        if held.device.heartbeat is not None
        and held.command.actor not in UNHEARD
        and not held.ended(state.at)
    }
    beating = (drivers.driver(device) for device in devices)
    await asyncio.gather(
        *(driver.beat(state.now) for driver in beating if isinstance(driver, HeartbeatDriver))
    )


async def _act_as_seen(
    state: SiteState,
    permitted: Sequence[PermittedCommand],
    busy: frozenset[str],
    ports: ControlPorts,
    told: Told,
) -> None:
    """Look at all devices side by side; act at once on those that have answered within
    ``AT_ONCE_S``, and on each slower one by itself, so that none waits for a neighbour (law 7).
    What is ``busy`` being given back is left to that."""
    parts = _levers_by_device(state, permitted, busy)
    if not parts:
        return  # nothing is ours or anybody's, and nothing is due
    looks = {asyncio.create_task(_look(state, part, ports, told)): part for part in parts.values()}
    people = asyncio.Lock()

    async def act(seen: Inspection, concerned: Concerned) -> None:
        async with people:
            await _heed(state, seen, ports)
        await _act(state, permitted, seen, concerned, ports, told)

    async def act_late(look: Look) -> None:
        await act(await look, looks[look].__contains__)

    try:
        quick, slow = await _first(looks)
        late = busy.union(point for look in slow for point in looks[look])
        seen = merged(look.result() for look in quick)
        acts = [act(seen, lambda point: point not in late), *map(act_late, slow)]
        await side_by_side(*acts)
    finally:
        for look in looks:
            look.cancel()


async def _first(looks: Collection[Look]) -> tuple[set[Look], set[Look]]:
    """The looks that are done within ``AT_ONCE_S``, at least one where there is any; the others."""
    if not looks:
        return set(), set()
    quick, slow = await asyncio.wait(looks, timeout=AT_ONCE_S)
    if not quick:
        return await asyncio.wait(looks, return_when=asyncio.FIRST_COMPLETED)
    return quick, slow


def _levers_by_device(
    state: SiteState, permitted: Iterable[PermittedCommand], busy: Collection[str]
) -> dict[str, frozenset[str]]:
    """What is to be looked at: what may be written, what is ours, and what people hold at the
    building, but for what is ``busy``; points by the device at which they are looked at."""
    devices = {device.id for device in state.site.devices}
    asked = {each.point.id for each in permitted} | set(state.local_overrides)
    device_of = {
        point.id: point.device
        for point in state.site.points
        if point.id in asked and point.write is not None and point.device in devices
    } | {id_: held.device.id for id_, held in state.leases.items()}
    parts: dict[str, set[str]] = defaultdict(set)
    for point_id, device in device_of.items():
        if point_id not in busy:
            parts[device].add(point_id)
    return {device: frozenset(part) for device, part in parts.items()}


async def _look(
    state: SiteState, part: Collection[str], ports: ControlPorts, told: Told
) -> Inspection:
    """Look at these points, and settle what the look shows of our leases there."""
    devices = {device.id: device for device in state.site.devices}
    targets = {
        point.id: (point, devices[point.device])
        for point in state.site.points
        if point.id in part and point.write is not None and point.device in devices
    }
    return await inspect(
        targets,
        [as_accepted(held, state.site) for id_, held in state.leases.items() if id_ in part],
        at=state.at,
        drivers=ports.drivers,
        journal=ports.journal,
        told=told,
    )


async def _heed(state: SiteState, seen: Inspection, ports: ControlPorts) -> None:
    """Show people the local overrides that were seen, and end those that are over; nothing where
    another worker has taken over since, whose value it may be."""
    if not ports.owned.may_send(state.site.id):
        return
    decisions, journal = ports.decisions, ports.journal
    if any(found.place is Place.TAKEN for found in seen.findings.values()):
        await follow_people(state.site, at=state.at, decisions=decisions, journal=journal)
    await end_overrides(seen.over, now=state.now, decisions=decisions, journal=journal)


async def _act(
    state: SiteState,
    permitted: Iterable[PermittedCommand],
    seen: Inspection,
    concerned: Concerned,
    ports: ControlPorts,
    told: Told,
) -> None:
    """Write, renew and give back at the points that are concerned, as they were seen."""
    done = {o.command.point for o in seen.outcomes if isinstance(o, Overridden)} | set(seen.stuck)
    left = [each for each in permitted if each.point.id not in done and concerned(each.point.id)]
    decisions = await off_loop(decide, state, left, seen, ports.readings) if left else []
    orders = [item for item in decisions if isinstance(item, WriteOrder)]
    for item in decisions:
        if isinstance(item, Receipt):
            told(item)
    written = {order.point.id for order in orders}
    known = replace(state, leases=seen.leases)
    over = _over(known, seen, lambda point: concerned(point) and point not in written)
    first = {held.point.id for held in over}
    await side_by_side(
        carry_out(orders, now=state.now, ports=ports, told=told),
        _release(over, state.now, ports, told),
    )
    await _release_ended(
        state, seen, lambda point: concerned(point) and point not in first, ports, told
    )


def _writer(state: SiteState) -> Writer:
    return Writer.PLAN if state.trial is None else Writer.TRIAL


def _ask(
    state: SiteState, commands: Iterable[Command], writer: Writer
) -> tuple[list[PermittedCommand], list[AnyReceipt]]:
    """Ask the gate for every command: those that it permits, and the receipts of the others."""
    permitted: list[PermittedCommand] = []
    withheld: list[AnyReceipt] = []
    for command in commands:
        answer = may_write(state, command.point, writer)
        if isinstance(answer, Permitted):
            permitted.append(PermittedCommand(_until(command, answer.until), answer))
        else:
            withheld.append(_withheld_receipt(command, answer))
    return permitted, withheld


def _until(command: Command, latest: datetime | None) -> Command:
    """No lease reaches into a trial's days of own control, even when nobody is there to give back
    at midnight."""
    if latest is None or command.lease_end <= latest:
        return command
    return replace(command, lease_end=latest)


def _withheld_receipt(command: Command, withheld: Withheld) -> Receipt:
    if withheld.holder is None:
        return Refused(command, withheld.reason)
    return Overridden(command, None, withheld.value, withheld.holder, at_device=False)


def _not_renewed(
    withheld: Withheld | None, ours: Iterable[Lease], at: ClockReading
) -> list[Receipt]:
    """Receipts of leases that end because of a trial or of what is wrong with the plan."""
    if withheld is None or withheld.obstacle not in (Obstacle.TRIAL, Obstacle.PLAN):
        return []
    if withheld.obstacle is Obstacle.TRIAL:
        return [Refused(held.command, withheld.reason) for held in ours]
    return [
        Refused(
            held.command,
            fact(RefusalReason.LEASE_RUNS_OUT, why=withheld.reason, end=Moment(held.lease_end)),
        )
        for held in ours
        if not held.ended(at)
    ]


def _left_unseen(
    state: SiteState, ours: Iterable[Lease], due: Collection[str], writer: Writer
) -> list[Receipt]:
    """Receipts of leases that end because nobody sees their rooms, where the plan has left them to
    the building already; the others have theirs."""
    answers = ((held, may_write(state, held.point.id, writer)) for held in ours)
    return [
        Refused(held.command, answer.reason)
        for held, answer in answers
        if isinstance(answer, Withheld)
        and answer.obstacle is Obstacle.ROOMS
        and held.point.id not in due
    ]


async def release_marked(site: Site, now: datetime, ports: ControlPorts) -> None:
    """Give back what people have said to keep our hands off, by whichever process they said it."""
    at = ClockReading(now, ports.clock.elapsed())
    async with receipts_kept(ports.ledgers, ports.journal, now) as done:
        await _release(await off_loop(_marked, site, at, ports), now, ports, done.append)


async def _release(ending: Iterable[Lease], now: datetime, ports: ControlPorts, told: Told) -> None:
    drivers, journal = ports.drivers, ports.journal
    await release_leases(ending, now=now, drivers=drivers, journal=journal, told=told)


def _marked(site: Site, at: ClockReading, ports: ControlPorts) -> list[Lease]:
    """The leases of a site that a mark ends."""
    marks = [m for m in ports.hands_off.marks().values() if m.covers_site(site.id)]
    if not marks:
        return []
    leases = ports.journal.leases_of(site.id).values()
    return [held for held in leases if ended_by_mark(marks, held, at)]


async def _shared(ports: ControlPorts, look: Callable[[], T]) -> T:
    """What ``look`` returns, called off the loop, with those of other sites where a tick is shared:
    a thread for each costs more than most looks."""
    return await (off_loop if ports.tick is None else ports.tick.off_loop)(look)


async def _read_again(
    state: SiteState, ports: ControlPorts
) -> tuple[SiteState, Collection[HandsOff]]:
    """The state as it is now, and what people have said; where the state cannot be read, what we
    knew at the start has to do."""
    if ports.tick is not None:
        with suppress(StoreError):
            await ports.tick.look_again()

    def work() -> tuple[SiteState, Collection[HandsOff]]:
        now = state
        with suppress(GuardError, StoreError):
            now = read_again(state, ports)
        return now, ports.hands_off.marks().values()

    return await _shared(ports, work)


async def _release_ended(
    state: SiteState, seen: Inspection, concerned: Concerned, ports: ControlPorts, told: Told
) -> None:
    """Of the points that are concerned, give back what has ended, what the plan may hold no longer,
    and, whoever wrote it, what leaves people without air or what the site file does not allow.

    It looks again, after our writes: whoever releases a site sets its mode before giving back, so
    that either they see what we wrote, or we see their word here.
    """
    state, marks = await _read_again(state, ports)
    over = _over(state, seen, concerned, lambda held: ended_by_mark(marks, held, state.at))
    await _release(over, state.now, ports, told)


def _over(
    state: SiteState,
    seen: Inspection,
    concerned: Concerned,
    marked: Callable[[Lease], bool] = lambda held: False,
) -> list[Lease]:
    """Of the leases of points that are concerned, those that are not to stand any longer."""
    return [
        held
        for held in state.leases.values()
        if concerned(held.point.id)
        and (
            (held.ended(state.at) and held.point.id not in seen.stuck)
            or marked(held)
            or ends_now(state, held, _writer(state))
            or too_little_air(state.use, held, seen.standing(held), state.now)
            or _outgrown(state.site, held, seen.standing(held))
        )
    ]


def _outgrown(site: Site, held: Lease, standing: Iterable[float]) -> bool:
    """Whether the site file has changed so that nobody would write what stands any more: the point
    is gone, is not written, or has narrower limits (clause W3)."""
    point = next((each for each in site.points if each.id == held.point.id), None)
    rule = None if point is None else point.write
    return rule is None or not all(allows(rule, value) for value in standing)
