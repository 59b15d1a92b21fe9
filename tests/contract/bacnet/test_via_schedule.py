"""Points written through a Schedule object: an exception that ends with its lease in the device."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bms.guard import Guard
from bms.journal import FileJournal
from bms.model.assets.write_rule import Release, ReleaseKind
from bms.model.control.command import (
    Accepted,
    Clamped,
    Failed,
    Overridden,
    Refused,
    Released,
    StillHeld,
)
from bms.model.control.reasons import Holder, ReceiptReason, RefusalReason
from bms.model.fact import fact
from drivers.bacnet.objects.schedule_writer import ScheduleReason
from drivers.registry import NetworkDrivers
from tests.rigs.fakes.safety import lease_of
from tests.rigs.fieldbus.bacnet_responder import error
from tests.rigs.fieldbus.bacnet_scheduling import (
    DAY,
    EXCEPTIONS,
    SCHEDULE,
    WEEKLY,
    exception,
)
from tests.rigs.fieldbus.bacnet_world import LEASE, NOW, SETPOINT, world
from tests.rigs.fieldbus.driver_rigs import rule

OWN, NIGHT = 19.0, 17.0


class TestALeaseInTheDevice:
    async def test_it_acts_at_once_and_ends_by_itself_within_the_minute(self) -> None:
        async with world() as w:
            command = w.command()
            assert await w.driver.write(SETPOINT, command) == Accepted(command, 21.5)
            assert w.responder.effective() == 21.5
            assert w.after(minutes=29, seconds=59) == 21.5
            assert w.after(seconds=61) == OWN

    async def test_a_renewal_takes_the_place_of_the_exception_before(self) -> None:
        async with world() as w:
            await w.driver.write(SETPOINT, w.command(21.5))
            size = len(w.responder.exceptions)
            w.after(minutes=15)
            command = w.command(20.5)
            assert await w.driver.write(SETPOINT, command) == Accepted(command, 20.5)
            assert len(w.responder.exceptions) == size
            assert w.after(minutes=29) == 20.5
            assert w.after(minutes=2) == OWN

    async def test_the_days_after_know_nothing_of_it(self) -> None:
        async with world() as w:
            await w.driver.write(SETPOINT, w.command())
            assert w.after(days=1) == OWN
            assert w.after(days=6) == OWN

    @pytest.mark.parametrize("minutes", [5, 30, 45, 240])
    async def test_midnight_is_no_end(self, minutes: int) -> None:
        start = datetime(2019, 1, 16, 22, 40, tzinfo=UTC)  # 23:40
        async with world(start) as w:
            await w.driver.write(SETPOINT, w.command(lease=timedelta(minutes=minutes)))
            for minute in range(minutes):
                assert w.responder.effective() == 21.5, minute
                w.clock.advance(timedelta(minutes=1))
            assert w.responder.effective() == NIGHT
            assert w.after(hours=23) == NIGHT

    async def test_a_lease_up_to_midnight_leaves_nothing_on_the_next_day(self) -> None:
        async with world(datetime(2019, 1, 16, 22, 30, tzinfo=UTC)) as w:
            await w.driver.write(SETPOINT, w.command())
            assert w.after(minutes=29, seconds=59) == 21.5
            assert w.after(seconds=1) == NIGHT

    async def test_release_takes_it_away_and_nothing_else(self) -> None:
        theirs = exception(NOW + timedelta(days=9), 16.0, 10)
        async with world() as w:
            w.responder.exceptions = theirs
            await w.driver.write(SETPOINT, w.command())
            assert w.responder.exceptions.startswith(theirs)
            assert await w.driver.release(SETPOINT, w.clock.now()) == Released(SETPOINT.id, OWN)
            assert w.responder.exceptions == theirs
            assert w.responder.properties[*SCHEDULE, WEEKLY] == DAY * 7
            assert set(w.responder.writes) == {SCHEDULE}

    async def test_a_release_of_what_is_not_ours_writes_nothing(self) -> None:
        async with world() as w:
            w.responder.exceptions = exception(NOW, 16.0, 10)
            assert await w.driver.release(SETPOINT, w.clock.now()) == Released(SETPOINT.id, 16.0)
            assert w.responder.writes == []

    async def test_a_wish_beyond_the_limits_is_clamped(self) -> None:
        async with world() as w:
            command = w.command(25.0)
            found = await w.driver.write(SETPOINT, command)
            assert found == Clamped(command, 23.0, 23.0, fact(ReceiptReason.AT_MAXIMUM, limit=23.0))
            assert w.responder.effective() == 23.0

    async def test_the_guard_takes_it_away_with_the_journal_alone(self, tmp_path) -> None:
        async with world() as w:
            journal = FileJournal(tmp_path / "release.journal")
            command = w.command()
            journal.intend([lease_of(command, SETPOINT, w.device)])
            await w.driver.write(SETPOINT, command)
            w.clock.advance(LEASE)
            drivers = NetworkDrivers(w.clock)
            try:
                await Guard(journal, drivers, w.clock).step(patience=5)
            finally:
                await drivers.close()
            assert journal.leases() == {}
            assert w.responder.exceptions == b""


class TestPeopleWin:
    async def test_a_hand_above_the_schedule_is_seen_before_anything_is_written(self) -> None:
        async with world() as w:
            w.responder.slots[8] = 18.0
            command = w.command()
            found = await w.driver.write(SETPOINT, command)
            assert found == Overridden(command, 8, 18.0, fact(Holder.OPERATOR))
            assert w.responder.writes == []

    async def test_a_stronger_exception_of_somebody_else_wins(self) -> None:
        async with world() as w:
            w.responder.exceptions = theirs = exception(NOW, 16.0, 10)
            command = w.command()
            found = await w.driver.write(SETPOINT, command)
            assert found == Overridden(
                command, None, 16.0, fact(Holder.SCHEDULE_EXCEPTION, schedule=3)
            )
            await w.driver.release(SETPOINT, w.clock.now())
            assert w.responder.exceptions == theirs

    async def test_a_weaker_exception_is_overlaid_and_comes_back(self) -> None:
        async with world() as w:
            w.responder.exceptions = exception(NOW, 16.0, 14)
            assert isinstance(await w.driver.write(SETPOINT, w.command()), Accepted)
            assert w.after(minutes=32) == 16.0

    async def test_our_priority_in_somebody_elses_hands_is_refused(self) -> None:
        async with world() as w:
            w.responder.exceptions = theirs = exception(NOW, 16.0, 13)
            found = await w.driver.write(SETPOINT, w.command())
            assert isinstance(found, Refused)
            assert found.reason == fact(ScheduleReason.PRIORITY_TAKEN, schedule=3, priority=13)
            await w.driver.release(SETPOINT, w.clock.now())
            assert w.responder.exceptions == theirs

    async def test_an_exception_that_we_cannot_read_stays_octet_for_octet(self) -> None:
        odd = b"\x1c\x01\x80\x00\x05\x2e\xb4\xff\x1e\xff\xff\x75\x05\x00warm\x2f\x39\x09"
        async with world() as w:
            w.responder.in_effect = False
            w.responder.exceptions = odd
            await w.driver.write(SETPOINT, w.command())
            assert w.responder.exceptions[: len(odd)] == odd
            await w.driver.release(SETPOINT, w.clock.now())
            assert w.responder.exceptions == odd


class TestWhatCannotBeTrusted:
    @pytest.mark.parametrize("seconds", [61, -61, 3600])
    async def test_a_clock_that_is_off_refuses_the_write(self, seconds: int) -> None:
        async with world() as w:
            w.responder.ahead = timedelta(seconds=seconds)
            found = await w.driver.write(SETPOINT, w.command())
            assert isinstance(found, Refused)
            assert found.reason.code == ScheduleReason.CLOCK_OFF
            assert found.reason.parameters["drift_s"] == pytest.approx(seconds, abs=0.5)
            assert w.responder.writes == []

    @pytest.mark.parametrize("seconds", [60, -60])
    async def test_a_small_drift_moves_the_end_with_it(self, seconds: int) -> None:
        async with world() as w:
            w.responder.ahead = timedelta(seconds=seconds)
            assert isinstance(await w.driver.write(SETPOINT, w.command()), Accepted)
            assert w.after(minutes=29, seconds=59) == 21.5
            assert w.after(seconds=61) == OWN

    @pytest.mark.parametrize(
        "start",
        [datetime(2019, 3, 31, 0, 40, tzinfo=UTC), datetime(2019, 10, 27, 0, 10, tzinfo=UTC)],
    )
    async def test_about_a_change_of_summer_time_nothing_is_written(self, start: datetime) -> None:
        async with world(start) as w:
            found = await w.driver.write(SETPOINT, w.command())
            assert isinstance(found, Refused)
            assert found.reason == fact(ScheduleReason.CLOCKS_CHANGE)
            assert w.responder.writes == []

    @pytest.mark.parametrize("lease", [timedelta(), timedelta(hours=12, seconds=1)])
    async def test_a_lease_that_is_over_or_too_long_is_refused(self, lease: timedelta) -> None:
        async with world() as w:
            found = await w.driver.write(SETPOINT, w.command(lease=lease))
            assert isinstance(found, Refused)
            assert found.reason == fact(ScheduleReason.LEASE_TOO_LONG, hours=12)

    async def test_an_acknowledged_list_that_was_not_taken_over_is_no_success(self) -> None:
        async with world() as w:
            w.responder.swallows = True
            found = await w.driver.write(SETPOINT, w.command())
            assert isinstance(found, Failed)
            assert found.error == fact(ScheduleReason.READS_BACK, schedule=3)

    async def test_an_exception_that_does_not_act_is_no_success(self) -> None:
        async with world() as w:
            w.responder.in_effect = False
            found = await w.driver.write(SETPOINT, w.command())
            assert isinstance(found, Failed)
            assert found.error.code == ScheduleReason.NOT_IN_EFFECT

    async def test_a_schedule_that_commands_something_else_is_said(self) -> None:
        async with world() as w:
            w.responder.effective = lambda: 18.0  # type: ignore[method-assign]
            found = await w.driver.write(SETPOINT, w.command())
            assert isinstance(found, Failed)
            assert not found.retryable
            assert found.error.code == ScheduleReason.COMMANDS_OTHERS

    async def test_a_release_that_was_not_taken_over_is_still_held(self) -> None:
        async with world() as w:
            await w.driver.write(SETPOINT, w.command())
            w.responder.swallows = True
            found = await w.driver.release(SETPOINT, w.clock.now())
            assert found == StillHeld(SETPOINT.id, fact(ScheduleReason.STILL_STANDS, schedule=3))

    async def test_without_exceptions_or_a_schedule_it_says_so(self) -> None:
        async with world() as w:
            w.responder.in_effect = False
            del w.responder.properties[*SCHEDULE, EXCEPTIONS]
            found = await w.driver.write(SETPOINT, w.command())
            assert isinstance(found, Failed)
            assert "schedule 3 has no exceptions" in str(found.error.parameters["text"])
            held = await w.driver.release(SETPOINT, w.clock.now())
            assert isinstance(held, StillHeld)

    async def test_a_schedule_of_whole_numbers_takes_no_half(self) -> None:
        async with world() as w:
            whole = b"\x0e\xb4\x06\x00\x00\x00\x21\x13\x0f" * 7
            w.responder.properties[*SCHEDULE, WEEKLY] = whole
            w.responder.scheduled = lambda: 19.0  # type: ignore[method-assign]
            w.responder.properties[17, 3, 85] = b"\x21\x13"
            honest = w.responder.value
            w.responder.value = lambda key, index: (  # type: ignore[method-assign]
                b"\x21\x13" if key == (17, 3, 85) else honest(key, index)
            )
            found = await w.driver.write(SETPOINT, w.command(20.5))
            assert isinstance(found, Refused)
            assert found.reason.code == RefusalReason.NOT_ENCODABLE
            assert "whole numbers" in str(found.reason.parameters["text"])

    @pytest.mark.parametrize("code", [40, 32])
    async def test_a_device_that_refuses_the_list_keeps_its_own(self, code: int) -> None:
        async with world() as w:
            w.responder.write = lambda i, p: error(i, 15, 2, code)  # type: ignore[method-assign]
            found = await w.driver.write(SETPOINT, w.command())
            assert isinstance(found, Failed)
            assert w.responder.effective() == OWN

    @pytest.mark.parametrize(
        "octets",
        [b"\x0e", b"\x0e\x0c\x77\x01\x10\x03", exception(NOW, 20.0, 9)[:-2], b"\x2e\x2f", b"\x39"],
    )
    async def test_a_mutilated_list_is_never_written_back(self, octets: bytes) -> None:
        async with world() as w:
            w.responder.in_effect = False
            w.responder.exceptions = octets
            assert isinstance(await w.driver.write(SETPOINT, w.command()), Failed)
            assert isinstance(await w.driver.release(SETPOINT, w.clock.now()), StillHeld)
            assert w.responder.writes == []

    async def test_a_point_whose_way_back_names_no_schedule_is_refused(self) -> None:
        lost = replace(SETPOINT, write=rule(Release(kind=ReleaseKind.SCHEDULE)))
        async with world() as w:
            assert isinstance(await w.driver.write(lost, w.command()), Refused)
            held = await w.driver.release(lost, w.clock.now())
            text = "the way back names no schedule"
            reason = fact(ReceiptReason.NOT_RELEASABLE, text=text)
            assert held == StillHeld(lost.id, reason, retryable=False)
