"""Calendars of halls, from files and from a server: what they say is booked within a tick, plans
follow, and nobody's name or title comes in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bms.cli.main import app
from bms.clock import VirtualClock
from bms.errors import ConfigError
from bms.feeds.calendars.halls import hall_calendars
from bms.model.control.booking import Booking, BookingKind
from bms.outgoing.http import HttpxClient
from bms.runtime.municipality import EXAMPLES
from bms.services.collect.calendar_bookings import Changed, HallBookings
from bms.services.occupancy import use_of
from bms.services.planning.problem import assemble
from bms.store.memory.store import MemoryStore
from tests.rigs.fakes.city import QUARTER, lodge
from tests.rigs.fakes.ports import problem_ports
from tests.rigs.feeds.server import FeedServer, Reply

NOW = datetime(2019, 1, 15, 10, 0, tzinfo=UTC)
SITE = lodge()
TITLE = "Choir of Karen Hansen"


def ics(*evenings: str) -> bytes:
    """A calendar with two hours from 18:00 UTC on each day."""
    events = "".join(
        f"BEGIN:VEVENT\r\nUID:{day}\r\nDTSTAMP:20190101T000000Z\r\nSUMMARY:{TITLE}\r\n"
        f"CLASS:PRIVATE\r\nORGANIZER:mailto:karen@example.org\r\n"
        f"DTSTART:201901{day}T180000Z\r\nDTEND:201901{day}T200000Z\r\nEND:VEVENT\r\n"
        for day in evenings
    )
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{events}END:VCALENDAR\r\n".encode()


class Rig:
    """A file of calendars, a server and a store."""

    def __init__(self, server: FeedServer, folder: Path) -> None:
        self.server, self.folder = server, folder
        self.clock, self.store = VirtualClock(NOW), MemoryStore()

    def watch(self, text: str) -> HallBookings:
        file = self.folder / "calendars.yaml"
        file.write_text(text)
        client = HttpxClient(user_agent="bms", timeout_s=2, deadline_s=5)
        return HallBookings(
            hall_calendars(file, {"lodge": SITE}, self.folder / "feeds", self.clock, client)
        )

    def at_server(self, *evenings: str) -> HallBookings:
        self.server.says("/ical", Reply(ics(*evenings)))
        url = f"{self.server.address}/ical/a-secret"
        return self.watch(f'calendars: [{{site: lodge, zone: hall, url: "{url}"}}]')

    def tick(self, watch: HallBookings) -> Changed:
        changed = watch.tick("lodge", self.clock.now(), self.store)
        self.clock.advance(QUARTER)
        return changed

    def booked(self) -> list[Booking]:
        return self.store.bookings("lodge", NOW)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with FeedServer() as server:
        yield Rig(server, tmp_path)


def test_what_a_calendar_says_is_booked_once(rig: Rig) -> None:
    watch = rig.at_server("15", "17")
    assert rig.tick(watch) == Changed(added=2)
    assert rig.tick(watch) == Changed()
    first, _ = rig.booked()
    assert (first.zone, first.kind, first.author) == ("hall", BookingKind.IN_USE, "calendar")
    assert first.start == datetime(2019, 1, 15, 18, tzinfo=UTC)


def test_what_changes_is_changed_and_may_come_back(rig: Rig) -> None:
    watch = rig.at_server("15", "17")
    rig.tick(watch)
    rig.server.says("/ical", Reply(ics("15", "18")))
    assert rig.tick(watch) == Changed(added=1, withdrawn=1)
    rig.server.says("/ical", Reply(ics("15", "17")))
    assert rig.tick(watch) == Changed(added=1, withdrawn=1)
    assert [each.start.day for each in rig.booked()] == [15, 17]


def test_a_calendar_that_is_taken_out_of_the_file_takes_its_bookings_along(rig: Rig) -> None:
    rig.tick(rig.at_server("15", "17"))
    (rig.folder / "gym.ics").write_bytes(ics("18"))
    other = rig.watch("calendars: [{site: lodge, zone: hall, file: gym.ics}]")
    assert rig.tick(other) == Changed(added=1, withdrawn=2)
    assert [each.start.day for each in rig.booked()] == [18]


def test_what_people_have_booked_stands(rig: Rig) -> None:
    own = Booking(
        id="by hand", site="lodge", zone="hall", start=NOW, end=NOW + QUARTER,
        kind=BookingKind.IN_USE, reason="cleaning", author="kari", made_at=NOW,
    )  # fmt: skip
    rig.store.add_booking(own)
    watch = rig.at_server("15")
    rig.tick(watch)
    rig.server.says("/ical", Reply(ics()))
    rig.tick(watch)
    assert rig.store.bookings("lodge", NOW - QUARTER) == [own]


def test_a_plan_is_outdated_by_the_next_tick_and_asks_for_the_hall(rig: Rig) -> None:
    watch = rig.at_server()
    rig.tick(watch)
    evening = 4 * 9  # 19:00 local time is 18:00 UTC

    def in_use() -> bool:
        problem = assemble(
            SITE, now=NOW, horizon=timedelta(hours=24), ports=problem_ports(rig.store)
        )
        return problem.zones[0].occupied[evening - 4]

    assert not in_use()
    rig.server.says("/ical", Reply(ics("15")))
    rig.tick(watch)
    assert in_use()


@pytest.mark.parametrize(
    "wrong",
    [
        Reply(status=404),
        Reply(status=429, headers={"Retry-After": "3600"}),
        Reply(b"<html>Log in</html>"),
        Reply(hang_up=True),
        Reply(ics("15"), cut=40),
    ],
)
def test_a_calendar_that_is_away_keeps_its_bookings_and_the_plan_says_so(
    rig: Rig, wrong: Reply
) -> None:
    watch = rig.at_server("15", "17")
    rig.tick(watch)
    rig.server.says("/ical", wrong)
    for _ in range(8):
        assert rig.tick(watch) == Changed()
    assert watch.notes("lodge", NOW + timedelta(hours=1)) == ()
    (note,) = watch.notes("lodge", NOW + timedelta(hours=3))
    assert note.code == "calendar_away"
    assert len(rig.booked()) == 2
    ports = replace(problem_ports(rig.store), calendars=watch)
    problem = assemble(
        SITE, now=rig.clock.now() + QUARTER, horizon=timedelta(hours=24), ports=ports
    )
    assert "calendar_away" in [each.code for each in problem.notes]


def test_titles_names_and_the_address_are_in_no_file_and_no_booking(rig: Rig) -> None:
    watch = rig.at_server("15")
    rig.tick(watch)
    rig.server.says("/ical", Reply(status=500))
    rig.tick(watch)
    kept = b"".join(
        file.read_bytes() for file in (rig.folder / "feeds").rglob("*") if file.is_file()
    )
    said = json.dumps([repr(each) for each in rig.booked()])
    for word in ("Choir", "Karen", "karen@example.org", "a-secret"):
        assert word.encode() not in kept
        assert word not in said
    assert "a-secret" not in repr(watch)


def test_files_and_addresses_in_files_and_closures(rig: Rig) -> None:
    (rig.folder / "gym.ics").write_bytes(ics("15"))
    rig.server.says("/closed", Reply(ics("17")))
    (rig.folder / "secret").write_text(f"{rig.server.address}/closed\n")
    watch = rig.watch(
        "calendars:\n"
        "  - {site: lodge, zone: hall, file: gym.ics}\n"
        "  - {site: lodge, url_file: secret, kind: closed}\n"
    )
    assert rig.tick(watch) == Changed(added=2)
    assert [(each.zone, each.kind.value) for each in rig.booked()] == [
        ("hall", "in_use"),
        (None, "closed"),
    ]
    use = use_of(SITE, rig.store, NOW, NOW + timedelta(days=3))
    assert any(use.booked(SITE.zones[0], NOW, 900, 96))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("calendars: [{site: lodge, zone: attic, file: a.ics}]", "no lodge/attic"),
        ("calendars: [{site: castle, file: a.ics}]", "no castle"),
        ("calendars: [{site: lodge}]", "give one of"),
        ("calendars: [{site: lodge, file: a.ics, url: 'https://x'}]", "give one of"),
        ("calendars: [{site: lodge, url: 'ftp://x'}]", "url"),
        ("calendars: [{site: lodge, file: a.ics, colour: red}]", "colour"),
        ("calendars: {", ":2: is no YAML"),
    ],
)
def test_a_file_that_is_wrong_is_refused(rig: Rig, text: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        rig.watch(text)


def test_a_file_is_imported_by_hand(tmp_path: Path) -> None:
    start = datetime.now(UTC).replace(hour=18, minute=0, second=0, microsecond=0)
    start += timedelta(days=2)
    end = start + timedelta(hours=2)
    body = ics("15").replace(b"20190115T180000Z", f"{start:%Y%m%dT%H%M%SZ}".encode())
    file = tmp_path / "gym.ics"
    file.write_bytes(body.replace(b"20190115T200000Z", f"{end:%Y%m%dT%H%M%SZ}".encode()))
    env = {"BMS_HOME": str(tmp_path / "home"), "BMS_SITES": str(EXAMPLES), "COLUMNS": "200"}

    def bms(*arguments: str) -> str:
        done = CliRunner().invoke(app, ["occupancy", *arguments], env=env)
        assert done.exit_code == 0, done.output
        return done.output

    asked = ("import", "school", str(file), "--zone", "gym", "--json")
    assert json.loads(bms(*asked)) == {"added": 1, "withdrawn": 0}
    assert json.loads(bms(*asked)) == {"added": 0, "withdrawn": 0}
    (booked,) = json.loads(bms("list", "school", "--json"))
    assert booked["zone"] == "gym"
    assert datetime.fromisoformat(booked["start"]) == start
    file.write_bytes(ics())
    assert json.loads(bms(*asked)) == {"added": 0, "withdrawn": 1}
