"""Measures: what was done to a building for energy, when, and what it is expected to save."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from math import isfinite


class MeasureKind(StrEnum):
    """What was done. Control by us is the measure that is there by itself."""

    CONTROL = "control"
    WINDOWS = "windows"
    INSULATION = "insulation"
    LIGHTING = "led"
    VENTILATION_HOURS = "ventilation_hours"
    HEATING_PLANT = "heating_plant"
    CAMPAIGN = "campaign"
    REPAIR = "repair"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """What ``author`` says was done to the building ``site``.

    ``meters`` are the ids of the meters that it concerns, none for all billed ones. Work began at
    ``start``; until ``blackout_until`` nothing is measured. ``cost_dkk`` [DKK] is what it cost. It
    is expected to save ``expected_share`` of the use, or ``expected_kwh`` [kWh per year]. Raises
    ``ValueError`` for a measure without ``what`` or ``author``, a blackout that ends before it
    starts, a negative cost, a share outside 0..1, and for two expectations.
    """

    id: str
    site: str
    kind: MeasureKind
    what: str
    start: datetime
    author: str
    entered_at: datetime
    meters: tuple[str, ...] = ()
    blackout_until: datetime | None = None
    cost_dkk: float | None = None
    expected_share: float | None = None
    expected_kwh: float | None = None

    def __post_init__(self) -> None:
        if not self.what.strip() or not self.author.strip():
            raise ValueError("say what was done, and who says so")
        if self.blackout_until is not None and self.blackout_until < self.start:
            raise ValueError("the blackout ends before the measure starts")
        if self.cost_dkk is not None and not (isfinite(self.cost_dkk) and self.cost_dkk >= 0):
            raise ValueError(f"{self.cost_dkk} DKK is no cost")
        if self.expected_share is not None and self.expected_kwh is not None:
            raise ValueError("expect a share of the use or kWh per year, not both")
        if self.expected_share is not None and not 0 < self.expected_share < 1:
            raise ValueError(f"{self.expected_share} is no share of the use; write 0.08 for 8 %")
        if self.expected_kwh is not None and not (
            isfinite(self.expected_kwh) and self.expected_kwh > 0
        ):
            raise ValueError(f"{self.expected_kwh} kWh per year is nothing to expect")

    @property
    def effective(self) -> datetime:
        """From when on its saving is measured."""
        return self.start if self.blackout_until is None else self.blackout_until


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureEnd:
    """The measure acts until ``end``; nothing is measured after it."""

    measure: str
    site: str
    end: datetime
    author: str
    entered_at: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptMeasure:
    """A measure, and its end where it has one."""

    measure: Measure
    ended: MeasureEnd | None = None

    @property
    def end(self) -> datetime | None:
        return None if self.ended is None else self.ended.end

    def shares_meters(self, other: KeptMeasure) -> bool:
        """Whether both concern a meter."""
        mine, others = set(self.measure.meters), set(other.measure.meters)
        return not mine or not others or bool(mine & others)
