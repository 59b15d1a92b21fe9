"""What tells of people is gone everywhere once it is too old: planted in every way in, looked for
in every file and every table of the home (SECURITY.md, M4)."""

from __future__ import annotations

import secrets
import sqlite3
import struct
import zlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from api.app import create_app
from bms.clock import VirtualClock
from bms.config import Settings
from bms.model.access.people import SignInWay
from bms.model.assets.point import Privacy
from bms.model.assets.site import Mode, Site
from bms.model.clock_reading import CALENDAR, Elapsed
from bms.model.control.command import Command
from bms.model.control.lease import Lease
from bms.model.control.retention import KeptClass
from bms.model.readings.measurement import Quality, Reading
from bms.model.work.item import Closing, WorkAct
from bms.runtime.city import City
from bms.runtime.jobs import job_table
from bms.runtime.wire import wire
from bms.services.access.sessions import SignedIn, begin_session
from bms.services.api_keys import create_key
from bms.services.control.person_write import PersonWrite, write_once
from bms.services.guard.launcher import NoGuardNeeded
from bms.services.planning.plan import plan_site
from sites.loader import load_sites
from tests.rigs.fakes.api import NOW, SETPOINT, YearFeed
from tests.rigs.fakes.drivers import FakeDrivers
from tests.rigs.fakes.ledger import a_kept_baseline
from tests.rigs.fakes.store import a_person
from tests.rigs.fakes.trial import a_trial
from tests.rigs.fakes.ventilation import CO2, airy_lodge
from tests.rigs.paths import ROOT
from tests.rigs.work.rows import a_notice, a_work_event, a_work_item

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MARKER = "Zyxwvut-Marker"
PPM = 777.123456789
TRACES = (MARKER.encode(), struct.pack(">d", PPM), struct.pack("<d", PPM), b"777.1234")


def personal_lodge() -> Site:
    site = airy_lodge()
    points = (replace(p, privacy=Privacy.PERSONAL) if p.id == CO2 else p for p in site.points)
    return replace(site, mode=Mode.AUTO, points=tuple(points))


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    (suppliers,) = load_sites(ROOT / "tests" / "cases" / "sites" / "valid_meters")
    drop = tmp_path / "home" / "drop"
    drop.mkdir(parents=True)
    (drop / "csv").mkdir(mode=0o700)
    made = wire(
        Settings(home=tmp_path / "home", drop=drop),
        sites=(personal_lodge(), suppliers),
        clock=VirtualClock(NOW),
        drivers=FakeDrivers(),
        feed=YearFeed(),
    )
    yield replace(made, keeper=NoGuardNeeded())
    made.stores.close()


class Jobs:
    """The jobs of a city, by hand."""

    def __init__(self, city: City) -> None:
        self._clock = city.clock
        self._jobs = {job.name: job for job in job_table(city)}

    async def run(self, *names: str) -> None:
        for name in names:
            await self._jobs[name].run(self._clock.now())

    async def retain(self) -> None:
        """400 days later."""
        assert isinstance(self._clock, VirtualClock)
        self._clock.advance(400 * DAY)
        await self.run("retain", "names", "scrub", "ingest")


@pytest.mark.parametrize("gone", ["point", "building"])
async def test_m4_what_no_site_file_names_any_more_goes_by_its_class(city: City, gone: str) -> None:
    lodge, suppliers = city.sites["lodge"], city.sites["school"]
    co2 = [Reading(CO2, NOW - i * HOUR, PPM, Quality.GOOD) for i in range(50)]
    setpoint = [replace(each, point=SETPOINT, value=20.0) for each in co2]
    city.stores.readings.add_readings([*co2, *setpoint])
    trial = a_trial("lodge", by=MARKER, reason=MARKER, started_at=NOW)
    city.stores.trials.add_trial(trial)
    await Jobs(city).run("retain")
    without = replace(lodge, points=tuple(p for p in lodge.points if p.id not in (CO2, SETPOINT)))
    left = (without, suppliers) if gone == "point" else (suppliers,)
    later = replace(city, sites={site.id: site for site in left})
    assert isinstance(city.clock, VirtualClock)
    city.clock.advance(400 * DAY)
    await Jobs(later).run("retain", "unnamed", "scrub")
    readings = city.stores.readings
    assert readings.readings(CO2, NOW - 3 * DAY, NOW + DAY) == []
    assert len(readings.readings(SETPOINT, NOW - 3 * DAY, NOW + DAY)) == 50, "it is internal"
    assert found(city.settings.home) == set()
    assert city.stores.evidence.verify().flaws == ()


async def test_m4_a_point_that_no_site_file_ever_named_is_personal_a_day_later(
    city: City,
) -> None:
    """A worker with other site files has a day to say what it is."""
    strange, claimed = "elsewhere/co2", "elsewhere/heat"
    readings = [Reading(point, NOW - 200 * DAY, 7.0, Quality.GOOD) for point in (strange, claimed)]
    city.stores.readings.add_readings(readings)
    jobs = Jobs(city)
    await jobs.run("unnamed")
    city.stores.retention.keep_classes({claimed: KeptClass(Privacy.INTERNAL, 1830)})
    await jobs.run("unnamed")
    kept = city.stores.readings.latest([strange, claimed])
    assert set(kept) == {claimed}


