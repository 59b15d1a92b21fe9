"""Writes to a building: the command, what became of it, and how it was given back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bms.model.control.reasons import ReceiptReason
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
    """The device did not do it. ``retryable`` tells a time-out from a refusal; ``read_back`` is
    what stood there instead, where that was seen [unit of the point]."""

    command: Command
    error: Fact
    retryable: bool
    read_back: float | None = None


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
    """Not given back (yet); the guard tries again until a person says that the device is gone."""

    point: str
    error: Fact
    retryable: bool = True

    @property
    def given_up(self) -> bool:
        """Whether nobody tries any more, because a person has said that the device is gone."""
        return self.error.code == ReceiptReason.DECLARED_GONE


ReleaseReceipt = Released | StillHeld

AnyReceipt = Receipt | ReleaseReceipt
"""What became of a write or of a give-back."""


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
