"""Reference buildings of EnergyPlus as plants: run through its own interface, step by step.

The buildings come with the wheel ``pyenergyplus-lbnl`` (extra ``bench``). The heating setpoint of
every zone may be set at each quarter-hour; heat is what one meter of the building shows. The
weather is the repository's own (English), written as EPW: direct and diffuse irradiance by Erbs,
Klein and Duffie (1982), wind and pressure constant.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from drivers.simulator.buildings.weather import LATITUDE_DEG, LONGITUDE_DEG, WeatherTable
from optimizer.model.facade_irradiance import SOLAR_CONSTANT, diffuse_part, sun_at
from optimizer.model.rc_network import Floats

WEATHER = Path(__file__).parents[2] / "feeds" / "data" / "weather_hourly.csv.gz"
STEP = timedelta(minutes=15)
PRESSURE_PA, WIND_M_S = 101_325, 3.5
HEAT_METER = "Heating:EnergyTransfer"
OUTDOOR = ("Site Outdoor Air Drybulb Temperature", "Environment")
DIFFUSE = ("Site Diffuse Solar Radiation Rate per Area", "Environment")
DIRECT = ("Site Direct Solar Radiation Rate per Area", "Environment")
ALTITUDE = ("Site Solar Altitude Angle", "Environment")
ROOM = "Zone Mean Air Temperature"
OWN = "Zone Thermostat Heating Setpoint Temperature"
REPLACED = (
    "RunPeriod",
    "SimulationControl",
    "Timestep",
    "RunPeriodControl:SpecialDays",
    "RunPeriodControl:DaylightSavingTime",
)
SIMULATION = """
SimulationControl, Yes, Yes, Yes, No, Yes, No, 1;
Timestep, 4;
RunPeriod, bench, {first:%-m}, {first:%-d}, {first:%Y}, {last:%-m}, {last:%-d}, {last:%Y}, ,
  No, No, No, No, No;
"""
Setpoints = Mapping[str, float] | None
"""The heating setpoint [degC] of every group of zones; None: the building's own schedule."""


@dataclass(frozen=True, slots=True)
class Plant:
    """A reference building, by the name of its file, and how its zones are grouped: a group's name
    by a pattern of its zones' names."""

    file: str
    groups: Mapping[str, str]
    weather: str = ""
    """Name of one of the wheel's own weather files; empty: the repository's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantRecord:
    """What was measured, in steps of a quarter-hour from ``start`` (UTC) on: outdoor temperature
    [degC], global irradiance [W/m2] and heat [kW] (n,) as means, the rooms [degC] at the start of
    each step and the setpoint in force by zone (z, n), and the zones' floor areas [m2] (z,)."""

    start: datetime
    zones: tuple[str, ...]
    area: Floats
    outdoor: Floats
    ghi: Floats
    heat: Floats
    room: Floats
    setpoint: Floats

    def __len__(self) -> int:
        return len(self.outdoor)


Control = Callable[[PlantRecord], Setpoints]
"""Called at the start of each step with all that was measured before it."""


def has_energyplus() -> bool:
    """Whether the wheel is installed."""
    return find_spec("pyenergyplus") is not None


def run_plant(plant: Plant, first: datetime, days: int, control: Control | None) -> PlantRecord:
    """Returns the record of ``days`` days from the local midnight ``first`` (UTC) on.

    Raises ``RuntimeError`` where EnergyPlus ends with an error.
    """
    with tempfile.TemporaryDirectory(prefix="bms-eplus-") as folder:
        home = Path(folder)
        text, zones = _building(plant, first, days)
        (home / "in.idf").write_text(text, encoding="latin-1")
        weather = _data() / "weather" / plant.weather
        epw = weather.read_text("latin-1") if plant.weather else weather_file(first.year)
        (home / "in.epw").write_text(epw, encoding="latin-1")
        run = _PlantRun(plant, zones, first, days, control)
        run.through(home)
    return run.record()


