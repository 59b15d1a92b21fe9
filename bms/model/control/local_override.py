"""What the book beside the journal keeps of people at a device (clauses W7 and W8, where such an
override is called a hand)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from bms.model.clock_reading import ClockReading, Elapsed
from bms.model.control.unrecorded import ReceiptRecorded, UnrecordedReceipt
from bms.model.fact import Fact

LOCAL = "local"
"""The actor of an override that was found at the building."""
NEAR_END = timedelta(hours=1)
"""How far from the end of a lease of another home its guards may give the point back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalOverride:
    """Somebody at the building holds a point; values in the unit of the point.

    ``found`` is the value that was found in our place or above it, None where our place had been
    emptied; ``ours`` is what we had written, None where we held nothing, and ``left`` all values of
    ours that may be left beneath. ``by`` says who (``Holder``), ``priority`` in which BACnet slot,
    and ``above`` whether that outranks ours; ``source`` and ``commanded`` are who and since when as
    far as the device keeps that. ``visible`` is whether the device shows when it is over; ``until``
    (building time) is when it ends by itself, None where it does not, and ``ends`` the running time
    at which that is so. ``taken_back``: people have said that it is over, so that what was found
    may be written over. ``command`` is the one of ours whose place it was, None where we held
    nothing.
    """

    id: str
    site: str
    point: str
    since: datetime
    found: float | None
    ours: float | None
    by: Fact
    priority: int | None = None
    above: bool = False
    source: str | None = None
    commanded: datetime | None = None
    visible: bool = True
    until: datetime | None = None
    ends: Elapsed | None = None
    taken_back: bool = False
    command: str | None = None
    left: tuple[float, ...] = ()

    @property
    def lasts_unseen(self) -> bool:
        """Whether it stands until somebody says otherwise, whatever the device shows."""
        return not self.visible and not self.taken_back

    def has_run_out(self, at: ClockReading) -> bool:
        """Whether its end has come by the calendar and by running time: a clock that is set forward
        takes nobody's word away (W8, W14). Across a boot the calendar alone counts."""
        if self.until is None or at.calendar < self.until:
            return False
        over_for = None if self.ends is None else at.elapsed.since(self.ends)
        return over_for is None or over_for >= timedelta(0)


@dataclass(frozen=True, slots=True)
class LocalOverrideEnd:
    """The local override of this id is no longer kept in the book."""

    point: str
    id: str


@dataclass(frozen=True, slots=True)
class ReadBack:
    """What the read-back of a command showed [unit of the point]."""

    point: str
    command_id: str
    value: float


@dataclass(frozen=True, slots=True)
class GivingBack:
    """The point is about to be given back: from now on our place may be empty by our own doing."""

    point: str
    command_id: str


@dataclass(frozen=True, slots=True)
class OfferedLease:
    """The lease of the point was offered to another home, or an owner was lost that held it. Where
    the other one is lost its guards give the point back at ``until`` (building time), whoever holds
    it then; ``values`` are what it was seen to have there [unit of the point]."""

    point: str
    until: datetime
    values: tuple[float, ...] = ()

    def is_near(self, at: datetime) -> bool:
        """Whether those guards may be at work: clocks are apart, and they try until it succeeds."""
        return abs(at - self.until) <= NEAR_END


@dataclass(frozen=True, slots=True)
class LetGo:
    """Our place was found empty after a restart or a watchdog of the device, at building time."""

    point: str
    at: datetime


Note = (
    LocalOverride
    | LocalOverrideEnd
    | ReadBack
    | GivingBack
    | OfferedLease
    | LetGo
    | UnrecordedReceipt
    | ReceiptRecorded
)
