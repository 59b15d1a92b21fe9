"""Points that are written through a Schedule object instead of their present value.

A write puts an exception into the schedule that ends with the lease, in the device's own time: when
we and the network are gone, the building's own programme is back at that minute. A release takes
the exception away before. The weekly schedule and other people's exceptions are never touched.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta, tzinfo

from bms.errors import DeviceError
from bms.model.assets.point import Point
from bms.model.assets.write_rule import WriteRule
from bms.model.control.command import (
    Command,
    Failed,
    Overridden,
    Receipt,
    Released,
    ReleaseReceipt,
    StillHeld,
)
from bms.model.control.reasons import Holder
from bms.model.fact import MessageCode, fact
from drivers.bacnet.encoding import application_values as values
from drivers.bacnet.objects.device_clock import clocks_change, read_clock
from drivers.bacnet.objects.exception_schedule import (
    Entry,
    ScheduleNow,
    encoded_days,
    entries_of,
    lease_days,
    look_at,
    put_entries,
)
from drivers.bacnet.objects.schedule import ExceptionDay
from drivers.bacnet.session import BacnetSession
from drivers.bacnet.write_target import Target, holder, target_of
from drivers.fieldbus.errors import Refusal
from drivers.fieldbus.receipts import (
    Unwritable,
    failed,
    not_releasable,
    refused,
    still_held,
)
from drivers.fieldbus.write_limits import Fitted, fit, receipt, stands

DRIFT_S = 60.0
LONGEST = timedelta(hours=12)
_TAKES_OVER_TIMEOUTS = 2
_LOOK_AGAIN_S = 0.2


class ScheduleReason(MessageCode):
    """Why a point could not be written or given back through its schedule."""

    LEASE_TOO_LONG = "exception_too_long"
    CLOCKS_CHANGE = "exception_over_clock_change"
    CLOCK_OFF = "exception_clock_off"
    PRIORITY_TAKEN = "exception_priority_taken"
    READS_BACK = "exception_reads_back_otherwise"
    STILL_STANDS = "exception_still_stands"
    COMMANDS_OTHERS = "schedule_commands_others"
    NOT_IN_EFFECT = "schedule_not_in_effect"


class ScheduleWriter:
    """Writes and releases through the schedules of one device, in the local time ``zone``."""

    def __init__(self, session: BacnetSession, zone: tzinfo) -> None:
        self._session = session
        self._zone = zone

    async def write(self, point: Point, command: Command) -> Receipt:
        """Replace our exception in the point's schedule by one that ends with the lease."""
        rule = point.write
        assert rule is not None
        try:
            instance, target = _schedule_of(rule), target_of(point)
            fitted = fit(rule, command.value)
            self._check_lease(command)
            await self._session.identify()
            days = await self._days(command, fitted.value, rule.priority)
            now = await look_at(self._session, instance)
            octets = [entry.octets for entry in _others(now, rule, instance)]
            ours = encoded_days(days, now.datatype)
            above = await self._above(command, target, now)
            if above is not None:
                return above
            after = await put_entries(self._session, instance, [*octets, *ours])
            if not _shows(after, octets, days, rule):
                await self._undo(after, rule, instance)
                return Failed(command, fact(ScheduleReason.READS_BACK, schedule=instance), True)
            return await self._read_back(rule, command, target, fitted)
        except ValueError as error:
            return refused(command, error)
        except DeviceError as error:
            return failed(command, self._session.device.id, error)

    async def _undo(self, after: tuple[Entry, ...], rule: WriteRule, instance: int) -> None:
        """Take away what the device made of ours, while it can be told from theirs: there was
        nothing else at our priority. Without its Null it would last all day, and a release would
        not know it again."""
        theirs = [entry.octets for entry in after if entry.priority != rule.priority]
        if len(theirs) < len(after):
            await put_entries(self._session, instance, theirs)

    async def release(self, point: Point) -> ReleaseReceipt:
        """Take our exception away, and believe only the list that is read back."""
        rule = point.write
        assert rule is not None
        try:
            instance, target = _schedule_of(rule), target_of(point)
            await self._session.identify()
            entries = await entries_of(self._session, instance)
            others = [entry.octets for entry in entries if not entry.is_of(rule.priority)]
            if len(others) < len(entries):
                entries = await put_entries(self._session, instance, others)
            if any(entry.is_of(rule.priority) for entry in entries):
                reason = fact(ScheduleReason.STILL_STANDS, schedule=instance)
                return StillHeld(point.id, reason)
            return Released(point.id, await self._effective(target))
        except ValueError as error:
            return not_releasable(point.id, error)
        except DeviceError as error:
            return still_held(point.id, self._session.device.id, error)

    def _check_lease(self, command: Command) -> None:
        """Raises ``Unwritable`` for a lease that an exception cannot express."""
        now = self._session.clock.now()
        if not timedelta() < command.lease_end - now <= LONGEST:
            hours = LONGEST // timedelta(hours=1)
            raise Unwritable(fact(ScheduleReason.LEASE_TOO_LONG, hours=hours))
        if clocks_change(self._zone, now, command.lease_end):
            raise Unwritable(fact(ScheduleReason.CLOCKS_CHANGE))

    async def _days(
        self, command: Command, value: float, priority: int
    ) -> tuple[ExceptionDay, ...]:
        """The lease in the device's time. Raises ``Unwritable`` when its clock is off."""
        clock = await read_clock(self._session, self._zone)
        if abs(clock.drift_s) > DRIFT_S:
            device = self._session.device.id
            raise Unwritable(fact(ScheduleReason.CLOCK_OFF, device=device, drift_s=clock.drift_s))
        start = clock.local.replace(tzinfo=None)
        end = start + (command.lease_end - self._session.clock.now())
        return lease_days(start, end, value, priority)

    async def _above(self, command: Command, target: Target, now: ScheduleNow) -> Overridden | None:
        """Who commands the point above the schedule, if anybody does."""
        try:
            slots = values.occupied_slots(await self._session.look(target.priority_array))
        except Refusal as error:
            if error.code == "unknown-property":
                return None  # without slots the schedule writes the value itself
            raise
        return holder(command, replace(target, priority=now.commands_at), slots)

    async def _read_back(
        self, rule: WriteRule, command: Command, target: Target, fitted: Fitted
    ) -> Receipt:
        """Whether it acts: schedules are looked at by their device every few seconds."""
        seen = await self._present(target)
        try:
            async with asyncio.timeout(_TAKES_OVER_TIMEOUTS * self._session.device.timeout_s):
                while not stands(rule, fitted.value, seen):
                    await asyncio.sleep(_LOOK_AGAIN_S)
                    seen = await self._present(target)
        except TimeoutError:
            return await self._why_not(rule, command, target, fitted, seen)
        assert seen is not None
        return receipt(command, fitted, seen)

    async def _why_not(
        self, rule: WriteRule, command: Command, target: Target, fitted: Fitted, seen: float | None
    ) -> Receipt:
        instance = _schedule_of(rule)
        now = await look_at(self._session, instance)
        above = await self._above(command, target, now)
        if above is not None:
            return above
        numbers = {"schedule": instance, "shown": now.value, "point": command.point, "seen": seen}
        if stands(rule, fitted.value, now.value):
            return Failed(command, fact(ScheduleReason.COMMANDS_OTHERS, **numbers), False)
        stronger = [e for e in now.others(rule.priority) if e.priority < rule.priority]
        if stronger:
            by = fact(Holder.SCHEDULE_EXCEPTION, schedule=instance)
            return Overridden(command, None, now.value, by)
        return Failed(command, fact(ScheduleReason.NOT_IN_EFFECT, **numbers), True)

    async def _effective(self, target: Target) -> float | None:
        try:
            return await self._present(target)
        except DeviceError:
            return None  # it is given back; what stands now is only news

    async def _present(self, target: Target) -> float | None:
        return values.decoded(await self._session.look(target.present_value)).value


def _schedule_of(rule: WriteRule) -> int:
    instance = rule.release.schedule
    if instance is None:
        raise ValueError("the way back names no schedule")
    return instance


def _others(now: ScheduleNow, rule: WriteRule, instance: int) -> tuple[Entry, ...]:
    """Raises ``Unwritable`` when somebody else uses our priority: the entries could not be told
    apart."""
    others = now.others(rule.priority)
    if any(entry.priority == rule.priority for entry in others):
        raise Unwritable(
            fact(ScheduleReason.PRIORITY_TAKEN, schedule=instance, priority=rule.priority)
        )
    return others


def _shows(
    after: tuple[Entry, ...], others: list[bytes], days: tuple[ExceptionDay, ...], rule: WriteRule
) -> bool:
    """Whether the list is what was written: theirs untouched, ours as meant."""
    ours = [entry for entry in after if entry.is_of(rule.priority)]
    theirs = [entry.octets for entry in after if not entry.is_of(rule.priority)]
    return (
        theirs == others
        and len(ours) == len(days)
        and all(entry.says(day) for entry, day in zip(ours, days, strict=True))
    )
