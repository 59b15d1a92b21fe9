"""Give points back to the building's own control: a point, a site, the city, all that we hold."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bms.errors import GuardError, StoreError
from bms.model.assets.device import Device
from bms.model.assets.point import Point
from bms.model.assets.site import Mode, Site
from bms.model.assets.write_rule import ReleaseKind
from bms.model.control.command import Lease, Receipt, Released, ReleaseReceipt, StillHeld
from bms.model.control.reasons import ReceiptReason
from bms.model.fact import fact
from bms.ports.drivers import Drivers
from bms.ports.safety import Journal
from bms.ports.storage.ledgers import LedgerStore
from bms.services.control.ports import ControlPorts
from bms.services.control.trial_block import end_trials
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
    returns = []
    for point in points:
        lease = leases.get(point.id)
        if lease is not None:
            lease = as_accepted(lease, site)
            returns.append(Return(lease.point, lease.device, lease.command_id))
        elif point.write is not None and point.write.release.kind in HARMLESS:
            returns.append(Return(point, site.device(point.device)))
    return await release_returns(returns, now=now, drivers=drivers, journal=journal)


def as_accepted(lease: Lease, site: Site) -> Lease:
    """The lease with the fingerprint that the site file has now: where its device was replaced and
    a person accepted the new one, the old fingerprint would keep it open for ever (W1)."""
    known = next((device for device in site.devices if device.id == lease.device.id), None)
    if known is None or not known.same_place(lease.device):
        return lease
    return replace(lease, device=known)


async def release_site(
    site: Site, *, now: datetime, ports: ControlPorts, actor: str, reason: str
) -> list[ReleaseReceipt]:
    """Give back a whole site because a person says so.

    The site goes to ``observe`` first, so that the next tick does not write the points again, and
    the receipts are kept. When the database is away the points are given back all the same.
    """
    await off_loop(_set_to_observe, site, ports, now, actor, reason)
    receipts = await release_points(
        site, site.points, now=now, drivers=ports.drivers, journal=ports.journal
    )
    await keep_receipts(ports.ledgers, receipts, now)
    return receipts


async def release_city(
    sites: Iterable[Site], *, now: datetime, ports: ControlPorts, actor: str, reason: str
) -> list[ReleaseReceipt]:
    """Give back every site, side by side, and what the journal still holds beyond them."""
    batches = await asyncio.gather(
        *(release_site(site, now=now, ports=ports, actor=actor, reason=reason) for site in sites)
    )
    seen = {receipt.point for batch in batches for receipt in batch}
    leases = await off_loop(ports.journal.leases)
    others = [lease for point, lease in leases.items() if point not in seen]
    rest = await release_leases(others, now=now, drivers=ports.drivers, journal=ports.journal)
    return [receipt for batch in (*batches, rest) for receipt in batch]


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


def _set_to_observe(
    site: Site, ports: ControlPorts, now: datetime, actor: str, reason: str
) -> None:
    """Put a site to ``observe`` and end its trials, as far as the database answers."""
    why = reason or "the site was released"
    try:
        ports.decisions.set_mode(site.id, Mode.OBSERVE, actor=actor, at=now, reason=reason)
        end_trials(site.id, ports.trials, at=now, by=actor, reason=why)
    except StoreError as error:  # giving back is more urgent than any book
        log.error("%s is released, but not put to observe: %s", site.id, error)
