"""The one way to a controller: guard, journal, guard again, write, and care for what came of it."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bms.errors import GuardError
from bms.model.assets.device import Device
from bms.model.assets.point import Point
from bms.model.assets.write_rule import ReleaseKind
from bms.model.clock_reading import Elapsed
from bms.model.control.command import (
    Accepted,
    AnyReceipt,
    Clamped,
    Command,
    Failed,
    Overridden,
    Receipt,
    Refused,
    Released,
    ReleaseReceipt,
    Waiting,
)
from bms.model.control.command_state import CommandState
from bms.model.control.lease import Lease
from bms.model.control.local_override import Note, ReadBack
from bms.model.control.reasons import ReceiptReason
from bms.model.fact import Fact, fact
from bms.ports.clock import Clock
from bms.ports.departure import leaving_while
from bms.ports.drivers import Drivers
from bms.ports.ownership import OwnedSites
from bms.ports.safety import Journal
from bms.services.control.authority import AuthorityReason
from bms.services.control.ports import ControlPorts
from bms.services.giving_back.one_point import (
    HARMLESS,
    announce,
    give_back,
    return_of,
    settle_returned,
    take_away,
)
from bms.services.journal_batches import close_leases, keep_notes
from bms.services.local_overrides.detection import agrees
from bms.services.local_overrides.look import PATIENCE
from bms.services.local_overrides.record import met_by_write
from bms.services.off_loop import off_loop, side_by_side


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOrder:
    """A command on its way, issued at the running time ``issued``. ``limit`` says what moved its
    value away from the wish, ``state`` how the point stands.

    ``held`` is the lease that we had until now. With ``renews`` our value stands already: the lease
    is renewed and the device is left alone. ``waiting``: the object keeps its own minimum time.
    """

    command: Command
    point: Point
    device: Device
    issued: Elapsed
    state: CommandState
    limit: Fact | None = None
    held: Lease | None = None
    renews: bool = False
    waiting: bool = False

    @property
    def lease(self) -> Lease:
        """The lease as it is announced."""
        held, before = self.held, self.state
        if held is not None and held.before is not None:
            before = replace(held.before, boot=before.boot or held.before.boot)
        made = Lease(self.command, self.point, self.device, self.issued, before)
        if self.renews and held is not None:
            return replace(made, read_back=self.state.own, renews=held.command_id)
        if held is None:
            return made
        return replace(made, earlier=tuple(dict.fromkeys(held.values)), stood=self._stood(held))

    def _stood(self, held: Lease) -> float | None:
        """The value of ours that stands while this one is announced."""
        rule, own = self.point.write, self.state.own
        if rule is None or own is None or not self.state.occupied or not held.wrote(own, rule):
            return None
        return held.standing(own)[0]


async def carry_out(
    orders: Sequence[WriteOrder],
    *,
    now: datetime,
    ports: ControlPorts,
    told: Callable[[AnyReceipt], None],
) -> None:
    """Announce all orders in one synced batch, then write them, devices side by side. ``told`` is
    called with each receipt as it comes.

    A guard that has nothing to guard may end; it cannot do so once the batch is in the journal.
    So it is looked for before the batch and once more after it. What is not ours to write any more
    is not announced.
    """
    left = [order for order in orders if ports.owned.may_send(order.point.site)]
    for order in orders:
        if order not in left:
            other = fact(AuthorityReason.OTHER_OWNER, site=order.point.site)
            told(Refused(order.command, other))
    if left:
        await _carry_out_owned(left, now, ports, told)


async def _carry_out_owned(
    orders: Sequence[WriteOrder],
    now: datetime,
    ports: ControlPorts,
    told: Callable[[AnyReceipt], None],
) -> None:
    try:
        await ports.keeper.ensure()
        writer = await off_loop(ports.journal.writer)
        leases = [_announced(order, writer, ports.owned) for order in orders]
        returning = await _announce(leases, ports)
        await ports.keeper.ensure()
    except (GuardError, asyncio.CancelledError) as error:
        await _never_left(orders, ports.journal)
        if isinstance(error, asyncio.CancelledError):
            raise
        missing = fact(ReceiptReason.NO_GUARD, text=str(error))
        for order in orders:
            told(Failed(order.command, missing, retryable=True))
        return
    for order in orders:
        if order.point.id in returning:
            told(Failed(order.command, fact(ReceiptReason.BEING_GIVEN_BACK), retryable=True))
    await _write_announced([o for o in orders if o.point.id not in returning], now, ports, told)


async def _write_announced(
    orders: Sequence[WriteOrder],
    now: datetime,
    ports: ControlPorts,
    told: Callable[[AnyReceipt], None],
) -> None:
    """Write, devices side by side."""
    left = {order.command.id: order for order in orders}
    by_device: dict[str, list[WriteOrder]] = defaultdict(list)
    for order in orders:
        by_device[order.device.id].append(order)

    async def one_device(items: list[WriteOrder]) -> None:
        outcomes: list[AnyReceipt] = []

        def tell(outcome: AnyReceipt) -> None:
            outcomes.append(outcome)
            told(outcome)

        try:
            for order in items:
                await _one(order, now, ports, tell)
                del left[order.command.id]
        finally:
            await keep_notes(_read_backs(outcomes, items), ports.journal)

    try:
        await side_by_side(*(one_device(items) for items in by_device.values()))
    finally:
        await _never_left(left.values(), ports.journal)
    await close_leases({}, ports.journal)  # what has arrived


async def _never_left(orders: Iterable[WriteOrder], journal: Journal) -> None:
    """Nobody will send these, though the journal may have them: else they would be on the way for
    as long as this process lives, and their points given back for ever (W17)."""
    unsent = {order.point.id: order.command.id for order in orders}
    if unsent:
        await off_loop(journal.arrived, unsent)


def _announced(order: WriteOrder, writer: str, owned: OwnedSites) -> Lease:
    """The lease as it is announced; what is renewed without a write is sent by nobody."""
    token = owned.token(order.point.site)
    return replace(order.lease, writer=None if order.renews else writer, token=token)


def _read_backs(outcomes: Sequence[AnyReceipt], orders: Sequence[WriteOrder]) -> list[Note]:
    """What was seen of the commands that were written, for the book."""
    written = {order.command.id for order in orders if not order.renews}
    notes: list[Note] = []
    for outcome in outcomes:
        match outcome:
            case (
                Accepted(command=command, read_back=seen) | Clamped(command=command, read_back=seen)
            ) if command.id in written:
                notes.append(ReadBack(command.point, command.id, seen))
            case Waiting(command=command) if command.id in written:
                notes.append(ReadBack(command.point, command.id, command.value))
    return notes


async def _announce(leases: Sequence[Lease], ports: ControlPorts) -> frozenset[str]:
    """The points at which nothing was announced. Raises ``GuardError``."""
    if ports.tick is None:
        return await off_loop(ports.journal.intend, leases)
    return await ports.tick.announce(leases)


async def _one(
    order: WriteOrder, now: datetime, ports: ControlPorts, told: Callable[[AnyReceipt], None]
) -> None:
    """Write, and care for what came of it."""
    if order.renews:
        told(_renewed(order))
        return
    try:
        receipt = await _sent(order, ports)
    except asyncio.CancelledError:
        cut_off = fact(ReceiptReason.CUT_OFF, device=order.device.id)
        told(Failed(order.command, cut_off, retryable=True))
        raise
    if isinstance(receipt, Overridden) and not await _leased(order, ports):
        receipt = _met_after_the_end(order, receipt)
    told(receipt)
    match receipt:
        case Accepted() | Clamped() | Waiting() if await _leased(order, ports):
            pass
        case Refused() if order.held is None:
            await close_leases({order.point.id: order.command.id}, ports.journal)
        case Overridden():
            told(await _yield(order, receipt, now, ports.drivers, ports.journal))
        case _ if not ports.owned.may_send(order.point.site):
            pass  # the next owner may have written there; our guard gives back what is ours
        case _:
            told(await _take_back(order, receipt, now, ports.drivers, ports.journal))


async def _sent(order: WriteOrder, ports: ControlPorts) -> Receipt:
    """Write; once this is over nobody can send it any more."""
    try:
        written = _as_ignored(order, await _write(order, ports))
        receipt = _as_limited(order, written)
        if isinstance(receipt, Failed) and receipt.retryable:
            await _let_land(order, ports.clock)
        return receipt
    finally:
        await off_loop(ports.journal.arrived, {order.point.id: order.command.id})


async def _let_land(order: WriteOrder, clock: Clock) -> None:
    """Wait until what had no answer and may have left after its end has arrived or is lost."""
    if order.lease.ended(clock.reading()):
        await asyncio.sleep(order.device.timeout_s)


def _renewed(order: WriteOrder) -> Receipt:
    """The receipt of a lease that is renewed without a write."""
    effective = order.state.effective
    if order.waiting or effective is None:
        return Waiting(order.command, effective)
    return _as_limited(order, Accepted(order.command, effective))


async def _leased(order: WriteOrder, ports: ControlPorts) -> bool:
    """Whether the lease still runs. A write that took longer than its lease came after the guard,
    and nobody else would give the point back."""
    try:
        leases = await off_loop(ports.journal.leases_of, order.point.site)
    except GuardError:
        return True  # as announced; whoever can read the journal again will find it
    held = leases.get(order.point.id)
    return held is not None and not held.ended(ports.clock.reading())


async def _write(order: WriteOrder, ports: ControlPorts) -> Receipt:
    """Write as long as the end of the lease is a time-out of the device away (W11), and the end of
    what we own, too (W2); and only by the limits that the site file has now (W3)."""
    timeout_s = order.device.timeout_s
    patience, margin = PATIENCE * timeout_s, timedelta(seconds=timeout_s)
    lease, owned, clock = order.lease, ports.owned, ports.clock

    def may_leave() -> bool:
        owner = owned.may_send(order.point.site, timeout_s)
        return lease.may_leave(clock.reading(), margin) and owner and ports.is_filed(order.point)

    try:
        with leaving_while(may_leave):
            async with asyncio.timeout(patience):
                driver = ports.drivers.driver(order.device)
                return await driver.write(order.point, order.command)
    except TimeoutError:
        slow = fact(ReceiptReason.DEVICE_SLOW, device=order.device.id, seconds=patience)
        return Failed(order.command, slow, retryable=True)
    except Exception as error:  # a driver with a bug must not take its neighbours along
        bug = fact(ReceiptReason.DRIVER_FAILED, device=order.device.id, text=repr(error))
        return Failed(order.command, bug, retryable=True)


def _as_ignored(order: WriteOrder, receipt: Receipt) -> Receipt:
    """A register behind an enable bit that still shows what stood there before was not written by
    somebody else: its device has not done what it acknowledged, or does it later (W9). Before
    our first write that cannot be told from a person's local mode, and counts as that (W7)."""
    rule, held = order.point.write, order.held
    if not isinstance(receipt, Overridden) or rule is None or held is None:
        return receipt
    stood = (*held.values, *(v for v in (order.state.own,) if v is not None))
    behind_bit = rule.release.kind is ReleaseKind.REMOTE_ENABLE and receipt.priority is None
    if not behind_bit or not agrees(rule, receipt.value, stood):
        return receipt
    why = fact(ReceiptReason.READS_BACK, wrote=order.command.value, seen=receipt.value)
    return Failed(order.command, why, retryable=True, read_back=receipt.value)


