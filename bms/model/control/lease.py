"""A write that ends by itself: how long a lease lasts at least, and when it is over (W11, W14)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bms.model.assets.device import Device
from bms.model.assets.point import Point
from bms.model.assets.write_rule import WriteRule
from bms.model.clock_reading import ClockReading, Elapsed
from bms.model.control.command import Command
from bms.model.control.command_state import CommandState

POLLS = 2
"""A lease is renewed once a poll; one renewal may fail before it ends [1]."""


def shortest_lease(poll: timedelta) -> timedelta:
    """The least length of a lease where points are polled, and leases renewed, once in ``poll``."""
    return POLLS * poll


@dataclass(frozen=True, slots=True)
class Lease:
    """A write that was announced and not yet given back.

    Self-contained, so that whoever gives the point back needs no site file and no database.
    ``command`` is the newest one; its ``lease_end`` is building time. ``issued`` is the running
    time at which it was issued: the lease is as long by it as by the calendar. ``before`` is how
    the point stood before we took it, ``read_back`` what was seen of this command, and ``earlier``
    the values of ours that may still stand until that is seen [unit of the point]; ``stood`` is the
    one of them that stood when the command was announced, None where none did. ``writer`` is the
    process that may still send the write, None when none can any more; ``withdrawn`` says that the
    point was given back before that was so, and has to be once more. ``returning``: somebody of us
    has begun to give the point back. ``offered``: the heir of a site has opened it, and its owner
    still holds the point (W2). ``token`` is that of the owner of the site, None where nobody asks
    for one. ``renews`` is the command whose value stands already, where nothing is written
    anew.
    """

    command: Command
    point: Point
    device: Device
    issued: Elapsed
    before: CommandState | None = None
    read_back: float | None = None
    earlier: tuple[float, ...] = ()
    stood: float | None = None
    writer: str | None = None
    withdrawn: bool = False
    returning: bool = False
    offered: bool = False
    token: int | None = None
    renews: str | None = None

    @property
    def values(self) -> tuple[float, ...]:
        """What our place may have if it is still ours."""
        seen = () if self.read_back is None else (self.read_back,)
        return (self.command.value, *seen, *self.earlier)

    @property
    def last_seen(self) -> float | None:
        """The newest value of ours that was seen to stand; None where none was. What was announced
        may never have been sent."""
        return self.stood if self.read_back is None else self.command.value

    def wrote(self, value: float, rule: WriteRule) -> bool:
        """Whether a value that stands in our place may be ours, by the rule of the point. One that
        was not read back yet may have been rounded by the device, by less than a step."""
        if any(abs(value - each) <= rule.tolerance + 1e-9 for each in self.values):
            return True
        return self.read_back is None and abs(value - self.command.value) < rule.resolution - 1e-9

    def standing(self, own: float | None) -> tuple[float, ...]:
        """Which of the values that we wrote may stand at the point, for ``own`` in our place [unit
        of the point]; None: nobody has looked since the newest was announced.

        What was announced may never have been sent: then an earlier value stands. What a device
        made of the newest value counts as that.
        """
        newest = self.command.value
        if self.read_back is not None and own in (None, self.read_back):
            return (newest,)
        if own is None:
            return (newest, *self.earlier)
        return (min((newest, *self.earlier), key=lambda each: abs(each - own)),)

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