def _building(plant: Plant, first: datetime, days: int) -> tuple[str, tuple[str, ...]]:
    """The building's text with our run period, and its zones with a thermostat."""
    text = (_data() / "model" / f"{plant.file}.idf").read_text("latin-1")
    text = re.sub(r"!.*", "", text)
    objects = [part.strip() for part in text.split(";") if part.strip()]
    kept = [each for each in objects if not _is_replaced(each.split(",")[0].strip())]
    controlled = [each for each in objects if each.lower().startswith("zonecontrol:thermostat")]
    zones = tuple(each.split(",")[2].strip().upper() for each in controlled)
    last = first + timedelta(days=days - 1)
    return ";\n".join([*kept, SIMULATION.format(first=first, last=last)]), zones


def _data() -> Path:
    """The folder of models and weather in the wheel."""
    return Path(str(import_module("pyenergyplus").__file__)).parent / "data"


def _is_replaced(kind: str) -> bool:
    return kind.lower() in map(str.lower, REPLACED) or kind.lower().startswith("output")


def weather_file(year: int) -> str:
    """Returns the repository's weather of a year as the text of an EPW file, whose stamps are ends
    of hours."""
    table = WeatherTable.from_csv_gz(WEATHER)
    first = round((datetime(year, 1, 1, tzinfo=UTC) - table.start) / timedelta(hours=1))
    hours = np.arange(8760)
    inside = np.minimum(first + hours, len(table.temp_c) - 2)
    temp, ghi = table.temp_c[inside + 1], np.maximum(0.0, table.ghi_wm2[inside])
    middle = datetime(year, 1, 1, tzinfo=UTC).timestamp() + 3600.0 * (hours + 0.5)
    sun = sun_at(middle.astype(np.float64), LATITUDE_DEG, LONGITUDE_DEG)
    sine = np.sin(np.radians(sun.elevation))
    top = SOLAR_CONSTANT * sun.distance_factor * np.maximum(sine, 0.0)
    clear = np.divide(ghi, top, out=np.zeros_like(ghi), where=top > 1.0)
    diffuse = np.where(sine > 0.07, ghi * diffuse_part(clear), ghi)
    direct = np.where(sine > 0.07, (ghi - diffuse) / np.maximum(sine, 0.07), 0.0)
    head = [
        f"LOCATION,bench,-,GBR,own,000000,{LATITUDE_DEG},{LONGITUDE_DEG},0.0,30.0",
        "DESIGN CONDITIONS,0",
        "TYPICAL/EXTREME PERIODS,0",
        "GROUND TEMPERATURES,0",
        "HOLIDAYS/DAYLIGHT SAVINGS,No,0,0,0",
        "COMMENTS 1,-",
        "COMMENTS 2,-",
        "DATA PERIODS,1,1,Data,Sunday,1/1,12/31",
    ]
    rows = []
    for i in hours:
        day = datetime(year, 1, 1, tzinfo=UTC) + timedelta(hours=int(i))
        rows.append(
            f"{year},{day.month},{day.day},{day.hour + 1},0,-,{temp[i]:.2f},{temp[i] - 2.5:.2f},85,"
            f"{PRESSURE_PA},9999,9999,9999,{ghi[i]:.1f},{direct[i]:.1f},{diffuse[i]:.1f},"
            f"999999,999999,999999,9999,220,{WIND_M_S},7,7,9999,99999,9,999999999,999,0.999,999,"
            "99,0.2,0,1"
        )
    return "\n".join([*head, *rows]) + "\n"


