"""Gaps filled from devices' own logs: once, from both ends excluded, and never made up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from bms.model.assets.point import Point
from bms.model.readings.measurement import Ingested, Quality, Reading
from bms.model.readings.trend_log import LogAnswer, Logged, NotLogged
from bms.services.collect.trend_backfill import LOOK_BACK, Backfill, Gap, gap_of
from bms.store.memory.store import MemoryStore
from tests.rigs.fakes.city import lodge, utc
from tests.rigs.fakes.drivers import FakeDevice, FakeDrivers

NOW = utc(2019, 1, 14, 12)
POLL = timedelta(minutes=15)
MINUTE = timedelta(minutes=1)
OUTDOOR, POWER = "lodge/outdoor.temp", "lodge/heat.power"
SITE = replace(
    lodge(),
    points=tuple(
        replace(p, trend_log=7 if p.id in (OUTDOOR, POWER) else None) for p in lodge().points
    ),
)


class Logging(FakeDevice):
    """A device with a log: one entry every ``step`` from ``first`` on."""

    def __init__(self, first: datetime = NOW - timedelta(days=2), step: timedelta = POLL) -> None:
        super().__init__()
        self.first, self.step = first, step
        self.answer: LogAnswer | None = None
        self.asked: list[tuple[str, datetime, datetime, int]] = []
        self.more: dict[str, object] = {}
        self.quality = Quality.GOOD

    async def logged(self, point: Point, after: datetime, before: datetime, most: int) -> LogAnswer:
        self.asked.append((point.id, after, before, most))
        if self.answer is not None:
            return self.answer
        times = [self.first + self.step * i for i in range(10_000)]
        fit = [t for t in times if after < t < before]
        reached = before if len(fit) <= most else fit[most - 1]
        readings = tuple(Reading(point.id, t, 5.0, self.quality) for t in fit[:most])
        return Logged(readings, reached, **self.more)  # type: ignore[arg-type]


class Bench:
    def __init__(self, device: FakeDevice | None = None, most: int = 500) -> None:
        self.device = device or Logging()
        self.store = MemoryStore()
        self.drivers = FakeDrivers({"lodge/plant": self.device})
        self.backfill = Backfill(self.drivers, self.store, POLL, most)

    def polled(self, times: Iterable[datetime], points=(OUTDOOR,), good: bool = True) -> None:
        self.store.add_readings(
            Reading(p, t, 5.0) if good else Reading(p, t, None, Quality.NO_REPLY)
            for t in times
            for p in points
        )

    async def tick(self, now: datetime = NOW) -> Ingested:
        return await self.backfill.tick(SITE, now)

    def times(self, point: str = OUTDOOR) -> list[datetime]:
        found = self.store.readings(point, NOW - LOOK_BACK, NOW + MINUTE)
        return [reading.time for reading in found if reading.quality is Quality.GOOD]


def every(start: datetime, end: datetime, step: timedelta = POLL) -> list[datetime]:
    return [start + step * i for i in range(int((end - start) / step) + 1)]


OUTAGE = Gap(NOW - timedelta(hours=6), NOW - timedelta(hours=1))


def with_outage(bench: Bench, *points: str) -> None:
    chosen = points or (OUTDOOR,)
    bench.polled(every(NOW - LOOK_BACK, OUTAGE.start), chosen)
    bench.polled(every(OUTAGE.start + POLL, OUTAGE.end - POLL), chosen, good=False)
    bench.polled(every(OUTAGE.end, NOW), chosen)


class TestWhatAGapIs:
    def test_between_good_readings_more_than_two_polls_apart(self) -> None:
        times = [NOW, NOW + 2 * POLL, NOW + 4 * POLL + MINUTE, NOW + 9 * POLL]
        readings = [Reading(OUTDOOR, t, 1.0) for t in times]
        assert gap_of(readings, NOW, 2 * POLL) == Gap(times[1], times[2])

    def test_what_is_not_good_does_not_end_it(self) -> None:
        readings = [
            Reading(OUTDOOR, NOW, 1.0),
            Reading(OUTDOOR, NOW + POLL, None, Quality.NO_REPLY),
            Reading(OUTDOOR, NOW + 2 * POLL, 1.0, Quality.UNCERTAIN),
            Reading(OUTDOOR, NOW + 3 * POLL, 1.0),
        ]
        assert gap_of(readings, NOW, 2 * POLL) == Gap(NOW, NOW + 3 * POLL)

    def test_one_that_is_not_over_is_none_yet(self) -> None:
        assert gap_of([Reading(OUTDOOR, NOW, 1.0)], NOW, 2 * POLL) is None


class TestFilling:
    async def test_an_outage_is_filled_once_and_asked_for_once(self) -> None:
        bench = Bench()
        with_outage(bench)
        assert await bench.tick() == Ingested(corrected=19)
        assert bench.times() == every(NOW - LOOK_BACK, NOW)
        assert await bench.tick() == Ingested()
        assert [asked[1:3] for asked in bench.device.asked] == [(OUTAGE.start, OUTAGE.end)]

    async def test_a_process_that_starts_looks_back(self) -> None:
        bench = Bench(Logging(first=NOW - timedelta(hours=3)))
        bench.polled([NOW])
        await bench.tick()
        assert bench.times() == every(NOW - timedelta(hours=3), NOW)

    async def test_a_second_process_meets_its_own_readings(self) -> None:
        bench = Bench()
        with_outage(bench)
        await bench.tick()
        bench.backfill = Backfill(bench.drivers, bench.store, POLL)
        assert await bench.tick() == Ingested()
        assert len(bench.device.asked) == 1

    async def test_while_the_device_is_away_nothing_is_asked(self) -> None:
        bench = Bench()
        bench.polled(every(NOW - LOOK_BACK, OUTAGE.start))
        bench.polled(every(OUTAGE.start + POLL, NOW), good=False)
        assert await bench.tick() == Ingested()
        assert bench.device.asked == []

    async def test_a_long_log_comes_in_portions(self) -> None:
        bench = Bench(Logging(step=MINUTE), most=100)
        with_outage(bench)
        sizes = []
        for _ in range(5):
            done = await bench.tick()
            sizes.append(done.new + done.corrected)
        assert sizes == [100, 100, 99, 0, 0]
        assert bench.times()[-305:] == every(OUTAGE.start, OUTAGE.end, MINUTE) + every(
            OUTAGE.end + POLL, NOW
        )

    async def test_all_logs_of_a_device_share_a_tick(self) -> None:
        bench = Bench(Logging(step=MINUTE), most=100)
        with_outage(bench, OUTDOOR, POWER)
        await bench.tick()
        assert [asked[0] for asked in bench.device.asked] == [OUTDOOR]
        for _ in range(8):
            await bench.tick()
        assert bench.times(OUTDOOR) == bench.times(POWER)
        assert len(bench.times(POWER)[-305:]) == 305

    async def test_points_without_a_log_are_left_alone(self) -> None:
        bench = Bench()
        assert await bench.backfill.tick(lodge(), NOW) == Ingested()
        assert bench.device.asked == []


class TestWhatCannotBeHad:
    async def test_a_log_that_is_refused_is_left_alone_for_a_day(self, caplog) -> None:
        bench = Bench()
        with_outage(bench)
        bench.device.answer = NotLogged(OUTDOOR, "unrecognized-service", retryable=False)
        for hours in (0, 1, 23.9):
            await bench.tick(NOW + timedelta(hours=hours))
        assert len(bench.device.asked) == 1
        assert caplog.text.count("left alone for a day") == 1
        await bench.tick(NOW + timedelta(days=1))
        assert len(bench.device.asked) == 2

    async def test_silence_is_tried_again_at_the_next_tick(self) -> None:
        bench = Bench()
        with_outage(bench, OUTDOOR, POWER)
        bench.device.answer = NotLogged(OUTDOOR, "no answer", retryable=True)
        await bench.tick()
        assert len(bench.device.asked) == 1  # its other log is not asked for either
        bench.device.answer = None
        await bench.tick()
        assert bench.times(OUTDOOR) == every(NOW - LOOK_BACK, NOW)

    async def test_what_the_log_lost_is_said_and_stays_a_gap(self, caplog) -> None:
        bench = Bench(Logging(first=NOW - timedelta(hours=2)))
        bench.device.more = {"lost": True}
        with_outage(bench)
        await bench.tick()
        await bench.tick()
        gap = [t for t in bench.times() if OUTAGE.start < t < NOW - timedelta(hours=2)]
        assert gap == []
        assert caplog.text.count("stays a gap") == 1

    async def test_a_clock_in_doubt_is_said_and_its_readings_are_uncertain(self, caplog) -> None:
        bench = Bench()
        bench.device.quality = Quality.UNCERTAIN
        bench.device.more = {"doubt": "the device's clock is +300 s off"}
        with_outage(bench)
        await bench.tick()
        assert "+300 s off" in caplog.text
        found = bench.store.readings(OUTDOOR, OUTAGE.start + MINUTE, OUTAGE.end)
        assert {reading.quality for reading in found} == {Quality.UNCERTAIN}

    async def test_a_driver_with_a_bug_costs_its_own_logs_only(self, caplog) -> None:
        class Broken(Logging):
            async def logged(self, *args: object) -> LogAnswer:
                raise RuntimeError("division by zero")

        bench = Bench(Broken())
        with_outage(bench)
        assert await bench.tick() == Ingested()
        assert "division by zero" in caplog.text

    async def test_a_protocol_without_logs_says_so(self, caplog) -> None:
        bench = Bench(FakeDevice())
        with_outage(bench)
        assert await bench.tick() == Ingested()
        assert "knows no trend logs" in caplog.text


async def test_a_logged_value_outside_the_declared_range_is_kept_out() -> None:
    bench = Bench()
    with_outage(bench)
    narrow = tuple(replace(p, low=6.0) if p.id == OUTDOOR else p for p in SITE.points)
    await bench.backfill.tick(replace(SITE, points=narrow), NOW)
    found = bench.store.readings(OUTDOOR, OUTAGE.start + MINUTE, OUTAGE.end)
    assert found
    assert {(r.value, r.quality) for r in found} == {(None, Quality.OUT_OF_RANGE)}
