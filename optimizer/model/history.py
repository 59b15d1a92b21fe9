"""The measured past of a building as arrays; gaps are NaN."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from bms.model.planning.problem import History, Numbers, Problem
from optimizer.model.facade_irradiance import facades
from optimizer.model.rc_network import AIR_KWH_PER_M3_K, Floats

HOLD_H = 1.0
PER_ZONE = ("temp", "setpoint", "valve", "use", "run")
OVER_TIME = (*PER_ZONE, "temp_out", "ghi", "heat", "hour", "facades")
STUCK_H = 72.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredPast:
    """History of ``p`` zones over ``n`` steps of ``step_h`` [h], in the order of the problem.

    ``called`` are the zones' names for people. ``temp``, ``setpoint`` [degC], ``valve`` [%],
    ``use`` 0..1 and ``run`` 0..1 (ventilation of the zone) have the shape (p, n); ``temp_out``
    [degC], ``ghi`` [kW/m2] and ``heat`` [kW] (n,). ``hour`` (n,) is the local hour of the day in
    the middle of each step, ``facades`` (3, n) the irradiance on façades that face east, south and
    west [kW/m2]. ``vent_kw_per_k`` (p,) is the ventilation loss at full flow by the data sheet,
    ``coil_share`` (p,) each zone's part of the air flow.
    """

    zones: tuple[str, ...]
    called: tuple[str, ...]
    step_h: float
    temp: Floats
    setpoint: Floats
    valve: Floats
    use: Floats
    run: Floats
    temp_out: Floats
    ghi: Floats
    heat: Floats
    hour: Floats
    facades: Floats
    area: Floats
    vent_kw_per_k: Floats
    coil_share: Floats

    @property
    def steps(self) -> int:
        return len(self.heat)

    @property
    def days(self) -> float:
        return self.steps * self.step_h / 24.0

    @property
    def building_run(self) -> Floats:
        """Ventilation of the building as a whole (n,), weighted by flow."""
        weighted: Floats = self.coil_share @ self.run
        return weighted

    @property
    def building_use(self) -> Floats:
        """1 while any zone is in use, else 0 (n,)."""
        return np.asarray(self.use.max(axis=0))

    def last(self, hours: float) -> MeasuredPast:
        """Returns its last ``hours`` [h]."""
        first = max(0, self.steps - round(hours / self.step_h))
        cut = {name: getattr(self, name)[..., first:] for name in OVER_TIME}
        return replace(self, **cut)


def series(numbers: Numbers | Sequence[float | None], n: int) -> Floats:
    """Returns the first ``n`` numbers as an array; None, infinities and what is missing are NaN."""
    values = np.array(
        [np.nan if value is None else value for value in numbers[:n]], dtype=np.float64
    )
    values[~np.isfinite(values)] = np.nan
    return np.concatenate([values, np.full(n - len(values), np.nan)])


def fill_forward(values: Floats, longest: int) -> Floats:
    """Returns values (..., n) with gaps of at most ``longest`` steps filled with the last value
    before them."""
    known = ~np.isnan(values)
    steps = np.arange(values.shape[-1])
    last = np.maximum.accumulate(np.where(known, steps, -1), axis=-1)
    filled = np.take_along_axis(values, np.maximum(last, 0), axis=-1)
    return np.where(known | ((last >= 0) & (steps - last <= longest)), filled, np.nan)


def interpolate_gaps(values: Floats) -> Floats:
    """Returns values (..., n) with linear interpolation over gaps; only used to let hidden states
    settle."""
    good = np.isfinite(values)
    if good.all() or not good.any():
        return values
    if values.ndim > 1:
        return np.stack([interpolate_gaps(row) for row in values])
    steps = np.arange(len(values))
    return np.interp(steps, steps[good], values[good])


def zone_ventilation(problem: Problem, zones: Sequence[str]) -> tuple[Floats, Floats]:
    """Returns per zone and air-handling unit the flow [m3/h] (p, u) and the loss [kW/K] (p, u)."""
    area = {zone.id: zone.area_m2 for zone in problem.zones}
    flow = np.zeros((len(zones), len(problem.ventilation)))
    for u, unit in enumerate(problem.ventilation):
        served = [zone for zone in unit.zones if zone in area]
        total = sum(area[zone] for zone in served)
        for zone in served:
            if zone in zones and total > 0:
                flow[list(zones).index(zone), u] = unit.flow_m3_h * area[zone] / total
    recovery = np.array([unit.recovery for unit in problem.ventilation])
    return flow, flow * AIR_KWH_PER_M3_K * (1.0 - np.clip(recovery, 0.0, 0.95))


def zone_ventilation_run(loss: Floats, unit_run: Floats) -> Floats:
    """Returns the ventilation of each zone 0..1 (p, n) from the units' run signals (u, n)."""
    total = loss.sum(axis=1, keepdims=True)
    weight = np.divide(loss, total, out=np.zeros_like(loss), where=total > 0)
    unknown = (weight > 0).astype(np.float64) @ np.isnan(unit_run).astype(np.float64) > 0
    return np.where(unknown, np.nan, weight @ np.nan_to_num(unit_run))


