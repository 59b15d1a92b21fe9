"""A person says that a device is gone for good: nobody goes on giving back what is held there.

What was never seen to be free is not told as free: the receipt says that it was given up, the audit
who said so and why. As long as the site file has the point at that place, or the device answers
there, it is tried on (clauses W12 and W17).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bms.errors import ConfigError, NotFound
from bms.model.assets.site import Site
from bms.model.control.audit import Action
from bms.model.control.command import ReleaseReceipt, StillHeld
from bms.model.control.command_state import NoCommandState
from bms.model.control.lease import Lease
from bms.model.control.reasons import ReceiptReason
from bms.model.fact import fact
from bms.ports.drivers import Drivers
from bms.ports.safety import Journal
from bms.ports.storage.ledgers import LedgerStore
from bms.services.giving_back.many_points import release_leases, release_points
from bms.services.journal_batches import close_leases
from bms.services.local_overrides.look import look
from bms.services.off_loop import off_loop


@dataclass(frozen=True, slots=True, kw_only=True)
class GivingBackPorts:
    """What points are given back with, and where it is written down who gave them up."""

    drivers: Drivers
    journal: Journal
    ledgers: LedgerStore


async def give_up_gone(
    target: str,
    site: Site | None,
    *,
    now: datetime,
    ports: GivingBackPorts,
    actor: str,
    reason: str,
) -> list[ReleaseReceipt]:
    """Give up what is held of ours at devices that are gone: of a point, or of every point of a
    site that stands elsewhere by now (``target`` is the id of either). ``site`` is that of the site
    files, None where they have it no longer.

    What still answers, there or where the site file has it now, is given back instead. Raises
    ``NotFound`` where nothing of ours is held there, ``ConfigError`` where the site file still has
    the point at that place, and ``StoreUnavailable`` where the audit cannot take it: nothing is
    given up then.
    """
    leases = await off_loop(_meant, target, site, ports)
    receipts: list[ReleaseReceipt] = []
    for lease in leases:
        receipt = await _given_back(lease, site, now=now, ports=ports)
        if isinstance(receipt, StillHeld) and await _is_away(lease, now=now, ports=ports):
            receipt = await _given_up(lease, now=now, ports=ports, actor=actor, reason=reason)
        receipts.append(receipt)
    return receipts


def _meant(target: str, site: Site | None, ports: GivingBackPorts) -> Sequence[Lease]:
    name, _, point = target.partition("/")
    held = ports.journal.leases_of(name)
    if point:
        held = {id_: lease for id_, lease in held.items() if id_ == target}
    if not held:
        raise NotFound(f"nothing of ours is held at {target}")
    elsewhere = [lease for lease in held.values() if not _is_in_file(lease, site)]
    if not elsewhere:
        devices = ", ".join(sorted({lease.device.id for lease in held.values()}))
        raise ConfigError(
            f"the site file still has {target} at {devices}, so it is tried on; take the device "
            "out, or give it its new address, then `bms reload`"
        )
    return elsewhere


def _is_in_file(lease: Lease, site: Site | None) -> bool:
    """Whether the site file has the point where it is leased."""
    points = () if site is None else site.points
    for point in points:
        if site is not None and point.id == lease.point.id:
            same = site.device(point.device).same_place(lease.device)
            return same and point.address == lease.point.address
    return False


async def _given_back(
    lease: Lease, site: Site | None, *, now: datetime, ports: GivingBackPorts
) -> ReleaseReceipt:
    """As by a release: at the place of the lease, else where the site file has the point now."""
    drivers, journal = ports.drivers, ports.journal
    named = [] if site is None else [p for p in site.points if p.id == lease.point.id]
    if site is not None and named:
        found = await release_points(site, named, now=now, drivers=drivers, journal=journal)
    else:
        found = await release_leases([lease], now=now, drivers=drivers, journal=journal)
    return found[0]


async def _is_away(lease: Lease, *, now: datetime, ports: GivingBackPorts) -> bool:
    """Whether nobody, or another device, answers at the place of a lease."""
    states = await look([(lease.point, lease.device)], ports.drivers, now)
    state = states[lease.point.id]
    return isinstance(state, NoCommandState) and (state.wrong_device or state.retryable)


async def _given_up(
    lease: Lease, *, now: datetime, ports: GivingBackPorts, actor: str, reason: str
) -> ReleaseReceipt:
    point, device = lease.point.id, lease.device.id

    def write_down() -> None:
        ports.ledgers.note(
            Action.DECLARE_GONE,
            point,
            at=now,
            actor=actor,
            site=lease.point.site,
            reason=f"{device}: {reason}",
        )

    await off_loop(write_down)
    await close_leases({point: lease.command_id}, ports.journal)
    return StillHeld(point, fact(ReceiptReason.DECLARED_GONE, device=device), retryable=False)
