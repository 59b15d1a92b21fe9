"""Which periods savings are told for, and that they are computed only when data came."""

from datetime import timedelta

import pytest

from bms.errors import ConfigError
from bms.model.control.command import Accepted, Failed
from bms.model.readings.reading import Reading
from bms.services.assessment.savings_book import SavingsBook
from bms.services.periods import chosen_periods, default_periods, parse_span
from tests.rigs.fakes.api import CONTROL, NOW, a_command, a_world, live_in, meters
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


def test_only_writes_that_happened_begin_our_control(tmp_path):
    world = a_world(tmp_path)
    site = world.city.site("lodge")
    book = SavingsBook(world.city.assessment)
    early = NOW - timedelta(days=9)
    world.store.add_receipts([Failed(a_command("f", early, 18.0), "no", retryable=True)], early)
    assert book.periods(site).control_start is None
    late = NOW - timedelta(days=3)
    world.store.add_receipts([Accepted(a_command("a", late, 18.0), 18.0)], late)
    assert book.periods(site).control_start == late


class Counting:
    """A feed that counts how often the weather is asked for."""

    def __init__(self, feed):
        self._feed = feed
        self.asked = 0

    def weather(self, *args, **kwargs):
        self.asked += 1
        return self._feed.weather(*args, **kwargs)

    def __getattr__(self, name):
        return getattr(self._feed, name)


def test_a_saving_is_computed_again_when_an_hour_of_readings_came(tmp_path):
    made = a_world(tmp_path)
    live_in(made)
    counting = Counting(made.feed)
    world = made.rewired(feed=counting)
    book = SavingsBook(world.city.assessment)
    site = world.city.site("lodge")
    first = book.site(site)
    assert book.site(site).savings is first.savings
    asked = counting.asked
    (last,) = world.store.latest(["lodge/el.energy"]).values()
    soon = Reading("lodge/el.energy", last.time + timedelta(minutes=15), last.value)
    world.store.add_readings([soon])
    book.site(site)
    assert counting.asked == asked
    later = Reading("lodge/el.energy", last.time + HOUR, last.value)
    world.store.add_readings([later])
    book.site(site)
    assert counting.asked > asked


def test_the_cache_is_bounded(tmp_path):
    world = a_world(tmp_path)
    site = world.city.site("lodge")
    book = SavingsBook(world.city.assessment, size=2)
    asked = [f"2019-01-{day:02d}..2019-01-{day + 2:02d}" for day in range(1, 6)]
    answers = [book.site(site, reporting=text).savings for text in asked]
    assert book.site(site, reporting=asked[-1]).savings is answers[-1]
    assert book.site(site, reporting=asked[0]).savings is not answers[0]


def test_days_add_up_to_the_assessed_meter(tmp_path):
    """The chart's days and the assessment come from the same model."""
    world = a_world(tmp_path)
    gap = CONTROL + timedelta(days=4, hours=12)
    world.store.add_readings([reading for reading in meters() if reading.time != gap])
    at = a_command("c1", CONTROL, 18.0)
    world.store.add_receipts([Accepted(at, 18.0)], CONTROL)
    book = SavingsBook(world.city.assessment)
    site = world.city.site("lodge")
    told, days = book.site(site), book.days(site)
    assert [row.meter for row in days] == ["heat", "el"]
    for row, meter in zip(days, told.savings.meters, strict=True):
        assert len(row.dates) == 14
        assert row.measured_kwh.sum() == pytest.approx(meter.measured_kwh)
        assert row.adjusted_baseline_kwh.sum() == pytest.approx(meter.adjusted_baseline_kwh)
