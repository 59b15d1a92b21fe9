"""Cooling (afkøling) of district-heating water, weighted by the volume that flowed.

A mean of temperature differences over time would give the still hours of a summer night the
weight of a winter morning; the bill goes by volume. Where the meter has the registers E8 and E9
(volume times forward and return temperature), their difference over the volume is the meter's own
weighted mean, at its own sampling, and better than any taken from hourly temperatures.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from bms.model.planning.grid import on_grid
from bms.model.readings.metering import Consumption
from bms.model.readings.series import Floats, Series

KWH_PER_M3_K = 1.146
"""Heat of water [kWh/(m3 K)]: 4.18 kJ/(kg K) times 987 kg/m3 at 50 degC, over 3600 s/h. A meter
computes with its own coefficient at the temperature of its flow sensor, 1 % higher at 20 degC and
3 % lower at 110 degC."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Cooling:
    """``per_step`` [K], shape (n,), NaN where unknown or nothing flowed; ``mean`` [K] over the
    period, weighted by volume, None where nothing is known.

    ``coverage`` is the share of the known volume that the mean speaks of, 0..1, and
    ``volume_m3`` that volume. ``energy_ratio`` is the measured energy over what volume and cooling
    make, where energy was given: outside 0.9 to 1.1 a sensor, a unit or a meter is wrong.
    """

    per_step: Series
    mean: float | None
    volume_m3: float
    coverage: float
    energy_ratio: float | None = None


def mean_cooling(
    volume: Consumption,
    flow_c: Series,
    return_c: Series,
    *,
    energy: Consumption | None = None,
) -> Cooling:
    """Cooling from volume [m3 per step] and forward and return temperature [degC].

    Temperatures may have another step; they are put on the grid of ``volume``. ``energy`` [kWh per
    step, same grid] is checked against the result. Raises ValueError for volumes over local days
    and an energy on another grid.
    """
    _same_grid(volume, *([] if energy is None else [energy]))
    use = volume.use
    flow, back = (on_grid(each, use.start, use.step, len(use)) for each in (flow_c, return_c))
    cooling = _over(volume.use.values, volume.use.values * (flow - back), use)
    if energy is None or cooling.mean is None:
        return cooling
    heat = KWH_PER_M3_K * use.values * (flow - back)
    return _checked(cooling, heat, energy.use.values)


def mean_cooling_of_registers(
    volume: Consumption,
    flow_energy: Consumption,
    return_energy: Consumption,
    *,
    energy: Consumption | None = None,
) -> Cooling:
    """Cooling from volume [m3] and the registers E8 and E9 [m3 degC], all per step.

    Where the totals of all three are known, the mean over the period is theirs, missing steps or
    not. ``energy`` and what is raised: as ``mean_cooling``.
    """
    _same_grid(volume, flow_energy, return_energy, *([] if energy is None else [energy]))
    kelvin_m3 = flow_energy.use.values - return_energy.use.values
    cooling = _over(volume.use.values, kelvin_m3, volume.use)
    totals = volume.total, flow_energy.total, return_energy.total
    if totals[0] and totals[1] is not None and totals[2] is not None:
        cooling = Cooling(
            per_step=cooling.per_step,
            mean=(totals[1] - totals[2]) / totals[0],
            volume_m3=totals[0],
            coverage=1.0,
        )
    if energy is None:
        return cooling
    return _checked(cooling, KWH_PER_M3_K * kelvin_m3, energy.use.values)


def _over(volume: Floats, kelvin_m3: Floats, grid: Series) -> Cooling:
    flows = np.isfinite(volume) & (volume > 0)
    both = flows & np.isfinite(kelvin_m3)
    per_step = np.full(len(volume), np.nan)
    per_step[both] = kelvin_m3[both] / volume[both]
    passed, spoken = float(volume[flows].sum()), float(volume[both].sum())
    return Cooling(
        per_step=Series(grid.start, grid.step, per_step),
        mean=float(kelvin_m3[both].sum()) / spoken if spoken > 0 else None,
        volume_m3=spoken,
        coverage=spoken / passed if passed > 0 else 0.0,
    )


