"""A municipality of simulated buildings that share one time, one weather and one array.

Three worlds see the same weather, people and drift: ``own`` (the buildings' own control),
``tuned`` (a well-tuned night setback with optimum start and stop, and ventilation by use) and
``ours`` (own control except where a command stands). Before ``fork_worlds`` there is one world: the
buildings as they are, which obey commands too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

from drivers.simulator.buildings.occupancy import SLOT_S, FloatArray
from drivers.simulator.buildings.stock import SimSite, Stock
from drivers.simulator.buildings.submeters import submeter_signals, submeter_values
from drivers.simulator.buildings.weather import Outdoors, WeatherTable
from drivers.simulator.physics.boundary_conditions import BoundaryConditions, DayInputs, slot_of
from drivers.simulator.physics.sensors import EffectiveCommands, MeterRegisters, SensorPanel
from drivers.simulator.physics.thermal import (
    Control,
    Flows,
    SlotInputs,
    ThermalModel,
    copied,
    starting_state,
)
from drivers.simulator.physics.truth import WORLDS, Recorder, TruthRecord

__all__ = ["Municipality", "SimSite", "TruthRecord", "WeatherTable"]

FINE_STEP_S = 60
WARM_UP = timedelta(days=3)
SETPOINT_LIMITS_C = (8.0, 28.0)
"""What a room controller accepts from outside."""
SHIFT_LIMITS_K = (-15.0, 15.0)
FLOW_LIMITS_PCT = (10.0, 100.0)
"""Fans turn no slower than this while they run."""
SUPPLY_AIR_LIMITS_C = (10.0, 30.0)
FULL_FLOW_PCT = 100.0
LIMITS = {
    "plant.curve_shift": SHIFT_LIMITS_K,
    "ahu1.flow": FLOW_LIMITS_PCT,
    "ahu1.supply_air_setpoint": SUPPLY_AIR_LIMITS_C,
}


class Municipality:
    """Simulated buildings (``drivers.simulator.interfaces.World``).

    Time is in Unix seconds and advances by 300 s on that grid, else by 60 s. The time of
    ``warm_up`` before ``start``, some minutes at least, is simulated first, to reach a realistic
    thermal state.
    """

    def __init__(
        self,
        sites: Sequence[SimSite],
        weather: WeatherTable,
        start: datetime,
        *,
        warm_up: timedelta = WARM_UP,
    ) -> None:
        if start.tzinfo is None or start.timestamp() % FINE_STEP_S:
            raise ValueError("a simulation starts at a whole minute of an aware time")
        if not weather.start <= start < weather.end:
            raise ValueError(f"no weather at {start}: {weather.start} to {weather.end}")
        self._stock = Stock.of(sites)
        self._end_s = weather.end.timestamp()
        self._site = {member.id: i for i, member in enumerate(self._stock.members)}
        self._boundary = BoundaryConditions(self._stock, Outdoors(weather))
        self._panel = SensorPanel(self._stock)
        self._now_s = int((start - warm_up).timestamp())
        self._day_number, _ = slot_of(self._now_s)
        self._day = self._boundary.day(self._day_number)
        zones, members = len(self._stock.zones.site), len(self._stock.members)
        self._asked_setpoint = np.full(zones, np.nan)
        self._asked_run = np.full(members, np.nan)
        self._asked_shift = np.full(members, np.nan)
        self._asked_flow = np.full(members, np.nan)
        self._asked_supply_air = np.full(members, np.nan)
        self._registers = MeterRegisters.installed(self._stock)
        own, _ = self._own()
        self._physics = ThermalModel(self._stock, starting_state(self._stock, own))
        self._flows: Flows
        self._recorder: Recorder | None = None
        self._run_to(int(start.timestamp()))
        self._registers = MeterRegisters.installed(self._stock)

    @property
    def now(self) -> datetime:
        """Building time (UTC)."""
        return datetime.fromtimestamp(self._now_s, UTC)

    @property
    def sites(self) -> tuple[SimSite, ...]:
        """The simulated sites."""
        return self._stock.members

    def signals(self, site: str) -> tuple[str, ...]:
        """Names of everything that ``sensors`` gives for a site."""
        index = self._site[site]
        archetype = self._stock.members[index].archetype
        return self._panel.names[index] + submeter_signals(archetype)

    def zones(self, site: str) -> tuple[str, ...]:
        """The names of the zones of a site."""
        return tuple(zone.name for zone in self._stock.members[self._site[site]].kind.zones)

    def advance(self, seconds: int) -> None:
        """Advance time. Raises ValueError unless by whole minutes within the weather table."""
        if seconds < 0 or seconds % FINE_STEP_S:
            raise ValueError(f"time moves in whole minutes, not by {seconds} s")
        if self._now_s + seconds > self._end_s:
            raise ValueError(f"the weather ends {datetime.fromtimestamp(self._end_s, UTC)}")
        self._run_to(self._now_s + seconds)

    def fork_worlds(self) -> None:
        """Fork the one world into three with the same state. Raises ValueError the second time."""
        if self._recorder is not None:
            raise ValueError("the worlds are apart already")
        worlds = len(WORLDS)
        self._physics.state = copied(self._physics.state, worlds)
        self._registers = self._registers.split(worlds)
        flows = vars(self._flows)
        self._flows = Flows(**{k: np.repeat(v[:1], worlds, axis=0) for k, v in flows.items()})
        self._recorder = Recorder(self._stock, worlds)

    def sensors(self, site: str) -> dict[str, float]:
        """Every signal of our world as its instrument shows it, with noise and resolution."""
        index = self._site[site]
        seen = self._panel.of_site(self._measured(), index)
        return seen | submeter_values(self._stock.members[index].archetype, seen)

    def command(self, site: str, signal: str, value: float | None) -> None:
        """Set a remote value in our world, or release the signal (None).

        Raises KeyError for an unknown site or a signal that cannot be commanded, ValueError for a
        value that is not finite. Values are clamped to what the controller accepts.
        """
        asked, place = self._commandable(site, signal)
        if value is None:
            asked[place] = np.nan
            return
        if not np.isfinite(value):
            raise ValueError(f"{site}/{signal}: {value} is not a number to control by")
        asked[place] = _accepted(signal, value)

    def own_value(self, site: str, signal: str) -> float:
        """The own programme's value of a signal: setpoint [degC], run (0 or 1), shift (0 K), flow
        (100 %) or setpoint of the supply air [degC]."""
        self._commandable(site, signal)
        index = self._site[site]
        setpoint, run = self._own()
        of_site = {
            "plant.curve_shift": 0.0,
            "ahu1.run": float(run[index]),
            "ahu1.flow": FULL_FLOW_PCT,
            "ahu1.supply_air_setpoint": float(self._stock.sites.supply_air[index]),
        }
        if signal in of_site:
            return of_site[signal]
        return float(setpoint[self._zone(site, signal)])

    def record(self) -> TruthRecord:
        """The ground truth since the fork. Raises ValueError before it."""
        if self._recorder is None:
            raise ValueError("there is no record before the worlds go apart")
        return self._recorder.record()

    def history(
        self,
        until: datetime,
        step_s: int,
        on_step: Callable[[float], None] | None = None,
    ) -> dict[str, dict[str, FloatArray]]:
        """Advance to ``until`` and sample every sensor at the end of each step of ``step_s`` [s],
        but for the meters of the basement: nobody asked them.

        Gives site, signal: (n,); value ``i`` belongs to the moment ``start + (i + 1) * step_s``.
        ``on_step`` is called with the share that is done, 0..1. Raises ValueError unless whole
        steps fit.
        """
        span = (until - self.now) // timedelta(seconds=1)
        if step_s <= 0 or span < 0 or span % step_s:
            raise ValueError(f"{span} s do not divide into steps of {step_s} s")
        count = span // step_s
        rows = np.empty((count, int(self._panel.first[-1])))
        for i in range(count):
            self.advance(step_s)
            rows[i] = self._measured()
            if on_step is not None:
                on_step((i + 1) / count)
        first = self._panel.first
        return {
            member.id: {
                name: rows[:, int(first[index]) + nth].copy()
                for nth, name in enumerate(self._panel.names[index])
            }
            for index, member in enumerate(self._stock.members)
        }

    def _run_to(self, end_s: int) -> None:
        while self._now_s < end_s:
            coarse = self._now_s % SLOT_S == 0 and end_s - self._now_s >= SLOT_S
            self._step(SLOT_S if coarse else FINE_STEP_S)

    def _step(self, seconds: int) -> None:
        day, slot = self._inputs()
        dt_h = seconds / 3600.0
        self._flows = self._physics.step(SlotInputs.of(day, slot), self._control(day, slot), dt_h)
        self._registers.count(self._flows, dt_h)
        if self._recorder is not None:
            self._recorder.note(self._now_s, self._flows, dt_h)
            self._recorder.note_comfort(
                self._physics.state.air, day.occupied[slot], int(day.local.ordinal[slot]), dt_h
            )
        self._now_s += seconds

    def _inputs(self) -> tuple[DayInputs, int]:
        number, slot = slot_of(self._now_s)
        if number != self._day_number:
            self._day_number, self._day = number, self._boundary.day(number)
        return self._day, slot

    def _own(self) -> tuple[FloatArray, FloatArray]:
        day, slot = self._inputs()
        return day.own_setpoint[slot], day.own_run[slot]

    def _effective(self) -> EffectiveCommands:
        """The values that act in our world: commands, else own control."""
        setpoint, run = self._own()
        return EffectiveCommands(
            _over(self._asked_setpoint, setpoint),
            _over(self._asked_run, run),
            _over(self._asked_shift, 0.0),
            _over(self._asked_flow, FULL_FLOW_PCT),
            _over(self._asked_supply_air, self._stock.sites.supply_air),
        )

    def _control(self, day: DayInputs, slot: int) -> Control:
        setpoint, run, shift, flow_pct, supply_air = self._effective()
        flow = flow_pct / FULL_FLOW_PCT
        if self._recorder is None:
            return Control(setpoint[None], run[None], shift[None], flow[None], supply_air[None])
        none, full = np.zeros_like(shift), np.ones_like(flow)
        usual = self._stock.sites.supply_air
        return Control(
            np.stack([day.own_setpoint[slot], day.tuned_setpoint[slot], setpoint]),
            np.stack([day.own_run[slot], day.tuned_run[slot], run]),
            np.stack([none, none, shift]),
            np.stack([full, full, flow]),
            np.stack([usual, usual, supply_air]),
        )

    def _measured(self) -> FloatArray:
        day, slot = self._inputs()
        true = self._panel.true_values(
            -1,
            self._physics.state,
            self._flows,
            self._registers,
            self._effective(),
            float(day.sky.temp_c[slot]),
        )
        return self._panel.measured(true, self._day_number, slot)

    def _commandable(self, site: str, signal: str) -> tuple[FloatArray, int]:
        of_site = {
            "ahu1.run": self._asked_run,
            "ahu1.flow": self._asked_flow,
            "ahu1.supply_air_setpoint": self._asked_supply_air,
            "plant.curve_shift": self._asked_shift,
        }
        index = self._site[site]
        if signal in of_site:
            return of_site[signal], index
        return self._asked_setpoint, self._zone(site, signal)

    def _zone(self, site: str, signal: str) -> int:
        zone, _, kind = signal.partition(".")
        names = self.zones(site)
        if kind != "setpoint" or zone not in names:
            raise KeyError(f"{site}/{signal} cannot be commanded")
        return int(self._stock.sites.first_zone[self._site[site]]) + names.index(zone)


def _accepted(signal: str, value: float) -> float:
    if signal == "ahu1.run":
        return 1.0 if value > 0.5 else 0.0
    low, high = LIMITS.get(signal, SETPOINT_LIMITS_C)
    return min(max(value, low), high)


def _over(asked: FloatArray, own: FloatArray | float) -> FloatArray:
    """The commanded values, and those of own control where they are NaN."""
    return np.where(np.isnan(asked), own, asked)
