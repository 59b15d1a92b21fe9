"""What counts as control (clause W15): written is not effective.

One rule on facts for plans, the record of warm-ups, trials and savings. A receipt shows control
where the value that acts was seen to be ours: read back by a driver, or reported by a controller
that fetches its schedule. Anything else at the point ends it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from bms.model.assets.site import Site
from bms.model.control.command import (
    Accepted,
    AnyReceipt,
    Clamped,
    Command,
    Refused,
    Released,
    StillHeld,
)

LOOK_BACK = timedelta(minutes=40)
"""Two ticks and a little more: a lease is renewed within it, or it is over."""

DatedReceipts = Sequence[tuple[datetime, AnyReceipt]]


def in_effect(receipt: AnyReceipt) -> Command | None:
    """The command whose value acts at the point, as the receipt shows; None where none does."""
    return receipt.command if isinstance(receipt, Accepted | Clamped) else None


def effective_commands(
    receipts: Iterable[tuple[datetime, AnyReceipt]],
) -> Iterator[tuple[datetime, Command]]:
    """Every command that was seen to act, with the time of its receipt, in the given order."""
    for at, receipt in receipts:
        command = in_effect(receipt)
        if command is not None:
            yield at, command


def last_in_effect(receipts: DatedReceipts, until: datetime) -> dict[str, Command]:
    """The command that acts at ``until``, by point, where the newest receipt shows one.

    ``receipts`` are in the order of time. What was refused changes nothing at a point.
    """
    found: dict[str, Command | None] = {}
    for at, receipt in receipts:
        if at <= until and not isinstance(receipt, Refused):
            found[point_of_receipt(receipt)] = in_effect(receipt)
    return {point: command for point, command in found.items() if command is not None}


def controlled_points(receipts: DatedReceipts, now: datetime) -> frozenset[str]:
    """The points at which our value acts now and whose lease runs; ``receipts`` are those since
    ``now - LOOK_BACK`` at least."""
    acting = last_in_effect(receipts, now)
    return frozenset(point for point, command in acting.items() if now < command.lease_end)


def unconfirmed_points(site: Site, receipts: DatedReceipts, now: datetime) -> frozenset[str]:
    """Writable points of controllers that fetch their schedule and have not said that they apply
    it: nothing may be expected of them."""
    fetching = {device.id for device in site.devices if device.fetches}
    mine = {p.id for p in site.points if p.write is not None and p.device in fetching}
    return frozenset(mine - controlled_points(receipts, now)) if mine else frozenset()


def point_of_receipt(receipt: AnyReceipt) -> str:
    """The point that it tells of."""
    if isinstance(receipt, Released | StillHeld):
        return receipt.point
    return receipt.command.point
