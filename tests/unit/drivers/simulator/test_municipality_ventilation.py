"""Flow and supply air of the simulated air-handling units: own control unchanged, ours felt."""

from __future__ import annotations

from copy import deepcopy
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

import bms.feeds
from bms.model.assets.address import Table
from drivers.simulator.buildings.occupancy import LOCAL
from drivers.simulator.control_points import ConstantRegister, ControlPoint, RemoteSetpoint
from drivers.simulator.municipality import Municipality, SimSite, WeatherTable
from drivers.simulator.servers.modbus_registers import ExceptionCode, RegisterImage, hall_controller

WEATHER = Path(bms.feeds.__file__).parent / "data" / "weather_hourly.csv.gz"
MONDAY_NOON = datetime(2019, 1, 14, 12, tzinfo=LOCAL)
HOUR = 3600
OWN = {"ahu1.flow": 100.0, "ahu1.supply_air_setpoint": 17.0}


@pytest.fixture(scope="module")
def noon() -> Municipality:
    weather = WeatherTable.from_csv_gz(WEATHER)
    return Municipality([SimSite("sportshall", "sportshall", 3)], weather, MONDAY_NOON)


def hall(noon: Municipality) -> Municipality:
    """A sports hall of its own at noon of a Monday."""
    return deepcopy(noon)


def seen(city: Municipality) -> dict[str, float]:
    return city.sensors("sportshall")


class TestOwnControl:
    @pytest.mark.slow
    def test_it_moves_the_whole_flow_at_the_commissioned_setpoint(self, noon) -> None:
        city = hall(noon)
        shown = seen(city)
        assert {signal: shown[signal] for signal in OWN} == OWN
        assert {signal: city.own_value("sportshall", signal) for signal in OWN} == OWN

    @pytest.mark.slow
    def test_a_building_whose_new_levers_nobody_moves_is_the_same_to_the_last_bit(
        self, noon
    ) -> None:
        left, held = hall(noon), hall(noon)
        for signal, value in OWN.items():
            held.command("sportshall", signal, value)
        until = left.now + timedelta(hours=6)
        first, second = (city.history(until, 900)["sportshall"] for city in (left, held))
        for signal, course in first.items():
            assert course.tobytes() == second[signal].tobytes(), signal

    def test_the_worlds_of_the_rivals_do_not_feel_what_we_write(self, noon) -> None:
        left, moved = hall(noon), hall(noon)
        for city in (left, moved):
            city.fork_worlds()
        moved.command("sportshall", "ahu1.flow", 40.0)
        moved.command("sportshall", "ahu1.supply_air_setpoint", 15.0)
        for city in (left, moved):
            city.advance(6 * HOUR)
        ours, theirs = left.record(), moved.record()
        for name in ("heat_kwh", "electricity_kwh"):
            kept, changed = (getattr(record, name)[0] for record in (ours, theirs))
            for row, (world, same) in enumerate(zip(ours.worlds, (True, True, False), strict=True)):
                assert np.array_equal(kept[row], changed[row]) is same, (name, world)


class TestOurs:
    def after_an_hour(
        self, noon, signal: str, value: float | None, seconds: int = HOUR
    ) -> dict[str, float]:
        city = hall(noon)
        city.command("sportshall", signal, value)
        city.advance(seconds)
        return seen(city)

    def test_half_the_flow_takes_a_quarter_of_the_fans_power(self, noon) -> None:
        whole = self.after_an_hour(noon, "ahu1.flow", None)
        half = self.after_an_hour(noon, "ahu1.flow", 50.0)
        assert half["ahu1.flow"] == 50.0
        # 8 kW at full flow, drifting by a few percent over the years
        assert whole["el.power"] - half["el.power"] == pytest.approx(6.0, rel=0.15)

    def test_with_less_air_there_is_more_co2_and_less_heat(self, noon) -> None:
        whole = self.after_an_hour(noon, "ahu1.flow", None)
        less = self.after_an_hour(noon, "ahu1.flow", 20.0)
        assert less["hall.co2"] > whole["hall.co2"] + 10.0
        assert less["heat.power"] < whole["heat.power"] - 5.0

    def test_cooler_supply_air_takes_less_heat(self, noon) -> None:
        usual = self.after_an_hour(noon, "ahu1.supply_air_setpoint", None)
        cooler = self.after_an_hour(noon, "ahu1.supply_air_setpoint", 15.0)
        assert cooler["ahu1.supply_air_setpoint"] == 15.0
        assert cooler["ahu1.supply_air_temp"] == pytest.approx(15.5, abs=0.3)  # and the fan's heat
        assert usual["ahu1.supply_air_temp"] == pytest.approx(17.5, abs=0.3)
        # before the rooms have noticed, the coil alone tells: 2 K of 14000 m3/h
        usual, cooler = (
            self.after_an_hour(noon, "ahu1.supply_air_setpoint", value, 600)
            for value in (None, 15.0)
        )
        assert usual["heat.power"] - cooler["heat.power"] == pytest.approx(9.5, rel=0.25)

    @pytest.mark.parametrize(
        ("signal", "asked", "accepted"),
        [
            ("ahu1.flow", 0.0, 10.0),
            ("ahu1.flow", 250.0, 100.0),
            ("ahu1.supply_air_setpoint", 45.0, 30.0),
        ],
    )
    def test_the_unit_takes_what_it_can(self, noon, signal, asked, accepted) -> None:
        city = hall(noon)
        city.command("sportshall", signal, asked)
        assert seen(city)[signal] == accepted
        city.command("sportshall", signal, None)
        assert seen(city)[signal] == OWN[signal]


class TestRegisters:
    def image(self) -> RegisterImage:
        control_points = {signal: ConstantRegister() for signal in OWN}
        for signal, control_point in control_points.items():
            control_point.follow_programme(OWN[signal])
        others: dict[str, ControlPoint] = {
            "hall.setpoint": RemoteSetpoint(),
            "ahu1.run": ConstantRegister(),
        }
        others["plant.curve_shift"] = ConstantRegister()
        return RegisterImage(hall_controller(1, ("hall",)), others | control_points)

    def test_they_stand_as_commissioned_or_as_written(self) -> None:
        image = self.image()
        assert image.read(Table.HOLDING, 121, 2) == [100, 170]
        assert image.write(121, [45, 165]) is None
        assert image.read(Table.HOLDING, 121, 2) == [45, 165]

    @pytest.mark.parametrize(("address", "word"), [(121, 5), (121, 101), (122, 99), (122, 301)])
    def test_what_would_do_harm_is_refused(self, address: int, word: int) -> None:
        image = self.image()
        assert image.write(address, [word]) is ExceptionCode.ILLEGAL_VALUE
        assert image.read(Table.HOLDING, 121, 2) == [100, 170]
