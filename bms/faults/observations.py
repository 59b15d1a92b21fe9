"""The readings of one plant or meter as the rules see them: aligned columns and local calendar."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property
from typing import TypeVar

import numpy as np

from bms.faults.delays import confirmed
from bms.faults.signals import Signal
from bms.model.fact import TermCode
from bms.model.planning.cooling_fee import CoolingRule
from bms.model.planning.grid import Flags, Ints, LocalGrid, local_calendar
from bms.model.readings.series import Floats

HOUR_S, DAY_S = 3600, 86_400
HOURS_A_YEAR = 8760.0
Prepared = TypeVar("Prepared")


class Equipment(StrEnum):
    """What is looked at."""

    HEAT_METER = "heat_meter"
    ELECTRICITY_METER = "electricity_meter"
    WATER_METER = "water_meter"
    HEATING = "heating"
    ROOMS = "rooms"
    HEAT_PUMP = "heat_pump"
    AIR_HANDLER = "air_handler"
    ANY = "any"


class State(TermCode):
    """When a rule is silent."""

    FANS_OFF = "state_fans_off"
    FANS_STARTING = "state_fans_starting"
    MODE_CHANGE = "state_mode_change"
    NO_FLOW = "state_no_flow"
    WARM = "state_warm"
    COLD = "state_cold"
    IN_USE = "state_in_use"
    OUT_OF_USE = "state_out_of_use"
    THIN_DATA = "state_thin_data"


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultContext:
    """What a building's papers say beside its readings. Prices [DKK/kWh], [DKK/m3] without VAT.

    ``closed`` are local days since 1970-01-01 on which nobody is in, ``closed_weekdays`` (0 is
    Monday) those of every week. ``stop_c`` [degC] is the
    outdoor temperature above which a building needs no heat; ``always_in_use``: people sleep there.
    ``oa_min`` and ``recovery`` 0..1 are the least share of outdoor air and the efficiency of the
    heat recovery by design, ``fan_kw`` [kW] and ``air_m3_h`` [m3/h] those of a ventilation unit.
    """

    timezone: str = "Europe/Copenhagen"
    heat_dkk_kwh: float | None = None
    electricity_dkk_kwh: float | None = None
    water_dkk_m3: float | None = None
    cooling: CoolingRule | None = None
    cooling_limit_k: float | None = None
    closed: frozenset[int] = frozenset()
    opens_min: int = 7 * 60
    closes_min: int = 17 * 60
    always_in_use: bool = False
    closed_weekdays: frozenset[int] = frozenset({5, 6})
    stop_c: float = 17.0
    area_m2: float | None = None
    oa_min: float | None = None
    recovery: float | None = None
    fan_kw: float | None = None
    air_m3_h: float | None = None
    latitude: float | None = None
    raised: Mapping[str, float] = field(default_factory=dict)
    """Factor on the tolerance of a rule here, where people said that it found no fault."""

    @property
    def limit_k(self) -> float | None:
        """The cooling below which the tariff charges [K]."""
        if self.cooling_limit_k is not None:
            return self.cooling_limit_k
        return None if self.cooling is None else self.cooling.below_k


@dataclass(frozen=True, eq=False, kw_only=True)
class Observations:
    """Columns of one subject. ``at`` [epoch s], shape (n,), ascending, are the starts of intervals
    of ``step_s`` [s]; stretches may be missing. ``signals`` have shape (n,), NaN where nothing is
    known; ``rooms`` are those of which a building has several, by the name of the place."""

    site_id: str
    subject: str
    equipment: Equipment
    at: Ints
    step_s: int
    signals: Mapping[Signal, Floats]
    rooms: Mapping[Signal, Mapping[str, Floats]] = field(default_factory=dict)
    context: FaultContext = FaultContext()

    def __len__(self) -> int:
        return len(self.at)

    def __getitem__(self, signal: Signal) -> Floats:
        return self.signals[signal]

    def has(self, signal: Signal) -> bool:
        """Whether there is a value of it, here or in a room."""
        values = self.signals.get(signal)
        if values is not None:
            return bool(np.isfinite(values).any())
        return any(np.isfinite(each).any() for each in self.rooms.get(signal, {}).values())

    def get(self, signal: Signal) -> Floats:
        """The column, all NaN where there is none."""
        values = self.signals.get(signal)
        return np.full(len(self), np.nan) if values is None else values

    def moment(self, index: int) -> datetime:
        """Start of an interval; that after the last one is the end of the data."""
        if index >= len(self.at):
            return datetime.fromtimestamp(int(self.at[-1]) + self.step_s, UTC)
        return datetime.fromtimestamp(int(self.at[index]), UTC)

    @cached_property
    def local(self) -> LocalGrid:
        """Local days and minutes of the intervals."""
        return local_calendar(self.context.timezone, self.at)

    @cached_property
    def listed(self) -> Flags:
        """Whether the day of each interval is among the closed days that are listed."""
        return np.isin(self.local.day, np.array(sorted(self.context.closed), dtype=np.int64))

    @cached_property
    def closed(self) -> Flags:
        """Whether nobody is in on the day of each interval: weekends and closed days."""
        if self.context.always_in_use:
            return np.zeros(len(self), dtype=np.bool_)
        off = np.array(sorted(self.context.closed_weekdays), dtype=np.int64)
        return np.isin(self.local.weekday, off) | self.listed

    @cached_property
    def in_use(self) -> Flags:
        """Whether people are in: as a column says, else by the hours of use."""
        if self.has(Signal.OCCUPIED):
            return self.get(Signal.OCCUPIED) > 0.5
        minute = self.local.minute
        usual = (minute >= self.context.opens_min) & (minute < self.context.closes_min)
        return (usual & ~self.closed) | self.context.always_in_use

    @cached_property
    def breaks(self) -> Flags:
        """Whether an interval does not follow at once upon the one before it."""
        gaps = np.ones(len(self), dtype=np.bool_)
        gaps[1:] = np.diff(self.at) > 1.5 * self.step_s
        return gaps

    @cached_property
    def _prepared(self) -> dict[object, object]:
        return {}

    def once(self, make: Callable[[Observations], Prepared]) -> Prepared:
        """What several rules need of the subject, made once."""
        if make not in self._prepared:
            self._prepared[make] = make(self)
        return self._prepared[make]  # type: ignore[return-value]

    def between(self, first_h: float, end_h: float) -> Flags:
        """Whether an interval starts between two local hours, past midnight where the second is
        the earlier one."""
        minute = self.local.minute
        late, early = minute >= first_h * 60, minute < end_h * 60
        return late & early if first_h < end_h else late | early

    def steps(self, hours: float) -> int:
        """How many intervals are so many hours, at least one."""
        return max(1, round(hours * HOUR_S / self.step_s))

    def stood(self, condition: Flags, hours: float) -> Flags:
        """Where a condition has stood for so many hours without a break."""
        return confirmed(condition, self.breaks, self.steps(hours))

    def hours(self, flags: Flags) -> float:
        """How many hours are flagged."""
        return float(flags.sum()) * self.step_s / HOUR_S

    @property
    def per_hour(self) -> float:
        """Intervals of an hour: what an amount per interval is multiplied by to be one an hour."""
        return HOUR_S / self.step_s

    def year(self, signal: Signal) -> float:
        """A year of an amount at its mean [kWh or m3]; 0 where nothing is known of it."""
        if not self.has(signal):
            return 0.0
        return float(np.nanmean(self.get(signal))) * self.per_hour * HOURS_A_YEAR
