"""What every store promises about roll-ups, about deleting for good, and about its ledger."""

from __future__ import annotations

import hashlib
import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from bms.model.assets.point import Privacy
from bms.model.epoch import from_micros
from bms.model.readings.measurement import Ingested, Quality, Reading
from bms.model.readings.rollup import NO_MOMENT, Level
from bms.ports.storage.readings import Fold
from bms.ports.storage.whole import Store
from tests.rigs.fakes.store import HOUR, MONDAY, QUARTER, quarters
from tests.rigs.storage.plain_rollups import PlainReadings, an_erasure, micros, midnight
from tests.rigs.storage.stores import AnyStore

NAIVE = datetime(2019, 1, 14)  # noqa: DTZ001
DAY = timedelta(days=1)
TEMP = "school/gym.temp"
HEAT = "school/heat.energy"
#: Local Monday is from 23:00 on Sunday.
LOCAL_MONDAY = MONDAY - HOUR


def held(store: AnyStore, readings: list[Reading]) -> PlainReadings:
    """The store and the plain recomputation, with the same readings."""
    plain = PlainReadings()
    assert store.add_readings(readings) == plain.add(readings)
    return plain


class TestBuckets:
    def test_it_is_a_store(self, store: AnyStore) -> None:
        seam: Store = store
        assert seam.erasures(MONDAY) == []

    def test_an_hour_says_what_its_readings_come_to(self, store: AnyStore) -> None:
        store.add_readings(quarters([10.0, 40.0, 30.0, 20.0, 7.0], TEMP))
        hours = store.rollups([TEMP], MONDAY, MONDAY + 3 * HOUR, Level.HOUR)
        assert hours.points == (TEMP,)
        assert hours.edges.tolist() == [micros(MONDAY + i * HOUR) for i in range(4)]
        assert hours.n.tolist() == [[4, 1, 0]]
        nan = pytest.approx(np.nan, nan_ok=True)
        assert hours.mean.tolist() == [[25.0, 7.0, nan]]
        assert hours.minimum.tolist() == [[10.0, 7.0, nan]]
        assert hours.maximum.tolist() == [[40.0, 7.0, nan]]
        assert hours.first.tolist() == [[10.0, 7.0, nan]]
        assert hours.last.tolist() == [[20.0, 7.0, nan]]
        assert hours.falls.tolist() == [[2, 0, 0]]
        last = [micros(MONDAY + 3 * QUARTER), micros(MONDAY + HOUR), NO_MOMENT]
        assert hours.last_at.tolist() == [last]
        assert np.isnat(hours.first_at.view("datetime64[us]")).tolist() == [[False, False, True]]

    def test_quarters_and_days_too(self, store: AnyStore) -> None:
        store.add_readings(quarters([10.0, 40.0], TEMP, LOCAL_MONDAY + 5 * HOUR))
        window = (LOCAL_MONDAY + 5 * HOUR, LOCAL_MONDAY + 6 * HOUR)
        assert store.rollups([TEMP], *window, Level.QUARTER).n.tolist() == [[1, 1, 0, 0]]
        days = store.rollups([TEMP], *window, Level.DAY)
        assert days.edges.tolist() == [micros(LOCAL_MONDAY), micros(LOCAL_MONDAY + DAY)]
        assert (days.n.tolist(), days.mean.tolist()) == ([[2]], [[25.0]])

    @pytest.mark.parametrize(("day", "hours"), [(date(2025, 3, 30), 23), (date(2025, 10, 26), 25)])
    @pytest.mark.parametrize("refreshed", [False, True])
    def test_the_days_on_which_the_clocks_change(
        self, store: AnyStore, day: date, hours: int, refreshed: bool
    ) -> None:
        start = midnight(day) - DAY
        plain = held(store, quarters(range(4 * (hours + 48)), TEMP, start))
        if refreshed:
            assert store.refresh_rollups([TEMP], start + 9 * DAY) in (0, 3, 4)
        days = store.rollups([TEMP], start, start + 70 * HOUR, Level.DAY)
        assert days.n.tolist() == [[96, 4 * hours, 96]]
        assert (np.diff(days.edges) // 3_600_000_000).tolist() == [24, hours, 24]
        plain.compare(days, start, start + 70 * HOUR)

    def test_only_good_readings_count(self, store: AnyStore) -> None:
        store.add_readings(
            [
                Reading(TEMP, MONDAY, 5.0, Quality.ESTIMATED),
                Reading(TEMP, MONDAY + QUARTER, 6.0, Quality.UNCERTAIN),
                Reading(TEMP, MONDAY + 2 * QUARTER, None, Quality.NO_REPLY),
            ]
        )
        for level in Level:
            assert not store.rollups([TEMP], MONDAY, MONDAY + HOUR, level).n.any()

    def test_points_come_in_the_order_asked_for(self, store: AnyStore) -> None:
        store.add_readings([Reading(TEMP, MONDAY, 20.0), Reading(HEAT, MONDAY, 5.0)])
        asked = [HEAT, "school/never.seen", TEMP, HEAT]
        for level in Level:
            found = store.rollups(asked, MONDAY, MONDAY + QUARTER, level)
            assert found.points == tuple(asked)
            assert found.last.tolist() == [[5.0], [pytest.approx(np.nan, nan_ok=True)], [20.0], [5]]

    def test_no_point_and_no_time(self, store: AnyStore) -> None:
        assert store.rollups([], MONDAY, MONDAY + HOUR, Level.HOUR).n.shape == (0, 1)
        for level in Level:
            assert store.rollups([TEMP], MONDAY, MONDAY, level).n.shape == (1, 0)
            assert store.rollups([TEMP], MONDAY, MONDAY - HOUR, level).edges.shape == (1,)

    @pytest.mark.parametrize("start", [NAIVE, datetime(1960, 1, 1, tzinfo=UTC)])
    def test_moments_that_no_bucket_has(self, store: AnyStore, start: datetime) -> None:
        with pytest.raises(ValueError, match=r"time zone|1970 to 2199"):
            store.rollups([TEMP], start, MONDAY, Level.HOUR)

    def test_a_device_with_a_broken_clock_spares_the_others(self, store: AnyStore) -> None:
        odd = [datetime(year, 5, 1, tzinfo=UTC) for year in (1901, 1969, 1970, 2199, 2260)]
        readings = [Reading(TEMP, moment, 1.0) for moment in odd]
        assert store.add_readings([*readings, Reading(HEAT, MONDAY, 2.0)]) == Ingested(new=6)
        store.refresh_rollups([TEMP, HEAT], MONDAY + DAY)
        assert store.rollups([HEAT], MONDAY, MONDAY + HOUR, Level.DAY).n.tolist() == [[1]]
        year = store.rollups([TEMP], odd[3], odd[3] + HOUR, Level.DAY)
        assert year.n.tolist() == [[1]]
        hour = store.series(TEMP, odd[0], odd[0] + HOUR, HOUR)
        assert hour.values.tolist() == [1.0]


class TestKeptCurrent:
    def readings(self) -> list[Reading]:
        rng = random.Random(4)
        moments = [MONDAY + timedelta(minutes=m) for m in rng.sample(range(40 * 24 * 60), 4000)]
        return [Reading(TEMP, moment, round(rng.uniform(-9, 9), 1)) for moment in moments]

    def compare(self, store: AnyStore, plain: PlainReadings) -> None:
        for level in Level:
            window = (MONDAY - DAY, MONDAY + 42 * DAY)
            plain.compare(store.rollups([TEMP], *window, level), *window)

    def test_in_any_order_and_whenever_it_is_refreshed(self, store: AnyStore) -> None:
        plain, readings = PlainReadings(), self.readings()
        for first in range(0, 4000, 1000):
            batch = readings[first : first + 1000]
            assert store.add_readings(batch) == plain.add(batch)
            self.compare(store, plain)
            store.refresh_rollups([TEMP], MONDAY + timedelta(days=first // 100))
            self.compare(store, plain)

    def test_late_ones_and_corrections_open_their_day_again(self, store: AnyStore) -> None:
        plain = held(store, self.readings())
        store.refresh_rollups([TEMP], MONDAY + 50 * DAY)
        one = self.readings()[7]
        late = [
            Reading(TEMP, one.time + timedelta(seconds=1), 77.0),
            Reading(TEMP, one.time, None, Quality.ABSENT),
            Reading(TEMP, MONDAY + 41 * DAY, 1.0),
        ]
        assert store.add_readings(late) == plain.add(late) == Ingested(new=2, corrected=1)
        self.compare(store, plain)
        store.refresh_rollups([TEMP], MONDAY + 50 * DAY)
        self.compare(store, plain)

    def test_a_month_that_loses_its_last_reading_is_empty(self, store: AnyStore) -> None:
        store.add_readings([Reading(TEMP, MONDAY, 1.0)])
        store.refresh_rollups([TEMP], MONDAY + 2 * DAY)
        store.add_readings([Reading(TEMP, MONDAY, None, Quality.ABSENT)])
        store.refresh_rollups([TEMP], MONDAY + 2 * DAY)
        assert not store.rollups([TEMP], MONDAY, MONDAY + DAY, Level.DAY).n.any()

    def test_threads_may_add_refresh_and_read_at_once(self, store: AnyStore) -> None:
        points = [f"school/p{i}" for i in range(4)]

        def add(point: str) -> None:
            for i in range(20):
                store.add_readings(quarters(range(16), point, MONDAY + i * 12 * QUARTER))

        def refresh(_: int) -> None:
            store.refresh_rollups(points, MONDAY + 9 * DAY)
            store.rollups(points, MONDAY, MONDAY + 3 * DAY, Level.DAY)

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda job: job[0](job[1]), _mixed(add, points, refresh, 20)))
        plain = PlainReadings()
        for point in points:
            for i in range(20):
                plain.add(quarters(range(16), point, MONDAY + i * 12 * QUARTER))
        for _ in range(2):
            window = (MONDAY - DAY, MONDAY + 5 * DAY)
            plain.compare(store.rollups(points, *window, Level.HOUR), *window)
            store.refresh_rollups(points, MONDAY + 9 * DAY)


def _mixed(add, points, refresh, times):
    jobs = [(refresh, i) for i in range(times)]
    for index, point in enumerate(points):
        jobs.insert(index * 3, (add, point))
    return jobs


class TestForget:
    BEFORE = date(2019, 1, 16)

    def given(self, store: AnyStore) -> PlainReadings:
        readings = [
            reading
            for point, base in ((TEMP, 20.0), (HEAT, 500.0))
            for reading in quarters([base + i / 7 for i in range(4 * 24 * 4)], point)
        ]
        plain = held(store, readings)
        again = [Reading(TEMP, MONDAY + HOUR, 33.3), Reading(TEMP, MONDAY + 3 * DAY, 33.4)]
        assert store.add_readings(again) == plain.add(again) == Ingested(corrected=2)
        return plain

    def test_old_readings_and_their_corrections_go(self, store: AnyStore) -> None:
        plain = self.given(store)
        erasure = an_erasure([TEMP], self.BEFORE, at=MONDAY + 90 * DAY)
        erased = store.forget(erasure)
        until = midnight(self.BEFORE)
        assert (erased.readings, erased.corrections) == plain.forget(erasure) == (4 * 47, 1)
        assert (erased.points, erased.hours) == (1, 0)
        assert (erased.first, erased.last) == (MONDAY, until - QUARTER)
        assert (erased.until, erased.at) == (until, MONDAY + 90 * DAY)
        assert store.readings(TEMP, MONDAY, until) == []
        assert store.corrections(TEMP, MONDAY, until) == []
        assert len(store.readings(TEMP, until, MONDAY + 9 * DAY)) == 4 * 49
        assert len(store.corrections(TEMP, until, MONDAY + 9 * DAY)) == 1
        assert len(store.readings(HEAT, MONDAY, MONDAY + 9 * DAY)) == 4 * 96

    @pytest.mark.parametrize("refreshed", [False, True])
    def test_hours_and_days_stay(self, store: AnyStore, refreshed: bool) -> None:
        plain = self.given(store)
        if refreshed:
            store.refresh_rollups([TEMP], MONDAY + 9 * DAY)
        erasure = an_erasure([TEMP], self.BEFORE)
        store.forget(erasure)
        plain.forget(erasure)
        for level in Level:
            window = (MONDAY - DAY, MONDAY + 5 * DAY)
            plain.compare(store.rollups([TEMP, HEAT], *window, level), *window)

    @pytest.mark.parametrize("fold", list(Fold))
    def test_series_of_whole_hours_stay_as_they_were(self, store: AnyStore, fold: Fold) -> None:
        self.given(store)
        window = (MONDAY - 3 * HOUR, MONDAY + 4 * DAY)
        before = {step: store.series(HEAT, *window, step, fold) for step in (HOUR, 6 * HOUR)}
        store.forget(an_erasure([HEAT], self.BEFORE))
        for step, series in before.items():
            after = store.series(HEAT, *window, step, fold)
            np.testing.assert_allclose(after.values, series.values, rtol=1e-13)
        unknown = store.series(HEAT, *window, QUARTER, fold).values[: 4 * 48]
        assert np.isnan(unknown).all()

    def test_the_first_and_last_reading_of_an_hour_are_left(self, store: AnyStore) -> None:
        self.given(store)
        store.forget(an_erasure([HEAT], self.BEFORE))
        times, values = store.good(HEAT, MONDAY + QUARTER, MONDAY + 2 * HOUR)
        minutes = [45, 60, 105]
        assert times.tolist() == [micros(MONDAY + timedelta(minutes=m)) for m in minutes]
        assert values.tolist() == [500.0 + m / 15 / 7 for m in minutes]
        assert len(store.good(HEAT, MONDAY, MONDAY + 9 * DAY)[0]) == 2 * 47 + 4 * 49

    def test_personal_ones_leave_nothing(self, store: AnyStore) -> None:
        plain = self.given(store)
        store.refresh_rollups([TEMP, HEAT], MONDAY + DAY)
        erasure = an_erasure([TEMP], self.BEFORE, with_rollups=True)
        erased = store.forget(erasure)
        plain.forget(erasure)
        assert erased.hours == 47
        for level in Level:
            window = (MONDAY - DAY, MONDAY + 5 * DAY)
            plain.compare(store.rollups([TEMP, HEAT], *window, level), *window)
        assert len(store.good(TEMP, MONDAY, midnight(self.BEFORE))[0]) == 0

    def test_roll_ups_that_stayed_can_go_later(self, store: AnyStore) -> None:
        self.given(store)
        store.forget(an_erasure([TEMP], self.BEFORE))
        erased = store.forget(an_erasure([TEMP], date(2019, 1, 15), with_rollups=True))
        assert (erased.readings, erased.hours) == (0, 23)
        hours = store.rollups([TEMP], MONDAY, MONDAY + 2 * DAY, Level.HOUR).n[0]
        assert (hours.nonzero()[0] + 1).tolist() == list(range(24, 49))

    def test_what_comes_later_from_before_is_refused(self, store: AnyStore) -> None:
        self.given(store)
        store.forget(an_erasure([TEMP, "school/new"], self.BEFORE, with_rollups=True))
        until = midnight(self.BEFORE)
        late = [
            Reading(TEMP, until - timedelta(microseconds=1), 1.0),
            Reading(TEMP, until + timedelta(seconds=1), 2.0),
            Reading("school/new", MONDAY, 3.0),
            Reading(HEAT, MONDAY, 500.0),
        ]
        assert store.add_readings(late) == Ingested(new=1, known=1, expired=2)
        assert store.add_readings(late[:1]) == Ingested(expired=1)
        assert store.readings(TEMP, MONDAY, until) == []
        assert "school/new" not in store.latest([TEMP, "school/new"])

    def test_the_ledger_keeps_a_line(self, store: AnyStore) -> None:
        self.given(store)
        first = store.forget(an_erasure([TEMP, HEAT], date(2019, 1, 15), at=MONDAY))
        second = store.forget(an_erasure([HEAT], self.BEFORE, with_rollups=True, at=MONDAY + DAY))
        assert store.erasures(MONDAY) == [first, second]
        assert store.erasures(MONDAY + HOUR) == [second]
        assert (first.points, first.privacy) == (2, Privacy.INTERNAL)
        assert (second.points, second.privacy, second.actor) == (1, Privacy.PERSONAL, "retention")

    def test_nothing_to_delete_is_no_line(self, store: AnyStore) -> None:
        self.given(store)
        store.forget(an_erasure([TEMP], self.BEFORE))
        again = store.forget(an_erasure([TEMP], self.BEFORE))
        assert again.nothing
        assert (again.points, again.first, again.last) == (0, None, None)
        assert len(store.erasures(datetime(1970, 1, 1, tzinfo=UTC))) == 1

    def test_the_digest_proves_what_went(self, store: AnyStore) -> None:
        given = [
            Reading(HEAT, MONDAY, 0.1, received=MONDAY + HOUR),
            Reading(TEMP, MONDAY + HOUR, None, Quality.NO_REPLY, detail='no\t"reply"'),
            Reading(TEMP, MONDAY, 2.5),
        ]
        store.add_readings(given)
        store.add_readings([Reading(TEMP, MONDAY, 3.0)])
        erased = store.forget(an_erasure([TEMP, HEAT], self.BEFORE, with_rollups=True))
        at, hour = micros(MONDAY), micros(HOUR + datetime(1970, 1, 1, tzinfo=UTC))
        lines = [
            f"reading\t{TEMP}\t{at}\t3.0\tgood\tNone\tNone",
            f'reading\t{TEMP}\t{at + hour}\tNone\tno_reply\tNone\t"no\\t\\"reply\\""',
            f"earlier\t{TEMP}\t{at}\t2.5\tgood\tNone\tNone",
            f"later\t{TEMP}\t{at}\t3.0\tgood\tNone\tNone",
            f"hour\t{TEMP}\t{at}\t1\t0\t3.0\t3.0\t3.0\t3.0\t3.0\t{at}\t{at}",
            f"reading\t{HEAT}\t{at}\t0.1\tgood\t{at + hour}\tNone",
            f"hour\t{HEAT}\t{at}\t1\t0\t0.1\t0.1\t0.1\t0.1\t0.1\t{at}\t{at}",
        ]
        assert (
            erased.digest == hashlib.sha256("".join(f"{x}\n" for x in lines).encode()).hexdigest()
        )

    def test_a_naive_moment_is_refused_before_anything_goes(self, store: AnyStore) -> None:
        self.given(store)
        with pytest.raises(ValueError, match="time zone"):
            store.forget(an_erasure([TEMP], self.BEFORE, at=NAIVE))
        assert len(store.readings(TEMP, MONDAY, MONDAY + 9 * DAY)) == 4 * 96

    def test_a_scrub_changes_no_answer(self, store: AnyStore) -> None:
        plain = self.given(store)
        erasure = an_erasure([TEMP], self.BEFORE, with_rollups=True)
        store.forget(erasure)
        plain.forget(erasure)
        store.scrub()
        window = (MONDAY - DAY, MONDAY + 5 * DAY)
        plain.compare(store.rollups([TEMP, HEAT], *window, Level.HOUR), *window)
        assert store.add_readings([Reading(TEMP, MONDAY + 9 * DAY, 1.0)]) == Ingested(new=1)

    def test_threads_may_add_while_others_delete(self, store: AnyStore) -> None:
        def add(i: int) -> Ingested:
            return store.add_readings(quarters(range(8), HEAT, MONDAY + i * 8 * QUARTER))

        def forget(i: int) -> int:
            erasure = an_erasure([HEAT], date(2019, 1, 15) + timedelta(days=i // 4))
            return store.forget(erasure).readings

        with ThreadPoolExecutor(4) as pool:
            added, gone = pool.map(add, range(40)), pool.map(forget, range(12))
            new = sum(one.new for one in added)
            assert new == sum(gone) + len(store.readings(HEAT, MONDAY, MONDAY + 9 * DAY))
        hours = store.rollups([HEAT], MONDAY, MONDAY + 9 * DAY, Level.HOUR)
        assert hours.n.sum() == new
        assert store.readings(HEAT, MONDAY, midnight(date(2019, 1, 17))) == []


@pytest.mark.parametrize("quality", [Quality.CALCULATED, Quality.CORRECTED])
def test_values_that_a_supplier_has_put_right_count(store: AnyStore, quality: Quality) -> None:
    start = datetime(2026, 3, 1, tzinfo=UTC)
    at = [start + timedelta(hours=i) for i in range(4)]
    store.add_readings(
        [
            Reading("a/b", at[0], 1.0),
            Reading("a/b", at[1], 2.0, quality),
            Reading("a/b", at[2], 3.0, Quality.ESTIMATED),
            Reading("a/b", at[3], 4.0, Quality.UNCERTAIN),
        ]
    )
    end = start + timedelta(days=1)
    assert store.good("a/b", start, end)[1].tolist() == [1.0, 2.0]
    assert store.rollups(["a/b"], start, end, Level.HOUR).n.sum() == 2
    store.refresh_rollups(["a/b"], end + timedelta(days=2))
    assert store.rollups(["a/b"], start, end, Level.HOUR).n.sum() == 2


def test_a_year_of_hours_is_that_of_its_readings(store: AnyStore) -> None:
    start, n = datetime(2026, 1, 1, tzinfo=UTC), 24 * 60
    rows = [Reading("a/b", start + timedelta(hours=i), float(i)) for i in range(n)]
    store.add_readings(rows)
    store.refresh_rollups(["a/b"], start + timedelta(days=40))
    first, end = start + timedelta(hours=5, minutes=30), start + timedelta(days=55, minutes=1)
    for more in ([], [Reading("a/b", start + timedelta(days=3, minutes=m), 0.5) for m in (9, 19)]):
        store.add_readings(more)
        known = sorted((r.time, r.value) for r in (*rows, *more) if first <= r.time < end)
        times, values = store.good("a/b", first, end)
        assert [(from_micros(int(t)), v) for t, v in zip(times, values, strict=True)] == known
