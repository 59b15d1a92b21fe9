"""The simulated municipality as servers and benches use it."""

from copy import deepcopy
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import bms.feeds
from drivers.simulator.buildings.occupancy import LOCAL
from drivers.simulator.municipality import Municipality, SimSite, WeatherTable

WEATHER = Path(bms.feeds.__file__).parent / "data" / "weather_hourly.csv.gz"
SITES = (
    SimSite("townhall", "townhall", 1),
    SimSite("school", "school", 2),
    SimSite("sportshall", "sportshall", 3),
)
MONDAY = datetime(2019, 1, 14, tzinfo=LOCAL)


@cache
def table() -> WeatherTable:
    return WeatherTable.from_csv_gz(WEATHER)


@cache
def _settled(start: datetime, sites: tuple[SimSite, ...]) -> Municipality:
    return Municipality(sites, table(), start, warm_up=timedelta(hours=12))


def city(start: datetime = MONDAY, sites=SITES) -> Municipality:
    """A simulation of its own in rooms that have settled."""
    return deepcopy(_settled(start, tuple(sites)))


def at_once(start: datetime, sites=SITES) -> Municipality:
    """For what depends on the calendar and not on temperatures."""
    return Municipality(sites, table(), start, warm_up=timedelta(hours=1))


def test_signals_are_the_agreed_ones():
    simulated = city()
    assert simulated.zones("school") == ("class_south", "class_north", "gym", "staff")
    assert "hp.energy" in simulated.signals("school")
    assert "hp.energy" not in simulated.signals("townhall")
    for site in SITES:
        values = simulated.sensors(site.id)
        assert tuple(values) == simulated.signals(site.id)
        assert all(np.isfinite(value) for value in values.values())
    expected = {"hall.temp", "hall.setpoint", "hall.valve", "hall.co2", "outdoor.temp",
        "plant.supply_temp", "plant.return_temp", "plant.curve_shift", "ahu1.run",
        "ahu1.supply_air_temp", "heat.energy", "heat.volume", "heat.power", "el.energy",
        "el.power"}  # fmt: skip
    assert expected <= set(simulated.signals("sportshall"))


@pytest.mark.parametrize(
    ("site", "signal", "local", "value"),
    [
        ("townhall", "north.setpoint", "2019-01-13T04:59", 19.0),
        ("townhall", "north.setpoint", "2019-01-13T05:00", 21.5),
        ("townhall", "north.setpoint", "2019-01-14T20:00", 19.0),
        ("townhall", "ahu1.run", "2018-12-25T12:00", 1.0),
        ("townhall", "ahu1.run", "2018-12-23T12:00", 0.0),
        ("school", "gym.setpoint", "2018-07-15T12:00", 19.0),
        ("school", "gym.setpoint", "2018-07-15T23:00", 16.5),
        ("school", "ahu1.run", "2018-05-10T12:00", 1.0),
        ("school", "plant.curve_shift", "2018-05-10T12:00", 0.0),
        ("sportshall", "ahu1.run", "2018-07-15T23:59", 1.0),
        ("sportshall", "ahu1.run", "2018-07-15T00:00", 0.0),
        ("sportshall", "changing.setpoint", "2018-07-15T23:00", 20.5),
    ],
)
def test_own_programme_is_the_agreed_one(site, signal, local, value):
    start = datetime.fromisoformat(local).replace(tzinfo=LOCAL)
    only = [s for s in SITES if s.id == site]
    assert at_once(start, only).own_value(site, signal) == value


@pytest.mark.slow
def test_occupied_days_are_counted_across_the_change_of_clocks():
    simulated = at_once(datetime(2018, 3, 23, tzinfo=LOCAL))
    simulated.fork_worlds()
    end = datetime(2018, 3, 27, tzinfo=LOCAL)
    simulated.advance(round((end.astimezone(UTC) - simulated.now).total_seconds()))
    assert simulated.record().occupied_days.tolist() == [2, 2, 4]