def _checked(cooling: Cooling, heat: Floats, energy: Floats) -> Cooling:
    both = np.isfinite(heat) & np.isfinite(energy)
    computed = float(heat[both].sum())
    return Cooling(
        per_step=cooling.per_step,
        mean=cooling.mean,
        volume_m3=cooling.volume_m3,
        coverage=cooling.coverage,
        energy_ratio=float(energy[both].sum()) / computed if computed > 0 else None,
    )


def _same_grid(volume: Consumption, *others: Consumption) -> None:
    """Raises ValueError where the steps are not the same ones."""
    for each in (volume, *others):
        same = each.use.start == volume.use.start and each.use.step == volume.use.step
        if each.edges is not None or not same or len(each.use) != len(volume.use):
            raise ValueError("cooling asks for steps of one length, the same of every register")


BILLED_KWH_PER_M3_K = 1.163
"""Heat of water [kWh/(m3 K)] in suppliers' bills: 860 m3·K in a MWh, 4.187 kJ/(kg K) and 1000 kg in
a cubic metre."""


def kwh_per_m3(energy: Floats, volume: Floats) -> float | None:
    """Returns the energy [kWh] over the volume [m3] of a heat meter where both are known and water
    flowed; None where nothing is. Shapes (n,) of the same steps.

    ``BILLED_KWH_PER_M3_K`` times the cooling: 12 to 81 kWh/m3 at 10 to 70 K.
    """
    both = np.isfinite(energy) & np.isfinite(volume) & (volume > 0)
    passed = float(volume[both].sum())
    return float(energy[both].sum()) / passed if passed > 0 else None


def kwh_per_m3_between(
    use: Series, volume: Series, spans: Iterable[tuple[datetime, datetime]]
) -> tuple[float | None, ...]:
    """Returns ``kwh_per_m3`` of the steps that begin in each of ``spans``; ``volume`` [m3] is on
    the steps of ``use`` [kWh]."""

    def step(moment: datetime) -> int:
        return min(max(-((use.start - moment) // use.step), 0), len(use))

    parts = [slice(step(start), step(end)) for start, end in spans]
    return tuple(kwh_per_m3(use.values[part], volume.values[part]) for part in parts)


def mean_cooling_of_energy(volume: Consumption, energy: Consumption) -> Cooling:
    """Cooling [K] from volume [m3] and energy [kWh] per step, on the same grid.

    Where the totals of both are known, the mean over the period is theirs, missing steps or not.
    There is nothing to hold it against, so no energy ratio. Raises ValueError for another grid.
    """
    use, heat = volume.use, energy.use
    same = use.start == heat.start and use.step == heat.step and len(use) == len(heat)
    if not same or volume.edges is not None or energy.edges is not None:
        raise ValueError("cooling asks for steps of one length, the same of energy and volume")
    flows = np.isfinite(use.values) & (use.values > 0)
    both = flows & np.isfinite(heat.values)
    per_step = np.full(len(use), np.nan)
    per_step[both] = heat.values[both] / (BILLED_KWH_PER_M3_K * use.values[both])
    passed, spoken = float(use.values[flows].sum()), float(use.values[both].sum())
    if volume.total and energy.total is not None:
        mean: float | None = energy.total / (BILLED_KWH_PER_M3_K * volume.total)
        spoken, coverage = volume.total, 1.0
    else:
        heat_kwh = float(heat.values[both].sum())
        mean = heat_kwh / (BILLED_KWH_PER_M3_K * spoken) if spoken > 0 else None
        coverage = spoken / passed if passed > 0 else 0.0
    return Cooling(
        per_step=Series(use.start, use.step, per_step),
        mean=mean,
        volume_m3=spoken,
        coverage=coverage,
    )
