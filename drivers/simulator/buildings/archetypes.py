"""Archetypes of the simulated buildings: use, fabric, plant and their own programmes.

Sizes are per m2 of heated floor, or for the archetype's own size and scaled by ``stock``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from bms.model.assets.timetable import Period, WeekTimetable

EVERY_DAY = frozenset(range(7))
MON_FRI = frozenset(range(5))
SAT_SUN = frozenset((5, 6))

NORTH, EAST, SOUTH, WEST = 0, 2, 4, 6
"""Positions of the four walls among the compass directions of ``weather.FACADES_DEG``."""


class PlantKind(StrEnum):
    """Where the heat comes from."""

    DISTRICT_HEATING = "district heating"
    HEAT_PUMP = "heat pump"


@dataclass(frozen=True, slots=True)
class ZoneType:
    """A zone of an archetype. ``use`` is its occupancy (1 = in use) on open days."""

    name: str
    area_m2: float
    low_c: float
    high_c: float
    day_setpoint_c: float
    use: WeekTimetable
    windows: tuple[tuple[int, float], ...]
    """Compass position and window area per floor area [m2/m2]."""
    persons_m2: float
    height_m: float = 3.0
    opaque_wm2k: float = 0.5
    glazing_wm2k: float = 0.3
    leakage_ach: float = 0.28
    """Air change by infiltration at 20 K difference and 4 m/s wind [1/h]."""
    plug_wm2: float = 5.0
    light_wm2: float = 8.0
    air_share: float = 0.0
    """Share of the air handling unit's flow."""
    restless: float = 0.15
    """Relative half-hourly spread of attendance."""


@dataclass(frozen=True, slots=True)
class Heating:
    """Plant, heating curve and radiators."""

    kind: PlantKind
    capacity_kw: float
    supply_cold_c: float
    """Supply water at -12 degC outdoors [degC]."""
    supply_mild_c: float
    """Supply water at +15 degC outdoors [degC]."""
    radiator_wm2: float
    """Nominal emission at 50 K excess temperature (EN 442) per floor area [W/m2]."""
    flow_wm2k: float
    """Heat capacity flow with open valves per floor area [W/(m2 K)]."""
    dhw_standing_wm2: float
    """Circulation and storage loss of domestic hot water [W/m2]."""
    dhw_draw_w_person: float
    """Hot water drawn per person present, on average [W]."""


@dataclass(frozen=True, slots=True)
class AirHandling:
    """One air handling unit that serves all zones."""

    flow_m3h: float
    fan_kw: float
    recovery: float
    supply_air_c: float


@dataclass(frozen=True, slots=True)
class Archetype:
    """A kind of building. ``heating_day`` and ``ventilation`` are 1 while day operation is on."""

    name: str
    zones: tuple[ZoneType, ...]
    neighbours: tuple[tuple[int, int, float], ...]
    """Pairs of zones with the conductance between them [W/K]."""
    heating: Heating
    air: AirHandling
    heating_day: WeekTimetable
    night_c: float | None
    """Night setpoint of all zones [degC]; None: ``night_drop_k`` below the day's."""
    night_drop_k: float
    ventilation: WeekTimetable
    base_wm2: float
    """Electricity day and night [W/m2]."""
    mass_whm2k: float
    tuned_lead_hk: float
    """Optimum start of the tuned rival: lead per kelvin below 15 degC outdoors [h/K]."""
    closures: tuple[tuple[date, date], ...] = ()
    """First and last days on which the building is closed beside public holidays."""

    def night_setpoint(self, zone: ZoneType) -> float:
        """Own night setpoint [degC]."""
        return self.night_c if self.night_c is not None else zone.day_setpoint_c - self.night_drop_k


def _minutes(clock: str) -> int:
    hour, minute = clock.split(":")
    return int(hour) * 60 + int(minute)


def _week(*periods: tuple[frozenset[int], str, str]) -> WeekTimetable:
    return WeekTimetable(
        tuple(Period(days, _minutes(start), _minutes(end), 1.0) for days, start, end in periods)
    )


_OFFICE = _week((MON_FRI, "08:00", "16:30"))
_CLASS = _week((MON_FRI, "08:00", "15:00"))
_SPORT = _week((MON_FRI, "08:00", "22:00"), (SAT_SUN, "09:00", "18:00"))

TOWNHALL = Archetype(
    name="townhall",
    zones=(
        ZoneType(
            "north", 1100.0, 20.0, 24.0, 21.5, _OFFICE,
            windows=((NORTH, 0.13), (EAST, 0.02)), persons_m2=1 / 18, air_share=0.34,
        ),
        ZoneType(
            "south", 1100.0, 20.0, 24.0, 21.5, _OFFICE,
            windows=((SOUTH, 0.12), (WEST, 0.02)), persons_m2=1 / 18, air_share=0.34,
        ),
        ZoneType(
            "council", 400.0, 20.0, 24.0, 21.5,
            _week((MON_FRI, "09:00", "15:00"), (frozenset((2,)), "17:00", "21:00")),
            windows=((WEST, 0.10),), persons_m2=1 / 12, height_m=3.6, air_share=0.14,
            restless=0.35,
        ),
        ZoneType(
            "service", 600.0, 20.0, 24.0, 21.5,
            _week((MON_FRI, "09:00", "16:00"), (frozenset((3,)), "09:00", "18:00")),
            windows=((EAST, 0.12), (SOUTH, 0.02)), persons_m2=1 / 15, leakage_ach=0.36,
            air_share=0.18, restless=0.25,
        ),
    ),
    neighbours=((0, 1, 500.0), (0, 2, 150.0), (1, 3, 200.0)),
    heating=Heating(
        PlantKind.DISTRICT_HEATING, 220.0, 70.0, 38.0, radiator_wm2=110.0, flow_wm2k=5.7,
        dhw_standing_wm2=0.6, dhw_draw_w_person=25.0,
    ),
    air=AirHandling(11000.0, 6.0, 0.75, 18.5),
    heating_day=_week((EVERY_DAY, "05:00", "20:00")),
    night_c=19.0,
    night_drop_k=0.0,
    ventilation=_week((MON_FRI, "06:00", "18:00")),
    base_wm2=2.6,
    mass_whm2k=30.0,
    tuned_lead_hk=0.15,
    closures=((date(2018, 12, 24), date(2019, 1, 1)),),
)  # fmt: skip