@pytest.mark.slow
def test_a_setpoint_acts_and_its_release_gives_it_back():
    simulated = city(MONDAY + timedelta(hours=8))
    simulated.command("townhall", "north.setpoint", 17.0)
    assert simulated.sensors("townhall")["north.setpoint"] == 17.0
    assert simulated.own_value("townhall", "north.setpoint") == 21.5
    simulated.advance(6 * 3600)
    cooled = simulated.sensors("townhall")
    assert cooled["north.valve"] == 0.0
    assert cooled["north.temp"] < cooled["south.temp"] - 1.0
    simulated.command("townhall", "north.setpoint", None)
    assert simulated.sensors("townhall")["north.setpoint"] == 21.5
    simulated.advance(4 * 3600)
    assert simulated.sensors("townhall")["north.temp"] > 21.0


def test_ventilation_and_heating_curve_obey_too():
    simulated = city(MONDAY + timedelta(hours=10))
    simulated.command("school", "ahu1.run", 0.0)
    before = simulated.sensors("school")
    simulated.command("school", "plant.curve_shift", -4.0)
    simulated.advance(7200)
    after = simulated.sensors("school")
    assert after["ahu1.run"] == 0.0
    assert after["class_north.co2"] > before["class_north.co2"] + 300.0
    assert after["plant.curve_shift"] == -4.0
    assert after["plant.supply_temp"] < before["plant.supply_temp"] - 3.0
    simulated.command("school", "ahu1.run", None)
    assert simulated.sensors("school")["ahu1.run"] == 1.0


def test_commands_are_clamped_or_refused():
    simulated = city()
    simulated.command("townhall", "north.setpoint", 90.0)
    assert simulated.sensors("townhall")["north.setpoint"] == 28.0
    for signal in ("north.temp", "attic.setpoint", "el.energy"):
        with pytest.raises(KeyError, match="cannot be commanded"):
            simulated.command("townhall", signal, 20.0)
    with pytest.raises(KeyError):
        simulated.command("castle", "north.setpoint", 20.0)
    with pytest.raises(ValueError, match="not a number"):
        simulated.command("townhall", "north.setpoint", float("nan"))


def test_time_moves_in_whole_minutes_within_the_weather():
    simulated = city(datetime(2019, 12, 31, 12, tzinfo=UTC), SITES[2:])
    with pytest.raises(ValueError, match="whole minutes"):
        simulated.advance(90)
    with pytest.raises(ValueError, match="weather ends"):
        simulated.advance(2 * 86400)
    simulated.advance(3 * 60)
    assert simulated.now == datetime(2019, 12, 31, 12, 3, tzinfo=UTC)
    with pytest.raises(ValueError, match="no weather"):
        city(datetime(2021, 1, 1, tzinfo=UTC))


@pytest.mark.slow
def test_the_worlds_stay_together_until_a_command():
    simulated = city(sites=SITES[:1])
    with pytest.raises(ValueError, match="apart"):
        simulated.record()
    simulated.fork_worlds()
    simulated.advance(12 * 3600)
    record = simulated.record()
    own, tuned, ours = record.heat_kwh[0]
    assert own.tolist() == ours.tolist()
    assert own.sum() != tuned.sum()
    simulated.command("townhall", "south.setpoint", 19.0)
    simulated.advance(12 * 3600)
    own, tuned, ours = simulated.record().heat_kwh[0, :, 12:]
    assert ours.sum() < 0.99 * own.sum()
    with pytest.raises(ValueError, match="already"):
        simulated.fork_worlds()


@pytest.mark.slow
def test_a_command_reaches_our_world_alone():
    simulated = city(MONDAY + timedelta(hours=8), SITES[:1])
    simulated.fork_worlds()
    simulated.command("townhall", "north.setpoint", 16.0)
    simulated.advance(12 * 3600)
    alone = city(MONDAY + timedelta(hours=8), SITES[:1])
    alone.fork_worlds()
    alone.advance(12 * 3600)
    touched, untouched = simulated.record(), alone.record()
    assert touched.heat_kwh[0, :2].tolist() == untouched.heat_kwh[0, :2].tolist()
    assert touched.heat_kwh[0, 2].sum() < untouched.heat_kwh[0, 2].sum()


