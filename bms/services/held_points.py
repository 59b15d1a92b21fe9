"""Points that people hold: by an override, a leased write, or at the building."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bms.model.assets.site import Site
from bms.model.control.command import (
    Accepted,
    AnyReceipt,
    Clamped,
    Overridden,
    Override,
    Released,
)
from bms.model.control.lease import Lease
from bms.model.control.local_override import LOCAL, LocalOverride
from bms.model.control.reasons import Holder
from bms.model.fact import Fact, fact
from bms.services.control.authority import PLAN

RECENT = timedelta(minutes=40)
"""Two ticks and a little more: what a receipt of before that showed may be over."""

Receipts = Sequence[tuple[datetime, AnyReceipt]]


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
    local_overrides: Iterable[LocalOverride] = (),
    leases: Iterable[Lease] = (),
) -> dict[str, PointHold]:
    """The writable points of a site that people hold now, by id.

    ``leases`` are those that run, ``local_overrides`` those of the book, whoever holds a point at
    the building.
    """
    writable = {point.id for point in site.points if point.write is not None}
    at_building = {o.point: o for o in local_overrides if o.point in writable and not o.taken_back}
    found = {
        id_: PointHold(by=each.by, until=each.until, value=each.found)
        for id_, each in at_building.items()
    }
    for lease in leases:
        command = lease.command
        if command.point in writable and command.actor != PLAN:
            found[command.point] = PointHold(
                by=command.actor, until=lease.lease_end, value=lease.last_seen
            )
    words = list(overrides)
    for id_ in writable:
        over = [each for each in words if each.point in (None, id_)]
        if over:
            local = at_building.get(id_)
            found[id_] = _overridden(over, None if local is None else local.found)
    return found


def _overridden(overrides: Sequence[Override], value: float | None) -> PointHold:
    """By the first of the overrides, until the last of them ends."""
    first = overrides[0]
    ends = [each.until for each in overrides]
    return PointHold(
        by=fact(Holder.LOCAL) if first.actor == LOCAL else first.actor,
        until=None if None in ends else max(end for end in ends if end is not None),
        value=value,
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
