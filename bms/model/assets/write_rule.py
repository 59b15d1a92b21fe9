"""Limits of a writable point and its way back to the building's own control."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bms.model.assets.address import ModbusAddress
from bms.model.assets.timetable import WeekTimetable


class ReleaseKind(StrEnum):
    """The way back to the building's own control, declared for each writable point."""

    NULL = "null"
    REMOTE_ENABLE = "remote_enable"
    TIMETABLE = "timetable"
    CONSTANT = "constant"
    SCHEDULE = "schedule"


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """How a point is given back.

    ``null``: relinquish our BACnet slot. ``remote_enable``: write 0 to the register ``enable``
    (it is set to 1 with each write). ``timetable``: write the value that ``timetable`` has at the
    moment of release. ``constant``: write ``value``. ``schedule``: the point is written through the
    BACnet Schedule object of that instance, as an exception that ends with the lease, and given
    back by taking the exception away.
    """

    kind: ReleaseKind
    enable: ModbusAddress | None = None
    timetable: WeekTimetable | None = None
    value: float | None = None
    schedule: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteRule:
    """What may be written to a point, in the unit of the point.

    ``resolution`` is the smallest step that the point takes, ``tolerance`` how far a read-back may
    lie from what was written. ``hold_safe`` is the range of values that can stand for days without
    harm; ``watchdog_s`` [s] is the device's own time-out, where it has one. A point with neither is
    refused for ``auto`` (DESIGN, law 1). ``max_change`` is the ramp [unit/h]: how far
    the value may move in an hour, in even steps; ``minimum_on`` and ``minimum_off`` [min] are how
    long a point that switches stays on and off. A give-back keeps neither. ``writes_per_day`` and
    ``writes_lifetime`` are how often the device's memory may be written; a release is counted too,
    and never refused. ``own_program`` is the priority slot that the building's own timetable
    commands; where it lies above ours the point is refused for ``auto``. ``local_override_hold``
    [h] is how long the setpoint of a room is left to whoever changed it at the building, where its
    use does not change before.
    """

    minimum: float
    maximum: float
    release: Release
    resolution: float = 0.1
    tolerance: float = 0.06
    priority: int = 13
    hold_safe: tuple[float, float] | None = None
    watchdog_s: float | None = None
    max_change: float | None = None
    minimum_on: float = 0.0
    minimum_off: float = 0.0
    writes_per_day: int | None = None
    writes_lifetime: int | None = None
    own_program: int | None = None
    local_override_hold: float = 24.0

    def __post_init__(self) -> None:
        if not 9 <= self.priority <= 15:
            raise ValueError(f"write priority {self.priority} is outside 9..15")
        if not self.minimum < self.maximum:
            raise ValueError(f"limits {self.minimum}..{self.maximum} leave nothing to write")

    @property
    def beneath_own_program(self) -> bool:
        """Whether the building's own timetable outranks what we write."""
        return self.own_program is not None and self.own_program < self.priority

    @property
    def ends_by_itself(self) -> bool:
        """Whether the device gives the point back when nobody renews what was written."""
        return self.watchdog_s is not None or self.release.kind is ReleaseKind.SCHEDULE