def _met_after_the_end(order: WriteOrder, met: Overridden) -> Failed:
    """What a write has met whose lease was over by then is what the guard has given back, until
    another look shows somebody there (W9)."""
    if met.value is None:
        why = fact(ReceiptReason.NOT_READ_BACK)
    else:
        why = fact(ReceiptReason.READS_BACK, wrote=order.command.value, seen=met.value)
    return Failed(order.command, why, retryable=False)


def _as_limited(order: WriteOrder, receipt: Receipt) -> Receipt:
    """Say that the value written is not the value wished."""
    if order.limit is None or not isinstance(receipt, Accepted):
        return receipt
    return Clamped(receipt.command, receipt.command.value, receipt.read_back, order.limit)


async def _yield(
    order: WriteOrder, met: Overridden, now: datetime, drivers: Drivers, journal: Journal
) -> ReleaseReceipt:
    """The write met somebody else: take away what is ours beneath, and touch nothing else.

    Behind an enable bit the write has set the bit itself, so that goes in any case.
    """
    rule, item = order.point.write, return_of(order.lease)
    if rule is not None and rule.release.kind is ReleaseKind.REMOTE_ENABLE:
        await keep_notes([met_by_write(order.point, met, now)], journal)
        receipt = await take_away(order.point, order.device, now=now, drivers=drivers)
    elif rule is not None and rule.release.kind in HARMLESS:
        receipt = await give_back(item, now=now, drivers=drivers, journal=journal)
    else:
        receipt = Released(order.point.id, met.value, met.by)
    if isinstance(receipt, Released):
        receipt = replace(receipt, by=receipt.by or met.by)
    await settle_returned(receipt, item, journal)
    return receipt


