"""What an heir has to know of a site: the leases that stand there and who holds points of it.

Both computers count running time from boots of their own, and their calendars may be apart: every
moment is moved by the difference between the two calendars, every running time by how long ago it
was. The way of the bequest only makes a lease longer by as much as it takes.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bms.errors import GuardError
from bms.model.clock_reading import ClockReading, Elapsed
from bms.model.codec import from_json, to_json
from bms.model.control.command import Command
from bms.model.control.lease import Lease
from bms.model.control.local_override import GivingBack, LocalOverride, LocalOverrideEnd, Note
from bms.ports.safety import Journal


@dataclass(frozen=True, slots=True, kw_only=True)
class Bequest:
    """The leases and local overrides of a site when its owner had stopped writing there."""

    site: str
    at: datetime
    elapsed: Elapsed
    leases: Sequence[Lease] = ()
    local_overrides: Sequence[LocalOverride] = ()


def is_whole(lease: Lease, at: ClockReading) -> bool:
    """Whether a lease can be taken over: its write has arrived, and nobody gives it back."""
    given_back = lease.withdrawn or lease.returning or lease.ended(at)
    return lease.writer is None and not given_back


def bequest_of(site: str, at: ClockReading, journal: Journal) -> Bequest:
    """What the journal has of a site. Raises ``GuardError``."""
    overrides = journal.local_overrides().values()
    return Bequest(
        site=site,
        at=at.calendar,
        elapsed=at.elapsed,
        leases=tuple(journal.leases_of(site).values()),
        local_overrides=tuple(each for each in overrides if each.site == site),
    )


def written(bequest: Bequest) -> str:
    """The bequest as the database keeps it."""
    return to_json(bequest)


def open_bequest(text: str, at: ClockReading, journal: Journal) -> Bequest:
    """Open the leases of a bequest in the journal of the heir, so that its guard knows them, and
    forget who held points of the site in earlier days. What this journal itself has to give back
    there stays, but for points that the bequest tells of. Returns it with these leases.

    Until the site is the heir's the guards of both know them: where one of these has given back the
    other finds an empty place, which is nobody's word then. Raises ``GuardError``."""
    bequest = from_json(Bequest, text)
    told = {lease.point.id for lease in bequest.leases}
    told |= {each.point for each in bequest.local_overrides}
    earlier = journal.leases_of(bequest.site)
    journal.settle({p: lease.command_id for p, lease in earlier.items() if p in told})
    known = {each.id for each in bequest.local_overrides}
    stale = [
        LocalOverrideEnd(each.point, each.id)
        for each in journal.local_overrides().values()
        if each.site == bequest.site and each.id not in known
    ]
    notes: list[Note] = [*stale, *bequest.local_overrides]
    journal.note(notes)
    leases = tuple(_moved(lease, bequest, at) for lease in bequest.leases)
    opened = replace(bequest, leases=leases)
    if journal.intend(leases):
        close_bequest(opened, journal)
        raise GuardError(f"points of {bequest.site} are being given back here; its offer waits")
    journal.note([GivingBack(lease.point.id, lease.command_id) for lease in leases])
    return opened


def take_over(bequest: Bequest, journal: Journal) -> None:
    """The site is the heir's: from now on its leases are like any other, as far as they are still
    open. Raises ``GuardError``."""
    opened = {lease.command_id for lease in bequest.leases}
    journal.intend(
        [
            replace(
                lease,
                command=replace(lease.command, id=uuid.uuid4().hex),
                returning=False,
                offered=False,
            )
            for lease in journal.leases_of(bequest.site).values()
            if lease.command_id in opened
        ]
    )


def stands(bequest: Bequest, at: ClockReading, journal: Journal) -> bool:
    """Whether nobody has given back or ended any of it since. Raises ``GuardError``."""
    now = journal.leases_of(bequest.site)
    known = {lease.point.id: lease.command_id for lease in bequest.leases}
    open_now = {point: lease.command_id for point, lease in now.items() if is_whole(lease, at)}
    return known == open_now


def close_bequest(bequest: Bequest, journal: Journal) -> None:
    """Close its leases in the journal of who made it, or has opened it in vain, so that its guards
    let go. Raises ``GuardError``."""
    journal.settle({lease.point.id: lease.command_id for lease in bequest.leases})


def _moved(lease: Lease, bequest: Bequest, at: ClockReading) -> Lease:
    """The lease by the clocks of the heir."""
    apart = at.calendar - bequest.at
    gone = bequest.elapsed.since(lease.issued) or timedelta(0)
    issued = at.elapsed.after(-gone)
    command = _later(lease.command, apart)
    return replace(lease, command=command, issued=issued, offered=True, token=None, renews=None)


def _later(command: Command, apart: timedelta) -> Command:
    moved_at = command.moved_at
    return replace(
        command,
        id=uuid.uuid4().hex,  # a journal that had and closed it once would not open it again
        issued_at=command.issued_at + apart,
        lease_end=command.lease_end + apart,
        moved_at=None if moved_at is None else moved_at + apart,
    )
