"""Which periods savings are told for."""

from datetime import timedelta

import pytest

from bms.errors import ConfigError
from bms.services.periods import chosen_periods, default_periods, parse_span
from tests.rigs.fakes.api import CONTROL, NOW
from tests.rigs.fakes.city import HOUR, utc

ZONE = "Europe/Copenhagen"


def test_a_period_is_local_dates_with_the_last_one_exclusive():
    span = parse_span("2019-03-30..2019-04-01", ZONE)
    assert (span.start, span.end) == (utc(2019, 3, 29, 23), utc(2019, 3, 31, 22))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2019-01-01",
        "2019-01-02..2019-01-01",
        "2019-01-01..2019-01-01",
        "1..2",
        "a..b..c",
        "2019-02-29..2019-03-02",
        "2000-01-01..2019-01-01",
    ],
)
def test_wrong_periods_say_how_they_are_written(text):
    with pytest.raises(ConfigError, match=r"2018-01-14\.\.2019-01-14|shorter period"):
        parse_span(text, ZONE)


def test_without_control_the_last_fortnight_is_told():
    periods = default_periods(None, NOW, ZONE)
    assert periods.reporting.start == utc(2019, 1, 13, 23)
    assert periods.reporting.end == utc(2019, 1, 27, 23)
    assert periods.baseline.end == periods.reporting.start
    assert periods.baseline.start == utc(2018, 1, 13, 23)


def test_the_baseline_never_holds_a_day_of_our_control():
    periods = default_periods(utc(2019, 1, 20, 12), NOW, ZONE)
    assert periods.baseline.end == periods.reporting.start == utc(2019, 1, 19, 23)


def test_on_the_first_day_the_period_is_that_day():
    periods = default_periods(NOW - HOUR, NOW, ZONE)
    assert periods.reporting.end - periods.reporting.start == timedelta(days=1)


def test_after_years_of_control_the_last_year_is_told():
    start = utc(2016, 5, 1)
    periods = default_periods(start, NOW, ZONE)
    assert periods.reporting.end - periods.reporting.start == timedelta(days=365)
    assert periods.baseline.end <= start


def test_a_chosen_period_after_control_keeps_the_clean_baseline():
    default = default_periods(CONTROL, NOW, ZONE)
    chosen = chosen_periods(default, ZONE, None, "2019-01-20..2019-01-27")
    assert chosen.baseline == default.baseline
    before = chosen_periods(default, ZONE, None, "2019-01-01..2019-01-08")
    assert before.baseline.end == utc(2018, 12, 31, 23)


def test_a_period_that_reaches_into_the_project_is_told_from_its_first_day():
    default = default_periods(CONTROL, NOW, ZONE)
    january = chosen_periods(default, ZONE, None, "2019-01-01..2019-02-01")
    assert january.reporting == default.project
    assert (january.baseline, january.project) == (default.baseline, default.project)


def test_the_baseline_of_the_project_is_the_project_s_whoever_names_it():
    default = default_periods(CONTROL, NOW, ZONE)
    named = chosen_periods(default, ZONE, "2018-01-14..2019-01-14", "2019-01-20..2019-01-27")
    assert named == chosen_periods(default, ZONE, None, "2019-01-20..2019-01-27")
    other = chosen_periods(default, ZONE, "2018-01-01..2019-01-01", "2019-01-20..2019-01-27")
    assert other.project is None
