"""What every store promises: the same tests on each of them."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest

from bms.errors import ConfigError, NotFound, StoreError
from bms.model.assets.site import Mode
from bms.model.control.applied import AppliedReport, AppliedValue
from bms.model.control.audit import Action, AuditSearch
from bms.model.control.command import (
    Accepted,
    Clamped,
    Command,
    Failed,
    Overridden,
    Override,
    Refused,
    Released,
    StillHeld,
)
from bms.model.control.hands_off import SiteMode
from bms.model.control.local_override import LOCAL
from bms.model.control.reasons import CommandReason, Holder, ReceiptReason, RefusalReason
from bms.model.fact import Moment, fact
from bms.model.planning.prediction import Foreseen, UseForecastDay
from bms.model.readings.measurement import Ingested, Quality, Reading
from bms.ports.storage.readings import Fold
from bms.ports.storage.whole import Store
from bms.services.local_overrides.people import LocalOverrideReason
from bms.store.corrections import Correction
from tests.rigs.fakes.store import HOUR, MONDAY, QUARTER, a_kept_key, a_model, a_plan, quarters
from tests.rigs.storage.stores import AnyStore

NAIVE = datetime(2019, 1, 14)  # noqa: DTZ001
TEMP = "school/gym.temp"
HEAT = "school/heat.energy"


def test_it_is_a_store(store: AnyStore) -> None:
    seam: Store = store  # mypy holds the signatures to the port
    assert seam.keys() == []


class TestReadings:
    @pytest.mark.parametrize("most", [0, 1, 3, 4, 5, None])
    def test_the_first_of_many_readings(self, store: AnyStore, most: int | None) -> None:
        given = [Reading(TEMP, MONDAY + i * QUARTER, 20.0 + i, Quality.GOOD) for i in range(4)]
        store.add_readings(reversed(given))
        found = store.readings(TEMP, MONDAY, MONDAY + HOUR, most)
        assert [r.value for r in found] == [r.value for r in given[:most]]

    def test_a_reading_comes_back_whole(self, store: AnyStore) -> None:
        received = MONDAY + timedelta(seconds=3, microseconds=7)
        given = [
            Reading(TEMP, MONDAY, 20.1, Quality.GOOD, received, "as read"),
            Reading(TEMP, MONDAY + timedelta(microseconds=1), -0.3, Quality.UNCERTAIN),
            Reading(TEMP, MONDAY + QUARTER, 19.0, Quality.ESTIMATED, MONDAY),
            Reading(TEMP, MONDAY + 2 * QUARTER, 19.1, Quality.CALCULATED),
            Reading(TEMP, MONDAY + 3 * QUARTER, 19.2, Quality.CORRECTED),
            Reading(TEMP, MONDAY + HOUR, None, Quality.ABSENT),
            Reading(TEMP, MONDAY + 2 * HOUR, None, Quality.OUT_OF_RANGE, detail="-327.68"),
            Reading(TEMP, MONDAY + 3 * HOUR, None, Quality.NO_REPLY, detail="no reply in 2 s"),
            Reading(TEMP, MONDAY + 4 * HOUR, None, Quality.DEVICE_ERROR, detail="illegal address"),
            Reading(TEMP, MONDAY + 5 * HOUR, None, Quality.BAD, detail="no-sensor"),
            Reading(TEMP, MONDAY + 6 * HOUR, None, Quality.WRONG_DEVICE, detail="another device"),
        ]
        assert {reading.quality for reading in given} == set(Quality)
        assert store.add_readings(reversed(given)) == Ingested(new=len(given))
        assert store.readings(TEMP, MONDAY, MONDAY + 7 * HOUR) == given

    def test_start_counts_and_end_does_not(self, store: AnyStore) -> None:
        store.add_readings(quarters([1, 2, 3], TEMP))
        found = store.readings(TEMP, MONDAY + QUARTER, MONDAY + 2 * QUARTER)
        assert [reading.value for reading in found] == [2.0]

    def test_points_are_kept_apart(self, store: AnyStore) -> None:
        store.add_readings([Reading(TEMP, MONDAY, 20.0), Reading(HEAT, MONDAY, 5.0)])
        assert [r.value for r in store.readings(HEAT, MONDAY, MONDAY + HOUR)] == [5.0]
        assert store.readings("school/never.seen", MONDAY, MONDAY + HOUR) == []

    def test_twice_is_once(self, store: AnyStore) -> None:
        batch = quarters([20.0, 20.1, 20.2], TEMP)
        assert store.add_readings(batch) == Ingested(new=3)
        assert store.add_readings(batch) == Ingested(known=3)
        mixed = [*batch, Reading(TEMP, MONDAY + HOUR, 20.4)]
        assert store.add_readings(mixed) == Ingested(new=1, known=3)
        assert len(store.readings(TEMP, MONDAY, MONDAY + 2 * HOUR)) == 4

    def test_the_first_receipt_stays(self, store: AnyStore) -> None:
        first = Reading(TEMP, MONDAY, 20.0, received=MONDAY + QUARTER)
        again = replace(first, received=MONDAY + HOUR, detail="sent again")
        store.add_readings([first])
        assert store.add_readings([again]) == Ingested(known=1)
        assert store.readings(TEMP, MONDAY, MONDAY + HOUR) == [first]

    def test_another_value_stands_and_the_earlier_is_kept(self, store: AnyStore) -> None:
        first = Reading(TEMP, MONDAY, 20.0, received=MONDAY, detail="one")
        second = Reading(TEMP, MONDAY, 21.0, received=MONDAY + HOUR, detail="two")
        third = Reading(TEMP, MONDAY, None, Quality.ABSENT, detail="withdrawn")
        store.add_readings([first, Reading(HEAT, MONDAY, 20.0)])
        assert store.add_readings([second]) == Ingested(corrected=1)
        assert store.add_readings([third]) == Ingested(corrected=1)
        assert store.readings(TEMP, MONDAY, MONDAY + HOUR) == [third]
        assert store.corrections(TEMP, MONDAY, MONDAY + HOUR) == [
            Correction(earlier=first, later=second),
            Correction(earlier=second, later=third),
        ]
        assert store.corrections(TEMP, MONDAY - HOUR, MONDAY) == []
        assert store.corrections(HEAT, MONDAY, MONDAY + HOUR) == []

    def test_another_quality_is_a_correction(self, store: AnyStore) -> None:
        store.add_readings([Reading(TEMP, MONDAY, 20.0, Quality.ESTIMATED)])
        measured = Reading(TEMP, MONDAY, 20.0, Quality.GOOD)
        assert store.add_readings([measured]) == Ingested(corrected=1)
        assert store.readings(TEMP, MONDAY, MONDAY + HOUR) == [measured]

    def test_one_batch_may_repeat_and_correct_itself(self, store: AnyStore) -> None:
        values = [20.0, 20.0, 21.0, 21.0, 20.0]
        batch = [Reading(TEMP, MONDAY, value) for value in values]
        assert store.add_readings(batch) == Ingested(new=1, known=2, corrected=2)
        assert [r.value for r in store.readings(TEMP, MONDAY, MONDAY + HOUR)] == [20.0]
        later = [c.later.value for c in store.corrections(TEMP, MONDAY, MONDAY + HOUR)]
        assert later == [21.0, 20.0]

    @pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
    def test_what_is_no_number_is_missing(self, store: AnyStore, value: float) -> None:
        batch = [Reading(TEMP, MONDAY, value), Reading(TEMP, MONDAY + QUARTER, 20.0)]
        assert store.add_readings(batch) == Ingested(new=2)
        assert store.add_readings(batch) == Ingested(known=2)
        missing, neighbour = store.readings(TEMP, MONDAY, MONDAY + HOUR)
        assert (missing.value, missing.quality) == (None, Quality.ABSENT)
        assert str(value) in str(missing.detail)
        assert neighbour.value == 20.0

    def test_other_time_zones_are_the_same_moments(self, store: AnyStore) -> None:
        danish = MONDAY.astimezone(timezone(timedelta(hours=1)))
        store.add_readings([Reading(TEMP, danish, 20.0)])
        assert store.add_readings([Reading(TEMP, MONDAY, 20.0)]) == Ingested(known=1)
        assert store.readings(TEMP, danish, danish + HOUR)[0].time == MONDAY

    def test_latest_is_the_newest_time_not_the_last_arrival(self, store: AnyStore) -> None:
        silent = Reading(HEAT, MONDAY + HOUR, None, Quality.NO_REPLY)
        store.add_readings([*quarters([1, 2, 3], TEMP), silent])
        store.add_readings([Reading(TEMP, MONDAY - HOUR, 9.0), Reading(HEAT, MONDAY, 4.0)])
        many = [f"school/never.{i}" for i in range(2500)]
        found = store.latest([TEMP, *many, HEAT, TEMP])
        times = store.newest_times([TEMP, *many, HEAT, TEMP])
        assert times == {point: reading.time for point, reading in found.items()}
        assert found == {TEMP: Reading(TEMP, MONDAY + 2 * QUARTER, 3.0), HEAT: silent}

    def test_threads_may_write_and_read_at_once(self, store: AnyStore) -> None:
        points = [f"school/p{i}" for i in range(8)]

        def work(point: str) -> Ingested:
            total = Ingested()
            for i in range(10):
                start = MONDAY + i * 8 * QUARTER
                total += store.add_readings(quarters(range(8), point, start))
                store.add_readings([Reading("school/shared", start, 1.0)])
                assert len(store.readings(point, MONDAY, MONDAY + 48 * HOUR)) == 8 * (i + 1)
            return total

        with ThreadPoolExecutor(4) as pool:
            totals = list(pool.map(work, points))
        assert totals == [Ingested(new=80)] * 8
        assert len(store.readings("school/shared", MONDAY, MONDAY + 48 * HOUR)) == 10


class TestSeries:
    def given(self, store: AnyStore, *values: float) -> None:
        store.add_readings(quarters(values, HEAT))

    def fold(self, store: AnyStore, fold: Fold, steps: int, step: timedelta) -> list[float]:
        series = store.series(HEAT, MONDAY, MONDAY + steps * step, step, fold)
        assert (series.start, series.step, len(series)) == (MONDAY, step, steps)
        return [round(float(value), 9) for value in series.values]

    def test_mean_of_the_readings_in_each_step(self, store: AnyStore) -> None:
        self.given(store, 1, 2, 3, 6, 10)
        store.add_readings([Reading(HEAT, MONDAY - QUARTER, 99.0)])
        assert self.fold(store, Fold.MEAN, 2, HOUR) == [3.0, 10.0]

    def test_last_reading_in_each_step(self, store: AnyStore) -> None:
        self.given(store, 1, 2, 3, 6, 10)
        assert self.fold(store, Fold.LAST, 2, HOUR) == [6.0, 10.0]

    def test_use_on_the_grid_of_the_readings(self, store: AnyStore) -> None:
        self.given(store, 100, 101, 103, 103, 107)
        assert self.fold(store, Fold.DELTA, 4, QUARTER) == [1.0, 2.0, 0.0, 4.0]

    def test_use_of_an_hour_is_the_sum_of_its_quarters(self, store: AnyStore) -> None:
        self.given(store, 100, 101, 103, 103, 107, 108, 109, 110, 120)
        assert self.fold(store, Fold.DELTA, 2, HOUR) == [7.0, 13.0]

    @pytest.mark.parametrize("fold", list(Fold))
    def test_nothing_read_is_nan_everywhere(self, store: AnyStore, fold: Fold) -> None:
        assert np.isnan(self.fold(store, fold, 3, HOUR)).all()
        assert self.fold(store, fold, 0, HOUR) == []

    @pytest.mark.parametrize("quality", [Quality.UNCERTAIN, Quality.ESTIMATED])
    @pytest.mark.parametrize("fold", list(Fold))
    def test_only_good_readings_count(self, store: AnyStore, fold: Fold, quality: Quality) -> None:
        store.add_readings([Reading(HEAT, MONDAY + i * QUARTER, 5.0, quality) for i in range(5)])
        assert np.isnan(self.fold(store, fold, 4, QUARTER)).all()

    def test_a_gap_stays_a_gap_and_spares_its_neighbours(self, store: AnyStore) -> None:
        readings = quarters([10, 20, 30, 40, 50, 60], HEAT)
        readings[2] = Reading(HEAT, readings[2].time, None, Quality.NO_REPLY)
        store.add_readings(readings)
        nan = pytest.approx(math.nan, nan_ok=True)
        assert self.fold(store, Fold.MEAN, 5, QUARTER) == [10.0, 20.0, nan, 40.0, 50.0]
        assert self.fold(store, Fold.LAST, 5, QUARTER) == [10.0, 20.0, nan, 40.0, 50.0]
        assert self.fold(store, Fold.DELTA, 5, QUARTER) == [10.0, nan, nan, 10.0, 10.0]
        assert self.fold(store, Fold.DELTA, 1, HOUR) == [40.0]  # the register knows the hour

    def test_an_hour_whose_edge_was_not_read_is_unknown(self, store: AnyStore) -> None:
        store.add_readings([r for i, r in enumerate(quarters(range(13), HEAT)) if i != 4])
        nan = pytest.approx(math.nan, nan_ok=True)
        assert self.fold(store, Fold.DELTA, 3, HOUR) == [nan, nan, 4.0]

    def test_a_fallen_register_is_no_use(self, store: AnyStore) -> None:
        self.given(store, 100, 101, 3, 4, 5)
        nan = pytest.approx(math.nan, nan_ok=True)
        assert self.fold(store, Fold.DELTA, 4, QUARTER) == [1.0, nan, 1.0, 1.0]

    def test_a_new_meter_that_soon_reads_more_is_no_use(self, store: AnyStore) -> None:
        self.given(store, 100, 101, 3, 400, 500)
        assert np.isnan(self.fold(store, Fold.DELTA, 1, HOUR)).all()

    def test_a_first_reading_is_no_use(self, store: AnyStore) -> None:
        store.add_readings(quarters([5000, 5001], HEAT, MONDAY + HOUR))
        nan = pytest.approx(math.nan, nan_ok=True)
        assert self.fold(store, Fold.DELTA, 6, QUARTER) == [nan, nan, nan, nan, 1.0, nan]

    def test_readings_a_little_off_the_edges_count(self, store: AnyStore) -> None:
        late = timedelta(seconds=40)
        store.add_readings(quarters([100, 101, 103, 106, 110], HEAT, MONDAY + late))
        assert self.fold(store, Fold.DELTA, 4, QUARTER) == [1.0, 2.0, 3.0, 4.0]
        assert self.fold(store, Fold.DELTA, 1, HOUR) == [10.0]

    def test_the_nearest_reading_stands_for_an_edge(self, store: AnyStore) -> None:
        minutes = (-5, -1, 2, 58, 61)
        store.add_readings(Reading(HEAT, MONDAY + timedelta(minutes=m), 100.0 + m) for m in minutes)
        assert self.fold(store, Fold.DELTA, 1, HOUR) == [62.0]  # from minute -1 to minute 61

    def test_of_two_readings_as_near_the_earlier_stands_for_an_edge(self, store: AnyStore) -> None:
        minutes = (-2, 2, 59, 61)
        store.add_readings(Reading(HEAT, MONDAY + timedelta(minutes=m), 100.0 + m) for m in minutes)
        assert self.fold(store, Fold.DELTA, 1, HOUR) == [61.0]  # from minute -2 to minute 59

    @pytest.mark.parametrize(
        ("step", "off", "known"),
        [
            (QUARTER, timedelta(seconds=112), True),
            (QUARTER, timedelta(seconds=113), False),
            (HOUR, timedelta(minutes=7, seconds=30), True),
            (HOUR, timedelta(minutes=7, seconds=31), False),
            (timedelta(days=1), timedelta(minutes=30), True),
            (timedelta(days=1), timedelta(minutes=31), False),
        ],
    )
    def test_how_far_off_is_too_far(
        self, store: AnyStore, step: timedelta, off: timedelta, known: bool
    ) -> None:
        store.add_readings([Reading(HEAT, MONDAY + i * step + off, 10.0 * i) for i in (0, 1)])
        use = store.series(HEAT, MONDAY, MONDAY + step, step, Fold.DELTA)
        assert np.isfinite(use.values).tolist() == [known]

    def test_readings_from_the_end_on_stay_out(self, store: AnyStore) -> None:
        self.given(store, 1, 2, 3, 4, 5, 6)
        half = store.series(HEAT, MONDAY, MONDAY + 3 * QUARTER / 2, HOUR, Fold.MEAN)
        assert half.values.tolist() == [1.5]

    def test_the_grid_is_in_utc(self, store: AnyStore) -> None:
        danish = MONDAY.astimezone(timezone(timedelta(hours=1)))
        self.given(store, 1, 2)
        series = store.series(HEAT, danish, danish + HOUR, QUARTER)
        assert series.start.tzinfo is UTC
        assert series.values[:2].tolist() == [1.0, 2.0]

    def test_a_step_is_positive(self, store: AnyStore) -> None:
        with pytest.raises(ValueError, match="positive step"):
            store.series(HEAT, MONDAY, MONDAY + HOUR, timedelta(0))


class TestPlans:
    def test_a_plan_comes_back_with_its_problem(self, store: AnyStore) -> None:
        plan = a_plan()
        store.add_plan(plan)
        assert store.plan("p1") == plan
        assert store.plan("p1").problem.history == plan.problem.history

    def test_the_newest_plan_is_in_force(self, store: AnyStore) -> None:
        store.add_plan(a_plan("late", at=MONDAY + HOUR))
        store.add_plan(a_plan("early", at=MONDAY))
        store.add_plan(a_plan("other", site="townhall", at=MONDAY + 2 * HOUR))
        assert store.plan_in_force("school", MONDAY + HOUR) == a_plan("late", at=MONDAY + HOUR)
        assert store.plan_in_force("sportshall", MONDAY + HOUR) is None

    def test_w14_a_plan_of_before_the_clock_went_back_is_not_in_force(
        self, store: AnyStore
    ) -> None:
        store.add_plan(a_plan("before", at=MONDAY + HOUR))
        assert store.plan_in_force("school", MONDAY) is None
        store.add_plan(a_plan("since", at=MONDAY))
        assert store.plan_in_force("school", MONDAY) == a_plan("since", at=MONDAY)

    def test_of_two_plans_of_one_moment_the_second_is_in_force(self, store: AnyStore) -> None:
        store.add_plan(a_plan("z"))
        store.add_plan(a_plan("a"))
        in_force = store.plan_in_force("school", MONDAY)
        assert in_force is not None
        assert in_force.id == "a"

    def test_plans_never_change(self, store: AnyStore) -> None:
        store.add_plan(a_plan())
        store.add_plan(a_plan())
        with pytest.raises(StoreError, match="p1"):
            store.add_plan(a_plan(setpoint_c=22.0))
        assert store.plan("p1") == a_plan()

    def test_no_such_plan(self, store: AnyStore) -> None:
        with pytest.raises(NotFound, match="p9"):
            store.plan("p9")

    def test_the_model_identified_last_stands(self, store: AnyStore) -> None:
        assert store.model("school") is None
        store.save_model(a_model(at=MONDAY + HOUR))
        store.save_model(a_model(at=MONDAY))
        store.save_model(a_model("townhall", at=MONDAY + 2 * HOUR))
        assert store.model("school") == a_model(at=MONDAY + HOUR)

    def test_receipts_of_every_kind_oldest_first(self, store: AnyStore) -> None:
        command = Command(
            id="c1",
            point="school/gym.setpoint",
            value=18.5,
            issued_at=MONDAY,
            lease_end=MONDAY + HOUR / 2,
            reason=fact(CommandReason.PLAN, plan="p1", status="optimal"),
            actor="planner",
            plan="p1",
        )
        second = [
            Accepted(command, 18.5),
            Clamped(command, 17.0, 17.0, fact(ReceiptReason.AT_MAXIMUM, limit=17.0)),
            Refused(
                command,
                fact(
                    RefusalReason.LEASE_RUNS_OUT,
                    why=fact(RefusalReason.NO_SAFE_END),
                    end=Moment(MONDAY),
                ),
            ),
            Overridden(command, 8, None, fact(Holder.OPERATOR)),
            Failed(command, fact(ReceiptReason.DEVICE_ERROR, device="d", text="time-out"), True),
        ]
        first = [
            Released(command.point, None),
            StillHeld(command.point, fact(ReceiptReason.SLOTS_GONE)),
        ]
        store.add_receipts(second, MONDAY + HOUR)
        store.add_receipts(first, MONDAY)
        store.add_receipts([Released("townhall/north.setpoint", 21.0)], MONDAY)
        store.add_receipts([], MONDAY)
        expected = [(MONDAY, r) for r in first] + [(MONDAY + HOUR, r) for r in second]
        assert store.receipts("school", MONDAY) == expected
        assert store.receipts("school", MONDAY + HOUR) == expected[2:]
        assert store.receipts("sportshall", MONDAY) == []

    def test_w15_a_report_of_a_controller_is_kept_once_with_its_entry_in_the_audit(self, store):
        value = AppliedValue(point="school/gym.setpoint", effective=18.5)
        report = AppliedReport(
            device="school/gym", site="school", plan="p1", time=MONDAY, values=(value,)
        )
        receipts = [Released("school/gym.setpoint", 18.5)]
        later = MONDAY + HOUR
        assert store.add_applied(report, receipts, actor="gym", at=later)
        assert not store.add_applied(report, receipts, actor="gym", at=later + HOUR)
        with pytest.raises(ConfigError):
            store.add_applied(replace(report, plan=None), receipts, actor="gym", at=later)
        assert store.receipts("school", MONDAY) == [(MONDAY, receipts[0])]
        (entry,) = store.audit(AuditSearch(site="school", action=Action.REPORT_APPLIED))
        assert (entry.subject, entry.at, entry.actor) == (report.id, later, "gym")


class TestForecastsOfUse:
    LOAD = UseForecastDay(
        site="school",
        what=Foreseen.LOAD,
        zone=None,
        lead_h=24,
        day=MONDAY.date(),
        n=24,
        bias=-0.5,
        rmse=1.25,
    )
    USE = replace(LOAD, what=Foreseen.OCCUPANCY, zone="gym")
    WHOLE = replace(USE, zone=None)

    def test_days_come_back_in_order(self, store: AnyStore) -> None:
        later = replace(self.LOAD, day=MONDAY.date() + timedelta(days=1))
        sooner = replace(self.USE, lead_h=0)
        store.keep_use_forecasts(
            [later, self.USE, self.LOAD, self.WHOLE, sooner, replace(self.LOAD, site="townhall")]
        )
        assert store.use_forecasts("school", MONDAY.date()) == [
            self.LOAD,
            self.WHOLE,
            sooner,
            self.USE,
            later,
        ]
        assert store.use_forecasts("school", MONDAY.date() + timedelta(days=1)) == [later]
        assert store.use_forecasts("nowhere", MONDAY.date()) == []

    def test_of_one_day_the_last_word_stands(self, store: AnyStore) -> None:
        store.keep_use_forecasts([self.LOAD])
        store.keep_use_forecasts([])
        corrected = replace(self.LOAD, n=23, bias=0.1)
        store.keep_use_forecasts([corrected])
        assert store.use_forecasts("school", MONDAY.date()) == [corrected]

    def test_use_is_forgotten_and_load_is_not(self, store: AnyStore) -> None:
        monday, tuesday = MONDAY.date(), MONDAY.date() + timedelta(days=1)
        theirs = replace(self.USE, site="townhall")
        store.keep_use_forecasts(
            [self.LOAD, self.USE, self.WHOLE, replace(self.USE, day=tuesday), theirs]
        )
        store.forget_occupancy("school", tuesday)
        assert store.use_forecasts("school", monday) == [self.LOAD, replace(self.USE, day=tuesday)]
        assert store.use_forecasts("townhall", monday) == [theirs]
        store.forget_occupancy(None, tuesday)
        assert store.use_forecasts("townhall", monday) == []


class TestPeople:
    OVERRIDE = Override(
        id="o1",
        site="school",
        point="school/gym.setpoint",
        since=MONDAY,
        until=MONDAY + 2 * HOUR,
        reason="exam",
        actor="bo",
    )

    def test_the_mode_set_last_stands(self, store: AnyStore) -> None:
        assert store.mode("school") is None
        store.set_mode("school", Mode.AUTO, actor="bo", at=MONDAY, reason="shadow period passed")
        store.set_mode("school", Mode.ADVISE, actor="eva", at=MONDAY, reason="complaints")
        assert store.mode("school") == Mode.ADVISE
        assert store.mode("townhall") is None

    def test_an_override_holds_until_its_end(self, store: AnyStore) -> None:
        store.add_override(self.OVERRIDE)
        held = [store.overrides("school", MONDAY + i * HOUR) for i in (0, 1, 2)]
        assert held == [[self.OVERRIDE], [self.OVERRIDE], []]
        assert store.overrides("townhall", MONDAY) == []

    def test_many_sites_are_asked_for_at_once(self, store: AnyStore) -> None:
        """Each answer is that of the site alone."""
        sites = ["school", "townhall", "nowhere"]
        store.set_mode("school", Mode.AUTO, actor="bo", at=MONDAY, reason="approved")
        store.set_mode("school", Mode.ADVISE, actor="bo", at=MONDAY, reason="complaints")
        store.set_mode("sportshall", Mode.AUTO, actor="bo", at=MONDAY, reason="approved")
        store.add_override(self.OVERRIDE)
        for plan_id, site, at in (
            ("p1", "school", MONDAY),
            ("p2", "school", MONDAY + HOUR),
            ("p3", "school", MONDAY + 3 * HOUR),
            ("p4", "townhall", MONDAY),
        ):
            store.add_plan(replace(a_plan(plan_id), site=site, created_at=at))
        command = Command(
            id="c1",
            point="school/gym.setpoint",
            value=20.0,
            issued_at=MONDAY,
            lease_end=MONDAY + HOUR,
            reason="cold",
            actor="bo",
        )
        store.add_receipts([Accepted(command, 20.0)], MONDAY)
        at = MONDAY + 2 * HOUR
        assert store.modes(sites) == {"school": Mode.ADVISE}
        assert store.overrides_of(sites, MONDAY) == {s: store.overrides(s, MONDAY) for s in sites}
        assert {s: p.id for s, p in store.plans_in_force(sites, at).items()} == {
            "school": "p2",
            "townhall": "p4",
        }
        assert store.plans_in_force(sites, at)["school"] == store.plan_in_force("school", at)
        assert store.plans_made(sites, at) == {
            site: plan.created_at for site, plan in store.plans_in_force(sites, at).items()
        }
        assert store.receipts_of(sites, MONDAY) == {s: store.receipts(s, MONDAY) for s in sites}
        assert store.receipts_of(["school"], MONDAY)["school"] != []
        assert store.trials_of(sites) == {site: [] for site in sites}
        assert store.bookings_of(sites, MONDAY) == {site: [] for site in sites}
        for nobody in (
            store.modes([]),
            store.plans_in_force([], at),
            store.plans_made([], at),
            store.predictions_of([], MONDAY.date()),
            store.newest_times([]),
            store.trials_of([]),
        ):
            assert nobody == {}

    def test_modes_of_many_sites_are_said_at_once_and_once(self, store: AnyStore) -> None:
        words = [
            SiteMode(site=site, mode=Mode.OBSERVE, at=MONDAY, actor="eva", reason="alarm")
            for site in ("school", "townhall")
        ]
        store.set_mode("school", Mode.AUTO, actor="bo", at=MONDAY, reason="approved")
        store.say_modes(words)
        store.say_modes(words)
        store.say_modes([])
        assert store.mode("school") is store.mode("townhall") is Mode.OBSERVE
        assert [w.mode for w in store.modes_said(["school"])] == [Mode.AUTO, Mode.OBSERVE]
        assert store.modes_said(["school", "townhall"])[1:] == words
        assert store.modes_said([]) == []
        (entry,) = store.audit(AuditSearch(site="townhall"))
        assert (entry.action, entry.subject, entry.actor) == (Action.SET_MODE, "observe", "eva")

    def test_a_mode_that_was_said_before_another_is_said_again(self, store: AnyStore) -> None:
        """Building time may stand still between two words of a person."""
        word = SiteMode(site="school", mode=Mode.OBSERVE, at=MONDAY, actor="eva", reason="alarm")
        store.say_modes([word])
        store.set_mode("school", Mode.AUTO, actor="bo", at=MONDAY, reason="approved")
        store.say_modes([word])
        assert store.mode("school") is Mode.OBSERVE

    def test_it_says_which_overrides_were_removed(self, store: AnyStore) -> None:
        store.add_override(self.OVERRIDE)
        assert store.removed_overrides([self.OVERRIDE.id, "other"]) == {self.OVERRIDE.id: False}
        store.remove_override(self.OVERRIDE.id, actor="eva", at=MONDAY)
        assert store.removed_overrides([self.OVERRIDE.id]) == {self.OVERRIDE.id: True}

    def test_an_override_that_was_found_at_the_building_keeps_its_numbers(
        self, store: AnyStore
    ) -> None:
        found = fact(LocalOverrideReason.CHANGED, found=22.5, ours=20.0)
        local = replace(self.OVERRIDE, reason=found, actor=LOCAL)
        store.add_override(local)
        store.add_override(local)
        assert store.overrides("school", MONDAY) == [local]
        with pytest.raises(StoreError):
            store.add_override(replace(local, reason="exam"))

    def test_an_override_may_hold_a_site_for_good(self, store: AnyStore) -> None:
        whole = replace(self.OVERRIDE, id="o2", point=None, until=None, since=MONDAY - HOUR)
        store.add_override(self.OVERRIDE)
        store.add_override(whole)
        assert store.overrides("school", MONDAY) == [whole, self.OVERRIDE]
        assert store.overrides("school", MONDAY + 9999 * HOUR) == [whole]

    def test_w14_an_override_of_before_the_clock_went_back_stands(self, store: AnyStore) -> None:
        store.add_override(self.OVERRIDE)
        assert store.overrides("school", MONDAY - HOUR) == [self.OVERRIDE]
        assert store.overrides("school", MONDAY - 48 * HOUR) == [self.OVERRIDE]

    def test_w14_a_removed_override_is_gone_whatever_the_clock_does(self, store: AnyStore) -> None:
        store.add_override(self.OVERRIDE)
        store.remove_override("o1", actor="eva", at=MONDAY + HOUR)
        store.remove_override("o1", actor="late", at=MONDAY + 3 * HOUR)
        assert store.overrides("school", MONDAY + HOUR) == []
        assert store.overrides("school", MONDAY + HOUR / 2) == []
        with pytest.raises(NotFound, match="o9"):
            store.remove_override("o9", actor="eva", at=MONDAY)

    def test_an_override_id_is_one_override(self, store: AnyStore) -> None:
        store.add_override(self.OVERRIDE)
        store.add_override(replace(self.OVERRIDE))
        with pytest.raises(StoreError, match="o1"):
            store.add_override(replace(self.OVERRIDE, reason="another"))
        assert len(store.audit(AuditSearch(site="school"))) == 1

    def test_the_audit_says_who_when_and_why(self, store: AnyStore) -> None:
        store.set_mode("school", Mode.AUTO, actor="bo", at=MONDAY, reason="approved")
        store.add_override(self.OVERRIDE)
        store.remove_override("o1", actor="eva", at=MONDAY + HOUR)
        store.set_mode("townhall", Mode.AUTO, actor="bo", at=MONDAY, reason="approved")
        found = store.audit(AuditSearch(site="school"))
        assert [(e.at, e.actor, e.action, e.site, e.subject, e.reason) for e in found] == [
            (MONDAY + HOUR, "eva", Action.REMOVE_OVERRIDE, "school", "o1", ""),
            (MONDAY, "bo", Action.ADD_OVERRIDE, "school", "o1", "exam"),
            (MONDAY, "bo", Action.SET_MODE, "school", "auto", "approved"),
        ]

    def test_the_audit_is_searched(self, store: AnyStore) -> None:
        store.set_mode("school", Mode.AUTO, actor="bo", at=MONDAY, reason="approved")
        store.set_mode("townhall", Mode.AUTO, actor="eva", at=MONDAY + HOUR, reason="approved")
        store.set_mode("school", Mode.ADVISE, actor="eva", at=MONDAY + 2 * HOUR, reason="noise")
        store.add_key(a_kept_key("k1", created=MONDAY + 3 * HOUR), actor="ole")

        def subjects(**search: object) -> list[str]:
            return [entry.subject for entry in store.audit(AuditSearch(**search))]

        assert subjects() == ["k1", "advise", "auto", "auto"]
        assert subjects(site="school") == ["advise", "auto"]
        assert subjects(actor="eva") == ["advise", "auto"]
        assert subjects(actor="eva", site="townhall") == ["auto"]
        assert subjects(action=Action.CREATE_KEY) == ["k1"]
        assert subjects(since=MONDAY + 2 * HOUR) == ["k1", "advise"]
        assert subjects(since=MONDAY + HOUR, until=MONDAY + 2 * HOUR) == ["auto"]
        assert subjects(site="barn") == []

    def test_the_audit_is_read_page_by_page(self, store: AnyStore) -> None:
        for i in range(5):
            at = MONDAY + i * HOUR
            store.set_mode("school", Mode.AUTO, actor=f"p{i}", at=at, reason="approved")
        first = store.audit(AuditSearch(most=2))
        second = store.audit(AuditSearch(most=2, before=first[-1].number))
        last = store.audit(AuditSearch(most=2, before=second[-1].number))
        pages = [[entry.actor for entry in page] for page in (first, second, last)]
        assert pages == [["p4", "p3"], ["p2", "p1"], ["p0"]]
        numbers = [entry.number for page in (first, second, last) for entry in page]
        assert numbers == sorted(numbers, reverse=True)

    def test_keys_are_in_the_audit(self, store: AnyStore) -> None:
        store.add_key(a_kept_key("k1", scope="operate"), actor="ole")
        for actor in ("eva", "late"):
            store.revoke_key("k1", MONDAY + HOUR, actor=actor, reason="lost")
        found = store.audit(AuditSearch())
        assert [(e.at, e.actor, e.action, e.site, e.subject, e.reason) for e in found] == [
            (MONDAY + HOUR, "eva", Action.REVOKE_KEY, None, "k1", "lost"),
            (MONDAY, "ole", Action.CREATE_KEY, None, "k1", "operate: energy team"),
        ]

    def test_a_key_that_is_refused_leaves_no_entry(self, store: AnyStore) -> None:
        store.add_key(a_kept_key("k1"), actor="ole")
        with pytest.raises(StoreError, match="k1"):
            store.add_key(a_kept_key("k1", scope="operate", name="intruder"), actor="ole")
        assert len(store.audit(AuditSearch())) == 1

    def test_keys_until_they_are_revoked(self, store: AnyStore) -> None:
        gym = a_kept_key("k2", scope="controller:school/ddc", name="gym", created=MONDAY + HOUR)
        gym = replace(gym, expires=MONDAY + 3 * HOUR)
        store.add_key(gym, actor="ole")
        store.add_key(a_kept_key("k1"), actor="ole")
        assert store.key("k2") == gym
        both = {"k1": a_kept_key("k1"), "k2": gym}
        assert store.keys_of(["k2", "k9", "k1"]) == both
        store.revoke_key("k2", MONDAY + 2 * HOUR, actor="ole")
        store.revoke_key("k2", MONDAY + 3 * HOUR, actor="ole")
        assert store.key("k2") is None
        assert store.key("k9") is None
        assert store.keys_of(["k2", "k9", "k1"]) == {"k1": both["k1"]}
        assert store.keys_of([]) == {}
        assert store.keys() == [a_kept_key("k1"), replace(gym, revoked=MONDAY + 2 * HOUR)]

    def test_the_end_of_a_key_stands_in_the_audit(self, store: AnyStore) -> None:
        store.add_key(a_kept_key("k1", expires=MONDAY + HOUR), actor="ole")
        (entry,) = store.audit(AuditSearch())
        assert entry.reason == f"read: energy team, until {(MONDAY + HOUR).isoformat()}"
        assert store.verify().flaws == ()

    def test_a_key_id_is_one_key(self, store: AnyStore) -> None:
        store.add_key(a_kept_key("k1"), actor="ole")
        with pytest.raises(StoreError, match="k1"):
            store.add_key(a_kept_key("k1", scope="operate", name="intruder"), actor="ole")
        assert store.key("k1") == a_kept_key("k1")
        with pytest.raises(NotFound, match="k9"):
            store.revoke_key("k9", MONDAY, actor="ole")


def test_naive_moments_are_refused_everywhere(store: AnyStore) -> None:
    people = TestPeople.OVERRIDE
    calls = [
        lambda: store.add_readings([Reading(TEMP, MONDAY, 1.0, received=NAIVE)]),
        lambda: store.readings(TEMP, NAIVE, MONDAY),
        lambda: store.series(TEMP, MONDAY, NAIVE, HOUR),
        lambda: store.corrections(TEMP, NAIVE, MONDAY),
        lambda: store.add_plan(replace(a_plan(), created_at=NAIVE)),
        lambda: store.save_model(a_model(at=NAIVE)),
        lambda: store.add_receipts([Released("school/x", None)], NAIVE),
        lambda: store.receipts("school", NAIVE),
        lambda: store.set_mode("school", Mode.AUTO, actor="bo", at=NAIVE, reason=""),
        lambda: store.add_override(replace(people, since=NAIVE)),
        lambda: store.overrides("school", NAIVE),
        lambda: store.audit(AuditSearch(since=NAIVE)),
        lambda: store.audit(AuditSearch(until=NAIVE)),
        lambda: store.add_key(a_kept_key("k1", created=NAIVE), actor="ole"),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="no time zone"):
            call()
    assert store.mode("school") is None
    assert store.keys() == []
    assert store.overrides("school", MONDAY) == []
    assert store.receipts("school", MONDAY) == []
    assert store.plan_in_force("school", MONDAY) is None
    assert store.model("school") is None
    assert store.latest([TEMP]) == {}
