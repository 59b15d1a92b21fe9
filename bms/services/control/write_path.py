"""The one way to a controller: guard, journal, guard again, write, and care for what came of it."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bms.errors import GuardError
from bms.model.assets.device import Device
from bms.model.assets.point import Point
from bms.model.clock_reading import Elapsed
from bms.model.control.command import (
    Accepted,
    Clamped,
    Command,
    Failed,
    Lease,
    Overridden,
    Receipt,
    Refused,
    ReleaseReceipt,
)
from bms.model.control.reasons import ReceiptReason
from bms.model.fact import Fact, fact
from bms.ports.clock import Clock
from bms.ports.departure import leaving_while
from bms.ports.drivers import Drivers
from bms.ports.safety import Journal
from bms.services.control.ports import ControlPorts
from bms.services.control.release import (
    HARMLESS,
    PATIENCE,
    Return,
    close_leases,
    give_back,
    release_leases,
    settle_released,
)
from bms.services.off_loop import off_loop

Outcome = Receipt | ReleaseReceipt


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOrder:
    """A command on its way, issued at the running time ``issued``. ``limit`` says what moved its
    value away from the wish.

    ``held`` is the lease that we had until now. With ``stands``, the value that a fresh reading
    shows, the lease is renewed and the device is left alone.
    """

    command: Command
    point: Point
    device: Device
    issued: Elapsed
    limit: Fact | None = None
    held: Lease | None = None
    stands: float | None = None

    @property
    def lease(self) -> Lease:
        """The lease as it is announced."""
        return Lease(self.command, self.point, self.device, self.issued)


async def carry_out(
    orders: Sequence[WriteOrder], *, now: datetime, ports: ControlPorts
) -> list[Outcome]:
    """Announce all orders in one synced batch, then write them, devices side by side.

    A guard that has nothing to guard may end; it cannot do so once the batch is in the journal.
    So it is looked for before the batch and once more after it.
    """
    if not orders:
        return []
    try:
        await ports.keeper.ensure()
        writer = await off_loop(ports.journal.writer)
        await off_loop(ports.journal.intend, [_announced(order, writer) for order in orders])
        await ports.keeper.ensure()
    except GuardError as error:
        missing = fact(ReceiptReason.NO_GUARD, text=str(error))
        return [Failed(order.command, missing, retryable=True) for order in orders]
    by_device: dict[str, list[WriteOrder]] = defaultdict(list)
    for order in orders:
        by_device[order.device.id].append(order)

    async def one_device(items: list[WriteOrder]) -> list[Outcome]:
        return [outcome for order in items for outcome in await _one(order, now, ports)]

    batches = await asyncio.gather(*(one_device(items) for items in by_device.values()))
    await close_leases({}, ports.journal)  # what has arrived
    return [outcome for batch in batches for outcome in batch]


def _announced(order: WriteOrder, writer: str) -> Lease:
    """The lease as it is announced; what is renewed without a write is sent by nobody."""
    return replace(order.lease, writer=None if order.stands is not None else writer)


async def _one(order: WriteOrder, now: datetime, ports: ControlPorts) -> list[Outcome]:
    drivers, journal = ports.drivers, ports.journal
    if order.stands is not None:
        return [_as_limited(order, Accepted(order.command, order.stands))]
    try:
        receipt = _as_limited(order, await _write(order, drivers, ports.clock))
        if isinstance(receipt, Failed) and receipt.retryable:
            await _let_land(order, ports.clock)
    finally:
        journal.arrived({order.point.id: order.command.id})
    match receipt:
        case Accepted() | Clamped() if await _leased(order, ports):
            return [receipt]
        case Refused() if order.held is None:
            await close_leases({order.point.id: order.command.id}, journal)
            return [receipt]
        case Overridden():
            yielded = await relinquish(order.lease, now=now, drivers=drivers, journal=journal)
            return [receipt, *yielded]
        case _:
            return [receipt, await _take_back(order, receipt, now, drivers, journal)]


async def _let_land(order: WriteOrder, clock: Clock) -> None:
    """Wait until what had no answer and may have left after its end has arrived or is lost."""
    if order.lease.ended(clock.reading()):
        await asyncio.sleep(order.device.timeout_s)


async def _leased(order: WriteOrder, ports: ControlPorts) -> bool:
    """Whether the lease still runs. A write that took longer than its lease came after the guard,
    and nobody else would give the point back."""
    try:
        held = (await off_loop(ports.journal.leases)).get(order.point.id)
    except GuardError:
        return True  # as announced; whoever can read the journal again will find it
    return held is not None and not held.ended(ports.clock.reading())


async def _write(order: WriteOrder, drivers: Drivers, clock: Clock) -> Receipt:
    """Write as long as the end of the lease is a time-out of the device away (W11)."""
    patience = PATIENCE * order.device.timeout_s
    lease, margin = order.lease, timedelta(seconds=order.device.timeout_s)
    try:
        with leaving_while(lambda: lease.may_leave(clock.reading(), margin)):
            async with asyncio.timeout(patience):
                return await drivers.driver(order.device).write(order.point, order.command)
    except TimeoutError:
        slow = fact(ReceiptReason.DEVICE_SLOW, device=order.device.id, seconds=patience)
        return Failed(order.command, slow, retryable=True)
    except Exception as error:  # a driver with a bug must not take its neighbours along
        bug = fact(ReceiptReason.DRIVER_FAILED, device=order.device.id, text=repr(error))
        return Failed(order.command, bug, retryable=True)


def _as_limited(order: WriteOrder, receipt: Receipt) -> Receipt:
    """Say that the value written is not the value wished."""
    if order.limit is None or not isinstance(receipt, Accepted):
        return receipt
    return Clamped(receipt.command, receipt.command.value, receipt.read_back, order.limit)


async def relinquish(
    lease: Lease, *, now: datetime, drivers: Drivers, journal: Journal
) -> list[ReleaseReceipt]:
    """Somebody else holds the point: take away what is ours beneath, and touch nothing else.

    A register that is released by writing a value is left as the person put it.
    """
    rule = lease.point.write
    if rule is None or rule.release.kind not in HARMLESS:
        await close_leases({lease.point.id: lease.command_id}, journal)
        return []
    return await release_leases([lease], now=now, drivers=drivers, journal=journal)


async def _take_back(
    order: WriteOrder, receipt: Receipt, now: datetime, drivers: Drivers, journal: Journal
) -> ReleaseReceipt:
    """Give back a point whose write did not go as it should.

    The earlier value may still stand, or the new one may: neither is wanted.

    After a time-out the write may still arrive, so the lease stays open and the guard gives the
    point back once more.
    """
    released = await give_back(order.point, order.device, now=now, drivers=drivers)
    if not (isinstance(receipt, Failed) and receipt.retryable):
        returns = [Return(order.point, order.device, order.command.id)]
        await settle_released([released], returns, journal)
    return released
