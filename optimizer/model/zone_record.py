"""Inputs and measured temperature of one zone: the data that a model is fitted to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from optimizer.model.history import interpolate_gaps
from optimizer.model.rc_network import Bools, Floats

COARSE_H = 0.5
SETTLE_H = 12.0
SERIES = ("temp", "heat", "temp_out", "ghi", "use", "run", "hour", "facades", "temp_vent")


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneRecord:
    """Inputs of one zone: temperature [degC], heat [kW], sun [kW/m2], use and ventilation 0..1.

    All series have the shape (n,) but ``facades`` (3, n), the irradiance on façades that face east,
    south and west [kW/m2]; gaps are NaN. ``hour`` is the local hour of the day in the middle of the
    step, ``temp_vent`` [degC] the temperature of the ventilation's air: supply air where it is
    measured. ``vent_kw_per_k`` [kW/K] is the loss at full air flow, ``area_m2`` the floor [m2],
    None where it is not known, ``setpoint`` (n,) [degC] that of the thermostat, None where it is
    not known.
    """

    temp: Floats
    heat: Floats
    temp_out: Floats
    ghi: Floats
    use: Floats
    run: Floats
    hour: Floats
    facades: Floats
    temp_vent: Floats
    step_h: float
    vent_kw_per_k: float
    area_m2: float | None = None
    setpoint: Floats | None = None

    def __len__(self) -> int:
        return len(self.temp)

    @property
    def supply_measured(self) -> bool:
        """Whether the ventilation's air differs from outdoor air."""
        return not np.array_equal(self.temp_vent, self.temp_out, equal_nan=True)

    @property
    def known(self) -> Bools:
        inputs = self.heat + self.temp_out + self.ghi + self.run * self.temp_vent
        return np.asarray(np.isfinite(inputs))

    def part(self, first: int, last: int) -> ZoneRecord:
        """Returns the steps from ``first`` to before ``last``."""
        return self._series(lambda values: values[..., max(0, first) : last])

    def filled(self) -> ZoneRecord:
        """Returns the record with gaps interpolated, which only lets hidden states settle."""
        return self._series(interpolate_gaps)

    def resampled(self) -> ZoneRecord:
        """Returns the record on a grid of half an hour or more: temperatures at its moments, inputs
        as means."""
        every = int(COARSE_H / self.step_h + 1e-9)
        if every <= 1:
            return self
        whole = len(self.temp) // every * every

        def mean(values: Floats) -> Floats:
            rows = values[..., :whole].reshape(*values.shape[:-1], -1, every)
            return np.asarray(rows.mean(axis=-1))

        return replace(self._series(mean), temp=self.temp[:whole:every], step_h=self.step_h * every)

    def usable(self, starts: Floats | np.ndarray, length: int) -> np.ndarray:
        """Returns those of the starts whose inputs are known over the settling time and the
        window."""
        unknown = np.concatenate([[0], np.cumsum(~(self.known & np.isfinite(self.temp)))])
        missing_inputs = np.concatenate([[0], np.cumsum(~self.known)])
        settle = round(SETTLE_H / self.step_h)
        before = np.maximum(starts - settle, 0)
        good = (missing_inputs[starts + length] == missing_inputs[starts]) & (
            unknown[starts] - unknown[before] <= settle // 4
        )
        return np.asarray(starts[good & (starts >= settle)])

    def _series(self, change: Callable[[Floats], Floats]) -> ZoneRecord:
        changed = {name: change(getattr(self, name)) for name in SERIES}
        setpoint = None if self.setpoint is None else change(self.setpoint)
        return replace(self, setpoint=setpoint, **changed)  # type: ignore[arg-type]