class _PlantRun:
    """One run: reads and sets at each step."""

    def __init__(
        self,
        plant: Plant,
        zones: tuple[str, ...],
        first: datetime,
        days: int,
        control: Control | None,
    ) -> None:
        self._api: Any = import_module("pyenergyplus.api").EnergyPlusAPI()
        self._groups = {zone: _group(plant, zone) for zone in zones}
        self._first, self._steps, self._control = first, days * 96, control
        self._zones = zones
        self._handles: dict[Any, int] = {}
        self._rows = np.empty((self._steps, 3 + len(zones)))
        self._rooms = np.empty((self._steps, len(zones)))
        self._read_steps = self._set_steps = 0
        self._area: list[float] = []
        self._error: BaseException | None = None

    def through(self, home: Path) -> None:
        """Runs to the end of the period. Raises what the control raised, or ``RuntimeError``."""
        api, state = self._api, self._api.state_manager.new_state()
        for name, key in self._variables():
            api.exchange.request_variable(state, name, key)
        runtime = api.runtime
        runtime.set_console_output_status(state, False)
        runtime.callback_begin_zone_timestep_before_init_heat_balance(state, self._begin)
        runtime.callback_end_zone_timestep_after_zone_reporting(state, self._end)
        words = ["-w", str(home / "in.epw"), "-d", str(home / "out"), str(home / "in.idf")]
        failed = runtime.run_energyplus(state, words)
        api.state_manager.delete_state(state)
        if self._error is not None:
            raise self._error
        if failed:
            raise RuntimeError((home / "out" / "eplusout.err").read_text("latin-1")[-2000:])

    def record(self) -> PlantRecord:
        """Returns what was measured so far."""
        rows, rooms = self._rows[: self._read_steps].T, self._rooms[: self._read_steps].T
        return PlantRecord(
            start=self._first,
            zones=self._zones,
            area=np.array(self._area),
            outdoor=rows[0],
            ghi=rows[1],
            heat=rows[2],
            room=rooms,
            setpoint=rows[3:],
        )

    def _variables(self) -> list[tuple[str, str]]:
        of_zones = [(name, zone) for name in (ROOM, OWN) for zone in self._zones]
        return [OUTDOOR, DIFFUSE, DIRECT, ALTITUDE, *of_zones]

    def _ready(self, state: Any) -> bool:
        exchange = self._api.exchange
        if exchange.warmup_flag(state) or not exchange.api_data_fully_ready(state):
            return False
        if exchange.kind_of_sim(state) != 3:
            return False
        if not self._handles:
            self._find_handles(state)
        return True

    def _find_handles(self, state: Any) -> None:
        exchange = self._api.exchange
        for pair in self._variables():
            self._handles[pair] = exchange.get_variable_handle(state, *pair)
        self._handles["heat"] = exchange.get_meter_handle(state, HEAT_METER)
        for zone in self._zones:
            self._handles[zone] = exchange.get_actuator_handle(
                state, "Zone Temperature Control", "Heating Setpoint", zone
            )
            area = exchange.get_internal_variable_handle(state, "Zone Floor Area", zone)
            self._area.append(exchange.get_internal_variable_value(state, area))
        missing = [key for key, handle in self._handles.items() if handle < 0]
        if missing:
            raise RuntimeError(f"EnergyPlus does not have {missing}")

    def _guarded(self, work: Callable[[Any], None], state: Any) -> None:
        if self._error is not None:
            return
        try:
            if self._ready(state):
                work(state)
        except BaseException as error:
            self._error = error
            self._api.runtime.stop_simulation(state)

    def _begin(self, state: Any) -> None:
        self._guarded(self._set, state)

    def _end(self, state: Any) -> None:
        self._guarded(self._read, state)

    def _value(self, state: Any, pair: tuple[str, str]) -> float:
        return float(self._api.exchange.get_variable_value(state, self._handles[pair]))

    def _set(self, state: Any) -> None:
        self._rooms[self._set_steps] = [self._value(state, (ROOM, zone)) for zone in self._zones]
        self._set_steps += 1
        wanted = self._control(self.record()) if self._control is not None else None
        exchange = self._api.exchange
        for zone in self._zones:
            value = wanted.get(self._groups[zone]) if wanted is not None else None
            if value is None:
                exchange.reset_actuator(state, self._handles[zone])
            else:
                exchange.set_actuator_value(state, self._handles[zone], value)

    def _read(self, state: Any) -> None:
        sine = max(0.0, float(np.sin(np.radians(self._value(state, ALTITUDE)))))
        ghi = self._value(state, DIFFUSE) + sine * self._value(state, DIRECT)
        heat = self._api.exchange.get_meter_value(state, self._handles["heat"])
        setpoints = (self._value(state, (OWN, zone)) for zone in self._zones)
        power = heat / STEP.total_seconds() / 1000.0
        self._rows[self._read_steps] = [self._value(state, OUTDOOR), ghi, power, *setpoints]
        self._read_steps += 1


def _group(plant: Plant, zone: str) -> str:
    found = (name for name, form in plant.groups.items() if re.search(form, zone, re.IGNORECASE))
    return next(found, "")


def groups_of(plant: Plant, zones: Sequence[str]) -> dict[str, list[int]]:
    """Returns the positions of the zones of every group."""
    names = [_group(plant, zone) for zone in zones]
    return {name: [i for i, each in enumerate(names) if each == name] for name in plant.groups}