SCHOOL = Archetype(
    name="school",
    zones=(
        ZoneType(
            "class_south", 1500.0, 20.0, 24.0, 21.5, _CLASS,
            windows=((SOUTH, 0.14),), persons_m2=0.18, air_share=0.42, plug_wm2=2.5, light_wm2=6.0,
            opaque_wm2k=0.6, glazing_wm2k=0.35, leakage_ach=0.3,
        ),
        ZoneType(
            "class_north", 1500.0, 20.0, 24.0, 21.5, _CLASS,
            windows=((NORTH, 0.14),), persons_m2=0.18, air_share=0.42, plug_wm2=2.5, light_wm2=6.0,
            opaque_wm2k=0.6, glazing_wm2k=0.35, leakage_ach=0.3,
        ),
        ZoneType(
            "gym", 600.0, 17.0, 24.0, 19.0, _week((MON_FRI, "08:00", "20:00")),
            windows=((WEST, 0.08),), persons_m2=0.04, height_m=6.0, leakage_ach=0.2, air_share=0.1,
            plug_wm2=1.0, light_wm2=8.0, restless=0.4,
        ),
        ZoneType(
            "staff", 600.0, 20.0, 24.0, 21.5, _week((MON_FRI, "07:30", "16:00")),
            windows=((EAST, 0.12),), persons_m2=1 / 20, air_share=0.06, plug_wm2=4.0,
            opaque_wm2k=0.6, glazing_wm2k=0.35,
        ),
    ),
    neighbours=((0, 1, 700.0), (1, 2, 120.0), (0, 3, 200.0)),
    heating=Heating(
        PlantKind.HEAT_PUMP, 220.0, 52.0, 32.0, radiator_wm2=160.0, flow_wm2k=9.0,
        dhw_standing_wm2=0.5, dhw_draw_w_person=8.0,
    ),
    air=AirHandling(16000.0, 9.0, 0.75, 18.5),
    heating_day=_week((EVERY_DAY, "05:00", "20:00")),
    night_c=None,
    night_drop_k=2.5,
    ventilation=_week((MON_FRI, "06:00", "18:00")),
    base_wm2=1.1,
    mass_whm2k=30.0,
    tuned_lead_hk=0.21,
    closures=(
        (date(2018, 2, 12), date(2018, 2, 16)),
        (date(2018, 6, 30), date(2018, 8, 12)),
        (date(2018, 10, 15), date(2018, 10, 19)),
        (date(2018, 12, 20), date(2019, 1, 2)),
        (date(2019, 2, 11), date(2019, 2, 15)),
    ),
)  # fmt: skip

SPORTSHALL = Archetype(
    name="sportshall",
    zones=(
        ZoneType(
            "hall", 1600.0, 17.0, 24.0, 19.0, _SPORT,
            windows=((NORTH, 0.05), (SOUTH, 0.05)), persons_m2=1 / 40, height_m=7.0,
            opaque_wm2k=0.55, glazing_wm2k=0.18, leakage_ach=0.14, plug_wm2=1.0, light_wm2=7.0,
            air_share=0.8, restless=0.35,
        ),
        ZoneType(
            "changing", 400.0, 20.0, 26.0, 22.0, _SPORT,
            windows=((EAST, 0.04),), persons_m2=1 / 25, opaque_wm2k=0.6, glazing_wm2k=0.12,
            leakage_ach=0.25, plug_wm2=3.0, light_wm2=8.0, air_share=0.2, restless=0.35,
        ),
    ),
    neighbours=((0, 1, 350.0),),
    heating=Heating(
        PlantKind.DISTRICT_HEATING, 200.0, 70.0, 38.0, radiator_wm2=105.0, flow_wm2k=5.5,
        dhw_standing_wm2=1.0, dhw_draw_w_person=110.0,
    ),
    air=AirHandling(14000.0, 8.0, 0.6, 17.0),
    heating_day=_week((EVERY_DAY, "05:00", "23:00")),
    night_c=None,
    night_drop_k=1.5,
    ventilation=_week((EVERY_DAY, "06:00", "24:00")),
    base_wm2=1.8,
    mass_whm2k=26.0,
    tuned_lead_hk=0.15,
)  # fmt: skip

ARCHETYPES = {kind.name: kind for kind in (TOWNHALL, SCHOOL, SPORTSHALL)}
