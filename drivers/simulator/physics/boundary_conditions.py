"""Boundary conditions of the thermal model: weather, gains and occupancy of one UTC day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from drivers.simulator.buildings.archetypes import ARCHETYPES
from drivers.simulator.buildings.occupancy import (
    SLOT_S,
    SLOTS,
    BoolArray,
    DailyOccupancy,
    FloatArray,
    LocalSlots,
    daily_occupancy,
)
from drivers.simulator.buildings.stock import Stock
from drivers.simulator.buildings.weather import DaySky, Outdoors
from drivers.simulator.physics.local_control import SUMMER_STOP_C, Programme, Timetables

DAY_S = 86400
SENSIBLE_W = 75.0
CO2_M3H = 0.016
"""Carbon dioxide from one person at rest or light work, old and young [m3/h]."""
DAYLIGHT_WM2 = 250.0
"""Global irradiance at which half of the lamps are off."""
BLIND_WM2 = 220.0
"""Irradiance on a window above which blinds let through little."""
BLIND_SHARE = 0.35
AIR_SHARE_SUN, MASS_SHARE_SUN, WALL_SHARE_SUN = 0.15, 0.6, 0.25
AIR_SHARE_GAINS = 0.6
BASE_INDOORS = 0.5
"""Share of the electricity used day and night that warms rooms."""


@dataclass(frozen=True)
class DayInputs:
    """One UTC day for all buildings. First axis SLOTS; N zones, S sites."""

    local: LocalSlots
    sky: DaySky
    to_air_w: FloatArray  # (SLOTS, N)
    to_mass_w: FloatArray  # (SLOTS, N)
    to_wall_w: FloatArray  # (SLOTS, N)
    sol_air_k: FloatArray  # (SLOTS,) warmth of sunlit walls above the air, less night sky [K]
    co2_m3h: FloatArray  # (SLOTS, N)
    airing_ach: FloatArray  # (SLOTS, N)
    present: FloatArray  # (SLOTS, N) share of the people who are there
    window_c: FloatArray  # (N,)
    occupied: BoolArray  # (SLOTS, N) by timetable
    electricity_w: FloatArray  # (SLOTS, S) base, plugs and lights
    dhw_w: FloatArray  # (SLOTS, S)
    heating: FloatArray  # (SLOTS,) 0 where the heating circuits rest
    leak: FloatArray  # (S,) factor on unwanted air change
    fan: FloatArray  # (S,) factor on the fans' electricity
    own_setpoint: FloatArray  # (SLOTS, N)
    tuned_setpoint: FloatArray  # (SLOTS, N)
    own_run: FloatArray  # (SLOTS, S)
    tuned_run: FloatArray  # (SLOTS, S)


class BoundaryConditions:
    """Prepares the inputs of any UTC day within the weather table."""

    def __init__(self, stock: Stock, outdoors: Outdoors) -> None:
        self.stock = stock
        self.outdoors = outdoors
        table = outdoors.table
        margin = timedelta(days=20)
        self.timetables = Timetables((table.start - margin).date(), (table.end + margin).date())
        kinds = list(ARCHETYPES)
        self._kind = np.array([kinds.index(member.archetype) for member in stock.members])

    def day(self, day: int) -> DayInputs:
        """The inputs of UTC day number ``day`` since 1970."""
        start_s = day * DAY_S
        times = start_s + SLOT_S * np.arange(SLOTS, dtype=np.float64)
        local = LocalSlots.of(start_s)
        sky = self.outdoors.day(float(start_s), SLOTS, SLOT_S)
        programme = self.timetables.programme(local, times, sky.temp_c)
        people = self._people(times, day)
        drift = np.array([path.at(float(day)) for path in self.stock.drift])
        in_use = np.column_stack([use.in_use(times) for use in self.timetables.calendars])
        return self._assemble(local, sky, programme, people, drift, in_use)

    def _people(self, times: FloatArray, day: int) -> DailyOccupancy:
        """The people of all buildings, zones side by side."""
        groups = []
        for index, site in enumerate(self.stock.members):
            types = self.stock.zones.type[self.stock.zones.site == index]
            uses = [self.timetables.calendars[kind] for kind in types]
            groups.append(daily_occupancy(site, uses, times, day))
        return DailyOccupancy(
            present=np.hstack([group.present for group in groups]),
            window_c=np.hstack([group.window_c for group in groups]),
            airing_ach=np.hstack([group.airing_ach for group in groups]),
        )

    def _assemble(
        self,
        local: LocalSlots,
        sky: DaySky,
        programme: Programme,
        people: DailyOccupancy,
        drift: FloatArray,
        in_use: BoolArray,
    ) -> DayInputs:
        zones, sites = self.stock.zones, self.stock.sites
        present = people.present
        lights = self._lights(sky, present) * drift[zones.site, 1]
        plugs = zones.plug * present * drift[zones.site, 1]
        base = sites.base * drift[:, 1]
        heads = zones.persons * present
        indoors = BASE_INDOORS * (base / sites.area)[zones.site] * zones.area
        gains = SENSIBLE_W * heads + plugs + lights + indoors
        sun = _behind_blinds(sky.facade_wm2) @ zones.aperture
        return DayInputs(
            local=local,
            sky=sky,
            to_air_w=AIR_SHARE_GAINS * gains + AIR_SHARE_SUN * sun,
            to_mass_w=(1.0 - AIR_SHARE_GAINS) * gains + MASS_SHARE_SUN * sun,
            to_wall_w=WALL_SHARE_SUN * sun,
            sol_air_k=0.015 * sky.facade_wm2.mean(axis=1) - 0.7,
            co2_m3h=CO2_M3H * heads,
            airing_ach=people.airing_ach,
            present=present,
            window_c=people.window_c,
            occupied=in_use[:, zones.type],
            electricity_w=base + self.per_site(plugs + lights),
            dhw_w=sites.dhw_standing + sites.dhw_draw * self.per_site(heads),
            heating=(sky.temp_24h_c < SUMMER_STOP_C).astype(np.float64),
            leak=drift[:, 0],
            fan=drift[:, 1],
            own_setpoint=programme.own_setpoint[:, zones.type],
            tuned_setpoint=programme.tuned_setpoint[:, zones.type],
            own_run=programme.own_run[:, self._kind],
            tuned_run=programme.tuned_run[:, self._kind],
        )

    def _lights(self, sky: DaySky, present: FloatArray) -> FloatArray:
        """Lamps are lit where somebody is, fewer of them by day [W]."""
        lit = np.clip(present / 0.3, 0.0, 1.0)
        daylight = 1.0 - 0.5 * np.clip(sky.ghi_wm2 / DAYLIGHT_WM2, 0.0, 1.0)
        return np.asarray(self.stock.zones.light * lit * daylight[:, None])

    def per_site(self, values: FloatArray) -> FloatArray:
        """Sum over the zones of each site: (..., N) to (..., S)."""
        return np.add.reduceat(values, self.stock.sites.first_zone, axis=-1)


def slot_of(unix_s: float) -> tuple[int, int]:
    """UTC day number and slot of a moment."""
    day, second = divmod(int(unix_s), DAY_S)
    return day, second // SLOT_S


def _behind_blinds(facade_wm2: FloatArray) -> FloatArray:
    """People lower the blinds in strong sun."""
    bright = np.maximum(facade_wm2 - BLIND_WM2, 0.0)
    return np.minimum(facade_wm2, BLIND_WM2) + BLIND_SHARE * bright
