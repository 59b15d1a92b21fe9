"""Writes to a building: the command, what became of it, and how it was given back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bms.model.assets.device import Device
from bms.model.assets.point import Point
from bms.model.clock_reading import ClockReading, Elapsed
from bms.model.control.command_state import CommandState
from bms.model.fact import Fact


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A leased write. ``value`` is in the unit of the point; times are building time.

    ``reason`` is what a person typed, or a fact of ``CommandReason``. ``moved_at`` is when
    the point was last given another value: a renewal keeps that of the command that it renews.
    """

    id: str
    point: str
    value: float
    issued_at: datetime
    lease_end: datetime
    reason: str | Fact
    actor: str
    plan: str | None = None
    moved_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """Written, and the read-back shows it."""

    command: Command
    read_back: float


@dataclass(frozen=True, slots=True)
class Clamped:
    """Written at a limit instead of at the wish; ``limit`` says at which (``ReceiptReason``)."""

    command: Command
    written: float
    read_back: float
    limit: Fact


@dataclass(frozen=True, slots=True)
class Refused:
    """Not written: our own rules forbid it."""

    command: Command
    reason: Fact


@dataclass(frozen=True, slots=True)
class Overridden:
    """Somebody else holds the point. ``priority`` is the BACnet slot, None for an operator's
    override in the API or a value that somebody put in place of ours. ``by`` says who (``Holder``).
    ``at_device`` is whether the write met it there; else an override or a person's lease that is on
    record kept us from writing.
    """

    command: Command
    priority: int | None
    value: float | None
    by: Fact
    at_device: bool = True


@dataclass(frozen=True, slots=True)
class Waiting:
    """Written; the object's own minimum on or off time keeps ``value`` in effect until it is over
    (clause W6)."""

    command: Command
    value: float | None


@dataclass(frozen=True, slots=True)
class Failed:
    """The device did not do it. ``retryable`` tells a time-out from a refusal."""

    command: Command
    error: Fact
    retryable: bool


Receipt = Accepted | Clamped | Refused | Overridden | Waiting | Failed


@dataclass(frozen=True, slots=True)
class Released:
    """Nothing of ours is at the point, and the read-back shows it. ``effective`` is the value that
    stands now; ``by`` is who holds the point instead (``Holder``), None where own control does."""

    point: str
    effective: float | None
    by: Fact | None = None


@dataclass(frozen=True, slots=True)
class StillHeld:
    """Not given back (yet); the guard tries again."""

    point: str
    error: Fact
    retryable: bool = True


ReleaseReceipt = Released | StillHeld


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """A person's word that we write nothing to a point, or to all of a site (``point`` None).

    ``reason`` is what the person wrote; a fact where it was found at the building.
    """

    id: str
    site: str
    point: str | None
    since: datetime
    until: datetime | None
    reason: str | Fact
    actor: str


@dataclass(frozen=True, slots=True)
class Lease:
    """A write that was announced and not yet given back.

    Self-contained, so that whoever gives the point back needs no site file and no database.
    ``command`` is the newest one; its ``lease_end`` is building time. ``issued`` is the running
    time at which it was issued: the lease is as long by it as by the calendar. ``before`` is how
    the point stood before we took it, ``read_back`` what was seen of this command, and ``earlier``
    the values of ours that may still stand until that is seen [unit of the point]. ``writer`` is
    the process that may still send the write, None when none can any more; ``withdrawn`` says that
    the point was given back before that was so, and has to be once more. ``returning``: somebody
    of us has begun to give the point back.
    """

    command: Command
    point: Point
    device: Device
    issued: Elapsed
    before: CommandState | None = None
    read_back: float | None = None
    earlier: tuple[float, ...] = ()
    writer: str | None = None
    withdrawn: bool = False
    returning: bool = False

    @property
    def values(self) -> tuple[float, ...]:
        """What our place may have if it is still ours."""
        seen = () if self.read_back is None else (self.read_back,)
        return (self.command.value, *seen, *self.earlier)

    def seen(self, value: float) -> Lease:
        """The lease after a read-back: nothing of before can stand any more."""
        return replace(self, read_back=value, earlier=())

    @property
    def command_id(self) -> str:
        return self.command.id

    @property
    def lease_end(self) -> datetime:
        return self.command.lease_end

    @property
    def length(self) -> timedelta:
        return self.command.lease_end - self.command.issued_at

    @property
    def ends(self) -> Elapsed:
        """The running time at which the lease ends, with the boot that it is counted from."""
        return self.issued.after(self.length)

    def may_leave(self, at: ClockReading, margin: timedelta) -> bool:
        """Whether its write may leave for the device: its end is at least ``margin`` away by the
        calendar and by running time, so that the write has arrived before anybody gives back (W11).
        """
        gone = at.elapsed.since(self.issued)
        return (
            gone is not None
            and abs(gone) + margin <= self.length
            and at.calendar + margin <= self.lease_end
        )

    def ended(self, at: ClockReading) -> bool:
        """Whether the lease is over: by the calendar or by running time, whichever is first, and
        always when the computer has started anew since (W11, W14).

        A count of running time that is a whole lease short of the beginning began anew, too.
        """
        gone = at.elapsed.since(self.issued)
        over = self.lease_end <= at.calendar or gone is None or abs(gone) >= self.length
        return over or self.withdrawn
