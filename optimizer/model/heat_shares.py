"""Division of one heat meter among several zones.

The building's heat is explained as a sum of the radiators of each zone at their valve position
(more when it is cold: all get the same, warmer water), the coil of the ventilation, and a rest that
no thermostat controls (hot water, pipes)::

    Q(t) = sum_z w_z v_z (1 + s cold) + run c max(0, limit - T_out) + base + use occupied

with all coefficients >= 0, by non-negative least squares (Lawson and Hanson 1974,
doi:10.1137/1.9781611971217) over a small grid of ``s`` and ``limit``. Valves of one building move
together, so ``w_z`` has a prior at the share by area. What is left of the measured heat after coil,
base and use is divided in the proportion of the radiators.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import nnls

from optimizer.model.rc_network import Floats

COIL_LIMITS_C = (-5.0, 0.0, 4.0, 8.0, 11.0, 14.0)
COLD_BELOW_C = 15.0
COLD_SPAN_K = 20.0
COLD_SLOPES = (0.0, 0.4, 0.8, 1.2, 1.6)
AREA_PULL = 0.5
AREA_SPREAD = 0.3
"""How far a zone's radiators usually are from its part of the area, relative to it."""
MIN_VALVE_ROWS = 96
LEAST_PROPORTION = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatShares:
    """Division of a building's heat. Radiators [kW] at a fully open valve, shape (p,).

    ``part`` (p,) is each zone's part of the open-valve heat of all zones of the building;
    ``part_error`` (p,) is its standard error, None where heat is shared by area, which is not
    measured. ``complete`` is false when some of them have no model and so are not among the ``p``.
    """

    by_valve: bool
    valve_kw: Floats
    valve_cold_kw: Floats
    base_kw: float
    use_kw: float
    coil_kw_per_k: float
    coil_below_c: float
    coil_share: Floats
    part: Floats
    complete: bool = True
    part_error: Floats | None = None

    def to_parameters(self, i: int) -> dict[str, float]:
        """Returns the named parameters of zone ``i``; those of the building are divided evenly."""
        share = 1.0 / len(self.valve_kw)
        return {
            "zones": float(len(self.valve_kw)),
            "heat_part": float(self.part[i]),
            "by_valve": float(self.by_valve),
            "valve_kw": float(self.valve_kw[i]),
            "valve_cold_kw": float(self.valve_cold_kw[i]),
            "base_kw": self.base_kw * share,
            "base_use_kw": self.use_kw * share,
            "coil_kw_per_k": self.coil_kw_per_k * float(self.coil_share[i]),
            "coil_below_c": self.coil_below_c,
        }

    @classmethod
    def from_parameters(cls, sets: Sequence[Mapping[str, float]]) -> HeatShares:
        """From the ``parameters`` of identified zones. Raises ``KeyError`` for a missing name."""
        coil = np.array([s["coil_kw_per_k"] for s in sets])
        total = float(coil.sum())
        return cls(
            by_valve=all(s["by_valve"] > 0 for s in sets),
            valve_kw=np.array([s["valve_kw"] for s in sets]),
            valve_cold_kw=np.array([s["valve_cold_kw"] for s in sets]),
            base_kw=sum(s["base_kw"] for s in sets),
            use_kw=sum(s["base_use_kw"] for s in sets),
            coil_kw_per_k=total,
            coil_below_c=sets[0]["coil_below_c"],
            coil_share=coil / total if total > 0 else np.full(len(sets), 1.0 / len(sets)),
            part=np.array([s["heat_part"] for s in sets]),
            complete=len(sets) >= sets[0]["zones"],
        )

    def coil_kw(self, temp_out: Floats, run: Floats) -> Floats:
        """Returns the heat of the ventilation coil [kW] (n,)."""
        return run * self.coil_kw_per_k * np.maximum(0.0, self.coil_below_c - temp_out)

    def fixed_kw(self, use: Floats) -> Floats:
        """Returns the heat that no thermostat controls [kW] (n,); ``use`` 0..1 (n,)."""
        return self.base_kw + self.use_kw * use

    def radiators(self, valve_pct: Floats, temp_out: Floats) -> Floats:
        """Returns the expected heat per zone [kW] (p, n) at the valve positions [%] (p, n)."""
        full = self.full_kw(temp_out)
        return full * valve_pct / 100.0 if self.by_valve else np.ones_like(valve_pct) * full

    def full_kw(self, temp_out: Floats) -> Floats:
        """Returns the heat per zone [kW] (p, n) with open valves."""
        return self.valve_kw[:, None] + self.valve_cold_kw[:, None] * coldness(temp_out)

    def divide(
        self, heat: Floats, valve_pct: Floats, temp_out: Floats, run: Floats, use: Floats
    ) -> Floats:
        """Returns the heat per zone [kW] (p, n) without coil; NaN where the meter or a valve is
        unknown."""
        room = np.maximum(0.0, heat - self.coil_kw(temp_out, run) - self.fixed_kw(use))
        expected = self.radiators(valve_pct, temp_out)
        if not self.complete:
            alone: Floats = expected if self.by_valve else self.part[:, None] * room
            return alone
        total = expected.sum(axis=0)
        least = LEAST_PROPORTION * self.full_kw(temp_out).sum(axis=0)
        return expected * np.where(total > least, room / np.maximum(total, 1e-9), 0.0)


def coldness(temp_out: Floats) -> Floats:
    """Returns 0 at 15 degC outdoors, 1 at -5 degC, linear in between and beyond."""
    return np.clip(COLD_BELOW_C - temp_out, 0.0, 30.0) / COLD_SPAN_K


