"""Plant and meters: ventilation, heat source, meters and virtual meters."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from bms.model.assets.timetable import WeekTimetable
from bms.model.readings.metering import MeterExchange
from bms.model.readings.units import Commodity


@dataclass(frozen=True, slots=True, kw_only=True)
class Ventilation:
    """An air-handling unit. Flow [m3/h], fan power at that flow [kW], recovery 0..1.

    ``own_run`` is 1 while the building's own control runs it; ``lead_min`` [min] is how long
    before use it has to run. ``own_flow_pct`` is the flow that its own control has while it runs,
    ``least_flow_pct`` the least while people are in [% of ``flow_m3_h``]; ``own_supply_c`` is its
    own setpoint of the supply air [degC], None where there is no heating coil.
    """

    id: str
    zones: tuple[str, ...]
    flow_m3_h: float
    fan_kw: float
    recovery: float
    own_run: WeekTimetable
    lead_min: int = 30
    own_flow_pct: WeekTimetable = WeekTimetable(default=100.0)
    least_flow_pct: float = 0.0
    own_supply_c: WeekTimetable | None = None


class HeatSourceKind(StrEnum):
    DISTRICT_HEATING = "district_heating"
    HEAT_PUMP = "heat_pump"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatSource:
    """Where the heat comes from. ``capacity_kw`` [kW] heat; ``cop``: (outdoor [degC], COP)."""

    kind: HeatSourceKind
    """`district_heating` or `heat_pump`; any other boiler is as district heating at its price."""
    capacity_kw: float
    """Most heat that it can give [kW]."""
    cop: tuple[tuple[float, float], ...] = ()
    """Heat pump: pairs of outdoor temperature [degC] and heat per electricity [kWh/kWh]."""
    least_run_min: float = 0.0
    """How long it runs at least once it has started [min]."""
    least_stop_min: float = 0.0
    """How long it rests at least once it has stopped [min]."""
    least_kw: float = 0.0
    """Least heat that it gives while it runs [kW]."""
    cop_gain_per_k: float = 0.0
    """Heat pump: relative gain in COP for each kelvin of cooler supply water [1/K]."""


class MeterDirection(StrEnum):
    """What an electricity meter counts: what comes in from the grid, what goes out to it, the first
    less the second, or what panels of the building give."""

    IMPORT = "import"
    EXPORT = "export"
    NET = "net"
    PRODUCTION = "production"

    @property
    def is_use(self) -> bool:
        """Whether it counts what a building takes."""
        return self in (MeterDirection.IMPORT, MeterDirection.NET)


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """A meter. ``billed`` marks the meters whose sum is the site's use (submeters are not).

    ``register_max`` [unit of the energy point] is where the register rolls over; ``number`` is
    what the supplier calls the meter or metering point; ``exchanges`` oldest first.
    ``calorific_value`` [kWh/m3] of gas that is measured by volume, by the first day on which it
    holds, oldest first. ``direction`` other than import is that of electricity alone; ``behind`` is
    the meter of import or net beside which export or production is counted.
    """

    id: str
    commodity: Commodity
    billed: bool = True
    register_max: float | None = None
    multiplier: float = 1.0
    max_kw: float | None = None
    number: str | None = None
    exchanges: tuple[MeterExchange, ...] = ()
    calorific_value: tuple[tuple[date, float], ...] = ()
    direction: MeterDirection = MeterDirection.IMPORT
    behind: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualMeter:
    """A meter that nobody installed: the sum of ``factor`` times the use of each meter.

    A difference has a factor of -1, a share by area the share of the area.
    """

    id: str
    commodity: Commodity
    terms: tuple[tuple[str, float], ...]
