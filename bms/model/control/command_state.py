"""What a device shows of a writable point: who commands it, with which value, since when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bms.model.fact import Fact

MINIMUM_TIMES_SLOT = 6
"""The slot in which an object holds its own minimum on or off time (ASHRAE 135, 19.2.3)."""


@dataclass(frozen=True, slots=True)
class OccupiedSlot:
    """A slot of a priority array that is not Null; ``value`` is None where it is no number."""

    priority: int
    value: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandState:
    """How a point stands at ``at`` (building time), as the device shows it; values in the unit of
    the point.

    ``effective`` is the value that acts; ``doubt`` says why nothing may be decided on it, in the
    words of the device or its driver, None where it is good. ``own`` is what our place has: our
    slot of the priority array (None: Null), the register, or our exception of a schedule;
    ``own_is_no_number`` says that something stands there that is none, such as NaN. ``home``
    are the values that own control may have in a register now, by its constant or its timetable at
    the device's clock, a few minutes early and late. ``enabled`` is the bit that hands control
    over, None where the point has none. ``above`` are the occupied slots of a higher priority than
    ours, the highest first, ``below`` those of a lower one; ``minimum_times`` says that the object
    has a minimum on or off time (``minimum_on_s``, ``minimum_off_s`` [s]). ``source`` and ``since``
    say who commanded the acting value and when, where the device keeps that. ``boot`` differs
    between two runs of the device, where it tells; ``silent_at`` is when it last gave no answer to
    this process, or dropped the connection.
    """

    point: str
    at: datetime
    effective: float | None
    own: float | None
    doubt: str | None = None
    home: tuple[float, ...] = ()
    enabled: bool | None = None
    above: tuple[OccupiedSlot, ...] = ()
    below: tuple[OccupiedSlot, ...] = ()
    minimum_times: bool = False
    source: str | None = None
    since: datetime | None = None
    boot: str | None = None
    silent_at: datetime | None = None
    minimum_on_s: float = 0.0
    minimum_off_s: float = 0.0
    own_is_no_number: bool = False

    @property
    def occupied(self) -> bool:
        """Whether something stands in our place. A register always has a value; behind an enable
        bit it counts only while the bit is set."""
        stands = self.own is not None or self.own_is_no_number
        return stands and self.enabled is not False


@dataclass(frozen=True, slots=True)
class NoCommandState:
    """How a point stands could not be read. ``retryable`` tells a time-out from a refusal;
    ``wrong_device``: another device answers there (clause W1)."""

    point: str
    error: Fact
    retryable: bool = True
    wrong_device: bool = False
