"""Two January weeks of the simulated municipality: meters, comfort, savings of the rival."""

from datetime import UTC, datetime, timedelta
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


@pytest.fixture(scope="module")
def weather() -> WeatherTable:
    return WeatherTable.from_csv_gz(WEATHER)


@pytest.fixture(scope="module")
def january(weather):
    """Three buildings after two January weeks apart, ours without commands."""
    simulated = Municipality(SITES, weather, MONDAY - timedelta(days=3))
    simulated.advance(3 * 86400)
    simulated.fork_worlds()
    registers = {s.id: simulated.sensors(s.id) for s in SITES}
    simulated.advance(14 * 86400)
    return simulated, registers


def test_the_truth_agrees_with_the_meters(january):
    simulated, registers = january
    record = simulated.record()
    for i, site in enumerate(SITES):
        now = simulated.sensors(site.id)
        for signal, energy in (("heat", record.heat_kwh), ("el", record.electricity_kwh)):
            counted = now[f"{signal}.energy"] - registers[site.id][f"{signal}.energy"]
            assert counted == pytest.approx(energy[i, 2].sum(), abs=0.2)
    assert len(record.hours) == 14 * 24
    assert record.hours[0] == MONDAY.astimezone(UTC)
    assert record.billed_kwh[1].sum() == record.electricity_kwh[1].sum()
    assert record.billed_kwh[0].sum() == pytest.approx(
        record.heat_kwh[0].sum() + record.electricity_kwh[0].sum()
    )
    assert record.occupied_days.tolist() == [10, 10, 14]


def test_own_control_keeps_comfort_and_the_rival_nearly_too(january):
    record = january[0].record()
    for i, site in enumerate(SITES):
        for zone, discomfort in record.comfort_by_zone[site.id].items():
            own, tuned, _ = discomfort / record.occupied_days[i]
            assert own <= 0.1, (site.id, zone)
            assert tuned <= 0.25, (site.id, zone)
        assert record.comfort_kh[i] == pytest.approx(sum(record.comfort_by_zone[site.id].values()))


def test_the_rival_saves_what_a_good_setback_saves(january):
    billed = january[0].record().billed_kwh.sum(axis=2)
    saving = 1.0 - billed[:, 1] / billed[:, 0]
    assert ((saving > 0.08) & (saving < 0.25)).all(), saving


def test_january_use_is_that_of_danish_municipal_buildings(january):
    record = january[0].record()
    area = np.array([3200.0, 4200.0, 2000.0])
    heat = record.heat_kwh[:, 0].sum(axis=1) / area
    # 80 to 130 kWh/m2 a year, of which 6.5 to 9 % fall into two such weeks.
    assert (heat > 5.0).all()
    assert (heat < 12.0).all()
    cop = record.heat_kwh[1, 0].sum() / record.heat_pump_kwh[1, 0].sum()
    assert 2.2 < cop < 3.6
