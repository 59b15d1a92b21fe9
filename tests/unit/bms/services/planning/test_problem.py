"""The question for the optimiser: local days on a UTC grid, missing feeds, levers and the past."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest

from bms.messages import translator
from bms.model.assets.point import Role
from bms.model.assets.site import Site
from bms.model.codec import from_json, to_json
from bms.model.planning.problem import Problem
from bms.model.readings.measurement import Quality, Reading
from bms.services.planning.problem import assemble, numbers, quarter
from bms.store.memory.store import MemoryStore
from tests.rigs.fakes.city import CLOSED, HOUR, QUARTER, FakeFeed, lodge, utc
from tests.rigs.fakes.ports import problem_ports
from tests.rigs.fakes.store import a_model

SITE = lodge()
NOW = utc(2019, 1, 15, 10, 7)


def problem(
    now: datetime = NOW,
    *,
    site: Site = SITE,
    store: MemoryStore | None = None,
    feed: FakeFeed | None = None,
    hours: float = 24,
    history_days: float = 1,
) -> Problem:
    return assemble(
        site,
        now=now,
        horizon=timedelta(hours=hours),
        history_days=history_days,
        ports=problem_ports(store or MemoryStore(), feed=feed or FakeFeed()),
    )


def steps(flags) -> list[int]:
    return [i for i, flag in enumerate(flags) if flag]


def test_it_starts_at_the_quarter_hour_of_now() -> None:
    assert quarter(NOW) == utc(2019, 1, 15, 10)
    made = problem(hours=36)
    assert (made.start, made.step_s, made.steps) == (utc(2019, 1, 15, 10), 900, 144)
    for series in (made.electricity_dkk_per_kwh, made.heat_dkk_per_kwh, made.zones[0].occupied):
        assert len(series) == 144


@pytest.mark.parametrize(
    ("midnight", "first"),
    [
        (utc(2019, 1, 14, 23), 8 * 4),  # an ordinary day
        (utc(2019, 3, 30, 23), 7 * 4),  # clocks go forward at 02:00
        (utc(2019, 10, 26, 22), 9 * 4),  # clocks go back at 03:00
    ],
)
def test_local_hours_hold_on_days_on_which_the_clocks_change(
    midnight: datetime, first: int
) -> None:
    zone, unit = problem(midnight).zones[0], problem(midnight).ventilation[0]
    assert steps(zone.occupied) == list(range(first, first + 32))
    assert {zone.low_c[i] for i in steps(zone.occupied)} == {20.0}
    assert {c for i, c in enumerate(zone.low_c) if i not in steps(zone.occupied)} == {16.0}
    assert {zone.high_c[i] for i in steps(zone.occupied)} == {24.0}
    assert steps(unit.required) == list(range(first - 2, first + 32))  # 30 minutes ahead
    assert zone.own_setpoint_c[first - 13 : first - 11] == (18.0, 21.0)  # 05:00
    assert unit.own_run[first - 9 : first - 7] == (0.0, 1.0)  # 06:00


def test_a_zone_has_its_name_and_its_present_setpoint() -> None:
    (zone,) = (z for z in problem().zones if z.id == "hall")
    assert (zone.name, zone.called, zone.setpoint_c) == ("Hall", "Hall", None)
    setpoint = next(p.id for p in SITE.points if p.role is Role.ZONE_SETPOINT)

    def shown(minutes: int, quality: Quality = Quality.GOOD) -> float | None:
        store = MemoryStore()
        value = 20.5 if quality.has_value else None
        moment = NOW - timedelta(minutes=minutes)
        store.add_readings([Reading(setpoint, moment, value, quality)])
        return problem(store=store).zones[0].setpoint_c

    assert shown(7) == 20.5  # the poll at the start of this quarter-hour
    assert shown(16) is None  # that is no present
    assert shown(-1) is None  # nor is the future, when a plan is made again
    assert shown(7, next(q for q in Quality if not q.has_value)) is None


def test_a_closed_day_asks_for_nothing_though_the_own_programme_runs_on() -> None:
    made = problem(datetime(CLOSED.year, CLOSED.month, CLOSED.day, tzinfo=NOW.tzinfo) - 2 * HOUR)
    zone, unit = made.zones[0], made.ventilation[0]
    assert not any(zone.occupied)
    assert not any(unit.required)
    assert set(zone.low_c) == {16.0}
    assert max(unit.own_run) == 1.0
    assert max(zone.own_setpoint_c) == 21.0


def test_forecast_and_prices_lie_on_the_grid() -> None:
    made = problem(utc(2019, 1, 15, 10, 20), hours=12)
    assert made.weather.temp_out_c[:8] == (10.0, 10.0, 10.0, 11.0, 11.0, 11.0, 11.0, 12.0)
    assert made.weather.ghi_wm2[0] == 1000.0
    assert made.electricity_dkk_per_kwh[:5] == (2.0, 3.0, 4.0, 1.0, 2.0)
    assert made.electricity_kg_per_kwh[:5] == (2.0, 4.0, 6.0, 0.0, 2.0)
    assert set(made.heat_dkk_per_kwh) == {0.5}
    assert set(made.heat_kg_per_kwh) == {0.1}
    assert made.notes == ()


@pytest.mark.parametrize(
    ("away", "code", "series"),
    [
        ("weather", "no_weather", lambda p: p.weather.temp_out_c + p.weather.ghi_wm2),
        ("spot", "no_prices", lambda p: p.electricity_dkk_per_kwh),
        ("emissions", "no_factors", lambda p: p.electricity_kg_per_kwh),
    ],
)
def test_what_a_feed_cannot_say_is_none_and_noted_and_the_rest_stands(away, code, series) -> None:
    made, whole = problem(feed=FakeFeed({away})), problem()
    assert set(series(made)) == {None}
    assert [note.code for note in made.notes] == [code]
    assert f"{away} is away" in translator("en").describe(made.notes[0])
    assert f"{away} is away" in translator("da").describe(made.notes[0])
    others = {"no_weather": "electricity_dkk_per_kwh", "no_prices": "electricity_kg_per_kwh"}
    kept = others.get(code, "electricity_dkk_per_kwh")
    assert getattr(made, kept) == getattr(whole, kept)


def test_only_writable_points_are_levers_with_their_limits() -> None:
    made = problem()
    lever = made.zones[0].lever
    assert lever is not None
    assert (lever.point, lever.role) == ("lodge/hall.setpoint", Role.ZONE_SETPOINT)
    assert (lever.minimum, lever.maximum, lever.resolution) == (16.0, 23.0, 0.5)
    assert made.ventilation[0].lever is None


def registers(point: str, start: datetime, values: list[float], step: timedelta) -> list[Reading]:
    return [Reading(point, start + i * step, value) for i, value in enumerate(values)]


def stored(*batches: list[Reading]) -> MemoryStore:
    store = MemoryStore()
    for batch in batches:
        store.add_readings(batch)
    return store


@pytest.mark.parametrize("multiplier", [1.0, 10.0])
def test_heating_power_is_what_the_register_rose_by(multiplier: float) -> None:
    meters = tuple(replace(m, multiplier=multiplier) for m in SITE.meters)
    start = utc(2019, 1, 15, 8)
    rises = [100.0, 102.0, 105.0, 105.0, 106.0, 110.0, 110.0, 110.0, 111.0]  # 08:00 to 10:00
    store = stored(registers("lodge/heat.energy", start, rises, QUARTER))
    made = problem(site=replace(SITE, meters=meters), store=store, history_days=1)
    assert made.history is not None
    assert made.history.start == utc(2019, 1, 14, 10)
    power = made.history.heat_kw
    assert len(power) == 96
    assert set(power[:88]) == {None}
    expected = [8.0, 12.0, 0.0, 4.0, 16.0, 0.0, 0.0, 4.0]
    assert power[88:] == tuple(kw * multiplier for kw in expected)


def test_gaps_of_the_past_stay_gaps() -> None:
    start = utc(2019, 1, 15, 9)
    temps = registers("lodge/hall.temp", start, [20.0, 20.5, 21.0, 21.5], QUARTER)
    temps[1] = Reading("lodge/hall.temp", start + QUARTER, None, Quality.NO_REPLY)
    made = problem(store=stored(temps))
    assert made.history is not None
    assert made.history.zones[0].temp_c[-5:] == (None, 20.0, None, 21.0, 21.5)
    assert set(made.history.zones[0].valve_pct) == {None}
    assert set(made.history.ventilation[0].run) == {None}


def test_the_building_s_own_outdoor_sensor_wins_over_the_feed() -> None:
    assert problem().history.weather.temp_out_c[-1] == 9.0
    measured = registers("lodge/outdoor.temp", utc(2019, 1, 15, 9), [-3.0] * 4, QUARTER)
    made = problem(store=stored(measured))
    assert made.history.weather.temp_out_c[-5:] == (None, -3.0, -3.0, -3.0, -3.0)
    assert made.history.weather.ghi_wm2[-1] == 900.0


def test_the_newest_model_goes_along_and_the_whole_survives_json() -> None:
    store = MemoryStore()
    store.save_model(a_model("lodge"))
    made = problem(store=store)
    assert made.model == a_model("lodge")
    assert from_json(Problem, to_json(made)) == made


def test_numbers_are_rounded_as_python_rounds_and_nan_is_none() -> None:
    values = np.random.default_rng(3).normal(0.0, 1000.0, 2000)
    values[::7] = np.nan
    halves = np.array([0.00005, 0.00015, -0.00025, 2.67495, -0.0, np.inf, 1e300])
    for given in (values, halves, np.array([1, 2]), np.array([])):
        one_by_one = tuple(None if np.isnan(v) else round(float(v), 4) for v in given)
        assert repr(numbers(given)) == repr(one_by_one)