async def _take_back(
    order: WriteOrder, receipt: Receipt, now: datetime, drivers: Drivers, journal: Journal
) -> ReleaseReceipt:
    """Give back a point whose write did not go as it should, after another look: somebody may have
    written there meanwhile.

    The earlier value may still stand, or the new one may, or what the device made of it: none of
    them is wanted, and each is ours.

    After a time-out the write may still arrive, so the lease stays open and the guard gives the
    point back once more.
    """
    item = return_of(order.lease)
    await announce(item, journal)
    made = _made_by_device(order, receipt)
    released = await give_back(item, now=now, drivers=drivers, journal=journal, made=made)
    if not (isinstance(receipt, Failed) and receipt.retryable):
        await settle_returned(released, item, journal)
    return released


def _made_by_device(order: WriteOrder, receipt: Receipt) -> tuple[float, ...]:
    """What the device has made of our write: what was read back, where it lies between what stood
    there and what we wrote (a limit or a ramp of the device). Beyond that it is somebody's."""
    stood, wrote = order.state.effective, order.command.value
    match receipt:
        case Accepted(read_back=seen) | Clamped(read_back=seen):
            return (seen,)
        case Failed(read_back=float(seen)) if stood is not None:
            between = min(stood, wrote) <= seen <= max(stood, wrote)
            return (seen,) if between else ()
        case _:
            return ()