@pytest.mark.slow
def test_the_same_seed_gives_the_same_and_another_seed_another_building():
    def run(seed: int) -> dict[str, float]:
        simulated = at_once(MONDAY, [SimSite("x", "sportshall", seed)])
        simulated.advance(8 * 3600)
        return simulated.sensors("x")

    first = run(5)
    assert run(5) == first
    assert run(6)["heat.power"] != first["heat.power"]


@pytest.mark.slow
def test_buildings_side_by_side_are_each_as_if_alone():
    together = city()
    together.advance(6 * 3600)
    for site in SITES:
        alone = city(sites=[site])
        alone.advance(6 * 3600)
        assert alone.sensors(site.id) == together.sensors(site.id)


@pytest.mark.slow
def test_many_small_steps_end_where_one_long_one_ends():
    long, short = city(sites=SITES[:1]), city(sites=SITES[:1])
    long.advance(3 * 3600)
    for _ in range(3 * 60):
        short.advance(60)
    a, b = long.sensors("townhall"), short.sensors("townhall")
    assert a["north.temp"] == pytest.approx(b["north.temp"], abs=0.21)
    start = city(sites=SITES[:1]).sensors("townhall")["heat.energy"]
    assert a["heat.energy"] - start == pytest.approx(b["heat.energy"] - start, rel=0.03)


def test_history_is_what_the_sensors_show_on_the_way():
    first, second = city(), city()
    shares: list[float] = []
    past = first.history(MONDAY + timedelta(hours=3), 900, shares.append)
    for i in range(12):
        second.advance(900)
        for site in SITES:
            sensors = second.sensors(site.id).items()
            shown = {name: value for name, value in sensors if "submeter" not in name}
            assert {name: values[i] for name, values in past[site.id].items()} == shown
    assert shares[-1] == 1.0
    assert len(shares) == 12
    with pytest.raises(ValueError, match="do not divide"):
        first.history(MONDAY + timedelta(hours=4), 1700)


@pytest.mark.slow
def test_instruments_round_and_registers_never_fall():
    past = city().history(MONDAY + timedelta(days=2), 1800)
    for signals in past.values():
        for name, values in signals.items():
            step = 10.0 if name.endswith(".co2") else 0.01 if name.endswith(".volume") else 0.1
            assert values / step == pytest.approx(np.round(values / step), abs=1e-4), name
            if name.endswith((".energy", ".volume")):
                assert (np.diff(values) >= 0.0).all(), name
                assert values[0] > 1000.0
    hourly = np.diff(past["townhall"]["el.energy"][::2])
    assert hourly == pytest.approx(past["townhall"]["el.power"][1:-1:2], rel=0.7, abs=1.0)


@pytest.mark.slow
def test_sensor_noise_is_small_and_there():
    simulated = city(sites=SITES[:1])
    temps = simulated.history(MONDAY + timedelta(days=2), 300)["townhall"]["north.temp"]
    wobble = np.diff(temps, 2).std() / np.sqrt(6.0)
    assert 0.04 < wobble < 0.09


@pytest.mark.slow
def test_the_rival_leaves_the_fans_off_on_closed_days():
    simulated = at_once(datetime(2018, 7, 25, tzinfo=LOCAL), SITES[1:2])
    simulated.fork_worlds()
    simulated.advance(86400)
    own, tuned, _ = simulated.record().electricity_kwh[0].sum(axis=1)
    assert own - tuned == pytest.approx(9.0 * 12.0, rel=0.2)


def test_ids_have_to_differ():
    with pytest.raises(ValueError, match="same id"):
        city(sites=[SITES[0], SITES[0]])