def measured_past(
    problem: Problem, history: History, zones: Sequence[str], *, last_h: float | None = None
) -> MeasuredPast:
    """Returns the arrays of a history for the named zones, which must be in it, over all of it or
    its last ``last_h`` [h]."""
    total = len(history.heat_kw)
    wanted = total if last_h is None else min(total, round(last_h * 3600 / history.step_s))
    skip, n = total - wanted, wanted
    by_id = {zone.id: zone for zone in history.zones}
    parts = [by_id[zone] for zone in zones]
    area = np.array([max(1.0, z.area_m2) for name in zones for z in problem.zones if z.id == name])
    flow, loss = zone_ventilation(problem, zones)
    runs = {unit.id: unit.run for unit in history.ventilation}
    unit_run = np.array([series(runs.get(unit.id, ())[skip:], n) for unit in problem.ventilation])
    longest = round(HOLD_H * 3600 / history.step_s)
    step_flow = flow.sum(axis=1)
    start = history.start + timedelta(seconds=history.step_s * skip)
    ghi = fill_forward(series(history.weather.ghi_wm2[skip:], n), longest) / 1000.0
    return MeasuredPast(
        zones=tuple(zones),
        called=tuple(z.called for name in zones for z in problem.zones if z.id == name),
        step_h=history.step_s / 3600.0,
        temp=np.array([series(part.temp_c[skip:], n) for part in parts]),
        setpoint=np.array([series(part.setpoint_c[skip:], n) for part in parts]),
        valve=fill_forward(np.array([series(part.valve_pct[skip:], n) for part in parts]), longest),
        use=np.array([np.nan_to_num(series(part.occupied[skip:], n)) for part in parts]),
        run=(
            np.clip(zone_ventilation_run(loss, fill_forward(unit_run, longest)), 0.0, 1.0)
            if len(unit_run)
            else np.zeros((len(parts), n))
        ),
        temp_out=fill_forward(series(history.weather.temp_out_c[skip:], n), longest),
        ghi=ghi,
        heat=fill_forward(series(history.heat_kw[skip:], n), longest),
        hour=local_hours(start, history.step_s, n, problem.timezone),
        facades=facades(
            ghi,
            start=start,
            step_s=history.step_s,
            latitude=problem.latitude,
            longitude=problem.longitude,
        ),
        area=area,
        vent_kw_per_k=loss.sum(axis=1),
        coil_share=step_flow / step_flow.sum() if step_flow.sum() > 0 else area / area.sum(),
    )


@lru_cache(maxsize=16)
def local_hours(start: datetime, step_s: float, n: int, timezone: str) -> Floats:
    """Returns the local hour of the day (n,) in the middle of each step from ``start`` on. Every
    member of an ensemble asks for the same, so it is kept, and not to be written to."""
    step, clock = timedelta(seconds=step_s), _clock(timezone)
    moments = [(start + (i + 0.5) * step).astimezone(clock) for i in range(n)]
    hours = np.array([m.hour + m.minute / 60.0 + m.second / 3600.0 for m in moments])
    hours.flags.writeable = False
    return hours


def _clock(timezone: str) -> tzinfo:
    """The clock of an IANA time zone; that of UTC where the name is not known."""
    try:
        return ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def without_stuck_values(values: Floats, step_h: float) -> Floats:
    """Returns the sensor's values (n,), NaN where it shows the very same number for days."""
    same = np.concatenate([[False], np.diff(values) == 0.0])
    edges = np.flatnonzero(~same)
    ends = np.append(edges[1:], len(values))
    stuck = (ends - edges) * step_h >= STUCK_H
    result = values.copy()
    for first, last in zip(edges[stuck], ends[stuck], strict=True):
        result[first + 1 : last] = np.nan
    return result


def is_stuck(values: Floats) -> bool:
    """Whether a sensor shows (almost) the same number all the time."""
    known = values[np.isfinite(values)]
    return len(known) > 0 and float(np.ptp(known)) < 0.05
