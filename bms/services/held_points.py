"""Points that people hold: by an override, a leased write, or as the last writes met them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bms.model.assets.site import Site
from bms.model.control.command import (
    Accepted,
    Clamped,
    Lease,
    Overridden,
    Override,
    Receipt,
    Released,
    ReleaseReceipt,
)
from bms.model.control.reasons import Holder
from bms.model.fact import Fact, fact
from bms.services.control.authority import PLAN
from bms.services.control.local_override import LOCAL

RECENT = timedelta(minutes=40)
"""Two ticks and a little more: what was met before that may be over."""

Receipts = Sequence[tuple[datetime, Receipt | ReleaseReceipt]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PointHold:
    """Who holds a point, until when (None: until it is given up), and the value that was given
    with it (None: whatever stands there)."""

    by: str | Fact
    until: datetime | None = None
    value: float | None = None


def held_points(
    site: Site,
    *,
    overrides: Iterable[Override],
    receipts: Receipts,
    leases: Iterable[Lease] = (),
) -> dict[str, PointHold]:
    """The writable points of a site that people hold now, by id.

    ``leases`` are those that run, ``receipts`` those of the time of ``RECENT``, oldest first. A
    priority slot above ours and a local override that no tick has put on record are known from them
    only.
    """
    writable = {point.id for point in site.points if point.write is not None}
    found = {id_: hold for id_, hold in _met(receipts).items() if id_ in writable}
    for lease in leases:
        command = lease.command
        if command.point in writable and command.actor != PLAN:
            found[command.point] = PointHold(
                by=command.actor, until=lease.lease_end, value=command.value
            )
    words = list(overrides)
    for id_ in writable:
        over = [each for each in words if each.point in (None, id_)]
        if over:
            found[id_] = _overridden(over)
    return found


def _met(receipts: Receipts) -> dict[str, PointHold]:
    """Points whose last write met somebody else's value at the device."""
    met: dict[str, PointHold] = {}
    for _, receipt in receipts:
        match receipt:
            case Overridden(command=command, by=by, value=value, at_device=True):
                met[command.point] = PointHold(by=by, value=value)
            case Accepted() | Clamped() | Overridden():
                met.pop(receipt.command.point, None)
    return met


def _overridden(overrides: Sequence[Override]) -> PointHold:
    """By the first of the overrides, until the last of them ends."""
    first = overrides[0]
    ends = [each.until for each in overrides]
    return PointHold(
        by=fact(Holder.LOCAL) if first.actor == LOCAL else first.actor,
        until=None if None in ends else max(end for end in ends if end is not None),
    )


def value_shown(point: str, receipts: Receipts) -> tuple[datetime, float] | None:
    """The newest effective value of a point that a receipt shows, and when."""
    for at, receipt in reversed(receipts):
        match receipt:
            case Released(point=id_, effective=float(value)) if id_ == point:
                return at, value
            case Overridden(command=command, value=float(value)) if command.point == point:
                return at, value
            case Accepted(command=command, read_back=value) if command.point == point:
                return at, value
            case Clamped(command=command, read_back=value) if command.point == point:
                return at, value
    return None
