"""The job table, and how fast runs go through it."""

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from bms.clock import VirtualClock
from bms.journal.clock_trust import FileCalendarBook
from bms.model.control.audit import AuditSearch
from bms.model.control.booking import BookedTime, BookingKind
from bms.model.control.kept_key import KeptKey
from bms.model.planning.prediction import Foreseen
from bms.model.readings.measurement import Reading
from bms.runtime.fast_run import run_virtual
from bms.runtime.jobs import Job, job_table, site_job
from bms.runtime.serve import working
from bms.services.collect.calendar_bookings import HallBookings
from tests.rigs.fakes.api import NOW, World, a_world, live_in
from tests.rigs.fakes.watched import TEMP, Clocked, Telling, until, watched_lodge

START = datetime(2019, 1, 14, 0, 0, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
HOUR = timedelta(hours=1)
DAY, YEAR = timedelta(days=1), timedelta(days=365)
EVER = (NOW - 20 * YEAR, NOW + 20 * YEAR)


class Diary:
    def __init__(self):
        self.lines = []

    def job(self, name, every):
        async def run(now):
            self.lines.append((name, now))

        return Job(name, every, run)


def test_due_times_are_whole_multiples():
    job = Diary().job("poll", QUARTER)
    assert job.next_at_or_after(START) == START
    assert job.next_after(START) == START + QUARTER
    assert job.next_at_or_after(START + timedelta(seconds=1)) == START + QUARTER
    assert job.next_after(START + timedelta(minutes=14, seconds=59)) == START + QUARTER


async def test_fast_run_keeps_the_order_of_the_table_and_moves_time_first():
    diary, moved = Diary(), []

    async def move_to(moment):
        moved.append(moment)

    jobs = [diary.job("poll", QUARTER), diary.job("plan", HOUR), diary.job("dispatch", QUARTER)]
    await run_virtual(jobs, START, START + HOUR, move_to)
    names = [name for name, _ in diary.lines]
    assert names == ["poll", "plan", "dispatch"] + ["poll", "dispatch"] * 3
    assert moved == [START + QUARTER * i for i in range(1, 5)]


async def test_fast_run_ends_at_its_end_even_between_two_due_times():
    moved = []

    async def move_to(moment):
        moved.append(moment)

    await run_virtual([Diary().job("plan", HOUR)], START, START + timedelta(minutes=90), move_to)
    assert moved == [START + HOUR, START + timedelta(minutes=90)]


async def test_one_failing_site_spares_the_others(caplog):
    class Named:
        def __init__(self, name):
            self.id = name

    done = []

    async def verb(site, now):
        if site.id == "bad":
            raise RuntimeError("its device caught fire")
        done.append(site.id)

    await site_job("poll", QUARTER, [Named("a"), Named("bad"), Named("c")], verb).run(START)
    assert done == ["a", "c"]
    assert "poll of bad failed" in caplog.text
    assert "its device caught fire" in caplog.text


def names(world: World) -> list[str]:
    return [job.name for job in job_table(world.city)]


def test_logs_are_looked_at_right_after_the_poll(tmp_path) -> None:
    table = names(a_world(tmp_path))
    assert table.index("backfill") == table.index("poll") + 1


def test_clocks_are_read_daily_where_building_time_is_real(tmp_path) -> None:
    world = a_world(tmp_path)
    assert "clocks" in names(world)
    simulated = world.city.settings.model_copy(update={"clock_file": Path("clock.json")})
    assert "clocks" not in [j.name for j in job_table(replace(world.city, settings=simulated))]


@dataclass(frozen=True)
class Choir:
    """A calendar of the hall with one evening."""

    evening: BookedTime
    key: str = "0a1b2c3d"
    site: str = "lodge"
    zone: str | None = None
    kind: BookingKind = BookingKind.IN_USE

    def spans(self, start: datetime, end: datetime) -> tuple[BookedTime, ...]:
        return (self.evening,)


async def test_calendars_of_halls_are_booked_before_anything_is_planned(tmp_path) -> None:
    world = a_world(tmp_path)
    choir = Choir(BookedTime(NOW + 3 * HOUR, NOW + 5 * HOUR))
    jobs = job_table(replace(world.city, calendars=HallBookings((choir,))))
    order = [job.name for job in jobs]
    assert order.index("calendars") < order.index("plan") < order.index("dispatch")
    await jobs[order.index("calendars")].run(NOW)
    (booking,) = world.store.bookings("lodge", NOW)
    assert (booking.start, booking.end) == (choir.evening.start, choir.evening.end)


async def test_bookings_go_with_the_file_of_calendars(tmp_path) -> None:
    world = a_world(tmp_path)
    choir = Choir(BookedTime(NOW + 3 * HOUR, NOW + 5 * HOUR))
    for calendars in ((choir,), ()):
        city = replace(world.city, calendars=HallBookings(calendars))
        (job,) = (job for job in job_table(city) if job.name == "calendars")
        await job.run(NOW)
    assert world.store.bookings("lodge", NOW) == []


async def test_the_clock_job_reads_the_devices(tmp_path, caplog) -> None:
    world = a_world(tmp_path)
    world.drivers.devices["lodge/plant"] = Clocked(300.0)
    (job,) = [job for job in job_table(world.city) if job.name == "clocks"]
    await job.run(NOW)
    await job.run(NOW)
    assert caplog.text.count("+300 s off") == 1


async def test_a_live_run_listens_and_a_fast_one_does_not(tmp_path) -> None:
    device = Telling()
    world = a_world(tmp_path, sites=(watched_lodge(TEMP),))
    world.drivers.devices["lodge/rooms"] = device
    for job in job_table(world.city):
        if job.name in ("poll", "backfill"):
            await job.run(NOW)
    assert device.watches == 0
    async with asyncio.timeout(20):
        async with working(world.city, pulse_seconds=3600.0):
            await until(lambda: device.tell)
            device.says(20.5)
        assert device.ended == 1
    found = world.city.stores.readings.readings(
        TEMP, NOW.replace(year=2000), NOW.replace(year=2100)
    )
    assert 20.5 in [reading.value for reading in found]


async def test_w14_a_clock_that_is_set_a_year_forward_deletes_nothing(tmp_path) -> None:
    world = a_world(tmp_path)
    store, clock = world.city.stores, VirtualClock(NOW)
    city = replace(world.city, clock=clock, calendar=FileCalendarBook(tmp_path / "calendar.json"))
    (retain,) = [job for job in job_table(city) if job.name == "retain"]
    await retain.run(clock.now())
    store.readings.add_readings([Reading(TEMP, NOW - DAY, 20.0)])
    before = store.retention.erasures(NOW - DAY)
    clock.set_calendar(NOW + 20 * YEAR)
    await retain.run(clock.now())
    assert store.retention.erasures(NOW - DAY) == before
    assert len(store.readings.readings(TEMP, *EVER)) == 1
    for _ in range(7):
        clock.advance(DAY)
        await retain.run(clock.now())
    assert store.readings.readings(TEMP, *EVER) == []


async def test_a_night_puts_forecasts_of_use_on_record_and_they_go_with_the_readings(tmp_path):
    world = a_world(tmp_path)
    store, clock = world.store, VirtualClock(NOW)
    live_in(world)
    city = replace(world.city, clock=clock)
    jobs = {job.name: job for job in job_table(city)}
    await jobs["prediction"].run(clock.now())
    rows = store.use_forecasts("lodge", date.min)
    assert {(row.what, row.zone) for row in rows} == {(Foreseen.OCCUPANCY, None)}
    assert len({row.day for row in rows}) == 28
    old = [replace(row, day=row.day - 91 * DAY) for row in rows]
    store.keep_use_forecasts([*old, *(replace(row, site="gone") for row in old)])
    await jobs["retain"].run(clock.now())
    assert store.use_forecasts("lodge", date.min) == rows
    assert len(store.use_forecasts("gone", date.min)) == len(old)
    await jobs["unnamed"].run(clock.now())
    assert store.use_forecasts("gone", date.min) == []


async def test_w14_a_clock_that_is_set_a_year_forward_forgets_no_name(tmp_path) -> None:
    world = a_world(tmp_path)
    store, clock = world.city.stores, VirtualClock(NOW)
    city = replace(world.city, clock=clock, calendar=FileCalendarBook(tmp_path / "calendar.json"))
    (names,) = [job for job in job_table(city) if job.name == "names"]
    key = KeptKey(id="k1", digest="d1", scope="read", name="hall", created=NOW)
    store.keys.add_key(key, actor="bo")
    await names.run(clock.now())
    clock.set_calendar(NOW + 20 * YEAR)
    await names.run(clock.now())
    assert [entry.actor for entry in store.ledgers.audit(AuditSearch())] == ["bo"]
    for _ in range(7):
        clock.advance(DAY)
        await names.run(clock.now())
    assert [entry.actor for entry in store.ledgers.audit(AuditSearch())] == [""]
