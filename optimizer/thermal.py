"""The thermal model of a zone: two nodes, air (with furniture) and mass (walls and floors).

::

    c_air  dT_air/dt  = h_mass (T_mass - T_air) + (h_out + h_vent run) (T_out - T_air) + q_air
    c_mass dT_mass/dt = h_mass (T_air - T_mass) + h_mass_out (T_out - T_mass) + q_mass

with capacities [kWh/K], conductances [kW/K] and heat flows [kW]. ``q_air`` holds heating, internal
gains and the part of the sun that the air takes; ``q_mass`` the rest of the sun. The orders of the
ladder are special cases: 1R1C has no mass node (``h_mass = h_mass_out = 0``), 2R2C no conductance
from mass to outdoors (``h_mass_out = 0``), 3R2C has all three. Solved exactly for inputs that are
constant within a step (matrix exponential); see Bacher and Madsen (2011),
doi:10.1016/j.enbuild.2011.02.005, for the family of models.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import expm
from scipy.signal import lfilter

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

AIR_KWH_PER_M3_K = 0.335e-3
"""Heat capacity of air [kWh/(m3 K)] (1.2 kg/m3 times 1.005 kJ/(kg K))."""

UNCOUPLED_MASS_KWH_PER_K = 1.0

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
"""Field of :class:`Rc` and its name, with unit, in ``ZoneModel.parameters``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rc:
    """``p`` parameter sets side by side: the zones of a building, or the trials of a fit.

    Every field has the shape (p,): capacities [kWh/K], conductances [kW/K], ``solar`` effective
    aperture [m2], ``solar_to_mass`` 0..1, gains [kW] always and in use.
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

    @classmethod
    def from_parameters(cls, sets: Sequence[Mapping[str, float]]) -> Rc:
        """From the ``parameters`` of identified zones. Raises ``KeyError`` for a missing name."""
        fields = {
            field: np.array([parameters[name] for parameters in sets], dtype=np.float64)
            for field, name in ZONE_PARAMETERS
        }
        return cls(**fields)

    def to_parameters(self, i: int) -> dict[str, float]:
        """Named parameters of set ``i``."""
        return {name: float(getattr(self, field)[i]) for field, name in ZONE_PARAMETERS}

    def discrete(self, run: float, step_h: float) -> tuple[Floats, Floats]:
        """Exact step with ventilation ``run`` (0..1): ``x' = A x + B f``.

        ``x`` is (air, mass) [degC], ``f`` the heat flows into both nodes [kW] that do not depend
        on ``x``. Shapes (p, 2, 2).
        """
        generator = np.zeros((len(self.c_air), 4, 4))
        generator[:, 0, 0] = -(self.h_out + self.h_vent * run + self.h_mass) / self.c_air
        generator[:, 0, 1] = self.h_mass / self.c_air
        generator[:, 1, 0] = self.h_mass / self.c_mass
        generator[:, 1, 1] = -(self.h_mass + self.h_mass_out) / self.c_mass
        generator[:, 0, 2] = 1.0 / self.c_air
        generator[:, 1, 3] = 1.0 / self.c_mass
        exponential = expm(generator * step_h)
        return exponential[:, :2, :2], exponential[:, :2, 2:]

    def flows(
        self, *, heat: Floats, temp_out: Floats, ghi_kw: Floats, use: Floats, run: Floats
    ) -> tuple[Floats, Floats]:
        """Heat flows into air and mass [kW] that do not depend on the state.

        The arguments broadcast against (p, n): heating [kW], outdoor temperature [degC], sun
        [kW/m2], use 0..1, ventilation 0..1.
        """
        column = np.newaxis
        sun = self.solar[:, column] * ghi_kw
        air = (
            heat
            + (self.h_out[:, column] + self.h_vent[:, column] * run) * temp_out
            + self.gain_base[:, column]
            + self.gain_use[:, column] * use
            + (1.0 - self.solar_to_mass[:, column]) * sun
        )
        mass = self.h_mass_out[:, column] * temp_out + self.solar_to_mass[:, column] * sun
        return air, mass

    def stored_kwh(self, air: Floats, mass: Floats) -> Floats:
        """Heat stored above 0 degC [kWh], without the mass node where it is not coupled."""
        return self.c_air * air + np.where(self.h_mass > 0, self.c_mass, 0.0) * mass


@dataclass(frozen=True, slots=True)
class Steps:
    """Discrete matrices of ``p`` zones for ``n`` steps, each with its own ventilation.

    ``a`` and ``b`` have the shape (n, p, 2, 2).
    """

    a: Floats
    b: Floats


def steps_for(rc: Rc, run: Floats, step_h: float) -> Steps:
    """Matrices for ventilation ``run`` of shape (p, n); between 0 and 1 they are interpolated."""
    a_off, b_off = rc.discrete(0.0, step_h)
    a_on, b_on = rc.discrete(1.0, step_h)
    weight = run.T[:, :, np.newaxis, np.newaxis]
    return Steps(a=a_off + weight * (a_on - a_off), b=b_off + weight * (b_on - b_off))


def mass_from_air(rc: Rc, air: Floats, flow_mass: Floats, step_h: float) -> Floats:
    """Mass temperature [degC] that a measured air temperature leads to. Shapes (p, n).

    The mass node is a first-order filter of the air temperature, so its hidden state is known
    once the start is forgotten. ``air`` (n,) [degC] without gaps, ``flow_mass`` (p, n) [kW].
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
        tail, _ = lfilter([0.0, 1.0 - decay], [1.0, -decay], target, zi=[first])
        mass[i] = tail
    return mass


