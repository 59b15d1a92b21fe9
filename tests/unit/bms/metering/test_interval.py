"""Amounts per interval: summed where they fill a step, missing where they cannot be measured."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bms.metering.interval import interval_use
from bms.metering.local_days import local_day_edges
from bms.metering.step_edges import from_micros, to_micros
from bms.model.readings.metering import Consumption, FlawKind
from bms.model.readings.units import Unit
from tests.rigs.metering import asked

START = datetime(2026, 2, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
HOUR_US = 3_600_000_000

Floats = NDArray[np.float64]


def amounts(hours: int, size: float = 8.0) -> Floats:
    shape = np.where(np.arange(hours) % 24 > 8, 1.0, 0.4)
    return np.round(size * shape * np.random.default_rng(5).uniform(0.5, 1.0, hours), 2)


def use_of(values: Floats, **told: Any) -> Consumption:
    times = to_micros(START) + HOUR_US * np.arange(len(values), dtype=np.int64)
    span = {"start": START, "end": START + len(values) * HOUR}
    times, length = told.pop("times", times), told.pop("interval_s", 3600)
    return interval_use(times, values, interval_s=length, **asked(**(span | told)))


def missing(found: Consumption) -> list[int]:
    return np.flatnonzero(np.isnan(found.use.values)).tolist()


class TestAmounts:
    def test_of_quarters_make_hours_and_are_never_divided(self) -> None:
        quarters = amounts(96) / 4
        times = to_micros(START) + HOUR_US // 4 * np.arange(96, dtype=np.int64)
        told = {"times": times, "interval_s": 900, "end": START + 24 * HOUR}
        hours = use_of(quarters, **told)
        assert hours.use.values == pytest.approx(quarters.reshape(24, 4).sum(axis=1))
        assert hours.total == pytest.approx(quarters.sum())
        finer = use_of(quarters, **(told | {"step": timedelta(minutes=5)}))
        assert np.isnan(finer.use.values).all()
        assert [e.fact.code for e in finer.events] == ["too_coarse"]

    def test_that_are_missing_make_their_step_missing(self) -> None:
        values = amounts(48)
        values[[5, 30]] = np.nan
        found = use_of(values, step=6 * HOUR)
        assert missing(found) == [0, 5]
        assert [e.flaw for e in found.events] == [FlawKind.GAP, FlawKind.GAP]
        assert found.total is None

    def test_across_the_edge_of_a_step_are_shared_by_time_and_flagged(self) -> None:
        values = amounts(48)
        times = to_micros(START) + HOUR_US * np.arange(48, dtype=np.int64) + HOUR_US // 4
        found = use_of(values, times=times)
        assert missing(found) == [0]
        shared = 0.25 * values[:-1] + 0.75 * values[1:]
        assert found.use.values[1:] == pytest.approx(shared)
        (flag,) = [e for e in found.events if e.flaw is FlawKind.INTERPOLATED]
        assert flag.fact.parameters["count"] == 47
        bound = flag.fact.parameters["bound"]
        assert bound == pytest.approx(0.75 * (values[:-1] + values[1:]).max())

    def test_are_not_shared_over_a_gap(self) -> None:
        values = amounts(48)
        values[20] = np.nan
        times = to_micros(START) + HOUR_US * np.arange(48, dtype=np.int64) + HOUR_US // 4
        assert missing(use_of(values, times=times)) == [0, 20, 21]

    @pytest.mark.parametrize("late_s", [3, -3])
    def test_of_a_clock_that_drifts_count_on(self, late_s: int) -> None:
        times = to_micros(START) + (HOUR_US + late_s * 1_000_000) * np.arange(1000, dtype=np.int64)
        values = np.full(1000, 2.0)
        found = use_of(values, times=times, end=START + 990 * HOUR)
        assert missing(found) == []
        assert found.use.values == pytest.approx(2.0, rel=1e-3)

    def test_of_two_hours_are_whole_steps_of_two_hours_and_spread_where_asked(self) -> None:
        values = amounts(48)
        times = to_micros(START) + 2 * HOUR_US * np.arange(48, dtype=np.int64)
        told = {"times": times, "end": START + 96 * HOUR}
        assert use_of(values, **told, step=2 * HOUR).use.values == pytest.approx(values)
        assert len(missing(use_of(values, **told))) == 96
        spread = use_of(values, **told, spread=True)
        assert spread.use.values == pytest.approx(np.repeat(values / 2, 2))

    def test_below_zero_are_missing_with_that_reason(self) -> None:
        values = amounts(48)
        values[7] = -0.4
        found = use_of(values)
        assert missing(found) == [7]
        negative = found.events[0]
        assert (negative.flaw, negative.start) == (FlawKind.NEGATIVE, START + 7 * HOUR)
        assert negative.end == START + 8 * HOUR

    def test_beyond_the_rated_maximum_or_the_meters_habit_are_missing(self) -> None:
        values = amounts(24 * 20)
        values[100] = 100_000.0
        for rated in (None, 9.0):
            found = use_of(values, max_per_hour=rated)
            assert missing(found) == [100]
            assert found.events[0].flaw is FlawKind.SPIKE

    def test_in_another_unit_are_missing_with_their_nights(self) -> None:
        values = amounts(24 * 20)
        values[100:160] *= 1000.0
        found = use_of(values)
        assert missing(found) == list(range(100, 160))
        assert [(e.flaw, e.start) for e in found.events] == [
            (FlawKind.UNIT_SLIP, START + 100 * HOUR)
        ]

    def test_that_rise_for_a_day_are_use(self) -> None:
        values = amounts(24 * 20, size=0.3)
        values[200:230] = 12.0
        assert use_of(values, unit=Unit.M3).events == ()

    def test_that_overlap_are_missing(self) -> None:
        values = amounts(24)
        times = to_micros(START) + HOUR_US * np.arange(24, dtype=np.int64)
        times[10] -= HOUR_US // 2
        found = use_of(values, times=times)
        assert missing(found) == [9, 10]
        assert [e.fact.code for e in found.events] == ["overlap"]

    def test_that_come_twice_count_once_and_with_two_values_not_at_all(self) -> None:
        values = amounts(24)
        times = to_micros(START) + HOUR_US * np.arange(24, dtype=np.int64)
        again = use_of(
            np.concatenate((values, values[:3], [values[20] + 1.0])),
            times=np.concatenate((times, times[:3], times[20:21])),
            end=START + 24 * HOUR,
        )
        assert missing(again) == [20]
        assert sorted(e.fact.code for e in again.events) == [
            "duplicate",
            "out_of_order",
            "two_values",
        ]

    def test_are_turned_into_use_by_the_multiplier(self) -> None:
        values = amounts(24 * 9)
        found = use_of(values, multiplier=60.0, max_per_hour=60.0 * 9.0)
        assert found.total == pytest.approx(60.0 * values.sum())
        assert found.events == ()

    def test_fill_local_days_of_23_hours(self) -> None:
        edges = local_day_edges(date(2026, 3, 28), date(2026, 3, 30), "Europe/Copenhagen")
        values = amounts(24 + 23 + 24)
        times = edges[0] + HOUR_US * np.arange(len(values), dtype=np.int64)
        found = use_of(
            values,
            times=times,
            edges=edges,
            step=timedelta(days=1),
            start=from_micros(int(edges[0])),
            end=from_micros(int(edges[-1])),
        )
        parts = values[:24].sum(), values[24:47].sum(), values[47:].sum()
        assert found.use.values.tolist() == pytest.approx(parts)

    def test_ask_for_a_positive_interval_and_multiplier(self) -> None:
        for wrong in ({"interval_s": 0}, {"multiplier": -1.0}, {"step": timedelta(0)}):
            with pytest.raises(ValueError):
                use_of(amounts(24), **wrong)


class TestLengthsThatChange:
    def test_from_hours_to_quarters_count_all_the_way(self) -> None:
        first = to_micros(START)
        hours = first + HOUR_US * np.arange(72, dtype=np.int64)
        quarters = first + 72 * HOUR_US + HOUR_US // 4 * np.arange(4 * 48, dtype=np.int64)
        values = np.concatenate((np.full(72, 8.0), np.full(4 * 48, 2.0)))
        for declared in (3600, 900):
            found = use_of(
                values,
                times=np.concatenate((hours, quarters)),
                interval_s=declared,
                end=START + 120 * HOUR,
            )
            assert found.use.values == pytest.approx(np.full(120, 8.0))
            assert found.events == ()

    def test_show_up_to_the_last_hour_of_hours_and_in_gaps(self) -> None:
        first = to_micros(START)
        quarters = first + HOUR_US // 4 * np.arange(96, dtype=np.int64)
        keep = np.ones(96, dtype=bool)
        keep[41:44] = False
        found = use_of(
            np.full(96, 2.0)[keep], times=quarters[keep], interval_s=3600, end=START + 24 * HOUR
        )
        assert missing(found) == [10]

    def test_of_months_fill_the_months_of_the_calendar(self) -> None:
        edges = np.array(
            [to_micros(datetime(2025, month, 1, tzinfo=UTC)) for month in range(1, 13)]
            + [to_micros(datetime(2026, 1, 1, tzinfo=UTC))],
            dtype=np.int64,
        )
        values = np.arange(12) * 100.0
        for left_out in (None, 5, 11):
            keep = np.arange(12) != left_out
            period = asked(start=from_micros(int(edges[0])), end=from_micros(int(edges[-1])))
            period["period"] = replace(period["period"], edges=edges, step=timedelta(days=30))
            found = interval_use(edges[:-1][keep], values[keep], interval_s=3600, **period)
            assert missing(found) == ([] if left_out is None else [left_out])
            assert found.use.values[keep] == pytest.approx(values[keep])
