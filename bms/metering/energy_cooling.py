"""Cooling by energy and volume alone, the way bills work it out: dT = Q / (1.163 V)."""

from __future__ import annotations

import numpy as np

from bms.metering.cooling import Cooling
from bms.model.readings.metering import Consumption
from bms.model.readings.series import Series

BILLED_KWH_PER_M3_K = 1.163
"""Heat of water [kWh/(m3 K)] in suppliers' bills: 860 m3·K in a MWh, 4.187 kJ/(kg K) and 1000 kg in
a cubic metre."""


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
