"""Calendar and running time of every clock."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bms.clock import BOOT_ID, NO_BOOT_ID, FileClock, SystemClock, VirtualClock, boot_id
from bms.errors import ConfigError
from bms.model.clock_reading import CALENDAR, Elapsed
from bms.ports.clock import Clock

NOW = datetime(2019, 1, 14, 7, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def ran(clock: Clock, since: Elapsed) -> timedelta:
    gone = clock.elapsed().since(since)
    assert gone is not None
    return gone


class TestSystemClock:
    def test_running_time_is_that_of_the_kernel(self) -> None:
        """So that guard and backend, each in its process, share it."""
        first = time.clock_gettime(time.CLOCK_BOOTTIME)
        read = SystemClock().elapsed()
        assert first <= read.seconds <= time.clock_gettime(time.CLOCK_BOOTTIME)
        assert read.boot == BOOT_ID.read_text().strip()

    def test_where_the_kernel_names_no_boot_all_processes_say_so(self, tmp_path: Path) -> None:
        assert boot_id(tmp_path / "nothing") == NO_BOOT_ID
        (tmp_path / "empty").touch()
        assert boot_id(tmp_path / "empty") == NO_BOOT_ID


class TestVirtualClock:
    def test_running_time_is_what_it_was_moved_forward(self) -> None:
        clock = VirtualClock(NOW)
        start = clock.elapsed()
        clock.advance(HOUR)
        clock.move_to(NOW + 3 * HOUR)
        assert ran(clock, start) == 3 * HOUR

    def test_w14_setting_the_calendar_lets_no_time_go_by(self) -> None:
        clock = VirtualClock(NOW)
        start = clock.elapsed()
        for step in (-HOUR, 5 * HOUR):
            clock.set_calendar(NOW + step)
            assert clock.now() == NOW + step
            assert ran(clock, start) == timedelta(0)

    def test_a_reboot_begins_a_count_that_cannot_be_compared(self) -> None:
        clock = VirtualClock(NOW)
        start = clock.elapsed()
        clock.reboot("second")
        assert clock.elapsed().since(start) is None
        assert clock.now() == NOW


class TestFileClock:
    def test_it_follows_the_file_and_keeps_the_last_time(self, tmp_path: Path) -> None:
        path = tmp_path / "clock.json"
        path.write_text(json.dumps({"time": "2019-01-14T08:00:00+01:00"}))
        clock = FileClock(path)
        assert clock.now() == NOW
        path.write_text("{")
        assert clock.now() == NOW
        path.write_text(json.dumps({"time": "2019-01-14T07:15:00Z"}))
        assert clock.now() == NOW + timedelta(minutes=15)
        path.unlink()
        assert clock.now() == NOW + timedelta(minutes=15)

    def test_processes_share_the_running_time_of_its_owner(self, tmp_path: Path) -> None:
        path = tmp_path / "clock.json"
        say = {"time": NOW.isoformat(), "elapsed": 10.0, "boot": "simulator"}
        path.write_text(json.dumps(say))
        one, two = FileClock(path), FileClock(path)
        assert one.elapsed() == Elapsed("simulator", 10.0)
        path.write_text(json.dumps({**say, "time": (NOW - HOUR).isoformat(), "elapsed": 70.0}))
        assert one.elapsed() == two.elapsed() == Elapsed("simulator", 70.0)
        assert one.now() == NOW - HOUR

    def test_w14_a_calendar_that_is_set_back_takes_no_running_time_back(
        self, tmp_path: Path
    ) -> None:
        path = tmp_path / "clock.json"
        path.write_text(json.dumps({"time": NOW.isoformat()}))
        clock = FileClock(path)
        start = clock.elapsed()
        assert start.boot == CALENDAR
        for minutes, gone in ((15, 15), (-45, 15), (-30, 30), (-90, 30), (0, 120)):
            path.write_text(json.dumps({"time": (NOW + timedelta(minutes=minutes)).isoformat()}))
            assert ran(clock, start) == timedelta(minutes=gone)

    @pytest.mark.parametrize("text", ["", "{}", "[]", '{"time": "2019-01-14T08:00:00"}'])
    def test_without_a_time_there_is_no_clock(self, tmp_path: Path, text: str) -> None:
        path = tmp_path / "clock.json"
        path.write_text(text)
        with pytest.raises(ConfigError, match="clock"):
            FileClock(path)
