"""A local override: somebody at the building put another value in place of ours (law 2, clause W7,
where it is called a hand). We keep away from the point.

Only where our value stays until somebody changes it does another value prove one: behind a
remote-enable bit, and in a register that is constant by nature. A ``timetable`` register is moved
by the building itself; a BACnet slot above ours is seen by the driver.
"""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from bms.errors import StoreError
from bms.model.assets.write_rule import ReleaseKind
from bms.model.control.command import Accepted, Clamped, Command, Lease, Overridden, Override
from bms.model.control.reasons import Holder
from bms.model.fact import MessageCode, fact
from bms.ports.storage.decisions import DecisionStore
from bms.ports.storage.ledgers import LedgerStore

log = logging.getLogger(__name__)

LOCAL = "local"
"""The actor of an override that was found at the building."""
LOCAL_OVERRIDE_HOLD = timedelta(hours=2)
"""How long we stay away when nobody says otherwise: until then it is an override in the API."""

PROVING = (ReleaseKind.REMOTE_ENABLE, ReleaseKind.CONSTANT)


class LocalOverrideReason(MessageCode):
    """What was found at the building."""

    CHANGED = "changed_at_building"
    SAID = "local_override_said"


@dataclass(frozen=True, slots=True)
class FoundOverride:
    """A lease whose point somebody moved to ``value``, and the command that met it there."""

    lease: Lease
    command: Command
    value: float


def agrees(lease: Lease, value: float, wanted: float) -> bool:
    """Whether an effective value is the wanted one, within the tolerance of the point."""
    tolerance = lease.point.write.tolerance if lease.point.write else 0.0
    return abs(value - wanted) <= tolerance + 1e-9


def shows_local_override(lease: Lease, value: float, ledgers: LedgerStore) -> bool:
    """Whether ``value`` was put there by somebody: our write had been seen to stand, and now it
    does not.

    Without the receipt of that very command it may never have arrived, which proves nothing.
    """
    rule = lease.point.write
    if rule is None or rule.release.kind not in PROVING:
        return False
    stood = last_seen(lease, ledgers)
    return stood is not None and not agrees(lease, value, stood)


def last_seen(lease: Lease, ledgers: LedgerStore) -> float | None:
    """What the read-back of the lease's command showed, None when none is on record."""
    for _, receipt in reversed(ledgers.receipts(lease.point.site, lease.command.issued_at)):
        if isinstance(receipt, Accepted | Clamped) and receipt.command.id == lease.command_id:
            return receipt.read_back
    return None


def record_local_override(
    lease: Lease, value: float, *, now: datetime, decisions: DecisionStore
) -> None:
    """Put it on record as an override, which suspends us and which people see and may remove.

    When the database is away it is respected for this tick only.
    """
    override = Override(
        id=uuid.uuid4().hex,
        site=lease.point.site,
        point=lease.point.id,
        since=now,
        until=now + LOCAL_OVERRIDE_HOLD,
        reason=fact(LocalOverrideReason.CHANGED, found=value, ours=lease.command.value),
        actor=LOCAL,
    )
    try:
        decisions.add_override(override)
    except StoreError as error:
        log.error("%s: %s could not be kept: %s", override.point, override.reason, error)


def overridden(command: Command, value: float) -> Overridden:
    """The receipt of a command that met a local override, which is put on record."""
    return Overridden(command, None, value, fact(Holder.LOCAL), at_device=False)
