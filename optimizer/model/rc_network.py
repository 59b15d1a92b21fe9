"""The thermal model of a zone: two nodes, air (with furniture) and mass (walls and floors).

::

    c_air  dT_air/dt  = h_mass (T_mass - T_air) + h_out (T_out - T_air)
                        + h_vent run (T_vent - T_air) + q_air
    c_mass dT_mass/dt = h_mass (T_air - T_mass) + h_mass_out (T_out - T_mass) + q_mass

with capacities [kWh/K], conductances [kW/K] and heat flows [kW]. ``q_air`` holds heating, internal
gains and the part of the solar gain that the air takes; ``q_mass`` the rest of it. The model
structures are special cases: 1R1C has no mass node (``h_mass = h_mass_out = 0``), 2R2C no
conductance from mass to outdoors (``h_mass_out = 0``), 3R2C has all three. Solved exactly for
inputs that are constant within a step (matrix exponential in closed form); fits interpolate between
no and full ventilation. See Bacher and Madsen (2011), doi:10.1016/j.enbuild.2011.02.005, for the
family of models.

Beside the two nodes there may be a lag of the heat (``heat_lag_h``): radiators and floors pass on
what the meter shows as a filter of first order. It depends on the heat alone, so it is computed
before the nodes are (:meth:`RcNetwork.lagged`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import dtbsv

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

AIR_KWH_PER_M3_K = 0.335e-3
"""Heat capacity of air [kWh/(m3 K)] (1.2 kg/m3 times 1.005 kJ/(kg K))."""

UNCOUPLED_MASS_KWH_PER_K = 1.0

DAY_HOURS = (0.0, 4.0, 8.0, 12.0, 16.0, 20.0)
"""Local hours at which gains by time of day are given; between them they are straight lines."""
FACADES = ("east", "south", "west")
SAME_RATE = 1e-7
"""Rates [1/h] that are closer than this count as the same."""
_EYE = np.eye(2)[:, :, np.newaxis]

ZONE_PARAMETERS: tuple[tuple[str, str], ...] = (
    ("c_air", "c_air_kwh_per_k"),
    ("c_mass", "c_mass_kwh_per_k"),
    ("h_out", "ua_kw_per_k"),
    ("h_mass", "mass_kw_per_k"),
    ("h_mass_out", "mass_out_kw_per_k"),
    ("h_vent", "vent_kw_per_k"),
    ("solar", "solar_m2"),
    ("solar_to_mass", "solar_to_mass"),
    ("gain_base", "gain_base_kw"),
    ("gain_use", "gain_use_kw"),
)
"""Field of :class:`RcNetwork` and its name, with unit, in ``ZoneModel.parameters``."""

OPTIONAL_PARAMETERS: tuple[tuple[str, tuple[str, ...], float], ...] = (
    ("heat_lag_h", ("heat_lag_h",), 0.0),
    ("gain_day", tuple(f"gain_{hour:02.0f}h_kw" for hour in DAY_HOURS), 0.0),
    ("solar_facades", tuple(f"solar_{name}_m2" for name in FACADES), 0.0),
)
"""Further fields, their names, and the value that means that the model does without."""


def hour_weights(hour: Floats) -> Floats:
    """Returns the weight of each of :data:`DAY_HOURS` at local hours (n,): (6, n), adding up to
    1."""
    apart = 24.0 / len(DAY_HOURS)
    away = np.abs((hour - np.array(DAY_HOURS)[:, np.newaxis] + 12.0) % 24.0 - 12.0)
    return np.asarray(np.maximum(0.0, 1.0 - away / apart))


def _exponential(rates: Floats, step_h: float) -> tuple[Floats, Floats]:
    """exp(M t) and its integral from 0 to t for matrices M (2, 2, p) of exchange between two nodes.

    Sylvester's formula: both eigenvalues are real, as the off-diagonal elements are not negative.
    """
    mean = (rates[0, 0] + rates[1, 1]) / 2.0
    half = np.sqrt(((rates[0, 0] - rates[1, 1]) / 2.0) ** 2 + rates[0, 1] * rates[1, 0])
    half = np.maximum(half, SAME_RATE)
    slow, fast = mean + half, mean - half
    towards_slow = (rates - fast * _EYE) / (2.0 * half)
    towards_fast = (slow * _EYE - rates) / (2.0 * half)
    kept = np.exp(slow * step_h) * towards_slow + np.exp(fast * step_h) * towards_fast
    gathered = _integral(slow, step_h) * towards_slow + _integral(fast, step_h) * towards_fast
    return kept, gathered


def _integral(rate: Floats, step_h: float) -> Floats:
    """The integral of exp(rate t) from 0 to the step [h]."""
    still = np.abs(rate) < SAME_RATE
    return np.where(still, step_h, np.expm1(rate * step_h) / np.where(still, 1.0, rate))


def _without() -> Floats:
    return np.empty(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RcNetwork:
    """``p`` parameter sets side by side: the zones of a building, or the trials of a fit.

    Every field has the shape (p,): capacities [kWh/K], conductances [kW/K], ``solar`` effective
    aperture [m2], ``solar_to_mass`` 0..1, gains [kW] always and in use.

    Optional parts: ``heat_lag_h`` [h] (p,), ``gain_day`` [kW] (p, 6) at :data:`DAY_HOURS`,
    ``solar_facades`` [m2] (p, 3) to the east, south and west.
    """

    c_air: Floats
    c_mass: Floats
    h_out: Floats
    h_mass: Floats
    h_mass_out: Floats
    h_vent: Floats
    solar: Floats
    solar_to_mass: Floats
    gain_base: Floats
    gain_use: Floats
    heat_lag_h: Floats = field(default_factory=_without)
    gain_day: Floats = field(default_factory=_without)
    solar_facades: Floats = field(default_factory=_without)

    def __post_init__(self) -> None:
        for name, names, without in OPTIONAL_PARAMETERS:
            if not getattr(self, name).size:
                shape = (len(self.c_air), len(names)) if len(names) > 1 else (len(self.c_air),)
                object.__setattr__(self, name, np.full(shape, without))

    @classmethod
    def from_parameters(cls, sets: Sequence[Mapping[str, float]]) -> RcNetwork:
        """From the ``parameters`` of identified zones. Raises ``KeyError`` for a missing name."""
        fields = {
            attribute: np.array([parameters[name] for parameters in sets], dtype=np.float64)
            for attribute, name in ZONE_PARAMETERS
        }
        for name, names, without in OPTIONAL_PARAMETERS:
            rows = np.array([[p.get(key, without) for key in names] for p in sets])
            fields[name] = rows if len(names) > 1 else rows[:, 0]
        return cls(**fields)

    def to_parameters(self, i: int) -> dict[str, float]:
        """Returns the named parameters of set ``i``."""
        named = {name: float(getattr(self, attribute)[i]) for attribute, name in ZONE_PARAMETERS}
        for attribute, names, without in OPTIONAL_PARAMETERS:
            values = np.atleast_1d(getattr(self, attribute)[i])
            if np.any(values != without):
                named.update(zip(names, map(float, values), strict=True))
        return named

    def discrete(self, run: float | Floats, step_h: float) -> tuple[Floats, Floats]:
        """Exact step with ventilation ``run`` (0..1, one or (p,)): ``x' = A x + B f``.

        ``x`` is (air, mass) [degC], ``f`` the heat flows into both nodes [kW] that do not depend
        on ``x``. Shapes (p, 2, 2).
        """
        rates = np.empty((2, 2, len(self.c_air)))
        rates[0, 0] = -(self.h_out + self.h_vent * run + self.h_mass) / self.c_air
        rates[0, 1] = self.h_mass / self.c_air
        rates[1, 0] = self.h_mass / self.c_mass
        rates[1, 1] = -(self.h_mass + self.h_mass_out) / self.c_mass
        kept, gathered = _exponential(rates, step_h)
        capacity = np.stack([self.c_air, self.c_mass])
        return np.moveaxis(kept, 2, 0), np.moveaxis(gathered / capacity, 2, 0)

    def lagged(self, heat: Floats, step_h: float) -> Floats:
        """Returns the heat that reaches the zones [kW] (p, n) of heat [kW] (n,) or (p, n) without
        gaps.

        Means of the steps; before the first one the heat is taken to have been like in the first
        one.
        """
        rows = np.array(np.broadcast_to(heat, (len(self.c_air), heat.shape[-1])))
        for i in np.flatnonzero(self.heat_lag_h > 0.0):
            lag = self.heat_lag_h[i] / step_h
            decay = float(np.exp(-1.0 / lag))
            kept = lag * (1.0 - decay)
            start = _following(rows[i], decay, float(rows[i, 0]))
            before = np.concatenate([rows[i, :1], start[:-1]])
            rows[i] = rows[i] + (before - rows[i]) * kept
        return rows

    def flows(
        self,
        *,
        heat: Floats,
        temp_out: Floats,
        ghi_kw: Floats,
        use: Floats,
        run: Floats,
        hour: Floats | None = None,
        facades: Floats | None = None,
        temp_vent: Floats | None = None,
    ) -> tuple[Floats, Floats]:
        """Heat flows into air and mass [kW] that do not depend on the state.

        The arguments broadcast against (p, n): heating [kW] as it reaches the zone, outdoor
        temperature [degC], sun [kW/m2], use 0..1, ventilation 0..1. ``hour`` (n,) is the local hour
        of the day, ``facades`` (3, n) the sun on them [kW/m2], ``temp_vent`` the measured
        temperature of the ventilation's air [degC]; without them gains are those of the mean day,
        façades see the horizontal sun and the ventilation's air is that of outdoors.
        """
        column = np.newaxis
        sun = self.solar[:, column] * ghi_kw + self._facade_sun(ghi_kw, facades)
        air = (
            heat
            + self.h_out[:, column] * temp_out
            + self.h_vent[:, column] * run * (temp_out if temp_vent is None else temp_vent)
            + self.gain_base[:, column]
            + self.gain_use[:, column] * use
            + self._day_gains(hour)
            + (1.0 - self.solar_to_mass[:, column]) * sun
        )
        mass = self.h_mass_out[:, column] * temp_out + self.solar_to_mass[:, column] * sun
        return air, mass

    def _facade_sun(self, ghi_kw: Floats, facades: Floats | None) -> Floats:
        if facades is None or not self.solar_facades.any():
            return np.asarray(self.solar_facades.sum(axis=1)[:, np.newaxis] * ghi_kw)
        return np.asarray(self.solar_facades @ facades)

    def _day_gains(self, hour: Floats | None) -> Floats:
        if hour is None or not self.gain_day.any():
            return np.asarray(self.gain_day.mean(axis=1)[:, np.newaxis])
        return np.asarray(self.gain_day @ hour_weights(hour))

    def stored_kwh(self, air: Floats, mass: Floats) -> Floats:
        """Returns the heat stored above 0 degC [kWh], without the mass node where it is not
        coupled."""
        return self.c_air * air + np.where(self.h_mass > 0, self.c_mass, 0.0) * mass


@dataclass(frozen=True, slots=True)
class StepMatrices:
    """Discrete matrices of ``p`` zones for ``n`` steps, each with its own ventilation.

    ``a`` and ``b`` have the shape (n, p, 2, 2).
    """

    a: Floats
    b: Floats


def step_matrices(rc: RcNetwork, run: Floats, step_h: float) -> StepMatrices:
    """Returns exact matrices for ventilation ``run`` (p, n): each level of it is solved once."""
    levels, place = np.unique(run.T, axis=0, return_inverse=True)
    solved = [rc.discrete(level, step_h) for level in levels]
    a, b = (np.stack(matrices)[place.ravel()] for matrices in zip(*solved, strict=True))
    return StepMatrices(a=a, b=b)


def mass_from_air(rc: RcNetwork, air: Floats, flow_mass: Floats, step_h: float) -> Floats:
    """Returns the mass temperature [degC] (p, n) that follows from a measured air temperature.

    The mass node is a first-order filter of the air temperature, so its hidden state is known once
    the start is forgotten. ``air`` (n,) [degC] without gaps, ``flow_mass`` (p, n) [kW].
    """
    mass = np.empty_like(flow_mass)
    for i in range(len(flow_mass)):
        conductance = rc.h_mass[i] + rc.h_mass_out[i]
        if conductance <= 0.0:
            mass[i] = air
            continue
        target = (rc.h_mass[i] * air + flow_mass[i]) / conductance
        decay = float(np.exp(-conductance * step_h / rc.c_mass[i]))
        first = float(np.mean(target[: max(1, round(24.0 / step_h))]))
        mass[i, :1], mass[i, 1:] = first, _following(target[:-1], decay, first)
    return mass


def _following(target: Floats, decay: float, start: float) -> Floats:
    """What follows ``target`` (n,) from ``start``, keeping ``decay`` of itself in each step (n,):
    a bidiagonal system of equations."""
    if not len(target):
        return target
    wanted = (1.0 - decay) * target
    wanted[0] += decay * start
    band = np.full((2, len(target)), -decay)
    return np.asarray(dtbsv(1, band, wanted, lower=1, diag=1))


@dataclass(frozen=True, slots=True)
class InterpolatedStep:
    """The exact step without and with full ventilation, between which it is interpolated.

    ``a`` and ``b`` are those without, ``a_more`` and ``b_more`` the change by full ventilation, (p,
    2, 2).
    """

    a: Floats
    b: Floats
    a_more: Floats
    b_more: Floats

    @classmethod
    def of(cls, rc: RcNetwork, step_h: float) -> InterpolatedStep:
        a, b = rc.discrete(0.0, step_h)
        a_on, b_on = rc.discrete(1.0, step_h)
        return cls(a, b, a_on - a, b_on - b)


def forced(
    interpolated: InterpolatedStep, flow_air: Floats, flow_mass: Floats, run: Floats
) -> tuple[Floats, Floats]:
    """Returns what the given flows [kW] (p, n) add to air and mass in each step [K], (p, n) each.

    ``run`` has the shape (n,).
    """
    nodes = []
    for node in (0, 1):
        added = interpolated.b[:, node, :1] * flow_air + interpolated.b[:, node, 1:] * flow_mass
        if run.any():
            more = (
                interpolated.b_more[:, node, :1] * flow_air
                + interpolated.b_more[:, node, 1:] * flow_mass
            )
            added = added + run * more
        nodes.append(added)
    return nodes[0], nodes[1]


def free_run(
    interpolated: InterpolatedStep,
    start: tuple[Floats, Floats],
    added: tuple[Floats, Floats],
    run: Floats,
    index: NDArray[np.intp],
) -> Floats:
    """Returns the air temperature [degC] of many simulations in lockstep: window ``i`` passes
    through the steps ``index[i]`` of the record.

    ``start`` air and mass (p, k) [degC], ``added`` air and mass (p, n) [K] by :func:`forced`,
    ``run`` (n,), ``index`` (k, length). The answer (p, k, length) is the temperature at the *end*
    of each step.
    """
    steps = index.T
    runs = run[steps]
    blowing = np.asarray(runs.any(axis=1))
    shape = start[0].shape
    still, changing = (_spread(each, shape) for each in (interpolated.a, interpolated.a_more))
    states = np.ascontiguousarray(np.moveaxis(np.stack(added)[:, :, steps], 2, 0))
    state = np.stack(start)
    by_air, by_mass = np.empty_like(state), np.empty_like(state)
    for k, pushed in enumerate(states):  # both nodes at once, without a copy: many short steps
        a = still + runs[k] * changing if blowing[k] else still
        np.multiply(a[0], state[0], out=by_air)
        np.multiply(a[1], state[1], out=by_mass)
        by_air += by_mass
        pushed += by_air
        state = pushed
    return np.moveaxis(states[:, 0], 0, 2)


def _spread(matrices: Floats, shape: tuple[int, ...]) -> Floats:
    """Matrices (p, 2, 2) for every simulation of ``shape`` (p, k): (from, to, p, k)."""
    return np.ascontiguousarray(
        np.broadcast_to(matrices.transpose(2, 1, 0)[..., np.newaxis], (2, 2, *shape))
    )


def heat_demand(
    rc: RcNetwork,
    air: Floats,
    added: tuple[Floats, Floats],
    mass: Floats,
    run: Floats,
    step_h: float,
) -> Floats:
    """Returns the heating [kW] (n - 1,) that a measured air temperature takes beyond the given
    flows.

    One parameter set: ``air`` (n,) and ``mass`` (1, n) [degC] at the start of each step, ``added``
    (1, n) [K].
    """
    a_off, b_off = rc.discrete(0.0, step_h)
    a_on, b_on = rc.discrete(1.0, step_h)
    weight = run[:-1]
    a0 = a_off[0, 0, 0] + weight * (a_on - a_off)[0, 0, 0]
    a1 = a_off[0, 0, 1] + weight * (a_on - a_off)[0, 0, 1]
    b0 = b_off[0, 0, 0] + weight * (b_on - b_off)[0, 0, 0]
    missing = air[1:] - a0 * air[:-1] - a1 * mass[0, :-1] - added[0][0, :-1]
    return np.asarray(missing / b0)
