"""Give one point back: only over our own value, and believed only when it is seen (clause W12).

The tick, a person's release and the guard all come this way. Who holds the point is looked for
first; what is not ours is left as it stands and noted in the book.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime

from bms.errors import GuardError
from bms.model.assets.device import Device
from bms.model.assets.point import Point
from bms.model.assets.write_rule import ReleaseKind
from bms.model.control.command import Released, ReleaseReceipt, StillHeld
from bms.model.control.command_state import NoCommandState
from bms.model.control.lease import Lease
from bms.model.control.local_override import GivingBack
from bms.model.control.reasons import ReceiptReason, RefusalReason
from bms.model.fact import fact
from bms.ports.drivers import Drivers
from bms.ports.safety import Journal
from bms.services.journal_batches import close_leases, keep_notes
from bms.services.local_overrides.detection import Known, Place, PlaceFinding, judge
from bms.services.local_overrides.look import PATIENCE, look, look_by_book
from bms.services.local_overrides.record import notes_of
from bms.services.off_loop import off_loop

HARMLESS = (ReleaseKind.NULL, ReleaseKind.REMOTE_ENABLE, ReleaseKind.SCHEDULE)
"""Ways back that take away only what is ours."""


@dataclass(frozen=True, slots=True)
class Return:
    """A point to give back; ``lease`` is the one that ends with it, where there is one."""

    point: Point
    device: Device
    lease: Lease | None = None


def return_of(lease: Lease) -> Return:
    """The return of a leased point."""
    return Return(lease.point, lease.device, lease)


async def give_back(
    item: Return,
    *,
    now: datetime,
    drivers: Drivers,
    journal: Journal,
    made: tuple[float, ...] = (),
) -> ReleaseReceipt:
    """Look at a point, and release it where our own value stands, or what its device has ``made``
    of it. Whatever happens is a receipt."""
    point, rule = item.point, item.point.write
    if rule is None:
        reason = fact(RefusalReason.NOT_WRITABLE, point=point.id)
        return StillHeld(point.id, reason, retryable=False)
    state = (await look([(point, item.device)], drivers, now))[point.id]
    if isinstance(state, NoCommandState):
        return await give_back_unseen(item, state, now=now, drivers=drivers, journal=journal)
    state, known = await look_by_book(
        point, item.device, state, item.lease, drivers=drivers, journal=journal, at=now
    )
    if isinstance(state, NoCommandState):
        return await give_back_unseen(item, state, now=now, drivers=drivers, journal=journal)
    if made and known.lease is not None:
        ours = replace(known.lease, earlier=(*known.lease.earlier, *made))
        known = replace(known, lease=ours)
    found = judge(rule, state, known)
    return await give_back_found(item, found, known, now=now, drivers=drivers, journal=journal)


async def give_back_found(
    item: Return,
    found: PlaceFinding,
    known: Known,
    *,
    now: datetime,
    drivers: Drivers,
    journal: Journal,
) -> ReleaseReceipt:
    """Release a point that was just looked at, where our own value stands; else leave it."""
    await keep_notes(notes_of(found, item.point, known), journal)
    receipt: ReleaseReceipt = Released(item.point.id, found.state.effective)
    if found.place is Place.OURS or found.ours_beneath:
        receipt = await take_ours_away(item, now=now, drivers=drivers, journal=journal)
    if found.place is Place.TAKEN and isinstance(receipt, Released):
        return Released(receipt.point, receipt.effective, found.by)
    return receipt


async def give_back_unseen(
    item: Return, unseen: NoCommandState, *, now: datetime, drivers: Drivers, journal: Journal
) -> ReleaseReceipt:
    """Where the device does not show who holds it: what is surely ours and does no harm to take
    away goes, all else stays until it can be seen."""
    rule = item.point.write
    kind = None if rule is None else rule.release.kind
    if item.lease is None or unseen.retryable or kind not in HARMLESS:
        if item.lease is not None and not item.lease.returning:
            await announce(item, journal)  # its device may start anew, and have forgotten ours
        return StillHeld(item.point.id, unseen.error, unseen.retryable)
    return await take_ours_away(item, now=now, drivers=drivers, journal=journal)


async def give_back_moved(
    item: Return, *, now: datetime, drivers: Drivers, journal: Journal
) -> ReleaseReceipt | None:
    """Release a leased point at another place than that of its lease, and close the lease, where
    our value stands there; None where it does not, or nobody answers: nothing is touched then."""
    rule, lease = item.point.write, item.lease
    state = (await look([(item.point, item.device)], drivers, now))[item.point.id]
    if rule is None or lease is None or isinstance(state, NoCommandState) or state.own is None:
        return None
    if not state.occupied or not lease.wrote(state.own, rule):
        return None
    receipt = await take_ours_away(item, now=now, drivers=drivers, journal=journal)
    await settle_returned(receipt, item, journal)
    return receipt


async def take_ours_away(
    item: Return, *, now: datetime, drivers: Drivers, journal: Journal
) -> ReleaseReceipt:
    """Announce a give-back, and do it unless something was written there since: then nothing is
    touched. Nobody announces a write there meanwhile (W9)."""
    with await off_loop(journal.returning, item.point.id):
        if not await announce(item, journal):
            return StillHeld(item.point.id, fact(ReceiptReason.WRITTEN_SINCE))
        return await take_away(item.point, item.device, now=now, drivers=drivers)


def _is_renewed(item: Return, journal: Journal) -> bool:
    """Whether another command than the one that is given back is open at the point. Where the book
    cannot be read, what is known has to do."""
    try:
        held = journal.leases_of(item.point.site).get(item.point.id)
    except GuardError:
        return False
    known = None if item.lease is None else item.lease.command_id
    return held is not None and held.command_id != known


async def announce(item: Return, journal: Journal) -> bool:
    """Write down that a leased point is being given back, so that nobody takes the empty place for
    somebody's word if we do not get to settle it. False where something was written there since,
    which is not given back."""
    if await off_loop(_is_renewed, item, journal):
        return False
    if item.lease is not None:
        await keep_notes([GivingBack(item.point.id, item.lease.command_id)], journal)
    return True


async def take_away(
    point: Point, device: Device, *, now: datetime, drivers: Drivers
) -> ReleaseReceipt:
    """Release a point through its driver, whatever stands there: only for what is known to be ours.
    Whatever happens is a receipt."""
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


async def settle_returned(receipt: ReleaseReceipt, item: Return, journal: Journal) -> None:
    """Close the lease of a point that is back."""
    if isinstance(receipt, Released) and item.lease is not None:
        await close_leases({item.point.id: item.lease.command_id}, journal)
