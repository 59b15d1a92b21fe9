"""The question put to the optimiser and its answer. One value each: storable and replayable.

All series are tuples over the same grid: element ``i`` belongs to the interval that starts at
``start + i * step_s``; None is "not known". JSON in and out goes through ``bms.model.codec``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bms.model.site import HeatSource, Role, Weights
from bms.model.units import Unit
from bms.model.words import Words

Numbers = tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lever:
    """A point that a plan may move, with its limits in the point's unit."""

    point: str
    role: Role
    unit: Unit
    minimum: float
    maximum: float
    resolution: float = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """Outdoor air temperature [degC] and global horizontal irradiance [W/m2], interval means."""

    temp_out_c: Numbers
    ghi_wm2: Numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneTask:
    """One zone over the horizon.

    ``low_c`` and ``high_c`` [degC] are the limits in force at each step: the comfort band in use,
    floor and ceiling out of use. ``own_setpoint_c`` is what the building's own control would ask
    for. Without a lever the zone follows its own control. ``name`` is what people call the zone;
    ``setpoint_c`` [degC] is the effective setpoint at the start, None when it is not known.
    """

    id: str
    area_m2: float
    occupied: tuple[bool, ...]
    low_c: tuple[float, ...]
    high_c: tuple[float, ...]
    own_setpoint_c: tuple[float, ...]
    lever: Lever | None = None
    name: str = ""
    setpoint_c: float | None = None

    @property
    def called(self) -> str:
        """The name for people, or the id where there is none."""
        return self.name or self.id


@dataclass(frozen=True, slots=True, kw_only=True)
class VentilationTask:
    """One air-handling unit over the horizon; ``own_run`` is its own control's run signal 0/1.

    ``required`` is true where the unit has to run because people are in (or about to be).
    """

    id: str
    zones: tuple[str, ...]
    flow_m3_h: float
    fan_kw: float
    recovery: float
    own_run: tuple[float, ...]
    required: tuple[bool, ...]
    lever: Lever | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneHistory:
    """Measured past of a zone: temperature [degC], effective setpoint [degC], valve [%], use."""

    id: str
    temp_c: Numbers
    setpoint_c: Numbers
    valve_pct: Numbers
    occupied: tuple[bool, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VentilationHistory:
    id: str
    run: Numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Measured past of a building on its own grid; it ends where the horizon starts.

    ``heat_kw`` is the mean heating power of the whole building [kW] (one meter for all zones).
    """

    start: datetime
    step_s: int
    weather: Weather
    heat_kw: Numbers
    zones: tuple[ZoneHistory, ...]
    ventilation: tuple[VentilationHistory, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneModel:
    """Identified RC model of one zone.

    ``parameters`` are named and in SI-like units written in the name (``ua_kw_per_k`` and so on);
    ``rmse_24h_k`` [K] is the error exactly 24 h ahead on held-out days, beside its two rivals.
    """

    zone: str
    order: str
    parameters: dict[str, float]
    rmse_24h_k: float
    persistence_k: float
    last_week_k: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildingModel:
    """The zones' models, when and from what they were identified."""

    site: str
    identified_at: datetime
    days: float
    zones: tuple[ZoneModel, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NoModel:
    """Why there is no model: what is missing, in plain words."""

    site: str
    reasons: tuple[Words, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Everything a plan depends on. Prices [DKK/kWh], emission factors [kg CO2/kWh].

    ``history`` holds at least the last days, from which the state is estimated; with ``model``
    None it is also what a model is identified from.
    """

    site: str
    start: datetime
    step_s: int
    timezone: str
    latitude: float
    longitude: float
    weather: Weather
    electricity_dkk_per_kwh: Numbers
    heat_dkk_per_kwh: Numbers
    electricity_kg_per_kwh: Numbers
    heat_kg_per_kwh: Numbers
    zones: tuple[ZoneTask, ...]
    heat_source: HeatSource
    ventilation: tuple[VentilationTask, ...] = ()
    history: History | None = None
    model: BuildingModel | None = None
    weights: Weights = Weights()
    notes: tuple[Words, ...] = ()

    @property
    def steps(self) -> int:
        """Length of the horizon in steps."""
        return len(self.weather.temp_out_c)


class PlanStatus(StrEnum):
    """``optimal``: within the band. ``relaxed``: the best that can be done, with violations.
    ``fallback``: the rule-based timetable, because something was missing."""

    OPTIMAL = "optimal"
    RELAXED = "relaxed"
    FALLBACK = "fallback"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a schedule leads to over the horizon, by the model. None where it cannot be said."""

    energy_kwh: float | None
    cost_dkk: float | None
    co2_kg: float | None
    comfort_kh: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One value from ``start`` to ``end`` (exclusive)."""

    start: datetime
    end: datetime
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SetpointPlan:
    """The coming values of one point."""

    point: str
    unit: Unit
    steps: tuple[Step, ...]

    def value_at(self, moment: datetime) -> float | None:
        """The planned value at ``moment``, None outside the plan."""
        return next((s.value for s in self.steps if s.start <= moment < s.end), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneForecast:
    """Predicted temperature of a zone [degC] at the start of every step of the horizon."""

    zone: str
    temp_c: Numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """The answer. ``setpoints`` cover the whole horizon of the problem without holes."""

    site: str
    start: datetime
    step_s: int
    status: PlanStatus
    reasons: tuple[Words, ...]
    expected: Expected
    own_control: Expected
    setpoints: tuple[SetpointPlan, ...]
    forecast: tuple[ZoneForecast, ...] = ()

    @property
    def end(self) -> datetime:
        return max((s.end for p in self.setpoints for s in p.steps), default=self.start)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A schedule with the problem it answers and the verdict of the independent checker.

    ``objections`` is empty for a plan that may be written.
    """

    id: str
    site: str
    created_at: datetime
    problem: Problem
    schedule: Schedule
    objections: tuple[Words, ...] = ()
