"""W8 and W14: what runs out, and when: by the calendar and by running time, whichever is later."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bms.clock import VirtualClock
from bms.journal import MemoryJournal
from bms.model.assets.point import Role
from bms.model.assets.site import Site, Zone
from bms.model.assets.timetable import Period, WeekTimetable
from bms.services.local_overrides.people import end_of, follow_people
from bms.store.memory.store import MemoryStore
from tests.rigs.fakes.safety import (
    CONSTANT,
    ENABLE,
    NOW,
    NULL,
    TIMETABLE,
    a_hand,
    hut,
    hut_with_room_at,
)

YEAR = timedelta(days=365)
HOLD = timedelta(hours=24)


class Building:
    """A hut where somebody holds the setpoint register of a room, for 24 h."""

    def __init__(self) -> None:
        self.site = hut_with_room_at(ENABLE)
        self.clock = VirtualClock(NOW)
        self.store, self.journal = MemoryStore(), MemoryJournal()
        self.journal.note([replace(a_hand(ENABLE, 25.0), since=NOW)])

    async def follow(self) -> bool:
        """Whether the local override still stands after a tick has followed it."""
        await follow_people(
            self.site, at=self.clock.reading(), decisions=self.store, journal=self.journal
        )
        return not self.journal.local_overrides()[ENABLE].taken_back


async def test_w08_a_local_override_runs_out() -> None:
    building = Building()
    assert await building.follow()
    building.clock.advance(HOLD - timedelta(minutes=1))
    assert await building.follow()
    building.clock.advance(timedelta(minutes=1))
    assert not await building.follow()


@pytest.mark.parametrize("jump", [timedelta(hours=25), YEAR])
async def test_w14_a_calendar_that_jumps_forward_ends_no_local_override(jump: timedelta) -> None:
    building = Building()
    await building.follow()
    building.clock.set_calendar(NOW + jump)
    assert await building.follow()
    building.clock.advance(HOLD - timedelta(minutes=1))
    assert await building.follow()
    building.clock.advance(timedelta(minutes=1))
    assert not await building.follow()


async def test_w14_a_calendar_that_goes_back_keeps_a_local_override_longer() -> None:
    building = Building()
    await building.follow()
    building.clock.set_calendar(NOW - HOLD)
    building.clock.advance(HOLD)
    assert await building.follow()


async def test_w14_after_a_restart_of_the_computer_a_local_override_ends_by_the_calendar() -> None:
    building = Building()
    await building.follow()
    building.clock.reboot("second")
    building.clock.advance(HOLD - timedelta(minutes=1))
    assert await building.follow()
    building.clock.advance(timedelta(minutes=1))
    assert not await building.follow()


BUILDING_TIME = ZoneInfo("Europe/Copenhagen")
MONDAY = datetime(2019, 1, 14, 9, 0, tzinfo=BUILDING_TIME)


def in_a_room(point: str, role: Role = Role.ZONE_SETPOINT) -> Site:
    """The hut with a room in use on weekdays from 8 to 16."""
    use = WeekTimetable(periods=(Period(frozenset(range(5)), 480, 960, 1.0),))
    room = Zone(id="room", name="Room", area_m2=20.0, occupancy=use, own_setpoint=use)
    points = tuple(replace(p, zone="room", role=role) if p.id == point else p for p in hut().points)
    return replace(hut(), zones=(room,), points=points)


def ends(site: Site, point: str, since: datetime) -> datetime | None:
    return end_of(site, replace(a_hand(point, 3.0), since=since), MemoryStore())


@pytest.mark.parametrize("point", [ENABLE, TIMETABLE, CONSTANT])
@pytest.mark.parametrize(
    ("hour", "until"),
    [
        (9, timedelta(hours=7)),  # at four people leave
        (15, timedelta(hours=17)),  # four o'clock is too near: at eight in the morning
        (17, timedelta(hours=15)),
    ],
)
def test_w08_the_setpoint_register_of_a_room_until_its_use_changes(
    point: str, hour: int, until: timedelta
) -> None:
    since = MONDAY.replace(hour=hour)
    assert ends(in_a_room(point), point, since) == since + until


def test_w08_at_the_latest_after_the_time_of_the_site_file() -> None:
    friday = MONDAY.replace(day=18, hour=17)
    assert ends(in_a_room(ENABLE), ENABLE, friday) == friday + timedelta(hours=24)


@pytest.mark.parametrize(
    "role", [Role.VENTILATION_RUN, Role.HEATING_CURVE_SHIFT, Role.ZONE_VALVE, Role.OTHER]
)
def test_w08_fans_pumps_valves_and_dampers_never_run_out(role: Role) -> None:
    assert ends(in_a_room(TIMETABLE, role), TIMETABLE, MONDAY) is None


def test_w08_a_bacnet_slot_never_runs_out() -> None:
    assert ends(in_a_room(NULL), NULL, MONDAY) is None
