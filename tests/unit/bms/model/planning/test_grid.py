"""Timetables on UTC grids: local days of 23, 24 and 25 hours, closed days, lead times."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from bms.model.assets.equipment import HeatSource, HeatSourceKind, Ventilation
from bms.model.assets.site import Site, Zone
from bms.model.assets.timetable import Period, WeekTimetable
from bms.model.planning.grid import (
    local_grid,
    occupied,
    on_grid,
    timetable_values,
    ventilation_required,
)
from bms.model.readings.series import Series

QUARTER = 900
COPENHAGEN = ZoneInfo("Europe/Copenhagen")
WEEKDAYS = frozenset(range(5))
OFFICE = WeekTimetable((Period(WEEKDAYS, 480, 990, 1.0),), closed_value=0.0)
HEATING = WeekTimetable((Period(frozenset(range(7)), 300, 1200, 21.5),), default=19.0)
EVENING = WeekTimetable((Period(frozenset({2}), 1020, 1260, 1.0),), closed_value=0.0)


def zone(name: str, occupancy: WeekTimetable) -> Zone:
    return Zone(id=name, name=name, area_m2=100, occupancy=occupancy, own_setpoint=HEATING)


def site_in(timezone: str = "Europe/Copenhagen") -> Site:
    return Site(
        id="hall",
        name_da="Hal",
        name_en="Hall",
        use="office",
        area_m2=200,
        latitude=56.0,
        longitude=10.0,
        timezone=timezone,
        heat_source=HeatSource(kind=HeatSourceKind.DISTRICT_HEATING, capacity_kw=50),
        zones=(zone("office", OFFICE), zone("council", EVENING)),
        devices=(),
        points=(),
        meters=(),
        closures=((date(2019, 1, 15), date(2019, 1, 16)),),
        closed_dates=frozenset({date(2019, 4, 22)}),
    )


SITE = site_in()


def midnight(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, tzinfo=COPENHAGEN).astimezone(UTC)


def unit(lead_min: int) -> Ventilation:
    return Ventilation(
        id="ahu1",
        zones=("office", "council"),
        flow_m3_h=1000,
        fan_kw=1,
        recovery=0.7,
        own_run=OFFICE,
        lead_min=lead_min,
    )


@pytest.mark.parametrize(
    ("day", "quarters"),
    [((2019, 3, 31), 92), ((2019, 4, 1), 96), ((2019, 10, 27), 100)],
)
def test_days_of_23_24_and_25_hours(day: tuple[int, int, int], quarters: int) -> None:
    grid = local_grid("Europe/Copenhagen", midnight(*day) - timedelta(days=1), QUARTER, 300)
    wanted = (date(*day) - date(1970, 1, 1)).days
    assert int((grid.day == wanted).sum()) == quarters


@pytest.mark.parametrize("timezone", ["Europe/Copenhagen", "Australia/Lord_Howe", "Asia/Kolkata"])
@pytest.mark.parametrize("start", [datetime(2019, 3, 30, 7, 5, tzinfo=UTC), midnight(2019, 10, 26)])
def test_every_step_agrees_with_the_slow_way(timezone: str, start: datetime) -> None:
    site, n = site_in(timezone), 9 * 96
    values = timetable_values(HEATING, site, start, QUARTER, n)
    for i, value in enumerate(values):
        local = (start + timedelta(seconds=i * QUARTER)).astimezone(ZoneInfo(timezone))
        assert value == HEATING.value_at(local), local


def test_use_follows_the_clock_on_the_wall_across_the_change() -> None:
    start = midnight(2019, 3, 29)  # Friday; the clocks change on Sunday
    use = np.array(occupied(SITE.zones[0], SITE, start, QUARTER, 4 * 96))
    first = [start + timedelta(seconds=int(i) * QUARTER) for i in np.flatnonzero(np.diff(use)) + 1]
    assert [f"{moment.astimezone(COPENHAGEN):%a %H:%M}" for moment in first] == [
        "Fri 08:00",
        "Fri 16:30",
        "Mon 08:00",
        "Mon 16:30",
    ]


@pytest.mark.parametrize("day", [(2019, 1, 15), (2019, 1, 16), (2019, 4, 22)])
def test_closed_days_are_out_of_use_but_heated_like_any_other(day: tuple[int, int, int]) -> None:
    start = midnight(*day)
    assert not any(occupied(SITE.zones[0], SITE, start, QUARTER, 96))
    assert max(timetable_values(HEATING, SITE, start, QUARTER, 96)) == 21.5


def test_the_first_period_that_holds_wins() -> None:
    table = WeekTimetable((Period(WEEKDAYS, 600, 700, 5.0), Period(WEEKDAYS, 0, 1440, 7.0)))
    values = timetable_values(table, SITE, midnight(2019, 1, 14), 600, 144)
    assert values[60:70] == (5.0,) * 10
    assert set(values[:60] + values[70:]) == {7.0}


@pytest.mark.parametrize(("lead_min", "starts"), [(0, "08:00"), (30, "07:30"), (40, "07:15")])
def test_ventilation_runs_ahead_of_use(lead_min: int, starts: str) -> None:
    start = midnight(2019, 1, 14)
    required = ventilation_required(unit(lead_min), SITE, start, QUARTER, 96)
    local = (start + timedelta(seconds=required.index(True) * QUARTER)).astimezone(COPENHAGEN)
    assert f"{local:%H:%M}" == starts
    assert not required[66], "16:30, out of use again"
    assert required[65]


def test_ventilation_serves_all_its_zones_and_sees_past_the_end_of_the_grid() -> None:
    wednesday = midnight(2019, 1, 23)
    required = ventilation_required(unit(30), SITE, wednesday, QUARTER, 96)
    assert required[16 * 4 + 2], "16:30, half an hour before the council meets"
    assert required[20 * 4 + 3]
    assert not required[21 * 4]
    before_use = ventilation_required(unit(30), SITE, wednesday, QUARTER, 31)
    assert before_use[30]


def test_a_year_of_quarter_hours_takes_less_than_300_ms() -> None:
    began = time.process_time()
    occupied(SITE.zones[0], SITE, midnight(2018, 1, 1), QUARTER, 365 * 96)
    assert time.process_time() - began < 0.3


def hours(*values: float) -> Series:
    return Series(datetime(2019, 1, 1, tzinfo=UTC), timedelta(hours=1), np.array(values))


def test_a_finer_grid_holds_and_does_not_guess() -> None:
    start = datetime(2018, 12, 31, 23, 30, tzinfo=UTC)
    values = on_grid(hours(1.0, np.nan, 3.0), start, timedelta(minutes=30), 9)
    np.testing.assert_array_equal(
        values, [np.nan, 1.0, 1.0, np.nan, np.nan, 3.0, 3.0, np.nan, np.nan]
    )


def test_a_coarser_grid_has_means_of_whole_steps_only() -> None:
    start = datetime(2019, 1, 1, tzinfo=UTC)
    values = on_grid(hours(1.0, 2.0, np.nan, 4.0, 5.0), start, timedelta(hours=2), 3)
    np.testing.assert_array_equal(values, [1.5, np.nan, np.nan])
