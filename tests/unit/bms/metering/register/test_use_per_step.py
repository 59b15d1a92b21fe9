"""From a register to use: what is known, what is not, and why."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bms.metering.register.use_per_step import register_use, rollover_value
from bms.metering.step_edges import to_micros
from bms.model.readings.metering import Consumption, FlawKind, MeterExchange
from bms.model.readings.units import Unit
from bms.ports.storage.readings import Fold
from bms.store.rollups.readings_per_step import Grid
from tests.rigs.metering import asked
from tests.rigs.sentences import danish, english

START = datetime(2026, 1, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)
HOUR_US = 3_600_000_000

Floats = NDArray[np.float64]


def moments(n: int, step: timedelta = HOUR) -> NDArray[np.int64]:
    return to_micros(START) + (step // timedelta(microseconds=1)) * np.arange(n, dtype=np.int64)


def counted(use: Floats, first: float = 1000.0) -> Floats:
    return np.round(first + np.concatenate(([0.0], np.cumsum(use))), 3)


def ordinary(hours: int, size: float = 10.0, seed: int = 0) -> Floats:
    """Use of an ordinary building, days higher than nights."""
    clock = np.arange(hours) % 24
    shape = np.where((clock > 6) & (clock < 18), 1.0, 0.3)
    return np.round(size * shape * np.random.default_rng(seed).uniform(0.6, 1.0, hours), 2)


def use_of(values: Floats, times: NDArray[np.int64] | None = None, **told: Any) -> Consumption:
    times = moments(len(values)) if times is None else times
    span = {"start": START, "end": START + max(len(values) - 1, 0) * HOUR}
    own = {key: told.pop(key) for key in ("maximum", "exchanges") if key in told}
    return register_use(times, values, **asked(**(span | told)), **own)


def codes(found: Consumption) -> list[str]:
    return [event.fact.code for event in found.events]


class TestARegisterThatStepsBackByRounding:
    def test_stood_still_and_says_so(self) -> None:
        found = use_of(np.array([100.0, 103, 102, 105, 104, 107, 107, 109, 110, 112, 111, 114]))
        assert found.use.values.tolist() == [3.0, 0, 2, 0, 2, 0, 2, 1, 2, 0, 2]
        assert found.total == 14.0
        assert codes(found) == ["stepped_back"]
        assert "3 times" in english(found.events[0].fact)
        assert "3 gange" in danish(found.events[0].fact)
        assert "1 kWh" in english(found.events[0].fact)

    def test_by_more_than_a_few_steps_is_a_wrong_reading(self) -> None:
        found = use_of(np.array([100.0, 103, 102, 105, 104, 107, 90, 109, 110, 112, 111, 114]))
        assert "dip" in codes(found)


class TestTheUseOfAStep:
    def test_is_the_difference_of_the_register_at_its_edges(self) -> None:
        found = use_of(np.array([100.0, 101.5, 101.5, 104.0]))
        assert found.use.values.tolist() == [1.5, 0.0, 2.5]
        assert found.total == 4.0
        assert found.events == ()

    def test_takes_the_reading_nearest_to_an_edge_as_the_store_does(self) -> None:
        rng = np.random.default_rng(3)
        times = np.sort(moments(60) + rng.integers(-20 * 60_000_000, 20 * 60_000_000, 60))
        values = counted(ordinary(59))
        found = use_of(values, times, end=START + 48 * HOUR)
        grid = Grid.over(START, START + 48 * HOUR, HOUR)
        first, last = grid.window(Fold.DELTA)
        inside = (times >= first) & (times < last)
        stored = grid.series(Fold.DELTA, times[inside], values[inside])
        known = np.isfinite(stored.values)
        assert not known.all()
        assert found.use.values[known] == pytest.approx(stored.values[known])

    def test_is_told_in_the_unit_after_the_multiplier(self) -> None:
        values = counted(ordinary(72))
        values[30] = np.nan
        found = use_of(values, multiplier=40.0, max_per_hour=400.0)
        assert found.total == pytest.approx(40.0 * (values[-1] - values[0]))
        assert found.events[0].amount == pytest.approx(40.0 * (values[31] - values[29]))

    def test_is_missing_throughout_where_nothing_was_read(self) -> None:
        found = use_of(np.array([]), end=START + 3 * HOUR)
        assert np.isnan(found.use.values).all()
        assert found.total is None
        assert [(e.flaw, e.start, e.end) for e in found.events] == [
            (FlawKind.GAP, START, START + 3 * HOUR)
        ]

    def test_asks_for_a_positive_multiplier_and_step_and_for_edges_that_ascend(self) -> None:
        for wrong in (
            {"multiplier": 0.0},
            {"step": timedelta(0)},
            {"edges": np.array([5, 5])},
            {"start": datetime(2026, 1, 5), "end": START},  # noqa: DTZ001
        ):
            with pytest.raises(ValueError):
                use_of(np.array([1.0, 2.0]), **wrong)


class TestAFallOfTheRegister:
    def test_is_a_rollover_where_the_use_across_is_possible(self) -> None:
        values = counted(ordinary(48), 9900.0) % 10_000
        found = use_of(values, maximum=10_000.0, max_per_hour=20.0)
        assert codes(found) == ["rollover"]
        assert found.use.values == pytest.approx(ordinary(48), abs=0.01)

    def test_is_a_reset_where_it_is_not(self) -> None:
        values = counted(ordinary(48), 5000.0)
        values[20:] -= values[20]
        found = use_of(values, maximum=10_000.0, max_per_hour=20.0)
        assert codes(found) == ["reset"]
        assert np.isnan(found.use.values[19])
        assert np.isfinite(np.delete(found.use.values, 19)).all()
        assert found.total is None

    def test_counts_nothing_as_used_since_zero(self) -> None:
        values = counted(ordinary(48), 5000.0)
        values[20:] -= values[20] - 8.0
        found = use_of(values)
        assert np.isnan(found.use.values[19])
        assert found.events[0].amount is None

    def test_over_a_long_gap_is_a_rollover_only_near_the_top(self) -> None:
        for first, lost, code in (
            (9700.0, 1000, "rollover"),
            (6000.0, 1000, "reset"),
            (9700.0, 2000, "reset"),  # it can have rolled over twice
        ):
            times = np.concatenate((moments(48), moments(48) + lost * HOUR_US))
            before = counted(ordinary(47, size=5.0), first)
            values = np.concatenate((before, counted(ordinary(47, size=5.0), 200.0)))
            end = START + (lost + 47) * HOUR
            found = use_of(values, times, end=end, maximum=10_000.0, max_per_hour=6.0)
            assert codes(found) == [code]
            assert (found.total is None) == (code == "reset")

    def test_to_a_level_that_no_restart_explains_is_told_as_such(self) -> None:
        values = counted(ordinary(96), 50_000.0)
        values[50:] -= 20_000.0
        assert codes(use_of(values)) == ["other_register"]

    def test_of_the_last_digit_loses_nothing(self) -> None:
        values = counted(ordinary(96), 50_000.0)
        values[40] = values[39] - 0.1
        found = use_of(values)
        assert codes(found) == ["dip"]
        assert found.total == pytest.approx(values[-1] - values[0])

    def test_of_three_readings_alone_is_no_reset_where_the_level_comes_back(self) -> None:
        found = use_of(np.array([5000.0, 0.0, 5001.0]))
        assert codes(found) == ["dip"]
        assert found.total == 1.0

    def test_every_midnight_is_a_counter_of_the_day(self) -> None:
        use = ordinary(24 * 5)
        values = np.concatenate([np.cumsum(day) - day[0] for day in use.reshape(5, 24)])
        found = use_of(values)
        assert codes(found) == ["reset"] * 4
        known = found.use.values[np.isfinite(found.use.values)]
        assert known.max() < 11.0


class TestALeap:
    def test_that_comes_back_is_left_out(self) -> None:
        values = counted(ordinary(96))
        values[30:32] += 1e6
        found = use_of(values)
        assert codes(found) == ["spike"]
        assert found.total == pytest.approx(values[-1] - values[0])
        assert found.events[0].amount == pytest.approx(values[32] - values[29])

    def test_that_stays_is_unknown_use_and_never_an_hour_of_it(self) -> None:
        values = counted(ordinary(96))
        values[30:] += 100_000.0
        for rated in (None, 25.0):
            found = use_of(values, max_per_hour=rated)
            assert codes(found) == ["leap"]
            assert np.nanmax(found.use.values) < 11.0
            assert found.total is None

    def test_of_a_meter_that_never_moved_is_held_to_what_a_building_can_use(self) -> None:
        values = np.zeros(48)
        values[30:] = 100_000.0
        assert codes(use_of(values)) == ["leap"]

    def test_below_the_bound_that_comes_back_is_left_out_too(self) -> None:
        values = counted(ordinary(96))
        values[30] += 60.0
        found = use_of(values, max_per_hour=500.0)
        assert codes(found) == ["spike"]
        assert found.total == pytest.approx(values[-1] - values[0])

    def test_that_others_bear_out_is_use(self) -> None:
        use = ordinary(24 * 14, size=0.5)
        use[100:124] = 20.0  # a pool is filled
        found = use_of(counted(use), unit=Unit.M3)
        assert found.events == ()
        assert found.use.values == pytest.approx(use, abs=1e-6)

    def test_after_a_standstill_is_what_was_used_meanwhile(self) -> None:
        values = counted(ordinary(24 * 6))
        values[60:80] = values[60]
        found = use_of(values, max_per_hour=15.0)
        assert codes(found) == ["caught_up"]
        assert np.flatnonzero(np.isnan(found.use.values)).tolist() == list(range(60, 80))
        assert found.total == pytest.approx(values[-1] - values[0])

    def test_each_hour_of_a_gateway_that_is_asked_every_quarter_is_use(self) -> None:
        hourly = counted(ordinary(48))
        quarters = moments(48 * 4, timedelta(minutes=15))
        found = use_of(
            np.repeat(hourly[:-1], 4), quarters, end=START + 47 * HOUR, max_per_hour=11.0
        )
        assert found.events == ()
        assert found.use.values == pytest.approx(ordinary(48)[:47], abs=1e-6)

    def test_out_of_many_small_ones_is_told_as_an_absurd_hour(self) -> None:
        use = np.repeat(ordinary(48) / 4, 4)
        use[100:104] = 10.0
        times = moments(len(use) + 1, timedelta(minutes=15))
        found = use_of(counted(use), times, end=START + 48 * HOUR, max_per_hour=15.0)
        assert codes(found) == ["absurd_step"]
        assert found.total is None


class TestAnotherUnit:
    def test_for_a_while_is_left_out_and_the_level_after_it_tells_the_use(self) -> None:
        values = counted(ordinary(96), 20_000.0)
        for factor in (1000.0, 0.001, 3.6, 1e6):
            slipped = values.copy()
            slipped[30:40] *= factor
            found = use_of(slipped)
            assert codes(found) == ["unit_slip"]
            assert found.total == pytest.approx(values[-1] - values[0])

    def test_for_good_leaves_the_shorter_side_out(self) -> None:
        values = counted(ordinary(96), 20_000.0)
        for kept, slipped in ((slice(0, 69), slice(70, None)), (slice(30, None), slice(0, 30))):
            sent = values.copy()
            sent[slipped] *= 1000.0
            found = use_of(sent)
            assert codes(found) == ["unit_slip"]
            assert np.isfinite(found.use.values[kept]).all()
            assert np.nanmax(found.use.values) < 11.0

    def test_is_not_seen_in_a_new_meter_next_to_another(self) -> None:
        values = counted(ordinary(96), 20_000.0)
        values[50:] -= values[50] - 20.0
        at = START + 50 * HOUR
        told = MeterExchange(at=at, final=float(values[49]), first=20.0)
        assert codes(use_of(values, exchanges=(told,))) == ["exchange"]


class TestAMeterExchange:
    def swapped(self) -> tuple[Floats, float]:
        values = counted(ordinary(96), 50_000.0)
        final = float(values[49]) + 3.0
        values[50:] -= values[50] - 12.0
        return values, final

    def test_that_was_told_is_exact(self) -> None:
        values, final = self.swapped()
        told = MeterExchange(at=START + 49.5 * HOUR, final=final, first=5.0)
        found = use_of(values, exchanges=(told,))
        assert codes(found) == ["exchange"]
        assert found.use.values[49] == pytest.approx(3.0 + 7.0)
        assert found.total == pytest.approx(final - values[0] + values[-1] - 5.0)

    def test_that_was_told_with_the_day_alone_is_found(self) -> None:
        values, final = self.swapped()
        for away in (-20, 20):
            told = MeterExchange(at=START + (50 + away) * HOUR, final=final, first=5.0)
            found = use_of(values, exchanges=(told,))
            assert codes(found) == ["exchange"]
            assert found.events[0].start == START + 49 * HOUR

    def test_that_was_not_told_is_a_reset(self) -> None:
        values, _ = self.swapped()
        assert codes(use_of(values)) == ["reset"]

    def test_that_nobody_sees_changes_nothing_and_is_told(self) -> None:
        values = counted(ordinary(96), 50_000.0)
        told = MeterExchange(at=START + 40 * HOUR, final=50_200.0, first=0.0)
        found = use_of(values, exchanges=(told,))
        assert codes(found) == ["exchange_not_seen"]
        assert found.total == pytest.approx(values[-1] - values[0])

    def test_whose_registers_do_not_fit_is_a_reset_and_is_told(self) -> None:
        values, final = self.swapped()
        told = MeterExchange(at=START + 49.5 * HOUR, final=final + 900.0, first=5.0)
        assert sorted(codes(use_of(values, exchanges=(told,)))) == ["exchange_not_seen", "reset"]

    def test_outside_of_the_readings_is_no_matter(self) -> None:
        values = counted(ordinary(48))
        told = MeterExchange(at=START - 400 * HOUR, final=9.0, first=0.0)
        assert use_of(values, exchanges=(told,)).events == ()

    def test_and_a_rollover_of_the_new_meter_go_together(self) -> None:
        use = ordinary(96)
        values = counted(use, 5000.0)
        first = 9_800.0
        values[40:] = (values[40:] - values[40] + first) % 10_000
        told = MeterExchange(at=START + 39.9 * HOUR, final=float(values[39]), first=first)
        found = use_of(values, maximum=10_000.0, exchanges=(told,))
        assert codes(found) == ["exchange", "rollover"]
        assert found.use.values[41:] == pytest.approx(use[41:], abs=0.01)


class TestReadingsThatComeOddly:
    def test_twice_count_once_and_are_told_once(self) -> None:
        values = counted(ordinary(48))
        times = moments(49)
        found = use_of(
            np.concatenate((values, values)),
            np.concatenate((times, times)),
            end=START + 48 * HOUR,
        )
        assert sorted(codes(found)) == ["duplicate", "out_of_order"]
        assert found.use.values == pytest.approx(ordinary(48), abs=1e-6)

    def test_with_two_values_for_one_moment_are_both_set_aside(self) -> None:
        values = counted(ordinary(48))
        times = moments(49)
        found = use_of(
            np.append(values, values[20] + 1.0),
            np.append(times, times[20]),
            end=START + 48 * HOUR,
        )
        assert [e.flaw for e in found.events if e.fact.code == "two_values"] == [FlawKind.DUPLICATE]
        assert np.flatnonzero(np.isnan(found.use.values)).tolist() == [19, 20]
        assert found.total == pytest.approx(values[-1] - values[0])

    def test_below_zero_or_beyond_the_register_are_set_aside(self) -> None:
        values = counted(ordinary(48))
        values[10], values[30] = -4.0, 2_000_000.0
        found = use_of(values, maximum=999_999.0)
        assert codes(found) == ["negative_register", "beyond_register"]
        assert found.total == pytest.approx(values[-1] - values[0])

    def test_say_what_was_used_in_a_gap_and_nothing_of_its_hours(self) -> None:
        values = counted(ordinary(96))
        values[30:50] = np.nan
        found = use_of(values)
        gap = found.events[0]
        assert (gap.flaw, gap.start, gap.end) == (
            FlawKind.GAP,
            START + 29 * HOUR,
            START + 50 * HOUR,
        )
        assert gap.amount == pytest.approx(values[50] - values[29])
        assert "kWh i alt" in danish(gap.fact)
        assert "kWh in all" in english(gap.fact)


class TestAStandstill:
    def test_of_a_meter_that_always_runs_is_told_and_its_values_stay(self) -> None:
        use = ordinary(24 * 10)
        use[130:190] = 0.0
        found = use_of(counted(use))
        assert codes(found) == ["flat_line"]
        assert np.isfinite(found.use.values).all()
        flat = found.events[0]
        assert (flat.start, flat.end) == (START + 130 * HOUR, START + 190 * HOUR)

    def test_of_a_school_that_is_not_heated_in_summer_is_no_flaw(self) -> None:
        day = np.arange(24 * 300)
        season = np.clip(np.cos(2 * np.pi * day / (24 * 365)) + 0.15, 0.0, None)
        found = use_of(counted(ordinary(24 * 300, size=60.0) * season))
        assert float((np.diff(counted(season)) == 0).sum()) > 24 * 60
        assert found.events == ()

    def test_every_weekend_is_a_habit(self) -> None:
        use = ordinary(24 * 42)
        use[np.arange(24 * 42) // 24 % 7 >= 5] = 0.0
        assert use_of(counted(use)).events == ()

    def test_of_a_coarse_register_is_its_resolution(self) -> None:
        values = np.floor(counted(ordinary(24 * 60)) / 100.0) * 100.0
        assert use_of(values).events == ()


class TestTheWidthOfARegister:
    def test_is_one_step_beyond_the_last_value_that_it_shows(self) -> None:
        for shown, width in (
            (999_999.0, 1e6),
            (99_999.9, 1e5),
            (999.99, 1e3),
            (65_535.0, 65_536.0),
            (4_294_967_295.0, 4_294_967_296.0),
            (1e6, 1e6),
            (20_000.0, 20_000.0),
        ):
            assert rollover_value(shown) == width