def forced(
    rc: Rc, flow_air: Floats, flow_mass: Floats, run: Floats, step_h: float
) -> tuple[Floats, Floats]:
    """What the given flows (p, n) [kW] add to air and mass [K] in each step, (p, n) each.

    ``run`` has the shape (n,).
    """
    _, b_off = rc.discrete(0.0, step_h)
    _, b_on = rc.discrete(1.0, step_h)
    nodes = []
    for node in (0, 1):
        off = b_off[:, node, :1] * flow_air + b_off[:, node, 1:] * flow_mass
        on = b_on[:, node, :1] * flow_air + b_on[:, node, 1:] * flow_mass
        nodes.append(off + run * (on - off))
    return nodes[0], nodes[1]


def free_run(
    rc: Rc,
    start: tuple[Floats, Floats],
    added: tuple[Floats, Floats],
    run: Floats,
    index: NDArray[np.intp],
    step_h: float,
) -> Floats:
    """Air temperature [degC] of many simulations in lockstep: window ``i`` passes through the
    steps ``index[i]`` of the record.

    ``start`` air and mass (p, k) [degC], ``added`` air and mass (p, n) [K] by :func:`forced`,
    ``run`` (n,), ``index`` (k, length). Returns (p, k, length): the temperature at the *end* of
    each step.
    """
    a_off, _ = rc.discrete(0.0, step_h)
    a_on, _ = rc.discrete(1.0, step_h)
    change = (a_on - a_off)[:, :, :, np.newaxis]
    off = a_off[:, :, :, np.newaxis]
    air, mass = start
    result = np.empty((index.shape[1], *air.shape))
    for k in range(index.shape[1]):
        now = index[:, k]
        a = off + run[now] * change
        air, mass = (
            a[:, 0, 0] * air + a[:, 0, 1] * mass + added[0][:, now],
            a[:, 1, 0] * air + a[:, 1, 1] * mass + added[1][:, now],
        )
        result[k] = air
    return np.moveaxis(result, 0, 2)


def heat_for(
    rc: Rc, air: Floats, added: tuple[Floats, Floats], mass: Floats, run: Floats, step_h: float
) -> Floats:
    """Heating [kW] that a measured course of air temperature takes beyond the given flows.

    One parameter set: ``air`` (n,) and ``mass`` (1, n) [degC] at the start of each step,
    ``added`` (1, n) [K]. Returns (n - 1,).
    """
    a_off, b_off = rc.discrete(0.0, step_h)
    a_on, b_on = rc.discrete(1.0, step_h)
    weight = run[:-1]
    a0 = a_off[0, 0, 0] + weight * (a_on - a_off)[0, 0, 0]
    a1 = a_off[0, 0, 1] + weight * (a_on - a_off)[0, 0, 1]
    b0 = b_off[0, 0, 0] + weight * (b_on - b_off)[0, 0, 0]
    missing = air[1:] - a0 * air[:-1] - a1 * mass[0, :-1] - added[0][0, :-1]
    return np.asarray(missing / b0)
