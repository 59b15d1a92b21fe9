"""W8 and W14: a local override ends by the calendar and by running time, whichever is later."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bms.clock import VirtualClock
from bms.journal import MemoryJournal
from bms.services.local_overrides.people import follow_people
from bms.store.memory.store import MemoryStore
from tests.rigs.fakes.safety import ENABLE, NOW, a_hand, hut_with_room_at

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
