"""The planned air in a building whose physics the optimiser does not know: less heat and fan, CO2
below its limit."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from bms.model.planning.plan import Schedule
from bms.model.planning.problem import Problem
from optimizer.model.air_handling import FAN_EXPONENT
from optimizer.planner import Optimizer
from tests.rigs.buildings.toy_building import AREA, FAN_KW, FLOW_M3_H, ZONES, Toy, in_use, lived_in
from tests.rigs.buildings.toy_problems import DAYS, FLOW, aired, peopled, problem, toy_model

OPTIMIZER = Optimizer()
PEOPLE = (25.0, 12.0)
LIMIT_PPM = 1000.0
STEPS_A_PLAN, PLANS = 24, 8


@dataclass
class Lived:
    """Two days under plans of six hours, with or without a lever for the flow."""

    building: Toy
    with_flow: bool
    ppm: np.ndarray = field(default_factory=lambda: np.full(2, 450.0))
    highest_ppm: float = 0.0
    fan_kwh: float = 0.0

    def live(self) -> Lived:
        for _ in range(PLANS):
            asked = self.question()
            schedule = OPTIMIZER.plan(asked)
            assert OPTIMIZER.check(asked, schedule) == ()
            for _ in range(STEPS_A_PLAN):
                self.obey(schedule)
        return self

    def question(self) -> Problem:
        asked = problem(self.building, n=144, days=3, model=toy_model())
        if not self.with_flow:
            return asked
        asked = peopled(aired(asked), PEOPLE, LIMIT_PPM)
        pairs = zip(asked.zones, self.ppm.tolist(), strict=True)
        return replace(asked, zones=tuple(replace(zone, co2_ppm=ppm) for zone, ppm in pairs))

    def obey(self, schedule: Schedule) -> None:
        now = self.building.now
        values = {plan.point: plan.value_at(now) for plan in schedule.setpoints}
        setpoint = np.array([values[f"toy/{name}.setpoint"] for name in ZONES], dtype=float)
        run = values["toy/ahu1.run"] or 0.0
        flow = (values.get(FLOW.point) or 100.0) / 100.0
        self._breathe(run * flow)
        self.fan_kwh += FAN_KW * run * flow**FAN_EXPONENT / 4.0
        self.building.step(setpoint, run * flow)

    def _breathe(self, moved: float) -> None:
        """A quarter-hour of CO2 in passes of ten seconds."""
        for z in (0, 1):
            used = in_use(z, self.building.now)
            volume = 2.8 * AREA[z]
            exchanged = FLOW_M3_H * AREA[z] / AREA.sum() * moved + 0.1 * volume
            for _ in range(90):
                born = 1e6 * 0.0187 * PEOPLE[z] * used
                change = (born + exchanged * (420.0 - self.ppm[z])) / volume
                self.ppm[z] += change * 10.0 / 3600.0
            if used:
                self.highest_ppm = max(self.highest_ppm, float(self.ppm[z]))


def test_less_air_saves_heat_and_fans_and_keeps_co2_and_comfort() -> None:
    start = lived_in(days=DAYS)
    without, ours = (Lived(start.copy(), each).live() for each in (False, True))
    spared = without.building.heat_kwh - ours.building.heat_kwh
    used = without.building.heat_kwh - start.heat_kwh

    assert ours.highest_ppm < LIMIT_PPM
    assert ours.highest_ppm > without.highest_ppm + 100.0
    assert spared > 0.04 * used
    assert ours.fan_kwh < 0.3 * without.fan_kwh
    for planned, without_lever in zip(
        ours.building.discomfort, without.building.discomfort, strict=True
    ):
        assert planned <= without_lever + 0.2