def operator(city: City, **changes: object) -> httpx.AsyncClient:
    """A browser of somebody whose name is the marker."""
    asked = {"scope": "operate", "now": NOW, "actor": MARKER, "expires": NOW + DAY, **changes}
    key = create_key(city.stores.keys, name=f"{MARKER} Hansen", **asked)
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(create_app(city.api)),
        base_url="http://localhost",
        headers={"authorization": f"Bearer {key}"},
    )


async def requests(city: City) -> None:
    """Everything that a person can say over the API."""
    async with operator(city) as browser:

        async def post(path: str, **body: object) -> httpx.Response:
            browser.headers["Idempotency-Key"] = secrets.token_hex(8)
            answer = await browser.post(f"/v1{path}", json={**body, "reason": f"for {MARKER}"})
            assert answer.status_code in (200, 201, 202), answer.text
            return answer

        times = {"start": (NOW + HOUR).isoformat(), "end": (NOW + 3 * HOUR).isoformat()}
        await post("/sites/lodge/occupancy", kind="in_use", zone="hall", **times)
        gone = await post("/sites/lodge/occupancy", kind="closed", zone="hall", **times)
        assert (await browser.delete(gone.headers["location"])).status_code == 204
        until = {"until": (NOW + 2 * HOUR).isoformat()}
        await post("/sites/lodge/overrides", point=SETPOINT, **until)
        back = await post("/sites/lodge/overrides", point=None)
        assert (await browser.delete(back.headers["location"])).status_code == 204
        await post("/sites/lodge/mode", mode="advise")
        await post("/release", site="lodge")
        await post("/sites/lodge/mode", mode="observe")
        await post(
            "/sites/lodge/events",
            meter="heat",
            start=(NOW - 9 * DAY).isoformat(),
            end=(NOW - 8 * DAY).isoformat(),
            kind="outage",
            change_kwh=1,
            change_se_kwh=1,
        )
        push = {"meter": "6841234", "time": NOW.isoformat(), "value": MARKER}
        answer = await browser.post("/v1/ingest", json={"readings": [push]})
        assert answer.status_code == 422


def lease(city: City) -> None:
    """A lease of a person that has ended."""
    site = city.site("lodge")
    point = next(p for p in site.points if p.id == SETPOINT)
    command = Command(
        id="c1",
        point=SETPOINT,
        value=20.0,
        issued_at=NOW,
        lease_end=NOW + HOUR,
        reason=MARKER,
        actor=MARKER,
    )
    said = Elapsed(CALENDAR, NOW.timestamp())
    city.journal.intend([Lease(command, point, site.device(point.device), said)])
    city.journal.arrived({SETPOINT: "c1"})
    city.journal.settle({SETPOINT: "c1"})


async def plant(city: City, jobs: Jobs) -> None:
    """A marker in every way in."""
    readings = [Reading(CO2, NOW - i * HOUR, PPM, Quality.GOOD) for i in range(50)]
    note = Reading(CO2, NOW - timedelta(minutes=1), None, Quality.BAD, NOW, MARKER)
    city.stores.readings.add_readings([*readings, note])
    city.stores.readings.add_readings([replace(readings[5], value=PPM + 1)])
    await write_once(
        city.site("lodge"),
        PersonWrite(
            point=SETPOINT, value=20.0, lease=HOUR, actor=MARKER, reason=f"{MARKER} is cold"
        ),
        now=NOW,
        ports=city.control,
    )
    lease(city)
    await requests(city)
    trial = a_trial("lodge", by=MARKER, reason=MARKER, started_at=NOW)
    city.stores.trials.add_trial(trial)
    city.stores.ledgers.keep_baseline(a_kept_baseline("b1", author=MARKER, reason=MARKER, at=NOW))
    await plan_site(city.site("lodge"), now=NOW, ports=city.planning, horizon=12 * HOUR)
    inbox = Path(city.settings.drop or "") / "csv" / "in"
    await jobs.run("ingest")
    for name, content in (
        ("one.csv", f"meter_id,timestamp_utc,kwh\n6841234,2019-01-27T10:00:00Z,{MARKER}\n"),
        ("two.csv", f"{MARKER} lives here"),
    ):
        (inbox / name).write_text(content)
    for _ in range(4):
        await jobs.run("ingest")
    assert list(inbox.iterdir()) == []