def fit_shares(
    *,
    heat: Floats,
    valve_pct: Floats,
    temp_out: Floats,
    run: Floats,
    use: Floats,
    area_m2: Floats,
    coil_share: Floats,
) -> HeatShares:
    """Fits the division. ``valve_pct`` (p, n) [%]; the other series (n,); gaps are NaN."""
    known = np.isfinite(heat) & np.isfinite(temp_out) & np.isfinite(run)
    with_valves = known & np.isfinite(valve_pct).all(axis=0)
    moves = (
        bool(np.any(np.ptp(valve_pct[:, with_valves], axis=1) > 5.0))
        if (with_valves.sum() >= MIN_VALVE_ROWS)
        else False
    )
    if not moves:
        return _by_area(heat[known], area_m2, coil_share)
    rows = _Rows(
        heat=heat[with_valves],
        valve=valve_pct[:, with_valves] / 100.0,
        temp_out=temp_out[with_valves],
        run=run[with_valves],
        use=use[with_valves],
        area_part=area_m2 / area_m2.sum(),
    )
    trials = [(slope, limit) for slope in COLD_SLOPES for limit in COIL_LIMITS_C]
    fits = [_nnls(rows, slope, limit) for slope, limit in trials]
    best = min(range(len(fits)), key=lambda i: (fits[i][1], i))
    slope, limit = trials[best]
    shares = _shares(fits[best][0], slope, limit, coil_share)
    return replace(shares, part_error=_part_error(rows, fits[best][0], slope, limit))


@dataclass(frozen=True, slots=True)
class _Rows:
    heat: Floats
    valve: Floats
    temp_out: Floats
    run: Floats
    use: Floats
    area_part: Floats


def _by_area(heat: Floats, area_m2: Floats, coil_share: Floats) -> HeatShares:
    top = float(np.quantile(heat, 0.98)) if len(heat) else 0.0
    return HeatShares(
        by_valve=False,
        valve_kw=top * area_m2 / area_m2.sum(),
        valve_cold_kw=np.zeros(len(area_m2)),
        base_kw=0.0,
        use_kw=0.0,
        coil_kw_per_k=0.0,
        coil_below_c=COIL_LIMITS_C[0],
        coil_share=coil_share,
        part=area_m2 / area_m2.sum(),
    )


def _nnls(rows: _Rows, slope: float, limit: float) -> tuple[Floats, float]:
    """Coefficients of zones, coil, base and use, and the residual."""
    columns, target = _system(rows, slope, limit)
    solution, residual = nnls(columns, target, maxiter=1000)
    return solution, float(residual)


def _system(rows: _Rows, slope: float, limit: float) -> tuple[Floats, Floats]:
    """The equations: one per row of the record, then the prior of each zone at its share by
    area."""
    n, zones = len(rows.heat), len(rows.area_part)
    open_part = rows.valve * (1.0 + slope * coldness(rows.temp_out))
    columns = np.column_stack(
        [
            open_part.T,
            rows.run * np.maximum(0.0, limit - rows.temp_out),
            np.ones(n),
            rows.use,
        ]
    )
    pull = AREA_PULL * np.sqrt(n)
    extra = np.zeros((zones, columns.shape[1]))
    extra[:, :zones] = pull * (np.eye(zones) - rows.area_part[:, np.newaxis])
    return np.vstack([columns, extra]), np.concatenate([rows.heat, np.zeros(zones)])


def _part_error(rows: _Rows, solution: Floats, slope: float, limit: float) -> Floats:
    """Standard error of each zone's part (p,).

    Least squares over the coefficients that are not zero, with as many independent rows as the
    autocorrelation of the residuals leaves, and :data:`AREA_SPREAD` as the prior spread of a zone's
    radiators around its part of the area.
    """
    columns, _ = _system(rows, slope, limit)
    zones, n = len(rows.area_part), len(rows.heat)
    free = np.flatnonzero(solution > 0.0)
    measured = columns[:n, free]
    residual = rows.heat - columns[:n] @ solution
    variance = max(1e-12, float(np.mean(residual**2))) * autocorrelation_factor(residual)
    total = max(1e-9, float(solution[:zones].sum()))
    known = np.zeros(len(solution))
    known[:zones] = 1.0 / (AREA_SPREAD * total * rows.area_part) ** 2
    covariance = np.zeros((len(solution), len(solution)))
    covariance[np.ix_(free, free)] = np.linalg.pinv(
        measured.T @ measured / variance + np.diag(known[free])
    )
    part = solution[:zones] / total
    gradient = (np.eye(zones) - part[:, np.newaxis]) / total
    return np.sqrt(np.diag(gradient @ covariance[:zones, :zones] @ gradient.T))


def autocorrelation_factor(residual: Floats) -> float:
    """Returns the number of successive residuals that weigh as much as one independent one, (1 + r)
    / (1 - r) with the lag-1 autocorrelation r."""
    spread = float(residual @ residual)
    if spread <= 0.0 or len(residual) < 2:
        return 1.0
    r = float(residual[1:] @ residual[:-1]) / spread
    return (1.0 + r) / (1.0 - r) if 0.0 < r < 0.999 else (1.0 if r <= 0.0 else 2000.0)


def _shares(solution: Floats, slope: float, limit: float, coil_share: Floats) -> HeatShares:
    valve_kw = solution[:-3]
    coil, base, use = solution[-3:]
    return HeatShares(
        by_valve=True,
        valve_kw=valve_kw,
        valve_cold_kw=slope * valve_kw,
        base_kw=float(base),
        use_kw=float(use),
        coil_kw_per_k=float(coil),
        coil_below_c=limit,
        coil_share=coil_share,
        part=valve_kw / max(1e-9, float(valve_kw.sum())),
    )
