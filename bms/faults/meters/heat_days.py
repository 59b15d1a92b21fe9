"""A heat meter by the day: heat, weather, cooling, and the load that its weather explains."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bms.faults.days import DayTable, outdoor_days, trailing
from bms.faults.expected import ExpectedDays, expectation
from bms.faults.observations import Observations
from bms.faults.prices import WATER_KWH_M3K
from bms.faults.signals import Signal
from bms.model.planning.grid import Flags
from bms.model.readings.series import Floats

BALANCE_C = (12.0, 14.0, 16.0, 18.0)
"""Outdoor temperatures at which heating may begin, of which the history picks one [degC]."""
GAINS_K = 8.0
"""Degrees below the balance temperature from which on all sunshine saves heat; on milder days a
part of it only warms the rooms (utilisation of gains, DS/EN ISO 52016-1) [K]."""
MOSTLY = 0.9
"""Share of the days of which the sunshine has to be known."""
COLD_C = 12.0
"""Below this daily mean every building heats [degC]."""


@dataclass(frozen=True, eq=False)
class HeatDays:
    """Days of a heat meter; arrays have shape (days,)."""

    seen: Observations
    table: DayTable
    heat: Floats
    outdoor: Floats

    @classmethod
    def of(cls, seen: Observations) -> HeatDays:
        """The days of a subject, worked out once."""
        return seen.once(cls._made)

    @classmethod
    def _made(cls, seen: Observations) -> HeatDays:
        table = DayTable.of(seen)
        return cls(seen, table, table.total(seen.get(Signal.HEAT)), outdoor_days(seen, table))

    @cached_property
    def expected(self) -> ExpectedDays:
        """Heat that the days' weather leads to expect [kWh]: a base and a slope below a balance
        temperature, both other on closed days; what a building's mass takes back after a closed
        day and gives on the first one; and less where the sun shines in and heat is wanted."""
        closed = self.table.closed.astype(np.float64)
        cooled = day_before(closed)
        sun = self._sun
        designs = []
        for balance in BALANCE_C:
            degrees = np.maximum(balance - self.outdoor, 0.0)
            columns = [np.ones_like(degrees), degrees, day_before(degrees), closed]
            columns += [closed * degrees, (1.0 - closed) * cooled * degrees]
            columns += [closed * (1.0 - cooled) * degrees]
            if sun is not None:
                columns.append(sun * np.minimum(degrees / GAINS_K, 1.0))
            designs.append(np.stack(columns, axis=1))
        return expectation(self.heat, designs)

    @cached_property
    def _sun(self) -> Floats | None:
        """Sunshine of the days [W/m2], of the fortnight where a day has none; None where it is
        known of few."""
        sun = self.table.mean(self.seen.get(Signal.SUN))
        if np.isfinite(sun).mean() < MOSTLY:
            return None
        fortnight = trailing(sun, 14, least=1)
        return np.where(np.isfinite(sun), sun, np.nan_to_num(fortnight, nan=float(np.nanmean(sun))))

    @cached_property
    def cooling(self) -> Floats:
        """Cooling of each interval [K], by temperatures, else by energy and volume."""
        if self.seen.has(Signal.METER_FLOW_TEMP) and self.seen.has(Signal.METER_RETURN_TEMP):
            return self.seen[Signal.METER_FLOW_TEMP] - self.seen[Signal.METER_RETURN_TEMP]
        volume = self.seen.get(Signal.VOLUME)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(
                volume > 0, self.seen.get(Signal.HEAT) / (volume * WATER_KWH_M3K), np.nan
            )

    @cached_property
    def volume(self) -> Floats:
        """Volume of the days [m3]."""
        return self.table.total(self.seen.get(Signal.VOLUME))

    @cached_property
    def day_cooling(self) -> Floats:
        """Volume-weighted cooling of the days [K]."""
        weighted = self.table.total(self.cooling * self.seen.get(Signal.VOLUME))
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(self.volume > 0, weighted / self.volume, np.nan)

    @property
    def heating(self) -> Flags:
        """Days on which every building heats."""
        return self.outdoor < COLD_C

    @cached_property
    def year_kwh(self) -> float:
        """Heat of a year [kWh]: the last 365 days, or scaled by what is known."""
        last = self.heat[-365:]
        known = np.isfinite(last)
        return 365.0 * float(last[known].mean()) if known.any() else 0.0

    @cached_property
    def year_m3(self) -> float:
        """Volume of a year at its mean [m3]."""
        return 365.0 * float(np.nanmean(self.volume))

    def cooling_over(self, days: int) -> Floats:
        """Volume-weighted cooling of each day and those before it [K]."""
        weighted = trailing(self.day_cooling * self.volume, days)
        volume = trailing(np.where(np.isfinite(self.day_cooling), self.volume, np.nan), days)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(volume > 0, weighted / volume, np.nan)


def day_before(values: Floats) -> Floats:
    """Of each day, the value of the day before it."""
    return np.concatenate([values[:1], values[:-1]])
