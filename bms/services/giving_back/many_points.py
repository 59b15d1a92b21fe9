"""Give points back to the building's own control: a point, a site, the city, all that we hold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from bms.model.assets.point import Point
from bms.model.assets.site import Site
from bms.model.control.command import AnyReceipt, ReleaseReceipt, StillHeld
from bms.model.control.lease import Lease
from bms.ports.drivers import Drivers
from bms.ports.safety import Journal
from bms.services.giving_back.one_point import (
    HARMLESS,
    Return,
    give_back,
    give_back_moved,
    return_of,
    settle_returned,
)
from bms.services.off_loop import off_loop, side_by_side

Returned = Callable[[ReleaseReceipt], None]
"""Who is told of each release as soon as it is done."""


def unheard(receipt: AnyReceipt) -> None:
    """Nobody is told."""


async def release_returns(
    returns: Iterable[Return],
    *,
    now: datetime,
    drivers: Drivers,
    journal: Journal,
    told: Returned = unheard,
) -> list[ReleaseReceipt]:
    """Give back many points, devices side by side, and settle those that are back, many at once."""
    by_device: dict[str, list[Return]] = defaultdict(list)
    for item in returns:
        by_device[item.device.id].append(item)

    async def one_device(items: list[Return]) -> list[ReleaseReceipt]:
        receipts = []
        for item in items:
            receipts.append(await give_back(item, now=now, drivers=drivers, journal=journal))
            told(receipts[-1])
            await settle_returned(receipts[-1], item, journal)
        return receipts

    batches = await side_by_side(*(one_device(items) for items in by_device.values()))
    return [receipt for batch in batches for receipt in batch]


async def release_leases(
    leases: Iterable[Lease],
    *,
    now: datetime,
    drivers: Drivers,
    journal: Journal,
    told: Returned = unheard,
) -> list[ReleaseReceipt]:
    """Give back leased points. A lease that was renewed meanwhile stays open in the journal."""
    returns = [return_of(lease) for lease in leases]
    return await release_returns(returns, now=now, drivers=drivers, journal=journal, told=told)


async def release_everything(
    *, now: datetime, drivers: Drivers, journal: Journal
) -> list[ReleaseReceipt]:
    """Give back every open lease of the journal: what a clean exit does."""
    leases = await off_loop(journal.leases)
    return await release_leases(leases.values(), now=now, drivers=drivers, journal=journal)


async def release_points(
    site: Site,
    points: Iterable[Point],
    *,
    now: datetime,
    drivers: Drivers,
    journal: Journal,
    told: Returned = unheard,
) -> list[ReleaseReceipt]:
    """Give back these points of a site.

    Points that the journal does not know hold nothing of ours: a slot or an enable bit is looked
    at, so that people see who holds it, and left as it stands. A register that is not leased is
    not even looked at. Where nothing answers at the place of a lease, and the site file has the
    point elsewhere by now, it is looked for there.
    """
    leases = await off_loop(journal.leases)
    returns = list(_returns(site, points, leases))
    receipts = await release_returns(returns, now=now, drivers=drivers, journal=journal, told=told)
    return await _found_elsewhere(
        [site], returns, receipts, now=now, drivers=drivers, journal=journal, told=told
    )


def as_accepted(lease: Lease, site: Site) -> Lease:
    """The lease with the fingerprint that the site file has now: where its device was replaced and
    a person accepted the new one, the old fingerprint would keep it open for ever (W1)."""
    known = next((device for device in site.devices if device.id == lease.device.id), None)
    if known is None or not known.same_place(lease.device):
        return lease
    return replace(lease, device=known)


async def release_sites(
    sites: Iterable[Site],
    *,
    now: datetime,
    drivers: Drivers,
    journal: Journal,
    told: Returned = unheard,
) -> list[ReleaseReceipt]:
    """Give back every point of many sites as ``release_points`` does, all devices side by side."""
    leases, chosen = await off_loop(journal.leases), list(sites)
    returns = [item for site in chosen for item in _returns(site, site.points, leases)]
    receipts = await release_returns(returns, now=now, drivers=drivers, journal=journal, told=told)
    return await _found_elsewhere(
        chosen, returns, receipts, now=now, drivers=drivers, journal=journal, told=told
    )


async def _found_elsewhere(
    sites: Iterable[Site],
    returns: Iterable[Return],
    receipts: Iterable[ReleaseReceipt],
    *,
    now: datetime,
    drivers: Drivers,
    journal: Journal,
    told: Returned,
) -> list[ReleaseReceipt]:
    """The receipts; of what is still held at a place that is silent and that the site file does not
    name any more, that of the place that it names, where our value stands there: the device has
    moved, and nobody else would ever give it back (W12, W17)."""
    known = {site.id: site for site in sites}
    leases = {item.point.id: item.lease for item in returns if item.lease is not None}

    async def one(receipt: ReleaseReceipt) -> ReleaseReceipt:
        lease = leases.get(receipt.point)
        if not isinstance(receipt, StillHeld) or not receipt.retryable or lease is None:
            return receipt
        item = _where_it_is(lease, known[lease.point.site])
        found = None
        if item is not None:
            found = await give_back_moved(item, now=now, drivers=drivers, journal=journal)
        if found is None:
            return receipt
        told(found)
        return found

    return await side_by_side(*(one(receipt) for receipt in receipts))


def _where_it_is(lease: Lease, site: Site) -> Return | None:
    """The return of a leased point where the site file has it now; None where that is the place of
    the lease, or nowhere."""
    point = next((each for each in site.points if each.id == lease.point.id), None)
    if point is None or point.write is None:
        return None
    device = site.device(point.device)
    if device.same_place(lease.device) and point.address == lease.point.address:
        return None
    return Return(point, device, replace(lease, point=point, device=device))


def _returns(site: Site, points: Iterable[Point], leases: Mapping[str, Lease]) -> Iterator[Return]:
    """What is to be given back of these points."""
    for point in points:
        lease = leases.get(point.id)
        if lease is not None:
            yield return_of(as_accepted(lease, site))
        elif point.write is not None and point.write.release.kind in HARMLESS:
            yield Return(point, site.device(point.device))
