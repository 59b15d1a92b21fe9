"""Which days a measure is measured on, and which measures cannot be told apart."""

from __future__ import annotations

from datetime import datetime, timedelta

from bms.model.savings.measure import KeptMeasure
from bms.services.assessment.measure_periods import measured_periods
from bms.services.periods import default_periods
from tests.rigs.fakes.city import utc
from tests.rigs.fakes.ledger import a_measure, a_measure_end

ZONE = "Europe/Copenhagen"
NOW = utc(2021, 6, 1, 9)
FIRST = utc(2018, 10, 31, 23)


def kept(name: str, start: datetime, **changes: object) -> KeptMeasure:
    measure = a_measure(name, start=start, **{"blackout_until": None, **changes})
    return KeptMeasure(measure=measure)


def told(mine: KeptMeasure, *others: KeptMeasure):
    return measured_periods(mine, (mine, *others), NOW, ZONE)


def test_a_measure_alone_has_the_periods_of_control() -> None:
    found = told(kept("m1", FIRST))
    by_control = default_periods(FIRST, NOW, ZONE)
    assert found.periods is not None
    assert found.periods.baseline == by_control.baseline
    assert found.periods.reporting == by_control.reporting
    assert found.periods.project == by_control.project
    assert (found.together, found.until) == ((), None)


def test_nothing_is_measured_in_the_blackout() -> None:
    until = utc(2018, 12, 15, 10)
    found = told(kept("m1", FIRST, blackout_until=until)).periods
    assert found is not None
    assert found.baseline.end == FIRST
    assert found.project is not None
    assert found.project.start == utc(2018, 12, 15, 23)


def test_before_its_first_day_is_over_there_is_nothing_to_measure() -> None:
    assert told(kept("m1", NOW)).periods is None
    assert told(kept("m1", NOW + timedelta(days=9))).periods is None


def test_sequential_measures_are_told_apart() -> None:
    second = kept("m2", utc(2019, 12, 31, 23))
    first = kept("m1", FIRST)
    one, two = told(first, second), told(second, first)
    assert one.periods is not None
    assert two.periods is not None
    assert one.periods.project is not None
    assert (one.until, one.together) == (second, ())
    assert one.periods.project.end == two.periods.baseline.end == second.measure.start
    assert two.together == ()
    assert two.periods.baseline.start > FIRST


def test_a_baseline_is_shortened_to_what_is_without_change() -> None:
    first = kept("m1", FIRST)
    second = kept("m2", FIRST + timedelta(days=320))
    found = told(second, first)
    assert found.periods is not None
    assert found.periods.baseline.start == FIRST
    assert found.together == ()


def test_close_ones_are_one_saving_against_the_year_before_the_first() -> None:
    first = kept("m1", FIRST)
    second = kept("m2", FIRST + timedelta(days=60))
    one, two = told(first, second), told(second, first)
    assert one.together == (second,)
    assert two.together == (first,)
    assert one.periods is not None
    assert two.periods is not None
    assert one.periods.baseline == two.periods.baseline
    assert two.periods.baseline.end == FIRST


def test_those_of_the_same_day_are_not_told_apart() -> None:
    one, two = kept("m1", FIRST), kept("m2", FIRST)
    assert (told(one, two).together, told(two, one).together) == ((two,), (one,))


def test_measures_of_other_meters_do_not_touch_each_other() -> None:
    one, two = kept("m1", FIRST, meters=("heat",)), kept("m2", FIRST, meters=("el",))
    assert told(one, two).together == ()
    assert told(one, kept("m3", FIRST)).together != ()


def test_an_ended_measure_is_measured_until_its_end() -> None:
    end = utc(2019, 5, 31, 22)
    ended = KeptMeasure(measure=kept("m1", FIRST).measure, ended=a_measure_end(end=end))
    found = told(ended).periods
    assert found is not None
    assert found.project is not None
    assert found.project.end == end
    after = told(kept("m2", end + timedelta(days=60)), ended)
    assert after.together == (ended,)