async def plant_work(city: City) -> None:
    """The same in the work list, in measures, in notices, and with people who have left since."""
    stores = city.stores
    stores.work.keep_items([a_work_item("w1", opened_at=NOW)])
    for act, more in (
        (WorkAct.ACKNOWLEDGE, {"note": MARKER}),
        (WorkAct.ASSIGN, {"assignee": MARKER}),
        (WorkAct.CLOSE, {"closing": Closing.NOT_A_FAULT, "note": MARKER}),
    ):
        event = a_work_event("w1", act, at=NOW, actor=MARKER, **more)
        stores.work.add_work_event(event)
    stores.work.add_notice(a_notice("n1", at=NOW, recipient=MARKER, address=f"{MARKER}@by.dk"))
    async with operator(city) as browser:
        measure = {"site": "lodge", "what": "new lamps", "start": (NOW - DAY).isoformat()}
        made = await browser.post("/v1/measures", json=measure)
        assert made.status_code == 201, made.text
        body = {"end": NOW.isoformat(), "reason": MARKER}
        ended = await browser.post(f"/v1/measures/{made.json()['id']}/end", json=body)
        assert ended.status_code == 200, ended.text
    person = a_person("u1", name=MARKER, created=NOW, subject=f"https://id {MARKER}")
    stores.people.add_person(person, actor=MARKER)
    who = SignedIn(of="u1", name=MARKER, way=SignInWay.PASSWORD, grants="viewer")
    begin_session(stores.people, who, now=NOW, at=NOW)
    stores.people.revoke_person(MARKER, NOW, actor=MARKER)


async def test_m4_nothing_of_people_who_have_left_is_left_in_what_they_did(city: City) -> None:
    await plant_work(city)
    planted = found(city.settings.home)
    assert {
        *("work_events.actor", "work_events.note", "work_events.assignee", "measures.author"),
        *("measure_ends.actor", "notices.recipient", "notices.address", "people.name"),
        *("sessions.name",),
    } <= planted
    await Jobs(city).retain()
    assert found(city.settings.home) == set()
    assert city.stores.evidence.verify().flaws == ()


def found(home: Path) -> set[str]:
    """Where something of the marker stands: files, and columns of tables."""
    places = {
        str(file.relative_to(home))
        for file in home.rglob("*")
        if file.is_file() and any(trace in file.read_bytes() for trace in TRACES)
    }
    return places | set(_columns(home / "bms.db"))


def _columns(file: Path) -> Iterator[str]:
    database = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    for (table,) in tables:
        rows = database.execute(f"SELECT * FROM {table}")
        names = [column[0] for column in rows.description]
        for row in rows:
            for name, value in zip(names, row, strict=True):
                if value == PPM or any(trace in _bytes(value) for trace in TRACES):
                    yield f"{table}.{name}"
    database.close()


def _bytes(value: object) -> bytes:
    if not isinstance(value, bytes):
        return str(value).encode()
    try:
        return zlib.decompress(value)
    except zlib.error:
        return value


async def test_m4_nothing_that_tells_of_people_is_left_after_a_year(city: City) -> None:
    jobs = Jobs(city)
    await plant(city, jobs)
    home = city.settings.home
    planted = {place.partition("/")[0] for place in found(home)} | found(home)
    assert {
        "audit.actor",
        "repeats",
        "audit.reason",
        "baselines.author",
        "bookings.author",
        "bookings.reason",
        "bookings.removed_by",
        "corrections.new_value",
        "drop/csv/done/one.csv",
        "drop/csv/failed/two.csv",
        "events.reason",
        "keys.name",
        "modes.actor",
        "overrides.removed_by",
        "plans.problem",
        "readings.detail",
        "readings.value",
        "receipts.named",
        "release.journal",
        "release.journal.hands_off",
        "trials.named",
    } - planted <= {"corrections.new_value"}
    assert not {"plans.body", "receipts.body", "trials.body"} & planted
    await jobs.retain()
    assert found(home) == set()
    assert city.stores.evidence.verify().flaws == ()


async def test_m4_what_was_decided_is_still_known(city: City) -> None:
    jobs = Jobs(city)
    await plant(city, jobs)
    await jobs.retain()
    (event,) = city.stores.ledgers.events("lodge")
    assert (event.author, event.reason, event.kwh_adjustment) == ("–", "–", 1.0)
    (kept,) = city.stores.trials.trials("lodge")
    assert (kept.trial.by, kept.trial.arms) == ("", a_trial("lodge").arms)
    (at, receipt), *_ = city.stores.ledgers.receipts("lodge", NOW - DAY)
    assert (at, receipt.command.value, receipt.command.actor) == (NOW, 20.0, "")
    await jobs.run("retain")
    assert city.stores.evidence.verify().flaws == ()


async def test_m4_an_override_that_stands_keeps_who_made_it(city: City) -> None:
    """Whoever takes it back has to know whom to ask; its name goes a year after its end."""
    await requests_one_override(city)
    await Jobs(city).retain()
    (override,) = city.decisions.overrides("lodge", city.clock.now())
    assert override.actor == f"{MARKER} Hansen"


async def requests_one_override(city: City) -> None:
    async with operator(city, actor="bo", expires=None) as browser:
        body = {"point": SETPOINT, "reason": "a test"}
        assert (await browser.post("/v1/sites/lodge/overrides", json=body)).status_code == 201
