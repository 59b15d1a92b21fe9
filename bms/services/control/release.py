"""Give points back to the building's own control: a point, a site, the city, all that we hold."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bms.errors import GuardError, StoreError
from bms.model.assets.device import Device
from bms.model.assets.point import Point
from bms.model.assets.site import Site
from bms.model.assets.write_rule import ReleaseKind
from bms.model.control.command import Lease, Receipt, Released, ReleaseReceipt, StillHeld
from bms.model.control.reasons import ReceiptReason
from bms.model.fact import fact
from bms.ports.drivers import Drivers
from bms.ports.safety import Journal
from bms.ports.storage.ledgers import LedgerStore
from bms.services.off_loop import off_loop

log = logging.getLogger(__name__)

PATIENCE = 20.0
"""Time-outs of a device [1] after which a driver that does not come back is given up."""

HARMLESS = (ReleaseKind.NULL, ReleaseKind.REMOTE_ENABLE, ReleaseKind.SCHEDULE)
"""Ways back that take away only what is ours, so that they may be gone without a lease, too."""


@dataclass(frozen=True, slots=True)
class Return:
    """A point to give back; ``command_id`` is the lease that ends with it, where there is one."""

    point: Point
    device: Device
    command_id: str | None = None


async def give_back(
    point: Point, device: Device, *, now: datetime, drivers: Drivers
) -> ReleaseReceipt:
    """Release one point through its driver. Whatever happens is a receipt."""
    patience = PATIENCE * device.timeout_s
    try:
        async with asyncio.timeout(patience):
            return await drivers.driver(device).release(point, now)
    except TimeoutError:
        slow = fact(ReceiptReason.DEVICE_SLOW, device=device.id, seconds=patience)
        return StillHeld(point.id, slow)
    except Exception as error:  # a driver with a bug must not keep its neighbours held
        bug = fact(ReceiptReason.DRIVER_FAILED, device=device.id, text=repr(error))
        return StillHeld(point.id, bug)


async def settle_released(
    receipts: Sequence[ReleaseReceipt], returns: Sequence[Return], journal: Journal
) -> None:
    """Close the leases of those points that are back."""
    back = {receipt.point for receipt in receipts if isinstance(receipt, Released)}
    await close_leases(
        {r.point.id: r.command_id for r in returns if r.command_id and r.point.id in back}, journal
    )


async def close_leases(ended: Mapping[str, str], journal: Journal) -> None:
    """Settle leases: point id → command id. When the disk refuses, the guard will do it again."""
    try:
        await off_loop(journal.settle, ended)
    except GuardError as error:
        log.error("given back, but not noted: %s", error)


async def release_returns(
    returns: Iterable[Return], *, now: datetime, drivers: Drivers, journal: Journal
) -> list[ReleaseReceipt]:
    """Give back many points, devices side by side, and settle those that are back."""
    by_device: dict[str, list[Return]] = defaultdict(list)
    for item in returns:
        by_device[item.device.id].append(item)

    async def one_device(items: list[Return]) -> list[ReleaseReceipt]:
        receipts = [
            await give_back(item.point, item.device, now=now, drivers=drivers) for item in items
        ]
        await settle_released(receipts, items, journal)
        return receipts

    batches = await asyncio.gather(*(one_device(items) for items in by_device.values()))
    return [receipt for batch in batches for receipt in batch]


async def release_leases(
    leases: Iterable[Lease], *, now: datetime, drivers: Drivers, journal: Journal
) -> list[ReleaseReceipt]:
    """Give back leased points. A lease that was renewed meanwhile stays open in the journal."""
    returns = [Return(lease.point, lease.device, lease.command_id) for lease in leases]
    return await release_returns(returns, now=now, drivers=drivers, journal=journal)


async def release_everything(
    *, now: datetime, drivers: Drivers, journal: Journal
) -> list[ReleaseReceipt]:
    """Give back every open lease of the journal: what a clean exit does."""
    leases = await off_loop(journal.leases)
    return await release_leases(leases.values(), now=now, drivers=drivers, journal=journal)


async def release_points(
    site: Site, points: Iterable[Point], *, now: datetime, drivers: Drivers, journal: Journal
) -> list[ReleaseReceipt]:
    """Give back these points of a site.

    Points that the journal does not know are given back, too, where that takes away only what is
    ours (a BACnet slot, a remote-enable bit). A register that is not leased is left alone: what
    stands there is the building's or a person's.
    """
    leases = await off_loop(journal.leases)
    returns = _returns(site, points, leases)
    return await release_returns(returns, now=now, drivers=drivers, journal=journal)


def as_accepted(lease: Lease, site: Site) -> Lease:
    """The lease with the fingerprint that the site file has now: where its device was replaced and
    a person accepted the new one, the old fingerprint would keep it open for ever (W1)."""
    known = next((device for device in site.devices if device.id == lease.device.id), None)
    if known is None or not known.same_place(lease.device):
        return lease
    return replace(lease, device=known)


async def release_sites(
    sites: Iterable[Site], *, now: datetime, drivers: Drivers, journal: Journal
) -> list[ReleaseReceipt]:
    """Give back every point of many sites as ``release_points`` does, all devices side by side."""
    leases = await off_loop(journal.leases)
    returns = [item for site in sites for item in _returns(site, site.points, leases)]
    return await release_returns(returns, now=now, drivers=drivers, journal=journal)


def _returns(site: Site, points: Iterable[Point], leases: Mapping[str, Lease]) -> Iterator[Return]:
    """What is to be given back of these points."""
    for point in points:
        lease = leases.get(point.id)
        if lease is not None:
            lease = as_accepted(lease, site)
            yield Return(lease.point, lease.device, lease.command_id)
        elif point.write is not None and point.write.release.kind in HARMLESS:
            yield Return(point, site.device(point.device))


async def keep_receipts(
    ledgers: LedgerStore, receipts: Iterable[Receipt | ReleaseReceipt], now: datetime
) -> None:
    """Put receipts into the store. What was done to the building stands without them, too."""
    kept = list(receipts)
    if not kept:
        return
    try:
        await off_loop(ledgers.add_receipts, kept, now)
    except StoreError as error:
        log.error("%d receipts could not be kept: %s", len(kept), error)
